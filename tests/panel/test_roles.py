"""The roles of covariates, inferred from where a column is known and whether it changes."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.errors import DataError
from forecasting.panel import Roles, infer_roles, to_panel
from tests.panel.tables import days, long


def table(ahead: int = 3) -> pd.DataFrame:
    """Two series of different ends with rows behind them: a price known ahead, a sensor, and a kind."""
    parts = []
    for number, (name, length) in enumerate((("b", 8), ("a", 6))):
        part = long(days(length + ahead), name=name).astype({"y": "float64"})
        part.loc[part.index >= length, "y"] = np.nan
        part = part.assign(price=np.arange(len(part), dtype=float), heat=part["y"] * 2, kind=["large", "small"][number])
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def roles(frame) -> Roles:
    return infer_roles(frame)[0]


def test_each_column_has_the_role_that_its_values_tell():
    found, notice = infer_roles(table())
    assert found == Roles(past=("heat",), future=("price",), static=("kind",))
    assert found.along == ("heat", "price")
    assert found.as_dict() == {"past": ["heat"], "future": ["price"], "static": ["kind"]}
    assert (notice.kind, notice.count) == ("inferred", 3)
    for words in ("price: known ahead", "kind: static", "heat: known up to the present"):
        assert words in notice.message


def test_the_order_of_rows_and_columns_and_the_kind_of_times_tell_nothing():
    frame = table().sample(frac=1, random_state=0)
    assert roles(frame[frame.columns[::-1]]) == roles(table())
    assert roles(frame.assign(ds=frame["ds"].astype("str"))) == roles(table())
    steps = table().assign(ds=lambda frame: frame.groupby("unique_id").cumcount())
    assert roles(steps) == roles(table())


def test_without_rows_behind_the_ends_nothing_is_known_ahead():
    assert roles(table(ahead=0)) == Roles(past=("price", "heat"), static=("kind",))
    empty = table().assign(price=lambda frame: frame["price"].where(frame["y"].notna()))
    assert roles(empty).future == ()


def test_one_value_behind_one_end_makes_a_column_known_ahead():
    frame = table()
    frame.loc[frame["y"].isna(), "price"] = np.nan
    frame.loc[8, "price"] = 1.0
    assert roles(frame).future == ("price",)


def test_a_gap_in_the_middle_is_no_end():
    frame = table(ahead=0)
    frame.loc[[2, 3], "y"] = np.nan
    assert roles(frame).future == ()


def test_a_series_without_any_target_tells_nothing():
    frame = table(ahead=0)
    more = long(days(4), name="c").assign(y=np.nan, price=1.0, heat=1.0, kind="large")
    assert roles(pd.concat([frame, more])).future == ()


def test_what_is_the_same_until_the_end_and_another_behind_it_is_known_ahead():
    frame = table().assign(promotion=lambda frame: np.where(frame["y"].isna(), "yes", "no"))
    assert roles(frame).future == ("price", "promotion")
    same = table().assign(kind=lambda frame: frame["kind"].where(frame["y"].notna()))
    assert roles(same).static == ("kind",)  # the rows behind the end may leave it out


def test_a_static_column_with_a_hole_is_none():
    frame = table()
    frame.loc[2, "kind"] = None
    assert roles(frame) == Roles(past=("heat",), future=("price", "kind"))


def test_without_further_columns_there_is_nothing_to_infer():
    found, notice = infer_roles(table()[["unique_id", "ds", "y"]])
    assert found == Roles()
    assert notice.message.endswith("there is no column of any")


def test_a_panel_tells_what_it_holds():
    panel, _ = to_panel(table(), covariates=["price", "heat"], static=["kind"])
    assert roles(panel) == Roles(past=("price", "heat"), static=("kind",))


@pytest.mark.parametrize("data", [pd.Series([1.0, 2.0]), table().pivot(index="ds", columns="unique_id", values="y")])
def test_other_tables_are_refused(data):
    with pytest.raises(DataError, match="inferred from long tables only"):
        infer_roles(data)


def test_a_column_that_cannot_be_read_is_named():
    with pytest.raises(DataError, match="column when"):
        infer_roles(table().assign(when=lambda frame: frame["ds"]))


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3)), min_size=1, max_size=3), st.data())
def test_the_rule_in_plain_python(lengths, data):
    """Each column against the sentences of the rule, series by series."""
    parts = []
    for number, (known, behind) in enumerate(lengths):
        cells = st.lists(st.sampled_from([1.0, 2.0, None]), min_size=known + behind, max_size=known + behind)
        y = np.array([1.0] * known + [np.nan] * behind)
        parts.append(long(days(known + behind), name=f"s{number}").assign(y=y, x=data.draw(cells)))
    cells = [
        (list(part["x"][:known]), list(part["x"][known:].dropna()))
        for part, (known, _) in zip(parts, lengths, strict=True)
    ]
    if all(set(inside) in ({1.0}, {2.0}) and set(behind) <= set(inside) for inside, behind in cells):
        expected = "static"
    else:
        expected = "future" if any(behind for _, behind in cells) else "past"
    frame = pd.concat(parts).astype({"x": "float64"})
    assert getattr(roles(frame), expected) == ("x",)
