"""Printed tables."""

import math

import pandas as pd

from benchmarks.report import machine, markdown


def test_a_frame_becomes_a_markdown_table() -> None:
    table = pd.DataFrame(
        {"OWA": [0.4, math.nan], "seconds": [12.34, 5.0], "windows": [3, 4], "note": ["x", ""]}, index=["ours", "b"]
    ).rename_axis("model")
    assert markdown(table).splitlines() == [
        "| model |   OWA | seconds | windows | note |",
        "| :---- | ----: | ------: | ------: | ---: |",
        "| ours  | 0.400 |    12.3 |       3 |    x |",
        "| b     |       |     5.0 |       4 |      |",
    ]


def test_the_machine_is_named_with_versions() -> None:
    assert "tensorflow 2" in machine()
    assert "Python 3" in machine()
