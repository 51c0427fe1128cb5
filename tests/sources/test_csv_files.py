from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.errors import CatalogError, DataError, ForecastingError, SourceError
from forecasting.sources import DataSet, read_source

PLAIN = "time,level,flow\n2024-01-01,1.5,10\n2024-01-02,,20\n2024-01-03,-2e3,.5\n"


def dataset(**source: Any) -> DataSet:
    columns = {"time_column": "time", "targets": ["level"]} if "time_parts" not in source else {"targets": ["level"]}
    full = {"kind": "csv", "path": "river.csv", **columns, **source}
    return DataSet.model_validate({"name": "river", "title": "River", "source": full, "horizon": 1})


def read(folder: Path, content: str | bytes, **source: Any) -> pd.DataFrame:
    raw = content if isinstance(content, bytes) else content.encode()
    (folder / "river.csv").write_bytes(raw)
    return read_source(dataset(**source), folder)


def refused(folder: Path, content: str | bytes, kind: type[ForecastingError] = DataError, **source: Any) -> str:
    with pytest.raises(kind) as caught:
        read(folder, content, **source)
    said = str(caught.value)
    if kind is DataError:
        assert caught.value.exit_code == 2
        assert said.startswith(f"dataset river, file {folder / 'river.csv'}")
    return said.removeprefix(f"dataset river, file {folder / 'river.csv'}, ")


def test_a_wide_file_gives_a_series_per_target_exactly_as_read(tmp_path: Path) -> None:
    frame = read(tmp_path, PLAIN, targets=["flow", "level"])
    assert frame["unique_id"].tolist() == ["flow"] * 3 + ["level"] * 3
    assert frame["ds"].tolist() == [pd.Timestamp(2024, 1, day) for day in (1, 2, 3)] * 2
    np.testing.assert_array_equal(frame["y"], [10, 20, 0.5, 1.5, np.nan, -2000])
    assert [str(kind) for kind in frame.dtypes] == ["str", "datetime64[us]", "float64"]


def test_a_long_file_keeps_its_ids_and_its_order(tmp_path: Path) -> None:
    text = "site,time,level\nb,2024-01-02,2\na,2024-01-01,1\nb,2024-01-01,3\n"
    frame = read(tmp_path, text, id_column="site")
    assert frame["unique_id"].tolist() == ["b", "a", "b"]
    assert frame["y"].tolist() == [2, 1, 3]


def test_the_path_may_be_absolute(tmp_path: Path) -> None:
    assert len(read(tmp_path, PLAIN, path=str(tmp_path / "river.csv"))) == 3


@pytest.mark.parametrize("content", ["\ufeff" + PLAIN, PLAIN.replace("\n", "\r\n"), PLAIN.rstrip("\n"), PLAIN + "\n\n"])
def test_marks_and_line_ends_and_blank_lines_change_nothing(tmp_path: Path, content: str) -> None:
    np.testing.assert_array_equal(read(tmp_path, content)["y"], [1.5, np.nan, -2000])


def test_a_header_with_fewer_names_than_fields_is_refused_and_nothing_is_shifted(tmp_path: Path) -> None:
    said = refused(tmp_path, "time,level\n2024-01-01,1,2\n2024-01-02,3,4\n")
    assert said.startswith(
        "line 2: the line has 3 fields but the header names 2 columns (time, level); so have all other"
    )
    assert "columns = [...]" in said


def test_a_header_with_more_names_than_fields_is_refused(tmp_path: Path) -> None:
    said = refused(tmp_path, "time,level,flow\n2024-01-01,1\n2024-01-02,3\n")
    assert said.startswith("line 2: the line has 2 fields but the header names 3 columns (time, level, flow)")


def test_a_single_line_with_another_number_of_fields_is_named(tmp_path: Path) -> None:
    said = refused(tmp_path, PLAIN + "2024-01-04,1\n2024-01-05,1,2\n")
    assert said == "line 5: the line has 2 fields but the header names 3 columns (time, level, flow). Correct the line."


def test_names_can_be_given_in_the_place_of_a_wrong_header_or_of_none(tmp_path: Path) -> None:
    names = ["time", "level", "error"]
    assert read(tmp_path, "time,level\n2024-01-01,1,2\n", columns=names)["y"].tolist() == [1]
    assert read(tmp_path, "2024-01-01,1,2\n", columns=names, header=False)["y"].tolist() == [1]
    said = refused(tmp_path, "2024-01-01,1\n", columns=names, header=False)
    assert said.startswith("line 1: the line has 2 fields but `columns` in the catalog names 3 columns")


@pytest.mark.parametrize(("mark", "shown"), [(";", ";"), ("\t", "\\t"), ("|", "|")])
def test_a_wrong_delimiter_is_found_and_named_as_the_catalog_wants_it(tmp_path: Path, mark: str, shown: str) -> None:
    text = PLAIN.replace(",", mark)
    said = refused(tmp_path, text)
    assert said.startswith("line 1: with the delimiter ',' the file has one column only, ")
    assert f'state delimiter = "{shown}" in the catalog' in said
    assert len(read(tmp_path, text, delimiter=mark)) == 3


def test_a_file_of_one_column_is_refused(tmp_path: Path) -> None:
    assert "A time and a number are needed" in refused(tmp_path, "level\n1\n2\n")


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_an_empty_file_is_refused(tmp_path: Path, content: str) -> None:
    assert "the file is empty" in refused(tmp_path, content)


def test_a_header_alone_is_refused(tmp_path: Path) -> None:
    assert "the file has a header but no rows" in refused(tmp_path, "time,level\n")


def test_another_encoding_is_named_with_line_and_byte(tmp_path: Path) -> None:
    content = "time,level,site\n2024-01-01,1,Köln\n".encode("latin-1")
    said = refused(tmp_path, content)
    assert said.startswith("line 2: byte 30 (0xf6) is not utf-8")
    assert content[30] == 0xF6
    assert read(tmp_path, content, encoding="latin-1")["y"].tolist() == [1]


def test_utf_16_is_recognised_with_and_without_its_mark(tmp_path: Path) -> None:
    assert 'State encoding = "utf-16"' in refused(tmp_path, PLAIN.encode("utf-16"))
    assert len(read(tmp_path, PLAIN.encode("utf-16"), encoding="utf-16")) == 3
    assert "utf-16-le" in refused(tmp_path, PLAIN.encode("utf-16-le"))
    assert 'State encoding = "utf-8"' in refused(tmp_path, ("\ufeff" + PLAIN).encode(), encoding="latin-1")


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    said = refused(tmp_path, PLAIN, targets=["lvel"])
    assert said == "line 1, column lvel: there is no such column. Did you mean 'level'? There are: time, level, flow."


def test_a_column_that_is_there_twice_is_refused_only_if_it_is_needed(tmp_path: Path) -> None:
    text = "time,level,flow,flow\n2024-01-01,1,2,3\n"
    assert "column flow: the column is there more than once" in refused(tmp_path, text, targets=["flow"])
    assert read(tmp_path, text)["y"].tolist() == [1]


@pytest.mark.parametrize("text", ["NA", "nan", "inf", "1_000", "12 m", "٣", "0x1", "--1", "1e", "."])
def test_text_in_a_number_column_is_named_with_its_line_and_value(tmp_path: Path, text: str) -> None:
    said = refused(tmp_path, f'time,level\n2024-01-01,1\n\n2024-01-02,"{text}"\n')
    assert said.startswith(f"line 4, column level: {text!r} is text in a number column.")
    assert "missing_values" in said


@pytest.mark.parametrize("text", ["1,234.5", "1,234,567", "1 234", "-1'234.50", "1.234.567,8"])
def test_a_number_with_marks_between_the_thousands_is_refused_as_such(tmp_path: Path, text: str) -> None:
    said = refused(tmp_path, f'time,level\n2024-01-01,"{text}"\n')
    assert said == (
        f"line 2, column level: {text!r} is text in a number column. Write it without marks between the thousands."
    )


def test_only_stated_values_are_taken_as_missing(tmp_path: Path) -> None:
    text = "time,level\n2024-01-01,NA\n2024-01-02,-99.990\n2024-01-03,-1\n"
    values = read(tmp_path, text, missing_values=["NA", -99.99])["y"]
    np.testing.assert_array_equal(values, [np.nan, np.nan, -1])
    assert read(tmp_path, text, missing_values=["NA"])["y"].tolist()[1] == -99.99


def test_a_decimal_comma_has_to_be_stated(tmp_path: Path) -> None:
    text = "time;level\n2024-01-01;1,5\n2024-01-02;-,5\n"
    assert 'state decimal = ","' in refused(tmp_path, text, delimiter=";")
    assert read(tmp_path, text, delimiter=";", decimal=",")["y"].tolist() == [1.5, -0.5]
    said = refused(tmp_path, text.replace("1,5", "1.5"), delimiter=";", decimal=",")
    assert said.startswith("line 2, column level: '1.5' is text in a number column")


@pytest.mark.parametrize(
    ("text", "date_format", "expected"),
    [
        ("1959", None, "1959-01-01"),
        ("1949-03", None, "1949-03-01"),
        ("19580329", None, "1958-03-29"),
        ("2024-01-31 23:30", None, "2024-01-31T23:30"),
        ("2001Q3", None, "2001-07-01"),
        ("2001-q4", None, "2001-10-01"),
        ("31.12.2024", "%d.%m.%Y", "2024-12-31"),
        ("Jan-1-1995", "%b-%d-%Y", "1995-01-01"),
        ("1880-Jan", "%Y-%b", "1880-01-01"),
    ],
)
def test_times_are_read(tmp_path: Path, text: str, date_format: str | None, expected: str) -> None:
    frame = read(tmp_path, f"time,level\n{text},1\n", date_format=date_format)
    assert frame["ds"].tolist() == [pd.Timestamp(expected)]


def test_times_with_utc_offsets_become_utc_even_across_a_change_of_the_clock(tmp_path: Path) -> None:
    text = "time,level\n2024-03-31T01:00+01:00,1\n2024-03-31T03:00+02:00,2\n2024-03-31T02:00Z,2\n"
    frame = read(tmp_path, text)
    assert frame["ds"].tolist() == [pd.Timestamp(f"2024-03-31T0{hour}:00Z") for hour in (0, 1, 2)]


def test_integer_steps_have_to_be_stated(tmp_path: Path) -> None:
    text = "time,level\n-1,1\n0,2\n12,3\n"
    assert 'state date_format = "step"' in refused(tmp_path, text)
    steps = read(tmp_path, text, date_format="step")["ds"]
    assert steps.tolist() == [-1, 0, 12]
    assert steps.dtype == "int64"
    said = refused(tmp_path, text + "1.5,4\n", date_format="step")
    assert said.startswith("line 5, column time: '1.5' is not an integer step")


@pytest.mark.parametrize(
    ("text", "date_format", "problem"),
    [
        ("31.12.2024", None, "line 3, column time: '31.12.2024' is no ISO 8601 time."),
        ("2024-02-30", None, "line 3, column time: '2024-02-30' is no ISO 8601 time."),
        ("2024-01-02", "%d.%m.%Y", "line 2, column time: '2024-01-01' does not have the form '%d.%m.%Y'."),
        ("", None, "line 3, column time: the time is missing."),
        ("2024-01-02T00:00Z", None, "line 2, column time: '2024-01-01' has no UTC offset, other times"),
    ],
)
def test_a_time_that_cannot_be_read_is_named(tmp_path: Path, text: str, date_format: str | None, problem: str) -> None:
    said = refused(tmp_path, f"time,level\n2024-01-01,1\n{text},2\n", date_format=date_format)
    assert said.startswith(problem)


def test_a_date_format_that_means_nothing_is_a_matter_of_the_catalog(tmp_path: Path) -> None:
    assert "date_format '%Y-%!'" in refused(tmp_path, PLAIN, CatalogError, date_format="%Y-%!")


def test_a_missing_id_is_named(tmp_path: Path) -> None:
    said = refused(tmp_path, "site,time,level\na,2024-01-01,1\n ,2024-01-01,1\n", id_column="site")
    assert said.startswith("line 3, column site: the id is missing")


def test_a_quotation_mark_that_is_not_closed_is_named_with_the_line_it_opens_on(tmp_path: Path) -> None:
    said = refused(tmp_path, PLAIN + '2024-01-04,"1,2\n2024-01-05,3,4\n')
    assert said.startswith("line 5: the line cannot be split into fields")


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    text = 'time,level,note\n2024-01-01,1,"two\nlines"\n\n2024-01-02,x,\n'
    assert refused(tmp_path, text).startswith("line 5, column level: 'x' is text")


def test_time_from_year_and_quarter(tmp_path: Path) -> None:
    parts = {"year": "y", "quarter": "q"}
    frame = read(tmp_path, "y,q,level\n1959.0,4.0,1\n1960,1,2\n", time_parts=parts)
    assert frame["ds"].tolist() == [pd.Timestamp("1959-10-01"), pd.Timestamp("1960-01-01")]


def test_time_from_year_month_day_hour_and_minute(tmp_path: Path) -> None:
    parts = {"year": "y", "month": "m", "day": "d", "hour": "h", "minute": "min"}
    frame = read(tmp_path, "y,m,d,h,min,level\n2024,2,29,23,5,1\n", time_parts=parts)
    assert frame["ds"].tolist() == [pd.Timestamp("2024-02-29T23:05")]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("2023,2,29,0", "column d: there is no day year 2023, month 2, day 29, hour 0."),
        ("2023,13,1,0", "column m: '13' is no month (1 to 12)"),
        ("2023,1,1,24", "column h: '24' is no hour (0 to 23)"),
        ("2023,1.5,1,0", "column m: '1.5' is no month (1 to 12)"),
        ("2023,,1,0", "column m: '' is no month (1 to 12)"),
        ("MMXX,1,1,0", "column y: 'MMXX' is text in a number column"),
    ],
)
def test_parts_that_make_up_no_time_are_named(tmp_path: Path, row: str, problem: str) -> None:
    parts = {"year": "y", "month": "m", "day": "d", "hour": "h"}
    said = refused(tmp_path, f"y,m,d,h,level\n2020,1,1,0,1\n{row},2\n", time_parts=parts)
    assert said.startswith("line 3, " + problem)


def test_a_file_that_is_not_there_or_is_a_folder_is_a_source_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"dataset river, file .*river.csv: there is no such file") as caught:
        read_source(dataset(), tmp_path)
    assert caught.value.exit_code == 1
    with pytest.raises(SourceError, match="this is not a file"):
        read_source(dataset(path=str(tmp_path)), tmp_path)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_every_finite_number_comes_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, values: list[float]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    lines = [f"{step},{value!r}" for step, value in enumerate(values)]
    frame = read(folder, "\n".join(["time,level", *lines]), date_format="step")
    assert frame["y"].tolist() == values
