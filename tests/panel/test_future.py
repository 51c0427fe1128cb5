"""The future frame: every step of every series, or an error that names what is missing."""

import numpy as np
import pandas as pd
import pytest

from forecasting.errors import DataError
from forecasting.panel import Panel, read_future, to_panel
from tests.panel.tables import days, long

NAMES = ["heat", "sky"]


def history(tz: str | None = None) -> Panel:
    parts = [
        long(days(count).tz_localize(tz), name=name).assign(heat=1.0, sky="sun") for name, count in (("a", 4), ("b", 6))
    ]
    return to_panel(pd.concat(parts), frequency="D", covariates=NAMES)[0]


@pytest.fixture
def panel() -> Panel:
    return history()


@pytest.fixture
def future() -> pd.DataFrame:
    """More than is needed, in no order: from the fourth to the tenth day for both, and another series."""
    parts = [
        long(days(7, "2024-01-04"), name=name).assign(heat=np.arange(7.0) + shift, sky="rain").drop(columns="y")
        for name, shift in (("b", 10), ("a", 0), ("c", 20))
    ]
    return pd.concat(parts, ignore_index=True).sample(frac=1, random_state=0)


def test_the_steps_behind_the_end_of_each_series_are_read(panel, future):
    found = read_future(future, panel, NAMES, 3)
    assert found["heat"].tolist() == [[1.0, 2.0, 3.0], [13.0, 14.0, 15.0]]
    assert found["sky"].tolist() == [["rain"] * 3] * 2


def test_times_in_a_zone_are_read_in_it(future):
    there = future.assign(ds=future["ds"].dt.tz_localize("Europe/Berlin"))
    assert read_future(there, history("Europe/Berlin"), ["heat"], 2)["heat"].tolist() == [[1.0, 2.0], [13.0, 14.0]]
    with pytest.raises(DataError, match=r"Europe/Berlin.*those of the data"):
        read_future(there, history(), ["heat"], 2)


def test_one_series_needs_no_id(panel, future):
    alone = future.loc[future["unique_id"] == "b"].drop(columns="unique_id")
    assert read_future(alone, panel.take(np.array([1])), ["heat"], 1)["heat"].tolist() == [[13.0]]
    with pytest.raises(DataError, match="no column unique_id"):
        read_future(alone, panel, ["heat"], 1)


def test_rows_that_are_missing_are_named(panel, future):
    gone = future[~(future["ds"].eq("2024-01-06") & future["unique_id"].eq("a"))]
    with pytest.raises(DataError, match=r"lacks 1 row of the 3 steps.*\(a, 2024-01-06\)"):
        read_future(gone, panel, NAMES, 3)
    with pytest.raises(DataError, match=r"series b, time 2024-01-11: .*lacks 2 rows.*\(b, 2024-01-12\)"):
        read_future(future, panel, NAMES, 6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: None, "the covariates known ahead are not given: heat, sky"),
        (lambda table: table.drop(columns="sky"), "no column sky"),
        (lambda table: pd.concat([table, table.iloc[:1]]), "has 1 row twice"),
        (
            lambda table: table.assign(heat=table["heat"].where(table["heat"] != 14)),
            r"series b, time 2024-01-08, column heat: the future frame lacks 1 value: \(b, 2024-01-08\)",
        ),
        (lambda table: table.assign(sky=1.0), "column sky: the future frame holds numbers, the data categories"),
        (lambda table: table.assign(heat=object()), "column heat: future frame: .*not a number"),
        (lambda table: table.assign(ds=range(len(table))), "the times of the future frame are of the kind int64"),
    ],
)
def test_what_cannot_be_used_is_named(panel, future, change, message):
    with pytest.raises(DataError, match=message):
        read_future(change(future), panel, NAMES, 3)
