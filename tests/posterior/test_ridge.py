"""Ridge regression on a frozen space: against scikit-learn, and against n fits that each leave a row out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from mislabel.posterior import ridge
from mislabel.posterior.ridge import Space, fit, leave_one_out, predict


def made(seed, n=24, d=4, classes=3):
    """Points away from the origin, soft targets and weights of which some are 0."""
    random = np.random.default_rng(seed)
    points = (random.normal(size=(n, d)) + 3).astype(np.float32)
    targets = random.dirichlet(np.ones(classes), n)
    weights = random.exponential(size=n) * (random.random(n) > 0.2)
    return Space(points), targets, weights


def by_least_squares(space, targets, weights, strength):
    """B, whose last row is the constant, by least squares with rows for the ridge."""
    rows = np.hstack([space.points - space.points.mean(0, dtype=np.float64), np.ones((len(space), 1))])
    width = rows.shape[1]
    left = np.vstack([np.sqrt(weights)[:, None] * rows, np.sqrt(strength) * np.eye(width)])
    right = np.vstack([np.sqrt(weights)[:, None] * targets, np.zeros((width, targets.shape[1]))])
    return rows, np.linalg.lstsq(left, right, rcond=None)[0]


@pytest.mark.parametrize("at_once", [7, 8, 1000])
def test_fit_is_least_squares_whatever_a_chunk_holds(at_once, monkeypatch):
    monkeypatch.setattr(ridge, "ROWS_AT_ONCE", at_once)
    space, targets, weights = made(0)
    coefficients, factor = fit(space, targets, weights, 0.7)
    rows, wanted = by_least_squares(space, targets, weights, 0.7)
    np.testing.assert_allclose(coefficients, wanted, atol=1e-5)
    gram = rows.T @ (weights[:, None] * rows) + 0.7 * np.eye(5)
    np.testing.assert_allclose(factor @ factor.T, gram, rtol=1e-5, atol=1e-4)
    assert (np.triu(factor, 1) == 0).all()


def test_fit_is_scikit_learns():
    space, targets, weights = made(1)
    coefficients, _ = fit(space, targets, weights, 0.3)
    rows = np.hstack([space.points - space.points.mean(0), np.ones((len(space), 1))])
    wanted = Ridge(alpha=0.3, fit_intercept=False).fit(rows, targets, sample_weight=weights)
    np.testing.assert_allclose(coefficients, wanted.coef_.T, atol=1e-5)
    new = np.random.default_rng(5).normal(size=(6, 4)) + 3
    of_new = wanted.predict(np.hstack([new - space.points.mean(0), np.ones((6, 1))]))
    np.testing.assert_allclose(predict(space, coefficients, new), of_new, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([(24, 4), (5, 12), (2, 1)]), st.sampled_from([0.05, 1.0, 30.0]))
def test_leave_one_out_is_n_fits_that_each_leave_a_row_out(seed, shape, strength):
    """What float32 rounds off grows by 1 / (1 - leverage), up to the leverage that counts as one."""
    space, targets, weights = made(seed, *shape)
    found = leave_one_out(space, targets, weights, strength)
    for row in range(len(space)):
        without = weights.copy()
        without[row] = 0
        rows, coefficients = by_least_squares(space, targets, without, strength)
        of_others = rows.T @ (without[:, None] * rows) + strength * np.eye(rows.shape[1])
        times = 1 + weights[row] * rows[row] @ np.linalg.solve(of_others, rows[row])  # 1 / (1 - leverage)
        if times < 1 / (1 - ridge.LARGEST_LEVERAGE):
            np.testing.assert_allclose(found[row], rows[row] @ coefficients, atol=1e-4 * times)


def test_a_row_of_weight_0_is_predicted_as_new():
    space, targets, weights = made(2)
    weights[3] = 0
    other = targets.copy()
    other[3] = [1, 0, 0]
    found = leave_one_out(space, targets, weights, 1.0)
    np.testing.assert_array_equal(found, leave_one_out(space, other, weights, 1.0))
    np.testing.assert_allclose(found[3], predict(space, fit(space, targets, weights, 1.0)[0], space.points[3:4])[0])


def test_what_a_row_is_told_does_not_move_with_its_own_target():
    """In float32, up to the leverage that counts as one."""
    space, targets, weights = made(3)
    weights[0] = 1000.0
    other = targets.copy()
    other[0] = np.roll(targets[0], 1)
    found, again = (leave_one_out(space, each, weights, 1.0)[0] for each in (targets, other))
    np.testing.assert_allclose(found, again, atol=2e-3)


def test_rows_sum_to_about_one_and_points_may_be_constant():
    random = np.random.default_rng(4)
    targets = random.dirichlet(np.ones(3), 500)
    for points in (random.normal(size=(500, 3)), np.full((500, 3), 0.1), np.zeros((500, 3))):
        found = leave_one_out(Space(points.astype(np.float32)), targets, np.ones(500), 1.0)
        np.testing.assert_allclose(found.sum(1), 1, atol=0.05)


def test_some_rows_of_a_space_lie_about_their_own_mean():
    space, *_ = made(6)
    part = space.take(np.array([1, 5, 9]))
    np.testing.assert_allclose(part.rows(0, 3)[:, :-1].mean(0), 0, atol=1e-6)
    np.testing.assert_array_equal(part.rows(0, 3)[:, -1], 1)
    assert len(part) == 3


def test_one_far_row_that_weighs_much_breaks_nothing():
    """A row alone in its class, and as far away as a mean square distance of 1 allows."""
    n, d = 20_000, 384
    points = np.random.default_rng(0).normal(size=(n, d)).astype(np.float32) * 1e-3
    points[0] = np.sqrt(n / d)
    weights = np.ones(n)
    weights[0] = n / 2
    targets = np.eye(2)[(np.arange(n) == 0).astype(int)]
    found = leave_one_out(Space(points), targets, weights, 1.0)
    assert np.isfinite(found).all()
    assert found[1:, 0].min() > 0.5


def test_of_very_many_rows_some_are_fitted_to_and_the_others_told_by_them(monkeypatch):
    random = np.random.default_rng(0)
    points, weights = random.normal(size=(400, 3)).astype(np.float32), random.uniform(0.5, 2, 400)
    targets = np.eye(2)[(points[:, 0] + random.normal(size=400) > 0).astype(int)]
    monkeypatch.setattr(ridge, "FITTED", 150)
    space = Space(points)
    result = leave_one_out(space, targets, weights, 1.0)
    fitted = space.fitted
    assert len(fitted) == 150
    for row in range(400):  # by a fit to the rows that are fitted to, without the row where it is one of them
        rows = fitted[fitted != row]
        design = np.column_stack([points[rows] - points.mean(0), np.ones(len(rows))]).astype(np.float64)
        weighted = design * weights[rows, None]
        fit = np.linalg.solve(weighted.T @ design + np.eye(4), weighted.T @ targets[rows])
        expected = np.append(points[row] - points.mean(0), 1) @ fit
        np.testing.assert_allclose(result[row], expected, atol=2e-5)
