"""One way to read any data set."""

from pathlib import Path

import pandas as pd

from forecasting.errors import ForecastingError
from forecasting.sources.datasets import CsvSource, DataSet, ParquetSource, SqlSource, YahooSource


def read_source(dataset: DataSet, base: Path) -> pd.DataFrame:
    """Read what the source of a data set holds, exactly as it is there.

    Parameters
    ----------
    dataset : DataSet
    base : Path
        Where relative paths begin: the home folder.

    Returns
    -------
    DataFrame
        Long, with columns ``unique_id`` (str), ``ds`` (datetime64 or int64), ``y`` (float64), and the covariates of the
        data set. Nothing is sorted, filled, dropped or resampled; what is missing is NaN.

    Raises
    ------
    DataError
        The content cannot be understood; the message names file or query, column and line or row.
    CatalogError
        The source has no column of a covariate; the message names the key. See `forecasting.sources.placed`.
    SourceError
        The source cannot be reached.
    ParameterError
        A package or an environment variable that the source needs is not there.
    """
    try:
        return _read(dataset, base)
    except ForecastingError as error:
        raise error.at(dataset=dataset.name).with_traceback(error.__traceback__) from error.__cause__


def _read(dataset: DataSet, base: Path) -> pd.DataFrame:
    source, covariates = dataset.source, dataset.covariate_columns
    if isinstance(source, CsvSource):
        from forecasting.sources.csv_files import read_csv

        return read_csv(source, base, covariates)
    if isinstance(source, ParquetSource):
        from forecasting.sources.parquet_files import read_parquet

        return read_parquet(source, base, covariates)
    if isinstance(source, SqlSource):
        from forecasting.sources.sql import read_sql

        return read_sql(source, base, covariates)
    if isinstance(source, YahooSource):
        from forecasting.sources.yahoo import read_yahoo

        return read_yahoo(source)
    from forecasting.sources.samples import read_sample

    return read_sample(source, covariates)
