"""Adaptive conformal intervals: against a plain loop, coverage after a change, and nothing known too early."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.errors import DataError, ParameterError
from forecasting.evaluation.adaptive import AdaptiveConformal, adaptive_intervals
from forecasting.evaluation.intervals import SplitConformal

RATES = [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128]


def plain_loop(errors: list[float], level: float, window: int, overlap: int) -> list[float]:
    """Half widths before each error and after the last, for one series, step and level; nothing but lists and loops."""
    miss, kept, widths = 1 - level / 100, list[float](), []
    used, weights = [miss] * 8, [1 / 8] * 8
    spread = (1 - miss) ** 2 * miss**3 + miss**2 * (1 - miss) ** 3
    eta = math.sqrt(3 / 100 * (math.log(2 * 8 * 100) + 1) / spread)

    def quantile(share: float) -> float:
        rank = math.ceil((len(kept) + 1) * share - 1e-9)
        return sorted(kept)[min(max(rank, 1), len(kept)) - 1]

    for error in [*errors, math.nan]:
        enough = (len(kept) + 1) * level / 100 <= len(kept) + 1e-9
        mean = sum(weight * one for weight, one in zip(weights, used, strict=True))
        widths.append(quantile(1 - mean) if enough else math.nan)
        if math.isnan(error):
            continue
        if kept:
            covering = 1 - sum(one < error for one in kept) / (len(kept) + 1)
            for expert in range(8):
                short = covering - used[expert]
                weights[expert] *= math.exp(-eta * (miss * short if short >= 0 else (miss - 1) * short))
                missed = error > quantile(1 - used[expert])
                used[expert] = min(max(used[expert] + RATES[expert] / overlap * (miss - missed), 0), 1)
            weights = [(1 - 1 / 200) * weight / sum(weights) + 1 / 200 / 8 for weight in weights]
        kept = [*kept, error][-window:]
    return widths


@pytest.mark.parametrize(("level", "window", "overlap"), [(80, 30, 1), (95, 40, 3), (50, 2, 1), (80, 1000, 2)])
def test_half_widths_are_those_of_the_plain_loop(level: int, window: int, overlap: int) -> None:
    rng = np.random.default_rng(0)
    errors = np.abs(np.concatenate([rng.normal(size=100), 5 * rng.normal(size=100), np.zeros(20)]))
    conformal = AdaptiveConformal([level], 1, window=window, overlap=[overlap])

    widths = [conformal.half_width(level)[0, 0]]
    for error in errors:
        conformal.update(np.array([[error]]))
        widths.append(conformal.half_width(level)[0, 0])

    np.testing.assert_allclose(widths, plain_loop(list(errors), level, window, overlap), rtol=1e-9)


def test_series_and_steps_do_not_touch_each_other() -> None:
    rng = np.random.default_rng(1)
    errors = rng.normal(size=(60, 3, 2)) * np.array([[1, 9], [2, 3], [50, 1]])
    errors[rng.random(errors.shape) < 0.2] = np.nan
    together = AdaptiveConformal([50, 80], 2, n_series=3)
    for row in errors:
        together.update(row)

    for series in range(3):
        for step in range(2):
            alone = AdaptiveConformal([50, 80], 1, overlap=[step + 1])
            for error in errors[:, series, step]:
                alone.update(np.array([[error]]))
            assert together.half_width(80)[series, step] == alone.half_width(80)[0, 0]


def coverage(errors: np.ndarray, level: float) -> np.ndarray:
    """Whether each error was covered by the half width that stood before it."""
    conformal = AdaptiveConformal([level], 1)
    covered = np.zeros(len(errors), dtype=bool)
    for number, error in enumerate(np.abs(errors)):
        covered[number] = error <= conformal.half_width(level)[0, 0]
        conformal.update(np.array([[error]]))
    return covered


@pytest.mark.parametrize("level", [80, 95])
def test_coverage_is_kept_after_a_change_of_regime_where_split_conformal_loses_it(level: int) -> None:
    errors = np.random.default_rng(4).normal(size=2000) * np.repeat([1, 3, 0.3, 2], 500)

    covered = coverage(errors, level)
    split = SplitConformal.fit(errors[:250, None]).half_width(level, 1)[0]

    for regime in (1, 2, 3):
        part = slice(500 * regime, 500 * (regime + 1))
        assert 100 * covered[part].mean() == pytest.approx(level, abs=4)
    assert 100 * (np.abs(errors[500:1000]) <= split).mean() < level - 25
    assert (np.abs(errors[1000:1500]) <= split).all()


def test_on_errors_that_do_not_change_it_costs_little() -> None:
    errors = np.abs(np.random.default_rng(5).normal(size=3000))
    conformal = AdaptiveConformal([80], 1)
    widths = []
    for error in errors:
        widths.append(conformal.half_width(80)[0, 0])
        conformal.update(np.array([[error]]))

    assert 100 * (errors <= widths).mean() == pytest.approx(80, abs=1)
    assert np.nanmean(widths[250:]) == pytest.approx(1.2816, rel=0.03)  # the normal quantile


@settings(max_examples=40)
@given(
    st.lists(st.floats(0, 1e6, allow_subnormal=False) | st.just(math.nan), min_size=1, max_size=60),
    st.integers(2, 20),
    st.sampled_from([2.0**-7, 2.0**9]),
)
def test_levels_nest_widths_are_errors_that_came_and_follow_their_unit(
    errors: list[float], window: int, factor: float
) -> None:
    plain, scaled = (AdaptiveConformal([30, 60, 90], 1, window=window) for _ in range(2))
    for number, error in enumerate(errors):
        plain.update(np.array([[error]]))
        scaled.update(np.array([[factor * error]]))
        widths = [plain.half_width(level)[0, 0] for level in (30, 60, 90)]
        known = [width for width in widths if not math.isnan(width)]
        assert known == sorted(known)
        assert set(known) <= set(errors[: number + 1])
        np.testing.assert_array_equal(
            [scaled.half_width(level)[0, 0] for level in (30, 60, 90)], np.array(widths) * factor
        )


def test_there_is_no_half_width_before_enough_errors_are_known() -> None:
    conformal = AdaptiveConformal([80], 1)
    for _ in range(3):
        conformal.update(np.array([[1.0]]))
        assert np.isnan(conformal.half_width(80)).all()
    conformal.update(np.array([[1.0]]))
    assert conformal.half_width(80)[0, 0] == 1.0


def test_arrays_survive_a_file_without_pickle_and_go_on_alike(tmp_path) -> None:
    rng = np.random.default_rng(2)
    conformal = AdaptiveConformal([80, 95], 3, n_series=2, window=50, overlap=[1, 1, 2])
    for _ in range(80):
        conformal.update(rng.normal(size=(2, 3)))
    np.savez(tmp_path / "state.npz", **conformal.to_arrays())

    with np.load(tmp_path / "state.npz", allow_pickle=False) as arrays:
        again = AdaptiveConformal.from_arrays(arrays)

    more = rng.normal(size=(20, 2, 3))
    for errors in more:
        np.testing.assert_array_equal(again.half_width(95), conformal.half_width(95))
        conformal.update(errors)
        again.update(errors)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"levels": []}, "levels"),
        ({"levels": [0]}, "levels"),
        ({"levels": [True]}, "levels"),
        ({"horizon": 0}, "horizon"),
        ({"n_series": 0}, "n_series"),
        ({"window": 1}, "window"),
        ({"overlap": [1]}, "overlap"),
        ({"overlap": [0, 1]}, "overlap"),
    ],
)
def test_a_bad_parameter_is_refused_by_name(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        AdaptiveConformal(**{"levels": [80], "horizon": 2, **arguments})


def test_what_cannot_be_taken_in_or_asked_for_is_refused() -> None:
    conformal = AdaptiveConformal([80], 2)
    for errors in (np.ones(2), np.ones((2, 2)), np.array([[1.0, np.inf]])):
        with pytest.raises(ParameterError, match=r"shape \(1, 2\)"):
            conformal.update(errors)
    with pytest.raises(ParameterError, match=r"none of \[80.0\]"):
        conformal.half_width(95)
    for horizon in (0, 3):
        with pytest.raises(ParameterError, match="from 1 to 2"):
            conformal.half_width(80, horizon)


def made_backtest(horizon: int = 3, step: int = 1, windows: int = 30, seed: int = 0) -> pd.DataFrame:
    """Two series of different ends, each forecast from every ``step``-th day; some actual values missing."""
    rng = np.random.default_rng(seed)
    parts = []
    for name, start in (("b", "2024-01-01"), ("a", "2024-02-05")):
        for window in range(windows):
            cutoff = pd.Timestamp(start) + pd.Timedelta(days=step * window)
            ds = cutoff + pd.to_timedelta(np.arange(1, horizon + 1), unit="D")
            parts.append(pd.DataFrame({"unique_id": name, "cutoff": cutoff, "ds": ds}))
    frame = pd.concat(parts, ignore_index=True)
    truth = {
        key: rng.normal() * (1 + 4 * (key[1].day_of_year > 50))
        for key in frame[["unique_id", "ds"]].itertuples(False, None)
    }
    frame["y"] = [truth[key] for key in frame[["unique_id", "ds"]].itertuples(False, None)]
    frame.loc[rng.random(len(frame)) < 0.1, "y"] = np.nan
    return frame.assign(M=rng.normal(size=len(frame)) / 5, N=0.0)


def known_errors(frame: pd.DataFrame, cutoff: pd.Timestamp, name: str, step: int) -> pd.DataFrame:
    """Rows of one step of a series whose actual value was observed at a cutoff."""
    rows = frame[frame["unique_id"] == name].copy()
    rows["step"] = rows.groupby("cutoff")["ds"].rank().astype(int)
    return rows[(rows["step"] == step) & (rows["ds"] <= cutoff)].sort_values("cutoff")


@pytest.mark.parametrize(("horizon", "step"), [(1, 1), (3, 1), (3, 2), (3, 3), (2, 5)])
def test_each_window_is_calibrated_on_what_was_known_at_its_cutoff(horizon: int, step: int) -> None:
    frame = made_backtest(horizon, step)

    result = adaptive_intervals(frame.sample(frac=1, random_state=1), [50], ["M"], window=8).loc[frame.index]

    half = result["M-hi-50"] - result["M"]
    number = frame.groupby(["unique_id", "cutoff"])["ds"].rank().astype(int)
    for row in frame.index[::7]:
        at = frame.loc[row]
        known = known_errors(frame, at["cutoff"], at["unique_id"], number[row])
        errors = (known["y"] - known["M"]).abs().dropna()
        expected = plain_loop(list(errors), 50, 8, -(-number[row] // step))[-1]
        assert half[row] == pytest.approx(expected, nan_ok=True)
    assert half.notna().mean() > 0.6
    np.testing.assert_allclose(result["M"] - result["M-lo-50"], half)


@settings(max_examples=12)
@given(
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(0, 11),
    st.sampled_from([1e12, -1e12, math.nan]),
    st.integers(0, 99),
)
def test_nothing_after_a_cutoff_moves_its_intervals(
    horizon: int, step: int, window: int, absurd: float, seed: int
) -> None:
    frame = made_backtest(horizon, step, windows=12, seed=seed)
    cutoffs = frame.groupby("unique_id")["cutoff"].transform(lambda times: sorted(set(times))[window])
    past = frame["cutoff"] <= cutoffs
    changed = frame.assign(y=frame["y"].mask(frame["ds"] > cutoffs, absurd))
    changed.loc[~past, ["M", "N"]] = absurd

    before = adaptive_intervals(frame, [50])[past]

    columns = [column for column in before if "-" in column]
    pd.testing.assert_frame_equal(adaptive_intervals(changed, [50])[past][columns], before[columns])
    pd.testing.assert_frame_equal(adaptive_intervals(frame[past], [50]), before)


def test_with_a_scale_widths_follow_it() -> None:
    frame = made_backtest().assign(size=lambda rows: 1 + rows["cutoff"].dt.day_of_year / 7)
    units = frame.assign(y=frame["y"] / frame["size"], M=frame["M"] / frame["size"])

    scaled = adaptive_intervals(frame, [80], ["M"], scale="size")
    plain = adaptive_intervals(units, [80], ["M"])

    np.testing.assert_allclose(scaled["M-hi-80"], plain["M-hi-80"] * frame["size"])
    assert "size-hi-80" not in adaptive_intervals(frame, [80], scale="size")


@pytest.mark.parametrize("change", ["integers", "zone", "one window", "index"])
def test_any_times_and_any_index_are_read(change: str) -> None:
    frame = made_backtest()
    expected = adaptive_intervals(frame, [80])["M-hi-80"].to_numpy()
    if change == "integers":
        frame = frame.assign(**{name: (frame[name] - pd.Timestamp("2024-01-01")).dt.days for name in ("cutoff", "ds")})
    if change == "zone":
        frame = frame.assign(**{name: frame[name].dt.tz_localize("Europe/Berlin") for name in ("cutoff", "ds")})
    if change == "one window":
        frame = frame[frame["cutoff"] == frame["cutoff"].min()]
        expected = np.full(3, np.nan)
    if change == "index":
        frame = frame.set_index(frame["y"].fillna(0) * 0)

    np.testing.assert_array_equal(adaptive_intervals(frame, [80])["M-hi-80"], expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop(columns="cutoff"), "no such column"),
        (lambda frame: pd.concat([frame, frame.head(1)]), "there twice"),
        (lambda frame: frame.assign(ds=frame["cutoff"]).drop_duplicates(["unique_id", "ds"]), "not after its cutoff"),
        (lambda frame: frame.assign(size=0.0), "positive number"),
        (lambda frame: frame.assign(size=np.nan), "positive number"),
    ],
)
def test_a_frame_that_is_no_backtest_is_refused(change: Any, message: str) -> None:
    frame = change(made_backtest().assign(size=1.0))

    with pytest.raises(DataError, match=message):
        adaptive_intervals(frame, [80], ["M"], scale="size")
