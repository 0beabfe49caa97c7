"""Two heaps of losses, so far apart that their own means and variances are the mixture."""

import numpy as np
import pytest
from scipy import stats

from mislabel.posterior.loss_mixture import FEWEST, lower_component, lower_component_of_class

LOW, HIGH = np.linspace(0, 0.12, 30), np.linspace(0.8, 1, 20)  # from 0 to 1, as the mixture wants them
REGULARISED = 5e-4  # added to each variance


def losses_and_order(seed=0):
    order = np.random.default_rng(seed).permutation(50)
    return np.concatenate([LOW, HIGH])[order], order


def test_of_two_heaps_by_bayes():
    losses, order = losses_and_order()
    joint = [len(heap) * stats.norm.pdf(losses, heap.mean(), np.sqrt(heap.var() + REGULARISED)) for heap in (LOW, HIGH)]
    found = lower_component(losses)
    np.testing.assert_allclose(np.log(found), np.log(joint[0] / (joint[0] + joint[1])), rtol=1e-3, atol=1e-9)
    np.testing.assert_array_equal(found > 0.5, order < 30)


@pytest.mark.parametrize(("factor", "shift"), [(1e3, 0), (1e-3, -7), (np.float32(5), np.float32(2))])
def test_units_and_origin_do_not_matter(factor, shift):
    losses, _ = losses_and_order()
    np.testing.assert_allclose(lower_component(losses * factor + shift), lower_component(losses), atol=1e-5)


@pytest.mark.parametrize("losses", [[], [0.3], [0.3] * 20])
def test_where_all_losses_are_equal_all_are_low(losses):
    assert lower_component(np.array(losses)).tolist() == [1.0] * len(losses)


def test_losses_of_no_clear_shape_are_told_without_a_warning():
    """Ten iterations do not converge on them; the answer is the same every time."""
    losses = np.random.default_rng(0).gamma(1.0, size=500)
    found = lower_component(losses)
    assert ((found >= 0) & (found <= 1)).all()
    np.testing.assert_array_equal(found, lower_component(losses))


def test_each_class_has_a_mixture_of_its_own_and_small_ones_are_whole():
    """What is low in one class is high in the other; one mixture for both would call a whole class wrong."""
    losses, order = losses_and_order()
    few = np.append(np.full(FEWEST - 1, 0.1), 9.0)
    given = np.repeat([3, 4, 0, 1], [50, 50, FEWEST, FEWEST - 1])
    found = lower_component_of_class(np.concatenate([losses, losses + 1, few, few[1:]]), given)
    for begin in (0, 50):
        np.testing.assert_allclose(found[begin : begin + 50], lower_component(losses), atol=1e-9)
        np.testing.assert_array_equal(found[begin : begin + 50] > 0.5, order < 30)
    assert found[100 : 100 + FEWEST].tolist() == [1.0] * (FEWEST - 1) + [0.0]
    assert found[100 + FEWEST :].tolist() == [1.0] * (FEWEST - 1)
