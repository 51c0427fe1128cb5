"""The figure of a network's health: how far back its forecast reaches, and the state of each recurrent layer."""

from typing import TYPE_CHECKING

import numpy as np

from forecasting.errors import DataError
from forecasting.network.health import FADED, Health
from forecasting.report.style import BASELINE, INK, MODEL, QUIET, add_legend, label_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LOWEST = FADED / 100
"""Gradients below it are drawn at the lower end of the axis."""
_MARKERS, _DASHES = "os^Dv", ("--", ":", "-.")
"""What tells the layers below the last one apart."""


def health_figure(health: Health, *, title: str | None = None) -> "Figure":
    """Gradient of the forecast with respect to the states by lag, on a log axis; the effective memory is marked.

    With several layers the part of each is a line of its own. The legend gives spectral radius and share of saturated
    states of each layer.

    Parameters
    ----------
    health : Health
    title : str, optional

    Raises
    ------
    DataError
        The recurrence does not reach the forecast, so that there is no gradient.
    """
    if not health.gradient[0]:
        raise DataError("there is no gradient to draw: the recurrence does not reach the forecast")
    figure, axes = new_figure(4.5, 3.0, title)
    lags = np.arange(len(health.gradient))
    layers = len(health.gradient_by_layer)
    for layer, gradient in enumerate(health.gradient_by_layer):
        state = f"radius {health.spectral_radius[layer]:.2f}, {100 * health.saturated[layer]:.0f} % saturated"
        marker = _MARKERS[layer % len(_MARKERS)] if len(lags) <= 32 else ""
        style, colour = (_DASHES[layer % len(_DASHES)], QUIET) if layer < layers - 1 else ("-", MODEL)
        axes.plot(
            lags,
            np.maximum(gradient, _LOWEST),
            f"{marker}{style}",
            color=colour,
            linewidth=1.6,
            markersize=3.5,
            label=f"layer {layer}: {state}",
        )
    axes.axhline(FADED, color=BASELINE, linewidth=1.0, linestyle=":")
    if health.fades:
        axes.axvline(health.memory_segments, color=INK, linewidth=0.9)
        axes.annotate(
            f"memory {health.memory_steps} steps",
            (health.memory_segments, 1.0),
            xytext=(4, 0),
            textcoords="offset points",
            fontsize=8.5,
            color=INK,
            va="top",
        )
    axes.set_yscale("log")
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.3g}")
    axes.set_ylim(bottom=_LOWEST)
    axes.set_xlim(-0.5, len(lags) - 0.5)
    label_axes(axes, f"segments back, of {health.segment_length} steps", "gradient, share of the last")
    add_legend(axes, columns=1)
    return figure
