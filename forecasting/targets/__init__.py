"""Reversible transforms of the target: what the network sees instead of the values, and the way back."""

from forecasting.targets.above_zero import kept_above_zero
from forecasting.targets.target import TARGETS, Target, choices_for

__all__ = ["TARGETS", "Target", "choices_for", "kept_above_zero"]
