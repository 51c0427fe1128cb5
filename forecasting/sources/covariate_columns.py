"""Which columns of a source are read beside times, ids and targets."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from forecasting.errors import CatalogError, DataError
from forecasting.sources.near_miss import choices

RESERVED = ("unique_id", "ds", "y")
"""What the columns of a long frame are called that are no covariates."""


@dataclass(frozen=True)
class CovariateColumns:
    """The columns that a data set reads as covariates.

    Attributes
    ----------
    keys : mapping of str to str
        For each column the key of the catalog that names it.
    every : bool
        Whether all columns are read that are not read as something else.
    categorical : tuple of str
        Those of which numbers are codes, which are read as text.
    """

    keys: Mapping[str, str] = field(default_factory=dict)
    every: bool = False
    categorical: tuple[str, ...] = ()

    def among(self, found: Sequence[str], taken: Collection[str], *, file: str | None = None) -> list[str]:
        """The columns to read of a table whose columns are ``found``, where those ``taken`` are read otherwise.

        Raises
        ------
        CatalogError
            There is no such column; names the key.
        DataError
            A column that is read because all are has no name, or one that a long frame has already.
        """
        named = {**dict.fromkeys(self.categorical, "categorical_covariates"), **self.keys}
        for name, key in named.items():
            if name not in found:
                table = "the table" if file is None else file
                raise CatalogError(f"{table} has no column {name!r}", remedy=choices(name, found), key=key)
        if not self.every:
            return list(self.keys)
        others = [name for name in found if name not in taken]
        for name in others:
            if name in RESERVED or not name.strip():
                raise DataError(
                    "a covariate cannot have this name" if name.strip() else "a column has no name",
                    remedy='Rename it, or name the covariates instead of covariates = "infer".',
                    file=file,
                    column=name,
                )
        return others


NO_COVARIATES = CovariateColumns()
