"""CSV files, read strictly: what does not fit is named with its line, and nothing is shifted, skipped or guessed."""

import codecs
import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd

from forecasting.errors import DataError
from forecasting.sources.covariate_columns import NO_COVARIATES, CovariateColumns
from forecasting.sources.datasets import CsvSource
from forecasting.sources.files import read_bytes
from forecasting.sources.tables import RawTable, check_columns, to_long

_DELIMITERS = (",", ";", "\t", "|")
_MARKS = {"utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE), "utf-8": (codecs.BOM_UTF8,)}


def read_csv(source: CsvSource, base: Path, covariates: CovariateColumns = NO_COVARIATES) -> pd.DataFrame:
    """Long frame of a CSV file.

    Raises
    ------
    DataError
        The file is empty, has another encoding, delimiter or number of fields, or its content cannot be understood.
    SourceError
        The file cannot be read.
    """
    file, content = read_bytes(source.path, base)
    records, lines = _records(_decoded(content, source.encoding, file), source.delimiter, file)
    if not records:
        raise DataError("the file is empty", remedy="Check where it comes from.", file=file)
    header = [name.strip() for name in records[0]] if source.header else list(source.columns or ())
    _check_delimiter(records[0], source, file)
    if source.header:
        records, lines = records[1:], lines[1:]
    names = list(source.columns) if source.columns else header
    if not records:
        raise DataError("the file has a header but no rows", remedy="Check where it comes from.", file=file)
    _check_widths(records, lines, names, source, file)
    line = 1 if source.header and not source.columns else None
    wanted = check_columns(names, source, covariates, file=file, line=line)
    needed = {name: names.index(name) for name in wanted}
    frame = pd.DataFrame({name: [record[at] for record in records] for name, at in needed.items()}, dtype="str")
    return to_long(RawTable(frame, np.asarray(lines), "line", file, source.decimal), source, covariates)


def _decoded(content: bytes, encoding: str, file: str) -> str:
    codec = codecs.lookup(encoding).name
    for marked, marks in _MARKS.items():
        if content.startswith(marks) and not codec.startswith(marked):
            problem = f"the file begins with the mark of {marked}, but is read as {encoding}"
            raise DataError(problem, remedy=f'State encoding = "{marked}" in the catalog.', file=file, line=1)
    try:
        text = content.decode("utf-8-sig" if codec == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        problem = f"byte {error.start} (0x{content[error.start]:02x}) is not {encoding}"
        remedy = 'State the encoding of the file, for example encoding = "cp1252", in the catalog.'
        raise DataError(problem, remedy=remedy, file=file, line=line) from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        remedy = 'If it is UTF-16, state encoding = "utf-16-le" or "utf-16-be" in the catalog.'
        raise DataError("the file holds zero bytes, so it is no text", remedy=remedy, file=file, line=line)
    return text


def _records(text: str, delimiter: str, file: str | None) -> tuple[list[list[str]], list[int]]:
    """The fields of every line that is not blank, and the line on which each record begins."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    records, lines, begin = [], [], 1
    try:
        for record in reader:
            if any(field.strip() for field in record) or len(record) > 1:
                records.append(record)
                lines.append(begin)
            begin = reader.line_num + 1
    except csv.Error as error:
        remedy = "Look for a quotation mark that is not closed, from this line on."
        raise DataError(
            f"the line cannot be split into fields ({error})", remedy=remedy, file=file, line=begin
        ) from error
    return records, lines


def _check_delimiter(first: list[str], source: CsvSource, file: str) -> None:
    """One column only: another delimiter would probably give more."""
    if len(first) > 1:
        return
    counts = {mark: first[0].count(mark) for mark in _DELIMITERS if mark != source.delimiter}
    likely = max(counts, key=lambda mark: counts[mark])
    problem = f"with the delimiter {source.delimiter!r} the file has one column only, {first[0][:60]!r}"
    if counts[likely]:
        shown = "\\t" if likely == "\t" else likely
        remedy = f'It seems to be {likely!r}: state delimiter = "{shown}" in the catalog.'
    else:
        remedy = "A time and a number are needed; check the delimiter."
    raise DataError(problem, remedy=remedy, file=file, line=1)


def _check_widths(records: list[list[str]], lines: list[int], names: list[str], source: CsvSource, file: str) -> None:
    """Every record has as many fields as there are names."""
    widths = np.array([len(record) for record in records])
    wrong = np.flatnonzero(widths != len(names))
    if not len(wrong):
        return
    owner = "`columns` in the catalog names" if source.columns else "the header names"
    first = int(wrong[0])
    problem = f"the line has {widths[first]} fields but {owner} {len(names)} columns ({', '.join(names)})"
    if len(set(widths)) == 1:
        problem += "; so have all other lines"
        remedy = "Correct the names, or give all of them in the right order as columns = [...] in the catalog."
    else:
        problem += f"; {len(wrong)} of {len(widths)} lines differ" if len(wrong) > 1 else ""
        remedy = "Correct the line."
    raise DataError(problem, remedy=remedy, file=file, line=lines[first])
