"""MLflow: training runs, registered models, the tracking server.

The only place that imports mlflow, and only when it is used: the names below are loaded on first use, and
``import forecasting.tracking`` alone imports nothing heavy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecasting.tracking.epochs import EpochMetrics
    from forecasting.tracking.models import (
        Champion,
        ModelVersion,
        champion_version,
        defect_of,
        load_champion,
        log_model,
        replace_unusable_champion,
    )
    from forecasting.tracking.run import TrainingRun
    from forecasting.tracking.server import server_command
    from forecasting.tracking.store import configure, page_url
    from forecasting.tracking.trained_on import SnapshotFacts
    from forecasting.tracking.tuning import TuningRun

__all__ = [
    "Champion",
    "EpochMetrics",
    "ModelVersion",
    "SnapshotFacts",
    "TrainingRun",
    "TuningRun",
    "champion_version",
    "configure",
    "defect_of",
    "load_champion",
    "log_model",
    "page_url",
    "replace_unusable_champion",
    "server_command",
]

_HOMES = {
    "Champion": "models",
    "EpochMetrics": "epochs",
    "ModelVersion": "models",
    "SnapshotFacts": "trained_on",
    "TrainingRun": "run",
    "TuningRun": "tuning",
    "champion_version": "models",
    "configure": "store",
    "defect_of": "models",
    "load_champion": "models",
    "log_model": "models",
    "page_url": "store",
    "replace_unusable_champion": "models",
    "server_command": "server",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
