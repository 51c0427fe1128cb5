"""Storage: snapshots of what was ingested, and the ledger of the forecasts that were made."""

from forecasting.storage.ledger import Ledger
from forecasting.storage.snapshots import Snapshot, SnapshotStore

__all__ = ["Ledger", "Snapshot", "SnapshotStore"]
