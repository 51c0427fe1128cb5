"""Learned quantiles of a forecaster: coverage, skewness, order, other probabilities, and everything it does besides."""

import copy
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting import SimpleRNNForecaster
from forecasting.errors import DataError
from forecasting.estimators.histories import histories
from forecasting.estimators.trust import NETWORKS_ALONE, Shares
from forecasting.evaluation.quantile_conformal import QuantileConformal
from forecasting.network.spec import NetworkSpec
from forecasting.windows import Windows
from tests.estimators.covered import covered_frame, split
from tests.estimators.made import HORIZON, long_frame, one, tiny, values

SHARES = [0.05, 0.1, 0.9, 0.95]
LEARNED = [0.05, 0.1, 0.5, 0.9, 0.95]


@pytest.fixture(scope="module")
def learned(frame) -> SimpleRNNForecaster:
    """Two members that learned quantiles."""
    return tiny(levels=[80], n_members=2, learned_quantiles=SHARES, combine_naive=False).fit(frame)


@pytest.fixture(scope="module")
def skewed() -> SimpleRNNForecaster:
    """Fitted to noise that falls far above its median and seldom far below it, four steps ahead."""
    alone = {"season_length": 1, "target": "none", "combine_naive": False}
    return tiny(learned_quantiles=[0.1, 0.9], max_steps=200, **alone).fit(noise(0))


def noise(seed: int, length: int = 1500) -> pd.DataFrame:
    values = 10 + np.random.default_rng(seed).exponential(size=length)
    return pd.DataFrame({"unique_id": "a", "ds": np.arange(length), "y": values})


def test_the_opposite_of_each_probability_is_learned_and_the_median():
    data = one(90)
    for asked in ([0.9], [0.1, 0.9], (0.1, 0.5), np.array([0.1])):
        forecaster = tiny(learned_quantiles=asked, max_steps=1).fit(data)
        assert forecaster.learned_quantiles_ == [0.1, 0.5, 0.9]
        assert forecaster._model.spec.loss == "pinball"
    for none in (None, []):
        forecaster = tiny(learned_quantiles=none, max_steps=1).fit(data)
        assert forecaster.learned_quantiles_ == []
        assert forecaster._model.spec == NetworkSpec(8, 4, 4, 4, 1, False, True, True, 4)


def test_intervals_follow_the_shape_of_the_noise_where_those_of_held_out_errors_are_symmetric(skewed):
    forecast = skewed.predict(levels=[80])
    above = forecast["SimpleRNN-hi-80"] - forecast["SimpleRNN"]
    below = forecast["SimpleRNN"] - forecast["SimpleRNN-lo-80"]
    assert (above / below).min() > 1.4
    symmetric = tiny(season_length=1, max_steps=200, target="none").fit(noise(0)).predict(levels=[80])
    middle = (symmetric["SimpleRNN-hi-80"] + symmetric["SimpleRNN-lo-80"]) / 2
    assert middle.tolist() == pytest.approx(symmetric["SimpleRNN"].tolist())


@pytest.mark.parametrize("level", [50, 80, 95])
def test_intervals_cover_what_comes_later_learned_interpolated_and_beyond(skewed, level):
    later = noise(1, 800)
    frames = [skewed.predict(levels=[level], data=later[:end]) for end in range(200, 796, 4)]
    forecast = pd.concat(frames).merge(later, on=["unique_id", "ds"])
    inside = forecast["y"].between(forecast[f"SimpleRNN-lo-{level}"], forecast[f"SimpleRNN-hi-{level}"])
    assert 100 * inside.mean() == pytest.approx(level, abs=4)


def windows_of(forecaster: SimpleRNNForecaster, data: pd.DataFrame | pd.Series) -> Windows:
    return histories(forecaster, data, HORIZON, None)[2]


def test_before_the_first_step_quantiles_are_those_of_the_errors_of_the_linear_start():
    """With a learning rate of next to nothing, 80 % of the windows lie between them at every step, uncorrected."""
    data = long_frame((150, 120, 140))
    forecaster = tiny(learned_quantiles=[0.1, 0.9], learning_rate=1e-12, combine_naive=False, refit=False).fit(data)
    windows = windows_of(forecaster, data)
    cuts = windows.cuts(HORIZON, least_history=8, held_out=30)
    cuts = cuts.take(np.arange(len(cuts)))
    batch = windows.gather(cuts)
    point, spread = forecaster._model.forecast_and_spread(batch.reading)
    errors = windows.targets(cuts, batch, HORIZON) - point
    np.testing.assert_allclose(spread, np.tile(spread[:1], (len(spread), 1, 1)), rtol=1e-5)
    assert 100 * (errors < spread[:, 0]).mean(axis=0) == pytest.approx(10, abs=4)
    assert 100 * (errors > spread[:, 2]).mean(axis=0) == pytest.approx(10, abs=4)


def test_quantiles_are_the_ends_of_the_intervals_and_the_forecast(learned):
    forecast = learned.predict(levels=[80, 90], quantiles=[0.05, 0.1, 0.5, 0.9, 0.95])
    for share, same in ((0.05, "lo-90"), (0.1, "lo-80"), (0.9, "hi-80"), (0.95, "hi-90")):
        assert forecast[f"SimpleRNN-q-{share}"].tolist() == pytest.approx(forecast[f"SimpleRNN-{same}"].tolist())
    assert forecast["SimpleRNN-q-0.5"].tolist() == forecast["SimpleRNN"].tolist()


@settings(max_examples=30)
@given(st.lists(st.floats(0.03, 0.97), min_size=2, max_size=6, unique=True), st.integers(1, 9))
def test_quantiles_never_cross(learned, shares, horizon):
    shares = sorted([*shares, *({0.05, 0.1, 0.5, 0.9, 0.95} - set(shares))])
    forecast = learned.predict(horizon, levels=[], quantiles=shares)
    assert (np.diff(forecast.iloc[:, 3:].to_numpy(), axis=1) >= 0).all()


def test_other_probabilities_than_the_learned_ones_are_told(learned, caplog):
    learned.predict(levels=[80, 90], quantiles=[0.05, 0.5, 0.9])
    assert not caplog.messages
    learned.predict(levels=[80, 95], quantiles=[0.3])
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("the probabilities of the levels 95, 40 were not learned, but 0.05, 0.1, 0.5")


def test_probabilities_that_held_out_windows_cannot_bear_are_refused_before_the_training(frame):
    with pytest.raises(DataError, match=r"99.8 % interval needs the errors of at least 499 held-out forecasts"):
        tiny(learned_quantiles=[0.001]).fit(frame)


def test_the_share_of_the_anchor_moves_quantiles_with_the_forecast_and_leaves_their_spread(learned):
    windows = windows_of(learned, one(60))
    reading = windows.gather(windows.end_cuts()).reading
    alone, naive = (replace(learned._model, shares=shares) for shares in (NETWORKS_ALONE, Shares(1.0, 0.0, 0.0)))
    (point, spread), (anchor, same) = (model.forecast_and_spread(reading) for model in (alone, naive))
    assert spread.tolist() == same.tolist()
    assert anchor.tolist() == (reading["window"] @ learned._model.anchor_kernel).tolist()
    assert not np.allclose(anchor, point)


def test_a_saved_forecaster_gives_the_same_quantiles(learned, tmp_path):
    learned.save(tmp_path / "model")
    loaded = SimpleRNNForecaster.load(tmp_path / "model")
    assert loaded.learned_quantiles_ == LEARNED
    assert loaded._model.spec == learned._model.spec
    assert isinstance(loaded._model.conformal, QuantileConformal)
    given = {"levels": [60, 80, 98], "quantiles": [0.05, 0.4], "horizon": 6}
    pd.testing.assert_frame_equal(loaded.predict(**given), learned.predict(**given))
    pd.testing.assert_frame_equal(loaded.predict_paths(5, random_state=0), learned.predict_paths(5, random_state=0))
    assert len(loaded.partial_fit().predict()) == 3 * HORIZON


def test_a_forecaster_that_was_stored_before_there_were_quantiles_is_read(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    file = tmp_path / "model" / "forecaster.json"
    text = json.loads(file.read_text())
    del text["network"]["quantiles"], text["parameters"]["learned_quantiles"]
    file.write_text(json.dumps(text))
    loaded = SimpleRNNForecaster.load(tmp_path / "model")
    assert loaded.learned_quantiles_ == []
    pd.testing.assert_frame_equal(loaded.predict(), fitted.predict())


def test_updating_and_streaming_give_what_the_whole_history_gives(learned, frame):
    known = frame[frame["unique_id"] == "a"]
    forecaster = tiny(levels=[80], learned_quantiles=SHARES).fit(known[:50])
    stream = forecaster.stream()
    for value in known["y"][50:]:
        stream.observe(value)
    asked = {"levels": [80], "quantiles": [0.05, 0.3]}
    whole = forecaster.predict(data=known, **asked)
    np.testing.assert_allclose(values(forecaster.update(known[50:]).predict(**asked)), values(whole), rtol=1e-6)
    np.testing.assert_allclose(values(stream.predict(**asked)), values(whole), rtol=1e-6)


def test_training_on_calibrates_every_pair_on_what_came_since(frame):
    known = frame.groupby("unique_id").head(40)
    first = tiny(learned_quantiles=SHARES).fit(known)
    forecaster = copy.deepcopy(first).partial_fit(frame.drop(known.index))
    for pair, before in zip(forecaster._model.conformal.pairs, first._model.conformal.pairs, strict=True):
        added = (20 + 8 + 14) - 3 * (HORIZON - 1)
        assert len(pair.conformal.errors) == len(before.conformal.errors) + added
        assert pair.conformal.errors[:-added].tolist() == before.conformal.errors.tolist()
    assert forecaster.history_[-1]["stage"] == 1 + first.history_[-1]["stage"]


@pytest.mark.parametrize("horizon", [3, 4, 7])
def test_each_step_of_the_paths_has_the_quantiles_of_predict(learned, horizon):
    paths = learned.predict_paths(4000, horizon, random_state=0)["SimpleRNN"].to_numpy().reshape(3, 4000, horizon)
    shares = [0.05, 0.1, 0.3, 0.5, 0.8, 0.9, 0.95]
    quantiles = learned.predict(horizon, quantiles=shares)
    for share in shares:
        told = quantiles[f"SimpleRNN-q-{share}"].to_numpy().reshape(3, 1, horizon)
        below, up_to = ((paths < told + side * 1e-6).mean(axis=1) for side in (-1, 1))  # paths may lie right on it
        assert (below <= share + 0.025).all()
        assert (up_to >= share - 0.025).all()


def test_covariates_gaps_logarithms_and_a_network_without_a_skip_go_together_with_quantiles():
    data, ahead = split(covered_frame(), HORIZON)
    forecaster = tiny(
        learned_quantiles=[0.1, 0.9], future_covariates=["heat"], linear_skip=False, target="log", gaps="mask"
    ).fit(data.drop(index=[20, 21]))
    forecast = forecaster.predict(levels=[80], future=ahead)
    assert (forecast["SimpleRNN-lo-80"] < forecast["SimpleRNN"]).all()
    assert (forecast["SimpleRNN"] < forecast["SimpleRNN-hi-80"]).all()
    assert (forecast["SimpleRNN-lo-80"] > 0).all()


def test_what_was_fitted_is_told_by_stage_for_the_audit(learned):
    told = learned.fitted_stages()
    assert "weights of spread.kernel" in told["network"]
    assert {"conformal levels", "conformal 0/errors", "conformal 1/errors"} <= told["trust and calibration"].keys()
