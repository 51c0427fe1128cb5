"""Estimators with the conventions of scikit-learn."""

from forecasting.estimators.arrays import make_windows
from forecasting.estimators.classifier import SimpleRNNClassifier
from forecasting.estimators.forecaster import SimpleRNNForecaster
from forecasting.estimators.regressor import SimpleRNNRegressor

__all__ = ["SimpleRNNClassifier", "SimpleRNNForecaster", "SimpleRNNRegressor", "make_windows"]
