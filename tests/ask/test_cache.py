"""Answers on disk: found by model and prompt, kept through kills, of one owner, and never over another file."""

import os
import sqlite3
import stat
from contextlib import closing

import pytest

from mislabel.ask.cache import Cache, peek
from mislabel.ask.replies import Reply
from mislabel.errors import RunError

BEE = Reply("B", "B", {"A": 0.25, "B": 0.75}, 10, 2)


def test_answers_are_found_by_model_and_prompt(tmp_path):
    path = tmp_path / "answers.sqlite"
    replies = {
        f"prompt {k}": Reply(f"said {k}\ud800".encode("utf-8", "replace").decode(), None, {}) for k in range(1200)
    }
    with closing(Cache(path)) as cache:
        for prompt, reply in replies.items():
            cache.add("tiny", prompt, reply)
        cache.add("tiny", "bee", BEE)
        cache.add("large", "bee", Reply("A", "A", {}))
    with closing(Cache(path)) as cache:
        assert cache.known("tiny", [*replies, "bee", "none"]) == {**replies, "bee": BEE}
        assert cache.known("large", ["bee"])["bee"].key == "A"
        assert cache.known("other", ["bee"]) == {}
    assert peek(path, "tiny", ["bee", "none"]) == {"bee": BEE}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_answer_with_half_a_surrogate_pair_is_kept(tmp_path):
    with closing(Cache(tmp_path / "a")) as cache:
        cache.add("m", "p", Reply("a\ud800b", None, {}))
        assert cache.known("m", ["p"])["p"].said == "a?b"


def test_an_answer_is_there_when_the_process_dies(tmp_path):
    child = os.fork()
    if child == 0:
        Cache(tmp_path / "a").add("m", "p", BEE)
        os._exit(0)
    os.waitpid(child, 0)
    assert peek(tmp_path / "a", "m", ["p"]) == {"p": BEE}


def test_to_look_makes_no_file(tmp_path):
    assert peek(tmp_path / "a", "m", ["p"]) == {}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"text,label\na,b\n" * 100, None])
def test_another_file_is_left_as_it_is(content, tmp_path):
    path = tmp_path / "data"
    if content is None:
        with closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TABLE answers (a)")
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(RunError, match="cannot be used.*another --cache"):
        Cache(path)
    with pytest.raises(RunError, match="cannot be used"):
        peek(path, "m", ["p"])
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_written(tmp_path):
    with pytest.raises(RunError, match="cannot be used"):
        Cache(tmp_path / "missing" / "a")
