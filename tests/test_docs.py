"""Every page of the documentation is in its index, and no link between files leads nowhere."""

import doctest
import re
import runpy
import sys
from pathlib import Path

import pytest

import mislabel

ROOT = Path(__file__).parents[1]
FRONT = ("README.md", "RESULTS.md", "CONTRIBUTING.md", "MAINTAINING.md", "SECURITY.md")
PAGES = [ROOT / name for name in FRONT] + sorted((ROOT / "docs").rglob("*.md"))
# What is looked up rather than read, or promised point by point, may be long.
REFERENCE = {"api.md", "commands.md", "scale.md", "SECURITY.md"}


def links(page: Path) -> list[str]:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"https?:|mailto:", target)]


def anchors(page: Path) -> set[str]:
    """Of the headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), link


def test_the_index_names_every_page():
    listed = {link.partition("#")[0] for link in links(ROOT / "docs" / "README.md")}
    assert {page.name for page in (ROOT / "docs").glob("*.md")} - listed == {"README.md"}


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in REFERENCE], ids=lambda page: page.name)
def test_pages_are_short(page):
    """Their prose; blocks and tables are looked at, not read."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    words = len(" ".join(line for line in text.splitlines() if not line.startswith("|")).split())
    assert words <= 900, f"{words} words: what is a page of its own?"


def test_the_page_of_commands_is_their_help():
    tool = runpy.run_path(str(ROOT / "tools" / "commands_page.py"))
    assert tool["TARGET"].read_text(encoding="utf-8") == tool["commands_page"](), "run: python tools/commands_page.py"


def test_every_public_name_is_looked_up_on_the_page_of_python():
    named = re.findall(r"\.\. auto\w+:: (\S+)", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"))
    assert set(mislabel.__all__) - {"__version__"} <= set(named)


def test_the_site_shows_every_page():
    parts = runpy.run_path(str(ROOT / "docs" / "conf.py"))["PARTS"]
    shown = {name for names in parts.values() for name in names.split()}
    assert {page.stem for page in (ROOT / "docs").glob("*.md")} - {"README"} == {
        name for name in shown if not name.startswith("/")
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(mislabel.__all__) - {"__version__"}))
def test_examples_in_docstrings_hold(name):
    module = sys.modules[getattr(mislabel, name).__module__]
    assert doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0
