"""What is printed shows hidden characters by their numbers, whoever prints it and whatever the stream can encode."""

import json
import subprocess
import sys
import unicodedata

import pytest

from mislabel.terminal import answer, one_line, tell, visible

HARMLESS = "plain text, é, ß, 日本, العربية, 👍🏽, café, 1\u00a02, a\tb"


def test_what_can_be_seen_stays():
    assert visible(HARMLESS) == HARMLESS
    assert visible("two\nlines") == "two\nlines"


def test_every_control_and_format_character_is_shown_by_its_number():
    """By the categories of Unicode: control, format, surrogate, separators of lines and paragraphs."""
    kept = {"\n", "\t", *(chr(code) for code in (*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2))}  # seen
    for code in range(0x110000):
        character = chr(code)
        if unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp") or character in kept:
            continue
        if 0x110BD <= code <= 0x1D17A:  # signs of scripts and of music notation
            continue
        shown = visible(f"a{character}b")
        assert shown.isascii(), hex(code)
        assert shown.startswith("a\\")
        assert json.loads(f'"{shown}"') == f"a{character}b"


def test_json_stays_the_same_json():
    value = {"a\x1b]0;title\x07": ["\u202e\u200b", "\ud800", "\U000e0041", "\x7f\x85", "x\r\ny"]}
    for ascii in (True, False):
        text = json.dumps(value, ensure_ascii=ascii, indent=1)
        assert json.loads(visible(text)) == value


def test_one_line():
    assert one_line("a\tb\r\nc\x1b") == "a\\tb\\r\\nc\\u001b"


def test_further_lines_are_indented(capsys):
    tell("error: first\nnote: forged\n  ours")
    answer(["one\nanother", "", "two"])
    said = capsys.readouterr()
    assert said.err == "error: first\n  note: forged\n  ours\n"
    assert said.out == "one\n  another\n\ntwo\n"


SCRIPT = """
import logging, sys, warnings
from rich.console import Console
from mislabel.terminal import drawing_on, guard_streams

guard_streams()
print("printed", sys.argv[1], "\\x1b[31m \\ud800")
warnings.warn("warned \\x1b]0;t\\x07")
logging.getLogger("any").warning("logged \\u202e")
sys.stderr.write("\\rbar")
Console(file=drawing_on(sys.stdout), force_terminal=True, color_system="standard").print("[red]drawn[/red]")
raise ValueError("raised \\x9b2J")
"""


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_whoever_prints_and_whatever_the_stream_can_encode(encoding, environment):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "日é"], env=environment | {"PYTHONIOENCODING": encoding}, capture_output=True
    )
    out, err = done.stdout.decode(encoding), done.stderr.decode(encoding)
    first, drawn = out.splitlines()
    shown = {"ascii": "\\u65e5\\u00e9", "cp1252": "\\u65e5é", "utf-8": "日é"}[encoding]
    assert first == f"printed {shown} \\u001b[31m \\ud800"
    assert "\x1b[31mdrawn" in drawn  # what rich draws is its own
    assert "\x1b" not in err
    for words in ("warned \\u001b]0;t\\u0007", "logged \\u202e", "\rbar", "raised \\u009b2J"):
        assert words in err
