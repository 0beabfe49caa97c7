"""What counts as an answer, and what the probabilities of tokens come to."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mislabel.ask.replies import BadReply, key_shares, named_key, read_reply

NAN = float("nan")
KEYS, NAMES = list("ABCDEFGHI"), ["ant", "bee", "cow", "dog", "eel", "fox", "gnu", "hen", "ibis of the Nile"]


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("B", "B"), ("b", "B"), (" B.\n", "B"), ("**B**", "B"), ("(B)", "B"), ('"B"', "B"),
        ('{"answer": "B"}', "B"), ('{"class":"bee"}', "B"), ('```json\n{"answer": "B"}\n```', "B"),
        ("bee", "B"), ("Bee!", "B"), ("B. bee", "B"), ("B) Bee.", "B"), ("I: ibis of the Nile", "I"),
        ("Answer: B", "B"), ("The correct answer is B.", "B"), ("Class: bee", "B"),
        ("<think>A or B? An ant, A.</think>\n\nB", "B"),
        ("", None), ("I cannot say", None), ("I'm sorry, I cannot help with that.", None), ("As a model", None),
        ("B. cow", None), ("A or B", None), ("K", None), ("bees", None), ("null", None), ("42", None), ("1.5", None),
        ("[1, 2]", None), ('{"answer": null}', None), ('{"answer": ["B"]}', None),
        ('{"answer": "B", "why": "C"}', None),
        ('{"answer": "K"}', None), ("[" * 100_000, None), ("{" * 50, None), ("<think>B", None), ("Answer: " * 30, None),
        (" " * 1_000_000 + "x B", None), ("x" + " " * 1_000_000 + "B", None),
    ],
)  # fmt: skip
def test_what_names_a_class(said, key):
    assert named_key(said, KEYS, NAMES) == key


@pytest.mark.parametrize(
    ("said", "key"),
    [("007", "007"), ("7", "007"), ('{"answer": 7}', "007"), ("0007", None), ("151", None), ("²", None)],
)
def test_numbers_name_classes_with_or_without_zeros(said, key):
    keys = [str(k).zfill(3) for k in range(1, 151)]
    assert named_key(said, keys, [f"c{k}" for k in range(1, 151)]) == key


@given(st.text())
def test_nothing_that_is_said_fails(said):
    assert named_key(said, KEYS, NAMES) in [None, *KEYS]


def body(content, **choice):
    return json.dumps({"choices": [{"message": {"content": content}, **choice}]}).encode()


def test_a_reply_without_probabilities():
    reply = read_reply(body("B"), KEYS, NAMES)
    assert (reply.said, reply.key, reply.shares, reply.tokens_in) == ("B", "B", {}, 0)
    assert read_reply(body(None), KEYS, NAMES).key is None
    assert read_reply(body([{"type": "text", "text": "B"}]), KEYS, NAMES).key == "B"


@pytest.mark.parametrize(
    "content",
    [
        b"", b"<html><body>502</body></html>", b"{", b"null", b"[]", b"{}", b'"B"', b'{"choices": []}',
        b'{"choices": 3}',
        b'{"choices": [{"message": {"content": 3}}]}', b'{"choices": [null]}', b'{"choices": [{"message": null}]}',
        b'{"error": {"message": "out of memory"}}', b"\xff\xfe", b"[" * 100_000,
        b'{"choices": [{"message": {"content": [1]}}]}',
    ],
)  # fmt: skip
def test_what_is_no_answer_of_the_protocol(content):
    with pytest.raises(BadReply, match="no chat completion"):
        read_reply(content, KEYS, NAMES)


def token(text, **tops):
    named = [{"token": name, "logprob": math.log(share)} for name, share in tops.items()]
    return {"token": text, "logprob": named[0]["logprob"] if named else 0.0, "top_logprobs": named}


def test_shares_are_those_of_the_keys_that_were_seen():
    place = {"token": "B", "logprob": math.log(0.5), "top_logprobs": [
        {"token": "B", "logprob": math.log(0.5)}, {"token": " B", "logprob": math.log(0.1)},
        {"token": '"A', "logprob": math.log(0.2)}, {"token": "I'm", "logprob": math.log(0.15)},
        {"token": "C", "logprob": -9999.0},
    ]}  # fmt: skip
    shares = key_shares({"content": [place]}, "B", "B", KEYS)
    assert shares == pytest.approx({"A": 0.2 / 0.8, "B": 0.6 / 0.8})


def test_the_place_is_that_of_the_answer_not_of_a_thought():
    """A server may give the tokens of thoughts that are not in the content."""
    thought = [token("A", A=0.9, B=0.1), token(" cat"), token("</think>")]
    answer = [token('{"answer": "'), token("A", A=0.3, B=0.7), token('"}')]
    assert key_shares({"content": [*thought, *answer]}, '{"answer": "A"}', "A", KEYS)["A"] == pytest.approx(0.3)
    inside = "A cat</think>A"
    told = {"content": [*thought, token("A", A=0.3, B=0.7)]}
    assert key_shares(told, inside, "A", KEYS)["A"] == pytest.approx(0.3)


@pytest.mark.parametrize(
    "logprobs",
    [
        None, [], {}, "x", 3, {"content": None}, {"content": []}, {"content": [None]}, {"content": [{"token": "B"}]},
        {"content": [{"token": "B", "logprob": -1, "top_logprobs": []}]},
        {"content": [{"token": "B", "logprob": "x", "top_logprobs": [{"token": "B", "logprob": "y"}]}]},
        {"content": [{"token": "B", "logprob": 0, "top_logprobs": [{"token": ["B"], "logprob": 0}]}]},
        {"content": [{"token": "B", "logprob": NAN, "top_logprobs": [{"token": "B", "logprob": NAN}]}]},
        {"content": [{"token": "0", "logprob": 0, "top_logprobs": [{"token": "0", "logprob": 0}]}]},
    ],
)  # fmt: skip
def test_probabilities_that_are_none_tell_nothing(logprobs):
    assert key_shares(logprobs, "B", "B", KEYS) == {}


def test_a_token_that_only_begins_a_key_tells_nothing():
    keys = ["001", "002", "010"]
    assert key_shares({"content": [token("0"), token("0"), token("1")]}, "001", "001", keys) == {}
    assert key_shares({"content": [token("001", **{"001": 0.6, "00": 0.2, "010": 0.2})]}, "001", "001", keys) == {
        "001": pytest.approx(0.75), "010": pytest.approx(0.25)
    }  # fmt: skip
