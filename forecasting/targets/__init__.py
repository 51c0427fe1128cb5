"""Reversible transforms of the target: what the network sees instead of the values, and the way back."""

from forecasting.targets.above_zero import kept_above_zero
from forecasting.targets.target import WORDS, Target, choices_for, is_target

__all__ = ["WORDS", "Target", "choices_for", "is_target", "kept_above_zero"]
