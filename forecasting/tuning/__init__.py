"""Tuning: parameters of an estimator chosen by backtests that end before the windows on which they are judged."""
