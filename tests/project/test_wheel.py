"""What a wheel built from this tree holds, and that it works without the checkout."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_the_two_packages_the_catalog_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    packages = {
        path.relative_to(ROOT).as_posix()
        for package in ("forecasting", "flows")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {"forecasting/py.typed", "flows/py.typed"} < packages
    assert [name for name in packages if name.startswith("forecasting/report/") and name.endswith((".html", ".j2"))]
    found = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert found == packages | {"forecasting/sources/catalog.toml", "forecasting/tracking/server.env"}
    assert wheel.read("forecasting/sources/catalog.toml") == (ROOT / "data" / "catalog.toml").read_bytes()
    assert wheel.read("forecasting/tracking/server.env") == (ROOT / "mlflow" / "server.env").read_bytes()


def test_the_wheel_installs_the_command(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt")]
    assert "forecast = flows.cli:main" in wheel.read(name).decode()


def test_the_command_works_from_the_wheel_without_the_checkout(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    installed, home, elsewhere = tmp_path / "site", tmp_path / "home", tmp_path / "elsewhere"
    for folder in (home, elsewhere):
        folder.mkdir()
    wheel.extractall(installed)
    environment = os.environ | {"PYTHONPATH": str(installed), "FORECASTING_HOME": str(home)}
    code = "import forecasting, sys; print(forecasting.__file__, file=sys.stderr); from flows.cli import main; main()"
    command = [sys.executable, "-c", code, "datasets", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=elsewhere, env=environment)
    assert done.returncode == 0, done.stderr
    assert str(installed) in done.stderr
    assert "mauna-loa-co2" in json.dumps(json.loads(done.stdout))
    assert list(elsewhere.iterdir()) == []
