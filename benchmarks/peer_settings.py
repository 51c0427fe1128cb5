"""The peers of the M4 Hourly benchmark: how each is run, what was tried, and the budgets of the curves.

The first of the settings of a peer is the one that is run: the best of them on the last 48 steps of the training data
after 400 training steps (``python -m benchmarks.peers_m4 --choose --steps 400``; the table is in docs/benchmarks.md). A
budget replaces ``steps``; those of ours are settings of their own, chosen on the same steps of the training data.
"""

from dataclasses import dataclass, field
from typing import Any

Settings = dict[str, Any]

_STEPS = (25, 50, 100, 200, 400, 800, 1600, 3200)


@dataclass(frozen=True)
class Peer:
    """How one peer is run.

    Attributes
    ----------
    environment : str
        ``"ours"``, or an environment of `benchmarks.peer_jobs`.
    script : str
        File in benchmarks/peers; for ours the module.
    tried : list of dict
        Settings to be compared; the first is the one that is run.
    budgets : list of dict
        Settings that replace some of the chosen ones, from little time to much; none for what does not train by steps.
    """

    environment: str
    script: str
    tried: list[Settings]
    budgets: list[Settings] = field(default_factory=list)


def _by_steps(*steps: int) -> list[Settings]:
    return [{"steps": count} for count in steps]


def _neural(model: str, steps: int, **arguments: Any) -> Settings:
    return {"model": model, "steps": steps, "arguments": arguments}


def _recurrent(model: str, best: int) -> list[Settings]:
    """Settings of neuralforecast's RNN and LSTM, that with the number ``best`` in front; the last are the defaults."""
    wide = {"input_size": 168, "scaler_type": "standard", "encoder_n_layers": 1, "batch_size": 64}
    tried = [
        _neural(model, 1600, **wide, h_train=1, learning_rate=2e-3, num_lr_decays=3),
        _neural(model, 1600, **wide, h_train=48, learning_rate=1e-3),
        _neural(model, 1600, **{**wide, "input_size": 96}, h_train=1, learning_rate=2e-3, num_lr_decays=3),
        _neural(model, 1600, **{**wide, "scaler_type": "robust"}, h_train=1, learning_rate=2e-3, num_lr_decays=3),
        _neural(model, 1600, **wide, recurrent=True, h_train=48, learning_rate=1e-3),
        _neural(model, 1000),
    ]
    return [tried.pop(best), *tried]


_DARTS = {
    "input_chunk_length": 168,
    "training_length": 216,
    "hidden_dim": 64,
    "batch_size": 256,
    "loss": "L1",
    "optimizer_kwargs": {"lr": 2e-3},
}
_SKFORECAST = {"units": 128, "dense_units": 128, "batch_size": 32, "learning_rate": 1e-3, "loss": "mae"}
_FAST = {"target": "log", "combine_naive": False, "refit": False, "n_members": 1}
_SMALL = {**_FAST, "n_layers": 1, "batch_size": 64}
_FASTEST = [
    {**_SMALL, "lookback": 240, "max_steps": 25},
    {**_SMALL, "lookback": 240, "max_steps": 800},
    {**_SMALL, "lookback": 240, "max_steps": 1200, "batch_size": 128},
]
_TUTORIAL = {"units": 64, "batch_size": 128, "learning_rate": 1e-3}

PEERS: dict[str, Peer] = {
    "SimpleRNN (ours)": Peer(
        "ours",
        "benchmarks.ours_job",
        [
            {},
            {"n_members": 1},
            {"n_layers": 1},
            {"lookback": 240},
            {"n_members": 1, "n_layers": 1},
            {**_FAST, "max_steps": 400},
            {**_FAST, "max_steps": 400, "batch_size": 64},
            {**_FAST, "max_steps": 400, "batch_size": 64, "n_layers": 2},
            {**_SMALL, "max_steps": 400},
            {**_SMALL, "max_steps": 800},
            *_FASTEST,
        ],
        [*_FASTEST, {"n_members": 1}, {}, {"n_members": 5}],
    ),
    "neuralforecast RNN": Peer("main", "neural.py", _recurrent("RNN", 0), _by_steps(*_STEPS)),
    "neuralforecast LSTM": Peer("main", "neural.py", _recurrent("LSTM", 3), _by_steps(*_STEPS)),
    "neuralforecast NHITS": Peer(
        "main",
        "neural.py",
        [
            _neural("NHITS", 1600, input_size=336, scaler_type="standard", learning_rate=1e-3),
            _neural("NHITS", 1600, input_size=168, scaler_type="standard", learning_rate=1e-3),
            _neural("NHITS", 1600, input_size=336, scaler_type="robust", learning_rate=1e-3),
            _neural("NHITS", 1600, input_size=240, scaler_type="identity", learning_rate=1e-3),
        ],
        _by_steps(*_STEPS),
    ),
    "Darts RNNModel": Peer(
        "darts",
        "darts_rnn.py",
        [
            {"steps": 1600, "arguments": _DARTS},
            {"steps": 1600, "arguments": {**_DARTS, "loss": "MSE"}},
            {"steps": 1600, "arguments": {**_DARTS, "input_chunk_length": 48, "training_length": 96}},
            {"steps": 1600, "arguments": {**_DARTS, "hidden_dim": 128, "n_rnn_layers": 2}},
        ],
        _by_steps(*_STEPS),
    ),
    "skforecast ForecasterRnn": Peer(
        "main",
        "skforecast_rnn.py",
        [
            {"steps": 1600, "lags": 72, "scaling": "standard", **_SKFORECAST},
            {"steps": 1600, "lags": 168, "scaling": "standard", **_SKFORECAST},
            {"steps": 1600, "lags": 168, "scaling": "minmax", **_SKFORECAST},
            {"steps": 1600, "lags": 168, "scaling": "standard", **_SKFORECAST, "loss": "mse"},
        ],
        _by_steps(*_STEPS),
    ),
    "Keras tutorial": Peer(
        "main",
        "tutorial.py",
        [
            {"steps": 3200, "lookback": 168, "scaling": "window", "loss": "mae", **_TUTORIAL},
            {"steps": 3200, "lookback": 168, "scaling": "minmax", "loss": "mse", **_TUTORIAL},
            {"steps": 3200, "lookback": 168, "scaling": "standard", "loss": "mae", **_TUTORIAL},
            {"steps": 3200, "lookback": 48, "scaling": "window", "loss": "mae", **_TUTORIAL},
        ],
        _by_steps(*_STEPS),
    ),
    "statsforecast AutoETS": Peer("main", "classical.py", [{"models": ["AutoETS"]}]),
    "statsforecast AutoTheta": Peer("main", "classical.py", [{"models": ["AutoTheta"]}]),
    "statsforecast SeasonalNaive": Peer("main", "classical.py", [{"models": ["SeasonalNaive"]}]),
}
