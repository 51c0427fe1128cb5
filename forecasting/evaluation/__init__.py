"""How good a forecast is: rolling-origin backtests, accuracy, baselines and conformal intervals."""
