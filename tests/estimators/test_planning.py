"""How a panel is divided: what must hold whatever the chosen constants are."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from forecasting.errors import DataError, ParameterError
from forecasting.estimators.memory import planned_memory
from forecasting.estimators.planning import divide, usual_batch_size, usual_rounds
from forecasting.network.spec import NetworkSpec
from forecasting.panel import Frequency, Panel


def panel_of(lengths, frequency="D"):
    grid = Frequency.parse(frequency)
    return Panel(
        np.ones(sum(lengths)),
        np.concatenate([grid.advance(np.datetime64("2020-01-01", "us"), np.arange(length)) for length in lengths]),
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        np.array([f"s{number}" for number in range(len(lengths))], dtype=object),
        grid,
    )


def plan(lengths, horizon=3, season_length=None, lookback=None, segment_length=None, frequency="D"):
    return divide(
        panel_of(lengths, frequency),
        horizon=horizon,
        season_length=season_length,
        lookback=lookback,
        segment_length=segment_length,
    )


@given(
    lengths=st.lists(st.integers(1, 400), min_size=1, max_size=5),
    horizon=st.integers(1, 12),
    season=st.one_of(st.none(), st.integers(1, 24)),
    lookback=st.one_of(st.none(), st.integers(2, 60)),
    segment=st.one_of(st.none(), st.integers(1, 8)),
)
def test_a_division_always_leaves_windows_to_train_on_and_to_judge_by(lengths, horizon, season, lookback, segment):
    try:
        division = plan(lengths, horizon, season, lookback, segment)
    except ParameterError:
        assert lookback is not None
        assert segment is not None
        assert lookback % segment
        return
    except DataError as error:
        event(f"refused because of {error.where['series'][:2]}")
        return
    assert division.lookback % division.segment_length == 0
    assert lookback in (None, division.lookback)
    assert segment in (None, division.segment_length)
    assert division.season_length == (season or 7)
    assert 1 <= division.least_history <= division.lookback
    held_out = division.held_out
    assert held_out.any()
    assert ((held_out == 0) | (held_out >= horizon)).all()
    spared = np.array(lengths) - held_out
    assert (spared >= division.least_history + horizon).all()
    if lookback:
        assert division.least_history == lookback


@pytest.mark.parametrize(
    ("frequency", "season", "segment"), [("h", 24, 24), ("D", 7, 7), ("MS", 12, 12), ("QS", 4, 4), ("YS", 1, 4)]
)
def test_the_season_is_the_usual_one_of_the_frequency_and_a_segment_is_a_season_or_four_steps(
    frequency, season, segment
):
    division = plan([2000], frequency=frequency)
    assert (division.season_length, division.segment_length) == (season, segment)


def test_what_is_stated_is_kept():
    division = plan([200], season_length=12, lookback=24, segment_length=8)
    assert (division.season_length, division.lookback, division.segment_length) == (12, 24, 8)


@pytest.mark.parametrize(("lookback", "season", "segment"), [(21, 7, 7), (20, 7, 5), (24, 7, 6), (11, 7, 1), (5, 7, 5)])
def test_a_stated_look_back_is_cut_into_seasons_or_the_longest_parts_shorter_than_one(lookback, season, segment):
    assert plan([200], season_length=season, lookback=lookback).segment_length == segment


def test_longer_series_are_looked_back_on_further_up_to_a_limit():
    chosen = [plan([length]).lookback for length in (40, 150, 400, 5000, 50000)]
    assert chosen == sorted(chosen)
    assert chosen[0] < chosen[-1] == chosen[-2]


def test_what_is_held_out_lies_at_the_end_of_every_series_long_enough():
    division = plan([100, 80, 12], horizon=3, season_length=4)
    assert division.held_out[:2].min() >= 3
    assert division.held_out[2] in (0, 3)
    assert division.held_out.max() <= 20


@pytest.mark.parametrize(("horizon", "season", "expected"), [(5, 4, 5), (5, 7, 7), (5, 30, 12)])
def test_with_many_series_a_horizon_or_a_season_of_each_is_held_out_but_no_more_than_a_fifth(horizon, season, expected):
    division = plan([60] * 400, horizon=horizon, season_length=season, lookback=8)
    assert division.held_out.tolist() == [expected] * 400


@pytest.mark.parametrize(("series", "horizon", "expected"), [(7, 192, 960), (7, 720, 1800), (40, 96, 450), (1, 1, 256)])
def test_few_series_hold_out_more_of_each_but_no_more_than_a_fifth_and_all_at_least_a_twentieth(
    series, horizon, expected
):
    division = plan([9000] * series, horizon=horizon, season_length=24, lookback=48)
    wanted = max(expected, 450)
    assert division.held_out.tolist() == [wanted] * series


def test_a_look_back_that_is_no_multiple_of_the_segment_is_refused_with_one_that_is():
    with pytest.raises(ParameterError, match=r"look-back of 10 steps is not a multiple of the segment of 4 steps"):
        plan([100], lookback=10, segment_length=4)


def test_series_shorter_than_look_back_and_horizon_are_named_three_at_most():
    with pytest.raises(DataError) as error:
        plan([100, 9, 8, 7, 6], lookback=8)
    assert error.value.where == {"series": "s1, s2, s3"}
    assert "4 of 5 series are shorter than look-back and horizon (8 + 3 steps), the shortest having 6" in str(
        error.value
    )
    assert "shorter (or no stated) look-back" in error.value.remedy


def test_series_that_can_spare_nothing_to_judge_by_are_refused_with_what_is_needed():
    with pytest.raises(DataError, match=r"series s1: no series is long enough to hold out 3 steps .* 14 are needed"):
        plan([11, 13], lookback=8)
    assert plan([11, 14], lookback=8).held_out.tolist() == [0, 3]


@pytest.mark.parametrize(("windows", "size"), [(1, 32), (255, 32), (256, 64), (511, 64), (512, 128), (10**6, 128)])
def test_a_step_reads_no_more_than_a_quarter_of_the_windows_in_one_of_few_sizes(windows, size):
    assert usual_batch_size(windows) == size


def test_the_memory_plan_counts_covariates():
    plain = NetworkSpec(24, 6, 4, 8, 1, False, True, n_members=2)
    covered = replace(plain, past_channels=3, future_channels=2, static_channels=1)
    before, after = (planned_memory(spec, 10_000, 100, 32, 7) for spec in (plain, covered))
    assert all(after[name] > before[name] for name in before)
    assert after["series"] - before["series"] == 10_000 * 3 * 3 * 4


def test_the_memory_plan_counts_quantiles():
    plain = NetworkSpec(24, 6, 4, 8, 1, False, True, n_members=2)
    with_quantiles = replace(plain, loss="pinball", quantiles=(0.1, 0.3, 0.5, 0.7, 0.9))
    before, after = (planned_memory(spec, 10_000, 100, 32, 7) for spec in (plain, with_quantiles))
    assert after["series"] == before["series"]
    assert after["weights"] - before["weights"] == 5 * 4 * 2 * (8 + 1) * 4 * 6
    assert after["batches"] - before["batches"] == 2 * 2 * 32 * 2 * 4 * 6 * 4
    assert after["windows"] > before["windows"]


@pytest.mark.parametrize(("windows", "first"), [(1, 500), (25_000, 500), (25_001, 1000), (10**7, 1000)])
def test_rounds_double_what_was_done_up_to_4000_steps_and_begin_with_more_where_windows_are_many(windows, first):
    rounds = usual_rounds(windows)
    assert rounds[0] == first
    assert all(steps == sum(rounds[:number]) for number, steps in enumerate(rounds) if number)
    assert sum(rounds) == 4000
