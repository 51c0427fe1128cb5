"""M4 Hourly: 414 series, 48 steps, official test part, with the defaults of SimpleRNNForecaster.

python -m benchmarks.m4_hourly
"""

import time

import pandas as pd

from benchmarks.bench_data import bench_data
from forecasting import SimpleRNNForecaster, accuracy, to_panel
from forecasting.evaluation.baselines import naive, seasonal_naive

HORIZON, SEASON = 48, 24
# Of the competition's Naive2 on these series (Makridakis, Spiliotis, Assimakopoulos 2020), to which OWA relates.
NAIVE2_SMAPE, NAIVE2_MASE = 18.383, 2.395


def main() -> None:
    """Fit once, forecast once, and print the scores beside those of the naive forecasts."""
    folder = bench_data() / "m4"
    train, test = (pd.read_parquet(folder / f"hourly_{part}.parquet") for part in ("train", "test"))
    panel, _ = to_panel(train)
    started = time.perf_counter()
    forecaster = SimpleRNNForecaster(HORIZON, season_length=SEASON, random_state=0).fit(panel)
    forecasts = forecaster.predict(levels=[80, 95])
    seconds = time.perf_counter() - started
    frame = test.merge(forecasts, on=["unique_id", "ds"], validate="one_to_one")
    for baseline in (seasonal_naive(panel, HORIZON, SEASON, [80, 95]), naive(panel, HORIZON, [80, 95])):
        frame = frame.merge(baseline, on=["unique_id", "ds"], validate="one_to_one")
    frame["cutoff"] = frame["ds"].groupby(frame["unique_id"]).transform("min") - 1
    scores = accuracy(frame, panel, SEASON).query("unique_id == '(all)'").set_index("model")
    scores["OWA"] = (scores["sMAPE"] / NAIVE2_SMAPE + scores["MASE"] / NAIVE2_MASE) / 2
    print(scores[["sMAPE", "MASE", "OWA", "coverage-80", "coverage-95"]].round(3).to_string())
    print(f"SimpleRNN: {seconds:.1f} s for fit and forecast, {forecaster.device_}")


if __name__ == "__main__":
    main()
