"""How far an ensemble is trusted: what blocks of time say, and how little a few of them can."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.estimators.planning import divide
from forecasting.estimators.preparing import prepare
from forecasting.estimators.trust import TRUSTS, Evidence, best_trust, combined, earlier_evidence
from forecasting.network import linear
from forecasting.network.training import HeldOut
from forecasting.panel import to_panel
from forecasting.targets import Target
from tests.estimators.made import long_frame

NOTHING = Evidence(np.zeros((0, 21)), np.zeros(0, dtype=np.int64))
HORIZON = 3


def held_out_of(target: np.ndarray) -> HeldOut:
    return HeldOut({"window": np.zeros((len(target), 3))}, target, independent=float(len(target)))


def blocks(*best: float, gain: float = 0.5, windows: int = 100) -> Evidence:
    """Blocks of a straight fall of the error up to the best weight, and a straight rise behind it."""
    errors = [1 - gain + gain * np.abs(TRUSTS - weight) / max(weight, 1e-9) for weight in best]
    return Evidence(np.array(errors), np.full(len(best), windows))


def trust(ensemble: float, naive: float, earlier: Evidence = NOTHING, windows: int = 100) -> float:
    target = np.ones((windows, 2), dtype=np.float32)
    return best_trust(target + ensemble, target + naive, held_out_of(target), earlier)


def test_one_block_alone_is_drawn_towards_one_half_as_if_two_more_had_said_that():
    assert trust(0, 5) == pytest.approx((1 + 2 * 0.5) / 3, abs=1e-3)
    assert trust(1, -1) == pytest.approx(0.5, abs=1e-3)


def test_many_blocks_that_agree_are_believed():
    assert trust(0, 5, blocks(*[1.0] * 38)) == pytest.approx((39 + 1) / 41, abs=1e-3)


def test_where_the_naive_forecast_is_the_best_of_all_there_is_no_trust():
    assert trust(5, 0) == 0
    assert trust(0, 0) == 0


def test_a_gain_of_one_percent_over_all_blocks_halves_the_trust():
    assert trust(0.99, 1.0) == pytest.approx((1 + 1) / 3 / 2, abs=1e-3)


def test_a_block_of_few_windows_says_less():
    much, little = blocks(1.0, windows=1000), blocks(1.0, windows=10)
    against = Evidence(np.vstack([much.errors, TRUSTS[None] + 1]), np.array([1000, 10]))
    assert trust(0, 5, against) > trust(0, 5, Evidence(against.errors, np.array([10, 1000])))
    assert trust(0, 5, much) == pytest.approx((2 + 1) / 4, abs=1e-3)  # the last block weighs as much as the largest
    assert trust(0, 5, little) == pytest.approx((2 + 1) / 4, abs=1e-3)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(0, 2), min_size=1, max_size=8),
    st.floats(-3, 3),
    st.floats(-3, 3),
)
def test_trust_is_a_share_whatever_the_evidence(best, ensemble, naive):
    assert 0 <= trust(ensemble, naive, blocks(*best)) <= 1


def test_both_forecasts_are_weighted():
    assert combined(np.array([2.0]), np.array([10.0]), 0.25).tolist() == [8.0]


def evidence():
    """Evidence of a panel, and what it was made of."""
    panel = to_panel(long_frame())[0]
    division = divide(panel, horizon=HORIZON, season_length=None, lookback=8, segment_length=None)
    prepared = prepare(panel, "refuse", Target.parse("none"), division, HORIZON, 0)
    return earlier_evidence(prepared.windows, division, HORIZON, prepared.start, 1), panel, division, prepared


def test_earlier_blocks_are_those_of_a_map_fitted_to_the_first_halves_scored_step_by_step():
    found, panel, division, prepared = evidence()
    windows, start = prepared.windows, prepared.start
    assert start.penalty is not None
    lengths = panel.lengths
    half = np.maximum(np.minimum(lengths // 2, lengths - division.least_history - HORIZON), division.held_out)
    before = windows.cuts(HORIZON, least_history=division.least_history, held_out=half)
    kernel = linear.refitted(start, windows, before, HORIZON, np.random.default_rng(1)).kernel
    length = max(HORIZON, -(-int(half.max()) // 12))
    by_block: dict[int, list[tuple[float, float, float]]] = {}
    for series, (first, stop) in enumerate(zip(panel.indptr[:-1], panel.indptr[1:], strict=True)):
        for row in range(stop - half[series], stop - division.held_out[series] - HORIZON + 1):
            assert row - first >= 8
            window = panel.values[row - 8 : row] - panel.values[row - 1]
            season = windows.season_length
            scale = np.abs(window[season:] - window[:-season]).mean()
            target = (panel.values[row : row + HORIZON] - panel.values[row - 1]) / scale
            forecast, naive = window / scale @ kernel, window / scale @ start.anchor_kernel
            number = (stop - division.held_out[series] - row - HORIZON) // length
            error = [np.abs(target - (w * forecast + (1 - w) * naive)).mean() for w in (0.0, 0.5, 1.0)]
            by_block.setdefault(number, []).append(tuple(error))
    assert found.windows.tolist() == [len(by_block[number]) for number in sorted(by_block)]
    means = np.array([np.mean(by_block[number], axis=0) for number in sorted(by_block)])
    assert found.errors[:, [0, 10, 20]] == pytest.approx(means / means[:, :1], rel=1e-4)


def test_the_second_halves_do_not_move_the_map_and_what_is_held_out_moves_no_block():
    found, panel, division, prepared = evidence()
    absurd = panel.values.copy()
    for stop, steps in zip(panel.indptr[1:], division.held_out, strict=True):
        absurd[stop - steps : stop] = 1e6 * (1 + np.arange(steps) % 3)
    start = prepared.start
    changed = prepare(panel.with_values(absurd), "refuse", Target.parse("none"), division, HORIZON, 0)
    again = earlier_evidence(changed.windows, division, HORIZON, start, 1)
    assert again.errors == pytest.approx(found.errors)
    assert again.windows.tolist() == found.windows.tolist()


def test_there_is_no_evidence_where_the_naive_forecast_is_the_start():
    found, _, division, prepared = evidence()
    assert len(found.errors)
    anchored = linear.LinearStart("naive", prepared.start.anchor_kernel, prepared.start.anchor_kernel, None)
    nothing = earlier_evidence(prepared.windows, division, HORIZON, anchored, 1)
    assert nothing.errors.shape == (0, 21)
    assert not len(nothing.windows)
