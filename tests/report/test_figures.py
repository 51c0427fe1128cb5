"""What the figures draw, and that they can be drawn for any name and saved by anyone."""

import io
import xml.etree.ElementTree as ElementTree

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib._pylab_helpers import Gcf

from forecasting.errors import DataError
from forecasting.evaluation.metrics import error_by_step
from forecasting.panel import to_panel
from forecasting.report.figures import coverage_figure, forecast_figure, step_error_figure, training_figure
from forecasting.report.style import compact, to_svg
from tests.report.conftest import Run, make_run

HOSTILE = "Volume <b>&$x^{2$</b> \\frac{"


def lines(figure, colour: str) -> list:
    return [line for line in figure.axes[0].get_lines() if line.get_color() == colour and len(line.get_xdata()) > 2]


def test_forecast_figure_draws_the_windows_the_naive_forecast_and_what_is_ahead(run: Run) -> None:
    figure = forecast_figure(run.panel, "south", run.backtest, run.forecasts)

    south = run.backtest[run.backtest["unique_id"] == "south"]
    drawn = lines(figure, "#0072b2")
    assert len(drawn) == 3 + 1
    np.testing.assert_array_equal(np.concatenate([line.get_ydata() for line in drawn[:3]]), south["SimpleRNN"])
    np.testing.assert_array_equal(
        drawn[3].get_ydata(), run.forecasts.loc[run.forecasts["unique_id"] == "south"].iloc[:, 2]
    )
    naive = np.concatenate([line.get_ydata() for line in lines(figure, "#d55e00")])
    np.testing.assert_array_equal(naive, south["SeasonalNaive"])
    observed = lines(figure, "#1c2126")[0].get_ydata()
    np.testing.assert_array_equal(observed, run.panel.take(np.array([1])).values[-len(observed) :])
    assert len(observed) == 15 + 40
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["95 % interval", "80 % interval", "seasonal naive", "SimpleRNN", "observed", "SimpleRNN ahead"]


def test_of_overlapping_windows_only_those_that_do_not_overlap_are_drawn(run: Run) -> None:
    shifted = run.backtest.copy()
    shifted[["cutoff", "ds"]] -= pd.Timedelta(days=2)

    figure = forecast_figure(run.panel, "south", pd.concat([run.backtest, shifted]), run.forecasts)

    starts = [pd.Timestamp(line.get_xdata()[0]) for line in lines(figure, "#0072b2")[:-1]]
    assert [str(start.date()) for start in starts] == ["2024-02-14", "2024-02-19", "2024-02-24"]


def test_axes_say_unit_and_time_zone_and_steps_stay_steps() -> None:
    run = make_run(["a"])
    zoned = to_panel(run.panel.frame().assign(ds=lambda rows: rows["ds"].dt.tz_localize("Europe/Berlin")))[0]
    steps = to_panel(run.panel.frame().assign(ds=range(61)))[0]

    def labels(panel) -> tuple[str, str]:
        rows = panel.frame()
        window = rows.tail(5).assign(cutoff=rows["ds"].iloc[-6], SimpleRNN=1.0, SeasonalNaive=2.0)
        ahead = pd.DataFrame({"unique_id": "a", "ds": panel.stamps(panel.future_times(2)), "SimpleRNN": [1.0, 2.0]})
        axes = forecast_figure(panel, "a", window, ahead, unit="kWh").axes[0]
        return axes.get_xlabel(), axes.get_ylabel()

    assert labels(zoned) == ("time (Europe/Berlin)", "kWh")
    assert labels(steps) == ("step", "kWh")


def test_any_name_can_be_a_title_or_a_unit_and_stays_text(run: Run) -> None:
    figure = forecast_figure(run.panel, "north", run.backtest, run.forecasts, unit=HOSTILE, title=HOSTILE)

    root = ElementTree.fromstring(to_svg(figure, "x"))

    assert sum("".join(node.itertext()) == HOSTILE for node in root.iter("text")) == 2
    assert not any(node.tag == "b" for node in root.iter())


def test_training_figure_marks_the_epoch_with_the_lowest_validation_loss() -> None:
    history = [{"epoch": n, "loss": 1 / n, "val_loss": abs(n - 3) + 1.0} for n in range(1, 6)]

    axes = training_figure(history).axes[0]

    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["training", "validation", "lowest"]
    assert axes.get_lines()[2].get_xydata().tolist() == [[3, 1]]


def test_both_stages_of_a_training_are_lines_of_their_own() -> None:
    history = [{"epoch": n, "stage": 0, "loss": 1.0, "val_loss": float(abs(n - 1))} for n in range(3)] + [
        {"epoch": n, "stage": 1, "loss": 0.5} for n in (3, 4)
    ]

    axes = training_figure(history).axes[0]

    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["training", "validation", "lowest", "on all data"]
    drawn = {line.get_label(): line.get_xydata().tolist() for line in axes.get_lines()}
    assert drawn == {
        "training": [[1, 1], [2, 1], [3, 1]],
        "validation": [[1, 1], [2, 0], [3, 1]],
        "lowest": [[2, 0]],
        "on all data": [[4, 0.5], [5, 0.5]],
    }


def test_training_without_validation_has_one_line_and_without_epochs_is_refused() -> None:
    assert len(training_figure([{"epoch": 1, "loss": 1.0}, {"epoch": 2, "loss": 0.5}]).axes[0].get_lines()) == 1
    with pytest.raises(DataError, match="no epoch"):
        training_figure([])


def test_step_error_figure_has_a_point_for_each_step(run: Run) -> None:
    errors = error_by_step(run.backtest, run.panel, 7)

    model, naive = lines(step_error_figure(errors), "#0072b2")[0], lines(step_error_figure(errors), "#d55e00")[0]

    assert model.get_xdata().tolist() == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(2 * model.get_ydata(), naive.get_ydata())


def test_coverage_figure_shows_the_pooled_coverage_of_both(run: Run) -> None:
    pooled = run.accuracy[run.accuracy["unique_id"] == "(all)"].set_index("model")

    axes = coverage_figure(run.accuracy).axes[0]

    covered = {line.get_label(): line.get_xdata().tolist() for line in axes.get_lines()}
    assert covered["SimpleRNN"] == pooled.loc["SimpleRNN", ["coverage-80", "coverage-95"]].tolist()
    assert covered["seasonal naive"] == pooled.loc["SeasonalNaive", ["coverage-80", "coverage-95"]].tolist()
    with pytest.raises(DataError, match="no coverage"):
        coverage_figure(run.accuracy[["unique_id", "model", "MASE"]])


def test_figures_leave_no_trace_in_matplotlib_and_save_as_png(run: Run) -> None:
    before = dict(mpl.rcParams)
    figure = forecast_figure(run.panel, "north", run.backtest, run.forecasts)
    to_svg(figure, "a")
    file = io.BytesIO()
    figure.savefig(file, format="png")

    assert file.getvalue().startswith(b"\x89PNG")
    assert dict(mpl.rcParams) == before
    assert Gcf.get_all_fig_managers() == []


def test_svg_is_the_same_every_time_has_its_own_ids_and_follows_the_colours_of_the_page(run: Run) -> None:
    def svg(prefix: str) -> str:
        return to_svg(forecast_figure(run.panel, "north", run.backtest, run.forecasts), prefix)

    first = svg("one")

    assert first == svg("one")
    nodes = list(ElementTree.fromstring(first).iter())
    ids = {node.get("id") for node in nodes if node.get("id")}
    assert all(name.startswith("one-") for name in ids)
    assert {node.get("href")[1:] for node in nodes if node.get("href")} <= ids
    assert "var(--model)" in first
    assert "#0072b2" not in first
    assert "://" not in first


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.00012345, "-0.0001234"),
        (1e-9, "1e-09"),
        (12.3456, "12.35"),
        (999, "999"),
        (-1234.5, "-1,234"),
        (3_500_000, "3.5 m"),
        (2e9, "2 bn"),
        (1.25e12, "1.25 tn"),
        (1e16, "1e+16"),
    ],
)
def test_numbers_are_short_and_readable(value: float, text: str) -> None:
    assert compact(value) == text
