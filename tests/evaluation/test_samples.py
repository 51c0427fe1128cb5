"""The CRPS of samples against the definition written out, a closed form, and its two meanings."""

import numpy as np
import pytest
from scipy import stats

from forecasting.errors import ParameterError
from forecasting.evaluation.samples import crps_of_samples


def plain(actual: float, samples: np.ndarray, fair: bool) -> float:
    """The definition, pair by pair."""
    m = len(samples)
    pairs = sum(abs(a - b) for a in samples for b in samples)
    return sum(abs(x - actual) for x in samples) / m - pairs / (2 * m * (m - 1 if fair else m))


@pytest.mark.parametrize("fair", [False, True])
def test_it_is_the_definition_for_every_series_and_step(fair: bool) -> None:
    rng = np.random.default_rng(0)
    actual, samples = rng.normal(size=(3, 4)), rng.normal(size=(7, 3, 4))

    scores = crps_of_samples(actual, samples, fair=fair)

    expected = [[plain(actual[i, j], samples[:, i, j], fair) for j in range(4)] for i in range(3)]
    np.testing.assert_allclose(scores, expected)


def test_many_samples_of_a_normal_distribution_come_to_its_closed_form() -> None:
    samples = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000, 1.0, 2.0)
    z = (0.3 - 1.0) / 2.0
    closed = 2.0 * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))

    assert crps_of_samples(np.array(0.3), samples) == pytest.approx(closed, abs=1e-4)


def test_the_fair_score_of_few_samples_is_on_average_that_of_many() -> None:
    rng = np.random.default_rng(1)
    actual = rng.normal(size=20_000)
    true = 1 / np.sqrt(np.pi)  # of a standard normal forecast, on average over standard normal values

    few = rng.normal(size=(3, 20_000))

    assert crps_of_samples(actual, few, fair=True).mean() == pytest.approx(true, abs=0.01)
    assert crps_of_samples(actual, few).mean() > true + 0.1


def test_one_sample_is_a_point_forecast_and_a_missing_value_stays_missing() -> None:
    scores = crps_of_samples(np.array([1.0, np.nan]), np.array([[3.0, 0.0]]))
    np.testing.assert_array_equal(scores, [2.0, np.nan])


def test_what_does_not_fit_together_is_refused() -> None:
    for actual, samples, text in [
        (np.zeros(3), np.zeros((5, 2)), r"\(n_samples, \*\(3,\)\), not \(5, 2\)"),
        (np.zeros(3), np.zeros((0, 3)), "not"),
        (np.zeros(1), np.array([[np.nan]]), "a sample is missing"),
    ]:
        with pytest.raises(ParameterError, match=text):
            crps_of_samples(actual, samples)
    with pytest.raises(ParameterError, match="two samples"):
        crps_of_samples(np.zeros(1), np.zeros((1, 1)), fair=True)
