"""Sources: the catalog of named data sets, and the readers that turn each into a long frame."""

from forecasting.sources.catalog import find_dataset, placed, read_catalog
from forecasting.sources.datasets import DataSet, Schedule
from forecasting.sources.reading import read_source

__all__ = ["DataSet", "Schedule", "find_dataset", "placed", "read_catalog", "read_source"]
