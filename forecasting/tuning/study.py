"""The study of a tuning: where its trials are kept, which of them count, and how the next one is drawn."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from forecasting.errors import StorageError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

DATABASE = "study.db"
_BEFORE_PRUNING = 4
"""Trials that are scored on all windows before one is stopped early."""
_FACTS = "facts"
"""The attribute of a trial in the study with ``windows``, ``seconds`` and ``error``; an interrupted one has none."""
_STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}


@dataclass(frozen=True)
class Trial:
    """A finished trial.

    Attributes
    ----------
    number : int
        Counted from 0, in the order of their beginning; 0 is the default.
    parameters : dict
        Those of the space.
    state : {"complete", "pruned", "failed"}
    score : float
        Over the windows that were forecast; NaN if it failed.
    windows : int
        How many were forecast.
    seconds : float
    error : str or None
    """

    number: int
    parameters: dict[str, Any]
    state: str
    score: float
    windows: int
    seconds: float
    error: str | None


class Study:
    """The trials of one search, in memory or in a SQLite file.

    Parameters
    ----------
    distributions : dict of str to optuna distribution
        The space.
    default : dict
        Those parameters of the estimator as it is that lie in the space.
    folder : Path or None
        Where the file is; studies of other searches may be in it.
    identity : dict
        What the search depends on besides the space; a study is continued by the search of which all is the same.
    seed : int or None
        The same number draws the same trials, whether the study is interrupted or not.

    Raises
    ------
    StorageError
        The file cannot be opened.
    """

    def __init__(
        self,
        distributions: "Mapping[str, BaseDistribution]",
        default: Mapping[str, Any],
        folder: Path | None,
        identity: Mapping[str, Any],
        seed: int | None,
    ) -> None:
        from optuna.distributions import distribution_to_json

        space = {name: distribution_to_json(one) for name, one in distributions.items()}
        text = json.dumps({**identity, "space": space}, sort_keys=True)
        name = hashlib.sha256(text.encode()).hexdigest()[:24]
        self.distributions = dict(distributions)
        self.default = default
        self.seed = seed
        with _quiet(), _storage_errors(folder):
            self._study = optuna.create_study(
                storage=None if folder is None else _storage(folder),
                study_name=name,
                direction="minimize",
                pruner=optuna.pruners.MedianPruner(n_startup_trials=_BEFORE_PRUNING),
                load_if_exists=True,
            )
        for left_over in self._study.get_trials(deepcopy=False, states=[TrialState.RUNNING]):
            self._study.tell(left_over.number, state=TrialState.FAIL)

    def finished(self) -> list[Trial]:
        """The trials that count: all but those that were interrupted."""
        kept = (trial for trial in self._study.get_trials(deepcopy=False) if _counts(trial))
        return [_trial(number, trial) for number, trial in enumerate(kept)]

    def add_default(self, scores: Sequence[tuple[int, float]], seconds: float) -> None:
        """Note the scores of the estimator as it is: after each fit, windows forecast so far and their score."""
        windows, score = scores[-1]
        self._study.add_trial(
            create_trial(
                value=score,
                params=dict(self.default),
                distributions={name: self.distributions[name] for name in self.default},
                user_attrs={_FACTS: {"windows": windows, "seconds": seconds, "error": None}},
                intermediate_values=dict(scores),
            )
        )

    def ask(self) -> optuna.Trial:
        """Begin a trial. What is drawn depends on the seed and on the trials that count, and on nothing else."""
        number = len(self.finished())
        drawn = None if self.seed is None else int(np.random.SeedSequence([self.seed, number]).generate_state(1)[0])
        self._study.sampler = optuna.samplers.TPESampler(seed=drawn)
        return self._study.ask(self.distributions)

    def tell(
        self, trial: optuna.Trial, state: str, score: float | None, *, windows: int, seconds: float, error: str | None
    ) -> None:
        """End a trial; see `Trial`."""
        trial.set_user_attr(_FACTS, {"windows": windows, "seconds": seconds, "error": error})
        ended = next(one for one, words in _STATES.items() if words == state)
        self._study.tell(trial, score if ended == TrialState.COMPLETE else None, ended)

    def interrupt(self, trial: optuna.Trial) -> None:
        """End a trial that does not count; the next one has its parameters."""
        self._study.tell(trial, state=TrialState.FAIL)


def _counts(trial: FrozenTrial) -> bool:
    return trial.state in _STATES and _FACTS in trial.user_attrs


def _trial(number: int, trial: FrozenTrial) -> Trial:
    score = float("nan") if trial.value is None else trial.value
    return Trial(number, dict(trial.params), _STATES[trial.state], score, **trial.user_attrs[_FACTS])


def _storage(folder: Path) -> optuna.storages.RDBStorage:
    from sqlalchemy import URL

    folder.mkdir(parents=True, exist_ok=True)
    return optuna.storages.RDBStorage(str(URL.create("sqlite", database=str(folder / DATABASE))))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna from announcing a study on standard error."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


@contextmanager
def _storage_errors(folder: Path | None) -> Iterator[None]:
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, OSError, RuntimeError) as error:
        raise StorageError(
            f"the study cannot be opened ({str(error).splitlines()[0]})",
            file=None if folder is None else folder / DATABASE,
            remedy="Give another folder, or remove the file to begin anew",
        ) from error
