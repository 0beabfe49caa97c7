"""A suite's section of a Markdown file: written by the command, never by hand."""

import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mislabel.bench.aggregation import Key
from mislabel.bench.results_log import Book
from mislabel.bench.runner import Outcome
from mislabel.bench.specs import all_methods, read_specs
from mislabel.bench.suites import Suite
from mislabel.bench.tables import PLOT, TABLE
from mislabel.errors import InputError
from mislabel.files import atomic_write

HEAD = """\
# Results

Written by `mislabel bench SUITE --results FILE`, section by section; not to be edited by hand.
"""


def write_results(suite: Suite, outcome: Outcome, out: Path, path: Path) -> None:
    """Put the section of this suite into a Markdown file, in the place of the old one or at the end.

    The rest of the file stays as it is. The plot goes beside it, as FILE-SUITE.svg.

    Raises
    ------
    InputError
        If the file has only one of the two marks between which the section stands.
    """
    text = path.read_text(encoding="utf-8") if path.is_file() else HEAD
    begin, end = f"<!-- bench {suite.name} -->", f"<!-- /bench {suite.name} -->"
    if (text.count(begin), text.count(end)) not in ((0, 0), (1, 1)) or text.find(end) < text.find(begin):
        raise InputError(f"{path} does not have {begin} and {end} once each, in this order: mend it, or take both out")
    plot = f"{path.stem}-{suite.name}.svg"
    part = f"{begin}\n{section(suite, outcome, out, plot)}\n{end}"
    if begin in text:
        text = text[: text.index(begin)] + part + text[text.index(end) + len(end) :]
    else:
        text = f"{text.rstrip()}\n\n{part}\n"
    if (out / PLOT).is_file():
        atomic_write(path.parent / plot, (out / PLOT).read_bytes())
    atomic_write(path, text)


def section(suite: Suite, outcome: Outcome, out: Path, plot: str) -> str:
    """Machine, versions, command, tables, the plot by its name, what failed and what was not run."""
    starts = Book(out).read_about()["starts"]
    last = starts[-1]
    machine, versions = last["machine"], last["versions"]
    parts = [f"## {suite.title}", " ".join(suite.notes.split())]
    commands = list(dict.fromkeys(without_paths(start["command"]) for start in starts))
    work = sum(line.get("seconds_wall", 0.0) for line in outcome.lines)
    about = [
        f"Command: {', then '.join(f'`{command}`' for command in commands)}",
        f"Date: {datetime.now(UTC):%Y-%m-%d}; all cells together took {duration(work)}",
        f"Machine: {machine['processor']}, {machine['cores']} cores, {machine['threads']} threads, "
        f"{machine['memory_gb']} GB, {machine['system']}" + (f", {machine['gpu']}" if "gpu" in machine else ""),
        "Versions: " + ", ".join(f"{name} {number}" for name, number in versions.items()),
        f"Settings of all cells: {settings(suite)}",
    ]
    machines = {str(start["machine"]) for start in starts}
    if len(machines) > 1:
        about.append(f"Run on {len(machines)} kinds of machine (the last is named): compare seconds with care")
    parts.append("\n".join(f"- {item}" for item in about))
    parts.append((out / TABLE).read_text(encoding="utf-8").strip())
    if (out / PLOT).is_file():
        parts.append(f"![Accuracy against seconds]({plot})")
    parts.append(listed("Failed", [f"{_name(line)}: {line['error']}" for line in outcome.failed]))
    parts.append(listed("Not run", not_run(suite, outcome)))
    return "\n\n".join(parts)


def not_run(suite: Suite, outcome: Outcome) -> list[str]:
    """Cells that the suite or the command asks for and that have no line, together where a whole method is missing."""
    wanted = dict.fromkeys([*suite_cells(suite), *outcome.asked])
    known = {(line["data"], line["seed"], line["method"]) for line in outcome.lines}
    missing: dict[str, list[Key]] = {}
    for key in wanted:
        if key not in known:
            missing.setdefault(key[2], []).append(key)
    lines = []
    for method, keys in missing.items():
        if len(keys) == sum(key[2] == method for key in wanted):
            lines.append(f"{method}: nothing")
            continue
        seeds: dict[str, list[int]] = {}
        for data, seed, _ in keys:
            seeds.setdefault(data, []).append(seed)
        lines.append(
            f"{method}: " + "; ".join(f"{data}, seed {', '.join(map(str, numbers))}" for data, numbers in seeds.items())
        )
    return lines


def suite_cells(suite: Suite) -> list[Key]:
    """What the suite file asks for, and every method there is."""
    specs = read_specs([*suite.methods, *all_methods()])
    return [(source.name, seed, spec.text) for seed in range(suite.seeds) for source in suite.data for spec in specs]


def settings(suite: Suite) -> str:
    shared = ", ".join(f"{name} {value}" for name, value in suite.run.items()) or "the defaults"
    own = [f"{source.name}: {name} {value}" for source in suite.data for name, value in source.run.items()]
    return shared + (f" ({'; '.join(own)})" if own else "")


def without_paths(command: str) -> str:
    """The command without the folders and addresses of one machine: the last part of an absolute path stays."""
    words, hidden = [], False
    for word in shlex.split(command):
        option, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
        if hidden or (equals and option == "--address"):
            value = "ADDRESS"
        elif value.startswith("~") or Path(value).is_absolute():
            value = Path(value).name
        hidden = word == "--address"
        words.append(f"{option}{equals}{value}")
    return shlex.join(words)


def duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def listed(title: str, items: list[str]) -> str:
    return f"**{title}**: none" if not items else f"**{title}**\n\n" + "\n".join(f"- {item}" for item in items)


def _name(line: dict[str, Any]) -> str:
    return f"{line['data']}, {line['method']}, seed {line['seed']}"
