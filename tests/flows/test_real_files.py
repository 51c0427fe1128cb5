"""A real sensor that reports when it likes, from its file to the forecast, through the command."""

import json
import shutil
from pathlib import Path

import pytest

from tests.flows.conftest import TINY_NETWORK, forecast_command

pytestmark = pytest.mark.integration

TRAFFIC = """
[travel-time]
source = {{ kind = "csv", path = "TravelTime_387.csv", time_column = "timestamp", targets = ["value"] }}
frequency = "h"
{policy}
horizon = 24
season_length = 24
test_windows = 3
"""


def test_irregular_times_are_refused_with_what_to_do_and_forecast_with_that(bench_data: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "data").mkdir(parents=True)
    shutil.copy(bench_data / "sensors" / "nab" / "realTraffic" / "TravelTime_387.csv", home)
    catalog = home / "data" / "catalog.toml"
    catalog.write_text(TRAFFIC.format(policy="") + TINY_NETWORK)
    refused = forecast_command(home, "ingest", "travel-time", "--json")
    assert refused.returncode == 2
    assert "irregular='last' or irregular='mean'" in json.loads(refused.stdout)["error"]["remedy"]
    catalog.write_text(TRAFFIC.format(policy='irregular = "mean"\ngaps = "mask"') + TINY_NETWORK)
    done = forecast_command(home, "run", "travel-time", "--json", timeout=900)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["datasets"][0]
    notices = {notice["kind"]: notice["count"] for notice in told["ingest"]["notices"]}
    assert (notices["irregular"], notices["gaps"], told["ingest"]["rows"]) == (2500, 880, 1660)
    assert told["train"]["trained"] is True
    assert told["forecast"]["rows_written"] == 24
