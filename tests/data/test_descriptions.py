"""Files and mappings of what classes mean: what is read, and what is said of a wrong one."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mislabel.data.descriptions import LARGEST, checked_descriptions, read_descriptions
from mislabel.errors import InputError

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "describe"


def written(folder, content):
    path = folder / "classes.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_sentence_or_several(tmp_path):
    path = written(
        tmp_path,
        'Sports = "games and teams"\n"Sci/Tech" = ["science", "computers"]\n"sci.space" = "rockets"\n1 = "one"\n'
        '"größer 大" = "ja"\n',
    )
    assert read_descriptions(path) == {
        "Sports": ["games and teams"], "Sci/Tech": ["science", "computers"], "sci.space": ["rockets"], "1": ["one"],
        "größer 大": ["ja"],
    }  # fmt: skip
    assert read_descriptions(str(written(tmp_path, b'\xef\xbb\xbfa = "with a byte order mark"'))) == {
        "a": ["with a byte order mark"]
    }


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not here")
def test_the_files_of_the_benchmarks():
    paths = sorted(SHARED.glob("*.toml"))
    assert paths
    for path in paths:
        assert read_descriptions(path) == tomllib.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["classes.toml describes no class", '"Sci/Tech" = ']),
        ("# nothing\n", ["describes no class"]),
        ("a = b", ["classes.toml is no TOML file", "such as"]),
        ('Sci/Tech = "x"', ["is no TOML file"]),
        ('a = "x"\na = "y"', ["is no TOML file"]),
        (b"\xff\xfe", ["is no TOML file"]),
        ("a = " + "[" * 5000, ["is no TOML file"]),
        ("a = " + "1" * 10_000, ["is no TOML file"]),
        ('a = ""', ["class 'a'", "an empty sentence was given"]),
        ('a = ["x", " \\t"]', ["class 'a'", "an empty sentence was given"]),
        ("a = []", ["class 'a'", "an empty list was given", "leave the class out"]),
        ("a = 3", ["class 'a'", "3 was given", "in quotes"]),
        ("a = true", ["class 'a'", "True was given"]),
        ("a = 2026-11-29", ["class 'a'", "was given"]),
        ('a = ["x", 3]', ["class 'a'", "3 was given"]),
        ('a = ["x", ["y"]]', ["class 'a'", "['y'] was given"]),
        ('sci.space = "x"', ["class 'sci'", '"sci.space" = "..."', "quotation marks"]),
        ('[News]\nSports = "x"', ["class 'News'", "a table was given"]),
        ('a = { b = "x" }', ["class 'a'", "a table was given"]),
        ('1 = "x"\n"1.0" = "y"', ["the class '1' twice"]),
        ("a" * 10_000 + " = 3", ["class 'aaa", "3 was given"]),
        ("a" * 10_000 + ".b = 3", ["class 'aaa", "quotation marks"]),
        ("a = [" + "1, " * 10_000 + "]", ["1 was given"]),
        (b'a = "' + b"x" * LARGEST + b'"', ["more than 1,000,000 bytes"]),
    ],
)
def test_what_is_said_of_a_wrong_file(tmp_path, content, words):
    with pytest.raises(InputError) as caught:
        read_descriptions(written(tmp_path, content))
    for word in words:
        assert word in str(caught.value)
    assert len(str(caught.value)) < 700


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(InputError, match=r"there is no file .*none\.toml of what classes mean"):
        read_descriptions(tmp_path / "none.toml")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read_descriptions(tmp_path)


def test_mappings():
    assert checked_descriptions({1.0: "one", 2: ("two", "zwei"), False: "no"}) == {
        "1": ["one"], "2": ["two", "zwei"], "False": ["no"],
    }  # fmt: skip
    assert checked_descriptions({"a": "\ud800"}) == {"a": ["\ufffd"]}
    with pytest.raises(InputError, match="describe is a list; needed is a mapping"):
        checked_descriptions(["a sentence"])
    with pytest.raises(InputError, match="describe describes no class"):
        checked_descriptions({})
    with pytest.raises(InputError, match="class 'a': None was given"):
        checked_descriptions({"a": None})


@given(
    st.dictionaries(st.text(max_size=5), st.text(min_size=1, max_size=8) | st.lists(st.text(max_size=8), max_size=3))
)
def test_what_is_checked_is_kept_and_stays(described):
    """Whatever passes is plain, and passes again unchanged."""
    try:
        checked = checked_descriptions(described)
    except InputError:
        return
    assert all(sentence.strip() for sentences in checked.values() for sentence in sentences)
    assert len(checked) == len(described)
    assert checked_descriptions(checked) == checked
