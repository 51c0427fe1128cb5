"""Windows: where they may be cut, what they show, and that they show nothing else."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.errors import DataError
from forecasting.windows import Channels, Cuts, Windows

NAN = np.nan


@dataclass
class Case:
    """Some series as plain lists, how they are windowed, and the same as the library has it."""

    series: list[list[float]]
    filled: list[list[float]]
    lookback: int
    season_length: int
    lag: int

    def windows(self) -> Windows:
        return Windows(
            flat(self.series),
            pointers(self.series),
            self.lookback,
            self.season_length,
            lag=self.lag,
            filled=flat(self.filled),
        )

    def ends(self) -> list[tuple[int, int]]:
        """Every series with every place in it that has at least one step before it."""
        return [(i, cut) for i, values in enumerate(self.series) for cut in range(1, len(values) + 1)]

    def cuts(self) -> Cuts:
        series, cut = np.array(self.ends()).T
        return Cuts(series, pointers(self.series)[series] + cut)


def flat(series: list[list[float]]) -> np.ndarray:
    return np.array([value for values in series for value in values], dtype=float)


def pointers(series: list[list[float]]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum([len(values) for values in series])]).astype(np.int64)


def interpolated(values: list[float]) -> list[float]:
    """Straight lines across the holes that have a value on both sides."""
    known = [step for step, value in enumerate(values) if not np.isnan(value)]
    filled = list(values)
    for left, right in pairwise(known):
        for step in range(left + 1, right):
            filled[step] = values[left] + (values[right] - values[left]) * (step - left) / (right - left)
    return filled


def one(values: list[float], lookback: int, season_length: int = 1, **options) -> Windows:
    return Windows(np.array(values, dtype=float), np.array([0, len(values)]), lookback, season_length, **options)


def end(windows: Windows):
    return windows.gather(windows.end_cuts())


@st.composite
def cases(draw, holes: bool = True) -> Case:
    value = st.integers(-50, 50).map(float)
    later = st.one_of(value, value, st.just(NAN)) if holes else value
    series = [[draw(value), *draw(st.lists(later, max_size=11))] for _ in range(draw(st.integers(1, 4)))]
    filled = [interpolated(values) for values in series] if draw(st.booleans()) else series
    return Case(series, filled, draw(st.integers(2, 15)), draw(st.integers(1, 6)), draw(st.integers(0, 6)))


def shown(values: list[float], step: int) -> float:
    """What stands for a step: itself, the last observed one before it, or failing that the first observed one."""
    for earlier in range(min(step, len(values) - 1), -1, -1):
        if not np.isnan(values[earlier]):
            return values[earlier]
    return next(value for value in values if not np.isnan(value))


def mean_change(path: list[float], seen: list[bool], lag: int) -> float:
    changes = [abs(path[t] - path[t - lag]) for t in range(lag, len(path)) if seen[t] and seen[t - lag]]
    return sum(changes) / len(changes) if changes else NAN


def plain_window(case: Case, number: int, cut: int) -> tuple[list[float], list[bool], float, float, float]:
    """Unscaled inputs, observed flags, level, seasonal and step change of one window, step by step."""
    values = case.filled[number]
    steps = range(cut - case.lookback - case.lag, cut)
    path = [shown(values, step) for step in steps]
    seen = [step >= 0 and not np.isnan(values[step]) for step in steps]
    season = min(case.season_length, len(path) - 1)
    changes = mean_change(path, seen, season), mean_change(path, seen, 1)
    if case.lag:
        pairs = [(step, step - case.lag) for step in range(case.lag, len(path))]
        inputs = [path[after] - path[before] for after, before in pairs]
        return inputs, [seen[after] and seen[before] for after, before in pairs], path[-1], *changes
    return [value - path[-1] for value in path], seen, path[-1], *changes


@given(case=cases())
def test_gathered_windows_are_those_of_a_plain_loop(case):
    batch = case.windows().gather(case.cuts())
    for row, (number, cut) in enumerate(case.ends()):
        inputs, seen, level, seasonal, stepwise = plain_window(case, number, cut)
        assert batch.level[row] == pytest.approx(level)
        assert batch.observed[row].tolist() == [float(flag) for flag in seen]
        assert batch.inputs[row] * batch.scale[row] == pytest.approx(inputs, rel=1e-5, abs=1e-4)
        assert 0 < batch.scale[row] < np.inf
        if seasonal > stepwise:  # then no lower bound can be the larger one
            assert batch.scale[row] == pytest.approx(seasonal)


@given(case=cases(), data=st.data())
def test_the_time_since_the_last_observation_is_that_of_a_plain_search(case, data):
    age = st.sampled_from([0.0, 0.25, 0.9])
    ages = [[data.draw(age) for _ in values] for values in case.series]
    windows = Windows(flat(case.series), pointers(case.series), case.lookback, case.season_length, ages=flat(ages))
    batch = windows.gather(case.cuts())
    kept = windows.elapsed_ends(case.lookback)
    for row, (number, cut) in enumerate(case.ends()):
        values = case.series[number]
        since = []
        for step in range(cut - case.lookback, cut):
            known = [at for at in range(max(step + 1, 0)) if not np.isnan(values[at])]
            since.append(step - known[-1] + ages[number][known[-1]] if known else -1.0)
        told = [np.log1p(steps) / np.log1p(case.season_length) if steps >= 0 else -1.0 for steps in since]
        np.testing.assert_allclose(batch.reading["elapsed"][row], told, rtol=1e-6)
        if cut == len(values):
            assert kept[number].tolist() == pytest.approx(since)


def test_padding_is_no_gap_and_a_season_without_observation_counts_one():
    windows = one([5.0, NAN, NAN, NAN, 7.0], 7, 3, ages=np.array([0.0, 0, 0, 0, 0.5]))
    told = end(windows).reading["elapsed"][0]
    assert told.tolist() == pytest.approx([-1, -1, 0, 0.5, np.log(3) / np.log(4), 1, np.log(1.5) / np.log(4)])
    assert end(windows).reading["observed"][0].tolist() == [0, 0, 1, 0, 0, 0, 1]
    assert "elapsed" not in end(one([5.0, NAN, 7.0], 2)).reading
    assert one([5.0, NAN, 7.0], 2).elapsed_ends(3) is None


def test_steps_that_are_forecast_from_count_as_observed():
    windows = one([5.0, NAN], 3, 1, ages=np.zeros(2)).extended(np.array([[6.0]]))
    assert end(windows).reading["elapsed"][0].tolist() == [0, 1, 0]


@given(case=cases(), data=st.data())
def test_what_comes_after_a_cut_changes_nothing_in_its_window(case, data):
    number, cut = data.draw(st.sampled_from(case.ends()))
    later = data.draw(st.sampled_from([NAN, 1e9, -1e9]))
    changed = [list(values) for values in case.series]
    changed[number][cut:] = [later] * len(changed[number][cut:])
    filled = changed if case.filled is case.series else [interpolated(values) for values in changed]
    other = Case(changed, filled, case.lookback, case.season_length, case.lag)
    rows = [set(some.windows().cuts(0, least_history=1).row.tolist()) for some in (case, other)]
    row = int(pointers(case.series)[number] + cut)
    if not all(row in places for places in rows):  # what comes later fills the step before: no window is cut there
        assert filled is not changed
        assert np.isnan(changed[number][cut - 1])
        return
    place = Cuts(np.array([number]), np.array([row]))
    before, after = case.windows().gather(place), other.windows().gather(place)
    for name in ("inputs", "observed", "level", "scale"):
        assert getattr(before, name).tolist() == getattr(after, name).tolist()


@given(case=cases(), horizon=st.integers(1, 4), least_history=st.integers(1, 6), data=st.data())
def test_cuts_are_all_places_with_enough_before_and_behind(case, horizon, least_history, data):
    held_out = [data.draw(st.integers(0, len(values) + 2)) for values in case.series]
    first, last = pointers(case.series)[:-1], pointers(case.series)[1:]
    possible = [
        (number, first[number] + cut)
        for number, cut in case.ends()
        if cut >= least_history
        and not (np.isnan(case.series[number][cut - 1]) and not np.isnan(case.filled[number][cut - 1]))
    ]
    windows = case.windows()
    cuts = windows.cuts(horizon, least_history=least_history, held_out=np.array(held_out))
    assert list(zip(cuts.series, cuts.row, strict=True)) == [
        (number, row) for number, row in possible if row + horizon <= last[number] - held_out[number]
    ]
    late = windows.held_out_cuts(horizon, least_history=least_history, held_out=np.array(held_out))
    assert list(zip(late.series, late.row, strict=True)) == [
        (number, row)
        for number, row in possible
        if row >= last[number] - held_out[number] and row + horizon <= last[number]
    ]


@given(lengths=st.lists(st.integers(1, 20), min_size=1, max_size=4), horizon=st.integers(1, 4), data=st.data())
def test_no_training_target_is_held_out_and_every_cell_says_its_own_time(lengths, horizon, data):
    series = [[1000.0 * number + step for step in range(length)] for number, length in enumerate(lengths)]
    windows = Case(series, series, data.draw(st.integers(2, 8)), 1, False).windows()
    held_out = np.array([data.draw(st.integers(0, length)) for length in lengths])
    cuts = windows.cuts(horizon, least_history=windows.lookback, held_out=held_out)
    batch = windows.gather(cuts)
    targets = batch.path(windows.targets(cuts, batch, horizon))
    begin = 1000.0 * cuts.series
    cut = cuts.row - windows.indptr[cuts.series]
    reach = np.arange(-windows.lookback, 0)
    assert batch.path(batch.inputs) == pytest.approx((begin + cut)[:, None] + reach, abs=1e-3)
    assert targets == pytest.approx((begin + cut)[:, None] + np.arange(horizon), abs=1e-3)
    assert (targets < (begin + np.array(lengths)[cuts.series] - held_out[cuts.series])[:, None] - 0.5).all()
    late = windows.held_out_cuts(horizon, least_history=1, held_out=held_out)
    later = late.row - windows.indptr[late.series]
    assert (later >= (np.array(lengths) - held_out)[late.series]).all()


def test_a_window_longer_than_its_series_does_not_reach_into_the_one_before():
    windows = Windows(np.array([500.0, 600.0, 700.0, 1.0, 3.0]), np.array([0, 3, 5]), 4, 1)
    batch = windows.gather(Cuts(np.array([1]), np.array([5])))
    assert batch.path(batch.inputs).tolist() == [[1.0, 1.0, 1.0, 3.0]]
    assert batch.observed.tolist() == [[0.0, 0.0, 1.0, 1.0]]
    assert batch.scale.tolist() == [2.0]


def test_steps_of_a_differenced_window_are_observed_where_both_their_ends_are():
    batch = end(one([1, 2, NAN, 4, 6], lookback=5, lag=1))
    assert batch.inputs[0] * 1.5 == pytest.approx([0, 1, 0, 2, 2])
    assert batch.observed.tolist() == [[0.0, 1.0, 0.0, 0.0, 1.0]]
    assert batch.level.tolist() == [6.0]
    assert batch.scale.tolist() == [1.5]


def test_the_scale_is_the_mean_seasonal_difference_and_the_level_the_last_value():
    batch = end(one([99, 10, 12, 11, 15], lookback=4, season_length=2))
    assert batch.scale.tolist() == [2.0]
    assert batch.level.tolist() == [15.0]
    assert batch.inputs.tolist() == [[-2.5, -1.5, -2.0, 0.0]]


def test_the_scale_counts_only_pairs_of_observed_steps():
    batch = end(one([10, NAN, 14, 20, 15, 26], lookback=6, season_length=2))
    assert batch.scale.tolist() == pytest.approx([(4 + 1 + 6) / 3])
    assert batch.level.tolist() == [26.0]


def test_a_season_longer_than_the_window_is_measured_over_what_there_is():
    assert end(one([5, 1, 2, 9], lookback=4, season_length=12)).scale.tolist() == [4.0]


def test_seasons_that_repeat_exactly_are_not_blown_up():
    batch = end(one([1, 5, 1, 5, 1, 5], lookback=6, season_length=2))
    assert 0 < batch.scale[0] <= 4
    assert np.abs(batch.inputs).max() < 100


@pytest.mark.parametrize("value", [0.0, 7.0, -3.0, 1e12])
@pytest.mark.parametrize("lag", [0, 1, 2])
def test_a_constant_window_shows_zeros_and_keeps_forecasts_at_its_level(value, lag):
    batch = end(one([value] * 6, lookback=4, season_length=2, lag=lag))
    assert batch.inputs.tolist() == [[0.0] * 4]
    assert batch.scale[0] > 0
    assert batch.path(np.full((1, 3), 2.0)) == pytest.approx(np.full((1, 3), value), rel=1e-3, abs=3)


def test_rounding_in_an_almost_constant_window_is_not_taken_for_a_signal():
    value = 0.1 + 0.2
    batch = end(one([0.3, value, 0.3, value], lookback=4))
    assert np.abs(batch.inputs).max() < 1e-6


def test_a_window_without_any_pair_of_observed_steps_has_a_finite_scale():
    batch = end(one([4.0, NAN, NAN, NAN, NAN], lookback=3))
    assert np.isfinite(batch.inputs).all()
    assert batch.scale[0] > 0
    assert batch.level.tolist() == [4.0]
    assert batch.observed.tolist() == [[0.0, 0.0, 0.0]]


def test_a_series_without_any_value_is_refused():
    with pytest.raises(DataError, match="a series has no observed value"):
        Windows(np.array([1.0, 2.0, NAN, NAN]), np.array([0, 2, 4]), 2, 1)


def test_scaled_forecasts_come_back_on_the_path():
    windows = one([99, 10, 12, 11, 15], lookback=4, season_length=2)
    assert end(windows).path(np.array([[0.5, -1.0]])).tolist() == [[16.0, 13.0]]


def test_targets_are_scaled_like_their_windows_and_missing_where_unobserved():
    windows = one([10, 12, 11, 15, 17, NAN, 9], lookback=4, season_length=2)
    cuts = Cuts(np.array([0]), np.array([4]))
    assert windows.targets(cuts, windows.gather(cuts), 3)[0] == pytest.approx([1.0, NAN, -3.0], nan_ok=True)


def test_targets_of_a_differenced_path_are_measured_from_its_last_value():
    windows = one([0, 1, 3, 4, 8], lookback=2, lag=1)
    cuts = Cuts(np.array([0]), np.array([3]))
    batch = windows.gather(cuts)
    assert batch.scale.tolist() == [1.5]
    assert windows.targets(cuts, batch, 2)[0] == pytest.approx([1 / 1.5, 5 / 1.5])


@given(case=cases(), horizon=st.integers(1, 9))
def test_seasonal_differences_are_forecast_relative_to_the_season_before(case, horizon):
    case.lag = case.season_length = max(case.season_length, 2)
    windows, cuts = case.windows(), case.cuts()
    batch = windows.gather(cuts)
    naive = windows.seasonal_naive(cuts, horizon)
    assert batch.path(np.zeros((len(cuts), horizon))).tolist() == naive.tolist()
    complete = windows.cuts(horizon, least_history=1)
    if len(complete):
        batch = windows.gather(complete)
        ahead = flat(case.series)[complete.row[:, None] + np.arange(horizon)]
        scaled = (ahead - windows.seasonal_naive(complete, horizon)) / batch.scale[:, None]
        scaled[~batch.moving] = NAN
        found = windows.targets(complete, batch, horizon)
        assert found == pytest.approx(scaled, rel=1e-5, abs=1e-5, nan_ok=True)


def test_a_filled_step_is_an_input_and_never_a_target():
    windows = one([1, 2, NAN, 4, 5], lookback=3, filled=np.array([1.0, 2, 3, 4, 5]))
    cuts = windows.cuts(1, least_history=1)
    assert cuts.row.tolist() == [1, 2, 4]  # not 3: the step before it knows what comes next
    batch = windows.gather(cuts)
    assert batch.path(batch.inputs)[2] == pytest.approx([2, 3, 4])
    assert batch.observed[2].tolist() == [1.0, 1.0, 1.0]
    assert windows.targets(cuts, batch, 1)[1:, 0] == pytest.approx([NAN, 1.0], nan_ok=True)
    assert not windows.has_missing


def test_a_hole_that_is_left_open_is_not_observed():
    windows = one([1, 2, NAN, 4, 5], lookback=3)
    assert windows.has_missing
    assert windows.cuts(1, least_history=1).row.tolist() == [1, 2, 3, 4]


def test_the_end_of_every_series_is_where_forecasts_begin():
    cuts = Windows(np.arange(6.0), np.array([0, 1, 4, 6]), 2, 1).end_cuts()
    assert cuts.series.tolist() == [0, 1, 2]
    assert cuts.row.tolist() == [1, 4, 6]


def test_the_seasonal_naive_repeats_the_last_season_of_its_own_series():
    windows = Windows(np.array([1.0, 2, 3, 4, 5, 70, 80, NAN, 90]), np.array([0, 5, 9]), 2, 3)
    assert windows.seasonal_naive(windows.end_cuts(), 5).tolist() == [[3, 4, 5, 3, 4], [80, 80, 90, 80, 80]]
    assert windows.seasonal_naive(Cuts(np.array([0]), np.array([4])), 2).tolist() == [[2.0, 3.0]]


def test_the_seasonal_naive_of_a_series_shorter_than_a_season_begins_with_its_first_value():
    windows = Windows(np.array([50.0, 60, 1, 2]), np.array([0, 2, 4]), 2, 4)
    assert windows.seasonal_naive(windows.end_cuts(), 4)[1].tolist() == [1.0, 1.0, 1.0, 2.0]


@pytest.mark.parametrize("lag", [0, 1, 2])
def test_extended_windows_are_those_of_the_longer_series(lag):
    path, indptr = np.array([1.0, 4, 2, 8, 9, NAN, 7]), np.array([0, 4, 7])
    more = np.array([[5.0, 3.0], [6.0, 1.0]])
    windows = Windows(path, indptr, 3, 2, lag=lag)
    longer = windows.extended(more)
    built = Windows(np.array([1.0, 4, 2, 8, 5, 3, 9, NAN, 7, 6, 1]), np.array([0, 6, 11]), 3, 2, lag=lag)
    assert longer.indptr.tolist() == built.indptr.tolist()
    for name in ("inputs", "observed", "level", "scale"):
        assert getattr(end(longer), name).tolist() == getattr(end(built), name).tolist()
    assert windows.indptr.tolist() == [0, 4, 7]
    assert end(windows).level.tolist() == [8.0, 7.0]


def test_extended_windows_keep_what_was_filled():
    windows = one([1, NAN, 3], lookback=4, filled=np.array([1.0, 2, 3])).extended(np.array([[4.0]]))
    batch = end(windows)
    assert batch.path(batch.inputs)[0] == pytest.approx([1, 2, 3, 4])
    assert windows.cuts(0, least_history=1).row.tolist() == [1, 3, 4]


@pytest.mark.parametrize("lag", [0, 1, 2])
def test_repeated_windows_are_those_of_the_same_series_side_by_side(lag):
    rng = np.random.default_rng(0)
    path, indptr = rng.normal(size=61).cumsum(), np.array([0, 30, 36, 61])
    path[[14, 15, 40, 41, 59]] = NAN
    channels = Channels(
        rng.normal(size=(61, 1)).astype(np.float32),
        rng.normal(size=(67, 2)).astype(np.float32),
        np.array([0, 32, 40]),
        np.arange(3, dtype=np.float32)[:, None],
        horizon=2,
    )
    windows = Windows(path, indptr, 4, 3, lag=lag, channels=channels)
    repeated = windows.repeated(np.array([2, 0]), 2)
    whole, found = end(windows), end(repeated)
    assert (np.diff(repeated.indptr) < 20).all()
    for name in ("inputs", "observed", "level", "scale", "moving"):
        assert getattr(found, name).tolist() == getattr(whole, name)[[2, 2, 0, 0]].tolist()
    for name, part in whole.covariates.items():
        assert found.covariates[name].tolist() == part[[2, 2, 0, 0]].tolist()
    ends, same = windows.end_cuts(), repeated.end_cuts()
    assert repeated.lowest(same).tolist() == windows.lowest(ends)[[2, 2, 0, 0]].tolist()


def test_cuts_are_taken_by_number_or_by_mask():
    cuts = Cuts(np.array([0, 0, 1]), np.array([3, 4, 9]))
    assert len(cuts) == 3
    assert cuts.take(np.array([2, 0])).row.tolist() == [9, 3]
    assert cuts.take(np.array([False, True, False])).series.tolist() == [0]


def test_covariates_are_gathered_with_their_windows_and_read_ahead_of_them():
    """Series of five and four steps, of which the known ahead goes on for two more."""
    past = np.arange(9, dtype=np.float32)[:, None]
    ahead = np.array([10, 11, 12, 13, 14, 15, 16, 20, 21, 22, 23, 24, 25], dtype=np.float32)[:, None]
    static = np.array([[1.0], [2.0]], dtype=np.float32)
    channels = Channels(past, ahead, np.array([0, 7]), static, horizon=2)
    path, indptr = np.arange(9.0) ** 2, np.array([0, 5, 9])
    for lag in (0, 1, 2):
        windows = Windows(path, indptr, 3, 1, lag=lag, channels=channels)
        reading = windows.gather(Cuts(np.array([0, 0, 1, 1]), np.array([4, 5, 6, 9]))).reading
        assert reading["past"][..., 0].tolist() == [[1, 2, 3], [2, 3, 4], [5, 5, 5], [6, 7, 8]]
        assert reading["past"][..., 1].tolist() == [[11, 12, 13], [12, 13, 14], [20, 20, 20], [21, 22, 23]]
        assert reading["future"][..., 0].tolist() == [[14, 15], [15, 16], [21, 22], [24, 25]]
        assert reading["static"].tolist() == [[1], [1], [2], [2]]
    assert channels.counts() == {"past_channels": 2, "future_channels": 1, "static_channels": 1}


def test_what_is_not_there_is_not_read():
    none = np.zeros((9, 0), dtype=np.float32)
    channels = Channels(none, none, np.array([0, 5]), np.ones((2, 1), dtype=np.float32), horizon=2)
    windows = Windows(np.arange(9.0), np.array([0, 5, 9]), 3, 1, channels=channels)
    assert windows.gather(windows.end_cuts()).reading.keys() == {"window", "observed", "static"}


def test_series_that_go_on_read_what_is_known_ahead_as_past():
    ahead = np.arange(8, dtype=np.float32)[:, None]
    channels = Channels(np.zeros((4, 0), np.float32), ahead, np.array([0]), np.zeros((1, 0), np.float32), horizon=2)
    windows = Windows(np.arange(4.0), np.array([0, 4]), 3, 1, channels=channels).extended(np.array([[4.0, 5.0]]))
    reading = windows.gather(windows.end_cuts()).reading
    assert reading["past"][0, :, 0].tolist() == [3, 4, 5]
    assert reading["future"][0, :, 0].tolist() == [6, 7]


@given(case=cases())
@settings(max_examples=50)
def test_windows_that_are_gathered_in_parts_are_those_gathered_at_once(case):
    windows = Windows(flat(case.series), pointers(case.series), case.lookback, case.season_length, lag=case.lag)
    cuts = windows.end_cuts().take(np.tile(np.arange(len(case.series)), 3))
    at_once = windows.gather(cuts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("forecasting.windows._VALUES_AT_ONCE", 2 * (case.lookback + case.lag))
        in_parts = windows.gather(cuts)
    for name in ("inputs", "observed", "level", "scale", "moving"):
        np.testing.assert_array_equal(getattr(in_parts, name), getattr(at_once, name), err_msg=name)
    assert (in_parts.season is None) == (at_once.season is None)
    if at_once.season is not None:
        np.testing.assert_array_equal(in_parts.season, at_once.season)


@given(case=cases(), data=st.data())
@settings(max_examples=50)
def test_the_lowest_value_before_a_cut_is_that_of_a_plain_loop(case, data):
    windows = Windows(flat(case.series), pointers(case.series), case.lookback, case.season_length)
    places = [(number, cut) for number, values in enumerate(case.series) for cut in range(1, len(values) + 1)]
    chosen = data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=6))
    cuts = Cuts(np.array([n for n, _ in chosen]), np.array([windows.indptr[n] + cut for n, cut in chosen]))
    back = 2 * (case.lookback + case.season_length)
    expected = [np.fmin.reduce(case.series[n][max(cut - back, 0) : cut]) for n, cut in chosen]
    np.testing.assert_array_equal(windows.lowest(cuts), expected)
