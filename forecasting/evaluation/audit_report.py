"""What a leakage audit found: one finding for each cutoff, way of overwriting and stage; and all of it in words."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

CONTROL = "control"
HELD, MOVED, REFUSED, UNREPEATABLE, UNCHANGED = "held", "moved", "refused", "unrepeatable", "unchanged"


@dataclass(frozen=True)
class Finding:
    """How one stage took one overwriting.

    Attributes
    ----------
    cutoff : object
        The latest of the cutoffs of all series.
    overwritten : str
        ``"extreme"``, ``"missing"``, ``"shuffled"``; ``"control"`` where steps before the cutoff were shuffled as well.
    stage : str
    state : str
        ``"held"``; ``"moved"``; ``"refused"`` where an error ended the way before this stage; ``"unrepeatable"`` where
        two fits to the same data differ as well, so that nothing can be told; ``"unchanged"`` where overwriting left
        the data as they were.
    arrays : int
        Arrays, columns or single numbers that were compared.
    change : float
        The largest change of any of them, relative to its largest magnitude; infinite where a shape or a text changed,
        or a number became missing; NaN where nothing was compared.
    detail : str
        What moved, was left out, or refused.
    """

    cutoff: Any
    overwritten: str
    stage: str
    state: str
    arrays: int = 0
    change: float = np.nan
    detail: str = ""


@dataclass(frozen=True, eq=False)
class AuditReport:
    """The result of `forecasting.evaluation.audit.audit`; its text says all of it in words.

    Attributes
    ----------
    findings : tuple of Finding
    step : int
        Observed steps of each series between two cutoffs, and after the last one.
    """

    findings: tuple[Finding, ...]
    step: int

    @property
    def passed(self) -> bool:
        """Whether nothing moved, and each stage held at each cutoff under at least one way of overwriting."""
        frame = self._audited
        moved = frame["state"].isin([MOVED, UNREPEATABLE]).any()
        return not moved and bool((frame["state"] == HELD).groupby([frame["cutoff"], frame["stage"]]).any().all())

    @property
    def frame(self) -> pd.DataFrame:
        """A row for each finding, with the attributes of `Finding` as columns."""
        return pd.DataFrame([asdict(finding) for finding in self.findings])

    @property
    def stages(self) -> pd.DataFrame:
        """A row for each stage, in the order of the way.

        ``stage``; ``held``, ``moved``, ``refused``, ``other``: how many overwritings it took in which way; ``change``:
        the largest; ``control``: whether it moved when steps before the cutoff were shuffled.
        """
        control = self.frame[self.frame["overwritten"] == CONTROL].set_index("stage")["state"]
        rows = []
        for stage, found in self._audited.groupby("stage", sort=False):
            states = found["state"].value_counts()
            counted = {state: int(states.get(state, 0)) for state in (HELD, MOVED, REFUSED)}
            other = len(found) - sum(counted.values())
            rows.append({"stage": stage, **counted, "other": other, "change": found["change"].max()})
        return pd.DataFrame(rows).assign(control=lambda table: table["stage"].map(control))

    @property
    def words(self) -> tuple[str, ...]:
        """The verdict, what moved first, what was refused, and what the control says; one sentence or two each."""
        frame = self._audited
        cutoffs = ", ".join(map(_time_text, frame["cutoff"].unique()))
        looked = (
            f"{frame['stage'].nunique()} stages at the cutoffs {cutoffs}, with everything after them overwritten in"
            f" {frame['overwritten'].nunique()} ways"
        )
        held = frame.loc[frame["state"] == HELD, "change"].max()
        verdict = (
            f"Passed: {looked}; nothing moved (largest relative change {held:g})."
            if self.passed
            else f"Not passed: {looked}."
        )
        return verdict, *self._moved(), *self._refused(), *self._control()

    def __str__(self) -> str:
        table = self.stages.to_string(index=False, float_format=lambda value: f"{value:.3g}")
        return "\n".join([*self.words, "", table])

    @property
    def _audited(self) -> pd.DataFrame:
        frame = self.frame
        return frame[frame["overwritten"] != CONTROL]

    def _moved(self) -> list[str]:
        """The first stage that moved under each overwriting, and what is not repeatable."""
        words = []
        for how, found in self._audited.groupby("overwritten", sort=False):
            moved = found[found["state"] == MOVED]
            if len(moved):
                first = moved.iloc[0]
                size = "beyond comparison" if np.isinf(first["change"]) else f"by {first['change']:.3g} of its size"
                words.append(
                    f"Leak: with {_in_words(str(how))} after the cutoff {_time_text(first['cutoff'])}, the first to"
                    f" move was the {first['stage']} ({first['detail']}), {size}."
                )
        lost = self._audited[self._audited["state"] == UNREPEATABLE]
        if len(lost):
            words.append(
                f"Two fits to the same data differ in the {' and the '.join(lost['stage'].unique())}, so that nothing"
                " can be told: give the estimator a fixed random state."
            )
        return words

    def _refused(self) -> list[str]:
        words = []
        refused = self._audited[self._audited["state"] == REFUSED]
        for (how, detail), found in refused.groupby(["overwritten", "detail"], sort=False):
            stages = ", ".join(found["stage"].unique())
            words.append(f"With {_in_words(str(how))} after the cutoff this was refused, before {stages}: {detail}")
        unchanged = self._audited.loc[self._audited["state"] == UNCHANGED, "overwritten"].unique()
        words += [f"With {_in_words(how)} the data were the same as before, which shows nothing." for how in unchanged]
        return words

    def _control(self) -> list[str]:
        control = self.frame[self.frame["overwritten"] == CONTROL]
        still = control.loc[control["state"] == HELD, "stage"]
        lost = control.loc[control["state"].isin([REFUSED, UNCHANGED]), "stage"]
        shuffled = f"Control: with the last {self.step} observed steps before the cutoff shuffled as well,"
        if len(lost):
            return [f"{shuffled} nothing could be seen of {', '.join(lost)}: {control['detail'].max() or 'no change'}"]
        if len(still):
            return [f"{shuffled} all moved but {', '.join(still)}, of which holding says little."]
        return [f"{shuffled} every stage moved: they do depend on the data."]


def _time_text(time: object) -> str:
    return str(time).removesuffix(" 00:00:00")


def _in_words(how: str) -> str:
    return {"extreme": "extreme values", "missing": "missing values", "shuffled": "the rows shuffled"}[how]
