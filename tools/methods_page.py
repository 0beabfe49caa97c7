"""Write the pages of methods and scores from what they register and say: `python tools/methods_page.py`.

A test compares the two.
"""

import inspect
import re
from importlib import import_module
from pathlib import Path

from mislabel.methods.registry import GROUPS, METHODS, OWN, SHARED
from mislabel.posterior.detection import SCORES
from mislabel.settings import declarations

DOCS = Path(__file__).resolve().parents[1] / "docs"
MADE = "<!-- Made by tools/methods_page.py: change the code that it tells of, then run that again. -->"
HEAD = f"""# Methods

{MADE}

Grouped by what the labels look like, as `mislabel methods` lists them; `mislabel methods NAME` lists the options of
one. The cost is that of the defaults, in passes of plain training; where there are two, the first is that of texts,
the second that of images and features. Each name leads to its page, with equations, options and what
differs from the paper. [Choosing a method](choosing.md) says which to take, and [RESULTS.md](../RESULTS.md) what was
measured.
"""
SCORES_HEAD = f"""# Scores

{MADE}

`--score NAME` orders the rows of a run by a published score in place of the method's P(wrong); `mislabel methods
--scores` lists them. The audit gets a column `score`, higher = more likely wrong; it is an order and no probability.
With gold labels both orders are scored. "Passes" are what every run records, "space" is a trajectory or embeddings,
and "embeddings" are those from before training. To add one: [CONTRIBUTING](../CONTRIBUTING.md).

| score | what it is | tells of | needs | paper |
|---|---|---|---|---|
"""


def pages() -> dict[str, str]:
    """Every page that this tool writes, by its path under docs/."""
    return {
        "methods.md": "\n".join([HEAD, *(table(group) for group in GROUPS if members(group))]),
        "scores.md": SCORES_HEAD + "".join(score_line(name) for name in SCORES),
        **{f"methods/{name}.md": method_page(name) for name in OWN},
    }


def members(group: str) -> list[str]:
    return [name for name in OWN if METHODS[name].group == group]


def table(group: str) -> str:
    """A heading, and a line for each method of the group."""
    lines = [f"## {GROUPS[group]}", "", "| method | take it when | cost | paper |", "|---|---|---|---|"]
    for name in members(group):
        entry = METHODS[name]
        lines.append(f"| [{name}](methods/{name}.md) | {entry.when} | {entry.describe_cost()} | {entry.paper} |")
    return "\n".join([*lines, ""])


def score_line(name: str) -> str:
    score = SCORES[name]
    first = (inspect.getdoc(score.function) or "").split("\n\n")[0]
    return f"| `{name}` | {cell(first)} | {score.when} | {score.needs} | {score.paper} |\n"


def method_page(name: str) -> str:
    """When to take it, its options, and the docstring of its module."""
    entry, source = METHODS[name], SHARED.get(name, name)
    title, _, rest = (import_module(f"mislabel.methods.{source}").__doc__ or "").strip().partition("\n\n")
    parts = [
        f"# {name}",
        MADE,
        f"*{' '.join(title.split())}*",
        f"- Take it when {entry.when}.\n- Cost: {entry.describe_cost()} plain training, in passes.\n"
        f"- Paper: {entry.paper}.\n- Code: [{source}.py](../../src/mislabel/methods/{source}.py).",
        f"```\nmislabel train DATA --text text --label label --method {name} --out RUN\n```",
        "## How it works",
        *map(markdown, re.split(r"\n{2,}", rest)),
        "## Options",
        option_table(entry.make),
    ]
    return "\n\n".join(parts).replace("```\n\n```text\n", "\n") + "\n"


def option_table(kind: type) -> str:
    """`--option NAME=VALUE`, of which a method may have none."""
    lines = ["| `--option` | values | default | what it does |", "|---|---|---|---|"]
    for name, known in declarations(kind).items():
        lines.append(f"| `{name}` | {known.allowed} | {known.shown_default} | {cell(known.setting.help)} |")
    return "\n".join(lines) if len(lines) > 2 else "None."


def markdown(block: str) -> str:
    """A paragraph, equations or a table of a docstring, in Markdown."""
    lines = block.strip("\n").splitlines()
    if all(line.startswith("    ") for line in lines):
        return "```text\n" + "\n".join(line[4:] for line in lines) + "\n```"
    if not lines[0].startswith("==="):
        return "\n".join(lines)
    width = re.match(r"=+\s+", lines[0])
    assert width is not None, block
    rows = [(line[: width.end()].strip(), line[width.end() :].strip()) for line in lines if not line.startswith("===")]
    first, *others = (f"| {cell(left)} | {cell(right)} |" for left, right in rows)
    return "\n".join([first, "|---|---|", *others])


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    (DOCS / "methods").mkdir(exist_ok=True)
    for path, text in pages().items():
        (DOCS / path).write_text(text, encoding="utf-8")
