"""The settings of the row *best* of every data set, and the candidates of which they were chosen.

A candidate is scored on the last part of the training data by `benchmarks.choose`, never on the test part. What a data
set forces (its frequency, its gaps, its target) stands with the data set and holds for both rows.
"""

from typing import Any

Settings = dict[str, Any]

_ETTH1 = "etth1_96", "etth1_192", "etth1_336", "etth1_720"

BEST: dict[str, Settings] = {
    **{name: {"target": "asinh"} for name in _ETTH1},
    "m3_monthly": {"target": "box_cox", "lookback": 36, "n_members": 5, "max_steps": 2000},
    "m4_hourly": {"n_members": 5, "max_steps": 8000},
}
"""Chosen settings by the name of a task, beside horizon and season length; none where the default won."""

CANDIDATES: dict[str, list[Settings]] = {
    "m4_hourly": [{}, {"n_members": 5}, {"max_steps": 8000}, {"n_members": 5, "max_steps": 8000}],
    "m3_monthly": [
        {},
        {"lookback": 36},
        {"target": "log"},
        {"target": "box_cox"},
        {"target": "box_cox", "n_members": 5},
        {"target": "box_cox", "lookback": 36},
        {"target": "box_cox", "lookback": 36, "max_steps": 2000},
        {"target": "box_cox", "lookback": 36, "n_members": 5, "max_steps": 2000},
        {"target": "box_cox", "n_layers": 1},
        {"target": "box_cox", "lookback": 36, "n_layers": 1},
    ],
    "m3_yearly": [{}, {"target": "log"}, {"target": "difference"}],
    "m3_quarterly": [{}, {"target": "log"}, {"max_steps": 2000}],
    "m3_months": [{}, {"target": "log"}, {"lookback": 36}, {"max_steps": 2000}],
    "m3_other": [{}, {"target": "difference"}, {"max_steps": 2000}],
    **{
        name: [
            {},
            {"lookback": 504},
            {"lookback": 720},
            {"target": "asinh"},
            {"target": "asinh", "lookback": 168},
            {"target": "asinh", "lookback": 504},
        ]
        for name in _ETTH1
    },
    "stocks": [{}, {"lookback": 20}, {"lookback": 60}],
    "pollution_1": [{}, {"lookback": 168}],
    "pollution_1_weather": [{}],
    "pollution_24": [{}, {"lookback": 168}],
    "pollution_24_weather": [{}],
    "pollution_24_known": [{}],
    "machine_temperature": [{}, {"lookback": 72}, {"season_length": 1, "lookback": 48}],
    "travel_time": [{}, {"lookback": 72}, {"season_length": 1, "lookback": 48}],
    "occupancy": [{}, {"lookback": 48}],
    "speed": [{}, {"lookback": 48}, {"season_length": 1, "lookback": 48}],
}
"""Settings tried, by the name of a task; the first is the default."""
