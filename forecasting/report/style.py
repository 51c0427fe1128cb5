"""The look of the figures: colours, axes, numbers, and SVG that follows the colours of the page it stands in."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Colours of M. Okabe and K. Ito, "Color Universal Design", 2008; told apart with all common kinds of colour vision.
INK = "#1c2126"
QUIET = "#5f6b76"
GRID = "#e1e5e9"
MODEL = "#0072b2"
BASELINE = "#d55e00"
PAPER = "#fefefe"

# In a page every colour is a CSS variable of this name, so that the figures turn dark with the page.
_VARIABLES = {INK: "ink", QUIET: "quiet", GRID: "grid", MODEL: "model", BASELINE: "baseline", PAPER: "paper"}
_SMALL, _TEXT = 8.5, 9.5
_SETTINGS = Lock()


def new_figure(width: float, height: float, title: str | None = None) -> "tuple[Figure, Axes]":
    """A figure of that many inches, independent of pyplot, with one set of axes in the style of the house."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor=PAPER)
    axes = figure.add_subplot(facecolor=PAPER)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(QUIET)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=QUIET, labelsize=_SMALL, length=3, width=0.8)
    axes.tick_params(axis="y", length=0)
    axes.yaxis.set_major_formatter(lambda value, _: compact(value))
    if title is not None:
        figure.suptitle(title, fontsize=_TEXT + 1.5, color=INK, x=0.01, ha="left", parse_math=False)
    return figure, axes


def label_axes(axes: "Axes", x: str, y: str) -> None:
    """Name both axes, the upright one above its end, where it can be read without turning the head."""
    axes.set_xlabel(x, fontsize=_SMALL, color=QUIET, parse_math=False)
    axes.set_ylabel(y, fontsize=_SMALL, color=QUIET, parse_math=False)


def add_legend(axes: "Axes", columns: int = 5) -> None:
    """The legend in a line above the axes, so that it never covers data; each label once."""
    handles, labels = axes.get_legend_handles_labels()
    once = dict(zip(reversed(labels), reversed(handles), strict=True))
    legend = axes.legend(
        [once[label] for label in dict.fromkeys(labels)],
        list(dict.fromkeys(labels)),
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=columns,
        frameon=False,
        fontsize=_SMALL,
        labelcolor=INK,
        handlelength=1.6,
        columnspacing=1.6,
        borderaxespad=0.2,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def compact(value: float) -> str:
    """A number for people: four significant digits, thousands apart, millions and billions by name."""
    size = abs(value)
    if size >= 1e15 or 0 < size < 1e-4:
        return f"{value:.3g}"
    for unit, name in ((1e12, "tn"), (1e9, "bn"), (1e6, "m")):
        if size >= unit:
            return f"{value / unit:.4g} {name}"
    if size >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def to_svg(figure: "Figure", prefix: str) -> str:
    """The figure as an SVG element for an HTML page: real text, variables for colours, the same bytes every time.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    prefix : str
        Put before every id, so that the ids of several figures in a page differ.
    """
    buffer = io.StringIO()
    with _text_as_text():
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = text.replace("xlink:href", "href")
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{prefix}-", text)
    text = re.sub(r'<svg [^>]*?(viewBox="[^"]*")[^>]*>', r"<svg \1>", text, count=1)
    text = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", text)
    for colour, name in _VARIABLES.items():
        text = text.replace(f": {colour}", f": var(--{name})")
    return text.strip()


@contextmanager
def _text_as_text() -> Iterator[None]:
    """Matplotlib reads these settings from global state only; the lock keeps threads from undoing each other."""
    import matplotlib as mpl

    with _SETTINGS, mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "forecasting"}):
        yield
