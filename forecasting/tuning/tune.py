"""Choosing the parameters of an estimator by backtests, and judging the choice on windows that it has not seen."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from forecasting.errors import ParameterError
from forecasting.estimators.parameters import Allowed, check_parameters, one_of, or_none, positive, seed, whole
from forecasting.evaluation.backtest import check_lengths
from forecasting.evaluation.comparison import Comparison
from forecasting.evaluation.handing import fresh, read, settled
from forecasting.evaluation.keeping import Kept, panel_digest
from forecasting.evaluation.metrics import accuracy
from forecasting.evaluation.origins import Contestant, Windows
from forecasting.panel import Panel
from forecasting.tuning.callbacks import Callbacks, TrialLine, TuningCallback
from forecasting.tuning.judging import DEFAULT, LOSSES, TUNED, Judge
from forecasting.tuning.search import Search
from forecasting.tuning.space import as_distributions, default_space, in_words, within
from forecasting.tuning.study import Study, Trial

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

    from forecasting.tuning.space import Space

_log = logging.getLogger(__name__)

_RULES: dict[str, Allowed] = {
    "horizon": whole(1),
    "n_windows": whole(2),
    "n_test_windows": whole(2),
    "refit": Allowed(
        lambda value: isinstance(value, bool) or whole(1).test(value), "True, False or a whole number, at least 1"
    ),
    "n_trials": or_none(whole(1)),
    "seconds": or_none(positive()),
    "metric": one_of(*LOSSES),
    "season_length": or_none(whole(1)),
    "random_state": or_none(seed()),
}


@dataclass(frozen=True, eq=False)
class Tuning:
    """What `tune` found; ``print`` it for sentences.

    Attributes
    ----------
    best_params : dict
        Parameters that differ from those of the estimator; empty where the default is kept.
    estimator : object
        An unfitted copy with these parameters, to be fitted to all data.
    trials : DataFrame
        One row per trial: ``trial`` (0: the default), ``state`` ("complete", "pruned", "failed"), ``score``,
        ``windows`` (forecast before the trial ended), ``seconds``, ``error``, and a column for each parameter of the
        space.
    best_trial : int
        The one that is taken.
    search : Comparison or None
        The best trial against the default on the windows of the search; None where no trial has a better score.
    windows : DataFrame
        Forecasts of the windows kept away from the search, as of `backtest`, by ``Tuned`` (absent where the default is
        kept), ``Default`` and ``SeasonalNaive``.
    scores : DataFrame
        Their `accuracy`.
    test : Comparison
        Of the first of them with the others.
    """

    best_params: dict[str, Any]
    estimator: Any
    trials: pd.DataFrame
    best_trial: int
    search: Comparison | None
    windows: pd.DataFrame
    scores: pd.DataFrame
    test: Comparison

    def __str__(self) -> str:
        """What was chosen, why, and what it is worth."""
        if self.best_trial:
            chosen = ", ".join(f"{name}={value!r}" for name, value in self.best_params.items())
            lines = [
                f"Of {len(self.trials)} trials, number {self.best_trial} is taken, better than the default by more than"
                f" a standard error: {chosen}."
            ]
        else:
            lines = [f"The default is kept: none of {len(self.trials) - 1} other trials is clearly better."]
        if self.search is not None:
            lines.append(f"On the windows of the search, which flatter the best trial (Tuned): {self.search}")
        lines.append(f"On windows that the search has not seen: {self.test}")
        return "\n".join(lines)


def tune(
    estimator: Any,
    data: Any,
    horizon: int | None = None,
    *,
    space: "Space | None" = None,
    n_windows: int = 4,
    n_test_windows: int = 4,
    refit: bool | int = False,
    n_trials: int | None = 20,
    seconds: float | None = None,
    metric: str = "MASE",
    season_length: int | None = None,
    folder: str | Path | None = None,
    random_state: int | np.random.RandomState | None = None,
    callbacks: Sequence[TuningCallback] = (),
    verbose: int = 1,
) -> Tuning:
    """Choose parameters of an estimator by backtests, and judge the choice on later windows.

    With ``n_windows=2``, ``n_test_windows=2`` and ``horizon=3``, counted from the end of each series::

        search     # # # # # # s s s s s s                  every trial
        test       # # # # # # # # # # # # t t t t t t      once, the choice and the default

    ``#`` is fitted on; ``s`` gives the score of a trial, ``t`` that of the choice. The search is given the series
    without their last ``n_test_windows * horizon`` steps. Windows lie one horizon apart.

    The first trial is the estimator as it is. The others are drawn by Optuna's tree-structured Parzen estimator [1]_.
    The best trial is taken if its loss is smaller than that of the default by at least one standard error of the mean
    difference over the windows of the search; otherwise the default is kept. With several fits per trial, one that is
    worse than the median of the trials before it, after the same fit beyond the first, is stopped early. A trial that
    raises an error is recorded with it; an error of the first one is raised.

    Parameters
    ----------
    estimator : estimator
        With ``get_params`` and ``set_params``, ``fit`` and ``predict``, as `backtest` takes it. It is left as it is.
    data : DataFrame, Series or Panel
        As for `backtest`.
    horizon : int, optional
        Steps to forecast; by default the ``horizon`` of the estimator.
    space : dict, optional
        For each parameter a list of values, or an Optuna distribution. By default, and only for
        `SimpleRNNForecaster`, that of `forecasting.tuning.space.default_space`.
    n_windows : int, default 4
        Windows of the search, at least 2.
    n_test_windows : int, default 4
        Windows after those, kept away from the search, at least 2.
    refit : bool or int, default False
        As for `backtest`. False: one fit per trial. True: one for each window, which judges better, takes longer, and
        lets bad trials be stopped early.
    n_trials : int, optional
        Trials at most, those of earlier calls and the default included; 20 by default. None: only time is a limit.
    seconds : float, optional
        No trial of this call is begun after this time; the one that runs is finished, and the test windows are scored.
    metric : {"MASE", "RMSSE", "CRPS"}, default "MASE"
        Mean over the series, as by `accuracy`. CRPS needs an estimator with levels, and is in the unit of the series.
    season_length : int, optional
        Season of the metric and of the seasonal naive forecast; by default that of the estimator or of the frequency.
    folder : path, optional
        Trials are kept here, in the SQLite file ``study.db``, and so are finished fits. The same call goes on where an
        interrupted one ended, with the trials that it would have had; with a larger ``n_trials`` it adds trials. Used
        by one process at a time. Without a folder, trials are lost when the tuning is interrupted.
    random_state : int or numpy.random.RandomState, optional
        The same number draws the same trials. Fits have the ``random_state`` of the estimator; without one, luck is
        part of every score.
    callbacks : sequence of TuningCallback, optional
        Told about every trial; see `forecasting.tuning.callbacks.TuningCallback`.
    verbose : int, default 1
        0 shows no progress line. Estimators with a ``verbose`` parameter are silent.

    Returns
    -------
    Tuning

    Raises
    ------
    ParameterError
        A parameter has a value that is not allowed, the space does not fit the estimator, or there is no limit.
    DataError
        The series are too short, or cannot be used.
    StorageError
        The study in the folder cannot be opened.
    KeyboardInterrupt
        Stopped from the keyboard; what was done is in the folder.

    References
    ----------
    .. [1] J. Bergstra, R. Bardenet, Y. Bengio, B. Kegl, "Algorithms for hyper-parameter optimization", NeurIPS 2011.
    """
    own = _parameters(estimator)
    steps = own.get("horizon") if horizon is None else horizon
    given = {"horizon": steps, "n_windows": n_windows, "n_test_windows": n_test_windows, "refit": refit}
    given |= {"n_trials": n_trials, "seconds": seconds, "metric": metric, "season_length": season_length}
    check_parameters("tune", given | {"random_state": random_state}, _RULES)
    if n_trials is None and seconds is None:
        raise ParameterError("a limit is needed", parameter="n_trials", remedy="Give n_trials, seconds or both")
    estimator = settled(estimator, data)
    panel, notices = read(data, estimator)
    for notice in notices:
        _log.warning(notice.message)
    season = season_length or own.get("season_length") or panel.frequency.season_length
    windows = _windows(steps, n_windows, refit)
    kept_away = n_test_windows * windows.horizon
    check_lengths(panel, windows.after(0) + kept_away, season)
    before = panel.drop_last(kept_away)
    distributions = as_distributions(
        default_space(estimator, before.drop_last(windows.after(0)), windows.horizon) if space is None else space,
        estimator,
    )
    place = None if folder is None else Path(folder)
    judge = Judge(estimator, before, windows, season, metric, None if place is None else place / "fits")
    study = Study(
        distributions, within(distributions, estimator.get_params()), place, _identity(judge), _number(random_state)
    )
    watcher = Callbacks([*([TrialLine()] if verbose else []), *callbacks])
    search = Search(judge, study, watcher)
    tuning = None
    watcher.on_tune_begin(_info(judge, study, n_trials, n_test_windows))
    try:
        search.run(n_trials, seconds)
        tuning = _result(search, panel, n_test_windows, refit)
    finally:
        watcher.on_tune_end(tuning)
    return tuning


def _parameters(estimator: Any) -> dict[str, Any]:
    wanted = ("fit", "predict", "get_params", "set_params")
    if isinstance(estimator, type) or not all(hasattr(estimator, name) for name in wanted):
        raise ParameterError(f"it must have {', '.join(wanted)}; {estimator!r} does not", parameter="estimator")
    return dict(estimator.get_params(deep=False))


def _windows(horizon: Any, n_windows: int, refit: bool | int) -> Windows:
    shared = (1 if refit else n_windows) if isinstance(refit, bool) else refit
    return Windows(int(horizon), n_windows, int(horizon), shared)


def _number(random_state: int | np.random.RandomState | None) -> int | None:
    """The seed of the draws."""
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    return None if random_state is None else int(random_state)


def _identity(judge: Judge) -> dict[str, Any]:
    """What scores depend on besides the space: data up to the cutoff, windows, estimator, its code, and the metric."""
    if judge.folder is None:
        return {}
    contestant = Contestant(fresh(judge.estimator, silent=True))
    fits = Kept(judge.folder, contestant, panel_digest(judge.panel), judge.windows).folder.name
    return {"fits": fits, "metric": judge.metric, "season_length": judge.season_length}


def _info(judge: Judge, study: Study, n_trials: int | None, n_test_windows: int) -> dict[str, Any]:
    panel = judge.panel
    return {
        "trials": n_trials,
        "trials_before": len(study.finished()),
        "space": {name: in_words(one) for name, one in study.distributions.items()},
        "metric": judge.metric,
        "horizon": judge.windows.horizon,
        "n_windows": judge.windows.n_windows,
        "n_test_windows": n_test_windows,
        "cutoff": str(panel.stamps(panel.last_times().max()[None])[0]),
    }


def _result(search: Search, panel: Panel, n_test_windows: int, refit: bool | int) -> Tuning:
    judge = search.judge
    chosen, comparison = search.choice()
    best = dict(chosen.parameters) if chosen.number else {}
    choices = ({TUNED: best} if chosen.number else {}) | {DEFAULT: {}}
    windows = judge.tested(panel, n_test_windows, refit, choices)
    return Tuning(
        best,
        judge.with_parameters(best),
        _table(search.study.finished(), search.study.distributions, judge.estimator),
        chosen.number,
        comparison,
        windows,
        accuracy(windows, panel, judge.season_length),
        judge.compared(windows, panel),
    )


def _table(trials: Sequence[Trial], space: "Mapping[str, BaseDistribution]", estimator: Any) -> pd.DataFrame:
    """All trials; the default with the parameters of the estimator, whether they lie in the space or not."""
    own = estimator.get_params()
    facts = [asdict(trial) for trial in trials]
    table = pd.DataFrame([{name: one[name] for name in one if name != "parameters"} for one in facts])
    for name in space:
        values = [trial.parameters[name] if trial.number else own[name] for trial in trials]
        table[name] = pd.Series(values, dtype=object if None in values else None)  # None is a value, not a missing one
    return table.rename(columns={"number": "trial"})
