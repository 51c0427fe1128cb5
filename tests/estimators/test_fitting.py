"""What a fit goes through: stages, held-out windows, interruption, and what it must not know."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from forecasting.estimators import fitting
from forecasting.network.training import TrainingPlan
from forecasting.panel import to_panel
from forecasting.smoothing import Smoother
from tests.estimators.made import HORIZON, Watch, long_frame, one, tiny, values


def losses(forecaster, stage):
    return [entry["loss"] for entry in forecaster.history_ if entry["stage"] == stage]


def test_the_history_numbers_the_epochs_of_both_stages(frame):
    forecaster = tiny(n_members=2, linear_skip=False, learning_rate=0.01).fit(frame)
    history = forecaster.history_
    assert [entry["epoch"] for entry in history] == list(range(len(history)))
    stages = [entry["stage"] for entry in history]
    assert stages == sorted(stages)
    assert set(stages) == {0, 1}
    told = {"epoch", "stage", "loss", "learning_rate", "clipped", "update_ratio", "seconds"}
    assert all(entry.keys() == told | ({"val_loss"} if entry["stage"] == 0 else set()) for entry in history)


def test_the_second_stage_takes_a_quarter_of_the_steps_that_were_best_in_the_first_at_half_the_rate(frame):
    forecaster = tiny(linear_skip=False, learning_rate=0.01).fit(frame)
    checked = [entry["val_loss"] for entry in forecaster.history_ if entry["stage"] == 0]
    onwards = [entry for entry in forecaster.history_ if entry["stage"] == 1]
    assert len(onwards) == -(-(int(np.argmin(checked)) + 1) // 4)  # of so few steps each is an epoch
    plan = TrainingPlan(len(onwards), 16, 0.005, 1.0)
    assert [entry["learning_rate"] for entry in onwards] == [plan.rate(step) for step in range(len(onwards))]


def test_the_second_stage_goes_on_from_the_best_weights_of_the_first_on_all_windows(frame, monkeypatch):
    calls = []

    def watched(engine, weights, source, *others, **options):
        calls.append((weights, source.cuts, fitting_train(engine, weights, source, *others, **options)))
        return calls[-1][-1]

    fitting_train = fitting.train
    monkeypatch.setattr(fitting, "train", watched)
    forecaster = tiny(linear_skip=False, n_members=2, learning_rate=0.01).fit(frame)
    (_, before, first), (start, everything, second) = calls
    assert start is first.weights
    assert first.steps > 0
    assert forecaster._model.weights is second.weights
    assert len(everything) == 162 - 3 * (8 + HORIZON - 1)  # every place with a look-back before and a horizon behind it
    assert set(before.row) < set(everything.row)


@pytest.mark.parametrize(("lengths", "size"), [((60,), 32), ((200, 200), 64)])
def test_without_a_stated_batch_size_a_step_reads_no_more_than_a_quarter_of_the_windows_but_32(lengths, size):
    frame, watch = long_frame(lengths), Watch()
    settings = {"linear_skip": False, "learning_rate": 0.01, "n_members": 2, "combine_naive": False}
    usual = tiny(batch_size=None, **settings).fit(frame, callbacks=[watch])
    assert size == (64 if watch.begun[0]["windows"] >= 256 else 32)
    for stated, same in ((size, True), (16, False)):
        forecaster = tiny(batch_size=stated, **settings).fit(frame)
        assert (values(usual.predict()) == values(forecaster.predict())) == same
        assert (usual.memory_plan_ == forecaster.memory_plan_) == same


def test_training_on_reads_batches_by_the_windows_that_there_are_then():
    frame, settings = long_frame((300,)), {"linear_skip": False, "learning_rate": 0.01, "combine_naive": False}
    start, rest = frame[:130], frame[130:]
    usual, stated = (tiny(batch_size=size, **settings).fit(start) for size in (None, 32))
    assert values(usual.predict()) == values(stated.predict())
    for forecaster, size in ((usual, None), (stated, 64)):
        forecaster.set_params(batch_size=size).partial_fit(rest)
    assert values(usual.predict()) == values(stated.predict())
    assert usual.memory_plan_ == stated.memory_plan_


def test_callbacks_are_told_what_the_history_keeps_in_plain_numbers(frame):
    watches = Watch(), Watch()
    forecaster = tiny().fit(frame, callbacks=watches)
    for watch in watches:
        assert [epoch for epoch, _ in watch.epochs] == list(range(len(forecaster.history_)))
        assert [logs for _, logs in watch.epochs] == forecaster.history_
        assert {type(value) for _, logs in watch.epochs for value in logs.values()} <= {int, float}
        (begun,) = watch.begun
        (ended,) = watch.ended
        assert begun["members"] == 1
        assert begun["epochs"] >= len(forecaster.history_)
        assert begun["held_out_windows"] == len(forecaster.validation_) / HORIZON
        assert ended["epochs"] == len(forecaster.history_)
        assert 0 < ended["seconds"] <= forecaster.fit_seconds_


def test_the_facts_of_a_fit(frame):
    forecaster = tiny(n_members=3).fit(frame)
    kernel, recurrent, bias, head = 4 * 4, 4 * 4, 4, 4 * HORIZON + HORIZON
    mixing = 4 + 1  # of the one season before the last, into the one season ahead
    assert forecaster.n_parameters_ == 3 * (kernel + recurrent + bias + head + mixing + 8 * HORIZON)
    assert forecaster.device_.startswith("tensorflow cpu")
    assert forecaster.anchor_ in ("naive", "seasonal_naive")
    assert forecaster.smoother_ is None or isinstance(forecaster.smoother_, Smoother)
    assert sum(forecaster.shares_.values()) == pytest.approx(1)
    assert min(forecaster.shares_.values()) >= 0
    assert (forecaster.smoother_ is None) == (forecaster.shares_["smoothing"] == 0)
    assert forecaster.notices_ == ()


def test_the_validation_frame_holds_the_held_out_windows_of_every_series(frame):
    forecaster = tiny().fit(frame)
    checked = forecaster.validation_
    assert list(checked.columns) == ["unique_id", "cutoff", "ds", "y", "SimpleRNN", "SeasonalNaive"]
    for name, part in checked.groupby("unique_id"):
        series = frame[frame["unique_id"] == name].set_index("ds")["y"]
        assert part["ds"].max() == series.index[-1]
        assert part.groupby("cutoff").size().unique().tolist() == [HORIZON]
        assert (part.groupby("cutoff")["ds"].min() == part["cutoff"].unique() + pd.Timedelta(days=1)).all()
        assert part["y"].tolist() == series[part["ds"]].tolist()
        assert part["SeasonalNaive"].tolist() == series[part["ds"] - pd.Timedelta(days=4)].tolist()


@pytest.mark.parametrize("linear_skip", [False, True])
def test_training_on_everything_does_not_touch_what_was_judged(linear_skip, frame):
    once, twice = (tiny(refit=refit, linear_skip=linear_skip, n_members=2).fit(frame) for refit in (False, True))
    pd.testing.assert_frame_equal(once.validation_, twice.validation_)
    assert losses(once, 0) == losses(twice, 0)
    assert once.shares_ == twice.shares_
    assert losses(once, 1) == []
    once_forecast, twice_forecast = (
        forecaster.predict(levels=[80])["SimpleRNN-hi-80"] - forecaster.predict()["SimpleRNN"]
        for forecaster in (once, twice)
    )
    assert once_forecast.to_numpy() == pytest.approx(twice_forecast.to_numpy())


@pytest.mark.parametrize("target", ["none", "log_return"])
def test_held_out_values_do_not_move_the_training_before_them(target, frame):
    """All that they may decide is which epoch is kept; every step up to there is the same."""
    options = {"linear_skip": False, "combine_naive": False, "refit": False, "target": target}
    first = tiny(**options).fit(frame)
    begin = first.validation_.groupby("unique_id")["ds"].min()
    absurd = frame.copy()
    late = absurd["ds"] >= absurd["unique_id"].map(begin)
    absurd.loc[late, "y"] = 1e9 * (1 + np.arange(late.sum()) % 3)
    second = tiny(**options).fit(absurd)
    common = min(len(first.history_), len(second.history_))
    assert common > 3
    assert losses(first, 0)[:common] == losses(second, 0)[:common]
    assert first.validation_["SimpleRNN"].tolist() != second.validation_["SimpleRNN"].tolist()


def test_a_validation_forecast_does_not_know_what_follows_its_cutoff(frame):
    """Only the very last steps are changed: all windows that end before them are forecast from the same inputs."""
    options = {"linear_skip": False, "combine_naive": False, "refit": False, "max_steps": 1}
    first = tiny(**options).fit(frame)
    last = frame.groupby("unique_id")["ds"].transform("max")
    second = tiny(**options).fit(frame.assign(y=frame["y"].where(frame["ds"] < last, frame["y"] + 0.5)))
    for name in ("SimpleRNN", "SeasonalNaive"):
        assert first.validation_[name].tolist() == second.validation_[name].tolist()
    assert first.validation_["y"].tolist() != second.validation_["y"].tolist()


def test_without_a_simple_forecast_the_networks_are_all_of_it(frame):
    forecaster = tiny(combine_naive=False).fit(frame)
    assert forecaster.shares_ == {"naive": 0.0, "smoothing": 0.0, "networks": 1.0}


@pytest.mark.parametrize("epoch", [0, 4, 10], ids=["in the first epoch", "in the first stage", "in the second stage"])
def test_an_interruption_reaches_the_caller_and_leaves_a_usable_forecaster(epoch, frame):
    watch = Watch(interrupt_at=epoch)
    forecaster = tiny(n_members=3, levels=[80], linear_skip=False, learning_rate=0.01)
    with pytest.raises(KeyboardInterrupt, match="the estimator holds the best weights until then"):
        forecaster.fit(frame, callbacks=[watch])
    assert len(forecaster.history_) == epoch + 1
    assert forecaster.history_[-1]["stage"] == (epoch == 10)
    assert len(watch.ended) == 1
    forecast = forecaster.predict()
    assert np.isfinite(np.array(values(forecast))).all()
    assert len(forecast) == 3 * HORIZON
    pd.testing.assert_frame_equal(
        forecaster.fit(frame).predict(),
        tiny(n_members=3, levels=[80], linear_skip=False, learning_rate=0.01).fit(frame).predict(),
    )


def test_an_interruption_of_the_first_stage_skips_the_second(frame):
    options = {"n_members": 2, "linear_skip": False, "learning_rate": 0.01}
    forecaster = tiny(**options)
    with pytest.raises(KeyboardInterrupt):
        forecaster.fit(frame, callbacks=[Watch(interrupt_at=9)])  # the last epoch of the first stage
    first_only = tiny(**options, refit=False).fit(frame)
    assert values(forecaster.predict()) == values(first_only.predict())
    assert forecaster.shares_ == first_only.shares_


def test_an_interruption_of_the_second_stage_keeps_what_it_had_reached(frame):
    options = {"n_members": 2, "linear_skip": False, "learning_rate": 0.01}
    whole, forecaster = tiny(**options).fit(frame), tiny(**options)
    last = whole.history_[-1]["epoch"]
    with pytest.raises(KeyboardInterrupt):
        forecaster.fit(frame, callbacks=[Watch(interrupt_at=last)])
    assert whole.history_[-1]["stage"] == 1
    assert values(forecaster.predict()) == values(whole.predict())


def test_an_error_of_a_callback_reaches_the_caller_and_leaves_the_forecaster_unfitted(frame):
    class Broken(Watch):
        def on_epoch_end(self, epoch, logs):
            raise OSError("the disk is full")

    forecaster = tiny()
    with pytest.raises(OSError, match="the disk is full"):
        forecaster.fit(frame, callbacks=[Broken()])
    assert not hasattr(forecaster, "panel_")
    with pytest.raises(NotFittedError):
        forecaster.predict()


def test_series_of_very_different_size_are_learned_together():
    small, large = one(seed=1), one(seed=2) * 1e6
    frame = pd.concat([small.rename("small"), large.rename("large")], axis=1)
    forecast = tiny().fit(frame).predict()
    for name, series in (("small", small), ("large", large)):
        part = forecast.loc[forecast["unique_id"] == name, "SimpleRNN"]
        assert np.abs(part.to_numpy() / series.iloc[-8:].mean() - 1).max() < 0.5


def test_a_panel_is_fitted_as_it_is(frame):
    panel = to_panel(frame)[0]
    forecaster = tiny().fit(panel)
    assert forecaster.panel_ is panel
    shorter = tiny().fit(panel.drop_last(5)).predict()
    last = long_frame().groupby("unique_id")["ds"].max() - pd.Timedelta(days=4)
    assert shorter.groupby("unique_id")["ds"].min().tolist() == last.tolist()
