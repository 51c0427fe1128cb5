"""Run with KERAS_BACKEND=jax: fits, forecasts, and forecasts with a forecaster that was saved elsewhere."""

import json
import sys

import keras

from forecasting import SimpleRNNForecaster
from tests.estimators.made import long_frame, tiny, values


def main(folder: str) -> None:
    frame = long_frame()
    fitted = tiny(levels=[80]).fit(frame)
    answer = {
        "backend": keras.backend.backend(),
        "device": fitted.device_,
        "fitted": values(fitted.predict()),
        "again": values(tiny(levels=[80]).fit(frame).predict()),
        "quantiles": values(tiny(levels=[80], learned_quantiles=[0.1, 0.9]).fit(frame).predict()),
        "loaded": values(SimpleRNNForecaster.load(folder).predict()),
        "tensorflow": "tensorflow" in sys.modules,
    }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
