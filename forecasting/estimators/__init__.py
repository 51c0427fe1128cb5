"""Estimators with the conventions of scikit-learn."""

from forecasting.estimators.forecaster import SimpleRNNForecaster

__all__ = ["SimpleRNNForecaster"]
