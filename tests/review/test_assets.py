"""The page's files: what the server gives out is what the page loads, and its modules need each other in no circle."""

import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra `review` is not installed")

import mislabel.review
from mislabel.review.page_files import read_assets

PAGE = Path(mislabel.review.__file__).parent / "page"
IMPORT = re.compile(r"^(?:import|export) [^;]*?from '\./([\w-]+\.js)';", re.MULTILINE)


def imports():
    """Of every module, those that it imports."""
    return {path.name: IMPORT.findall(path.read_text(encoding="utf-8")) for path in PAGE.glob("*.js")}


def test_the_modules_are_what_the_page_loads_and_none_needs_itself():
    needed = imports()
    order = list(TopologicalSorter(needed).static_order())  # raises where there is a circle
    assert set(order) == set(needed), "a module that is not there"
    assert order[-1] == "start.js"
    loaded, waiting = set(), ["start.js"]
    while waiting:
        name = waiting.pop()
        if name not in loaded:
            loaded.add(name)
            waiting += needed[name]
    assert loaded == set(needed), "a module that nobody imports"


def test_files_come_as_they_are_with_their_media_types():
    assets = read_assets()
    assert set(assets) == {"", "page.css", "icon.svg", *imports()}
    assert assets[""] == ((PAGE / "page.html").read_bytes(), "text/html; charset=utf-8")
    assert assets["icon.svg"] == ((PAGE / "icon.svg").read_bytes(), "image/svg+xml")
    assert {kind for name, (_, kind) in assets.items() if name.endswith(".js")} == {"text/javascript; charset=utf-8"}
    linked = re.findall(r'(?:src|href)="([^"#]+)"', assets[""][0].decode())
    assert sorted(linked) == ["icon.svg", "page.css", "start.js"]


def test_modules_are_short():
    assert [path.name for path in PAGE.glob("*.js") if len(path.read_text(encoding="utf-8").splitlines()) > 250] == []
