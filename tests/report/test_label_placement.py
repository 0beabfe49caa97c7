"""Words on a chart: what overlaps is found by brute force."""

import itertools

import numpy as np

from mislabel.report.label_placement import place_boxes


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Area that two boxes (centre, size) share."""
    sides = [
        min(one[axis] + one[axis + 2] / 2, other[axis] + other[axis + 2] / 2)
        - max(one[axis] - one[axis + 2] / 2, other[axis] - other[axis + 2] / 2)
        for axis in (0, 1)
    ]
    return sides[0] * sides[1] if min(sides) > 0 else 0.0


def test_words_stay_inside_and_clear_of_each_other_and_of_what_is_there():
    random = np.random.default_rng(0)
    anchors, taken = random.random((9, 2)) * [400, 300], np.full((20, 4), 8.0)
    taken[:, :2] = random.random((20, 2)) * [400, 300]
    sizes = np.column_stack([np.linspace(20, 90, 9), np.full(9, 14.0)])
    places = place_boxes(anchors, sizes, taken, 400, 300)
    boxes = np.column_stack([places, sizes])
    assert all(overlap(one, other) == 0 for one, other in itertools.combinations([*boxes, *taken], 2) if one[2] > 8)
    assert (places - sizes / 2 >= -1e-9).all()
    assert (places + sizes / 2 <= np.array([400, 300]) + 1e-9).all()
    np.testing.assert_array_equal(place_boxes(anchors, sizes, taken, 400, 300), places)


def test_a_free_word_stands_right_above_its_point():
    found = place_boxes(np.array([[200.0, 100.0]]), np.array([[50.0, 14.0]]), np.empty((0, 4)), 400, 300)
    np.testing.assert_allclose(found, [[200, 100 + 7 + 3]])


def test_without_room_words_are_placed_all_the_same():
    found = place_boxes(np.full((30, 2), 15.0), np.full((30, 2), 20.0), np.array([[15.0, 15.0, 30.0, 30.0]]), 30, 30)
    assert found.shape == (30, 2)
    assert np.isfinite(found).all()
    wider = place_boxes(np.array([[5.0, 5.0]]), np.array([[80.0, 14.0]]), np.empty((0, 4)), 30, 30)
    np.testing.assert_allclose(wider[0, 0], 40)  # a word wider than the chart starts at its edge
