"""The service cannot be asked by tests; the answers here have the shape that yfinance gives them."""

import logging
import sys
import warnings
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecasting.errors import DataError, ParameterError, SourceError
from forecasting.sources import DataSet, read_source
from forecasting.sources.datasets import YahooSource
from forecasting.sources.yahoo import quotes_to_long

FIELDS = ["Adj Close", "Close", "High", "Low", "Open", "Volume"]
DAYS = pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-04"], name="Date").as_unit("s")


def answer(*tickers: str, index: pd.DatetimeIndex = DAYS) -> pd.DataFrame:
    """Value 100 x field + 10 x ticker + day, so that each cell says where it stands."""
    columns = pd.MultiIndex.from_product([FIELDS, tickers], names=["Price", "Ticker"])
    cells = [[100 * f + 10 * t + d for f in range(6) for t in range(len(tickers))] for d in range(len(index))]
    return pd.DataFrame(cells, index=index, columns=columns, dtype="float64")


def source(*tickers: str, **more: Any) -> YahooSource:
    return YahooSource.model_validate({"kind": "yahoo", "tickers": list(tickers), **more})


def dataset(*tickers: str, **more: Any) -> DataSet:
    entry = {"kind": "yahoo", "tickers": list(tickers), **more}
    return DataSet.model_validate({"name": "banks", "title": "Banks", "source": entry, "horizon": 1})


class FakeService(ModuleType):
    """Stands in for the package: records what it is asked, answers with a frame or raises."""

    class YFException(Exception):  # noqa: N818
        pass

    def __init__(self, says: pd.DataFrame | Exception | None) -> None:
        super().__init__("yfinance")
        self.exceptions = SimpleNamespace(YFException=self.YFException)
        self.says = says
        self.asked: dict[str, Any] = {}

    def download(self, tickers: list[str], **options: Any) -> pd.DataFrame | None:
        self.asked = {"tickers": tickers, **options}
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


def test_one_field_of_each_ticker_becomes_a_series() -> None:
    frame = quotes_to_long(answer("JPM", "BAC"), source("BAC", "JPM", field="Adj Close"))
    assert frame["unique_id"].tolist() == ["BAC"] * 3 + ["JPM"] * 3
    assert frame["y"].tolist() == [10, 11, 12, 0, 1, 2]
    assert frame["ds"].tolist() == DAYS.tolist() * 2
    assert quotes_to_long(answer("JPM"), source("JPM"))["y"].tolist() == [100, 101, 102]


def test_times_of_hourly_quotes_keep_their_zone() -> None:
    index = pd.date_range("2024-01-02 14:30", periods=2, freq="h", tz="America/New_York", name="Datetime")
    frame = quotes_to_long(answer("JPM", index=index), source("JPM", interval="1h"))
    assert frame["ds"].tolist() == index.tolist()


def test_a_day_without_any_quote_of_a_ticker_is_left_out_and_a_single_missing_field_is_not() -> None:
    joined = answer("JPM", "SAP.DE")
    joined.loc[DAYS[1], (slice(None), "SAP.DE")] = np.nan
    joined.loc[DAYS[2], ("Close", "SAP.DE")] = np.nan
    frame = quotes_to_long(joined, source("SAP.DE"))
    assert frame["ds"].tolist() == [DAYS[0], DAYS[2]]
    np.testing.assert_array_equal(frame["y"], [110, np.nan])


def test_an_answer_without_the_ticker_or_without_its_quotes_is_a_source_error() -> None:
    with pytest.raises(SourceError, match="series BAC: Yahoo Finance sent no 'Close'"):
        quotes_to_long(answer("JPM"), source("JPM", "BAC"))
    nothing = answer("JPM", "BAC")
    nothing.loc[:, (slice(None), "BAC")] = np.nan
    with pytest.raises(SourceError, match="series BAC: Yahoo Finance sent no quotes"):
        quotes_to_long(nothing, source("JPM", "BAC"))
    for empty in (None, answer("JPM").iloc[:0]):
        with pytest.raises(SourceError, match="Yahoo Finance sent nothing for JPM"):
            quotes_to_long(empty, source("JPM"))


def test_an_answer_of_another_shape_is_refused() -> None:
    with pytest.raises(DataError, match="unknown shape"):
        quotes_to_long(answer("JPM").droplevel(1, axis=1), source("JPM"))


def test_the_service_is_asked_for_unadjusted_quotes_of_the_whole_span(monkeypatch: pytest.MonkeyPatch) -> None:
    service = FakeService(answer("JPM"))
    monkeypatch.setitem(sys.modules, "yfinance", service)
    assert len(read_source(dataset("JPM"), Path("/"))) == 3
    asked = {key: service.asked[key] for key in ("tickers", "interval", "auto_adjust", "group_by", "period")}
    assert asked == {
        "tickers": ["JPM"],
        "interval": "1d",
        "auto_adjust": False,
        "group_by": "column",
        "period": "max",
    }


def test_a_start_takes_the_place_of_the_whole_span(monkeypatch: pytest.MonkeyPatch) -> None:
    import datetime

    service = FakeService(answer("JPM"))
    monkeypatch.setitem(sys.modules, "yfinance", service)
    read_source(dataset("JPM", start=datetime.date(2010, 1, 4), interval="1wk"), Path("/"))
    assert (service.asked["start"], service.asked["interval"]) == ("2010-01-04", "1wk")
    assert "period" not in service.asked


@pytest.mark.parametrize("failure", [FakeService.YFException("Too Many Requests"), ConnectionError("no route to host")])
def test_a_service_that_does_not_answer_is_a_source_error(failure: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yfinance", FakeService(failure))
    with pytest.raises(SourceError, match=f"dataset banks: Yahoo Finance gave no answer \\({failure}\\)"):
        read_source(dataset("JPM"), Path("/"))


def test_what_the_package_logs_and_warns_of_is_told_in_the_error_and_not_on_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    class Talkative(FakeService):
        def download(self, tickers: list[str], **options: Any) -> pd.DataFrame | None:
            logging.getLogger("yfinance").warning("no cookie")
            logging.getLogger("yfinance").error("could not\nresolve host")
            warnings.warn("inplace is deprecated", DeprecationWarning, stacklevel=2)
            return super().download(tickers, **options)

    monkeypatch.setitem(sys.modules, "yfinance", Talkative(None))
    with pytest.raises(SourceError) as caught:
        read_source(dataset("JPM"), Path("/"))
    assert caught.value.problem == "Yahoo Finance sent nothing for JPM (could not resolve host)"
    assert caught.value.where == {"dataset": "banks"}
    assert capsys.readouterr() == ("", "")
    assert not recwarn.list
    assert logging.getLogger("yfinance").propagate
    assert not logging.getLogger("yfinance").handlers


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yfinance", None)
    with pytest.raises(
        ParameterError, match=r"yfinance is not installed\. Install it: pip install 'rnn-forecasting\[yahoo\]'"
    ):
        read_source(dataset("JPM"), Path("/"))
