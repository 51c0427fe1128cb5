"""How good a forecast is: rolling-origin backtests, baselines, accuracy, significance and conformal intervals."""
