"""Guerrero's power, for one series as statsmodels has it and for many."""

import numpy as np
import pytest
from statsmodels.base.transform import BoxCox

from forecasting.targets.power import best_power

# Monthly airline passengers, 1949 to 1960 (Box and Jenkins, series G). R's forecast::BoxCox.lambda gives -0.2947156.
PASSENGERS = np.fromstring(
    "112 118 132 129 121 135 148 148 136 119 104 118 115 126 141 135 125 149 170 170 158 133 114 140 "
    "145 150 178 163 172 178 199 199 184 162 146 166 171 180 193 181 183 218 230 242 209 191 172 194 "
    "196 196 236 235 229 243 264 272 237 211 180 201 204 188 235 227 234 264 302 293 259 229 203 229 "
    "242 233 267 269 270 315 364 347 312 274 237 278 284 277 317 313 318 374 413 405 355 306 271 306 "
    "315 301 356 348 355 422 465 467 404 347 305 336 340 318 362 348 363 435 491 505 404 359 310 337 "
    "360 342 406 396 420 472 548 559 463 407 362 405 417 391 419 461 472 535 622 606 508 461 390 432",
    sep=" ",
)


def grown(power: float, length: int = 480, seed: int = 0) -> np.ndarray:
    """A series whose spread does not depend on its level after this power (0: the logarithm)."""
    rng = np.random.default_rng(seed)
    path = 10 + 0.02 * np.arange(length) + np.sin(np.arange(length) * np.pi / 6) + 0.1 * rng.normal(size=length)
    return np.exp(path / 4) if power == 0 else path ** (1 / power)


def of(*series: np.ndarray, season_length: int = 12, **options) -> float:
    indptr = np.concatenate([[0], np.cumsum([len(one) for one in series])])
    return best_power(np.concatenate(series), indptr, season_length, **options)


def test_the_power_of_a_known_series_is_the_published_one():
    assert of(PASSENGERS, bounds=(-1, 2)) == pytest.approx(-0.2947156, abs=1e-4)
    assert of(PASSENGERS) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("power", [0.25, 0.5, 1.0])
def test_one_series_has_the_power_of_statsmodels(power):
    series = grown(power, 485)
    expected = BoxCox().transform_boxcox(series, method="guerrero", window_length=12, scale="sd", bounds=(0, 2))[1]
    assert of(series) == pytest.approx(expected, abs=1e-4)
    assert of(series) == pytest.approx(power, abs=0.2)


def test_the_coefficients_of_several_series_are_averaged_whatever_their_units():
    series = [grown(0.25), grown(0.5, 240, 1), grown(1.0, 96, 2)]

    def variation(power: float) -> float:
        each = []
        for one in series:
            blocks = one.reshape(-1, 12)
            ratio = blocks.std(axis=1, ddof=1) / blocks.mean(axis=1) ** (1 - power)
            each.append(ratio.std(ddof=1) / ratio.mean())
        return float(np.mean(each))

    found = of(*series)
    assert variation(found) <= min(variation(power) for power in np.linspace(0, 2, 401)) + 1e-6
    assert of(series[0] * 1e6, series[1] * 1e-6, series[2]) == pytest.approx(found, abs=1e-4)


def test_blocks_without_a_season_have_four_steps_and_blocks_with_gaps_are_left_out():
    series = grown(0.5)
    assert of(series, season_length=1) == of(series, season_length=4)
    holed = series.copy()
    holed[5] = np.nan
    assert of(holed) == pytest.approx(of(series[12:]), abs=1e-4)


@pytest.mark.parametrize("series", [np.array([1.0, 2, 3]), np.full(60, 7.0), np.array([]), grown(0.5)[:24] * np.nan])
def test_what_tells_nothing_is_left_as_it_is(series):
    assert of(series) == 1.0
