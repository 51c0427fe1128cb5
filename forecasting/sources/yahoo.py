"""Quotes of Yahoo Finance, through the package yfinance."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import BufferingHandler

import pandas as pd

from forecasting.errors import DataError, ParameterError, SourceError
from forecasting.sources.datasets import YahooSource

_SECONDS = 30


def read_yahoo(source: YahooSource) -> pd.DataFrame:
    """Long frame of quotes, one series per ticker.

    Tickers of different exchanges come joined on all their days; a day on which a ticker has no quote at all is left
    out for it, because that is how the answer is joined and not something that was observed.

    Raises
    ------
    ParameterError
        yfinance is not installed.
    SourceError
        The service cannot be reached or refuses; or it knows nothing of a ticker.
    DataError
        The answer has another shape than expected.
    """
    try:
        import yfinance
    except ModuleNotFoundError as error:
        remedy = "Install it: pip install 'rnn-forecasting[yahoo]'."
        raise ParameterError(f"the package {error.name} is not installed", remedy=remedy) from error
    span = {"period": "max"} if source.start is None else {"start": source.start.isoformat()}
    try:
        with _heard() as said:
            answer = yfinance.download(
                list(source.tickers),
                interval=source.interval,
                auto_adjust=False,
                group_by="column",
                progress=False,
                threads=False,
                timeout=_SECONDS,
                **span,
            )
    except (yfinance.exceptions.YFException, OSError) as error:
        remedy = "Try again later; many requests in a short time are refused."
        raise SourceError(f"Yahoo Finance gave no answer ({error})", remedy=remedy) from error
    try:
        return quotes_to_long(answer, source)
    except SourceError as error:
        if not said:
            raise
        problem = f"{error.problem} ({' '.join(said[-1].split())})"
        raise SourceError(problem, remedy=error.remedy, **error.where) from None


@contextmanager
def _heard() -> Iterator[list[str]]:
    """What yfinance logs as an error, in a list instead of on the terminal; its warnings are about its own code."""
    logger, handler, said = logging.getLogger("yfinance"), BufferingHandler(1000), list[str]()
    before = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield said
    finally:
        logger.removeHandler(handler)
        logger.propagate = before
        said += [record.getMessage() for record in handler.buffer if record.levelno >= logging.ERROR]


def quotes_to_long(answer: pd.DataFrame | None, source: YahooSource) -> pd.DataFrame:
    """Long frame of an answer whose columns are pairs (field, ticker) and whose index is the time."""
    if answer is None or not len(answer):
        remedy = "Check the network and the tickers, then try again."
        raise SourceError(f"Yahoo Finance sent nothing for {', '.join(source.tickers)}", remedy=remedy)
    if answer.columns.nlevels != 2 or not isinstance(answer.index, pd.DatetimeIndex):
        remedy = "Use a version of yfinance that answers with columns (field, ticker), from 1.0 on."
        raise DataError("the answer of Yahoo Finance has an unknown shape", remedy=remedy)
    parts = []
    for ticker in source.tickers:
        if (source.field, ticker) not in answer.columns:
            raise SourceError(f"Yahoo Finance sent no {source.field!r}", remedy="Check the ticker.", series=ticker)
        quotes = answer.xs(ticker, axis=1, level=1).dropna(how="all")
        if not len(quotes):
            raise SourceError("Yahoo Finance sent no quotes", remedy="Check the ticker, or try again.", series=ticker)
        values = quotes[source.field].to_numpy(dtype="float64", na_value=float("nan"))
        parts.append(pd.DataFrame({"unique_id": ticker, "ds": quotes.index, "y": values}))
    return pd.concat(parts, ignore_index=True).astype({"unique_id": "str"})
