"""Tables that come with packages this one depends on."""

import pandas as pd

from forecasting.sources.covariate_columns import NO_COVARIATES, CovariateColumns
from forecasting.sources.datasets import Columns, SampleSource, TimeParts
from forecasting.sources.tables import to_long, whole_table


def read_sample(source: SampleSource, covariates: CovariateColumns = NO_COVARIATES) -> pd.DataFrame:
    """Long frame of a sample.

    - ``sp500``: daily open, high, low, close, adj_close and volume, 1999 to 2018 (package ``arch``).
    - ``mauna-loa-co2``: weekly co2 in ppm, 1958 to 2001, with missing weeks (package ``statsmodels``).
    - ``us-macro``: quarterly macroeconomic series of the United States, 1959 to 2009 (package ``statsmodels``).

    Raises
    ------
    DataError
        A target is no column of the sample.
    CatalogError
        A covariate is none.
    """
    frame = {"sp500": _sp500, "mauna-loa-co2": _co2, "us-macro": _macro}[source.sample]()
    if source.sample == "us-macro":
        columns = Columns(time_parts=TimeParts(year="year", quarter="quarter"), targets=source.targets)
    else:
        columns = Columns(time_column="date", targets=source.targets)
    return to_long(whole_table(frame), columns, covariates)


def _sp500() -> pd.DataFrame:
    from arch.data import sp500

    frame = sp500.load().rename(columns=lambda name: name.lower().replace(" ", "_"))
    return frame.rename_axis("date").reset_index()


def _co2() -> pd.DataFrame:
    from statsmodels.datasets import co2

    frame: pd.DataFrame = co2.load_pandas().data
    return frame.rename_axis("date").reset_index()


def _macro() -> pd.DataFrame:
    from statsmodels.datasets import macrodata

    frame: pd.DataFrame = macrodata.load_pandas().data
    return frame
