"""The data that a model was trained on, as a run notes it: facts only, never a copy."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

_SHOWN = 12  # characters of a digest beside the name of a data set (MLflow keeps 36 at most); a tag has the whole


class SnapshotFacts(Protocol):
    """What a run notes about its data; a snapshot of the store has all of it."""

    @property
    def digest(self) -> str:
        """Name of the content."""

    @property
    def path(self) -> Path:
        """Where it lies."""

    @property
    def rows(self) -> int:
        """Steps of all series together."""

    @property
    def series(self) -> int:
        """How many series."""

    @property
    def first(self) -> str:
        """The first time."""

    @property
    def last(self) -> str:
        """The last time."""

    @property
    def frequency(self) -> str:
        """Its alias."""


def short_digest(snapshot: SnapshotFacts) -> str:
    """The beginning of the digest, for people and for MLflow's table of data sets."""
    return snapshot.digest[:_SHOWN]


def dataset_input(name: str, snapshot: SnapshotFacts) -> "DatasetInput":
    """The data set as MLflow's input of a run."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    profile = {
        "num_rows": snapshot.rows,
        "num_series": snapshot.series,
        "first": snapshot.first,
        "last": snapshot.last,
        "frequency": snapshot.frequency,
        "digest": snapshot.digest,
    }
    data = Dataset(
        name=name,
        digest=short_digest(snapshot),
        source_type="local",
        source=json.dumps({"uri": str(snapshot.path)}),
        profile=json.dumps(profile),
    )
    return DatasetInput(data, [InputTag("mlflow.data.context", "training")])


def sentence(title: str, snapshot: SnapshotFacts) -> str:
    """The data in one sentence of Markdown."""
    return (
        f"Trained on {title}: {snapshot.rows:,} rows in {snapshot.series:,} series, "
        f"{_short(snapshot.first)} to {_short(snapshot.last)}, snapshot `{short_digest(snapshot)}`."
    )


def _short(time: str) -> str:
    return time.removesuffix("T00:00:00")
