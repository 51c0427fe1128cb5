"""Exponential smoothing, its parameters chosen for each series by how they would have forecast its own past.

What networks are combined with. With given parameters such a forecast is a few weighted sums of the last seasons.
"""

from forecasting.smoothing.choices import CHOICES, Smoothing
from forecasting.smoothing.holes import with_holes
from forecasting.smoothing.parts import smoothed, steps_of_history
from forecasting.smoothing.smoother import Smoother, judged_steps, past_errors

__all__ = [
    "CHOICES",
    "Smoother",
    "Smoothing",
    "judged_steps",
    "past_errors",
    "smoothed",
    "steps_of_history",
    "with_holes",
]
