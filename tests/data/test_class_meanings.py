"""What classes mean: whose sentence is whose, and which names are words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mislabel.data.class_meanings import class_words, sentences_of
from mislabel.errors import InputError


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Sports", "sports"),
        ("Cause-Effect(e1,e2)", "cause effect"),
        ("sci.space", "sci space"),
        ("talk.politics.mideast", "talk politics mideast"),
        ("Sci/Tech", "sci tech"),
        ("billing_question", "billing question"),
        ("SportsNews", "sports news"),
        ("HTTPServer", "http server"),
        ("old PCs", "old pcs"),
        ("Part of", "part of"),
        ("children's books", "children's books"),
        ("'quoted'", "quoted"),
        ("SPORTS", "sports"),  # six capitals
        ("US politics", "us politics"),
        ("level 3", "level"),
        ("Überweisung", "überweisung"),
        ("体育", "体育"),
        ("खेल", "खेल"),  # vowels are marks on letters
        ("спорт/новости", "спорт новости"),
        ("DESC", None),
        ("SPORT", None),  # five: a price of the rule
        ("ABBR:exp1", None),
        ("NOT", None),
        ("C12", None),
        ("x", None),
        ("a b c", None),
        ("e1,e2", None),
        ("3", None),
        ("2026-11-29", None),
        ("", None),
        ("-/-", None),
        (3, None),
        (True, None),
        (2.5, None),
        (None, None),
    ],
)
def test_words_in_a_name(name, words):
    assert class_words(name) == words


@given(st.text(max_size=30))
def test_words_are_plain(name):
    words = class_words(name)
    if words is not None:
        assert not any(map(str.isdigit, words))
        assert "  " not in words
        assert words.strip() == words != ""


def test_names_stand_for_classes_where_all_are_words():
    found = sentences_of(None, ["World", "Sci/Tech", "Cause-Effect(e1,e2)"])
    assert found.sentences == {0: ["world"], 1: ["sci tech"], 2: ["cause effect"]}
    assert (found.source, found.notes) == ("names", [])


@pytest.mark.parametrize(
    "classes",
    [
        ["World", "DESC"],
        [0, 1],
        [True, False],
        ["World"],
        [],
        ["digit 0", "digit 1"],  # what tells them apart is no word
        ["Cause-Effect(e1,e2)", "Cause-Effect(e2,e1)"],
        ["sci.space", "Sci/Space", "other"],
    ],
)
def test_otherwise_none_does(classes):
    found = sentences_of(None, classes)
    assert (found.sentences, found.source, found.notes) == ({}, None, [])


def test_sentences_go_to_their_classes():
    found = sentences_of({"Sports": ["games"], "World": ["politics", "wars"]}, ["World", "Sports"])
    assert found.sentences == {0: ["politics", "wars"], 1: ["games"]}
    assert (found.source, found.notes) == ("descriptions", [])


def test_classes_are_found_by_their_text():
    assert sentences_of({"1": ["one"], "2": ["two"]}, [2, 1]).sentences == {0: ["two"], 1: ["one"]}
    assert sentences_of({"3": ["three"]}, ["3.0", "x"]).sentences == {0: ["three"]}
    assert sentences_of({"1": ["text"]}, [1, "1"]).sentences == {1: ["text"]}
    assert sentences_of({"True": ["yes"]}, [False, True]).sentences == {1: ["yes"]}


def test_classes_without_a_sentence_are_left_out_and_said():
    found = sentences_of({"b": ["the second"]}, ["a", "b", "c"])
    assert found.sentences == {1: ["the second"]}
    assert found.notes == ["Classes without a description, of which it is not known what they mean: 2; 'a', 'c'."]


def test_what_is_described_must_be_a_class():
    with pytest.raises(InputError) as caught:
        sentences_of({"World": ["x"], "Sprots": ["y"]}, ["World", "Sports"])
    assert "1 of the 2 described classes are no classes of the data, such as 'Sprots'" in str(caught.value)
    assert 'did you mean "Sports"' in str(caught.value)
