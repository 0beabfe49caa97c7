"""What each kind of evidence says of a row, in words."""

import numpy as np
import pytest
from fake_runs import some_rows

from mislabel.review.explanations import reasons
from mislabel.run.audit_file import LABELS
from mislabel.run.opinions import KIND_OF, KINDS, agreement, chance, opinion_sentences


def test_each_opinion_says_its_class_and_what_it_gives_the_given_label():
    """Row 0 was given "a"."""
    rows = some_rows(
        [1, 2], transition_label=[1, 0], transition_p_given=[0.042, 0.917], zero_shot_label=[1, -1],
        zero_shot_p_given=[0.0001, np.nan], neighbours_label=[0, 1],
    )  # fmt: skip
    assert opinion_sentences(rows, 0) == [
        "By rows like it, and by which classes are mistaken for which, it is most likely “b”; its given label gets 4%.",
        "Of what the classes mean, it is nearest to “b”; its given label gets less than 1%.",
        "Its nearest neighbours speak for “a”, as given.",
    ]
    assert opinion_sentences(rows, 1) == [
        "By rows like it, and by which classes are mistaken for which, it is most likely “a”, as given (92%).",
        "Its nearest neighbours speak for “b”.",
    ]
    assert (agreement(rows, 0, 1), agreement(rows, 0, 0), agreement(rows, 1, 0)) == ((2, 3), (1, 3), (1, 2))


def test_a_run_without_evidence_says_nothing():
    rows = some_rows([1], wrong_events=[3], neighbour_label=[1])
    assert opinion_sentences(rows, 0) == []
    assert agreement(rows, 0, 0) == (0, 0)


def test_the_page_tells_opinions_before_what_training_showed():
    rows = some_rows([1], plain_label=[0], plain_p_given=[0.6], wrong_events=[3], observations=[4])
    assert reasons(rows, 0) == [
        "A simple classifier, taught by the other rows' labels as they are, says “a”, as given (60%).",
        "In 3 of 4 passes of training the network predicted another class.",
    ]


def test_a_long_name_of_a_class_is_cut():
    rows = some_rows([1], plain_label=[1])
    rows.classes[1] = "x" * 10_000
    (said,) = opinion_sentences(rows, 0)
    assert len(said) < 200
    assert "x…”" in said


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (0.0, "less than 1%"),
        (0.004, "less than 1%"),
        (0.005, "1%"),
        (0.5, "50%"),
        (0.994, "99%"),
        (1.0, "more than 99%"),
    ],
)
def test_no_opinion_is_sure(probability, words):
    assert chance(probability) == words


def test_kinds_are_told_apart_and_their_columns_are_read():
    for part in ("name", "title", "meaning", "says"):
        assert len({getattr(kind, part) for kind in KINDS}) == len(KINDS) == len(KIND_OF)
    assert all(kind.says.count("{}") == 1 for kind in KINDS)
    assert {f"{kind.name}_label" for kind in KINDS} <= set(LABELS)
