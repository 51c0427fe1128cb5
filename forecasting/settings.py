"""Where things are kept, read from the environment, and how a database address becomes an engine."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecasting.errors import ParameterError

if TYPE_CHECKING:
    from sqlalchemy import Engine

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED_CATALOG = _PACKAGE / "sources" / "catalog.toml"
_CHECKOUT = _PACKAGE.parent
_PASSWORD = re.compile(r"(?<=://)([^/@:\s]*):\S*(?=@)|(?<=[?&])(\w*(?:password|passwd|pwd|secret|token))=[^&\s]*", re.I)
_POSTGRES = re.compile(r"^postgres(?:ql)?://")
CONNECT_SECONDS = 10


@dataclass(frozen=True)
class Settings:
    """The places that every part of the pipeline reads from and writes to.

    Attributes
    ----------
    home : Path
        Folder below which everything local is kept; absolute.
    database_url : str
        SQLAlchemy address of the forecast ledger. May hold a password, so it is not part of ``repr``.
    tracking_uri : str
        Address of the MLflow tracking store or server; not part of ``repr`` either.
    prefect_api_url : str or None
        Address of a Prefect server; None: flows run without one.
    """

    home: Path
    database_url: str = field(repr=False)
    tracking_uri: str = field(repr=False)
    prefect_api_url: str | None = field(repr=False, default=None)

    @property
    def catalog_path(self) -> Path:
        """The home's own ``data/catalog.toml`` where there is one, otherwise the catalog of the package."""
        own = self.home / "data" / "catalog.toml"
        return own if own.exists() else built_in_catalog()

    @property
    def snapshots(self) -> Path:
        """Folder of the snapshots of what was ingested."""
        return self.home / "data" / "store"

    @property
    def artifacts(self) -> Path:
        """Folder of the tracking store's artifacts."""
        return self.home / "mlflow" / "artifacts"


def built_in_catalog() -> Path:
    """The catalog that comes with the package: inside an installed wheel, or ``data/catalog.toml`` of a checkout."""
    return _INSTALLED_CATALOG if _INSTALLED_CATALOG.exists() else _CHECKOUT / "data" / "catalog.toml"


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from environment variables; nothing is created on disk.

    Parameters
    ----------
    environ : mapping of str to str, optional
        Default: the environment of the process. An empty value counts as not set. Read are ``FORECASTING_HOME``
        (default: the checkout that the package lies in), ``FORECASTING_DATABASE_URL`` (default: SQLite in
        ``HOME/data/forecasts.db``), ``MLFLOW_TRACKING_URI`` (default: SQLite in ``HOME/mlflow/mlflow.db``) and
        ``PREFECT_API_URL``.

    Raises
    ------
    ParameterError
        No home is known, it is no folder, or an address would depend on the current directory.
    """
    values = {key: value.strip() for key, value in (os.environ if environ is None else environ).items()}
    home = _home(values.get("FORECASTING_HOME") or None)
    database = values.get("FORECASTING_DATABASE_URL") or f"sqlite:///{(home / 'data' / 'forecasts.db').as_posix()}"
    tracking = values.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(home / 'mlflow' / 'mlflow.db').as_posix()}"
    _refuse_relative("FORECASTING_DATABASE_URL", database)
    _refuse_relative("MLFLOW_TRACKING_URI", tracking)
    return Settings(home, database, tracking, values.get("PREFECT_API_URL") or None)


def _home(value: str | None) -> Path:
    if value is None:
        if _INSTALLED_CATALOG.exists() or not (_CHECKOUT / "data" / "catalog.toml").exists():
            raise ParameterError(
                "the package is not used from a checkout, so there is no default for the folder to keep things in",
                remedy="Set FORECASTING_HOME to an existing folder.",
                parameter="FORECASTING_HOME",
            )
        return _CHECKOUT
    home = Path(value).expanduser()
    if not home.is_absolute():
        raise ParameterError(
            f"{value!r} depends on the current directory",
            remedy=f"Give the whole path, for example {Path(os.path.abspath(home))}.",  # noqa: PTH100
            parameter="FORECASTING_HOME",
        )
    if not home.is_dir():
        state = "is not a folder" if home.exists() else "does not exist"
        raise ParameterError(f"{home} {state}", remedy="Name an existing folder.", parameter="FORECASTING_HOME")
    return home


def _refuse_relative(name: str, url: str) -> None:
    sqlite = re.fullmatch(r"sqlite(?:\+\w+)?:///(?!/|:memory:|file:)(.+)", url)
    has_scheme = re.match(r"[A-Za-z][\w+.-]*:", url) or url == "databricks"
    if sqlite or not (has_scheme or Path(url).is_absolute()):
        raise ParameterError(
            f"{masked(url)!r} depends on the current directory",
            remedy="Give the whole path (for SQLite: sqlite:////folder/file.db, with four slashes).",
            parameter=name,
        )


def masked(url: str) -> str:
    """The address with ``***`` in the place of a password."""
    return _PASSWORD.sub(lambda match: f"{match[1]}:***" if match[2] is None else f"{match[2]}=***", url)


def open_database(url: str, **options: Any) -> "Engine":
    """An SQLAlchemy engine for the address; nothing is connected yet.

    ``postgresql://`` means the psycopg 3 driver, connecting within 10 seconds unless the address says otherwise.

    Raises
    ------
    ParameterError
        The address cannot be read, or its driver is not installed.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        address = make_url(_POSTGRES.sub("postgresql+psycopg://", url))
        if address.get_backend_name() == "postgresql" and "connect_timeout" not in address.query:
            options["connect_args"] = {"connect_timeout": CONNECT_SECONDS, **options.get("connect_args", {})}
        return create_engine(address, hide_parameters=True, **options)
    except ModuleNotFoundError as error:
        extra = "Install it: pip install 'rnn-forecasting[postgres]'." if error.name == "psycopg" else "Install it."
        raise ParameterError(f"the database driver {error.name} is not installed", remedy=extra) from error
    except (ArgumentError, ValueError) as error:
        raise ParameterError(
            f"{masked(url)!r} is no database address that SQLAlchemy can open",
            remedy="Write it like postgresql://user:password@host:5432/database or sqlite:////folder/file.db.",
        ) from error
