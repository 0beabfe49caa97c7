"""Figures that README and the page of results state are those of the tables that the bench writes."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TABLES = (ROOT / "benchmarks" / "results" / "tables.md").read_text(encoding="utf-8")
RESULTS = (ROOT / "RESULTS.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
HEADS, TRUE_SHARE = "Heads on a frozen encoder", "How true the stated share of wrong labels is"
ONE_LABEL, TRUSTED = "Systematic errors: one label a row", "Systematic errors: descriptions and trusted rows"
WHOLE, WHOLE_RULES = "Whole encoders", "Systematic errors: whole encoders"
ALL = ""  # the summary of a section, before its tables by data set


def table(text: str) -> dict[str, dict[str, str]]:
    """The first Markdown table of a text: cells by row and column."""
    first = text[text.index("\n| ") :].split("\n\n")[0].strip().splitlines()
    head, _, *rows = ([cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|")] for line in first)
    return {row[0]: dict(zip(head, row, strict=True)) for row in rows}


def figure(section: str, method: str, data: str = ALL, measure: str = "Test accuracy, %") -> str:
    """One mean of the bench, without its deviation."""
    part = TABLES.split(f"\n## {section}\n")[1].split("\n## ")[0]
    cells = table(part if data == ALL else part.split(f"**{measure}**")[1])[method]
    return cells[measure if data == ALL else data].split(" ")[0]


def lead() -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of the lead table, with the part they stand in."""
    part, lines = "", [line for line in RESULTS.splitlines() if line.startswith("| ")]
    head, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    for row in rows:
        if row[0].startswith("**"):
            part = row[0].strip("*")
            continue
        yield part, dict(zip(head, row, strict=True))


@pytest.mark.parametrize(
    ("part", "row"), list(lead()), ids=lambda value: value["data"] if isinstance(value, dict) else value
)
def test_rows_of_the_lead(part: str, row: dict[str, str]) -> None:
    plain = row["data"].split("-text")[0].split("-100")[0]
    if part == "whole encoders":
        with_it = WHOLE_RULES if plain.startswith("wrench") else WHOLE
        beside = with_it
    else:
        with_it, beside = TRUSTED if plain != row["data"] else ONE_LABEL, ONE_LABEL
    assert row["then"] == figure(with_it, row["take"], row["data"])
    assert row["plain"] == figure(beside, "ce", plain)
    if row["right labels"] != "-":
        assert row["right labels"] == figure(beside, "gold", plain)
    assert row["cost, x"] == figure(beside, row["take"], measure="x plain")


def one(pattern: str) -> str:
    """What a pattern finds in the part on the stated share."""
    found = re.search(pattern, TABLES.split(f"\n## {TRUE_SHARE}\n")[1])
    assert found is not None
    return found.group(1)


SAID = [
    ("it closes {} % of the gap", figure(ONE_LABEL, "panel", measure="gap closed %")),
    ("DyGen {} %, IDO", figure(ONE_LABEL, "dygen", measure="gap closed %")),
    ("IDO {} %, cleanlab", figure(ONE_LABEL, "ido", measure="gap closed %")),
    ("(prune and fit again) {} %", figure(ONE_LABEL, "cleanlab", measure="gap closed %")),
    ("`panel` from {} to", figure(ONE_LABEL, "panel", "wrench_trec")),
    ("to {}, a sentence", figure(TRUSTED, "panel", "wrench_trec-100")),
    ("each class to {}, both", figure(TRUSTED, "panel", "wrench_trec-text")),
    ("both to {}.", figure(TRUSTED, "panel", "wrench_trec-text-100")),
    ("`dygen`: {} on trec-asym", figure(ONE_LABEL, "dygen", "trec-asym")),
    ("`panel` has {}.", figure(ONE_LABEL, "panel", "trec-asym")),
    ("`ido` closes {} % of the gap", figure(WHOLE, "ido", measure="gap closed %")),
    ("`dygen` {} %, stopping", figure(WHOLE, "dygen", measure="gap closed %")),
    ("given labels {} %;", figure(WHOLE, "ce:stop=validation", measure="gap closed %")),
    ("any of them ({}) already", figure(WHOLE, "ce", "trec-asym")),
    ("the default, closes {} %, and", figure(WHOLE_RULES, "panel", measure="gap closed %")),
    ("below plain training ({} beside", figure(WHOLE_RULES, "ido", "wrench_semeval")),
    ("68.2 beside {} on", figure(WHOLE_RULES, "ce", "wrench_semeval")),
    ("wrench_chemprot, {} beside", figure(ONE_LABEL, "panel", "wrench_chemprot")),
    ("48.4 beside {}.", figure(ONE_LABEL, "ce", "wrench_chemprot")),
    ("the labels ({} beside", figure(ONE_LABEL, "ido", "wrench_trec")),
    ("beside {} on wrench_trec)", figure(ONE_LABEL, "ce", "wrench_trec")),
    ("right labels ({} beside", figure(ONE_LABEL, "ido", "trec-right")),
    ("89.2 beside {})", figure(ONE_LABEL, "ce", "trec-right")),
    ("AUROC of {} over", figure(ONE_LABEL, "dygen", measure="AUROC %")),
    ("`panel` with {} and", figure(ONE_LABEL, "panel", measure="AUROC %")),
    ("cleanlab with {}.", figure(ONE_LABEL, "cleanlab", measure="AUROC %")),
    ("the fastest, {} of the time", figure(ONE_LABEL, "cleanlab", measure="x plain")),
    ("close: {} beside", figure(ONE_LABEL, "cleanlab", "trec-sym")),
    ("beside {} on trec-sym", figure(ONE_LABEL, "panel", "trec-sym")),
    ("DyGen costs {} plain", figure(WHOLE, "dygen", measure="x plain")),
    ("of a head {} to", figure(ONE_LABEL, "dygen", measure="x plain")),
    ("to {}, where fitting", figure(HEADS, "dygen", measure="x plain")),
    ("the truth in {} % of draws", one(r"of all draws: ([\d.]+)")),
    ("false in {} runs", one(r"of runs: (\d+ of \d+)")),
]


def test_sentences_of_the_lead() -> None:
    prose = " ".join(line for line in RESULTS.split("## All tables")[0].splitlines() if not line.startswith("|"))
    prose, covered = re.sub(r"\s+", " ", prose), "the 3.9 that `mislabel methods` names"
    for words, value in SAID:
        assert words.format(value) in prose, words.format(value)
        covered += " " + words.format(value)
    assert set(re.findall(r"\d+\.\d+", prose)) <= set(re.findall(r"\d+\.\d+", covered)), "a figure that no test reads"


def share(kind: str, column: str) -> str:
    """A cell of the table on the stated share, by kind of labels."""
    return table(TABLES.split(f"\n## {TRUE_SHARE}\n")[1])[kind][column]


SAID_ON = {
    "README.md": [
        ("at {} plain trainings of a whole encoder", figure(WHOLE, "dygen", measure="x plain")),
        ("whole encoder, {} to", figure(ONE_LABEL, "dygen", measure="x plain")),
        ("to {} of a head", figure(HEADS, "dygen", measure="x plain")),
        ("({} of a plain training)", figure(ONE_LABEL, "cleanlab", measure="x plain")),
        ("stopping early closed {} %", figure(WHOLE, "ce:stop=validation", measure="gap closed %")),
        ("IDO {} % and DyGen", figure(WHOLE, "ido", measure="gap closed %")),
        ("DyGen {} % (three", figure(WHOLE, "dygen", measure="gap closed %")),
    ],
    "docs/rules.md": [
        ("plain training is right on {} %", figure(ONE_LABEL, "ce", "wrench_trec")),
        ("`panel` on {}, with", figure(ONE_LABEL, "panel", "wrench_trec")),
        ("for each class on {}, with", figure(TRUSTED, "panel", "wrench_trec-text")),
        ("beside it on {}.", figure(TRUSTED, "panel", "wrench_trec-text-100")),
        ("IDO is at {}, below", figure(ONE_LABEL, "ido", "wrench_trec")),
        ("(wrench_chemprot: {} beside", figure(ONE_LABEL, "panel", "wrench_chemprot")),
        ("beside {}) until", figure(ONE_LABEL, "ce", "wrench_chemprot")),
    ],
    "docs/reading.md": [
        ("rules wrote the labels ({}) or", share("rules", "ECE")),
        ("people did ({}).", share("crowd", "ECE")),
        ("calibration error {} with", share("sym-40", "ECE")),
        ("recalibrated**, and that is said: {} on", share("all", "after 100 checks")),
        ("before them {}.", share("all", "ECE")),
    ],
    "docs/looks.md": [
        ("the truth in {} % of draws", one(r"of all draws: ([\d.]+)")),
        ("after 50 it is {} points", share("all", "width, 50")),
        ("after 100 it is {}.", one(r"\| all \|(?: [\d.]+ \|){5} ([\d.]+)")),
    ],
    "docs/cleanlab.md": [
        ("in {} of the time", figure(ONE_LABEL, "cleanlab", measure="x plain")),
        ("fit is below plain training ({} beside", figure(ONE_LABEL, "cleanlab", "wrench_trec")),
        ("beside {} on wrench_trec)", figure(ONE_LABEL, "ce", "wrench_trec")),
        ("`panel` at {}.", figure(ONE_LABEL, "panel", "wrench_trec")),
    ],
    "docs/choosing.md": [
        ("goes from {} to", figure(ONE_LABEL, "ce", "trec-asym")),
        ("to {}. On labels", figure(WHOLE, "ce", "trec-asym")),
        ("`panel` {} (", figure(ONE_LABEL, "panel", measure="x plain")),
        ("({} for a whole encoder)", figure(WHOLE_RULES, "panel", measure="x plain")),
        ("`ido` {} (", figure(ONE_LABEL, "ido", measure="x plain")),
        ("({}), `dygen`", figure(WHOLE, "ido", measure="x plain")),
        ("`dygen` {} (", figure(ONE_LABEL, "dygen", measure="x plain")),
        ("5.5 ({}).", figure(WHOLE, "dygen", measure="x plain")),
        ("from {} to", figure(ONE_LABEL, "panel", "wrench_trec")),
        ("to {} where rules", figure(TRUSTED, "panel", "wrench_trec-100")),
    ],
}


@pytest.mark.parametrize("name", SAID_ON)
def test_sentences_of_other_pages(name: str) -> None:
    prose = re.sub(r"\s+", " ", (ROOT / name).read_text(encoding="utf-8"))
    for words, value in SAID_ON[name]:
        assert words.format(value) in prose, words.format(value)


def test_the_registered_cost_of_dygen_is_the_one_named() -> None:
    from mislabel.methods import METHODS

    assert METHODS["dygen"].describe_cost().startswith("3.9")


OF_README = {
    "right labels": (ONE_LABEL, "gold", ""),
    "plain training": (ONE_LABEL, "ce", ""),
    "cleanlab, prune and fit again": (ONE_LABEL, "cleanlab", ""),
    "IDO": (ONE_LABEL, "ido", ""),
    "DyGen": (ONE_LABEL, "dygen", ""),
    "panel": (ONE_LABEL, "panel", ""),
    "panel, 100 trusted labels": (TRUSTED, "panel", "-100"),
}


def test_the_table_of_readme() -> None:
    shown = table(README.split("## What it brings")[1])
    assert list(shown) == list(OF_README)
    for name, (section, method, end) in OF_README.items():
        for data, given in shown[name].items():
            if data != "method" and given != "-":
                assert given == figure(section, method, data + end), (name, data)


def test_rows_of_the_page_on_results() -> None:
    """They are copied from the tables."""
    part = (ROOT / "docs" / "results.md").read_text(encoding="utf-8").split("\n## ")[0]
    rows = [line for line in part.splitlines() if line.startswith("| ") and not line.startswith("| method")]
    assert len(rows) > 5
    assert [row for row in rows if row not in set(TABLES.splitlines())] == []
