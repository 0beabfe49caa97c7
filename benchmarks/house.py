"""The house in numbers: rooms, imports between them, the way of one row, tests, and what stands in two places.

    python benchmarks/house.py                    prints Markdown
    python benchmarks/house.py --out results.md   writes it

A room is a folder or a module directly below `src/mislabel`. The order below says who may know whom: a room knows those
before it. The way of a row is what `train --tune head`, its report included, and `export` call on 120 of the project's
messages: distinct files and functions of the package; what runs while a module is imported is left out. Duplicates are
runs of six lines that occur twice, without comments, docstrings and imports.
"""

import argparse
import ast
import csv
import io
import json
import os
import runpy
import subprocess
import sys
import tempfile
import threading
import tokenize
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median
from types import FrameType
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "src" / "mislabel"
MESSAGES = REPOSITORY / "examples" / "messages" / "messages.csv"

# Rooms that stand side by side, and know nothing of each other, are one entry.
ORDER = (
    "errors",
    "disk",
    "files settings terminal",
    "integrity",
    "tables",
    "data",
    "dynamics",
    "posterior",
    "training",
    "modalities",
    "noise",
    "methods",
    "decisions",
    "audit_plot",
    "audit",
    "run",
    "report review exchange",
    "ask",
    "estimators doors",
    "hf",
    "bench",
    "cli",
    "__main__",
)
FORMER_ORDER = (
    "errors",
    "files",
    "data",
    "backbones",
    "dynamics",
    "training",
    "posterior",
    "methods",
    "audit",
    "run",
    "review",
    "report",
    "estimators",
    "bench",
    "cli",
    "__main__",
)
ROOT = "__init__"  # the public names, which import when they are used: no room
RUN_OF_LINES = 6
PAGE_ENDINGS = (".js", ".css", ".html")


@dataclass(frozen=True)
class Import:
    """A module of the package names a module of another room; `lazy` inside a function."""

    module: str
    line: int
    source: str
    target: str
    lazy: bool


@dataclass(frozen=True)
class Module:
    name: str
    room: str
    lines: int
    imports: tuple[Import, ...]


# --- Rooms and their imports


def read_modules(package: Path = PACKAGE) -> list[Module]:
    """All Python files of the package, by name."""
    rooms = {path.stem for path in package.iterdir() if path.is_dir() or path.suffix == ".py"}
    modules = []
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).as_posix()
        text = path.read_text(encoding="utf-8")
        room = name.split("/")[0].removesuffix(".py")
        imports = tuple(_imports(ast.parse(text), name, room, rooms))
        modules.append(Module(name, room, text.count("\n"), imports))
    return modules


def _imports(tree: ast.Module, module: str, room: str, rooms: set[str]) -> Iterator[Import]:
    inside = ["mislabel", *module.split("/")[:-1]]  # the packages that relative imports count from

    def visit(node: ast.AST, lazy: bool) -> Iterator[Import]:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.orelse:
                yield from visit(child, lazy)
            return
        for target in _imported(node, inside):
            if target in rooms and target not in (room, ROOT):
                yield Import(module, getattr(node, "lineno", 0), room, target, lazy)
        function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, lazy or function)

    return visit(tree, lazy=False)


def _imported(node: ast.AST, inside: Sequence[str]) -> set[str]:
    """The rooms that a node imports, if it is an import, or `import_module` with a name that is written out."""
    names: list[str] = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parents = inside[: len(inside) - node.level + 1]
            base = ".".join([*parents, *([base] if base else [])])
        names = [f"{base}.{alias.name}" for alias in node.names]
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module") and node.args:
        name = node.args[0]
        names = [name.value] if isinstance(name, ast.Constant) and isinstance(name.value, str) else []
    return {name.split(".")[1] for name in names if name.startswith("mislabel.")}


def order_of(rooms: Iterable[str]) -> dict[str, int]:
    """The position of each room that the order names."""
    order = FORMER_ORDER if "backbones" in rooms else ORDER
    return {room: position for position, names in enumerate(order) for room in names.split()}


def unknown_rooms(modules: Iterable[Module]) -> list[str]:
    rooms = {module.room for module in modules}
    return sorted(rooms - order_of(rooms).keys() - {ROOT})


def backward_imports(modules: Sequence[Module]) -> list[Import]:
    """Imports of a later room, or of one that stands beside."""
    order = order_of({module.room for module in modules})
    return [
        each
        for module in modules
        for each in module.imports
        if each.source in order and each.target in order and order[each.target] >= order[each.source]
    ]


def recurring_names(modules: Iterable[Module], more_than: int = 1) -> dict[str, list[str]]:
    """File names that occur in more rooms than that, each with its rooms; `__init__.py` aside."""
    rooms = defaultdict(set)
    for module in modules:
        rooms[Path(module.name).name].add(module.room)
    del rooms[f"{ROOT}.py"]
    return {name: sorted(where) for name, where in sorted(rooms.items()) if len(where) > more_than}


# --- What stands in two places


def code_lines(text: str) -> list[tuple[int, str]]:
    """The lines of code with their numbers, stripped; without comments, docstrings, imports and lone brackets."""
    tree, skipped = ast.parse(text), set()
    for node in ast.walk(tree):
        string = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if string or isinstance(node, ast.Import | ast.ImportFrom):
            skipped.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    numbered = ((number, " ".join(line.split())) for number, line in enumerate(lines, 1) if number not in skipped)
    return [(number, line) for number, line in numbered if line.strip("()[]{},:") != ""]


def duplicates(package: Path = PACKAGE) -> dict[tuple[str, ...], list[str]]:
    """Runs of lines that occur in two places, each with its places as file:line."""
    places = defaultdict(list)
    for path in sorted(package.rglob("*.py")):
        lines = code_lines(path.read_text(encoding="utf-8"))
        for begin in range(len(lines) - RUN_OF_LINES + 1):
            run = tuple(line for _, line in lines[begin : begin + RUN_OF_LINES])
            places[run].append(f"{path.relative_to(package).as_posix()}:{lines[begin][0]}")
    return {run: at for run, at in places.items() if len(at) > 1}


# --- The way of a row


def trace(arguments: list[str], out: Path) -> None:
    """Run a command in this process, and write which functions of the package it called as [[file, function], ...]."""
    called: set[tuple[str, int, str]] = set()
    package = str(PACKAGE) + os.sep
    importing, begun = threading.local(), threading.Event()

    def profile(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event not in ("call", "return") or not code.co_filename.startswith(package):
            return
        if code.co_name == "<module>" and code.co_filename != f"{package}__main__.py":
            importing.depth = getattr(importing, "depth", 0) + (1 if event == "call" else -1)
        elif event == "call" and not getattr(importing, "depth", 0):
            if code.co_name == arguments[0].replace("-", "_"):
                begun.set()  # the command itself: its options are parsed, and reading comes next
            if begun.is_set():
                called.add((code.co_filename.removeprefix(package), code.co_firstlineno, code.co_qualname))

    sys.argv = ["mislabel", *arguments]
    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        runpy.run_module("mislabel", run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise
    finally:
        sys.setprofile(None)
        out.write_text(json.dumps(sorted(called)))


def ways_of_a_row() -> dict[str, list[list[Any]]]:
    """What `train --tune head` with its report and `export` call, by command."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with open(MESSAGES, newline="", encoding="utf-8") as file:
            lines = list(csv.reader(file))[:121]
        with open(folder / "messages.csv", "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(lines)
        columns = ["--text", "text", "--label", "label", "--gold", "gold", "--id", "id", "--split", "split"]
        train = ["train", "messages.csv", *columns, "--missing", "drop", "--tune", "head", "--device", "cpu"]
        environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent), "HF_HUB_OFFLINE": "1"}
        ways = {}
        for command in ([*train, "--out", "run"], ["export", "run", "-o", "corrected.csv"]):
            called = folder / f"{command[0]}.json"
            call = [sys.executable, __file__, "--trace", str(called), *command]
            subprocess.run(call, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
            ways[command[0]] = json.loads(called.read_text())
        return ways


# --- Markdown


def report() -> str:
    modules = read_modules()
    parts = [state(), rooms(modules), imports(modules), names(modules), row(), tests(modules), twice()]
    return "\n\n".join(["# The house in numbers", *parts]) + "\n"


def state() -> str:
    described = subprocess.run(
        ["git", "log", "-1", "--format=%h"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    return f"Commit {described.stdout.strip()}, {date.today().isoformat()}. By `python benchmarks/house.py`."


def table(header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def rooms(modules: Sequence[Module]) -> str:
    by_room = defaultdict(list)
    for module in modules:
        by_room[module.room].append(module)
    order = order_of(by_room)
    sizes: Callable[[str, Sequence[Module]], list[Any]] = lambda name, some: [
        name,
        len(some),
        sum(module.lines for module in some),
        round(median(module.lines for module in some)),
        "{0.lines} ({0.name})".format(max(some, key=lambda module: module.lines)),
    ]
    lines = [sizes(room, by_room[room]) for room in sorted(by_room, key=lambda room: order.get(room, -1))]
    page = [path for path in sorted(PACKAGE.rglob("*")) if path.suffix in PAGE_ENDINGS]
    pages = ", ".join(f"{path.name} {path.read_text(encoding='utf-8').count(chr(10)):,}" for path in page)
    text = table(["room", "files", "lines", "median", "largest"], [*lines, sizes("**all**", modules)])
    return f"## Rooms\n\n{text}\n\nLines of the pages: {pages}."


def imports(modules: Sequence[Module]) -> str:
    counted = Counter((each.source, each.target) for module in modules for each in module.imports)
    lazy = Counter((each.source, each.target) for module in modules for each in module.imports if each.lazy)
    order = order_of({module.room for module in modules})
    known = defaultdict(list)
    for source, target in sorted(counted, key=lambda pair: [order.get(room, -1) for room in pair]):
        inside = f" ({lazy[source, target]})" if lazy[source, target] else ""
        known[source].append(f"{target} {counted[source, target]}{inside}")
    lines = [
        "## Imports between rooms",
        "",
        "How often each room imports which; in brackets how many of them inside functions.",
        "",
        *(f"- **{source}** knows {', '.join(targets)}" for source, targets in known.items()),
        "",
    ]
    backward = backward_imports(modules)
    lines.append(f"Imports that run backwards: {len(backward)}.")
    lines += [f"- {each.module}:{each.line} imports {each.target}{' (lazily)' * each.lazy}" for each in backward]
    if unknown := unknown_rooms(modules):
        lines.append(f"Rooms without a place in the order: {', '.join(unknown)}.")
    return "\n".join(lines)


def names(modules: Sequence[Module]) -> str:
    recurring = recurring_names(modules)
    said = "; ".join(f"`{name}` in {', '.join(where)}" for name, where in recurring.items())
    return f"## Names\n\n{len(recurring)} file names occur in several rooms: {said or 'none'}."


def row() -> str:
    lines = []
    for command, called in ways_of_a_row().items():
        names = [name.split(".")[-1] for _, _, name in called]
        comprehensions = sum(name.startswith("<") and name != "<lambda>" for name in names)
        lines.append([f"`{command}`", len({file for file, *_ in called}), len(called) - comprehensions, len(called)])
    header = ["command", "files", "functions", "with comprehensions"]
    return f"## The way of a row\n\n{table(header, lines)}"


def tests(modules: Sequence[Module]) -> str:
    sources = sum(module.lines for module in modules)
    texts = [path.read_text(encoding="utf-8") for path in (REPOSITORY / "tests").rglob("*.py")]
    lines = sum(text.count("\n") for text in texts)
    functions = sum(line.lstrip().startswith("def test_") for text in texts for line in text.splitlines())
    return (
        f"## Tests\n\n{functions:,} test functions in {len(texts)} files with {lines:,} lines, "
        f"{lines / sources:.2f} for each of the {sources:,} lines of source."
    )


def twice() -> str:
    runs = duplicates()
    files = Counter(tuple(sorted({place.split(":")[0] for place in places})) for places in runs.values())
    lines = [f"- {' and '.join(f'`{file}`' for file in pair)}: {count}" for pair, count in files.most_common(15)]
    said = f"{len(runs)} runs of {RUN_OF_LINES} lines of code occur twice or more."
    return "\n".join(["## In two places", "", said, "", *lines]).rstrip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--trace", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.trace:
        trace(arguments.trace[1:], Path(arguments.trace[0]))
    elif arguments.out:
        arguments.out.write_text(report(), encoding="utf-8")
    else:
        print(report(), end="")


if __name__ == "__main__":
    main()
