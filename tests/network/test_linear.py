"""Where the linear skip begins: naive forecasts as matrices, and the ridge regression of what they leave."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from forecasting.network import linear
from forecasting.network.training import HeldOut
from forecasting.panel import Frequency, Panel
from forecasting.scaling import part_of
from forecasting.targets import Target
from forecasting.windows import Channels, Windows
from tests.network.textbook import held_out_of

HORIZON, SEASON, LOOKBACK = 6, 4, 8
TARGETS = ["none", "log", "difference", "log_return"]


def windows_of(
    name: str, *, holes: bool = False, season_length: int = SEASON, noise: float = 1.0, swing: float = 5.0
) -> Windows:
    """Two seasonal series above zero, of different lengths, under a target."""
    rng = np.random.default_rng(0)
    lengths = [60, 45]
    values = np.concatenate(
        [20 + swing * np.sin(np.arange(n) * np.pi / 2) + 0.1 * np.arange(n) + noise * rng.random(n) for n in lengths]
    )
    if holes:
        values[[7, 8, 30, 70]] = np.nan
    panel = Panel(
        values,
        np.concatenate([np.arange(n) for n in lengths]),
        np.array([0, 60, 105]),
        np.array(["a", "b"], dtype=object),
        Frequency.parse(1),
    )
    target = Target.parse(name)
    return Windows(target.path(panel), panel.indptr, LOOKBACK, season_length, lag=target.lag(season_length))


def behind(windows: Windows, cuts) -> HeldOut:
    batch = windows.gather(cuts)
    return held_out_of(batch, windows.targets(cuts, batch, HORIZON))


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("name", [*TARGETS, "seasonal_difference"])
def test_the_seasonal_naive_forecast_is_a_matrix(name, holes):
    windows = windows_of(name, holes=holes)
    cuts = windows.cuts(HORIZON, least_history=SEASON + 1)  # padded windows as well
    batch = windows.gather(cuts)
    kernel = linear.anchor_kernel("seasonal_naive", windows, HORIZON)
    found = batch.path(batch.inputs.astype(float) @ kernel)
    assert found == pytest.approx(windows.seasonal_naive(cuts, HORIZON), rel=1e-5)


@pytest.mark.parametrize("name", TARGETS)
def test_the_last_value_is_a_matrix_of_zeros(name):
    windows = windows_of(name)
    cuts = windows.cuts(HORIZON, least_history=1)
    batch = windows.gather(cuts)
    found = batch.path(batch.inputs @ linear.anchor_kernel("naive", windows, HORIZON))
    assert found == pytest.approx(np.repeat(windows.path[cuts.row - 1][:, None], HORIZON, axis=1))


def test_a_season_as_long_as_the_look_back_still_has_its_matrix():
    windows = windows_of("difference", season_length=LOOKBACK)
    cuts = windows.cuts(HORIZON, least_history=LOOKBACK + 1)
    batch = windows.gather(cuts)
    kernel = linear.anchor_kernel("seasonal_naive", windows, HORIZON)
    assert batch.path(batch.inputs @ kernel) == pytest.approx(windows.seasonal_naive(cuts, HORIZON), rel=1e-5)


@pytest.mark.parametrize("name", ["none", "log_return"])
def test_the_naive_forecast_that_is_better_at_the_cuts_and_held_out_together_is_chosen(name):
    windows = windows_of(name, noise=0.01)
    cuts = windows.cuts(HORIZON, least_history=LOOKBACK + 1)
    none, rng = cuts.take(np.arange(0)), np.random.default_rng(0)
    held_out = behind(windows, cuts)
    level = replace(held_out, target=np.zeros_like(held_out.target))
    chosen, kernel = linear.best_anchor(windows, none, HORIZON, rng, held_out)
    assert chosen == "seasonal_naive"
    assert kernel.tolist() == linear.anchor_kernel("seasonal_naive", windows, HORIZON).tolist()
    assert linear.best_anchor(windows, none, HORIZON, rng, level)[0] == "naive"
    few = replace(level, reading=part_of(level.reading, slice(2)), target=level.target[:2])
    assert linear.best_anchor(windows, cuts, HORIZON, rng, few)[0] == "seasonal_naive"


def test_seasonal_differences_are_anchored_at_the_season_before():
    windows = windows_of("seasonal_difference", noise=0.01, swing=0.0)  # the last value alone would be nearer
    cuts = windows.cuts(HORIZON, least_history=LOOKBACK + 1)
    chosen, kernel = linear.best_anchor(windows, cuts, HORIZON, np.random.default_rng(0), behind(windows, cuts))
    assert (chosen, kernel.any()) == ("seasonal_naive", False)


@pytest.mark.parametrize("season_length", [1, LOOKBACK + 1])
def test_without_a_season_in_the_window_there_is_only_the_last_value(season_length):
    windows = windows_of("none", season_length=season_length)
    cuts = windows.cuts(HORIZON, least_history=1)
    chosen, _ = linear.best_anchor(windows, cuts, HORIZON, np.random.default_rng(0), behind(windows, cuts))
    assert chosen == "naive"


def window_weights(errors: np.ndarray) -> np.ndarray:
    """One over the mean absolute error of each window, where it is not below a fifth of the median of these."""
    size = np.abs(errors).mean(axis=1)
    return 1 / np.maximum(size, 0.2 * np.median(size))


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("anchor", linear.ANCHORS)
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_the_kernels_are_ridge_regressions_of_what_the_anchor_leaves(weighted, anchor, holes):
    windows = windows_of("none", holes=holes, noise=3.0, swing=0.3)
    cuts = windows.cuts(HORIZON, least_history=LOOKBACK)
    base = linear.anchor_kernel(anchor, windows, HORIZON)
    regression = linear.Regression(windows, cuts, base, HORIZON, np.random.default_rng(0))
    if weighted:
        regression.reweight(base)
    kernels = regression.kernels()
    batch = windows.gather(cuts)
    target = windows.targets(cuts, batch, HORIZON)
    complete = ~np.isnan(target).any(axis=1)
    assert complete.all() != holes
    assert np.nanmax(np.abs(target)) <= 10  # larger ones would be cut off
    inputs = batch.inputs[complete].astype(float)
    left = target[complete] - inputs @ base
    weight = window_weights(left) if weighted else np.ones(len(left))
    variance = np.trace((inputs.T * weight) @ inputs) / weight.sum() / LOOKBACK
    assert set(kernels) == set(linear.PENALTIES)
    for penalty, kernel in kernels.items():
        ridge = Ridge(alpha=penalty * variance * weight.sum(), fit_intercept=False)
        assert kernel - base == pytest.approx(ridge.fit(inputs, left, sample_weight=weight).coef_.T, abs=1e-6)
    size = [np.abs(kernels[penalty] - base).sum() for penalty in sorted(kernels)]
    assert size == sorted(size, reverse=True)


def test_one_wild_window_pulls_the_regression_no_further_than_the_largest_target():
    kernels = []
    for jump in (1e4, 1e8):
        path = np.sin(np.arange(40.0))
        path[-1] = jump
        windows = Windows(path, np.array([0, 40]), LOOKBACK, 1)
        cuts = windows.cuts(1, least_history=LOOKBACK)
        base = np.zeros((LOOKBACK, 1))
        kernels.append(linear.Regression(windows, cuts, base, 1, np.random.default_rng(0)).kernels())
    for penalty in linear.PENALTIES:
        assert kernels[0][penalty] == pytest.approx(kernels[1][penalty])


def test_of_very_many_windows_a_random_part_is_regressed_on(monkeypatch):
    windows = windows_of("none")
    cuts = windows.cuts(HORIZON, least_history=LOOKBACK)
    base, penalty = np.zeros((LOOKBACK, HORIZON)), linear.PENALTIES[0]

    def kernel(seed: int) -> np.ndarray:
        return linear.Regression(windows, cuts, base, HORIZON, np.random.default_rng(seed)).kernels()[penalty]

    assert kernel(0) == pytest.approx(kernel(1))
    monkeypatch.setattr(linear, "MOST_WINDOWS", 20)
    assert kernel(0) == pytest.approx(kernel(0))
    assert np.abs(kernel(0) - kernel(1)).max() > 1e-3


def test_without_any_complete_target_the_anchor_is_left_as_it_is():
    path = np.array([1.0, 2, 4, np.nan, 5, np.nan, 7, np.nan, 9])
    windows = Windows(path, np.array([0, 9]), 2, 1)
    cuts = windows.cuts(2, least_history=2)
    base = np.full((2, 2), 0.5)
    regression = linear.Regression(windows, cuts, base, 2, np.random.default_rng(0))
    for _ in range(2):
        assert all(kernel.tolist() == base.tolist() for kernel in regression.kernels().values())
        regression.reweight(base)


def test_windows_that_a_kernel_forecasts_exactly_do_not_take_all_the_weight():
    """A line, of which most windows are forecast without an error: the median error is zero, and all count alike."""
    path = np.arange(40.0)
    path[-1] = 30.0
    windows = Windows(path, np.array([0, 40]), 4, 1)
    cuts = windows.cuts(1, least_history=4)
    regression = linear.Regression(windows, cuts, np.zeros((4, 1)), 1, np.random.default_rng(0))
    before = regression.kernels()
    exact = np.array([[-1.0], [0.0], [0.0], [0.0]]) / 3  # three steps back, the line lay three steps lower
    regression.reweight(exact)
    for penalty, kernel in regression.kernels().items():
        assert kernel.tolist() == before[penalty].tolist()


def best_kernel(windows: Windows, anchor: np.ndarray, held_out: HeldOut) -> tuple[float | None, np.ndarray]:
    cuts = windows.cuts(HORIZON, least_history=LOOKBACK)
    return linear.best_kernel(windows, cuts, anchor, HORIZON, np.random.default_rng(0), held_out)


def test_the_best_kernel_has_the_lowest_held_out_error_of_its_round_and_each_round_weights_by_the_one_before():
    windows = windows_of("none", noise=3.0, swing=0.3)
    cuts = windows.cuts(HORIZON, least_history=LOOKBACK)
    held_out, kernel = behind(windows, cuts), np.zeros((LOOKBACK, HORIZON))
    anchor, penalty = kernel, None
    left = held_out.target.astype(float)
    inputs = held_out.reading["window"].astype(float)
    for _ in range(4):
        weight = window_weights(left - inputs @ kernel)
        variance = np.trace((inputs.T * weight) @ inputs) / weight.sum() / LOOKBACK
        fits = {
            penalty: Ridge(alpha=penalty * variance * weight.sum(), fit_intercept=False)
            .fit(inputs, left, sample_weight=weight)
            .coef_.T
            for penalty in linear.PENALTIES
        }
        penalty = min(fits, key=lambda choice: np.abs(left - inputs @ fits[choice]).mean())
        kernel = fits[penalty]
    found = best_kernel(windows, anchor, held_out)
    assert found[0] == penalty
    assert found[1] == pytest.approx(kernel, abs=1e-5)
    plain = Ridge(alpha=0, fit_intercept=False).fit(inputs, left).coef_.T
    assert held_out.error(inputs @ found[1]) < held_out.error(inputs @ plain)  # what the weights are for


def test_where_the_anchor_is_better_on_the_held_out_windows_it_is_the_best_kernel():
    windows = windows_of("none", noise=3.0)
    anchor = linear.anchor_kernel("seasonal_naive", windows, HORIZON)
    inputs = np.random.default_rng(1).normal(size=(30, LOOKBACK)).astype(np.float32)
    held_out = HeldOut({"window": inputs}, inputs @ anchor.astype(np.float32), independent=30.0)
    penalty, kernel = best_kernel(windows, anchor, held_out)
    assert penalty is None
    assert kernel is anchor


def test_the_linear_start_is_the_better_naive_forecast_and_the_best_kernel_from_there():
    windows = windows_of("none", noise=1.0)
    cuts = windows.cuts(HORIZON, least_history=LOOKBACK)
    held_out = behind(windows, cuts)
    start = linear.best_start(windows, cuts, HORIZON, np.random.default_rng(0), held_out)
    assert start.anchor == "seasonal_naive"
    assert start.anchor_kernel.tolist() == linear.anchor_kernel("seasonal_naive", windows, HORIZON).tolist()
    penalty, kernel = best_kernel(windows, start.anchor_kernel, held_out)
    assert start.penalty == penalty
    assert start.kernel == pytest.approx(kernel)


def with_covariate(path: np.ndarray, covariate: np.ndarray) -> Windows:
    """One series with a covariate that is known ahead."""
    none = np.zeros((len(path), 0), dtype=np.float32)
    ahead = covariate.astype(np.float32)[:, None]
    channels = Channels(none, ahead, np.array([0]), np.zeros((1, 0), dtype=np.float32), horizon=HORIZON)
    return Windows(path, np.array([0, len(path)]), LOOKBACK, SEASON, channels=channels)


def start_with(windows: Windows) -> tuple[linear.LinearStart, HeldOut]:
    cuts = windows.cuts(HORIZON, least_history=LOOKBACK, held_out=60)
    held_out = behind(windows, windows.held_out_cuts(HORIZON, least_history=LOOKBACK, held_out=np.array([60])))
    return linear.best_start(windows, cuts, HORIZON, np.random.default_rng(0), held_out, 2), held_out


def test_a_covariate_that_decides_what_comes_next_is_part_of_the_linear_start():
    rng = np.random.default_rng(0)
    covariate = rng.normal(size=400)
    start, held_out = start_with(with_covariate(3 * covariate + 0.1 * rng.normal(size=400), covariate))
    assert start.kernel.shape == (LOOKBACK + 2 + HORIZON, HORIZON)
    assert start.anchor_kernel.shape == (LOOKBACK, HORIZON)
    anchor = held_out.error(held_out.reading["window"] @ start.anchor_kernel)
    assert held_out.error(start.forecast(held_out.reading)) < anchor / 3
    steps = start.kernel[LOOKBACK + 2 :]  # of the covariate ahead, by step of the forecast
    assert (np.abs(steps).argmax(axis=0) == np.arange(HORIZON)).all()


def test_a_covariate_that_only_misleads_is_left_out():
    """It decides what comes next, and the other way round in what is held out."""
    rng = np.random.default_rng(0)
    covariate = rng.normal(size=400)
    sign = np.where(np.arange(400) < 340, 1.0, -1.0)
    start, _ = start_with(with_covariate(3 * sign * covariate + 0.1 * rng.normal(size=400), covariate))
    assert not start.kernel[LOOKBACK:].any()
