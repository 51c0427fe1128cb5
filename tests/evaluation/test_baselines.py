"""The naive forecasts against a slow loop and against numbers worked out by hand."""

import math
from statistics import NormalDist

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.errors import DataError, ParameterError
from forecasting.evaluation.baselines import naive, seasonal_naive
from forecasting.panel.frequency import Frequency
from forecasting.panel.panel import Panel
from tests.evaluation.conftest import MakePanel

NAN = math.nan


def slow_seasonal_naive(values: list[float], horizon: int, season: int, level: float) -> list[tuple[float, ...]]:
    """One series, one step after the other, as the textbook says it."""
    errors = [values[t] - values[t - season] for t in range(season, len(values))]
    errors = [error for error in errors if not math.isnan(error)]
    sigma = math.sqrt(sum(error**2 for error in errors) / len(errors))
    rows = []
    for step in range(1, horizon + 1):
        place, seasons = len(values) - 1 + step - season, 1
        while place >= len(values) or math.isnan(values[place]):
            place, seasons = place - season, seasons + 1
        half = NormalDist().inv_cdf(0.5 + level / 200) * sigma * math.sqrt(seasons)
        rows.append((values[place], values[place] - half, values[place] + half))
    return rows


@given(
    data=st.data(),
    season=st.integers(1, 5),
    horizon=st.integers(1, 13),
    level=st.sampled_from([50, 80, 95]),
    n_series=st.integers(1, 4),
)
def test_seasonal_naive_equals_the_slow_loop_on_ragged_panels_with_holes(
    data, season, horizon, level, n_series
) -> None:
    numbers = st.floats(-1e6, 1e6)
    series = []
    for _ in range(n_series):
        # a whole season and one step are observed, holes come anywhere after that
        first = data.draw(hnp.arrays(np.float64, season + 1, elements=numbers))
        rest = data.draw(hnp.arrays(np.float64, st.integers(0, 12), elements=numbers | st.just(NAN)))
        series.append(np.concatenate([first, rest]))
    indptr = np.concatenate([[0], np.cumsum([len(values) for values in series])])
    times = np.concatenate([np.arange(len(values)) for values in series])
    ids = np.array([f"s{i}" for i in range(n_series)], dtype=object)
    panel = Panel(np.concatenate(series), times, indptr, ids, Frequency.parse(1))

    frame = seasonal_naive(panel, horizon, season, [level])

    expected = [row for values in series for row in slow_seasonal_naive(values.tolist(), horizon, season, level)]
    columns = ["SeasonalNaive", f"SeasonalNaive-lo-{level}", f"SeasonalNaive-hi-{level}"]
    np.testing.assert_allclose(frame[columns], expected, rtol=1e-9, atol=1e-6)
    assert frame["unique_id"].tolist() == np.repeat(ids, horizon).tolist()
    assert frame["ds"].tolist() == [len(values) + step for values in series for step in range(horizon)]


def test_a_missing_value_in_the_last_season_is_replaced_by_the_phase_before_it(make_panel: MakePanel) -> None:
    panel = make_panel({"a": [1, 2, 3, 11, 12, NAN]})

    assert seasonal_naive(panel, 4, 3)["SeasonalNaive"].tolist() == [11, 12, 3, 11]


def test_intervals_widen_with_the_root_of_the_seasons_ahead(make_panel: MakePanel) -> None:
    panel = make_panel({"a": [0, 0, 3, 4, 6, 8]})  # differences 3 4 3 4: sigma = sqrt(12.5)

    frame = seasonal_naive(panel, 5, 2, [80])

    half = 1.2815515655446004 * math.sqrt(12.5) * np.sqrt([1, 1, 2, 2, 3])
    np.testing.assert_allclose(frame["SeasonalNaive-hi-80"] - frame["SeasonalNaive"], half)
    np.testing.assert_allclose(frame["SeasonalNaive"] - frame["SeasonalNaive-lo-80"], half)


def test_naive_repeats_the_last_observed_value_under_its_own_name(make_panel: MakePanel) -> None:
    frame = naive(make_panel({"a": [1, 2, 5, NAN], "b": [7, 6]}), 2, [95])

    assert list(frame.columns) == ["unique_id", "ds", "Naive", "Naive-lo-95", "Naive-hi-95"]
    assert frame["Naive"].tolist() == [5, 5, 6, 6]
    # the last value of "a" is one step old already: sigma^2 = (1 + 9) / 2, two and three steps ahead
    half = NormalDist().inv_cdf(0.975) * np.sqrt([5 * 2, 5 * 3, 1, 2])
    np.testing.assert_allclose(frame["Naive-hi-95"] - frame["Naive"], half)


def test_future_stamps_follow_the_frequency_of_the_panel(make_panel: MakePanel) -> None:
    frame = seasonal_naive(make_panel({"a": [1, 2, 3]}, frequency="MS", start="2024-01-01"), 2, 1)

    assert [str(stamp.date()) for stamp in frame["ds"]] == ["2024-04-01", "2024-05-01"]


def test_a_phase_that_was_never_observed_is_refused_with_its_series(make_panel: MakePanel) -> None:
    panel = make_panel({"a": [1, 2, 3, 4, 5], "b": [1, NAN, 3, 4, NAN]})

    with pytest.raises(DataError, match=r"series b: a season of 3 steps .* 1 of its steps were never observed"):
        seasonal_naive(panel, 3, 3)


def test_a_single_season_gives_a_forecast_but_no_interval(make_panel: MakePanel) -> None:
    panel = make_panel({"a": [1, 2, 3, 4], "b": [1, 2, 3]})

    assert seasonal_naive(panel, 1, 3)["SeasonalNaive"].tolist() == [2, 1]
    with pytest.raises(DataError, match="series b: an interval needs two observed values 3 steps apart"):
        seasonal_naive(panel, 1, 3, [80])


@pytest.mark.parametrize(
    ("horizon", "season", "levels", "name"),
    [(0, 1, (), "horizon"), (1, 0, (), "season_length"), (1, 1, (100,), "levels"), (1, 1, (0,), "levels")],
)
def test_parameters_out_of_range_are_refused_by_name(make_panel: MakePanel, horizon, season, levels, name) -> None:
    with pytest.raises(ParameterError, match=name):
        seasonal_naive(make_panel({"a": [1, 2, 3]}), horizon, season, levels)
