import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flows.output import check_output
from flows.results import as_document
from flows.retry import is_passing
from flows.steps import forecast_dataset, ingest_dataset, train_dataset
from flows.training import build_estimator, training_key
from forecasting.errors import (
    CatalogError,
    DataError,
    ForecastingError,
    ParameterError,
    SourceError,
    StorageError,
    TrackingError,
)
from forecasting.settings import Settings
from forecasting.sources import find_dataset
from forecasting.storage import Ledger, SnapshotStore
from tests.flows.conftest import readings


def edit_catalog(settings: Settings, old: str, new: str) -> None:
    text = settings.catalog_path.read_text()
    assert old in text
    settings.catalog_path.write_text(text.replace(old, new))


def write_source(settings: Settings, frame: pd.DataFrame) -> None:
    frame.to_csv(settings.home / "boiler.csv", index=False)


def ledger_rows(settings: Settings) -> int:
    with Ledger(settings.database_url) as ledger:
        return len(ledger.read("boiler"))


class TestIngest:
    def test_a_snapshot_holds_what_the_source_has(self, settings):
        result = ingest_dataset(settings, "boiler")
        assert (result.rows, result.series, result.frequency, result.changed) == (480, 2, "h", True)
        assert (result.first, result.last) == ("2024-01-01T00:00:00", "2024-01-10T23:00:00")
        store = SnapshotStore(settings.snapshots)
        frame = store.read(store.get("boiler", result.digest)).frame()
        pressure = frame.loc[frame["unique_id"] == "pressure", "y"]
        np.testing.assert_allclose(pressure, readings()["pressure"])

    def test_ingesting_the_same_data_again_changes_nothing(self, settings):
        first = ingest_dataset(settings, "boiler")
        before = {path: path.read_bytes() for path in settings.snapshots.rglob("*") if path.is_file()}
        second = ingest_dataset(settings, "boiler")
        assert (second.digest, second.changed) == (first.digest, False)
        assert before == {path: path.read_bytes() for path in settings.snapshots.rglob("*") if path.is_file()}

    def test_what_was_noticed_is_told(self, settings):
        write_source(settings, readings().sample(frac=1, random_state=1))
        notices = {notice.kind: notice for notice in ingest_dataset(settings, "boiler").notices}
        assert "sorted" in notices
        assert notices["sorted"].message

    def test_gaps_are_kept_as_gaps_in_the_snapshot_and_their_treatment_is_told(self, settings):
        edit_catalog(settings, "test_windows = 2", 'test_windows = 2\ngaps = "interpolate"')
        write_source(settings, readings().drop(index=[50, 51]))
        result = ingest_dataset(settings, "boiler")
        assert {"gaps", "interpolated"} <= {notice.kind for notice in result.notices}
        store = SnapshotStore(settings.snapshots)
        assert int(np.isnan(store.read(store.latest("boiler")).values).sum()) == 4

    def test_observations_at_irregular_times_are_put_on_the_grid_and_kept_with_their_ages(self, settings):
        late = readings().assign(time=lambda table: table["time"] - pd.Timedelta(minutes=7)).drop(index=[50, 51])
        write_source(settings, late.assign(time=late["time"] + pd.to_timedelta(late.index % 3, unit="min")))
        with pytest.raises(DataError, match="does not lie on the time grid h") as caught:
            ingest_dataset(settings, "boiler")
        assert "irregular='last' or irregular='mean'" in caught.value.remedy
        write_source(settings, late)
        edit_catalog(settings, 'frequency = "h"', 'frequency = "h"\nirregular = "last"\ngaps = "mask"')
        result = ingest_dataset(settings, "boiler")
        told = {notice.kind: notice for notice in result.notices}
        assert (told["irregular"].count, told["gaps"].count, told["masked"].count) == (476, 4, 4)
        store = SnapshotStore(settings.snapshots)
        panel = store.read(store.latest("boiler"))
        assert np.nanmax(panel.cells["age"]) == pytest.approx(7 / 60)
        assert train_dataset(settings, "boiler").trained
        assert forecast_dataset(settings, "boiler").rows == 6

    @pytest.mark.parametrize("target", ["box_cox", "robust+asinh", "log+seasonal_difference"])
    def test_a_target_with_numbers_of_its_own_is_tried_on_the_data(self, settings, target):
        gaps = f'test_windows = 2\ngaps = "interpolate"\ntarget = "{target}"'
        edit_catalog(settings, "test_windows = 2", gaps)
        write_source(settings, readings().drop(index=[50, 51]))
        assert ingest_dataset(settings, "boiler").rows == 480

    def test_gaps_that_the_data_set_refuses_leave_no_snapshot(self, settings):
        write_source(settings, readings().drop(index=[50, 51]))
        with pytest.raises(DataError) as caught:
            ingest_dataset(settings, "boiler")
        assert caught.value.where["dataset"] == "boiler"
        assert not settings.snapshots.exists() or not list(settings.snapshots.rglob("*.parquet"))

    def test_a_source_that_is_not_there_names_the_data_set_and_the_file(self, settings):
        (settings.home / "boiler.csv").unlink()
        with pytest.raises((SourceError, DataError)) as caught:
            ingest_dataset(settings, "boiler")
        assert "boiler" in str(caught.value)
        assert "boiler.csv" in str(caught.value)


def rows_of(settings):
    with (settings.home / "boiler.csv").open() as file:
        return list(csv.reader(file))


def write_rows(settings, rows, delimiter=",", encoding="utf-8"):
    with (settings.home / "boiler.csv").open("w", newline="", encoding=encoding) as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)


def repeat_a_row(settings):
    rows = rows_of(settings)
    write_rows(settings, [*rows, rows[7]])


def put_text_among_numbers(settings):
    rows = rows_of(settings)
    rows[9][1] = "broken"
    write_rows(settings, rows)


def put_infinity(settings):
    rows = rows_of(settings)
    rows[9][1] = "inf"
    write_rows(settings, rows)


def shorten_the_header(settings):
    rows = rows_of(settings)
    write_rows(settings, [rows[0][:2], *rows[1:]])


def drop_a_column(settings):
    write_rows(settings, [row[:2] for row in rows_of(settings)])


def empty_the_file(settings):
    (settings.home / "boiler.csv").write_text("")


def use_semicolons(settings):
    write_rows(settings, rows_of(settings), delimiter=";")


def use_another_encoding(settings):
    rows = rows_of(settings)
    rows[0][1] = "pressur\u00e9"
    write_rows(settings, rows, encoding="latin-1")


def put_a_row_off_the_grid(settings):
    rows = rows_of(settings)
    rows[9][0] = rows[9][0].replace(":00:00", ":17:00")
    write_rows(settings, rows)


def put_a_row_far_ahead(settings):
    rows = rows_of(settings)
    write_rows(settings, [*rows, ["2999-01-01 00:00:00", "1", "1"]])


def cut_it_short(settings):
    write_rows(settings, rows_of(settings)[:31])


def put_a_price_below_zero(settings):
    edit_catalog(settings, "test_windows = 2", 'test_windows = 2\ntarget = "log_return"')
    rows = rows_of(settings)
    rows[9][1] = "-5"
    write_rows(settings, rows)


DEFECTS = [
    repeat_a_row,
    put_text_among_numbers,
    put_infinity,
    shorten_the_header,
    drop_a_column,
    empty_the_file,
    use_semicolons,
    use_another_encoding,
    put_a_row_off_the_grid,
    put_a_row_far_ahead,
    cut_it_short,
    put_a_price_below_zero,
]


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.__name__)
def test_bad_input_is_one_message_and_the_last_good_snapshot_stays(settings, defect):
    good = ingest_dataset(settings, "boiler")
    before = sorted(path for path in settings.snapshots.rglob("*"))
    defect(settings)
    with pytest.raises(ForecastingError) as caught:
        ingest_dataset(settings, "boiler")
    assert caught.value.exit_code == 2
    assert caught.value.where["dataset"] == "boiler"
    assert caught.value.remedy
    assert SnapshotStore(settings.snapshots).latest("boiler").digest == good.digest
    assert sorted(path for path in settings.snapshots.rglob("*")) == before


def write_in_an_older_form(settings, version):
    """Make the stored forecaster of a version look as if an older package had written it."""
    from forecasting.tracking import configure

    model = configure(settings).get_model_version("boiler", version).source.removeprefix("models:/")
    (file,) = settings.artifacts.glob(f"*/models/{model}/**/state.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"format": 1}))


class TestTrain:
    def test_model_and_naive_are_told_for_each_series_and_over_all(self, settings):
        ingest_dataset(settings, "boiler")
        result = train_dataset(settings, "boiler")
        assert [row.series for row in result.accuracy] == ["flow", "pressure", "(all)"]
        assert (result.trained, result.version, result.champion) == (True, "1", "1")
        assert (result.horizon, result.test_windows, result.level, result.series) == (3, 2, 80, 2)
        for row in result.accuracy:
            assert row.mase > 0
            assert row.naive_mase > 0
            assert 0 <= row.coverage <= 100
        pooled = result.accuracy[-1]
        assert pooled.mase == pytest.approx(np.mean([row.mase for row in result.accuracy[:-1]]))

    def test_the_naive_figure_is_that_of_yesterday_s_values(self, settings):
        ingest_dataset(settings, "boiler")
        result = train_dataset(settings, "boiler")
        values = readings()["pressure"].to_numpy()
        errors = np.abs(values[-6:] - values[-30:-24])
        scale = np.abs(values[24:-6] - values[:-30]).mean()
        pressure = next(row for row in result.accuracy if row.series == "pressure")
        assert pressure.naive_mase == pytest.approx(errors.mean() / scale, rel=1e-6)

    def test_the_report_is_a_file_below_the_home(self, settings):
        ingest_dataset(settings, "boiler")
        report = train_dataset(settings, "boiler").report
        assert report.startswith(str(settings.artifacts))
        assert "Boiler pressure" in Path(report).read_text(encoding="utf-8")

    def test_a_model_that_is_up_to_date_is_not_trained_again(self, settings):
        ingest_dataset(settings, "boiler")
        first = train_dataset(settings, "boiler")
        second = train_dataset(settings, "boiler")
        assert second.trained is False
        assert replace(second, trained=True, seconds=first.seconds) == replace(first, accuracy=second.accuracy)
        for one, other in zip(first.accuracy, second.accuracy, strict=True):
            assert other.mase == pytest.approx(one.mase, rel=1e-5)

    def test_a_series_may_be_called_na_and_another_have_no_scale(self, settings):
        edit_catalog(settings, '"flow"', '"NA"')
        write_source(settings, readings().rename(columns={"flow": "NA"}).assign(pressure=7.0))
        ingest_dataset(settings, "boiler")
        for expected in (True, False):
            result = train_dataset(settings, "boiler")
            assert result.trained is expected
            assert [row.series for row in result.accuracy] == ["NA", "pressure", "(all)"]
            assert result.accuracy[0].mase > 0
            assert (np.isnan(result.accuracy[1].mase), result.accuracy[1].better) == (True, "")

    def test_new_data_train_anew_and_the_champion_stays(self, settings):
        ingest_dataset(settings, "boiler")
        train_dataset(settings, "boiler")
        write_source(settings, readings(hours=250))
        ingest_dataset(settings, "boiler")
        result = train_dataset(settings, "boiler")
        assert (result.trained, result.version, result.champion) == (True, "2", "1")

    @pytest.mark.parametrize("force", [True, False], ids=["trained anew", "up to date"])
    def test_a_champion_in_a_form_that_is_not_read_any_more_gives_way(self, settings, force):
        ingest_dataset(settings, "boiler")
        train_dataset(settings, "boiler")
        if not force:
            train_dataset(settings, "boiler", force=True)
        write_in_an_older_form(settings, "1")
        with pytest.raises(
            StorageError, match=r"champion, version 1, .*format 1.*forecast train boiler --force"
        ) as caught:
            forecast_dataset(settings, "boiler")
        assert not is_passing(caught.value)
        result = train_dataset(settings, "boiler", force=force)
        assert (result.trained, result.version, result.champion) == (force, "2", "2")
        assert forecast_dataset(settings, "boiler").model_version == "2"

    def test_a_newest_version_that_cannot_be_read_is_trained_anew(self, settings, caplog):
        ingest_dataset(settings, "boiler")
        train_dataset(settings, "boiler")
        write_in_an_older_form(settings, "1")
        result = train_dataset(settings, "boiler")
        assert (result.trained, result.version, result.champion) == (True, "2", "2")
        assert "boiler: version 1 cannot be read, and is trained anew: another version of this package" in caplog.text
        assert forecast_dataset(settings, "boiler").model_version == "2"

    def test_force_trains_anew(self, settings):
        ingest_dataset(settings, "boiler")
        train_dataset(settings, "boiler")
        assert train_dataset(settings, "boiler", force=True).version == "2"

    def test_an_older_snapshot_can_be_named(self, settings):
        old = ingest_dataset(settings, "boiler")
        write_source(settings, readings(hours=250))
        ingest_dataset(settings, "boiler")
        assert train_dataset(settings, "boiler", snapshot=old.digest).snapshot == old.digest

    def test_the_key_moves_with_data_configuration_and_code_and_with_nothing_else(self, settings, monkeypatch):
        dataset = find_dataset(settings.catalog_path, "boiler")
        key = training_key(dataset, "a" * 64)
        assert training_key(dataset.model_copy(update={"title": "x", "schedule": None}), "a" * 64) == key
        others = [
            training_key(dataset, "b" * 64),
            training_key(dataset.model_copy(update={"horizon": 4}), "a" * 64),
            training_key(dataset.model_copy(update={"levels": (80,)}), "a" * 64),
            training_key(dataset.model_copy(update={"test_windows": 5}), "a" * 64),
            training_key(dataset.model_copy(update={"model": {"shift": 1.0}}), "a" * 64),
        ]
        monkeypatch.setattr("flows.training.code_digest", lambda: "other code")
        others.append(training_key(dataset, "a" * 64))
        assert len({key, *others}) == 7

    def test_without_levels_there_is_no_coverage(self, settings):
        edit_catalog(settings, "levels = [80, 95]", "levels = []")
        ingest_dataset(settings, "boiler")
        result = train_dataset(settings, "boiler")
        assert result.level is None
        assert as_document(result)["accuracy"][0]["coverage"] is None

    def test_an_unknown_model_parameter_is_named_with_those_there_are(self, settings):
        edit_catalog(settings, "test_windows = 2", "test_windows = 2\nmodel = { units_of_magic = 3 }")
        with pytest.raises(CatalogError, match="units_of_magic") as caught:
            build_estimator(find_dataset(settings.catalog_path, "boiler"))
        assert "lookback" in str(caught.value)

    def test_series_too_short_for_the_test_windows_are_named(self, settings):
        ingest_dataset(settings, "boiler")
        edit_catalog(settings, "test_windows = 2", "test_windows = 100")
        with pytest.raises(DataError, match="pressure") as caught:
            train_dataset(settings, "boiler")
        assert caught.value.where["dataset"] == "boiler"


class TestForecast:
    @pytest.fixture
    def trained(self, settings, monkeypatch):
        monkeypatch.setattr("flows.training._log_findings", lambda *_: None)  # figures and report take their time
        ingest_dataset(settings, "boiler")
        train_dataset(settings, "boiler")
        return settings

    def test_the_ledger_has_one_row_for_each_series_and_step(self, trained):
        result = forecast_dataset(trained, "boiler")
        assert (result.rows, result.rows_written, result.horizon, result.model_version) == (6, 6, 3, "1")
        assert (result.first, result.last) == ("2024-01-11", "2024-01-11 02:00:00")
        with Ledger(trained.database_url) as ledger:
            rows = ledger.read("boiler").sort_values(["unique_id", "step"])
        assert rows["step"].tolist() == [1, 2, 3, 1, 2, 3]
        assert rows["cutoff"].nunique() == 1
        assert pd.Timestamp(rows["cutoff"].iloc[0]) == pd.Timestamp("2024-01-10 23:00")

    def test_the_shown_steps_are_those_of_the_forecaster(self, trained):
        result = forecast_dataset(trained, "boiler")
        assert [step.series for step in result.steps] == ["flow"] * 3 + ["pressure"] * 3
        expected = readings()["flow"].tail(24).mean()
        assert result.steps[0].forecast == pytest.approx(expected)
        assert result.steps[0].low == pytest.approx(expected - 80)
        assert result.steps[0].ds == "2024-01-11"

    def test_levels_are_those_that_the_catalog_states_now_whatever_the_champion_was_trained_with(self, trained):
        edit_catalog(trained, "levels = [80, 95]", "levels = [90]")
        result = forecast_dataset(trained, "boiler")
        assert (result.level, result.model_version) == (90, "1")
        assert result.steps[0].low == pytest.approx(result.steps[0].forecast - 90)

    def test_without_levels_no_interval_is_shown(self, trained, monkeypatch):
        from flows.artifacts import publish_forecast

        tables = []
        monkeypatch.setattr("flows.artifacts.create_table_artifact", lambda **said: tables.append(said["table"]))
        edit_catalog(trained, "levels = [80, 95]", "levels = []")
        publish_forecast(forecast_dataset(trained, "boiler"))
        assert [list(row) for row in tables[0]] == [["series", "time", "forecast"]] * 6

    def test_at_most_twenty_steps_are_shown(self, trained):
        result = forecast_dataset(trained, "boiler", horizon=30)
        assert [step.series for step in result.steps] == ["flow"] * 10 + ["pressure"] * 10

    def test_forecasting_again_changes_nothing(self, trained):
        forecast_dataset(trained, "boiler")
        assert forecast_dataset(trained, "boiler").rows_written == 0
        assert ledger_rows(trained) == 6

    def test_a_longer_horizon_adds_only_the_further_steps(self, trained):
        forecast_dataset(trained, "boiler")
        result = forecast_dataset(trained, "boiler", horizon=5)
        assert (result.rows, result.rows_written) == (10, 4)

    def test_new_data_add_a_new_cutoff(self, trained):
        forecast_dataset(trained, "boiler")
        write_source(trained, readings(hours=241))
        ingest_dataset(trained, "boiler")
        assert forecast_dataset(trained, "boiler").rows_written == 6

    @pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
    def test_the_file_has_the_forecasts_and_nothing_lies_beside_it(self, trained, tmp_path, name):
        folder = tmp_path / "out"
        folder.mkdir()
        result = forecast_dataset(trained, "boiler", output=str(folder / name))
        assert result.output == str(folder / name)
        assert [path.name for path in folder.iterdir()] == [name]
        read = pd.read_csv(folder / name) if name.endswith("csv") else pd.read_parquet(folder / name)
        assert list(read.columns[:3]) == ["unique_id", "ds", "SimpleRNN"]
        assert len(read) == 6

    def test_without_a_model_it_says_how_to_train_one(self, settings):
        ingest_dataset(settings, "boiler")
        with pytest.raises(TrackingError, match="forecast train boiler"):
            forecast_dataset(settings, "boiler")

    def test_without_a_snapshot_it_says_how_to_ingest(self, settings):
        with pytest.raises(ForecastingError, match="forecast ingest boiler"):
            forecast_dataset(settings, "boiler")

    @pytest.mark.parametrize(
        ("name", "what"), [("out.xlsx", "csv"), ("nowhere/out.csv", "nowhere"), ("folder.csv", "folder")]
    )
    def test_a_file_that_cannot_be_written_is_refused_before_anything_is_done(self, tmp_path, name, what):
        (tmp_path / "folder.csv").mkdir()
        with pytest.raises(ParameterError, match=what):
            check_output(tmp_path / name)


def test_an_unknown_data_set_is_answered_with_those_there_are(settings):
    with pytest.raises(CatalogError, match="boiler"):
        ingest_dataset(settings, "boilr")
