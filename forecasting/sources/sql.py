"""Rows of a query on any database that SQLAlchemy reaches; read only, and passwords never show."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pandas as pd

from forecasting.errors import DataError, ForecastingError, ParameterError, SourceError
from forecasting.settings import masked, open_database
from forecasting.sources.covariate_columns import NO_COVARIATES, CovariateColumns
from forecasting.sources.datasets import SqlSource
from forecasting.sources.files import located
from forecasting.sources.tables import check_columns, to_long, whole_table

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.engine import URL
    from sqlalchemy.exc import DBAPIError

_SQLITE_ERROR, _SQLITE_READONLY = 1, 8


def read_sql(source: SqlSource, base: Path, covariates: CovariateColumns = NO_COVARIATES) -> pd.DataFrame:
    """Long frame of a query's rows.

    The query runs in a transaction that is read only (SQLite, PostgreSQL) and is always rolled back. A relative path
    in an SQLite address begins at ``base``.

    Raises
    ------
    ParameterError
        The environment variable with the address is not set, or the address or its driver is not usable.
    SourceError
        The database cannot be reached.
    DataError
        The database refuses the query, or its rows cannot be understood.
    """
    from sqlalchemy.pool import NullPool

    url = _url(source)
    engine = open_database(_read_only(url, base), poolclass=NullPool)
    with _plain_errors(engine.url, masked(url)), engine.connect() as connection:
        frame = _rows(connection, source.query)
    wanted = check_columns([str(name) for name in frame.columns], source, covariates)
    return to_long(whole_table(frame[wanted]), source, covariates)


def _url(source: SqlSource) -> str:
    if source.url is not None:
        return source.url.get_secret_value()
    url = os.environ.get(source.url_env or "", "").strip()
    if not url:
        remedy = "Set it to the address of the database, like postgresql://user:password@host:5432/database."
        raise ParameterError("the environment variable is not set", remedy=remedy, parameter=source.url_env)
    return url


def _read_only(url: str, base: Path) -> str:
    """An SQLite file is opened so that it can be neither made nor changed; other addresses stay as they are."""
    scheme, mark, path = url.partition(":///")
    if not mark or scheme.split("+")[0] != "sqlite" or path.startswith(("file:", ":memory:")):
        return url
    return f"{scheme}:///file:{quote(str(located(path, base).resolve()))}?mode=ro&uri=true"


def _rows(connection: "Connection", query: str) -> pd.DataFrame:
    is_postgres = connection.dialect.name == "postgresql"
    options = {"postgresql_readonly": True} if is_postgres else {}
    result = connection.execution_options(no_parameters=True, **options).exec_driver_sql(query)
    if not result.returns_rows:
        raise DataError("the query gives no rows back", remedy="Write a SELECT.")
    return pd.DataFrame(result.fetchall(), columns=list(result.keys()))


@contextmanager
def _plain_errors(address: "URL", shown: str) -> Iterator[None]:
    """Errors of the driver as errors of this package, without the password and without the driver's own trace."""
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    problem: ForecastingError
    try:
        yield
        return
    except DBAPIError as error:
        said = _without_password(" ".join(str(error.orig).split()), address)
        if _is_about_query(error):
            problem = DataError(f"{shown} refuses the query: {said}", remedy="Correct the query in the catalog.")
        else:
            problem = SourceError(
                f"{shown} cannot be read: {said}", remedy="Check the address and the server, or try again."
            )
    except SQLAlchemyError as error:
        said = _without_password(str(error), address)
        problem = SourceError(f"{shown} cannot be read: {said}", remedy="Check the address and the server.")
    raise problem


def _without_password(text: str, address: "URL") -> str:
    password = str(address.password or "")
    for secret in (password, quote(password, safe="")):
        text = text.replace(secret, "***") if secret else text
    return masked(text)


def _is_about_query(error: "DBAPIError") -> bool:
    from sqlalchemy.exc import InterfaceError, OperationalError

    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in (_SQLITE_ERROR, _SQLITE_READONLY)
    return not isinstance(error, OperationalError | InterfaceError)
