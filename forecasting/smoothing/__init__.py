"""Exponential smoothing, its parameters chosen for each series by how they would have forecast its own past.

What networks are combined with: the mean of a forecast of a few weighted sums of the last seasons, whose parameters are
chosen by horizons of the past, and of recursions, which are weighed by its single steps.
"""

from forecasting.smoothing.choices import CHOICES, Smoothing
from forecasting.smoothing.holes import with_holes
from forecasting.smoothing.parts import smoothed, steps_of_history
from forecasting.smoothing.recursion import recursion_steps, recursively_smoothed
from forecasting.smoothing.smoother import Smoother, judged_steps, past_errors

__all__ = [
    "CHOICES",
    "Smoother",
    "Smoothing",
    "judged_steps",
    "past_errors",
    "recursion_steps",
    "recursively_smoothed",
    "smoothed",
    "steps_of_history",
    "with_holes",
]
