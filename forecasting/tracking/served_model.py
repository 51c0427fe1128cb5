"""The registered model as MLflow runs it: this file is copied into the model's folder and executed there."""

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext


class ServedForecaster(PythonModel):
    """A saved forecaster behind MLflow's ``predict``."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the forecaster from the model's own folder."""
        from forecasting.estimators import SimpleRNNForecaster

        self.forecaster = SimpleRNNForecaster.load(Path(context.artifacts["forecaster"]))
        self.kind = context.model_config

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:  # type: ignore[override]
        """Forecast from the histories in ``model_input``: one row per series and step ahead.

        Covariates known ahead are read from its rows behind the last value of each series, whose ``y`` is missing.
        """
        from forecasting.tracking.served_frames import histories_and_future, served_frame

        encoding = self.forecaster.encoding_
        kind = {"tz": self.kind["tz"], "integer_steps": self.kind["integer_steps"]}
        frame = served_frame(model_input, **kind, covariates=encoding.kinds)
        chosen = params or {}
        given = histories_and_future(frame, encoding.ahead)
        return self.forecaster.predict(chosen.get("horizon"), chosen.get("levels"), **given)


set_model(ServedForecaster())
