"""Krippendorff's alpha of several sources, beside the package of that name."""

import krippendorff
import numpy as np
import pytest

from mislabel.data.label_sources import Sources
from mislabel.run.source_facts import alpha


@pytest.mark.parametrize("seed", range(6))
def test_alpha_is_that_of_the_package(seed):
    random = np.random.default_rng(seed)
    truth = random.integers(0, 4, 60)
    votes = np.where(random.random((60, 5)) < 0.4, random.integers(0, 4, (60, 5)), truth[:, None])
    votes[random.random((60, 5)) < 0.3] = -1
    sources = Sources([f"s{k}" for k in range(5)], votes, ["person"] * 5)
    table = np.where(votes.T < 0, np.nan, votes.T.astype(float))
    expected = krippendorff.alpha(reliability_data=table, level_of_measurement="nominal")
    assert alpha(sources, 4) == pytest.approx(expected, abs=1e-12)


def test_alpha_by_hand():
    """Two rows agree and one does not: 1 - 2 / (6 - (4 * 3 + 2 * 1) / 5)."""
    sources = Sources(["a", "b"], np.array([[0, 0], [0, 1], [1, 0]])[[0, 0, 1]], ["person"] * 2)
    of_class = np.array([5, 1])
    assert alpha(sources, 2) == pytest.approx(1 - 2 / (6 - (of_class * (of_class - 1)).sum() / 5))
