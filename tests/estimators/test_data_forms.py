"""What may be fitted: long and wide frames, series, panels, and every kind of time."""

import numpy as np
import pandas as pd
import pytest

from forecasting.errors import DataError
from forecasting.panel import to_panel
from tests.estimators.made import HORIZON, TINY, long_frame, one, tiny, values, wave

NEW_YORK = "America/New_York"


@pytest.fixture(scope="module")
def even():
    """Three series with the same days."""
    return long_frame((60, 60, 60))


@pytest.fixture(scope="module")
def expected(even):
    return tiny(levels=[80]).fit(even).predict()


def test_forms_of_the_same_data_give_the_same_forecasts(even, expected):
    wide = even.pivot(index="ds", columns="unique_id", values="y")
    forms = [even.sample(frac=1, random_state=0), wide, wide.reset_index(), to_panel(even)[0], wide.to_period("D")]
    for form in forms:
        pd.testing.assert_frame_equal(tiny(levels=[80]).fit(form).predict(), expected)


def test_a_series_is_named_after_itself():
    forecast = tiny().fit(one(name="co2")).predict()
    assert forecast["unique_id"].unique().tolist() == ["co2"]
    frame = one().rename_axis("ds").rename("y").reset_index()
    plain = tiny().fit(frame).predict()
    assert plain["unique_id"].unique().tolist() == ["y"]
    assert values(plain) == values(forecast)


def test_columns_and_types_of_a_forecast(expected):
    assert list(expected.columns) == ["unique_id", "ds", "SimpleRNN", "SimpleRNN-lo-80", "SimpleRNN-hi-80"]
    assert str(expected["unique_id"].dtype) == "str"
    assert expected["ds"].dtype == "datetime64[us]"
    assert {str(dtype) for dtype in expected.dtypes.iloc[2:]} == {"float64"}
    assert isinstance(expected.index, pd.RangeIndex)


def test_every_series_is_forecast_from_its_own_end(frame, fitted):
    forecast = fitted.predict()
    assert forecast["unique_id"].tolist() == [name for name in "abc" for _ in range(HORIZON)]
    for name, part in forecast.groupby("unique_id"):
        last = frame.loc[frame["unique_id"] == name, "ds"].max()
        assert part["ds"].tolist() == pd.date_range(last, periods=HORIZON + 1, freq="D")[1:].tolist()


def test_whole_numbers_are_numbers(even):
    whole = even.assign(y=(even["y"] * 10).round().astype("int64"))
    pd.testing.assert_frame_equal(
        tiny().fit(whole).predict(), tiny().fit(whole.assign(y=whole["y"].astype(float))).predict()
    )


def test_integer_steps_work_as_dates_do(even, expected):
    steps = even.assign(ds=even.groupby("unique_id").cumcount() + 100)
    forecast = tiny(levels=[80]).fit(steps).predict()
    assert forecast["ds"].dtype == np.int64
    assert forecast["ds"].tolist() == [160, 161, 162, 163] * 3
    assert values(forecast) == values(expected)


def test_the_time_zone_that_comes_in_goes_out_across_daylight_saving():
    hours = pd.date_range("2024-03-08 00:00", periods=70, freq="h", tz=NEW_YORK)
    forecast = tiny().fit(pd.Series(wave(70), index=hours)).predict(horizon=8)
    assert str(forecast["ds"].dtype) == f"datetime64[us, {NEW_YORK}]"
    assert forecast["ds"].tolist() == pd.date_range(hours[-1], periods=9, freq="h")[1:].tolist()
    days = pd.date_range("2024-01-15", periods=53, freq="D", tz=NEW_YORK)  # the clock changes on 10 March
    daily = tiny().fit(pd.Series(wave(53), index=days)).predict()
    assert daily["ds"].dt.hour.unique().tolist() == [0]
    assert daily["ds"].iloc[-1] == pd.Timestamp("2024-03-11", tz=NEW_YORK)


def test_after_a_friday_comes_the_next_session_and_holidays_are_no_gaps():
    import exchange_calendars

    days = exchange_calendars.get_calendar("XNYS").sessions_in_range("2023-09-05", "2023-12-29")
    forecast = tiny(calendar="XNYS", target="log_return").fit(pd.Series(wave(len(days)), index=days)).predict()
    assert forecast["ds"].dt.strftime("%m-%d").tolist() == ["01-02", "01-03", "01-04", "01-05"]


@pytest.mark.parametrize(
    ("freq", "following"),
    [
        ("MS", ["2014-01-01", "2014-02-01"]),
        ("QE", ["2026-03-31", "2026-06-30"]),
        ("W-SAT", ["2009-11-28", "2009-12-05"]),
    ],
)
def test_months_quarters_and_weeks_go_on_as_they_came(freq, following):
    index = pd.date_range("2009-01-01", periods=60 if freq == "MS" else 68 if freq == "QE" else 47, freq=freq)
    forecast = tiny(horizon=2).fit(pd.Series(wave(len(index)), index=index)).predict()
    assert forecast["ds"].dt.strftime("%Y-%m-%d").tolist() == following


def test_what_the_gate_noticed_is_kept():
    shuffled = long_frame((60,)).sample(frac=1, random_state=0)
    flat = pd.DataFrame({"unique_id": "flat", "ds": pd.date_range("2024-01-01", periods=60), "y": 3.0})
    forecaster = tiny().fit(pd.concat([shuffled, flat]))
    assert [notice.kind for notice in forecaster.notices_] == ["sorted", "constant"]
    assert str(forecaster.frequency_.alias) == "D"


def test_a_constant_series_among_others_is_forecast_at_its_value():
    flat = pd.DataFrame({"unique_id": "flat", "ds": pd.date_range("2024-01-01", periods=60), "y": 3.0})
    forecast = tiny(levels=[80]).fit(pd.concat([long_frame((60,)), flat])).predict()
    part = forecast[forecast["unique_id"] == "flat"].drop(columns=["unique_id", "ds"])
    assert part.to_numpy() == pytest.approx(3.0, abs=0.1)


def test_constant_data_are_refused():
    with pytest.raises(DataError, match=r"every value of every series is the same \(2 in the first\)"):
        tiny().fit(one() * 0 + 2)


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (
            11,
            r"series a: 1 of 1 series are shorter than look-back and horizon \(8 \+ 4 steps\), the shortest having 11",
        ),
        (
            15,
            r"series a: no series is long enough to hold out 4 steps .* has 15 steps, and 16 are needed",
        ),
    ],
)
def test_a_series_too_short_names_itself_and_what_is_needed(length, words):
    with pytest.raises(DataError, match=words):
        tiny(frequency="D").fit(one(length))
    assert tiny(frequency="D").fit(one(16)).lookback_ == TINY["lookback"]


def test_short_series_among_long_ones_are_named(frame):
    short = [long_frame((length,)).assign(unique_id=f"s{length}") for length in (5, 9)]
    with pytest.raises(DataError) as error:
        tiny().fit(pd.concat([frame, *short]))
    assert error.value.where["series"] == "s5, s9"
    assert "2 of 5 series" in str(error.value)
    assert "the shortest having 5" in str(error.value)


def test_without_a_stated_look_back_short_series_are_padded(frame):
    short = long_frame((9,)).assign(unique_id="s9")
    forecaster = tiny(lookback=None, segment_length=4).fit(pd.concat([frame, short]))
    assert forecaster.lookback_ >= 8
    assert forecaster.predict().groupby("unique_id").size().to_dict() == {"a": 4, "b": 4, "c": 4, "s9": 4}


def test_data_that_are_not_a_table_are_refused():
    with pytest.raises(DataError, match="the data are a list"):
        tiny().fit([1.0, 2.0])
    with pytest.raises(DataError, match="the table is empty"):
        tiny().fit(long_frame((60,)).iloc[:0])
