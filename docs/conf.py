"""How Sphinx makes a site of the pages that are read in the repository: `make docs`.

Its source folder is the repository, so that links between pages hold in both places.
"""

import re
from typing import Any

from mislabel import __version__

project, author, version = "mislabel", "The mislabel developers", __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "README"
PARTS = {
    "Begin": "start install reading faq glossary",
    "Labels and rows": "rules llm crowd sources texts images tables shards",
    "With what you have": "python cleanlab trainer adapters doors",
    "Look": "review review_rows review_map review_team annotators looks decisions",
    "Keep": "run_folder sharing trackers",
    "Understand": "choosing methods how_it_works evidence how_many_wrong gate balance trajectories scores",
    "Measure": "/RESULTS results sources_measured bench known_errors scale",
    "Look up": "commands api",
    "Trust and change": "reliability versions architecture mutants /CONTRIBUTING /MAINTAINING /SECURITY /CHANGELOG",
}
WHOLE_FOLDERS = {"Each method": "/docs/methods/*", "Tables": "/benchmarks/results/*"}
include_patterns = ["*.md", "docs/*.md", "docs/methods/*.md", "benchmarks/results/*.md"]
exclude_patterns = ["docs/README.md"]  # its list of pages is the navigation here

html_theme = "furo"
html_title = "mislabel"
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
pygments_style, pygments_dark_style = "friendly", "native"

myst_heading_anchors = 4
myst_links_external_new_tab = False
suppress_warnings = ["myst.header"]  # the tables of the bench begin at the level of their suite

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # they stand in the docstrings
napoleon_google_docstring = False
napoleon_use_ivar = True


def navigation() -> str:
    """The tables of contents, which the pages do not say themselves."""
    pages = {title: " ".join(map(address, names.split())) for title, names in PARTS.items()} | WHOLE_FOLDERS
    return "\n\n".join(
        f"```{{toctree}}\n:hidden:\n:glob:\n:caption: {title}\n\n{names.replace(' ', chr(10))}\n```"
        for title, names in pages.items()
    )


def address(name: str) -> str:
    return name if name.startswith("/") else f"/docs/{name}"


def read(app: Any, name: str, source: list[str]) -> None:
    """Give the first page its navigation, and let links to the list of pages lead there."""
    source[0] = re.sub(r"\]\((?:\.\./)?docs/README\.md\)|\]\(README\.md\)", "](/README.md)", source[0])
    if name == root_doc:
        source[0] += "\n\n" + navigation() + "\n"


def setup(app: Any) -> None:
    """What Sphinx calls."""
    app.connect("source-read", read)
