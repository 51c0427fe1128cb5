"""Parquet files."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from forecasting.errors import DataError
from forecasting.sources.covariate_columns import NO_COVARIATES, CovariateColumns
from forecasting.sources.datasets import ParquetSource
from forecasting.sources.files import located
from forecasting.sources.tables import check_columns, to_long, whole_table


def read_parquet(source: ParquetSource, base: Path, covariates: CovariateColumns = NO_COVARIATES) -> pd.DataFrame:
    """Long frame of a Parquet file; of its columns only those that the catalog names are read.

    Raises
    ------
    DataError
        The file is no Parquet file, is damaged, or its content cannot be understood.
    SourceError
        The file is absent.
    """
    file = located(source.path, base)
    try:
        with pq.ParquetFile(file) as opened:
            wanted = check_columns(opened.schema_arrow.names, source, covariates, file=str(file))
            frame = opened.read(columns=wanted).to_pandas(ignore_metadata=True)
    except (pa.ArrowException, OSError) as error:
        problem = f"the file is no Parquet file, or is damaged ({str(error).splitlines()[0]})"
        raise DataError(problem, remedy="Write or fetch it again.", file=file) from error
    return to_long(whole_table(frame, file=str(file)), source, covariates)
