"""M4 Hourly: 414 series, 48 steps, official test part.

python -m benchmarks.m4_hourly
"""

import pandas as pd

from benchmarks.bench_data import bench_data
from benchmarks.report import machine, print_table
from benchmarks.scoring import pooled, with_actuals
from benchmarks.tasks import Task, named
from forecasting import Panel, SimpleRNNForecaster, accuracy, to_panel
from forecasting.evaluation.baselines import naive, seasonal_naive

HORIZON, SEASON, LEVELS = 48, 24, (80, 95)
PUBLISHED = {
    "Naive2": (18.383, 2.395, 1.0),
    "RNN benchmark": (14.698, 3.048, 1.036),
    "118 Smyl, ES-RNN (winner)": (9.328, 0.893, 0.440),
    "238 Doornik et al. (best of 61)": (8.913, 0.801, 0.410),
}
"""sMAPE, MASE and OWA as the organisers give them (Makridakis, Spiliotis, Assimakopoulos 2020)."""


def training() -> Panel:
    """The official training part."""
    return to_panel(pd.read_parquet(bench_data() / "m4" / "hourly_train.parquet"))[0]


def scores(panel: Panel, forecasts: list[pd.DataFrame]) -> pd.DataFrame:
    """Pooled scores of forecasts of the official test part."""
    test = pd.read_parquet(bench_data() / "m4" / "hourly_test.parquet")
    return with_owa(pooled(accuracy(with_actuals(test, forecasts), panel, SEASON)))


def with_owa(table: pd.DataFrame) -> pd.DataFrame:
    """Scores of models (``sMAPE``, ``MASE``) with ``OWA``, relative to the competition's Naive2."""
    smape, mase, _ = PUBLISHED["Naive2"]
    return table.assign(OWA=(table["sMAPE"] / smape + table["MASE"] / mase) / 2)


TASKS = [Task("m4_hourly", HORIZON, SEASON, training, levels=LEVELS, validation=(2, HORIZON))]


def main() -> None:
    """Fit and forecast with both settings, and print the scores beside those of the naive and published ones."""
    panel = training()

    def run(forecaster: SimpleRNNForecaster) -> pd.DataFrame:
        return forecaster.fit(panel).predict()

    rows = TASKS[0].rows(run)
    forecasts = [named(forecast, name) for name, (forecast, _) in rows.items()]
    forecasts += [seasonal_naive(panel, HORIZON, SEASON, LEVELS), naive(panel, HORIZON, LEVELS)]
    table = scores(panel, forecasts)[["sMAPE", "MASE", "OWA", "coverage-80", "coverage-95"]]
    table["seconds"] = pd.Series({name: seconds for name, (_, seconds) in rows.items()})
    published = pd.DataFrame.from_dict(PUBLISHED, orient="index", columns=["sMAPE", "MASE", "OWA"])
    print_table(pd.concat([table, published]).rename_axis("model"))
    print(machine())


if __name__ == "__main__":
    main()
