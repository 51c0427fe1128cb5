"""A data set with covariates from the source to the forecast, with a network, a registry and the command."""

import json
import shutil
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from flows.audit import audit_dataset
from flows.cli import app
from flows.steps import forecast_dataset, ingest_dataset, train_dataset
from forecasting.errors import CatalogError, DataError, ParameterError
from forecasting.panel import known_rows
from forecasting.settings import Settings, read_settings
from forecasting.storage import Ledger, SnapshotStore
from forecasting.tracking import configure, load_champion

HORIZON = 4
CATALOG = """
[shop]
source = { kind = "csv", path = "shop.csv", id_column = "shop", time_column = "day", targets = ["sales"] }
frequency = "D"
timezone = "Europe/Berlin"
horizon = 4
season_length = 7
lookback = 14
levels = [80]
test_windows = 2
past_covariates = ["visitors"]
future_covariates = ["price", "weather"]
static_covariates = ["region"]
calendar_covariates = ["holiday:DE-BY"]
model = { units = 4, n_layers = 1, n_members = 1, max_steps = 10, random_state = 0, verbose = 0 }
"""
LISTS = CATALOG[CATALOG.index("past_cov") : CATALOG.index("calendar_cov")]


def table(days: int = 90, ahead: int = HORIZON, seed: int = 0) -> pd.DataFrame:
    """Two shops whose sales follow price and weather, with rows of what is known of the next days."""
    rng = np.random.default_rng(seed)
    parts = []
    for shop, region in (("north", "land"), ("south", "city")):
        price, weather = rng.normal(size=days + ahead).round(3), rng.choice(["sun", "rain"], days + ahead)
        sales = 50 + 5 * price + 8 * (weather == "sun") + rng.normal(scale=0.3, size=days + ahead)
        part = {
            "shop": shop,
            "day": pd.date_range("2024-01-01", periods=days + ahead).strftime("%Y-%m-%d"),
            "sales": sales.round(3),
            "visitors": rng.integers(0, 100, days + ahead),
            "price": price,
            "weather": weather,
            "region": region,
        }
        frame = pd.DataFrame(part)
        frame[["sales", "visitors"]] = frame[["sales", "visitors"]].astype("float64")
        frame.loc[frame.index >= days, ["sales", "visitors"]] = np.nan
        parts.append(frame)
    return pd.concat(parts, ignore_index=True)


def write(settings: Settings, frame: pd.DataFrame) -> None:
    frame.to_csv(settings.home / "shop.csv", index=False)


def edit(settings: Settings, old: str, new: str) -> None:
    text = settings.catalog_path.read_text()
    assert old in text
    settings.catalog_path.write_text(text.replace(old, new))


def new_home(folder: Path, tracking_store: Path) -> Settings:
    (folder / "data").mkdir(parents=True)
    (folder / "mlflow").mkdir()
    (folder / "data" / "catalog.toml").write_text(CATALOG)
    shutil.copy(tracking_store, folder / "mlflow" / "mlflow.db")
    settings = read_settings({"FORECASTING_HOME": str(folder)})
    write(settings, table())
    return settings


@pytest.fixture(scope="module")
def trained(tmp_path_factory, tracking_store) -> Settings:
    """A home in which the data set was ingested and trained once; tests copy it."""
    settings = new_home(tmp_path_factory.mktemp("trained") / "home", tracking_store)
    ingest_dataset(settings, "shop")
    train_dataset(settings, "shop")
    return settings


@pytest.fixture
def shop(tmp_path, tracking_store) -> Settings:
    """A home in which nothing was done yet."""
    return new_home(tmp_path / "home", tracking_store)


@pytest.fixture
def home(trained, tmp_path) -> Settings:
    """A copy of the home in which the data set was trained; MLflow's files stay where they are."""
    folder = tmp_path / "copied"
    shutil.copytree(trained.home, folder)
    return read_settings({"FORECASTING_HOME": str(folder)})


def ahead_of(settings: Settings) -> pd.DataFrame:
    store = SnapshotStore(settings.snapshots)
    return known_rows(store.read_with_ahead(store.latest("shop"))[1])


def ledger(settings: Settings) -> pd.DataFrame:
    with Ledger(settings.database_url) as rows:
        return rows.read("shop").sort_values(["unique_id", "step"]).reset_index(drop=True)


class TestIngest:
    def test_a_snapshot_keeps_every_covariate_and_the_rows_behind_the_ends(self, shop):
        result = ingest_dataset(shop, "shop")
        assert (result.rows, result.series, result.steps_ahead) == (180, 2, 2 * HORIZON)
        assert result.covariates == {"past": ("visitors",), "future": ("price", "weather"), "static": ("region",)}
        assert not result.notices
        store = SnapshotStore(shop.snapshots)
        panel, ahead = store.read_with_ahead(store.latest("shop"))
        source = table()
        known = source[source["sales"].notna()]
        for name in ("visitors", "price"):
            np.testing.assert_array_equal(panel.covariates[name], known[name])
        assert panel.covariates["weather"].tolist() == known["weather"].tolist()
        assert panel.static["region"].tolist() == ["land", "city"]
        assert ahead.covariates["price"].tolist() == source.loc[source["sales"].isna(), "price"].tolist()
        assert str(ahead_of(shop)["ds"].iloc[0]) == "2024-03-31 00:00:00+01:00"

    def test_inferred_roles_are_told_and_kept(self, shop):
        named = ingest_dataset(shop, "shop")
        edit(shop, LISTS, 'covariates = "infer"\n')
        result = ingest_dataset(shop, "shop")
        assert (result.digest, result.covariates) == (named.digest, named.covariates)
        assert [notice.kind for notice in result.notices] == ["inferred"]

    def test_a_missing_covariate_leaves_no_snapshot_where_gaps_are_refused(self, shop):
        frame = table()
        frame.loc[20, "price"] = np.nan
        write(shop, frame)
        with pytest.raises(DataError, match=r"series north, time 2024-01-21.*column price: the covariate is missing"):
            ingest_dataset(shop, "shop")
        assert not list(shop.snapshots.rglob("*.parquet"))
        edit(shop, "test_windows = 2", 'test_windows = 2\ngaps = "mask"')
        assert [notice.kind for notice in ingest_dataset(shop, "shop").notices] == ["carried"]

    @pytest.mark.parametrize(
        ("old", "new", "words"),
        [
            (
                '"price",',
                '"prise",',
                r"line 12, key future_covariates: .*no column 'prise'. Did you mean",
            ),
            (
                LISTS,
                'covariates = "infer"\n',
                r"line 11, key covariates: the source has no further column",
            ),
        ],
    )
    def test_what_the_source_does_not_have_is_named_with_its_place_in_the_catalog(self, shop, old, new, words):
        if "infer" in new:
            write(shop, table()[["shop", "day", "sales"]])
        edit(shop, old, new)
        with pytest.raises(CatalogError, match=words) as caught:
            ingest_dataset(shop, "shop")
        assert caught.value.where["file"] == str(shop.catalog_path)

    def test_a_calendar_that_says_nothing_about_an_inferred_frequency_is_refused(self, shop):
        edit(shop, 'frequency = "D"\n', "")
        edit(shop, '"holiday:DE-BY"', '"hour"')
        with pytest.raises(ParameterError, match="'hour' says nothing about the steps"):
            ingest_dataset(shop, "shop")


class TestForecast:
    def test_the_known_ahead_values_of_the_snapshot_are_read(self, trained):
        result = forecast_dataset(trained, "shop")
        assert (result.rows, result.horizon) == (2 * HORIZON, HORIZON)
        estimator = load_champion(trained, "shop").estimator
        expected = estimator.predict(future=ahead_of(trained))
        np.testing.assert_allclose(ledger(trained)["point"], expected["SimpleRNN"], rtol=1e-6)

    def test_the_registered_model_gives_the_same_from_the_rows_of_the_source(self, trained):
        mlflow.set_tracking_uri(trained.tracking_uri)
        mlflow.set_registry_uri(trained.tracking_uri)
        served = mlflow.pyfunc.load_model("models:/shop@champion")
        source = table().rename(columns={"shop": "unique_id", "day": "ds", "sales": "y"})
        source["ds"] = pd.to_datetime(source["ds"]).dt.tz_localize("Europe/Berlin")
        expected = load_champion(trained, "shop").estimator.predict(future=ahead_of(trained))
        pd.testing.assert_frame_equal(served.predict(source), expected, rtol=1e-5, check_dtype=False)

    def test_more_rows_than_are_needed_and_later_values_change_nothing(self, home):
        before = forecast_dataset(home, "shop")
        longer = table(ahead=HORIZON + 5)
        known = table().merge(longer, how="right", on=["shop", "day"], suffixes=("", "_later"), indicator=True)
        later = known["_merge"] == "right_only"
        for name in ("price", "weather", "region"):
            known[name] = known[name].where(~later, known[f"{name}_later"])
        known.loc[later, "price"] = 1e6
        write(home, known[table().columns].sort_values(["shop", "day"]))
        assert ingest_dataset(home, "shop").steps_ahead == 2 * (HORIZON + 5)
        after = forecast_dataset(home, "shop")
        assert after.snapshot != before.snapshot
        assert after.steps == before.steps

    def test_values_known_ahead_that_change_move_the_forecast_without_another_training(self, home):
        first = forecast_dataset(home, "shop")
        frame = table()
        frame.loc[frame["sales"].isna() & (frame["shop"] == "north"), "price"] += 2
        write(home, frame)
        assert ingest_dataset(home, "shop").changed
        assert train_dataset(home, "shop").trained is False
        second = forecast_dataset(home, "shop")
        moved = [one.forecast != other.forecast for one, other in zip(first.steps, second.steps, strict=True)]
        assert moved == [True] * HORIZON + [False] * HORIZON
        rows = ledger(home)
        assert len(rows) == 2 * HORIZON  # the forecasts of revised data take the place of the earlier ones
        assert set(rows["snapshot"]) == {second.snapshot}

    def test_past_covariates_behind_the_ends_are_never_read(self, home):
        before = forecast_dataset(home, "shop")
        write(home, table().assign(visitors=lambda frame: frame["visitors"].fillna(1e9)))
        assert ingest_dataset(home, "shop").digest == before.snapshot
        assert forecast_dataset(home, "shop").steps == before.steps

    @pytest.mark.parametrize("command", [["predict", "shop"], ["predict", "shop", "--json"]])
    def test_rows_of_the_future_that_are_missing_are_one_message_and_exit_code_2(self, home, monkeypatch, command):
        frame = table()
        late = frame["sales"].isna() & (frame["day"] >= "2024-04-02")
        write(home, frame[~(late & (frame["shop"] == "south"))])
        ingest_dataset(home, "shop")
        monkeypatch.setenv("FORECASTING_HOME", str(home.home))
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 2
        times = [f"(south, 2024-04-0{day} 00:00:00+02:00)" for day in (2, 3)]
        words = f"lacks 2 rows of the 4 steps behind the end of every series: {', '.join(times)}"
        assert words in " ".join(result.stderr.split())
        assert "dataset shop, series south, time 2024-04-02 00:00:00+02:00" in " ".join(result.stderr.split())
        if "--json" in command:
            assert json.loads(result.stdout)["error"]["exit_code"] == 2

    def test_a_longer_horizon_needs_rows_that_reach_so_far(self, home):
        edit(home, 'past_covariates = ["visitors"]\n', "")
        write(home, table(ahead=2 * HORIZON))
        ingest_dataset(home, "shop")
        with pytest.raises(DataError, match="version 1, reads the covariate 'visitors', which the snapshot"):
            forecast_dataset(home, "shop")
        train_dataset(home, "shop")
        configure(home).set_registered_model_alias("shop", "champion", "2")
        assert forecast_dataset(home, "shop", horizon=HORIZON + 1).rows == 2 * (HORIZON + 1)
        with pytest.raises(DataError, match="lacks 8 rows of the 12 steps"):
            forecast_dataset(home, "shop", horizon=2 * HORIZON + 1)

    def test_an_audit_finds_no_leak(self, trained):
        result = audit_dataset(trained, "shop", n_cutoffs=1)
        assert result.passed
        assert "features of the forecast" in [stage.stage for stage in result.stages]


class TestTrain:
    def test_the_same_data_and_lists_train_nothing(self, home):
        assert ingest_dataset(home, "shop").changed is False
        assert train_dataset(home, "shop").trained is False

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('"holiday:DE-BY"', '"holiday:DE"'),
            ('["price", "weather"]', '["weather"]'),
            ('past_covariates = ["visitors"]\nfuture_covariates = ["price", "weather"]', 'past_covariates = ["price"]'),
        ],
    )
    def test_other_lists_train_anew(self, home, monkeypatch, old, new):
        monkeypatch.setattr("flows.training._log_findings", lambda *_: None)
        edit(home, old, new)
        ingest_dataset(home, "shop")
        assert train_dataset(home, "shop").trained is True

    def test_another_value_in_the_history_of_a_covariate_trains_anew(self, home, monkeypatch):
        monkeypatch.setattr("flows.training._log_findings", lambda *_: None)
        frame = table()
        frame.loc[3, "visitors"] += 1
        write(home, frame)
        ingest_dataset(home, "shop")
        assert train_dataset(home, "shop").trained is True

    def test_roles_that_are_inferred_to_be_what_was_named_train_nothing(self, home):
        edit(home, LISTS, 'covariates = "infer"\n')
        ingest_dataset(home, "shop")
        assert train_dataset(home, "shop").trained is False

    def test_lists_that_the_snapshot_does_not_have_are_refused_with_the_command_to_run(self, home):
        edit(home, '["visitors"]', '["visitor"]')
        with pytest.raises(DataError, match=r"does not have the covariate 'visitor'. Ingest .*: forecast ingest shop"):
            train_dataset(home, "shop")
        edit(home, '["visitor"]', "[]")
        edit(home, '["price", "weather"]', '["price", "weather", "visitors"]')
        with pytest.raises(DataError, match="does not have the covariate known ahead 'visitors'"):
            train_dataset(home, "shop")

    def test_a_snapshot_of_before_there_were_covariates_has_no_roles_to_infer(self, shop):
        text = shop.catalog_path.read_text()
        shop.catalog_path.write_text(text.replace(LISTS, ""))
        assert ingest_dataset(shop, "shop").covariates == {}
        shop.catalog_path.write_text(text.replace(LISTS, 'covariates = "infer"\n'))
        with pytest.raises(DataError, match="has no covariates, whose roles are to be inferred"):
            train_dataset(shop, "shop")

    def test_without_rows_ahead_a_model_is_trained_and_the_report_says_why_it_shows_no_forecast(self, shop, caplog):
        write(shop, table(ahead=0))
        assert ingest_dataset(shop, "shop").steps_ahead == 0
        report = Path(train_dataset(shop, "shop").report).read_text(encoding="utf-8")
        assert "the report shows no forecast" in caplog.text
        assert "lacks 8 rows of the 4 steps" in report
        assert "The forecast in numbers" not in report
        with pytest.raises(DataError, match="lacks 8 rows of the 4 steps"):
            forecast_dataset(shop, "shop")


def test_the_command_shows_what_was_read(shop, monkeypatch):
    monkeypatch.setenv("FORECASTING_HOME", str(shop.home))
    shown = " ".join(CliRunner(env={"COLUMNS": "200"}).invoke(app, ["ingest", "shop"]).stdout.split())
    assert "covariates known up to the present: visitors; known ahead: price, weather (for 8 steps behind" in shown
    assert "static: region" in shown
