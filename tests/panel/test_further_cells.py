"""Observations at irregular times that follow on: any division of them gives the same panel as all at once."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.errors import DataError
from forecasting.panel import appended, following, to_panel

START = pd.Timestamp("2024-03-30T20:00", tz="UTC")


def scattered(seed: int, count: int = 30, *, every: int = 9, tz: str | None = None) -> pd.DataFrame:
    """Two series of observations at minutes, the second of them shorter, with a covariate."""
    rng = np.random.default_rng(seed)
    parts = []
    for name, number in (("a", count), ("b", max(count // 2, 3))):
        minutes = np.sort(rng.choice(every * count, number, replace=False))
        ds = pd.DatetimeIndex(START + pd.to_timedelta(minutes, unit="min"))
        ds = ds.tz_localize(None) if tz is None else ds.tz_convert(tz)
        wind = np.where(rng.random(number) < 0.3, np.nan, np.round(rng.normal(size=number), 2))
        parts.append(pd.DataFrame({"unique_id": name, "ds": ds, "y": rng.integers(0, 99, number) / 7, "wind": wind}))
    return pd.concat(parts, ignore_index=True)


def whole(frame, policy, frequency="h"):
    reading = {"frequency": frequency, "irregular": policy, "covariates": ["wind"], "allow_constant": True}
    return to_panel(frame, **reading)[0]


def going_on(panel, frame, policy, **options):
    part, notices = following(panel, frame, irregular=policy, **options)
    return appended(panel, part), notices


def same(first, second):
    pd.testing.assert_frame_equal(first.frame(), second.frame(), rtol=1e-12)
    assert first.cells["count"].tolist() == second.cells["count"].tolist()
    np.testing.assert_allclose(first.cells["age"], second.cells["age"], atol=1e-12)


@settings(max_examples=100)
@given(data=st.data(), policy=st.sampled_from(["last", "mean"]))
def test_any_division_gives_what_all_rows_give(data, policy):
    tz = data.draw(st.sampled_from([None, "Europe/Berlin"]))
    frequency = data.draw(st.sampled_from(["10min", "h", "D"]))
    frame = scattered(data.draw(st.integers(0, 99)), every=data.draw(st.sampled_from([2, 9, 90])), tz=tz)
    at = np.sort(data.draw(st.lists(st.integers(3, 29), min_size=1, max_size=3)))
    again = data.draw(st.booleans())  # whether known rows are given once more
    begins = frame.groupby("unique_id").cumcount() < 3
    stages = [frame[begins | (frame["ds"] <= until)] for until in (*frame.loc[at, "ds"], frame["ds"].max())]
    panel = whole(stages[0], policy, frequency)
    for before, now in pairwise(stages):
        rows = now if again else now.drop(before.index)
        if len(rows):
            panel, _ = going_on(panel, rows.sample(frac=1, random_state=0), policy)
        same(panel, whole(now, policy, frequency))


def hourly(*rows: tuple[str, float]) -> pd.DataFrame:
    ds = pd.to_datetime([f"2024-01-01 {time}" for time, _ in rows])
    return pd.DataFrame({"unique_id": "a", "ds": ds, "y": [y for _, y in rows], "wind": 1.0})


KNOWN = hourly(("00:10", 1.0), ("00:40", 3.0), ("02:10", 5.0), ("02:20", 7.0))


@pytest.mark.parametrize(("policy", "held"), [("last", 9.0), ("mean", 7.0)])
def test_the_last_step_goes_on_with_further_observations(policy, held):
    panel = whole(KNOWN, policy)
    longer, notices = going_on(panel, hourly(("02:50", 9.0)), policy)
    assert longer.lengths.tolist() == panel.lengths.tolist() == [3]
    assert longer.values[-1] == held
    assert longer.cells["count"].tolist() == [2, 0, 3]
    assert longer.cells["age"][-1] == pytest.approx(1 / 6)
    assert [notice.kind for notice in notices] == ["irregular"]
    same(longer, whole(pd.concat([KNOWN, hourly(("02:50", 9.0))]), policy))


def test_known_rows_may_be_given_again_from_anywhere_within_a_step():
    for policy in ("last", "mean"):
        panel = whole(KNOWN, policy)
        for first in range(4):
            longer, notices = going_on(panel, pd.concat([KNOWN[first:], hourly(("02:50", 9.0))]), policy)
            same(longer, whole(pd.concat([KNOWN, hourly(("02:50", 9.0))]), policy))
            assert [notice.count for notice in notices if notice.kind == "repeated"] == [4 - first]
        unchanged, notices = going_on(panel, KNOWN, policy)
        same(unchanged, panel)
        assert [notice.kind for notice in notices] == ["repeated"]


@pytest.mark.parametrize(
    ("rows", "time", "words"),
    [
        (
            hourly(("02:10", 6.0), ("02:20", 7.0)),
            "03:00",
            "holds 2 observations, their mean 6.5, and 2 and 6.0 are known",
        ),
        (hourly(("00:10", 1.0), ("00:40", 3.0), ("02:20", 7.0)), "03:00", "holds 1 observation, their mean 7.0"),
        (hourly(("02:10", 5.0), ("02:15", 6.0), ("02:20", 7.0)), "03:00", "holds 3 observations"),
        (hourly(("01:30", 4.0)), "02:00", "their mean 4.0, and 0 and nan are known"),
        (hourly(("00:40", 3.0)).assign(ds=pd.Timestamp("2023-12-31 22:00")), "22:00", "begin at 2024-01-01 01:00:00"),
    ],
)
def test_what_was_known_is_not_revised(rows, time, words):
    with pytest.raises(DataError) as error:
        following(whole(KNOWN, "mean"), rows, irregular="mean")
    assert words in str(error.value)
    assert error.value.where["series"] == "a"
    assert time in error.value.where["time"]


def test_a_covariate_is_not_revised_either():
    with pytest.raises(DataError, match="2 observations"):
        following(whole(KNOWN, "mean"), KNOWN.assign(wind=2.0), irregular="mean")


def test_new_series_begin_and_repeated_times_follow_the_policy():
    panel, new = whole(KNOWN, "mean"), KNOWN.assign(unique_id="b")
    with pytest.raises(DataError, match="1 series is not known: b"):
        following(panel, new, irregular="mean")
    longer, _ = going_on(panel, new, "mean", new_series=True)
    same(longer, whole(pd.concat([KNOWN, new]), "mean"))
    twice = pd.concat([hourly(("02:50", 9.0)), hourly(("02:50", 5.0))])
    assert going_on(panel, twice, "mean")[0].values[-1] == 6.5
    with pytest.raises(DataError, match="occurs 2 times"):
        following(whole(KNOWN, "last"), twice, irregular="last")


def test_panels_follow_as_they_are_and_regular_panels_get_cells_beside_irregular_ones():
    frame = pd.concat([KNOWN, hourly(("03:30", 8.0), ("04:20", 9.0))])
    everything, panel = whole(frame, "mean"), whole(KNOWN, "mean")
    same(going_on(panel, everything, "mean")[0], everything)
    regular, _ = to_panel(hourly(("01:00", 1.0), ("02:00", 2.0)), frequency="h", covariates=["wind"])
    longer, _ = going_on(regular, hourly(("02:30", 3.0)), "mean")
    assert longer.values.tolist() == [1, 2, 3]
    assert longer.cells["age"].tolist() == [0, 0, 0.5]
    longer, _ = going_on(panel, hourly(("04:00", 3.0)), "refuse")
    assert longer.cells["count"].tolist() == [2, 0, 2, 1]
