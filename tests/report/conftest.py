"""Run folders made by hand, and a reader of pages that knows nothing of how they are written."""

from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake_runs import write_fake_run

import mislabel.report

SCRIPT = (Path(mislabel.report.__file__).parent / "report.js").read_text(encoding="utf-8")
VOID = {"meta", "br", "hr", "img", "input", "link", "wbr"}


class Page(HTMLParser):
    """Elements with their attributes, all text outside of style, and the tables of each section as rows of cells."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.source = text
        self.elements: list[tuple[str, dict]] = []
        self.texts: list[str] = []
        self.tables: dict[str, list[list[list[str]]]] = {}
        self.open: list[str] = []
        self.scripts: list[str] = []
        self.section = ""
        self.feed(text)
        self.close()
        assert self.open == []  # every element is closed, in order

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section":
            self.section = dict(attrs)["id"]
        elif tag == "table":
            self.tables.setdefault(self.section, []).append([])
        elif tag == "tr":
            self.tables[self.section][-1].append([])
        elif tag in ("td", "th"):
            self.tables[self.section][-1][-1].append("")

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" in self.open:
            return
        if "script" in self.open:
            self.scripts.append(data)
            return
        self.texts.append(data)
        if "td" in self.open or "th" in self.open:
            self.tables[self.section][-1][-1][-1] += data

    @property
    def foreign_scripts(self) -> list[str]:
        """Scripts that are not the report's own; that one is in the page once at most, and has no attributes."""
        assert len(self.having("script")) == len(self.scripts) <= 1
        assert all(not attrs for attrs in self.having("script"))
        return [script for script in self.scripts if script != SCRIPT]

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())

    def rows(self, section: str, table: int = 0) -> list[list[str]]:
        """Body rows of a table, white space evened out."""
        return [[" ".join(cell.split()) for cell in row] for row in self.tables[section][table][1:]]

    def having(self, tag: str, **wanted: str) -> list[dict]:
        """Attributes of the elements of this kind that have these attributes."""
        found = [attrs for name, attrs in self.elements if name == tag]
        return [attrs for attrs in found if all(attrs.get(key.rstrip("_")) == value for key, value in wanted.items())]


@pytest.fixture
def make_run(tmp_path):
    """A function that writes a finished run; whatever it is not given has a plain value."""

    def make(table, classes, *, modality=None, name="run", config=None, **more):
        data, settings = {"name": "toy.csv", "modality": modality}, {"settings": {"method": "ido", "seed": 7}}
        config = settings | (config or {})
        return write_fake_run(tmp_path / name, pd.DataFrame(table), classes, data=data, config=config, **more)

    return make


@pytest.fixture
def small_table() -> pd.DataFrame:
    """Ten rows of three classes, worst first; two were not judged."""
    return pd.DataFrame(
        {
            "id": ["r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9"],
            "given_label": ["cat", "dog", "cat", "cow", "dog", "cat", "cat", "cow", "dog", "cow"],
            "suggested_label": ["dog", "cat", "dog", "cow", "dog", "cat", "cat", "cow", "dog", "dog"],
            "p_mislabeled": [0.97, 0.9, 0.8, 0.4, 0.3, 0.2, 0.1, 0.05, np.nan, np.nan],
            "difficulty": [0.5, 0.25, 0.0, 0.75, 0.5, 0.25, 0.0, 1.0, np.nan, np.nan],
            "status": ["judged"] * 8 + ["held_out", "empty_input"],
            "wrong_events": pd.array([4, 4, 3, 2, 1, 1, 0, 0, None, None], dtype="Int64"),
            "observations": pd.array([4] * 8 + [None, None], dtype="Int64"),
            "gold_label": ["dog", "cat", "cat", "cow", "dog", "cat", "cat", None, "dog", "cow"],
        }
    )


@pytest.fixture
def page():
    """`Page`, since tests do not import each other's modules."""
    return Page
