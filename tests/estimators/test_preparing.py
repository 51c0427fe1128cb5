"""From a divided panel to windows, and the choice of the target."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from forecasting.errors import DataError
from forecasting.estimators import learning, preparing
from forecasting.estimators.planning import Division, divide
from forecasting.estimators.preparing import Prepared, best_prepared, prepare, read_windows
from forecasting.panel import Frequency, Panel
from forecasting.targets import Target, choices_for
from tests.estimators.made import HORIZON, tiny

SEASON, LOOKBACK = 4, 8


def panel_of(*series: np.ndarray) -> Panel:
    lengths = [len(values) for values in series]
    return Panel(
        np.concatenate(series),
        np.concatenate([np.arange(length) for length in lengths]),
        np.concatenate([[0], np.cumsum(lengths)]),
        np.array([f"s{number}" for number in range(len(series))], dtype=object),
        Frequency.parse(1),
    )


def growing(length: int = 120, seed: int = 0) -> np.ndarray:
    """Grows by 3 % a step, and its season with it; over a window the values are far from a straight line."""
    rng, steps = np.random.default_rng(seed), np.arange(length)
    return np.exp(0.03 * steps + 0.8 * np.sin(steps * np.pi / 2) + 0.02 * rng.normal(size=length))


def level(length: int = 120, seed: int = 0) -> np.ndarray:
    """A season of the same size everywhere, and noise, far above zero."""
    rng, steps = np.random.default_rng(seed), np.arange(length)
    return 50 + 5 * np.sin(steps * np.pi / 2) + rng.normal(size=length)


def division_of(panel: Panel, lookback: int = LOOKBACK) -> Division:
    return divide(panel, horizon=HORIZON, season_length=SEASON, lookback=lookback, segment_length=None)


def prepared(panel: Panel, target: str = "none", gaps: str = "refuse", **given: Any) -> Prepared:
    return prepare(panel, gaps, Target.parse(target), division_of(panel, **given), HORIZON, 0)


def test_targets_of_the_training_do_not_touch_what_is_held_out_and_all_windows_reach_the_end():
    panel = panel_of(level(60), level(48))
    data, held = prepared(panel), division_of(panel).held_out
    begin = panel.indptr[1:] - held
    for number in range(2):
        rows = {
            name: getattr(data, name).row[getattr(data, name).series == number]
            for name in ("cuts", "held_cuts", "all_cuts")
        }
        last = panel.indptr[number + 1] - HORIZON
        assert rows["cuts"].tolist() == list(range(panel.indptr[number] + LOOKBACK, begin[number] - HORIZON + 1))
        assert rows["held_cuts"].tolist() == list(range(begin[number], last + 1))
        assert rows["all_cuts"].tolist() == list(range(panel.indptr[number] + LOOKBACK, last + 1))
    assert data.held_out.independent == held.sum() / HORIZON


def test_the_held_out_windows_are_those_before_the_held_out_cuts_and_what_came_next():
    panel = panel_of(level(60), level(48))
    data = prepared(panel, "log")
    path = np.log(panel.values)
    for number, row in enumerate(data.held_cuts.row):
        window, after = path[row - LOOKBACK : row], path[row : row + HORIZON]
        scale = np.abs(window[SEASON:] - window[:-SEASON]).mean()
        assert data.held_out.reading["window"][number] == pytest.approx((window - window[-1]) / scale, abs=1e-5)
        assert data.held_out.target[number] == pytest.approx((after - window[-1]) / scale, rel=1e-5)
    assert data.batch.inputs is data.held_out.reading["window"]
    assert data.target.name == "log"


def test_of_very_many_held_out_windows_some_are_judged_evenly_spread(monkeypatch):
    panel = panel_of(level(60), level(48))
    every = prepared(panel).held_cuts.row
    monkeypatch.setattr(preparing, "MOST_HELD_OUT", 7)
    some = prepared(panel).held_cuts.row
    assert len(some) == 7
    assert {some[0], some[-1]} == {every[0], every[-1]}
    apart = np.diff(np.searchsorted(every, some))
    assert apart.max() - apart.min() <= 1


def test_gaps_are_filled_in_what_is_read_and_left_in_what_is_scored():
    values = level(60)
    values[[20, 21]] = np.nan
    panel = panel_of(values)
    filled, notices = read_windows(panel, "interpolate", Target.parse("none"), LOOKBACK, SEASON)
    assert [notice.kind for notice in notices] == ["interpolated"]
    assert not filled.has_missing
    assert np.isnan(filled.path[[20, 21]]).all()
    masked, _ = read_windows(panel, "mask", Target.parse("none"), LOOKBACK, SEASON)
    assert masked.has_missing
    whole, notices = read_windows(panel_of(level(60)), "mask", Target.parse("none"), LOOKBACK, SEASON)
    assert notices == ()
    assert not whole.has_missing


def choices(panel: Panel) -> list[Prepared]:
    return [prepared(panel, target.name) for target in choices_for("auto", panel)]


def test_growth_is_learned_as_logarithms_and_a_steady_season_as_values():
    for series, expected in ((growing, "log"), (level, "none")):
        panel = panel_of(series(seed=1), series(seed=2))
        assert best_prepared(choices(panel), panel).target.name == expected
        assert tiny(target="auto").fit(panel).target_ == expected


@pytest.mark.parametrize(("series", "expected"), [(growing, "log"), (level, "none")])
def test_some_series_of_a_large_panel_decide_about_logarithms(monkeypatch, series, expected):
    short = series(seed=0)[:13]  # has nothing to hold out, and would decide nothing
    panel = panel_of(*(one for seed in range(1, 7) for one in (short, series(seed=seed))))
    seen: dict[str, list[int]] = {"none": [], "log": []}

    def watched(panel, gaps, target, *rest):
        seen[target.name].append(panel.n_series)
        return prepare(panel, gaps, target, *rest)

    monkeypatch.setattr(learning, "prepare", watched)
    monkeypatch.setattr(learning, "_MOST_COMPARED", len(panel.values) // 2)
    assert tiny(target="auto", max_steps=1).fit(panel).target_ == expected
    (other,) = {"none", "log"} - {expected}
    assert seen[expected] == [3, 12]
    assert seen[other] == [3]  # the path of all series is never made for the one that lost


def test_where_some_series_leave_nothing_to_decide_by_all_of_them_decide(monkeypatch):
    panel = panel_of(*(growing(seed=seed) for seed in range(1, 7)))

    def refusing(some, *rest):
        if some.n_series < panel.n_series:
            raise DataError("nothing was observed")
        return prepare(some, *rest)

    monkeypatch.setattr(learning, "prepare", refusing)
    monkeypatch.setattr(learning, "_MOST_COMPARED", len(panel.values) // 2)
    assert tiny(target="auto", max_steps=1).fit(panel).target_ == "log"


@pytest.mark.parametrize("lowest", [0.0, -1.0])
def test_where_a_value_is_not_above_zero_there_is_nothing_to_choose(lowest):
    values = growing()
    values[3] = lowest
    forecaster = tiny(target="auto").fit(panel_of(values, growing(seed=1)))
    assert forecaster.target_ == "none"


def test_a_stated_target_is_taken_as_it_is():
    panel = panel_of(growing(seed=1), growing(seed=2))
    for target in ("none", "log", "difference", "log_return"):
        assert tiny(target=target, max_steps=1).fit(panel).target_ == target


def plain_errors(data: Prepared, panel: Panel, scale: np.ndarray) -> tuple[float, float]:
    """Step by step: the mean of the absolute errors over the scale, and of |y - f| / (|y| + |f|)."""
    scaled, relative = [], []
    for number, row in enumerate(data.held_cuts.row):
        path = data.batch.level[number] + data.batch.scale[number] * (
            data.held_out.reading["window"][number] @ data.start.kernel
        )
        for step in range(HORIZON):
            forecast, actual = float(data.target.values(path[step])), panel.values[row + step]
            if not np.isnan(actual):
                scaled.append(abs(actual - forecast) / scale[number])
                relative.append(abs(actual - forecast) / (abs(actual) + abs(forecast)))
    return float(np.mean(scaled)), float(np.mean(relative))


@pytest.mark.parametrize("target", ["none", "log"])
def test_targets_are_judged_by_scaled_error_and_smape_on_the_values(target):
    values = growing()
    values[[-3, -10]] = np.nan
    panel = panel_of(values, growing(seed=1))
    scale = prepared(panel, "none", "mask").batch.scale
    data = prepared(panel, target, "mask")
    found = preparing._linear_errors(data, panel, scale)
    assert found == pytest.approx(plain_errors(data, panel, scale), rel=1e-5)


@pytest.mark.parametrize(
    ("independent", "errors", "expected"),
    [
        (1e9, (0.94, 0.94), "log"),
        (1e9, (0.96, 0.96), "none"),
        (1e9, (0.80, 1.02), "log"),  # the mean of both counts
        (1e9, (0.80, 1.20), "none"),
        (4.0, (0.89, 0.89), "log"),  # as many as the prior: half of the gain counts
        (4.0, (0.91, 0.91), "none"),
        (1.0, (0.74, 0.74), "log"),
        (1.0, (0.76, 0.76), "none"),
        (1e9, (np.nan, np.nan), "none"),
        (1e9, (np.inf, 0.1), "none"),
    ],
)
def test_another_target_must_be_clearly_better_and_the_more_so_the_fewer_the_windows(
    independent, errors, expected, monkeypatch
):
    panel = panel_of(growing())
    both = [
        dataclasses.replace(choice, held_out=dataclasses.replace(choice.held_out, independent=independent))
        for choice in choices(panel)
    ]
    found = {"none": (2.0, 0.5), "log": (2.0 * errors[0], 0.5 * errors[1])}
    monkeypatch.setattr(preparing, "_linear_errors", lambda choice, panel, scale: found[choice.target.name])
    assert best_prepared(both, panel).target.name == expected
