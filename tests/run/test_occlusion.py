"""Words that speak for a label: pieces that make the text again, and weights that a model of known words shows."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mislabel.run.occlusion import MOST_PARTS, word_spans, word_weights

ODDS = {"good": 1.5, "bad": -2.0, "so": 0.25}


def ask(texts):
    """A model of two classes whose log odds are the sum of what its words say."""
    odds = np.array([sum(ODDS.get(word, 0) for word in text.split()) for text in texts])
    return np.column_stack([1 / (1 + np.exp(-odds)), 1 / (1 + np.exp(odds))])


def test_each_word_weighs_what_it_adds():
    parts = word_weights("so good\n and  bad", ask, 0, 1)
    assert [part.text for part in parts] == ["so", " ", "good", "\n ", "and", "  ", "bad"]
    weights = [0.25, None, 1.5, None, 0, None, -2.0]
    assert [part.weight for part in parts] == [each if each is None else pytest.approx(each) for each in weights]
    other_way = word_weights("so good\n and  bad", ask, 1, 0)
    assert [part.weight and -part.weight for part in other_way] == pytest.approx([part.weight for part in parts])
    alone = word_weights("so good\n and  bad", ask, 0, None)  # over all other classes: here there is one
    assert [part.weight for part in alone] == pytest.approx([part.weight for part in parts])


def test_a_model_that_is_sure_gives_numbers():
    parts = word_weights("yes no", lambda texts: np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]), 0, 1)
    assert all(part.weight is None or math.isfinite(part.weight) for part in parts)
    assert parts[0].weight > 20


@given(st.text(max_size=300))
def test_the_pieces_are_the_text(text):
    parts = word_weights(text, lambda texts: np.full((len(texts), 2), 0.5), 0, 1)
    assert "".join(part.text for part in parts) == text
    assert sum(part.weight is not None for part in parts) <= MOST_PARTS
    assert all(part.weight is None or part.text.strip() for part in parts)


def test_long_texts_are_told_by_runs_of_words_of_one_length():
    spans = word_spans(" ".join(f"w{k}" for k in range(1000)))
    assert len(spans) == MOST_PARTS
    assert word_spans("很好 good") == [(0, 1), (1, 2), (3, 7)]
    assert word_spans(" \n ") == []
