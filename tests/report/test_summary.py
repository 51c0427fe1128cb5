"""The sentence on top says what the table says, in whichever direction it went."""

import math

import pandas as pd
import pytest

from forecasting.report.summary import accuracy_rows, choose_series, headline, side_by_side

NAN = math.nan


def table(ours: list[float], naive: list[float], coverage: float = 78.4) -> pd.DataFrame:
    """An accuracy table with the MASEs of several series and their means."""

    def rows(model: str, scores: list[float]) -> pd.DataFrame:
        known = [score for score in scores if not math.isnan(score)]
        scores = [*scores, sum(known) / len(known) if known else NAN]
        names = [*(f"s{i}" for i in range(len(scores) - 1)), "(all)"]
        columns = dict.fromkeys(("MASE", "MAE", "sMAPE"), scores) | {"coverage-80": coverage}
        return pd.DataFrame({"unique_id": names, "model": model} | columns)

    return pd.concat([rows("SimpleRNN", ours), rows("SeasonalNaive", naive)], ignore_index=True)


@pytest.mark.parametrize(
    ("ours", "naive", "verdict", "text"),
    [
        ([0.5, 0.6, 0.7, 1.04], [0.9, 0.9, 0.9, 1.0], "better", "Better than the seasonal naive on 3 of 4 series"),
        ([0.5, 1.1, 1.1], [3, 1, 1], "better", "Better than the seasonal naive on average, but only on 1 of 3 series"),
        ([2, 1.1], [1, 1], "worse", "Worse than the seasonal naive, and better only on 0 of 2 series"),
        ([3, 0.9, 0.9], [1, 1, 1], "worse", "Worse than the seasonal naive on average, though better on 2 of 3 series"),
        (
            [1, 2],
            [1, 2],
            "equal",
            "As good as the seasonal naive on average, and better on 0 of 2 series and level on 2",
        ),
        ([0.7], [0.9], "better", "Better than the seasonal naive; MASE 0.70 against 0.90"),
        ([1.9], [0.9], "worse", "Worse than the seasonal naive; MASE 1.90 against 0.90, 111 % more"),
        ([NAN, 0.5, 0.6], [NAN, 1, 1], "better", "Better than the seasonal naive on 2 of 2 series"),
    ],
)
def test_headline_follows_the_pooled_mase_and_the_count_of_series(ours, naive, verdict, text) -> None:
    found = headline(table(ours, naive))

    assert found.verdict == verdict
    assert found.text.startswith(text)
    assert found.text.endswith("; the 80 % interval covered 78 %.")


def test_headline_shows_as_many_digits_as_tell_the_two_apart() -> None:
    assert "MASE 0.7012 against 0.7013, under 1 % less" in headline(table([0.7012], [0.7013])).text
    assert "MASE 0.71 against 0.93, 23 % less" in headline(table([0.712], [0.93])).text


def test_headline_without_any_scale_says_that_nothing_was_compared() -> None:
    found = headline(table([NAN], [NAN]))

    assert found.verdict == "unknown"
    assert found.text.startswith("Not compared")


def test_headline_without_intervals_is_silent_about_coverage() -> None:
    assert headline(table([0.7], [0.9], coverage=NAN)).text == (
        "Better than the seasonal naive; MASE 0.70 against 0.90, 22 % less."
    )


def test_series_come_worst_ratio_first_and_unknown_ones_last() -> None:
    pair = side_by_side(table([0.5, NAN, 3, 1], [1, NAN, 1, 1]), "SimpleRNN", "SeasonalNaive")

    assert list(pair.index) == ["(all)", "s2", "s3", "s0", "s1"]
    assert pair["ratio"].tolist()[1:4] == [3, 1, 0.5]


def test_the_worst_the_median_and_the_best_are_drawn_and_named_so() -> None:
    pair = side_by_side(table([0.5, 0.1, 0.9, 0.3, 0.7], [1, 1, 1, 1, 1]), "SimpleRNN", "SeasonalNaive")

    assert [(shown.series, shown.reason) for shown in choose_series(pair)] == [
        ("s2", "The worst of 5 by MASE: 0.90, seasonal naive 1.00"),
        ("s0", "The median of 5 by MASE: 0.50, seasonal naive 1.00"),
        ("s1", "The best of 5 by MASE: 0.10, seasonal naive 1.00"),
    ]


def test_three_series_or_fewer_are_all_drawn() -> None:
    pair = side_by_side(table([0.5, NAN], [1, NAN]), "SimpleRNN", "SeasonalNaive")

    assert [(shown.series, shown.reason) for shown in choose_series(pair)] == [
        ("s0", "MASE 0.50, seasonal naive 1.00"),
        ("s1", "MASE unknown"),
    ]


def test_rows_mark_the_better_of_the_two_and_neither_when_equal_or_unknown() -> None:
    pair = side_by_side(table([0.5, 2, 1, NAN], [1, 1, 1, NAN]), "SimpleRNN", "SeasonalNaive")

    measures, rows = accuracy_rows(pair, limit=10)

    assert measures == ["MASE", "MAE", "sMAPE", "coverage-80"]
    marks = {name: [cell.better for cell in cells[1:3]] for name, cells in rows}
    assert marks == {
        "all series (mean)": [False, True],
        "s1": [False, True],
        "s2": [False, False],
        "s0": [True, False],
        "s3": [False, False],
    }
    assert [cell.text for cell in rows[1][1]] == ["2.00", "2.00", "1.00", "2.000", "1.000", "2.00", "1.00", "78", "78"]
    assert rows[-1][1][0].text == "n/a"


def test_only_so_many_series_are_listed_and_a_single_one_without_its_mean() -> None:
    many = side_by_side(table([0.5, 0.6, 0.7], [1, 1, 1]), "SimpleRNN", "SeasonalNaive")
    one = side_by_side(table([0.5], [1]), "SimpleRNN", "SeasonalNaive")

    assert [name for name, _ in accuracy_rows(many, limit=2)[1]] == ["all series (mean)", "s2", "s1"]
    assert [name for name, _ in accuracy_rows(one, limit=2)[1]] == ["s0"]
