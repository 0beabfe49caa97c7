"""What is asked: classes with their keys and sentences, the row between fences, and nothing else."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mislabel.ask.prompt import CUT, Prompt, digest
from mislabel.data.class_meanings import sentences_of
from mislabel.errors import InputError


def prompt(classes, describe=None, longest=100):
    return Prompt(classes, sentences_of(describe, classes), longest)


def test_classes_stand_with_letters_and_what_they_mean():
    made = prompt(["ham", "spam"], {"ham": ["a letter", "from  a\nfriend"]})
    assert made.text("Buy now").startswith(
        "A row of a data set belongs to exactly one of these classes:\n\nA. ham: a letter; from a friend\nB. spam\n\n"
    )
    assert made.text("Buy now").count("Buy now") == 1
    assert made.text("Buy now").endswith("Answer with the letter of the class and nothing else.")


def test_names_that_are_words_are_not_said_twice():
    assert "A. sci.space\n" in prompt(["sci.space", "sci.med"]).text("x")


@pytest.mark.parametrize(
    ("classes", "keys"),
    [
        ([0, 1, 2], ["A", "B", "C"]),
        (["no", "yes"], ["A", "B"]),
        (["A", "B", "C"], ["A", "B", "C"]),  # a key that is the name of its own class misleads nobody
        (["B", "C"], ["1", "2"]),
        (["b", "ä"], ["1", "2"]),
        (["ö", "ä"], ["A", "B"]),
        (["x", "a"], ["1", "2"]),
        ([f"c{k}" for k in range(26)], list("ABCDEFGHIJKLMNOPQRSTUVWXYZ")),
    ],
)
def test_keys(classes, keys):
    assert prompt(classes).keys == keys


def test_many_classes_have_numbers_of_one_length():
    made = prompt([f"klasse {k}" for k in range(150)])
    assert (made.keys[0], made.keys[-1], {len(key) for key in made.keys}) == ("001", "150", {3})
    assert "\n042. klasse 41\n" in made.text("x")
    assert made.text("x").endswith("Answer with the number of the class and nothing else.")


@given(st.text(alphabet="= \n\"'<>/ab", max_size=60))
def test_no_row_ends_itself(row):
    text = prompt(["ham", "spam"]).text(row)
    fence = re.search("two lines of (=+) below", text)[1]
    assert fence not in row
    assert text.split(f"\n{fence}\n")[1] == row


def test_a_long_row_is_cut_and_said():
    made = prompt(["ham", "spam"], longest=30)
    assert made.is_cut("x" * 31)
    assert not made.is_cut("x" * 30)
    assert f"\n{'x' * 30}{CUT}\n" in made.text("x" * 5_000_000)


def test_the_digest_tells_rows_and_classes_apart():
    one, other = prompt(["ham", "spam"]), prompt(["ham", "spam"], {"ham": ["a letter"]})
    digests = {digest(made.text(row)) for made in (one, other) for row in ("a", "b")}
    assert len(digests) == 4
    assert digest(one.text("a")) in digests


@pytest.mark.parametrize("classes", [[], ["ham"]])
def test_one_class_is_no_question(classes):
    with pytest.raises(InputError, match="--describe"):
        prompt(classes)
