"""Several forecasters of the same series, whose forecasts are averaged."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from forecasting.errors import ParameterError, StorageError
from forecasting.estimators.forecaster import SimpleRNNForecaster
from forecasting.network.callbacks import TrainingCallback
from forecasting.panel import Panel

_KEYS = ["unique_id", "ds"]


class CombinedForecaster(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """The mean of forecasters that differ in some of their settings.

    Networks that read the past differently err differently: with other look-backs and segments the mean of three is
    better than the same number of further members, at three times the cost of a fit. The ends of intervals, and
    quantiles, are averaged as the forecasts are (Lichtendahl, Grushka-Cockayne and Winkler 2013, "Is it better to
    average probabilities or quantiles?"), which keeps their order.

        combined = CombinedForecaster(SimpleRNNForecaster(48), [{}, {"lookback": 240}, {"segment_length": 12}])
        combined.fit(frame).predict()

    Parameters
    ----------
    forecaster : SimpleRNNForecaster
        Never changed; copies of it are fitted.
    settings : sequence of dict
        For each copy the parameters that differ from those of ``forecaster``. All copies forecast the same horizon.

    Attributes
    ----------
    forecasters_ : list of SimpleRNNForecaster
        The fitted copies, in the order of ``settings``.
    """

    def __init__(self, forecaster: SimpleRNNForecaster, settings: Sequence[Mapping[str, Any]]) -> None:
        self.forecaster = forecaster
        self.settings = settings

    def fit(self, data: pd.DataFrame | pd.Series | Panel, callbacks: Sequence[TrainingCallback] = ()) -> Self:
        """Fit every copy anew to all series, one after the other.

        Parameters
        ----------
        data : DataFrame, Series or Panel
            As for `SimpleRNNForecaster.fit`.
        callbacks : sequence of TrainingCallback, optional
            Told about every epoch of every copy.

        Raises
        ------
        ParameterError
            There are no settings, or one names a parameter that there is not, or the horizon.
        DataError, ResourceError, KeyboardInterrupt
            As for `SimpleRNNForecaster.fit`. The estimator is as it was.
        """
        self._check()
        copies = [clone(self.forecaster).set_params(**one) for one in self.settings]
        self.forecasters_ = [one.fit(data, callbacks) for one in copies]
        return self

    def predict(
        self,
        horizon: int | None = None,
        levels: Sequence[float] | None = None,
        data: pd.DataFrame | pd.Series | Panel | None = None,
        future: pd.DataFrame | None = None,
        *,
        quantiles: Sequence[float] = (),
        strategy: str = "direct",
    ) -> pd.DataFrame:
        """Forecast every series from its own end: the mean of what the copies forecast.

        Parameters and result are those of `SimpleRNNForecaster.predict`, and so are the errors raised.
        """
        check_is_fitted(self)
        given = {"horizon": horizon, "levels": levels, "data": data, "future": future}
        frames = [one.predict(**given, quantiles=quantiles, strategy=strategy) for one in self.forecasters_]
        mean: pd.DataFrame = frames[0]
        columns = [name for name in map(str, mean) if name not in _KEYS]
        mean[columns] = np.mean([one[columns].to_numpy() for one in frames], axis=0)
        return mean

    def save(self, folder: str | Path) -> None:
        """Write the fitted copies into a new or empty folder, each into one of its own: JSON and arrays.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            `fit` has not been called.
        StorageError
            The folder is not empty, or cannot be written.
        """
        check_is_fitted(self)
        place = Path(folder)
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            raise StorageError("the folder is not empty", remedy="Save into a new one", file=place)
        for number, one in enumerate(self.forecasters_):
            one.save(place / str(number))

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        StorageError
            There is no combined forecaster, or one of its copies cannot be read.
        """
        place = Path(folder)
        count = len(list(place.glob("*/"))) if place.is_dir() else 0
        if not count:
            raise StorageError("there is no combined forecaster", file=place)
        copies = [SimpleRNNForecaster.load(place / str(number)) for number in range(count)]
        shared = copies[0].get_params(deep=False)
        settings = [
            {name: value for name, value in one.get_params(deep=False).items() if value != shared[name]}
            for one in copies
        ]
        combined = cls(clone(copies[0]), settings)
        combined.forecasters_ = copies
        return combined

    def _check(self) -> None:
        if not len(self.settings):
            raise ParameterError("there is nothing to combine", remedy="Give at least one dict", parameter="settings")
        known = self.forecaster.get_params(deep=False)
        for one in self.settings:
            for name in one:
                if name not in known:
                    raise ParameterError(
                        f"the forecaster has no parameter {name!r}",
                        remedy=f"It has {', '.join(known)}",
                        parameter="settings",
                    )
                if name == "horizon":
                    raise ParameterError(
                        "forecasts of different horizons cannot be averaged",
                        remedy="Give the horizon to the forecaster",
                        parameter="settings",
                    )
