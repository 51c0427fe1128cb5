"""Estimators with the conventions of scikit-learn.

Names are loaded when they are first used: who forecasts series needs nothing of the regressor and the classifier.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecasting.estimators.arrays import make_windows
    from forecasting.estimators.classifier import SimpleRNNClassifier
    from forecasting.estimators.forecaster import SimpleRNNForecaster
    from forecasting.estimators.regressor import SimpleRNNRegressor

__all__ = ["SimpleRNNClassifier", "SimpleRNNForecaster", "SimpleRNNRegressor", "make_windows"]

_HOMES = {
    "SimpleRNNClassifier": "classifier",
    "SimpleRNNForecaster": "forecaster",
    "SimpleRNNRegressor": "regressor",
    "make_windows": "arrays",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
