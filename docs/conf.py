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
    "Use": "install texts adapters images tables python doors trainer sources llm review run_folder sharing trackers",
    "Understand": "how_it_works evidence how_many_wrong gate balance trajectories methods",
    "Measure": "results bench known_errors scale /RESULTS",
    "Look up": "commands api",
    "Trust and change": "reliability architecture mutants /CONTRIBUTING /SECURITY /CHANGELOG",
}
include_patterns = ["*.md", "docs/*.md", "benchmarks/results/*.md"]
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
    parts = ["```{toctree}\n:hidden:\n:glob:\n:caption: Tables\n\n/benchmarks/results/*\n```"]
    for title, names in PARTS.items():
        pages = "\n".join(name if name.startswith("/") else f"/docs/{name}" for name in names.split())
        parts.append(f"```{{toctree}}\n:hidden:\n:caption: {title}\n\n{pages}\n```")
    return "\n\n".join([*parts[1:], parts[0]])


def read(app: Any, name: str, source: list[str]) -> None:
    """Give the first page its navigation, and let links to the list of pages lead there."""
    source[0] = re.sub(r"\]\((?:\.\./)?docs/README\.md\)|\]\(README\.md\)", "](/README.md)", source[0])
    if name == root_doc:
        source[0] += "\n\n" + navigation() + "\n"


def setup(app: Any) -> None:
    """What Sphinx calls."""
    app.connect("source-read", read)
