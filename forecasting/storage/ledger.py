"""The forecast ledger: every forecast that was made, once, in SQLite or PostgreSQL."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sqlalchemy import inspect, select, text
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.schema import CreateTable

from forecasting.errors import ForecastingError, ParameterError, SourceError, StorageError
from forecasting.settings import masked, open_database
from forecasting.storage.ledger_rows import to_frame, to_rows
from forecasting.storage.ledger_tables import FORECASTS, SCHEMA, SCHEMA_VERSION, encode_times, metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection

_BUSY_SECONDS = 30
_PAUSE_SECONDS = 0.02
_LOCK = 7_303_014_611_892_021
_INSERTS: dict[str, Any] = {"sqlite": sqlite_insert, "postgresql": postgres_insert}


class Ledger:
    """Forecasts by (data set, series, cutoff, step, model version); what is there already is never changed.

    The tables are made at the first use. A ledger can be used by several threads and processes at the same time.

    Parameters
    ----------
    url : str
        SQLAlchemy address of an SQLite or PostgreSQL database.

    Raises
    ------
    ParameterError
        The address cannot be used, or is of another kind of database.
    """

    def __init__(self, url: str) -> None:
        """Remember the address; nothing is connected or made yet."""
        self._shown = masked(url)
        is_sqlite = url.startswith("sqlite")
        self._engine = open_database(url, **({"connect_args": {"timeout": _BUSY_SECONDS}} if is_sqlite else {}))
        if self._engine.dialect.name not in _INSERTS:
            problem = f"the ledger cannot be kept in {self._engine.dialect.name}"
            raise ParameterError(problem, remedy="Use SQLite or PostgreSQL.", parameter="FORECASTING_DATABASE_URL")
        self._insert = _INSERTS[self._engine.dialect.name]
        self._ready = False

    def __repr__(self) -> str:
        """Without the password of the address."""
        return f"Ledger({self._shown!r})"

    def __enter__(self) -> "Ledger":
        """To be closed at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def write(self, dataset: str, model_version: str, snapshot_digest: str, forecasts: pd.DataFrame) -> int:
        """Keep forecasts in one transaction.

        A key that is there already, made from the same snapshot, is left as it is. Made from another one, because the
        data were revised, it is replaced: the ledger holds what is known now, and says from which snapshot.

        Parameters
        ----------
        dataset, model_version, snapshot_digest : str
        forecasts : DataFrame
            Long, as an estimator's ``predict`` returns it, and with columns ``cutoff`` and ``step`` (from 1).

        Returns
        -------
        int
            Rows written or replaced; 0 when all were there.

        Raises
        ------
        DataError
            The frame lacks a column, or holds a number that is not finite or a key twice.
        StorageError
            The database cannot be written to; then nothing was written.
        """
        rows = to_rows(forecasts, dataset=dataset, model_version=str(model_version), snapshot=snapshot_digest)
        if not rows:
            return 0
        insert = self._insert(FORECASTS)
        keys = FORECASTS.primary_key.columns.keys()
        statement = insert.on_conflict_do_update(
            index_elements=keys,
            set_={name: insert.excluded[name] for name in FORECASTS.c.keys() if name not in keys},  # noqa: SIM118
            where=FORECASTS.c.snapshot != insert.excluded.snapshot,
        ).returning(FORECASTS.c.step)
        with self._errors():
            self._prepare()
            with self._engine.begin() as connection:
                return len(connection.execute(statement, rows).all())

    def read(
        self,
        dataset: str | None = None,
        *,
        unique_id: str | None = None,
        cutoff: Any = None,
        model_version: str | None = None,
    ) -> pd.DataFrame:
        """Forecasts that were kept, sorted by data set, series, cutoff, model version and step.

        Parameters
        ----------
        dataset, unique_id, model_version : str, optional
            Only these.
        cutoff : time stamp, ISO 8601 text or int, optional
            Only this cutoff; with a time zone if the data have one.

        Returns
        -------
        DataFrame
            Columns ``dataset``, ``unique_id``, ``cutoff``, ``step``, ``ds``, ``model``, ``model_version``, ``point``,
            ``lo-80``, ``hi-80`` (and so on for each level that occurs, NaN where a forecast has none), ``snapshot``,
            ``created`` (UTC). Times have the type and zone that they were written with.

        Raises
        ------
        ParameterError
            ``cutoff`` is neither a time nor a step.
        StorageError
            The database cannot be read.
        """
        wanted = {"dataset": dataset, "unique_id": unique_id, "model_version": model_version}
        if cutoff is not None:
            wanted["cutoff"] = _cutoff_text(cutoff)
        statement = select(FORECASTS).order_by(
            *(FORECASTS.c[name] for name in ("dataset", "unique_id", "cutoff_order", "model_version", "step"))
        )
        for name, value in wanted.items():
            if value is not None:
                statement = statement.where(FORECASTS.c[name] == value)
        with self._errors():
            self._prepare()
            with self._engine.connect() as connection:
                rows = connection.execute(statement).all()
        return to_frame([tuple(row) for row in rows], [column.name for column in FORECASTS.columns])

    def _prepare(self) -> None:
        """Make the tables if they are not there, and refuse a ledger that another version of them was made by."""
        if self._ready:
            return
        database = self._engine.url.database
        if self._engine.dialect.name == "sqlite" and database and not database.startswith((":", "file:")):
            Path(database).parent.mkdir(parents=True, exist_ok=True)
        with self._engine.connect() as connection:
            is_new = not inspect(connection).has_table(SCHEMA.name)
        if is_new:
            self._make_tables()
        with self._engine.connect() as connection:
            found = connection.execute(select(SCHEMA.c.version)).scalars().all()
        if list(found) != [SCHEMA_VERSION]:
            problem = (
                f"the ledger has schema version {', '.join(map(str, found)) or 'none'}, needed is {SCHEMA_VERSION}"
            )
            raise StorageError(problem, remedy="Use the version of the package that made it.", file=self._shown)
        self._ready = True

    def _make_tables(self) -> None:
        if self._engine.dialect.name == "sqlite":
            self._let_readers_go_on()
        version = self._insert(SCHEMA).values(version=SCHEMA_VERSION, created=datetime.now(UTC).isoformat())
        with self._engine.begin() as connection:
            self._lock(connection)
            for table in metadata.sorted_tables:
                connection.execute(CreateTable(table, if_not_exists=True))
            connection.execute(version.on_conflict_do_nothing())

    def _let_readers_go_on(self) -> None:
        """Write-ahead logging, so that readers of SQLite do not wait for a writer.

        Beside another writer the change of mode fails at once, whatever the connection's time-out is, because it would
        wait while it holds a lock itself; so it is tried again from the start.
        """
        end = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                with self._engine.connect() as connection:
                    connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            except OperationalError as error:
                code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF  # the rest tells what it is busy with
                if code != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                    raise
                time.sleep(_PAUSE_SECONDS)
            else:
                return

    @staticmethod
    def _lock(connection: "Connection") -> None:
        """One process at a time makes tables; IF NOT EXISTS alone does not see to that.

        PostgreSQL may run two of them at once, and sqlite3 begins no transaction for them by itself, so that another
        process may see a table without its version.
        """
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except ForecastingError:
            raise
        except SQLAlchemyError as error:
            said = " ".join(str(getattr(error, "orig", None) or error).split())
            remedy = "Check the address (FORECASTING_DATABASE_URL), the server and the disk."
            problem = f"the ledger {self._shown} cannot be used: {masked(said)}"
            passing = isinstance(error, OperationalError | InterfaceError)  # not reached, or locked
            failure: ForecastingError = (SourceError if passing else StorageError)(problem, remedy=remedy)
        except OSError as error:
            remedy = "Check the disk and its permissions."
            failure = StorageError(f"the ledger {self._shown} cannot be used: {error}", remedy=remedy)
        else:
            return
        raise failure


def _cutoff_text(cutoff: Any) -> str:
    """A cutoff as the table holds it."""
    try:
        times = pd.Series([cutoff if isinstance(cutoff, int | np.integer) else pd.Timestamp(cutoff)])
    except (ValueError, TypeError) as error:
        problem = f"{cutoff!r} is neither a time nor a step"
        raise ParameterError(problem, remedy="Give it as 2024-03-31T12:00Z.", parameter="cutoff") from error
    return encode_times(times)[0][0]
