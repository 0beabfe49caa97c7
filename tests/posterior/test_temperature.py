"""How sure a posterior may be: recovered where it is known, and found without any gold label."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from mislabel.posterior import temperature
from mislabel.posterior.temperature import best_power, noisy_likelihood, sharpen

TRANSITION = np.array([[0.7, 0.2, 0.1], [0.05, 0.8, 0.15], [0.3, 0.0, 0.7]])


def planted(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Calibrated probabilities, true labels drawn from them, and given labels drawn from those."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet([0.4, 0.4, 0.4], n)
    true = (random.random((n, 1)) > probabilities.cumsum(1)[:, :-1]).sum(1)
    given_labels = (random.random((n, 1)) > TRANSITION[true].cumsum(1)[:, :-1]).sum(1)
    return probabilities, true, given_labels


@pytest.mark.parametrize("power", [0.4, 0.7, 1.5])
def test_a_planted_power_is_undone(power: float) -> None:
    probabilities, _, labels = planted(15_000)
    assert best_power(sharpen(probabilities, power), labels) == pytest.approx(1 / power, rel=0.15)


def test_the_likelihood_is_the_best_over_transition_matrices() -> None:
    """Against a generic optimiser over matrices with rows of softmax values."""
    probabilities, _, labels = planted(800, seed=1)

    def cost(parameters: np.ndarray) -> float:
        matrix = np.exp(parameters.reshape(3, 3))
        matrix /= matrix.sum(1, keepdims=True)
        return -float(np.mean(np.log((probabilities @ matrix)[np.arange(800), labels])))

    best = -minimize(cost, np.eye(3).ravel(), method="L-BFGS-B").fun
    assert noisy_likelihood(probabilities, labels) == pytest.approx(best, abs=1e-3)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.5, 10.0))
def test_sharpening_keeps_order_and_sums(seed: int, power: float) -> None:
    probabilities = np.random.default_rng(seed).dirichlet([0.5] * 4, 20)
    found = sharpen(probabilities, power)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-12)
    np.testing.assert_array_equal(found.argmax(1), probabilities.argmax(1))
    np.testing.assert_allclose(sharpen(found, 1 / power), probabilities, atol=1e-6)


def test_zeros_stay_finite() -> None:
    found = sharpen(np.array([[1.0, 0.0], [0.5, 0.5]]), 7.0)
    np.testing.assert_allclose(found, [[1, 0], [0.5, 0.5]], atol=1e-12)
    assert np.isfinite(best_power(np.array([[1.0, 0.0]] * 30), np.array([0, 1] * 15)))


def test_names_of_classes_and_many_rows_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    probabilities, _, labels = planted(4000)
    whole = best_power(probabilities, labels)
    order = np.array([2, 0, 1])
    assert best_power(probabilities[:, order], np.argsort(order)[labels]) == pytest.approx(whole, rel=0.02)
    monkeypatch.setattr(temperature, "ROWS", 2000)
    assert best_power(probabilities, labels) == pytest.approx(whole, rel=0.3)


def test_no_row_is_left_out_and_their_order_does_not_matter() -> None:
    probabilities, _, labels = planted(400)
    found = best_power(probabilities, labels)
    for order in (np.arange(400)[::-1], np.roll(np.arange(400), 1)):
        assert best_power(probabilities[order], labels[order]) == pytest.approx(found, rel=1e-6)
    for row in (0, 399):
        rest = np.arange(400) != row
        assert best_power(probabilities[rest], labels[rest]) != pytest.approx(found, rel=1e-6)
