"""Rows computed when they are read: against the same in memory, and what the evidence makes of either."""

import numpy as np
import pytest

from mislabel.files import write_array
from mislabel.posterior import derived as module
from mislabel.posterior import spaces
from mislabel.posterior.derived import Derived, by_part, column_means, crossed, derived, one_hot
from mislabel.posterior.frozen_space import frozen_space
from mislabel.posterior.judge import Trusted, judge
from mislabel.posterior.moments import mean_and_deviation
from mislabel.posterior.nearest import nearest_voters


@pytest.fixture
def few_rows_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MANY", 10)
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 37)


def drawn(n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    true = random.integers(0, 3, n)
    points = (np.eye(3, 6)[true] * 2 + random.normal(size=(n, 6))).astype(np.float32)
    return points, np.where(random.random(n) < 0.2, random.integers(0, 3, n), true)


def test_few_rows_are_an_array_and_many_are_read_when_asked_for(few_rows_are_many: None) -> None:
    points, _ = drawn()
    order = np.random.default_rng(1).permutation(300)
    twice = derived(derived(points, lambda rows: rows + 1, 6, order), lambda rows: rows * 2, 6)
    assert isinstance(twice, Derived)
    expected = (points[order] + 1) * 2
    np.testing.assert_array_equal(np.asarray(twice), expected)
    np.testing.assert_array_equal(twice[7:50], expected[7:50])
    np.testing.assert_array_equal(twice[np.array([5, 2, 2])], expected[[5, 2, 2]])
    assert isinstance(derived(points[:9], lambda rows: rows, 6), np.ndarray)


def test_sums_and_products_are_those_of_arrays(few_rows_are_many: None) -> None:
    points, codes = drawn()
    lazy, labels = derived(points, lambda rows: rows, 6), one_hot(codes, 3)
    np.testing.assert_allclose(column_means(lazy), points.mean(0, dtype=np.float64))
    for got, expected in zip(mean_and_deviation(lazy), (points.mean(0), points.std(0)), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5)
    np.testing.assert_allclose(crossed(points, labels), points.T.astype(np.float64) @ np.eye(3)[codes], rtol=1e-5)
    squares = by_part(lambda some, of: np.square(some).sum(1) + of, points, codes)
    np.testing.assert_allclose(squares, np.square(points).sum(1) + codes, rtol=1e-6)
    assert squares.dtype == np.float32


@pytest.mark.parametrize("curved", [False, True])
def test_evidence_by_parts_is_that_of_arrays(curved: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    points, given = drawn()
    if curved:
        points = np.column_stack([points, np.square(points[:, :1] - points[:, 1:2])]).astype(np.float32)
    monkeypatch.setattr(spaces, "MANY", 10)  # the narrow space of many rows, for both
    whole = frozen_space(points, given, 3)
    trusted = Trusted(np.arange(0, 300, 10), given[::10])
    judged = judge([whole.fit.posterior, whole.plain], whole.space.points, given, trusted, [1.0, 0.0])
    monkeypatch.setattr(module, "MANY", 10)
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 37)
    parts = frozen_space(derived(points, lambda rows: rows, points.shape[1]), given, 3)
    again = judge([parts.fit.posterior, parts.plain], parts.space.points, given, trusted, [1.0, 0.0])
    assert isinstance(parts.space.points, Derived)
    assert parts.fit.posterior.dtype == np.float32
    assert parts.explained == pytest.approx(whole.explained, abs=1e-4)
    for name in ("posterior", "classifier"):
        np.testing.assert_allclose(getattr(parts.fit, name), getattr(whole.fit, name), atol=1e-4)
    np.testing.assert_allclose(parts.plain, whole.plain, atol=1e-4)
    np.testing.assert_allclose(again.posterior, judged.posterior, atol=2e-3)


def test_neighbours_of_rows_that_are_read_when_asked_for(few_rows_are_many: None) -> None:
    points, _ = drawn()
    everyone = np.ones(300, dtype=bool)
    found, expected = (
        nearest_voters(derived(points, lambda rows: rows, 6), everyone, 5),
        nearest_voters(points, everyone, 5),
    )
    np.testing.assert_array_equal(np.sort(found.near), np.sort(expected.near))


def test_a_file_of_rows_that_are_read_when_asked_for_is_that_of_an_array(few_rows_are_many: None, tmp_path) -> None:
    points, _ = drawn()
    write_array(derived(points, lambda rows: rows.astype(np.float16), 6), tmp_path / "parts.npy")
    np.save(tmp_path / "whole.npy", points.astype(np.float16))
    assert (tmp_path / "parts.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()
