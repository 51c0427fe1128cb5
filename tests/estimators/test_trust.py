"""How far an ensemble is trusted: what blocks of time say, and how little a few of them can."""

from dataclasses import astuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.estimators import trust as trust_module
from forecasting.estimators.earlier import TRUSTS, Earlier, Evidence, earlier_blocks
from forecasting.estimators.movement import recent_movement
from forecasting.estimators.partners import partner_forecasts, usual_smoother
from forecasting.estimators.planning import divide
from forecasting.estimators.preparing import prepare
from forecasting.estimators.trust import Combining, Shares, best_combination
from forecasting.network import linear
from forecasting.panel import to_panel
from forecasting.targets import Target
from forecasting.windows import Windows, reach
from tests.estimators.covered import covered_frame
from tests.estimators.made import long_frame, tiny

NOTHING = Evidence(np.zeros((0, 0, len(TRUSTS))), np.zeros(0, dtype=np.int64))
HORIZON = 3
PARTNERS = 2


def blocks(*best: float, gain: float = 0.5, windows: int = 100) -> Evidence:
    """Blocks of a straight fall of the error up to the best weight, and a straight rise behind it; partners alike."""
    errors = [1 - gain + gain * np.abs(TRUSTS - weight) / max(weight, 1e-9) for weight in best]
    return Evidence(np.repeat(np.array(errors)[:, None], PARTNERS, axis=1), np.full(len(best), windows))


def shares(ensemble: float, partners: list[float], earlier: Evidence = NOTHING, windows: int = 100) -> Shares:
    """The combination for forecasts that are off by so much everywhere, those of the map as much as the ensemble's."""
    target = np.ones((windows, 2), dtype=np.float32)
    forecast = target + ensemble
    return best_combination(forecast, forecast, [target + off for off in partners], target, earlier)


@pytest.fixture
def no_usual_shares(monkeypatch):
    """Shares are what blocks say alone."""
    monkeypatch.setattr("forecasting.estimators.trust._USUAL_BLOCKS", 0.0)


def trust(ensemble: float, naive: float, earlier: Evidence = NOTHING, windows: int = 100) -> float:
    """Against the naive forecast, where a smoothing is far off and there are no usual shares."""
    found = shares(ensemble, [naive, 1e6], earlier, windows)
    assert found == Shares(1 - found.networks, 0.0, found.networks)
    return found.networks


@pytest.mark.usefixtures("no_usual_shares")
def test_one_block_alone_is_drawn_towards_one_half_as_if_one_more_had_said_that():
    assert trust(0, 5) == pytest.approx((1 + 0.5) / 2, abs=1e-3)
    assert trust(1, -1) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.usefixtures("no_usual_shares")
def test_many_blocks_that_agree_are_believed():
    alike = 40**2 / 42  # 38 blocks, and the last one, which weighs as much as two
    assert trust(0, 5, blocks(*[1.0] * 38)) == pytest.approx((alike + 0.5) / (alike + 1), abs=1e-3)


@pytest.mark.usefixtures("no_usual_shares")
def test_where_the_naive_forecast_is_the_best_of_all_there_is_no_trust():
    assert trust(5, 0) == 0
    assert trust(0, 0) == 0


@pytest.mark.usefixtures("no_usual_shares")
def test_a_gain_of_one_percent_over_all_blocks_halves_the_trust():
    assert trust(0.99, 1.0) == pytest.approx((1 + 0.5) / 2 / 2, abs=1e-3)


@pytest.mark.usefixtures("no_usual_shares")
def test_a_block_of_few_windows_says_less():
    much, little = blocks(1.0, windows=1000), blocks(1.0, windows=10)
    other = np.broadcast_to(TRUSTS + 1, (1, PARTNERS, len(TRUSTS)))
    against = Evidence(np.concatenate([much.errors, other]), np.array([1000, 10]))
    assert trust(0, 5, against) > trust(0, 5, Evidence(against.errors, np.array([10, 1000])))
    alike = 1 / ((2 / 3) ** 2 + (1 / 3) ** 2)  # the last block weighs as much as two of the largest
    assert trust(0, 5, much) == pytest.approx((alike + 0.5) / (alike + 1), abs=1e-3)
    assert trust(0, 5, little) == pytest.approx((alike + 0.5) / (alike + 1), abs=1e-3)


@pytest.mark.usefixtures("no_usual_shares")
def test_the_partner_whose_combination_is_best_is_taken():
    found = shares(2, [4, -2])
    assert found.naive == 0
    assert found.networks == pytest.approx(0.5, abs=1e-3)  # halfway between 2 and -2 there is no error
    assert shares(2, [-2, 3]).smoothing == 0
    assert shares(2, [-3, 1]).smoothing == 0  # 1 is better by itself, and no better together


@pytest.mark.usefixtures("no_usual_shares")
def test_a_smoothing_that_is_hardly_better_does_not_take_the_place_of_the_naive_forecast():
    assert shares(1.0, [1.0, 0.992]).smoothing == 0
    assert shares(1.0, [1.0, 0.985]).naive == 0


@pytest.mark.usefixtures("no_usual_shares")
def test_against_a_smoothing_the_weight_is_near_one_half_until_many_blocks_say_otherwise():
    assert shares(3.0, [4.0, 1.0]) == Shares(0.0, 1 - 5 / 11, pytest.approx(10 * 0.5 / 11))
    better = 1 + TRUSTS  # than the ensemble, in every block and whatever the weight
    errors = np.stack([np.full(len(TRUSTS), 3.0), better])
    many = Evidence(np.repeat(errors[None], 38, axis=0), np.full(38, 100))
    alike = 40**2 / 42  # 38 blocks, and the last one, which weighs as much as two
    assert shares(3.0, [4.0, 1.0], many).networks == pytest.approx(10 * 0.5 / (alike + 10))


@pytest.mark.usefixtures("no_usual_shares")
def test_half_of_what_the_ensemble_gained_on_its_map_holds_for_the_earlier_blocks_too():
    target = np.ones((100, 2), dtype=np.float32)
    partners, earlier = [target + 4, target - 3], blocks(0.2, 0.4, 0.5)
    ensemble, of_map = target + 0.5, target + 2.0
    weights = TRUSTS[None]
    last = np.abs(weights * 0.5 + (1 - weights) * np.array([[4.0], [-3.0]])) / 4
    before = np.abs(weights * 2.0 + (1 - weights) * np.array([[4.0], [-3.0]])) / 4
    better = Evidence(earlier.errors * np.sqrt(last / before), earlier.windows)
    found = best_combination(ensemble, of_map, partners, target, earlier)
    assert found == best_combination(ensemble, ensemble, partners, target, better)
    assert found.networks > best_combination(ensemble, ensemble, partners, target, earlier).networks


@pytest.mark.usefixtures("no_usual_shares")
def test_earlier_blocks_decide_about_the_partner_too_and_the_last_counts_like_two_of_them():
    errors = np.ones((1, PARTNERS, len(TRUSTS)))
    errors[:, 1] = 3.0  # against the naive forecast's; in the last block none

    def smoothed(blocks: int) -> bool:
        return shares(2, [3, -2], Evidence(np.repeat(errors, blocks, axis=0), np.full(blocks, 100))).naive == 0

    assert [smoothed(blocks) for blocks in (0, 1, 9)] == [True, False, False]


def test_shares_are_drawn_towards_the_usual_ones_as_if_two_further_blocks_had_said_those():
    found = shares(0, [5, 1e6])  # one block, which says 0.75 against the naive forecast
    assert found == Shares(*(pytest.approx(part, abs=1e-3) for part in (0.25 / 3, 4 / 9, (0.75 + 2 / 3) / 3)))
    against_smoothing = shares(3.0, [4.0, 1.0])
    assert against_smoothing == Shares(0.0, pytest.approx((6 / 11 + 4 / 3) / 3), pytest.approx((5 / 11 + 2 / 3) / 3))


def test_where_many_blocks_tell_a_smoothing_that_is_not_the_partner_is_left_out():
    for blocks_before, has_share in ((5, True), (6, False)):  # as many as 5.4 and as 6.4 alike
        alike = (blocks_before + 2) ** 2 / (blocks_before + 4)
        assert (4 / 3 / (alike + 2) >= 1 / 6) is has_share
        found = shares(0, [5, 1e6], blocks(*[1.0] * blocks_before))
        assert (found.smoothing > 0) is has_share
        assert sum(astuple(found)) == pytest.approx(1)


@pytest.mark.parametrize(
    ("lookback", "horizon", "drawn"), [(40, 60, True), (40, 61, False), (8, 24, True), (8, 25, False)]
)
def test_a_horizon_longer_than_what_a_smoothing_reads_has_no_usual_shares(monkeypatch, lookback, horizon, drawn):
    asked = []

    def noted(*arguments, usual):
        asked.append(usual)
        return best_combination(*arguments, usual=usual)

    monkeypatch.setattr("forecasting.estimators.trust.best_combination", noted)
    tiny(horizon=horizon, lookback=lookback, season_length=4, max_steps=1).fit(long_frame((400,)))
    assert asked == [drawn]


def test_where_nothing_tells_or_there_is_no_smoothing_or_they_are_not_wanted_the_usual_shares_are_not_drawn_towards():
    target = np.ones((10, 2), dtype=np.float32)
    assert best_combination(target, target, [target, target], target, NOTHING) == Shares(1.0, 0.0, 0.0)
    found = best_combination(target, target, [target + 5, target + 1e6], target, NOTHING, usual=False)
    assert found == Shares(pytest.approx(0.25, abs=1e-3), 0.0, pytest.approx(0.75, abs=1e-3))
    found = best_combination(target, target, [target + 1], target, NOTHING)
    assert found == Shares(pytest.approx(0.25, abs=1e-3), 0.0, pytest.approx(0.75, abs=1e-3))


@settings(max_examples=50)
@given(
    st.lists(st.floats(0, 2), min_size=1, max_size=8),
    st.floats(-3, 3),
    st.floats(-3, 3),
    st.floats(-3, 3),
)
def test_shares_are_shares_whatever_the_evidence(best, ensemble, naive, smoothed):
    found = astuple(shares(ensemble, [naive, smoothed], blocks(*best)))
    assert min(found) >= 0
    assert sum(found) == pytest.approx(1)


def test_all_three_are_weighted():
    found = Shares(0.25, 0.5, 0.25).combined(np.array([2.0]), np.array([10.0]), np.array([4.0]))
    assert found.tolist() == [5.0]
    assert Shares(0.75, 0.0, 0.25).combined(np.array([2.0]), np.array([10.0])).tolist() == [8.0]


def evidence():
    """Evidence of a panel, and what it was made of."""
    panel = to_panel(long_frame())[0]
    division = divide(panel, horizon=HORIZON, season_length=None, lookback=8, segment_length=None)
    prepared = prepare(panel, "refuse", Target.parse("none"), division, HORIZON, 0)
    found = earlier_blocks(prepared.windows, division, HORIZON, prepared.start, 1)
    return found.evidence, panel, division, prepared


def test_earlier_blocks_are_those_of_a_map_fitted_to_the_first_halves_scored_step_by_step():
    found, panel, division, prepared = evidence()
    windows, start = prepared.windows, prepared.start
    assert start.penalty is not None
    lengths = panel.lengths
    half = np.maximum(np.minimum(lengths // 2, lengths - division.least_history - HORIZON), division.held_out)
    before = windows.cuts(HORIZON, least_history=division.least_history, held_out=half)
    kernel = linear.refitted(start, windows, before, HORIZON, np.random.default_rng(1)).kernel
    assert (earlier_blocks(windows, division, HORIZON, start, 1).map.kernel == kernel).all()
    smoother = windows.smoother(before.take(np.arange(len(before))), HORIZON)
    length, season = max(HORIZON, -(-int(half.max()) // 12)), windows.season_length
    by_block: dict[int, list[list[list[float]]]] = {}
    for series, (first, stop) in enumerate(zip(panel.indptr[:-1], panel.indptr[1:], strict=True)):
        for row in range(stop - half[series], stop - division.held_out[series] - HORIZON + 1):
            assert row - first >= 8
            level, window = panel.values[row - 1], panel.values[row - 8 : row] - panel.values[row - 1]
            scale = np.abs(window[season:] - window[:-season]).mean()
            target = (panel.values[row : row + HORIZON] - level) / scale
            forecast, naive = window / scale @ kernel, window / scale @ start.anchor_kernel
            history = panel.values[max(first, row - reach(8, season)) : row]
            padded = np.concatenate([np.full(reach(8, season) - len(history), history[0]), history])[None]
            smoothed = smoother.forecast(padded, np.array([len(history)]), season, HORIZON)[0]
            partners = [naive, (smoothed - level) / scale]
            number = (stop - division.held_out[series] - row - HORIZON) // length
            error = [
                [np.abs(target - (w * forecast + (1 - w) * partner)).mean() for w in (0.0, 0.5, 1.0)]
                for partner in partners
            ]
            by_block.setdefault(number, []).append(error)
    assert found.windows.tolist() == [len(by_block[number]) for number in sorted(by_block)]
    means = np.array([np.mean(by_block[number], axis=0) for number in sorted(by_block)])
    assert found.errors[:, :, [0, 10, 20]] == pytest.approx(means / means[:, :1, :1], rel=1e-4)


def test_the_forecasts_of_the_partners_are_the_naive_one_and_the_smoothing_scaled():
    _, _, _, prepared = evidence()
    windows, cuts, batch, kernel = prepared.windows, prepared.held_cuts, prepared.batch, prepared.start.anchor_kernel
    smoother = usual_smoother(windows, prepared.cuts, HORIZON)
    naive, smoothed = partner_forecasts(windows, cuts, batch, kernel, smoother)
    assert naive == pytest.approx(batch.inputs @ kernel)
    assert batch.path(smoothed) == pytest.approx(windows.smoothed(cuts, smoother, HORIZON))


def test_where_much_is_missing_no_smoothing_is_tried():
    _, _, division, prepared = evidence()
    windows, cuts, batch, kernel = prepared.windows, prepared.held_cuts, prepared.batch, prepared.start.anchor_kernel
    for share, count in ((0.5, 2), (0.8, 1)):
        path = windows.path.copy()
        path[np.random.default_rng(0).random(len(path)) < share] = np.nan
        path[windows.indptr[:-1]] = 1.0
        holed = Windows(path, windows.indptr, windows.lookback, windows.season_length)
        smoother = usual_smoother(holed, prepared.cuts, HORIZON)
        assert len(partner_forecasts(holed, cuts, batch, kernel, smoother)) == count
        found = earlier_blocks(holed, division, HORIZON, prepared.start, 1).evidence
        assert found.errors.shape[1] == count
    naive = batch.inputs @ kernel
    assert best_combination(naive + 1, naive + 1, [naive], naive, found) == Shares(1.0, 0.0, 0.0)


def test_the_second_halves_do_not_move_the_map_and_what_is_held_out_moves_no_block():
    found, panel, division, prepared = evidence()
    absurd = panel.values.copy()
    for stop, steps in zip(panel.indptr[1:], division.held_out, strict=True):
        absurd[stop - steps : stop] = 1e6 * (1 + np.arange(steps) % 3)
    start = prepared.start
    changed = prepare(panel.with_values(absurd), "refuse", Target.parse("none"), division, HORIZON, 0)
    again = earlier_blocks(changed.windows, division, HORIZON, start, 1).evidence
    assert again.errors == pytest.approx(found.errors)
    assert again.windows.tolist() == found.windows.tolist()


@pytest.mark.usefixtures("no_usual_shares")
def test_where_the_naive_forecast_is_the_start_earlier_blocks_tell_of_the_smoothing_alone():
    found, _, division, prepared = evidence()
    anchored = linear.LinearStart("naive", prepared.start.anchor_kernel, prepared.start.anchor_kernel, None)
    again = earlier_blocks(prepared.windows, division, HORIZON, anchored, 1).evidence
    assert again.windows.tolist() == found.windows.tolist()
    assert np.ptp(again.errors[:, 0], axis=1).max() < 1e-12
    assert np.ptp(again.errors[:, 1:], axis=2).min() > 0
    target = np.zeros((5, HORIZON))
    silent = Evidence(again.errors[:, :1].repeat(PARTNERS, axis=1), again.windows)
    for blocks_before in (silent, NOTHING):  # the ensemble is better than the map, which is the naive forecast
        found = best_combination(target + 1, target + 2, [target + 2] * PARTNERS, target, blocks_before)
        assert found == Shares(pytest.approx(1 / 4, abs=1e-3), 0.0, pytest.approx(3 / 4, abs=1e-3))


def test_windows_of_the_earlier_blocks_are_kept_with_what_came_next_and_how_much_series_moved():
    _, panel, division, prepared = evidence()
    windows = prepared.windows
    found = earlier_blocks(windows, division, HORIZON, prepared.start, 1)
    least = division.least_history
    half = np.maximum(np.minimum(panel.lengths // 2, panel.lengths - least - HORIZON), division.held_out)
    cuts = windows.cuts(HORIZON, least_history=panel.lengths - half, held_out=division.held_out)
    cuts = cuts.take(np.arange(len(cuts)))
    batch = windows.gather(cuts)
    assert found.target == pytest.approx(windows.targets(cuts, batch, HORIZON))
    assert found.forecast == pytest.approx(found.map.forecast(batch.reading))
    assert found.movement == pytest.approx(recent_movement(windows, cuts, batch.scale))
    ends = [panel.indptr[series + 1] for series in cuts.series]
    assert found.age.tolist() == [end - row for end, row in zip(ends, cuts.row, strict=True)]
    assert found.independent == pytest.approx((half - division.held_out).sum() / HORIZON)


def test_series_too_short_for_an_earlier_window_are_not_counted_as_independent_ones():
    panel = to_panel(long_frame((120, *[45] * 40)))[0]
    division = divide(panel, horizon=12, season_length=None, lookback=8, segment_length=None)
    prepared = prepare(panel, "refuse", Target.parse("none"), division, 12, 0)
    found = earlier_blocks(prepared.windows, division, 12, prepared.start, 1)
    assert len(found.target) < 60
    assert found.independent == pytest.approx((60 - division.held_out[0]) / 12)


def test_where_no_series_can_be_halved_there_are_no_earlier_blocks():
    panel = to_panel(pd.DataFrame({"unique_id": "a", "ds": range(15), "y": np.arange(15.0) % 4}), frequency=1)[0]
    division = divide(panel, horizon=HORIZON, season_length=1, lookback=8, segment_length=None)
    prepared = prepare(panel, "refuse", Target.parse("none"), division, HORIZON, 0)
    assert earlier_blocks(prepared.windows, division, HORIZON, prepared.start, 1) is None
    alone = Combining(None, np.ones((4, 1)), lambda: None, [np.ones((4, 1))], usual=True)
    assert alone.earlier_errors(Shares(1.0, 0.0, 0.0), np.ones((4, 1)), np.ones((4, 1))) is None


def test_earlier_errors_are_those_with_the_map_smaller_by_half_of_what_the_ensemble_gained():
    n_held, horizon, shares = 4, 2, Shares(0.0, 0.25, 0.75)
    target = np.zeros((n_held, horizon))
    held = [target, target]  # the partners have no error there, so three quarters of the ensemble's are left
    before = np.arange(6.0).reshape(3, horizon)
    earlier = Earlier(
        NOTHING,
        linear.LinearStart("naive", np.eye(horizon), np.eye(horizon), None),
        forecast=before,
        partners=[before + 9.0, before - 4.0],
        target=before + 1.0,
        movement=np.array([1.0, 2.0, 3.0]),
        age=np.array([9, 8, 7]),
        independent=1.5,
    )
    combining = Combining(earlier, target + 2.0, lambda: None, held, usual=True)
    found = combining.earlier_errors(shares, target - 0.5, target)
    assert found.scaled == pytest.approx(np.full((3, horizon), 1.0 + 0.25 * 4.0) * np.sqrt(0.5 / 2.0))
    assert (found.movement.tolist(), found.age.tolist(), found.independent) == ([1.0, 2.0, 3.0], [9, 8, 7], 1.5)
    exact = Combining(earlier, target, lambda: None, held, usual=True)
    assert exact.earlier_errors(shares, target - 0.5, target).scaled == pytest.approx(2.0)


def test_with_covariates_the_usual_shares_are_not_drawn_towards(monkeypatch):
    asked = []
    usually = trust_module._usually
    monkeypatch.setattr(trust_module, "_usually", lambda *told: asked.append(told) or usually(*told))
    tiny(future_covariates=["heat"]).fit(covered_frame())
    assert not asked
    tiny().fit(covered_frame()[["unique_id", "ds", "y"]])
    assert len(asked) == 1
