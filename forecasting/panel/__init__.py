"""The gate: frames outside, one ragged array of all series on complete time grids inside.

Nothing behind the gate checks its input again.
"""

from forecasting.panel.ahead import known_rows, lay_ahead, no_steps_ahead, split_ahead
from forecasting.panel.covariates import treat_covariates
from forecasting.panel.following import appended, following
from forecasting.panel.frequency import Frequency
from forecasting.panel.future import read_future
from forecasting.panel.gaps import treat_gaps
from forecasting.panel.gate import to_panel
from forecasting.panel.notice import Notice
from forecasting.panel.panel import Panel
from forecasting.panel.roles import Roles, infer_roles

__all__ = [
    "Frequency",
    "Notice",
    "Panel",
    "Roles",
    "appended",
    "following",
    "infer_roles",
    "known_rows",
    "lay_ahead",
    "no_steps_ahead",
    "read_future",
    "split_ahead",
    "to_panel",
    "treat_covariates",
    "treat_gaps",
]
