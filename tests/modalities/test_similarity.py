"""Cosines against one row and one sentence at a time."""

import numpy as np
import pytest

from mislabel.modalities import similarity
from mislabel.modalities.similarity import cosines


def unit(count, dimension=7, seed=0):
    rows = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("chosen", [None, np.array([4, 0, 9, 4]), np.array([], dtype=np.int64)])
def test_cosines_one_by_one(chosen, monkeypatch):
    monkeypatch.setattr(similarity, "ROWS_AT_ONCE", 3)
    rows, sentences = unit(10), unit(3, seed=1)
    found = cosines(rows, sentences, chosen)
    taken = range(10) if chosen is None else chosen.tolist()
    assert found.shape == (len(taken), 3)
    assert found.dtype == np.float32
    for line, row in zip(found, taken, strict=True):
        wanted = [sum(float(a) * float(b) for a, b in zip(rows[row], sentence, strict=True)) for sentence in sentences]
        np.testing.assert_allclose(line, wanted, atol=1e-6)
