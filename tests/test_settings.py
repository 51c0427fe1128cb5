from pathlib import Path

import pytest

import forecasting.settings
from forecasting.errors import ParameterError
from forecasting.settings import built_in_catalog, masked, open_database, read_settings
from forecasting.sources import read_catalog

CHECKOUT = Path(__file__).resolve().parents[1]


def test_the_checkout_is_the_default_home() -> None:
    settings = read_settings({})
    assert settings.home == CHECKOUT
    assert settings.catalog_path == CHECKOUT / "data" / "catalog.toml"
    assert settings.snapshots == CHECKOUT / "data" / "store"
    assert settings.artifacts == CHECKOUT / "mlflow" / "artifacts"
    assert settings.database_url == f"sqlite:///{CHECKOUT}/data/forecasts.db"
    assert settings.tracking_uri == f"sqlite:///{CHECKOUT}/mlflow/mlflow.db"
    assert settings.prefect_api_url is None


def test_a_bare_folder_is_a_home_with_the_built_in_catalog_and_stays_bare(tmp_path: Path) -> None:
    settings = read_settings({"FORECASTING_HOME": str(tmp_path)})
    assert settings.home == tmp_path
    assert settings.database_url == f"sqlite:///{tmp_path}/data/forecasts.db"
    assert settings.catalog_path == built_in_catalog()
    assert {"sp500", "mauna-loa-co2", "us-macro"} <= set(read_catalog(settings.catalog_path))
    assert list(tmp_path.iterdir()) == []


def test_a_home_with_a_catalog_of_its_own_uses_it(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "catalog.toml").write_text("")
    assert read_settings({"FORECASTING_HOME": str(tmp_path)}).catalog_path == tmp_path / "data" / "catalog.toml"


def test_addresses_of_the_environment_override_and_empty_ones_do_not(tmp_path: Path) -> None:
    environ = {
        "FORECASTING_HOME": str(tmp_path),
        "FORECASTING_DATABASE_URL": "postgresql://me:pw@db/ledger",
        "MLFLOW_TRACKING_URI": "http://127.0.0.1:5000",
        "PREFECT_API_URL": "http://127.0.0.1:4200/api",
    }
    settings = read_settings(environ)
    assert settings.database_url == "postgresql://me:pw@db/ledger"
    assert settings.tracking_uri == "http://127.0.0.1:5000"
    assert settings.prefect_api_url == "http://127.0.0.1:4200/api"
    assert "pw" not in repr(settings)
    empty = dict.fromkeys(environ, " ")
    assert read_settings(empty) == read_settings({})


def test_an_installed_package_has_no_default_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "catalog.toml"
    installed.write_text("")
    monkeypatch.setattr(forecasting.settings, "_INSTALLED_CATALOG", installed)
    assert built_in_catalog() == installed
    with pytest.raises(
        ParameterError, match=r"parameter FORECASTING_HOME: .*Set FORECASTING_HOME to an existing folder"
    ):
        read_settings({})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("FORECASTING_HOME", "."),
        ("FORECASTING_DATABASE_URL", "sqlite:///forecasts.db"),
        ("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db"),
        ("MLFLOW_TRACKING_URI", "./mlruns"),
    ],
)
def test_what_would_depend_on_the_current_directory_is_refused(key: str, value: str) -> None:
    with pytest.raises(ParameterError, match=f"parameter {key}: .*depends on the current directory"):
        read_settings({key: value})


def test_a_home_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name, reason in (("absent", "does not exist"), ("file", "is not a folder")):
        with pytest.raises(ParameterError, match=reason):
            read_settings({"FORECASTING_HOME": str(tmp_path / name)})


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:s3cret@host:5432/db", "postgresql://me:***@host:5432/db"),
        ("postgresql+psycopg://me:a/b:c@d@host/db", "postgresql+psycopg://me:***@host/db"),
        (
            "postgresql://host/db?user=me&password=s3cret&sslmode=require",
            "postgresql://host/db?user=me&password=***&sslmode=require",
        ),
        ("sqlite:////srv/forecasts.db", "sqlite:////srv/forecasts.db"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("cannot connect to postgresql://me:pw@host/db today", "cannot connect to postgresql://me:***@host/db today"),
    ],
)
def test_passwords_are_masked(url: str, shown: str) -> None:
    assert masked(url) == shown


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_means_psycopg_3(scheme: str) -> None:
    engine = open_database(f"{scheme}://me:pw@127.0.0.1/db")
    assert (engine.dialect.name, engine.dialect.driver) == ("postgresql", "psycopg")


@pytest.mark.parametrize("url", ["nonsense", "oracle9://me:s3cret@host/db", "postgresql://me:s3cret@host:port/db"])
def test_an_address_that_cannot_be_opened_is_one_clear_message(url: str) -> None:
    with pytest.raises(ParameterError, match="no database address") as caught:
        open_database(url)
    assert "s3cret" not in str(caught.value)
