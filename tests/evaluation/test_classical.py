"""Drift by hand; exponential smoothing and Theta against statsmodels called directly."""

import logging
import math
import warnings
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.exponential_smoothing.ets import ETSModel
from statsmodels.tsa.forecasting.theta import ThetaModel

from forecasting.errors import DataError, ParameterError
from forecasting.evaluation.baselines import BASELINES, baseline, drift
from forecasting.evaluation.classical import ETS, Theta
from forecasting.panel import Panel
from tests.evaluation.conftest import MakePanel

NAN = math.nan


@pytest.fixture
def panel(make_panel: MakePanel) -> Panel:
    """A series with a growing season, above zero, and one without any, around zero."""
    rng = np.random.default_rng(0)
    t = np.arange(72)
    seasonal = (20 + 0.5 * t) * (1 + 0.3 * np.sin(t * np.pi / 6)) * np.exp(rng.normal(0, 0.02, 72))
    return make_panel({"seasonal": seasonal, "noise": rng.normal(0, 1, 60)})


def values_of(panel: Panel, name: str) -> np.ndarray:
    return next(values for one, values in zip(panel.ids, panel, strict=True) if one == name)


def test_drift_and_its_interval_are_what_was_worked_out_by_hand(make_panel: MakePanel) -> None:
    panel = make_panel({"a": [1.0, 4.0, 5.0, 10.0], "late": [NAN, 2.0, NAN, 4.0, 6.0, 5.0, NAN]})

    frame = drift(panel, 2, [80])

    # a: slope 3, changes 3 1 5, sigma sqrt((0 + 4 + 4) / 2); late: slope 3 / 4 from step 2 to 6, changes 2 -1
    assert frame["Drift"].tolist() == [13, 16, 5 + 2 * 0.75, 5 + 3 * 0.75]
    z = NormalDist().inv_cdf(0.9)
    sigma = math.sqrt(1.25**2 + 1.75**2)
    half = [z * 2 * math.sqrt(1 + 1 / 3), z * 2 * math.sqrt(2 * (1 + 2 / 3))]
    half += [z * sigma * math.sqrt(2 * (1 + 2 / 4)), z * sigma * math.sqrt(3 * (1 + 3 / 4))]
    np.testing.assert_allclose(frame["Drift-hi-80"] - frame["Drift"], half)
    np.testing.assert_allclose(frame["Drift"] - frame["Drift-lo-80"], half)


def test_drift_of_too_little_is_refused(make_panel: MakePanel) -> None:
    with pytest.raises(DataError, match="series a: a drift needs two observed values"):
        drift(make_panel({"a": [1.0, NAN]}), 1)
    with pytest.raises(DataError, match="two changes"):
        drift(make_panel({"a": [1.0, 2.0]}), 1, [80])
    with pytest.raises(ParameterError, match="horizon"):
        drift(make_panel({"a": [1.0, 2.0]}), 0)


def test_ets_takes_the_form_with_the_smallest_criterion_and_smooths_later_histories(panel: Panel) -> None:
    known = panel.drop_last(12)
    fitted = ETS(12, [80]).fit(known)

    frame = fitted.predict(horizon=6, data=panel).set_index("unique_id")

    form, parameters = fitted._fitted["seasonal"]
    assert form["seasonal"] == "mul"
    assert "seasonal" not in fitted._fitted["noise"][0]
    model = ETSModel(pd.Series(values_of(known, "seasonal")), initialization_method="heuristic", **form)
    np.testing.assert_allclose(parameters, model.fit(disp=False).params)
    whole = ETSModel(pd.Series(values_of(panel, "seasonal")), initialization_method="heuristic", **form)
    np.testing.assert_allclose(frame.loc["seasonal", "ETS"], whole.smooth(parameters).forecast(6))
    inside = frame["ETS"].between(frame["ETS-lo-80"], frame["ETS-hi-80"])
    assert inside.all()


def test_ets_forecasts_a_season_that_it_was_shown(panel: Panel) -> None:
    truth = values_of(panel, "seasonal")[-12:]
    known = panel.drop_last(12)

    forecast = ETS(12).fit(known).predict(horizon=12, data=known)

    errors = np.abs(forecast["ETS"].to_numpy()[:12] - truth) / truth
    assert errors.mean() < 0.05


def test_ets_intervals_of_simulated_paths_come_out_the_same_every_time(panel: Panel) -> None:
    fitted = ETS(12, [95]).fit(panel)
    pd.testing.assert_frame_equal(fitted.predict(horizon=3, data=panel), fitted.predict(horizon=3, data=panel))


def test_theta_is_that_of_statsmodels(panel: Panel) -> None:
    frame = Theta(12, [80, 95]).fit(panel).predict(horizon=14, data=panel).set_index("unique_id")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in panel.ids:
            model = ThetaModel(pd.Series(values_of(panel, name)), period=12).fit()
            np.testing.assert_allclose(frame.loc[name, "Theta"], model.forecast(14))
            for level in (80, 95):
                ends = model.prediction_intervals(14, alpha=1 - level / 100)
                np.testing.assert_allclose(frame.loc[name, f"Theta-lo-{level}"], ends["lower"])
                np.testing.assert_allclose(frame.loc[name, f"Theta-hi-{level}"], ends["upper"])


@pytest.mark.parametrize("kind", [ETS, Theta])
def test_a_season_that_is_not_seen_twice_does_not_count(kind, make_panel: MakePanel) -> None:
    panel = make_panel({"a": np.random.default_rng(1).random(20)})
    seasonal, plain = (kind(season).fit(panel).predict(horizon=3, data=panel) for season in (11, 1))
    pd.testing.assert_frame_equal(seasonal, plain)


@pytest.mark.parametrize("kind", [ETS, Theta])
def test_holes_are_read_as_straight_lines_and_that_is_logged(
    kind, make_panel: MakePanel, caplog: pytest.LogCaptureFixture
) -> None:
    values = np.random.default_rng(2).random(30)
    holed, line = values.copy(), values.copy()
    holed[[10, 11]] = NAN
    line[[10, 11]] = np.interp([10, 11], [9, 12], values[[9, 12]])

    with caplog.at_level(logging.WARNING):
        frame = kind(1).fit(make_panel({"a": holed})).predict(horizon=2, data=make_panel({"a": holed}))

    assert f"{kind.__name__}: steps without a value were filled by straight lines" in caplog.text
    expected = kind(1).fit(make_panel({"a": line})).predict(horizon=2, data=make_panel({"a": line}))
    pd.testing.assert_frame_equal(frame, expected)
    fitted = Theta(1).fit(make_panel({"a": values}))
    with pytest.raises(DataError, match="series a, time 30: Theta cannot go on"):
        fitted.predict(horizon=2, data=make_panel({"a": [*values[:29], NAN]}))


def test_ets_of_too_little_or_of_another_series_is_refused(make_panel: MakePanel) -> None:
    with pytest.raises(DataError, match="series a: ETS needs 10 steps, and there are 5"):
        ETS(1).fit(make_panel({"a": range(5)}))
    fitted = ETS(1).fit(make_panel({"a": range(20)}))
    with pytest.raises(DataError, match="series b: ETS was not fitted"):
        fitted.predict(horizon=1, data=make_panel({"b": range(20)}))


def test_baselines_by_name_have_the_column_that_is_said(panel: Panel) -> None:
    columns = [list(baseline(name, 12).fit(panel).predict(horizon=1, data=panel))[2] for name in BASELINES]
    assert columns == ["Naive", "SeasonalNaive", "Drift", "ETS", "Theta"]
    with pytest.raises(ParameterError, match="there is no baseline 'mean'"):
        baseline("mean", 12)
