"""Observations at irregular times: on which steps they are put, what a step holds, and what is said of it."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.errors import DataError, ParameterError
from forecasting.panel import Frequency, to_panel
from forecasting.panel.cells import observed_at

ALIASES = ["10min", "7min", "h", "6h", "D", "2D", "W", "W-SUN", "2W-FRI", "MS", "ME", "QS-FEB", "YE", "MS@15"]
ZONES = [None, "UTC", "Europe/Berlin", "Asia/Kolkata", "America/Havana", "America/New_York"]


@cache
def marks(alias: str, tz: str | None) -> pd.DatetimeIndex:
    """All marks around 2024, as pandas and plain counting have them; short steps for its spring and autumn alone."""
    origin = pd.Timestamp("2000-01-01", tz=tz)
    if alias.endswith(("min", "h")):
        step = pd.Timedelta(alias if alias != "h" else "1h")
        first = origin + ((pd.Timestamp("2024-03-01", tz=tz) - origin) // step) * step
        return pd.date_range(first, pd.Timestamp("2024-12-31", tz=tz), freq=step)
    days = {"2D": "2D", "W": "W-MON", "2W-FRI": "14D", "MS@15": "MS"}.get(alias, alias)
    start = {"2D": "1970-01-01", "2W-FRI": "1970-01-02"}.get(alias, "2020-11-01")
    found = pd.date_range(start, "2026-12-31", freq=days)
    found = found + pd.Timedelta(14, "D") if alias == "MS@15" else found
    if tz is None:
        return found
    return found.tz_localize(tz, ambiguous=np.ones(len(found), bool), nonexistent="shift_forward")


def plain(frame: pd.DataFrame, alias: str, tz: str | None, policy: str) -> pd.DataFrame:
    """Value, age and count of every step of one series, one observation after the other."""
    grid = marks(alias, tz)
    steps: dict[int, list[tuple[pd.Timestamp, float]]] = {}
    for ds, y in sorted(zip(frame["ds"], frame["y"], strict=True)):
        if not np.isnan(y):
            steps.setdefault(int(np.flatnonzero(grid >= ds)[0]), []).append((ds, y))
    rows = []
    for number in range(min(steps), max(steps) + 1):
        inside = steps.get(number, [])
        values = [y for _, y in inside]
        held = np.nan if not values else values[-1] if policy == "last" else sum(values) / len(values)
        age = (grid[number] - inside[-1][0]) / (grid[number] - grid[number - 1]) if inside else np.nan
        rows.append((grid[number], held, age, len(inside)))
    return pd.DataFrame(rows, columns=["ds", "y", "age", "count"])


@st.composite
def observations(draw, alias="D", tz=None, *, repeated=False):
    """Rows in any order within hours, or days, or for long steps a year, at minutes, some without a value."""
    longest = 60 * 24 * (2 if alias.endswith("min") else 9 if alias.endswith("h") else 400)
    scale = draw(st.sampled_from([60 * 3, longest]))
    minutes = draw(st.lists(st.integers(0, scale), min_size=2, max_size=40, unique=not repeated))
    start = pd.Timestamp(draw(st.sampled_from(["2024-03-30T20:00", "2024-11-02T19:00", "2024-06-01"])), tz="UTC")
    ds = pd.DatetimeIndex(start + pd.to_timedelta(minutes, unit="min"))
    ds = ds.tz_localize(None) if tz is None else ds.tz_convert(tz)
    y = [float(draw(st.integers(-99, 99))) for _ in minutes]
    return pd.DataFrame({"ds": ds, "y": [*y[:-2], np.nan if len(y) > 4 else y[-2], y[-1] + 0.5]})


@settings(max_examples=100)
@given(data=st.data(), alias=st.sampled_from(ALIASES), tz=st.sampled_from(ZONES))
def test_steps_are_those_of_a_plain_loop(data, alias, tz):
    policy = data.draw(st.sampled_from(["last", "mean"]))
    frame = data.draw(observations(alias, tz, repeated=policy == "mean"))
    expected = plain(frame, alias, tz, policy)
    panel, _ = to_panel(frame, frequency=alias, irregular=policy, allow_constant=True)
    assert panel.frame()["ds"].tolist() == expected["ds"].tolist()
    np.testing.assert_allclose(panel.values, expected["y"], rtol=1e-12)
    np.testing.assert_allclose(panel.cells["age"], expected["age"], rtol=1e-12, atol=1e-15)
    assert panel.cells["count"].tolist() == expected["count"].tolist()
    known = panel.cells["count"] > 0
    at = observed_at(panel.times[known], panel.cells["age"][known], panel.frequency, tz)
    seen = frame.loc[frame["y"].notna(), "ds"]
    seen = seen if tz is None else seen.dt.tz_convert("UTC").dt.tz_localize(None)
    assert np.isin(at, seen.to_numpy(dtype="datetime64[us]")).all()
    assert (at <= panel.times[known]).all()


@pytest.mark.parametrize("alias", ["10min", "h", "D"])
@pytest.mark.parametrize("policy", ["last", "mean"])
def test_steps_are_those_of_pandas_with_labels_at_their_ends(alias, policy):
    rng = np.random.default_rng(0)
    times = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(rng.choice(20_000, 900, replace=False)), unit="min")
    series = pd.Series(rng.normal(size=900), index=times, name="y")
    expected = getattr(series.resample(alias, closed="right", label="right"), policy)()
    panel, _ = to_panel(series, frequency=alias, irregular=policy)
    found = panel.frame().set_index("ds")["y"]
    pd.testing.assert_series_equal(found, expected, check_freq=False, check_names=False)


@settings(max_examples=50)
@given(data=st.data(), alias=st.sampled_from(ALIASES))
def test_the_order_of_rows_says_nothing(data, alias):
    policy = data.draw(st.sampled_from(["last", "mean"]))
    parts = [data.draw(observations(alias, repeated=policy == "mean")).assign(unique_id=name) for name in ("b", "a")]
    frame = pd.concat(parts)
    shuffled = frame.sample(frac=1, random_state=data.draw(st.integers(0, 99)))
    first, second = (
        to_panel(rows, frequency=alias, irregular=policy, allow_constant=True)[0] for rows in (frame, shuffled)
    )
    pd.testing.assert_frame_equal(first.frame(), second.frame(), check_exact=True)
    assert all(np.array_equal(first.cells[name], second.cells[name], equal_nan=True) for name in ("age", "count"))
    for number, name in enumerate(("a", "b")):
        alone, _ = to_panel(frame[frame["unique_id"] == name], frequency=alias, irregular=policy, allow_constant=True)
        assert np.array_equal(alone.values, first.take(np.array([number])).values, equal_nan=True)


@pytest.mark.parametrize("alias", ["10min", "h", "D", "W-SUN", "MS", "QS-FEB"])
@pytest.mark.parametrize("tz", [None, "Europe/Berlin"])
@pytest.mark.parametrize("policy", ["last", "mean"])
def test_series_on_their_marks_stay_as_they_are(alias, tz, policy):
    ds = pd.date_range("2014-02-01", periods=40, freq=alias, tz=tz)
    frame = pd.DataFrame({"unique_id": "a", "ds": ds, "y": np.arange(40.0)}).drop(index=[7, 8, 20])
    regular, said = to_panel(frame, frequency=alias)
    panel, notices = to_panel(frame, frequency=alias, irregular=policy)
    pd.testing.assert_frame_equal(panel.frame(), regular.frame())
    assert [notice.kind for notice in (*notices, *said)] == ["gaps", "gaps"]
    assert np.nanmax(panel.cells["age"]) == 0
    assert panel.cells["count"].sum() == 37


def irregular_frame() -> pd.DataFrame:
    ds = pd.to_datetime(
        ["2024-01-01 00:05", "2024-01-01 00:20", "2024-01-01 00:50", "2024-01-01 02:00", "2024-01-01 03:30"]
    )
    return pd.DataFrame({"ds": ds, "y": [1.0, 2.0, 6.0, 5.0, 4.0]})


def test_what_was_done_is_told_with_its_counts():
    panel, notices = to_panel(irregular_frame(), frequency="h", irregular="mean")
    assert panel.frame()["ds"].dt.hour.tolist() == [1, 2, 3, 4]
    assert panel.frame()["y"].tolist()[:2] == [3.0, 5.0]
    assert panel.cells["age"].tolist() == pytest.approx([1 / 6, 0, np.nan, 0.5], nan_ok=True)
    assert [(notice.kind, notice.count) for notice in notices] == [("irregular", 5), ("gaps", 1)]
    assert notices[0].message == (
        "observations at irregular times were put on the grid h, where a step holds the mean of those since the step"
        " before it: 5 observations of 1 series (y) in 4 steps, of which 1 hold several and 1 none"
    )


def test_what_was_observed_at_a_mark_stands_there_and_later_moments_on_the_next():
    times = pd.to_datetime(["2024-01-01 01:00", "2024-01-01 01:00:00.000001", "2024-01-01 03:00"], format="ISO8601")
    panel, _ = to_panel(pd.Series([1.0, 2.0, 3.0], times), frequency="h", irregular="last")
    assert panel.values.tolist() == [1.0, 2.0, 3.0]
    assert panel.cells["age"][1] == pytest.approx(1, abs=1e-8)
    assert panel.cells["age"][1] < 1


def test_a_day_ends_at_midnight_of_its_zone_also_where_it_is_short_or_midnight_comes_twice():
    short = pd.to_datetime(["2024-03-31T10:00", "2024-03-31T12:00", "2024-04-01T09:00"]).tz_localize("Europe/Berlin")
    panel, _ = to_panel(pd.Series([1.0, 2.0, 3.0], short), frequency="D", irregular="last")
    assert panel.stamps(panel.times)[0] == pd.Timestamp("2024-04-01", tz="Europe/Berlin")
    assert panel.cells["age"][0] == pytest.approx(12 / 23)
    again = pd.to_datetime(["2024-11-03T04:00Z", "2024-11-03T05:00Z", "2024-11-04T10:00Z"]).tz_convert("America/Havana")
    panel, _ = to_panel(pd.Series([1.0, 2.0, 3.0], again), frequency="D", irregular="last")
    # The second midnight of 3 November is part of that day: what was seen then stands at the next one.
    assert panel.values.tolist() == [1.0, 2.0, 3.0]
    assert (panel.times[1] - np.datetime64("2024-11-04T05:00")) == 0


def test_repeated_times_are_averaged_or_an_error():
    frame = irregular_frame()
    frame = pd.concat([frame, frame.iloc[[2]].assign(y=10.0)])
    with pytest.raises(DataError, match=r"time 2024-01-01 00:50:00: the time occurs 2 times .*irregular='mean'"):
        to_panel(frame, frequency="h", irregular="last")
    panel, _ = to_panel(frame, frequency="h", irregular="mean")
    assert (panel.values[0], panel.cells["count"][0]) == (19 / 4, 4)
    beside = frame.assign(unique_id="a", wind=[1.0, 1, 1, 1, 1, 2])
    with pytest.raises(DataError, match=r"column wind: the time occurs more than once, with values .* and "):
        to_panel(beside, frequency="h", irregular="mean", covariates=["wind"])


def test_a_step_holds_the_last_known_covariate_and_rows_without_a_value_are_no_observations():
    frame = irregular_frame().assign(unique_id="a", wind=[1.0, 2.0, np.nan, 4.0, 5.0], sky=["x", "y", None, None, "z"])
    frame.loc[3, "y"] = np.nan
    panel, notices = to_panel(
        frame.assign(place="p"), frequency="h", irregular="mean", covariates=["wind", "sky"], static=["place"]
    )
    assert panel.values.tolist() == pytest.approx([3.0, np.nan, np.nan, 4.0], nan_ok=True)
    assert panel.cells["count"].tolist() == [3, 0, 0, 1]
    assert panel.covariates["wind"].tolist() == pytest.approx([2.0, 4.0, np.nan, 5.0], nan_ok=True)
    assert panel.covariates["sky"].tolist() == ["y", None, None, "z"]
    assert panel.static["place"].tolist() == ["p"]
    assert {notice.kind: notice.count for notice in notices} == {"irregular": 4, "gaps": 1, "missing": 1}


def test_wide_tables_and_parts_of_panels_keep_their_cells():
    frame = irregular_frame().set_index("ds")
    panel, _ = to_panel(pd.DataFrame({"a": frame["y"], "b": frame["y"][2:]}), frequency="h", irregular="last")
    assert panel.lengths.tolist() == [4, 4]
    assert panel.cells["count"].tolist() == [3, 1, 0, 1, 1, 1, 0, 1]
    assert panel.drop_last(2).cells["count"].tolist() == [3, 1, 1, 1]
    assert panel.keep_last(1).ages.tolist() == [0.5, 0.5]
    assert panel.take(np.array([1])).cells["count"].tolist() == [1, 1, 0, 1]
    assert to_panel(panel, irregular="mean")[0] is panel
    with pytest.raises(ValueError, match="read-only"):
        panel.cells["age"][0] = 2


@pytest.mark.parametrize(
    ("given", "parameter", "words"),
    [
        ({"irregular": "first", "frequency": "h"}, "irregular", "'first' is not a policy"),
        ({"irregular": "mean"}, "frequency", "need a grid to be put on"),
        ({"irregular": "mean", "frequency": 1}, "irregular", "does not go with integer steps"),
        ({"irregular": "last", "frequency": "B"}, "irregular", "does not go with business days"),
        ({"irregular": "last", "calendar": "XNYS"}, "irregular", "does not go with the sessions of an exchange"),
    ],
)
def test_what_makes_no_sense_is_refused(given, parameter, words):
    with pytest.raises(ParameterError, match=words) as error:
        to_panel(irregular_frame(), **given)
    assert error.value.where["parameter"] == parameter


def test_whole_numbers_are_not_put_on_a_grid_of_dates():
    with pytest.raises(DataError, match="the times are whole numbers"):
        to_panel(pd.DataFrame({"ds": [1, 2, 4], "y": [1.0, 2, 3]}), frequency="h", irregular="mean")


def test_the_refusal_of_irregular_times_names_the_remedy():
    times = pd.to_datetime(["2024-01-01 00:05", "2024-01-01 00:15", "2024-01-01 00:25", "2024-01-01 00:37"])
    with pytest.raises(DataError) as error:
        to_panel(pd.Series([1.0, 2.0, 3.0, 4.0], times))
    assert "frequency='10min', with irregular='last' or irregular='mean'" in error.value.remedy
    with pytest.raises(DataError) as error:
        to_panel(pd.Series([1.0, 2.0, 3.0, 4.0], times), frequency="10min")
    assert "irregular='last' or irregular='mean'" in error.value.remedy


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("tz", ZONES)
def test_marks_do_not_depend_on_where_one_begins(alias, tz):
    frequency = Frequency.parse(alias)
    rng = np.random.default_rng(1)
    times = np.datetime64("2023-01-01", "us") + rng.integers(0, 700 * 86_400, 300).astype("timedelta64[s]")
    found = frequency.mark(times, tz)
    assert (found >= times).all()
    assert (frequency.advance(found, -1, tz) < times).all()
    assert (frequency.mark(found, tz) == found).all()
    _, on_grid = frequency.steps(found.min(), found, tz)
    assert on_grid.all()
