from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.errors import CatalogError
from forecasting.sources.cron import check_cron


@pytest.mark.parametrize(
    "expression",
    ["* * * * *", "30 17 * * mon-fri", "*/15 0-6,18-23 1,15 JAN-jun 0", "0 0 29 2 *", "5/10 1 * * 5-7",
     "0 7 31 1-12/2 *", "0 0 31 2,3 mon"],
)  # fmt: skip
def test_valid_expressions_are_accepted(expression: str) -> None:
    assert check_cron(expression) == expression


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("", "has 0 fields"),
        ("* * * *", "has 4 fields"),
        ("0 * * * * *", "has 6 fields"),
        ("@daily", "has 1 fields"),
        ("60 * * * *", "'60' is no minute"),
        ("* 24 * * *", "'24' is no hour"),
        ("* * 0 * *", "'0' is no day of the month"),
        ("* * * 13 *", "'13' is no month"),
        ("* * * * 8", "'8' is no day of the week"),
        ("* * * mon *", "'mon' is no month"),
        ("5-1 * * * *", "the range '5-1' of the minute runs backwards"),
        ("*/0 * * * *", "the step of '*/0' does not fit the minute"),
        ("*/60 * * * *", "the step of '*/60' does not fit the minute"),
        ("1,,2 * * * *", "'' is no cron value for the minute"),
        ("-1 * * * *", "'-1' is no cron value for the minute"),
        ("H * * * *", "'H' is no minute"),
        ("* * L * *", "'L' is no day of the month"),
        ("0 0 31 2,4 *", "names a day that never comes"),
        ("0 0 30 2 sun", "names a day that never comes"),
        ("٣ * * * *", "'٣' is no cron value"),
    ],
)
def test_what_is_wrong_is_named(expression: str, problem: str) -> None:
    with pytest.raises(CatalogError) as caught:
        check_cron(expression)
    assert problem in str(caught.value)


def part(low: int, high: int) -> st.SearchStrategy[str]:
    value = st.integers(low - 1, high + 1)
    step = st.integers(1, high)
    return st.one_of(
        st.just("*"),
        value.map(str),
        st.tuples(value, value).map(lambda pair: f"{pair[0]}-{pair[1]}"),
        step.map(lambda n: f"*/{n}"),
        st.tuples(value, value, step).map(lambda triple: f"{triple[0]}-{triple[1]}/{triple[2]}"),
    )


@given(st.tuples(part(0, 59), part(0, 23), part(1, 31), part(1, 12), part(0, 7)).map(" ".join))
def test_the_scheduler_accepts_and_can_run_whatever_is_accepted_here(expression: str) -> None:
    # The parser that the scheduler uses; it is not public, and this test notices when another takes its place.
    from prefect._vendor.croniter import croniter

    try:
        check_cron(expression)
    except CatalogError:
        return
    assert croniter.is_valid(expression)
    assert croniter(expression, datetime(2024, 1, 1)).get_next(datetime) > datetime(2024, 1, 1)
