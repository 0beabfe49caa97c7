"""The house holds together: imports go one way, what reads and reviews runs needs no torch, files stay small."""

import ast
import importlib.util
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from statistics import median
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
RUNS_THE_MODEL = {"mislabel.review.stability"}  # asks the network, and is imported where a person chooses that order

IMPORT_WITHOUT_TRAINING = """
import sys
from importlib import import_module

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "transformers", "accelerate") or name == "safetensors.torch":
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
for name in sys.argv[1:]:
    import_module(name)
"""

MODALITY_NAMES = {"text", "image", "features"}
KNOW_MODALITIES = ("modalities/", "estimators/")


def load_house() -> ModuleType:
    spec = importlib.util.spec_from_file_location("house", REPOSITORY / "benchmarks" / "house.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["house"] = module  # where dataclasses look their module up
    spec.loader.exec_module(module)
    return module


house = load_house()
MODULES = house.read_modules()


def module_names(room: str) -> list[str]:
    """The dotted names of all modules of a room."""
    paths = [module.name.removesuffix(".py").removesuffix("/__init__") for module in MODULES if module.room == room]
    return [f"mislabel.{path.replace('/', '.')}" for path in paths]


def import_without_training(names: list[str]) -> str:
    """What Python says when it imports the modules in a new process where torch and its like are missing."""
    command = [sys.executable, "-c", IMPORT_WITHOUT_TRAINING, *names]
    return subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY / "src").stderr


@pytest.mark.slow
@pytest.mark.parametrize("room", ["tables", "data", "decisions", "report", "review", "exchange", "cli"])
def test_a_room_imports_without_torch(room):
    names = module_names(room)
    assert names
    assert import_without_training(sorted(set(names) - RUNS_THE_MODEL)) == ""


def test_a_run_is_read_without_torch():
    assert import_without_training(["mislabel.run.reading"]) == ""


def test_no_import_between_rooms_runs_backwards():
    assert house.unknown_rooms(MODULES) == []
    assert house.backward_imports(MODULES) == []


def test_what_needs_torch_is_told_where_torch_is_missing():
    assert "torch is blocked" in import_without_training(["mislabel.training.loop"])


def test_files_are_small():
    assert [module.name for module in MODULES if module.lines > 500] == []
    pages = [path for path in house.PACKAGE.rglob("*") if path.suffix in house.PAGE_ENDINGS]
    assert [path.name for path in pages if len(path.read_text(encoding="utf-8").splitlines()) > 500] == []
    assert median(module.lines for module in MODULES) < 130


def test_a_file_name_says_where_it_is():
    assert house.recurring_names(MODULES, more_than=3) == {}


def literals(side: ast.expr) -> set[object]:
    """The constants that one side of a comparison is made of: one, or those in a tuple, list, set or keys of a dict."""
    parts = side.elts if isinstance(side, ast.Tuple | ast.List | ast.Set) else [side]
    parts = side.keys if isinstance(side, ast.Dict) else parts
    return {part.value for part in parts if isinstance(part, ast.Constant)}


def sides(node: ast.AST) -> list[tuple[ast.expr, set[object]]]:
    """What a comparison or a match looks at, each with the constants that it is held against."""
    if isinstance(node, ast.Match):
        patterns = [part for case in node.cases for part in ast.walk(case.pattern)]
        return [(node.subject, {value for part in patterns if isinstance(part, ast.MatchValue)
                                for value in literals(part.value)})]  # fmt: skip
    if not isinstance(node, ast.Compare):
        return []
    pairs = list(pairwise([node.left, *node.comparators]))
    return [(one, literals(other)) for left, right in pairs for one, other in ((left, right), (right, left))]


def asked_names(source: str) -> list[int]:
    """The lines where something called modality or kind is compared with the name of a modality of ours."""
    return [
        side.lineno
        for node in ast.walk(ast.parse(source))
        for side, constants in sides(node)
        if constants & MODALITY_NAMES and re.search("modality|modalities|kind", ast.unparse(side), re.IGNORECASE)
    ]


def test_nobody_asks_a_modality_for_its_name():
    """What differs between modalities is asked of the `Modality` object, so that one of somebody else works as ours.

    Only the room of the modalities itself, and the estimators, of which each is for one, may compare with the names
    "text", "image" and "features".
    """
    files = [path for path in house.PACKAGE.rglob("*.py")
             if not path.relative_to(house.PACKAGE).as_posix().startswith(KNOW_MODALITIES)]  # fmt: skip
    assert len(files) > 100
    places = {str(path): asked_names(path.read_text(encoding="utf-8")) for path in files}
    assert {name: lines for name, lines in places.items() if lines} == {}


# --- The measures themselves, on a house of three rooms


@pytest.fixture
def package(tmp_path):
    files = {
        "__init__.py": "",
        "tables/__init__.py": "from mislabel.tables import csv\n",
        "tables/csv.py": "import os\n",
        "data/__init__.py": "",
        "data/labels.py": (
            "from typing import TYPE_CHECKING\n"
            "from mislabel import tables\n"
            "from ..tables.csv import read\n"
            "if TYPE_CHECKING:\n"
            "    from mislabel.cli import main\n"
        ),
        "cli/__init__.py": "def main():\n    from mislabel.data.labels import read\n    import mislabel.tables.csv\n",
        "data/rows.py": "def rows():\n    from importlib import import_module\n    import_module('mislabel.cli')\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_imports_between_rooms_are_those_that_stand_there(package):
    modules = house.read_modules(package)
    imports = {(each.module, each.line, each.target, each.lazy) for module in modules for each in module.imports}
    assert imports == {
        ("data/labels.py", 2, "tables", False),
        ("data/labels.py", 3, "tables", False),
        ("data/rows.py", 3, "cli", True),
        ("cli/__init__.py", 2, "data", True),
        ("cli/__init__.py", 3, "tables", True),
    }
    assert [each.module for each in house.backward_imports(modules)] == ["data/rows.py"]


def test_rooms_that_stand_side_by_side_do_not_know_each_other(package):
    for room, text in {"report": "import mislabel.review\n", "review": "import mislabel.tables\n", "attic": ""}.items():
        (package / f"{room}.py").write_text(text)
    modules = house.read_modules(package)
    backward = [(each.source, each.target) for each in house.backward_imports(modules)]
    assert sorted(backward) == [("data", "cli"), ("report", "review")]
    assert house.unknown_rooms(modules) == ["attic"]


def test_what_stands_in_two_places_is_found(package):
    lines = [f"    {name} = {name} + 1" for name in "abcdef"]
    (package / "data" / "one.py").write_text("\n".join(["def one():", '    """One."""', *lines, "    return a"]))
    (package / "cli" / "two.py").write_text("\n".join(["import os", *(line.strip() + "  # why" for line in lines)]))
    assert list(house.duplicates(package).values()) == [["cli/two.py:2", "data/one.py:3"]]


def test_recurring_names_are_told_with_their_rooms(package):
    (package / "cli" / "rows.py").write_text("")
    modules = house.read_modules(package)
    assert house.recurring_names(modules) == {"rows.py": ["cli", "data"]}
    assert house.recurring_names(modules, more_than=2) == {}


@pytest.mark.parametrize(
    ("line", "asks"),
    [
        ('run.modality == "text"', True),
        ('"image" != config["modality"]', True),
        ('modality in ("text", "image")', True),
        ('"features" not in kinds', True),
        ('0 < 1 == kind == "text"', True),
        ('match data.modality:\n    case "audio" | "text": pass', True),
        ('column == "text"', False),
        ('modality == "audio"', False),
        ('modality("text").words == words', False),
        ('kind = {"text": 1}', False),
    ],
)
def test_a_comparison_with_the_name_of_a_modality_is_seen(line, asks):
    assert bool(asked_names(line)) == asks


def test_no_file_of_the_repository_is_a_link():
    """One that leads elsewhere leads nowhere on another machine, and names a folder of this one."""
    if not (REPOSITORY / ".git").exists():
        pytest.skip("not a clone: nobody knows which files belong to the repository")
    listed = subprocess.run(
        ["git", "ls-files", "--stage"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert listed
    assert [line.split("\t")[1] for line in listed if line.startswith("120000")] == []
