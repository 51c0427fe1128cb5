import json

import pytest
from typer.testing import CliRunner

from flows.cli import app
from tests.flows.conftest import forecast_command, readings

HEAVY = ("tensorflow", "keras", "mlflow", "prefect", "sqlalchemy", "matplotlib", "sklearn")


@pytest.fixture
def command():
    runner = CliRunner(env={"COLUMNS": "160"})
    return lambda *arguments: runner.invoke(app, list(arguments))


class TestResults:
    def test_every_command_is_in_the_help(self, command):
        text = command("--help").output
        for name in ("datasets", "ingest", "train", "predict", "audit", "run", "ui", "schedule", "doctor"):
            assert name in text

    @pytest.mark.parametrize(
        "name", ["datasets", "ingest", "train", "predict", "audit", "run", "ui", "schedule", "doctor"]
    )
    def test_every_command_takes_json_and_debug(self, command, name):
        text = command(name, "--help").output
        assert "--json" in text
        assert "--debug" in text

    def test_datasets_are_listed_with_their_title(self, command, home):
        result = command("datasets")
        assert result.exit_code == 0
        assert "boiler" in result.stdout
        assert "Boiler pressure" in result.stdout

    def test_datasets_as_json_are_the_catalog(self, command, home):
        document = json.loads(command("datasets", "--json").stdout)
        assert [entry["name"] for entry in document["datasets"]] == ["boiler"]
        assert document["datasets"][0]["levels"] == [80, 95]

    def test_a_password_in_the_catalog_is_not_shown(self, command, home):
        catalog = home / "data" / "catalog.toml"
        catalog.write_text(
            catalog.read_text()
            + """
[tank]
horizon = 1

[tank.source]
kind = "sql"
url = "postgresql://me:geheim@host/db"
query = "select 1"
time_column = "t"
targets = ["y"]
"""
        )
        for arguments in (("datasets",), ("datasets", "--json")):
            result = command(*arguments)
            assert result.exit_code == 0
            assert "tank" in result.stdout
            assert "geheim" not in result.output

    def test_the_three_steps_one_after_the_other(self, command, settings, tmp_path):
        ingested = command("ingest", "boiler")
        assert (ingested.exit_code, "480 steps in 2 series" in ingested.stdout) == (0, True)
        trained = command("train", "boiler")
        assert trained.exit_code == 0
        for word in ("pressure", "flow", "MASE", "seasonal naive", "report.html", "version 1"):
            assert word in trained.stdout
        predicted = command("predict", "boiler", "--horizon", "2", "--output", str(tmp_path / "out.csv"))
        assert predicted.exit_code == 0
        assert "4 forecasts" in predicted.stdout
        assert "4 new rows" in predicted.stdout
        assert (tmp_path / "out.csv").read_text().count("\n") == 5
        assert "unchanged" in command("predict", "boiler", "--horizon", "2").stdout

    def test_with_json_each_step_is_one_document(self, command, settings):
        ingested = json.loads(command("ingest", "boiler", "--json").stdout)
        assert (ingested["dataset"], ingested["rows"], ingested["notices"]) == ("boiler", 480, [])
        trained = json.loads(command("train", "boiler", "--json").stdout)
        assert {row["series"] for row in trained["accuracy"]} == {"pressure", "flow", "(all)"}
        assert trained["snapshot"] == ingested["digest"]
        predicted = json.loads(command("predict", "boiler", "--json").stdout)
        assert (predicted["rows"], predicted["rows_written"]) == (6, 6)

    def test_progress_goes_to_standard_error(self, command, settings):
        result = command("ingest", "boiler", "--json")
        assert "reading" in result.stderr
        assert "reading" not in result.stdout

    def test_a_second_training_says_that_nothing_was_trained(self, command, settings):
        command("ingest", "boiler")
        command("train", "boiler")
        result = command("train", "boiler")
        assert "not trained again" in result.stdout
        assert "pressure" in result.stdout

    def test_a_new_version_beside_the_champion_is_told(self, command, settings):
        command("ingest", "boiler")
        command("train", "boiler")
        assert "champion stays version 1" in command("train", "boiler", "--force").stdout


class TestErrors:
    def failure(self, result):
        assert "Traceback" not in result.output
        return result.exit_code, result.stderr

    @pytest.mark.parametrize(
        "arguments",
        [
            ("frobnicate",),
            ("ingest",),
            ("run",),
            ("ingest", "boiler", "--colour"),
            ("predict", "boiler", "--horizon", "0"),
            ("predict", "boiler", "--horizon", "many"),
            ("ui", "--mlflow-port", "70000"),
        ],
    )
    def test_bad_usage_is_exit_code_2(self, command, home, arguments):
        code, text = self.failure(command(*arguments))
        assert code == 2
        assert "Usage" in text
        document = json.loads(command(*arguments, "--json").stdout)
        assert document["error"]["kind"] == "UsageError"

    @pytest.mark.parametrize("name", ["ingest", "train", "predict", "audit", "run"])
    def test_an_unknown_data_set_is_exit_code_2(self, command, home, name):
        code, text = self.failure(command(name, "bolier"))
        assert code == 2
        assert "error: " in text
        assert "boiler" in text

    def test_the_document_of_an_error_says_all_that_the_line_says(self, command, home):
        result = command("ingest", "bolier", "--json")
        error = json.loads(result.stdout)["error"]
        assert error["kind"] == "CatalogError"
        assert error["exit_code"] == result.exit_code == 2
        assert error["message"] in result.stderr.replace("\n", " ")

    def test_bad_data_is_one_line_with_data_set_series_time_and_remedy(self, command, home):
        command("ingest", "boiler")
        frame = readings()
        frame.loc[7, "time"] = frame.loc[6, "time"]
        frame.to_csv(home / "boiler.csv", index=False)
        result = command("ingest", "boiler")
        code, text = self.failure(result)
        line = [line for line in text.splitlines() if line.startswith("error:")]
        assert code == 2
        assert len(line) == 1
        assert "boiler" in line[0]
        assert "2024-01-01" in line[0]
        assert result.stdout == ""

    def test_a_catalog_that_is_no_toml_is_exit_code_2_with_its_line(self, command, home):
        catalog = home / "data" / "catalog.toml"
        catalog.write_text(catalog.read_text() + "\nhorizon = = 3\n")
        code, text = self.failure(command("datasets"))
        assert code == 2
        assert "line" in text

    def test_a_model_that_is_not_there_is_exit_code_1_with_what_to_do(self, command, settings):
        command("ingest", "boiler")
        code, text = self.failure(command("predict", "boiler"))
        assert code == 1
        assert "forecast train boiler" in text

    def test_a_home_that_is_not_there_is_exit_code_2(self, command, home, monkeypatch):
        monkeypatch.setenv("FORECASTING_HOME", str(home / "nowhere"))
        code, text = self.failure(command("datasets"))
        assert code == 2
        assert "FORECASTING_HOME" in text

    def test_an_unforeseen_error_is_one_line_that_tells_how_to_see_the_trace(self, command, home, monkeypatch):
        def broken(*_):
            raise RuntimeError("the roof is on fire\nand more")

        monkeypatch.setattr("flows.reading.read_source", broken)
        code, text = self.failure(command("ingest", "boiler"))
        assert code == 1
        assert "RuntimeError: the roof is on fire (run with --debug for the trace)" in text
        assert "Traceback" in command("ingest", "boiler", "--debug").stderr

    def test_an_interrupt_is_exit_code_130(self, command, home, monkeypatch):
        def interrupted(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr("flows.reading.read_source", interrupted)
        code, text = self.failure(command("ingest", "boiler"))
        assert code == 130
        assert "interrupted" in text

    def test_a_prefect_server_that_does_not_answer_is_told_at_once(self, command, home, monkeypatch):
        monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
        code, text = self.failure(command("ingest", "boiler"))
        assert code == 1
        assert "PREFECT_API_URL" in text


class TestProcess:
    def loaded_by(self, home, *arguments):
        program = (
            "import sys\n"
            "from flows.cli import app\n"
            f"sys.argv = ['forecast', *{list(arguments)!r}]\n"
            "try:\n    app(prog_name='forecast')\n"
            "finally:\n    print('LOADED', *sorted(sys.modules), file=sys.stderr)\n"
        )
        done = forecast_command(home, program=program)
        line = next(line for line in done.stderr.splitlines() if line.startswith("LOADED"))
        return done, set(line.split())

    @pytest.mark.parametrize("arguments", [("--help",), ("datasets",), ("frobnicate",), ("predict",)])
    def test_help_datasets_and_bad_usage_load_nothing_heavy(self, home, arguments):
        _, loaded = self.loaded_by(home, *arguments)
        assert not loaded & set(HEAVY)

    def test_ingest_loads_neither_network_nor_tracking_nor_prefect(self, home):
        done, loaded = self.loaded_by(home, "ingest", "boiler")
        assert done.returncode == 0
        assert not loaded & {"tensorflow", "keras", "mlflow", "prefect"}

    def test_a_process_gives_the_exit_code_and_only_the_document_on_standard_output(self, home):
        done = forecast_command(home, "ingest", "boiler", "--json")
        assert done.returncode == 0
        assert json.loads(done.stdout)["rows"] == 480
        assert "reading" in done.stderr
        (home / "boiler.csv").write_text("")
        failed = forecast_command(home, "ingest", "boiler", "--json")
        assert failed.returncode == 2
        assert "Traceback" not in failed.stderr
        assert json.loads(failed.stdout)["error"]["where"]["dataset"] == "boiler"

    def test_what_libraries_and_their_processes_print_does_not_reach_standard_output(self, home):
        program = (
            "import os, subprocess, sys\n"
            "from flows.terminal import session\n"
            "with session(as_json=True, debug=False) as terminal:\n"
            "    print('chatter of python')\n"
            "    os.write(1, b'chatter of c\\n')\n"
            "    subprocess.run(['echo', 'chatter of a process'])\n"
            "    terminal.show({'answer': 42})\n"
        )
        done = forecast_command(home, program=program)
        assert json.loads(done.stdout) == {"answer": 42}
        assert done.stderr.count("chatter") == 3


class TestDoctor:
    def test_all_is_well_in_a_new_home_and_nothing_is_made(self, command, home):
        before = sorted(home.rglob("*"))
        result = command("doctor", "--json")
        document = json.loads(result.stdout)
        assert result.exit_code == 0
        assert document["well"] is True
        assert {check["name"] for check in document["checks"]} >= {"versions", "requirements", "device", "database"}
        assert sorted(home.rglob("*")) == before

    def test_a_database_that_does_not_answer_is_broken(self, command, home, monkeypatch):
        monkeypatch.setenv("FORECASTING_DATABASE_URL", "postgresql://someone:geheim@127.0.0.1:9/nothing")
        result = command("doctor")
        assert result.exit_code == 1
        assert "broken" in result.stdout
        assert "geheim" not in result.output

    @pytest.mark.parametrize("name", ["MLFLOW_TRACKING_URI", "PREFECT_API_URL"])
    def test_a_configured_server_that_does_not_answer_is_broken(self, command, home, monkeypatch, name):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        result = command("doctor")
        assert result.exit_code == 1
        assert name in result.stdout

    def test_a_package_outside_its_range_is_broken(self, command, home, monkeypatch):
        import flows.doctor

        real = flows.doctor._version
        monkeypatch.setattr(flows.doctor, "_version", lambda name: "2.1.9" if name == "sqlalchemy" else real(name))
        result = command("doctor", "--json")
        requirements = next(check for check in json.loads(result.stdout)["checks"] if check["name"] == "requirements")
        assert result.exit_code == 1
        assert requirements["state"] == "broken"
        assert "sqlalchemy is 2.1.9" in requirements["detail"]

    def test_a_folder_that_cannot_be_written_is_broken(self, command, home, monkeypatch):
        import tempfile

        def refuse(*args, **options):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
        result = command("doctor", "--json")
        assert result.exit_code == 1
        assert "Permission denied" in result.stdout
