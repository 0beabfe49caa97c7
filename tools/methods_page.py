"""Write the page of methods from what they register: `python tools/methods_page.py`.

A test compares the two.
"""

from pathlib import Path

from mislabel.methods.registry import GROUPS, METHODS, OWN, SHARED

TARGET = Path(__file__).resolve().parents[1] / "docs" / "methods.md"
HEAD = """# Methods

<!-- Made by tools/methods_page.py from what the methods register: change that, then run it again. -->

Grouped by what the labels look like, as `mislabel methods` lists them; `mislabel methods NAME` lists the options of
one. The cost is that of the defaults, in multiples of plain training; where there are two, the first is that of texts,
the second that of images and features. Each name leads to the whole method, with its equations and what
differs from the paper. [evidence.md](evidence.md) says when `panel` is the one to take, and
[RESULTS.md](../RESULTS.md) what was measured.
"""


def methods_page() -> str:
    """The text of docs/methods.md."""
    return "\n".join([HEAD, *(table(group) for group in GROUPS if members(group))])


def members(group: str) -> list[str]:
    return [name for name in OWN if METHODS[name].group == group]


def table(group: str) -> str:
    """A heading, and a line for each method of the group."""
    lines = [f"## {GROUPS[group]}", "", "| method | take it when | cost | paper |", "|---|---|---|---|"]
    for name in members(group):
        entry = METHODS[name]
        link = f"[{name}](../src/mislabel/methods/{SHARED.get(name, name)}.py)"
        lines.append(f"| {link} | {entry.when} | {entry.describe_cost()} | {entry.paper} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    TARGET.write_text(methods_page(), encoding="utf-8")
