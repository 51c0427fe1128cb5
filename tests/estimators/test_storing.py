"""Saving and loading: two files without a pickle."""

import io
import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from forecasting import SimpleRNNForecaster
from forecasting.errors import StorageError
from forecasting.estimators.storing import FORMAT
from forecasting.estimators.trust import Shares
from forecasting.panel import to_panel
from forecasting.smoothing import CHOICES, Smoother
from tests.estimators.made import long_frame, one, tiny, values, wave

TEXT, ARRAYS = "forecaster.json", "arrays.npz"
FITTED = (
    "season_length_",
    "lookback_",
    "segment_length_",
    "levels_",
    "target_",
    "gaps_",
    "anchor_",
    "smoother_",
    "shares_",
    "history_",
    "n_parameters_",
    "fit_seconds_",
    "device_",
    "notices_",
    "frequency_",
)


@pytest.fixture(scope="module")
def folder(fitted, tmp_path_factory):
    place = tmp_path_factory.mktemp("stored") / "deep" / "model"
    fitted.save(place)
    return place


@pytest.fixture
def damaged(folder, tmp_path):
    """A copy to be damaged."""
    return shutil.copytree(folder, tmp_path / "damaged")


def rewrite(folder, **changes):
    with np.load(folder / ARRAYS) as stored:
        arrays = {name: stored[name] for name in stored.files} | changes
    np.savez(folder / ARRAYS, **{name: array for name, array in arrays.items() if array is not None})


def test_a_loaded_forecaster_forecasts_exactly_as_the_saved_one(fitted, folder, frame):
    loaded = SimpleRNNForecaster.load(folder)
    for given in ({}, {"horizon": 11}, {"horizon": 2, "levels": [50]}, {"data": frame}, {"data": one(20, seed=3)}):
        pd.testing.assert_frame_equal(loaded.predict(**given), fitted.predict(**given))


def test_a_loaded_forecaster_forecasts_in_a_process_without_keras(fitted, folder):
    code = (
        "import sys; from forecasting import SimpleRNNForecaster;"
        "print(SimpleRNNForecaster.load(sys.argv[1]).predict()['SimpleRNN'].sum());"
        "print(sorted({'keras', 'tensorflow', 'jax', 'statsmodels', 'sklearn.linear_model'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    total, loaded = done.stdout.splitlines()
    assert loaded == "[]"
    assert float(total) == pytest.approx(fitted.predict()["SimpleRNN"].sum(), rel=1e-6)


def test_what_was_fitted_comes_back(fitted, folder):
    loaded = SimpleRNNForecaster.load(str(folder))
    assert type(loaded) is SimpleRNNForecaster
    assert loaded.get_params() == fitted.get_params()
    for name in FITTED:
        assert getattr(loaded, name) == getattr(fitted, name), name
    assert not hasattr(loaded, "validation_")


def test_the_files_are_json_and_plain_arrays(folder):
    assert sorted(path.name for path in folder.iterdir()) == [ARRAYS, TEXT]
    assert json.loads((folder / TEXT).read_text())["format"] == 10
    with np.load(folder / ARRAYS, allow_pickle=False) as stored:
        kinds = {name: stored[name].dtype.kind for name in stored.files}
    assert set(kinds.values()) <= {"f", "i", "M", "U"}
    assert b"pickle" not in (folder / ARRAYS).read_bytes()


def test_what_the_networks_are_combined_with_is_stored(frame, tmp_path):
    forecaster = tiny().fit(frame)
    before = forecaster.predict()
    smoother = Smoother(tuple(np.linspace(1.0, 2.0, len(CHOICES))))
    forecaster._use(replace(forecaster._model, smoother=smoother, shares=Shares(0.25, 0.5, 0.25)))
    forecaster.save(tmp_path / "model")
    loaded = SimpleRNNForecaster.load(tmp_path / "model")
    assert (loaded.smoother_, loaded.shares_) == (smoother, {"naive": 0.25, "smoothing": 0.5, "networks": 0.25})
    assert not before.equals(loaded.predict())
    pd.testing.assert_frame_equal(loaded.predict(horizon=9), forecaster.predict(horizon=9))


def test_a_loaded_forecaster_can_be_saved_cloned_and_fitted_anew(folder, fitted, frame, tmp_path):
    loaded = SimpleRNNForecaster.load(folder)
    loaded.save(tmp_path / "again")
    pd.testing.assert_frame_equal(SimpleRNNForecaster.load(tmp_path / "again").predict(), fitted.predict())
    pd.testing.assert_frame_equal(clone(loaded).fit(frame).predict(), fitted.predict())


@pytest.mark.parametrize("target", ["none", "difference", "log_return"])
def test_only_the_end_of_long_series_is_stored_and_is_enough(target, tmp_path):
    forecaster = tiny(target=target, levels=[80]).fit(
        pd.concat([long_frame((700,)), long_frame((20,)).replace("a", "b")])
    )
    forecaster.save(tmp_path / "model")
    loaded = SimpleRNNForecaster.load(tmp_path / "model")
    assert loaded.panel_.lengths[0] < 50
    assert loaded.panel_.lengths[1] == 20
    pd.testing.assert_frame_equal(loaded.predict(horizon=9), forecaster.predict(horizon=9))


@pytest.mark.parametrize("policy", ["interpolate", "mask"])
@pytest.mark.parametrize("ends_in_gap", [False, True])
def test_gaps_are_stored_with_the_series(policy, ends_in_gap, tmp_path):
    series = one(90)
    series.iloc[[-30, -24, -23, -9, -8, -3]] = np.nan
    panel = to_panel(series)[0].drop_last(2 if ends_in_gap else 0)
    forecaster = tiny(gaps=policy).fit(panel)
    forecaster.save(tmp_path / "model")
    pd.testing.assert_frame_equal(SimpleRNNForecaster.load(tmp_path / "model").predict(), forecaster.predict())


@pytest.mark.parametrize(
    "times",
    [
        pd.date_range("2024-03-08", periods=60, freq="h", tz="Europe/Berlin"),
        pd.RangeIndex(5, 65),
        pd.date_range("2019-01-31", periods=60, freq="ME"),
    ],
    ids=["time zone", "integer steps", "month ends"],
)
def test_times_of_every_kind_come_back(times, tmp_path):
    forecaster = tiny().fit(pd.Series(wave(60), index=times))
    forecaster.save(tmp_path / "model")
    pd.testing.assert_frame_equal(SimpleRNNForecaster.load(tmp_path / "model").predict(), forecaster.predict())


def test_sessions_come_back(tmp_path):
    import exchange_calendars

    days = exchange_calendars.get_calendar("XNYS").sessions_in_range("2023-09-05", "2023-12-29")
    forecaster = tiny(calendar="XNYS").fit(pd.Series(wave(len(days)), index=days))
    forecaster.save(tmp_path / "model")
    loaded = SimpleRNNForecaster.load(tmp_path / "model")
    assert loaded.frequency_ == forecaster.frequency_
    pd.testing.assert_frame_equal(loaded.predict(), forecaster.predict())


@pytest.mark.parametrize(
    "changes",
    [
        {"units": np.int64(4), "horizon": np.int32(4), "learning_rate": np.float64(0.01), "refit": np.True_},
        {"levels": np.array([70.0, 80.0])},
        {"levels": (70, 80)},
        {"levels": range(70, 90, 10)},
        {"random_state": np.random.RandomState(0)},
    ],
    ids=["numpy numbers", "array", "tuple", "range", "generator"],
)
def test_parameters_of_every_allowed_kind_can_be_saved(changes, frame, tmp_path):
    forecaster = tiny().set_params(**changes).fit(frame)
    forecaster.save(tmp_path / "model")
    loaded = SimpleRNNForecaster.load(tmp_path / "model")
    pd.testing.assert_frame_equal(loaded.predict(), forecaster.predict())
    assert loaded.levels_ == forecaster.levels_


def test_a_folder_that_is_not_empty_is_left_alone(fitted, tmp_path):
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(StorageError, match=r"the folder is not empty. Save into a new one"):
        fitted.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_a_place_that_cannot_be_written_is_named(fitted, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="could not be written") as error:
        fitted.save(tmp_path / "file")
    assert str(tmp_path / "file") in str(error.value)


def test_where_there_is_no_forecaster_that_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path, tmp_path / "absent", tmp_path / "file"):
        with pytest.raises(StorageError, match="there is no forecaster in this folder") as error:
            SimpleRNNForecaster.load(place)
        assert str(place) in str(error.value)


@pytest.mark.parametrize("missing", [TEXT, ARRAYS])
def test_half_a_forecaster_is_none(missing, damaged):
    (damaged / missing).unlink()
    with pytest.raises(StorageError):
        SimpleRNNForecaster.load(damaged)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0xFF
    path.write_bytes(bytes(content))


def pickled(path):
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    path.write_bytes(buffer.getvalue())


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: cut(folder / TEXT),
        lambda folder: (folder / TEXT).write_text("[]"),
        lambda folder: (folder / TEXT).write_text("{}"),
        lambda folder: (folder / TEXT).write_bytes(b"\xff\xfe\x00"),
        lambda folder: (folder / TEXT).write_text((folder / TEXT).read_text().replace('"units"', '"unites"')),
        lambda folder: (folder / TEXT).write_text(
            (folder / TEXT).read_text().replace('"n_members": 2', '"n_members": 3')
        ),
        lambda folder: (folder / TEXT).write_text((folder / TEXT).read_text().replace('"D"', '"fortnight"')),
        lambda folder: (folder / TEXT).write_text(
            json.dumps(json.loads((folder / TEXT).read_text()) | {"smoother": None})
        ),
        lambda folder: cut(folder / ARRAYS),
        lambda folder: flip(folder / ARRAYS),
        lambda folder: (folder / ARRAYS).write_bytes(b""),
        lambda folder: (folder / ARRAYS).write_bytes(b"no archive"),
        lambda folder: pickled(folder / ARRAYS),
        lambda folder: rewrite(folder, anchor=None),
        lambda folder: rewrite(folder, **{"conformal/errors": None}),
        lambda folder: rewrite(folder, **{"weights/head.bias": None}),
        lambda folder: rewrite(folder, **{"weights/head.bias": np.zeros((2, 9), np.float32)}),
    ],
    ids=[
        "text cut",
        "text a list",
        "text empty",
        "text not UTF-8",
        "unknown parameter",
        "member missing",
        "unknown frequency",
        "smoothing missing",
        "arrays cut",
        "a byte changed",
        "arrays empty",
        "no archive",
        "pickle",
        "anchor missing",
        "errors missing",
        "weight missing",
        "weight of another shape",
    ],
)
def test_a_damaged_forecaster_is_told_as_such(damage, damaged):
    damage(damaged)
    with pytest.raises(StorageError, match=r"the forecaster is damaged: .*Train it anew") as error:
        SimpleRNNForecaster.load(damaged)
    assert str(damaged) in str(error.value)


@pytest.mark.parametrize("other", [1, FORMAT - 1, 999])
def test_another_format_asks_for_the_package_that_wrote_it(other, damaged):
    (damaged / TEXT).write_text((damaged / TEXT).read_text().replace(f'"format": {FORMAT}', f'"format": {other}'))
    with pytest.raises(StorageError) as error:
        SimpleRNNForecaster.load(damaged)
    assert error.value.problem == (
        f"another version of this package wrote it (format {other}, this one reads {FORMAT})"
    )
    assert error.value.remedy == "Train it anew, or use the version of the package that wrote it"


def test_a_stored_weight_has_the_members_in_front(folder, fitted):
    with np.load(folder / ARRAYS) as stored:
        head = stored["weights/head.kernel"]
    assert head.tolist() == fitted._model.weights["head.kernel"].tolist()
    assert head.shape == (2, 4, 4)  # members, units, horizon


def test_histories_with_their_own_zone_are_read_by_a_loaded_forecaster(folder, fitted):
    zoned = one().tz_localize("Europe/Berlin")
    forecast = SimpleRNNForecaster.load(folder).predict(data=zoned)
    assert str(forecast["ds"].dt.tz) == "Europe/Berlin"
    assert values(forecast) == values(fitted.predict(data=one()))
