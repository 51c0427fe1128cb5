"""What a catalog entry can say: a data set, its source and its schedule, as typed and frozen models."""

import codecs
from copy import deepcopy
from datetime import date
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from forecasting.errors import CatalogError, ForecastingError
from forecasting.panel import Frequency, Roles
from forecasting.panel.calendar_covariates import (
    CALENDAR_COVARIATES,
    check_calendar_covariates,
    check_places,
    is_calendar_covariate,
)
from forecasting.panel.cells import check_irregular
from forecasting.sources.covariate_columns import RESERVED, CovariateColumns
from forecasting.sources.cron import check_cron
from forecasting.sources.near_miss import choices, near_miss
from forecasting.targets import WORDS, is_target

Names = Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
Marks = Annotated[tuple[str | int | float, ...], Field(strict=False)]
T = TypeVar("T")
Level = Annotated[int, Field(gt=0, lt=100)]
Covariates = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(strict=False)]
_ROLES = ("past_covariates", "future_covariates", "static_covariates")


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TimeParts(_Entry):
    """The columns that together say the time; each names a column of whole numbers."""

    year: str
    quarter: str | None = None
    month: str | None = None
    day: str | None = None
    hour: str | None = None
    minute: str | None = None

    @model_validator(mode="after")
    def _no_part_without_the_next_larger(self) -> "TimeParts":
        larger = {"day": self.month, "hour": self.day, "minute": self.hour}
        for part, above in larger.items():
            if getattr(self, part) is not None and above is None:
                raise CatalogError(f"{part!r} is given without the next larger part", remedy="Add it.", key=part)
        if self.quarter is not None and self.month is not None:
            raise CatalogError("both a quarter and a month are given", remedy="Keep one of them.", key="quarter")
        return self


class Columns(_Entry):
    """Where a table holds times, ids and numbers.

    Attributes
    ----------
    time_column, time_parts : str, TimeParts
        One column with the time, or several that make it up; exactly one of the two.
    id_column : str, optional
        Long tables: the column that says which series a row belongs to. The table then has one target column.
        Without it, each target column is a series, named like the column.
    targets : tuple of str
        The number columns to read.
    date_format : str, optional
        How text (or whole numbers, like 20240131) says the time, in the codes of ``strptime``; ``"step"`` for integer
        steps. Default: ISO 8601 or ``2001Q3`` for text, and typed columns as they are.
    missing_values : tuple
        Texts or numbers that mean "not observed", for example ``["NA", -99.99]``; nothing else but an empty field does.
    """

    time_column: str | None = None
    time_parts: TimeParts | None = None
    id_column: str | None = None
    targets: Names
    date_format: str | None = None
    missing_values: Marks = ()

    @model_validator(mode="after")
    def _columns_agree(self) -> "Columns":
        if (self.time_column is None) == (self.time_parts is None):
            raise CatalogError("exactly one of 'time_column' and 'time_parts' is needed", key="time_column")
        if self.time_parts is not None and self.date_format is not None:
            raise CatalogError(
                "'date_format' has no meaning beside 'time_parts'", remedy="Remove it.", key="date_format"
            )
        if self.id_column is not None and len(self.targets) > 1:
            raise CatalogError("a table with 'id_column' has one target column", remedy="Keep one.", key="targets")
        _refuse_repeated(self.targets, "targets")
        return self


class CsvSource(Columns):
    """A CSV file; ``path`` is absolute or relative to the home folder.

    ``columns`` names all fields in order and is used in the place of the header line; ``header = false`` says that the
    file has no such line.
    """

    kind: Literal["csv"]
    path: str
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    encoding: str = "utf-8"
    decimal: Literal[".", ","] = "."
    columns: Names | None = None
    header: bool = True

    @field_validator("encoding")
    @classmethod
    def _encoding_exists(cls, encoding: str) -> str:
        try:
            codecs.lookup(encoding)
        except LookupError:
            raise CatalogError(f"there is no encoding {encoding!r}", remedy="Use utf-8, cp1252, utf-16 ...") from None
        return encoding

    @model_validator(mode="after")
    def _names_and_marks_agree(self) -> "CsvSource":
        if not self.header and self.columns is None:
            raise CatalogError("a file without a header line needs 'columns'", remedy="Name all fields.", key="header")
        if self.decimal == self.delimiter:
            raise CatalogError(f"{self.decimal!r} cannot be both decimal mark and delimiter", key="decimal")
        return self


class ParquetSource(Columns):
    """A Parquet file; ``path`` is absolute or relative to the home folder."""

    kind: Literal["parquet"]
    path: str


class SqlSource(Columns):
    """The rows of a query; the address comes from the catalog or, better, from the environment variable ``url_env``."""

    kind: Literal["sql"]
    url: SecretStr | None = None
    url_env: str | None = None
    query: str

    @model_validator(mode="after")
    def _one_address(self) -> "SqlSource":
        if (self.url is None) == (self.url_env is None):
            raise CatalogError("exactly one of 'url' and 'url_env' is needed", key="url_env")
        return self


class YahooSource(_Entry):
    """Quotes of one field for one or several tickers, each a series named like the ticker."""

    kind: Literal["yahoo"]
    tickers: Names
    field: Literal["Open", "High", "Low", "Close", "Adj Close", "Volume"] = "Close"
    interval: Literal["1h", "1d", "1wk", "1mo"] = "1d"
    start: date | None = None

    @field_validator("tickers")
    @classmethod
    def _tickers_differ(cls, tickers: tuple[str, ...]) -> tuple[str, ...]:
        return _refuse_repeated(tickers, None)


class SampleSource(_Entry):
    """A table that comes with a package this one depends on, so that it is there without a network."""

    kind: Literal["sample"]
    sample: Literal["sp500", "mauna-loa-co2", "us-macro"]
    targets: Names

    @field_validator("targets")
    @classmethod
    def _targets_differ(cls, targets: tuple[str, ...]) -> tuple[str, ...]:
        return _refuse_repeated(targets, None)


_WITH_COLUMNS = (Columns, SampleSource)  # of which some may be covariates
Source = CsvSource | ParquetSource | SqlSource | YahooSource | SampleSource


class Schedule(_Entry):
    """When the data set's flows run: a cron expression of five fields and the time zone it is meant in."""

    cron: str
    timezone: str

    @field_validator("cron")
    @classmethod
    def _cron_is_valid(cls, cron: str) -> str:
        return check_cron(cron)

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        return check_time_zone(zone)


class DataSet(_Entry):
    """One named data set of the catalog.

    Attributes
    ----------
    name, title : str
        The key in the catalog, and what people read (default: the name).
    source : CsvSource, ParquetSource, SqlSource, YahooSource or SampleSource
    frequency : str or int
        As ``Frequency.parse`` takes it, or ``"infer"``.
    calendar : str or None
        Exchange calendar (``"XNYS"``): the time axis is its sessions.
    timezone : str or None
        The time zone that times without one are meant in.
    irregular : str
        What to do about observations off the time grid: ``"refuse"``, ``"last"`` or ``"mean"``, see
        `forecasting.panel.to_panel`; the last two need a stated frequency.
    target : str
        Transform of the target, as the estimator has it; ``"auto"`` by default.
    horizon : int
        Steps to forecast.
    season_length, lookback : int or None
        In steps; None: the estimator's own choice.
    gaps : str
        What to do about steps without a value: ``"refuse"``, ``"interpolate"`` or ``"mask"``.
    covariates : str or None
        ``"infer"``: all further columns of the source are covariates, and the data tell their roles.
    past_covariates, future_covariates, static_covariates : tuple of str
        Columns of the source, as the estimator has them; those known ahead are read from rows without a target too.
    calendar_covariates : tuple of str
        As the estimator has them; they need no column.
    categorical_covariates : tuple of str
        Covariates of which numbers are codes, which are read as text.
    levels : tuple of int
        Coverage of the prediction intervals in percent.
    schedule : Schedule or None
    test_windows : int
        Windows of ``horizon`` steps at the end of the data that the model is tested on.
    model : dict
        Further parameters of the estimator, checked by the estimator.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=100)]
    title: str
    source: Annotated[Source, Field(discriminator="kind")]
    frequency: str | int = "infer"
    calendar: str | None = None
    timezone: str | None = None
    irregular: Literal["refuse", "last", "mean"] = "refuse"
    target: str = "auto"
    horizon: Annotated[int, Field(ge=1)]
    season_length: Annotated[int, Field(ge=1)] | None = None
    lookback: Annotated[int, Field(ge=1)] | None = None
    gaps: Literal["refuse", "interpolate", "mask"] = "refuse"
    covariates: Literal["infer"] | None = None
    past_covariates: Covariates = ()
    future_covariates: Covariates = ()
    static_covariates: Covariates = ()
    calendar_covariates: Covariates = ()
    categorical_covariates: Covariates = ()
    levels: Annotated[tuple[Level, ...], Field(strict=False)] = (80, 95)
    schedule: Schedule | None = None
    test_windows: Annotated[int, Field(ge=1)] = 8
    model: dict[str, Any] = {}

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, zone: str | None) -> str | None:
        return zone if zone is None else check_time_zone(zone)

    @field_validator("target")
    @classmethod
    def _target_is_known(cls, target: str) -> str:
        if not is_target(target):
            raise CatalogError(f"there is no target {target!r}", remedy=f"Use {WORDS}.")
        return target

    @field_validator(*_ROLES, "categorical_covariates")
    @classmethod
    def _columns_differ(cls, columns: tuple[str, ...]) -> tuple[str, ...]:
        for name in columns:
            if name in RESERVED:
                raise CatalogError(
                    f"a covariate cannot be called {name!r}, as the id, time or target of a long frame is",
                    remedy="Rename the column in the source.",
                )
        return _refuse_repeated(columns, None)

    @field_validator("calendar_covariates")
    @classmethod
    def _calendars_exist(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not is_calendar_covariate(name):
                raise CatalogError(
                    f"there is no calendar covariate {name!r}", remedy=f"There are: {CALENDAR_COVARIATES}."
                )
        try:
            check_places(names)
        except ForecastingError as error:
            raise CatalogError(error.problem, remedy=error.remedy) from error
        return _refuse_repeated(names, None)

    @field_validator("levels")
    @classmethod
    def _levels_differ(cls, levels: tuple[int, ...]) -> tuple[int, ...]:
        return _refuse_repeated(levels, None)

    @field_validator("model")
    @classmethod
    def _model_holds_only_further_parameters(cls, model: dict[str, Any]) -> dict[str, Any]:
        for key in model:
            if key in cls.model_fields:
                raise CatalogError(
                    f"{key!r} belongs to the data set itself", remedy="Move it out of the table.", key=key
                )
        return model

    @model_validator(mode="after")
    def _time_axis_is_known(self) -> "DataSet":
        infer = self.frequency == "infer" and self.calendar is None
        if not infer or self.irregular != "refuse":
            try:
                name = "session" if self.frequency == "infer" else self.frequency
                check_irregular(self.irregular, None if infer else Frequency.parse(name, self.calendar))
            except ForecastingError as error:
                key = error.where.get("parameter", "frequency")
                raise CatalogError(error.problem, remedy=error.remedy, key=key) from error
        return self

    @model_validator(mode="after")
    def _covariates_agree(self) -> "DataSet":
        columns = self.covariate_columns
        key = next(iter(columns.keys.values()), None) or ("covariates" if columns.every else None)
        if columns.every and columns.keys:
            raise CatalogError(
                "the roles of covariates are either inferred or named",
                remedy=f"Remove {next(iter(columns.keys.values()))!r}, or 'covariates'.",
                key="covariates",
            )
        if key is not None and not isinstance(self.source, _WITH_COLUMNS):
            raise CatalogError(f"a source of the kind {self.source.kind!r} has no further columns", key=key)
        _refuse_taken({key: getattr(self, key) for key in _ROLES}, self.source)
        others = [name for name in columns.categorical if not columns.every and name not in columns.keys]
        if others:
            raise CatalogError(
                f"{others[0]!r} is none of the covariates",
                remedy=choices(others[0], columns.keys),
                key="categorical_covariates",
            )
        return self

    @model_validator(mode="after")
    def _calendar_says_something(self) -> "DataSet":
        if self.calendar_covariates and (self.frequency != "infer" or self.calendar is not None):
            step = "session" if self.frequency == "infer" else self.frequency
            try:
                check_calendar_covariates(self.calendar_covariates, Frequency.parse(step, self.calendar))
            except ForecastingError as error:
                raise CatalogError(error.problem, remedy=error.remedy, key="calendar_covariates") from error
        return self

    @property
    def covariate_columns(self) -> CovariateColumns:
        """The columns that the source is asked for as covariates."""
        keys = {name: key for key in _ROLES for name in getattr(self, key)}
        return CovariateColumns(keys, self.covariates == "infer", self.categorical_covariates)

    @property
    def roles(self) -> Roles:
        """The covariates that are named, by what is known of them."""
        return Roles(self.past_covariates, self.future_covariates, self.static_covariates)

    def with_roles(self, roles: Roles) -> "DataSet":
        """The data set with roles named, where it says that they are inferred."""
        if self.covariates is None:
            return self
        named = {f"{role}_covariates": tuple(names) for role, names in roles.as_dict().items()}
        return self.model_copy(update={"covariates": None, **named})

    def estimator_parameters(self) -> dict[str, Any]:
        """Keyword arguments for the estimator, new objects at every call; covariates where there are any."""
        named = ("horizon", "season_length", "lookback", "frequency", "calendar", "irregular", "gaps", "target")
        parameters = {key: getattr(self, key) for key in named} | {"levels": list(self.levels)}
        parameters |= {} if self.covariates is None else {"covariates": self.covariates}
        lists = {key: list(getattr(self, key)) for key in (*_ROLES, "calendar_covariates")}
        return parameters | {key: names for key, names in lists.items() if names} | deepcopy(self.model)


def check_time_zone(zone: str) -> str:
    """Return the name if the time zone exists; CatalogError otherwise."""
    if zone not in _zones():
        guess = near_miss(zone, _zones())
        hint = f"Did you mean {guess!r}?" if guess else "Write it like Europe/Berlin or UTC."
        raise CatalogError(f"there is no time zone {zone!r}", remedy=hint)
    return zone


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    from zoneinfo import available_timezones

    return frozenset(available_timezones())


def _refuse_repeated(values: tuple[T, ...], key: str | None) -> tuple[T, ...]:
    repeated = [value for position, value in enumerate(values) if value in values[:position]]
    if repeated:
        raise CatalogError(f"{repeated[0]!r} is named twice", remedy="Keep it once.", key=key)
    return values


def _refuse_taken(lists: dict[str, tuple[str, ...]], source: Source) -> None:
    """CatalogError where a covariate is something else already: of another role, the target, the time or the id."""
    taken: dict[str, str] = {}
    if isinstance(source, _WITH_COLUMNS):
        taken |= dict.fromkeys(source.targets, "a target")
    if isinstance(source, Columns):
        parts = source.time_parts.model_dump(exclude_none=True).values() if source.time_parts else ()
        taken |= dict.fromkeys([name for name in (source.time_column, *parts) if name], "the time, or a part of it")
        taken |= {} if source.id_column is None else {source.id_column: "the id"}
    for key, names in lists.items():
        for name in names:
            if name in taken:
                raise CatalogError(f"{name!r} is {taken[name]} already", remedy="Keep one of them.", key=key)
            if isinstance(source, CsvSource) and source.columns is not None and name not in source.columns:
                raise CatalogError(f"there is no column {name!r}", remedy=choices(name, source.columns), key=key)
            taken[name] = f"named in {key!r}"
