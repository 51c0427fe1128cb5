"""The standard error of a mean over time against numbers computed by hand, simulation and a textbook test."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from forecasting.errors import DataError, ParameterError
from forecasting.evaluation.significance import diebold_mariano, mean_over_time


def test_without_lags_it_is_the_textbook_standard_error() -> None:
    result = mean_over_time(np.array([1.0, 2.0, 3.0, 6.0]), lags=0)
    assert (result.value, result.count) == (3.0, 4)
    assert result.error == pytest.approx(np.sqrt((4 + 1 + 0 + 9) / 4 / 4))


def test_one_lag_by_hand() -> None:
    # Centred -2, -1, 0, 3: variance 14 / 4, first autocovariance (2 + 0 + 0) / 4 with the weight 1 - 1 / 2, twice.
    assert mean_over_time(np.array([1.0, 2.0, 3.0, 6.0]), lags=1).error == pytest.approx(np.sqrt((3.5 + 0.5) / 4))


def test_p_value_and_interval_are_those_of_student() -> None:
    values = np.random.default_rng(0).normal(0.1, 1.0, 200)
    result, expected = mean_over_time(values, lags=0), stats.ttest_1samp(values, 0.0)
    correction = np.sqrt(199 / 200)  # the textbook test divides by n - 1
    assert stats.t.isf(result.p_value / 2, 199) * correction == pytest.approx(abs(expected.statistic))
    low, high = result.interval(95)
    assert (low + high) / 2 == pytest.approx(result.value)
    assert (high - low) / 2 == pytest.approx(stats.t.ppf(0.975, 199) * result.error)


def test_intervals_of_an_autocorrelated_series_cover_the_mean_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(1000, 750))
    series = noise[:, 1:] + 0.5 * noise[:, :-1]
    by_lags = [mean_over_time(row).interval(90) for row in series]
    ignoring = [mean_over_time(row, lags=0).interval(90) for row in series]
    covered = [np.mean([low < 0 < high for low, high in intervals]) for intervals in (by_lags, ignoring)]
    assert 0.85 < covered[0] < 0.93  # slightly too rarely, as is known of this estimator
    assert covered[1] < 0.82


def test_a_difference_that_never_is_one_is_no_evidence() -> None:
    assert mean_over_time(np.zeros(10)).p_value == 1.0


@pytest.mark.parametrize("values", [[1.0], [1.0, np.nan, 2.0]])
def test_too_little_is_an_error(values: list[float]) -> None:
    with pytest.raises(ValueError, match="two values or more"):
        mean_over_time(np.array(values))


def by_regression(values: np.ndarray, lags: int, kernel: str) -> float:
    """The standard error of a mean as statsmodels has it: of the constant of a regression on nothing else."""
    fitted = sm.OLS(values, np.ones(len(values))).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "kernel": kernel, "use_correction": False}
    )
    return float(fitted.bse[0])


@pytest.mark.parametrize("lags", [0, 1, 5])
def test_newey_west_errors_are_those_of_a_regression(lags: int) -> None:
    values = np.random.default_rng(2).normal(size=60).cumsum()
    assert mean_over_time(values, lags).error == pytest.approx(by_regression(values, lags, "bartlett"))


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_diebold_mariano_is_a_regression_times_the_factor_of_harvey_leybourne_and_newbold(steps: int) -> None:
    rng = np.random.default_rng(3)
    values = np.convolve(rng.normal(size=40), np.ones(3), "valid") + 0.2
    n = len(values)
    factor = np.sqrt((n + 1 - 2 * steps + steps * (steps - 1) / n) / n)

    test = diebold_mariano(values, steps)

    uncorrected = values.mean() / by_regression(values, steps - 1, "uniform")
    assert test.statistic == pytest.approx(uncorrected * factor)
    assert test.p_value == pytest.approx(2 * stats.t.sf(abs(uncorrected * factor), n - 1))


def test_with_one_step_it_is_the_t_test() -> None:
    values = np.random.default_rng(4).normal(0.3, 1, 15)
    test, expected = diebold_mariano(values), stats.ttest_1samp(values, 0)
    assert (test.statistic, test.p_value) == pytest.approx((expected.statistic, expected.pvalue))
    assert test.interval(90) == pytest.approx(tuple(expected.confidence_interval(0.9)))


def test_a_variance_that_is_not_above_zero_falls_back_to_weights() -> None:
    values = np.array([1.0, -1.0] * 6) + 0.1  # the first autocovariance is nearly minus the variance
    test = diebold_mariano(values, steps=2)
    n = len(values)
    factor = (n + 1 - 4 + 2 / n) / n
    assert test.error == pytest.approx(mean_over_time(values, lags=1).error / np.sqrt(factor))


def test_twelve_windows_of_equal_forecasts_are_called_different_about_as_often_as_stated() -> None:
    rng = np.random.default_rng(5)
    noise = rng.normal(size=(4000, 13))
    overlapping = noise[:, 1:] + noise[:, :-1]
    called = np.mean([diebold_mariano(row, steps=2).p_value < 0.05 for row in overlapping])
    ignoring = np.mean([diebold_mariano(row).p_value < 0.05 for row in overlapping])
    assert 0.03 < called < 0.10  # of so few windows the test is known to be somewhat too ready
    assert ignoring > 0.13


def test_more_dependent_steps_than_windows_is_an_error() -> None:
    with pytest.raises(DataError, match="3 differences that depend on each other over 3 steps"):
        diebold_mariano(np.array([1.0, 2.0, 0.0]), steps=3)
    with pytest.raises(ParameterError, match="steps"):
        diebold_mariano(np.array([1.0, 2.0, 0.0]), steps=0)
