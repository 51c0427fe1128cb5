"""The figure of a network's health."""

import dataclasses
import xml.etree.ElementTree as ElementTree

import pytest

from forecasting.errors import DataError
from forecasting.network.health import Health
from forecasting.report.health_figure import health_figure
from forecasting.report.style import to_svg

LOWER, UPPER = (1.0, 0.4, 0.1, 0.02, 1e-9), (1.0, 0.2, 0.005, 0.001, 1e-9)
FADING = Health(
    segment_length=24,
    season_length=24,
    linear_skip=True,
    gradient=(1.0, 0.3, 0.05, 0.009, 1e-9),
    gradient_by_layer=(LOWER, UPPER),
    saturated=(0.02, 0.314),
    still=(0.0, 0.0),
    spectral_radius=(0.97, 1.1),
    largest_singular_value=(1.2, 1.3),
    idle=0.0,
    diverged=0.0,
)


def test_each_layer_is_a_line_over_lags_that_ends_at_the_lower_end_of_the_axis() -> None:
    axes = health_figure(FADING).axes[0]
    drawn = [line for line in axes.get_lines() if len(line.get_xdata()) == 5]
    assert [line.get_xdata().tolist() for line in drawn] == [[0, 1, 2, 3, 4]] * 2
    assert [line.get_ydata().tolist() for line in drawn] == [[*LOWER[:4], 1e-4], [*UPPER[:4], 1e-4]]
    assert axes.get_yscale() == "log"
    assert axes.get_xlabel() == "segments back, of 24 steps"


def test_the_legend_tells_spectral_radius_and_saturation_of_each_layer() -> None:
    legend = [text.get_text() for text in health_figure(FADING).axes[0].get_legend().get_texts()]
    assert legend == ["layer 0: radius 0.97, 2 % saturated", "layer 1: radius 1.10, 31 % saturated"]


def test_the_effective_memory_is_marked_where_the_gradient_falls_below_one_percent() -> None:
    axes = health_figure(FADING).axes[0]
    assert [text.get_text() for text in axes.texts] == ["memory 72 steps"]
    assert [3, 3] in [list(line.get_xdata()) for line in axes.get_lines()]
    reaching = dataclasses.replace(FADING, gradient=(1.0, 0.5, 0.3, 0.2, 0.1))
    assert not health_figure(reaching).axes[0].texts


def test_without_a_gradient_there_is_no_figure() -> None:
    with pytest.raises(DataError, match="does not reach the forecast"):
        health_figure(dataclasses.replace(FADING, gradient=(0.0,) * 5))


def test_it_is_an_svg_in_the_colours_of_the_page() -> None:
    svg = to_svg(health_figure(FADING, title="RNN health"), "health")
    texts = ["".join(node.itertext()) for node in ElementTree.fromstring(svg).iter("text")]
    assert "RNN health" in texts
    assert "var(--model)" in svg
