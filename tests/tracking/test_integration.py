"""A real tracking server, and models loaded in processes that know nothing but an address."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from packaging.requirements import Requirement

from forecasting.tracking import TrainingRun, champion_version, load_champion, log_model, server_command
from tests.tracking.conftest import settings_at
from tests.tracking.fakes import LastValueForecaster

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore:Operation with range is deprecated"),  # MLflow's own, while it saves the example
]

HERE = Path(__file__).resolve().parent

LOAD_AND_PREDICT = """
import json, sys
import pandas as pd
if sys.argv[3] == "stand-in":
    sys.path.insert(0, sys.argv[4])
    import fakes
    fakes.install()
import mlflow
frame = pd.read_parquet(sys.argv[2])
forecast = mlflow.pyfunc.load_model(sys.argv[1]).predict(frame)
import forecasting
tops = sorted({name.split(".")[0] for name, module in list(sys.modules.items())
               if "site-packages" in (getattr(module, "__file__", None) or "")})
print("RESULT" + json.dumps({"forecast": forecast.astype({"ds": "str"}).to_dict("list"),
                             "package": forecasting.__file__, "imported": tops}))
"""

TRAIN = """
import sys
sys.path.insert(0, sys.argv[1])
import fakes
fakes.install()
import numpy as np, pandas as pd
from forecasting.settings import read_settings
from forecasting.tracking import TrainingRun, load_champion, log_model
frame = pd.DataFrame({"unique_id": "a", "ds": pd.date_range("2020-01-01", periods=20), "y": np.arange(20)})
settings, estimator = read_settings(), fakes.LastValueForecaster()
with TrainingRun(settings, "toy", estimator) as run:
    estimator.fit(frame, callbacks=[run.epochs])
    run.log_fit(estimator)
    log_model(run, estimator, frame)
load_champion(settings, "toy")
"""


def fresh_process(code, *arguments, cwd, **variables):
    """Run code in a new interpreter, with the environment of a shell and these variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW", "_MLFLOW"))}
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=cwd,
        env=kept | variables,
        capture_output=True,
        text=True,
        timeout=300,
    )


def predict_in_a_fresh_process(tmp_path, uri, frame, tracking_uri, *, stand_in=True):
    file, cwd = tmp_path / "frame.parquet", tmp_path / "elsewhere"
    cwd.mkdir(exist_ok=True)
    frame.to_parquet(file)
    kind = "stand-in" if stand_in else "real"
    done = fresh_process(LOAD_AND_PREDICT, uri, file, kind, HERE, cwd=cwd, MLFLOW_TRACKING_URI=tracking_uri)
    assert done.returncode == 0, done.stderr
    assert list(cwd.iterdir()) == []
    return json.loads(re.search("^RESULT(.*)$", done.stdout, re.MULTILINE)[1])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


@pytest.fixture
def server(tmp_path):
    """A running server: its address, its home, and a function that stops it."""
    home, port = tmp_path / "home", free_port()
    argv, environment = server_command(settings_at(home), port=port)
    cwd = tmp_path / "server"
    cwd.mkdir()
    with (tmp_path / "server.log").open("w") as log:
        process = subprocess.Popen(argv, env=environment, cwd=cwd, stdout=log, stderr=log, start_new_session=True)

    def stop():
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)

    try:
        deadline = time.monotonic() + 180
        while not answers(port):
            assert process.poll() is None, (tmp_path / "server.log").read_text()
            assert time.monotonic() < deadline, "the server did not come up"
            time.sleep(0.3)
        yield f"http://127.0.0.1:{port}", home, stop
    finally:
        stop()
    assert not answers(port)
    assert list(cwd.iterdir()) == []


def train(settings, frame, name="toy"):
    estimator = LastValueForecaster()
    with TrainingRun(settings, name, estimator) as run:
        estimator.fit(frame, callbacks=[run.epochs])
        run.log_fit(estimator)
        version = log_model(run, estimator, frame)
        run.log_figure("forecast", Figure())
    return run, version


def test_a_whole_training_through_a_server_and_its_model_in_a_fresh_process(
    server, tmp_path, frame, fake_estimators, capfd
):
    address, home, stop = server
    remote = settings_at(home, MLFLOW_TRACKING_URI=address)
    local = settings_at(home)
    run, version = train(remote, frame)
    assert capfd.readouterr() == ("", "")
    assert (version.version, version.is_champion) == ("1", True)
    assert load_champion(remote, "toy").version == "1"

    result = predict_in_a_fresh_process(tmp_path, "models:/toy@champion", frame.astype({"y": "int64"}), address)
    assert result["forecast"]["SimpleRNN"] == [19.0] * 3 + [29.0] * 3
    assert result["forecast"]["ds"][0].startswith("2020-01-21")
    assert str(home) in result["package"], "the code that ran is the copy in the model, not an installed package"

    # What was logged through the server is read without it, and the other way round.
    _, second = train(local, frame)
    assert second.version == "2"
    assert champion_version(remote, "toy").version == "1"
    _, other = train(local, frame, "other")
    assert load_champion(remote, "other").run_id == other.run_id
    stop()
    assert load_champion(local, "toy").run_id == run.run_id


def test_a_training_in_a_fresh_process_says_nothing_and_leaves_nothing_behind(tmp_path):
    cwd, home = tmp_path / "cwd", tmp_path / "home"
    cwd.mkdir()
    home.mkdir()
    done = fresh_process(TRAIN, HERE, cwd=cwd, FORECASTING_HOME=str(home))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(cwd.iterdir()) == []
    assert sorted(path.name for path in home.iterdir()) == ["mlflow"]
    assert sorted(path.name for path in (home / "mlflow").iterdir()) == ["artifacts", "mlflow.db"]


def required(lines):
    """All distributions that an installation of these requirements brings."""
    found, waiting = set(), [Requirement(line) for line in lines]
    while waiting:
        requirement = waiting.pop()
        name = requirement.name.lower().replace("_", "-")
        if name in found:
            continue
        found.add(name)
        try:
            inner = [Requirement(text) for text in metadata.requires(name) or []]
        except metadata.PackageNotFoundError:
            continue
        waiting += [r for r in inner if r.marker is None or r.marker.evaluate({"extra": ""})]
    return found


def test_the_real_forecaster_is_served_in_a_fresh_process_by_its_pinned_requirements(tmp_path):
    from forecasting.estimators import SimpleRNNForecaster

    settings = settings_at(tmp_path / "home")
    hours = pd.date_range("2024-01-01", periods=400, freq="h", tz="Europe/Berlin")
    y = 20 + 5 * np.sin(2 * np.pi * np.arange(400) / 24) + np.random.default_rng(0).normal(0, 0.3, 400)
    frame = pd.DataFrame({"unique_id": "sensor", "ds": hours, "y": y})
    estimator = SimpleRNNForecaster(6, season_length=24, levels=[80], random_state=0, verbose=0)
    with TrainingRun(settings, "sensor", estimator) as run:
        estimator.fit(frame, callbacks=[run.epochs])
        run.log_fit(estimator)
        log_model(run, estimator, frame)
    expected = estimator.predict(data=frame)

    champion = load_champion(settings, "sensor").estimator
    np.testing.assert_allclose(champion.predict(data=frame)["SimpleRNN"], expected["SimpleRNN"], rtol=1e-5)
    np.testing.assert_allclose(champion.predict()["SimpleRNN"], expected["SimpleRNN"], rtol=1e-5)

    result = predict_in_a_fresh_process(
        tmp_path, "models:/sensor@champion", frame, settings.tracking_uri, stand_in=False
    )
    np.testing.assert_allclose(result["forecast"]["SimpleRNN"], expected["SimpleRNN"], rtol=1e-5)
    assert result["forecast"]["ds"] == expected["ds"].astype("str").tolist()
    assert str(settings.home) in result["package"]

    (lines,) = [file.read_text().split() for file in settings.artifacts.rglob("requirements.txt")]
    owners = metadata.packages_distributions()
    brought = required(lines)
    ours = {Requirement(line).name for line in metadata.requires("rnn-forecasting") if "extra ==" not in line}
    imported = {owner.lower().replace("_", "-") for top in result["imported"] if top in owners for owner in owners[top]}
    assert {"numpy", "pandas"} <= imported & ours  # others import what happens to be installed, such as jax
    assert (imported & ours) - brought == set()
