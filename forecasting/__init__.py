"""Time-series forecasting with a plain tanh recurrent network, told honestly against the naive forecast.

    from forecasting import SimpleRNNForecaster

    forecaster = SimpleRNNForecaster(horizon=48, levels=[80, 95]).fit(frame)   # unique_id, ds, y
    forecaster.predict()

Names are loaded when they are first used: importing the package loads neither TensorFlow nor scikit-learn.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecasting.estimators import SimpleRNNClassifier, SimpleRNNForecaster, SimpleRNNRegressor, make_windows
    from forecasting.evaluation.adaptive import AdaptiveConformal, adaptive_intervals
    from forecasting.evaluation.audit import audit
    from forecasting.evaluation.backtest import backtest, fits
    from forecasting.evaluation.comparison import compare
    from forecasting.evaluation.metrics import accuracy
    from forecasting.evaluation.samples import crps_of_samples
    from forecasting.panel import Panel, to_panel
    from forecasting.tuning.tune import tune

_PLACES = {
    "AdaptiveConformal": "forecasting.evaluation.adaptive",
    "SimpleRNNClassifier": "forecasting.estimators",
    "SimpleRNNForecaster": "forecasting.estimators",
    "SimpleRNNRegressor": "forecasting.estimators",
    "make_windows": "forecasting.estimators",
    "accuracy": "forecasting.evaluation.metrics",
    "adaptive_intervals": "forecasting.evaluation.adaptive",
    "audit": "forecasting.evaluation.audit",
    "backtest": "forecasting.evaluation.backtest",
    "compare": "forecasting.evaluation.comparison",
    "crps_of_samples": "forecasting.evaluation.samples",
    "fits": "forecasting.evaluation.backtest",
    "Panel": "forecasting.panel",
    "to_panel": "forecasting.panel",
    "tune": "forecasting.tuning.tune",
}

__all__ = [
    "AdaptiveConformal",
    "Panel",
    "SimpleRNNClassifier",
    "SimpleRNNForecaster",
    "SimpleRNNRegressor",
    "accuracy",
    "adaptive_intervals",
    "audit",
    "backtest",
    "compare",
    "crps_of_samples",
    "fits",
    "make_windows",
    "to_panel",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'forecasting' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
