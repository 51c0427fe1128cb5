"""The stages of the forecaster under the leakage audit, and leaks planted inside them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from forecasting import SimpleRNNForecaster, audit, to_panel
from forecasting.estimators.encoding import Column
from forecasting.scaling import Batch
from forecasting.targets import Target
from forecasting.windows import Windows
from tests.estimators.covered import covered_frame
from tests.estimators.made import long_frame, tiny

STAGES = [
    "gate",
    "target path",
    "windows",
    "division",
    "linear start",
    "network",
    "trust and calibration",
    "forecast",
]


@pytest.fixture(scope="module")
def report():
    return audit(tiny(levels=[80]), long_frame((60, 54)), n_cutoffs=1, verbose=0)


def moved(report):
    audited = report.frame[report.frame["overwritten"] != "control"]
    return set(audited.loc[audited["state"] == "moved", "stage"])


def test_no_stage_moves_by_anything(report):
    assert report.passed
    assert report.stages["stage"].tolist() == STAGES
    assert report.stages["held"].tolist() == [3] * len(STAGES)
    audited = report.frame[report.frame["overwritten"] != "control"]
    assert (audited["change"] == 0).all()


def test_the_control_moves_what_is_learned_from_the_data(report):
    control = report.stages.set_index("stage")["control"]
    assert (control.drop("division") == "moved").all()


def test_without_the_gate_the_fitted_stages_are_audited_as_well():
    report = audit(tiny(max_steps=2), long_frame((60, 54)), gate=False, n_cutoffs=1, verbose=0)
    assert report.passed
    assert report.stages["stage"].tolist() == STAGES[3:]


def test_gaps_that_are_interpolated_carry_nothing_across_the_cutoff():
    data = long_frame((60,))
    data.loc[[50, 55, 57], "y"] = np.nan
    report = audit(tiny(gaps="interpolate", max_steps=2), data, n_cutoffs=1, verbose=0)
    assert report.passed
    assert moved(report) == set()


def test_a_scale_made_of_the_whole_series_is_found_in_the_windows(monkeypatch):
    real = Windows.gather

    def leaking(self, cuts):
        batch = real(self, cuts)
        scale = np.full(len(cuts), np.nanstd(self.path))
        return Batch(batch.inputs * (batch.scale / scale)[:, None], batch.observed, batch.level, scale, batch.moving)

    monkeypatch.setattr(Windows, "gather", leaking)
    report = audit(tiny(max_steps=2), long_frame((60,)), n_cutoffs=1, verbose=0)
    assert not report.passed
    assert moved(report) == {"windows"}
    assert "the first to move was the windows (inputs, scale)" in str(report)


def test_a_path_centred_on_everything_is_found_in_the_target_path(monkeypatch):
    monkeypatch.setattr(Target, "path", lambda self, panel: panel.values - np.nanmean(panel.values))
    report = audit(tiny(target="none", max_steps=2), long_frame((60,)), n_cutoffs=1, verbose=0)
    assert "target path" in moved(report)


def test_inputs_are_those_of_the_first_steps(fitted):
    data = long_frame((40, 30))
    panel = to_panel(data)[0]
    whole, cut = (fitted.input_stages(panel, np.array(steps)) for steps in ([40, 30], [25, 20]))
    assert cut["target path"]["path"].tolist() == [*panel.values[:25], *panel.values[40:60]]
    assert len(cut["windows"]["inputs"]) == 25 + 20
    np.testing.assert_array_equal(cut["windows"]["level"][:25], whole["windows"]["level"][:25])
    alone = to_panel(pd.concat([data[:25], data[40:60]]))[0]
    for name, values in fitted.input_stages(alone, np.array([25, 20]))["windows"].items():
        np.testing.assert_array_equal(values, cut["windows"][name])


def test_fitted_stages_are_plain_numbers_and_need_a_fit(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    loaded = SimpleRNNForecaster.load(tmp_path / "model")
    stages = fitted.fitted_stages()
    assert list(stages) == STAGES[3:7]
    assert {np.asarray(value).dtype.kind for numbers in stages.values() for value in numbers.values()} <= set("fiU")
    assert stages["trust and calibration"]["shares"] == tuple(fitted.shares_.values())
    for call in (
        tiny().fitted_stages,
        loaded.fitted_stages,
        lambda: tiny().input_stages(to_panel(long_frame())[0], np.array([1, 1, 1])),
    ):
        with pytest.raises(NotFittedError):
            call()


COVARIATES = {
    "past_covariates": ["noise"],
    "future_covariates": ["heat", "promotion"],
    "static_covariates": ["region"],
    "calendar_covariates": ["weekday"],
}


def test_an_honest_forecaster_with_all_kinds_of_covariates_passes_with_their_stages():
    report = audit(tiny(**COVARIATES, max_steps=3), covered_frame((60, 54)), n_cutoffs=1, verbose=0)
    assert report.passed
    expected = [STAGES[0], "features of the forecast", *STAGES[1:4], "encoding of covariates", *STAGES[4:]]
    assert report.stages["stage"].tolist() == expected
    assert report.stages["held"].tolist() == [3] * len(expected)
    audited = report.frame[report.frame["overwritten"] != "control"]
    assert (audited["change"] == 0).all()
    windows = report.frame[report.frame["stage"] == "windows"]
    assert set(windows["arrays"]) == {7}  # inputs, observed, level, scale; past, future and static covariates


@pytest.mark.parametrize(
    "leak",
    [lambda heat: heat.rolling(5, center=True, min_periods=1).mean(), lambda heat: heat.shift(-1).ffill()],
    ids=["a centred rolling mean", "the value of tomorrow"],
)
def test_a_past_covariate_that_reads_the_future_is_found(leak):
    def prepare(frame):
        return frame.assign(noise=frame.groupby("unique_id")["heat"].transform(leak))

    report = audit(
        tiny(past_covariates=["noise"], gaps="mask", max_steps=3),
        covered_frame((60, 54)),
        prepare=prepare,
        n_cutoffs=1,
        verbose=0,
    )
    assert not report.passed
    assert moved(report) >= {"prepared table", "gate", "windows", "forecast"}
    assert "the first to move was the prepared table (noise)" in str(report)
    extreme = report.frame[(report.frame["stage"] == "windows") & (report.frame["overwritten"] == "extreme")]
    assert extreme["detail"].tolist() == ["past covariates"]


def test_a_covariate_scaled_on_everything_is_found_in_the_encoding(monkeypatch):
    real = Column.fit.__func__
    seen = {}

    def leaking(cls, name, values, known):  # as if fitted on the panel that goes on behind the cutoff
        column = real(cls, name, values, known)
        return replace(column, mean=column.mean + seen["after"]) if name == "noise" else column

    def prepare(frame):
        seen["after"] = np.nan_to_num(frame["noise"]).sum()
        return frame

    monkeypatch.setattr(Column, "fit", classmethod(leaking))
    report = audit(
        tiny(past_covariates=["noise"], max_steps=3), covered_frame((60,)), prepare=prepare, n_cutoffs=1, verbose=0
    )
    assert moved(report) >= {"encoding of covariates", "windows", "forecast"}
    assert "the first to move was the" in str(report)
