"""What watches a training."""

from forecasting.network.callbacks import Callbacks, ProgressLine


class Recorder:
    def __init__(self, name, told):
        self.name, self.told = name, told

    def on_train_begin(self, info):
        self.told.append((self.name, "begin", dict(info)))

    def on_epoch_end(self, epoch, logs):
        self.told.append((self.name, epoch, dict(logs)))

    def on_train_end(self, logs):
        self.told.append((self.name, "end", dict(logs)))


def test_all_callbacks_are_told_in_turn():
    told = []
    watch = Callbacks([Recorder("a", told), Recorder("b", told)])
    watch.on_train_begin({"epochs": 2})
    watch.on_epoch_end(0, {"loss": 1.0})
    watch.on_train_end({"seconds": 0.5})
    assert told == [
        ("a", "begin", {"epochs": 2}),
        ("b", "begin", {"epochs": 2}),
        ("a", 0, {"loss": 1.0}),
        ("b", 0, {"loss": 1.0}),
        ("a", "end", {"seconds": 0.5}),
        ("b", "end", {"seconds": 0.5}),
    ]


def test_the_progress_line_goes_to_standard_error_and_ends_full(capsys):
    line = ProgressLine()
    line.on_train_begin({"epochs": 4})
    line.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.25})
    line.on_train_end({"seconds": 1.25})
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "training" in shown.err
    assert "1.2 s" in shown.err
