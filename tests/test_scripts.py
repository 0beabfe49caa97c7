"""Scripts that make the tables, and examples, are not forgotten when what they import moves."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SCRIPTS = sorted(path for folder in ("benchmarks", "tools", "examples") for path in (REPOSITORY / folder).rglob("*.py"))


def imports_of_ours(path: Path) -> list[tuple[str, str | None]]:
    """Modules of the package, and names in them, that a script imports anywhere, in functions, too."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [(node.module, alias.name) for alias in node.names]
    return [(module, name) for module, name in found if module.split(".")[0] == "mislabel"]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_what_a_script_imports_of_the_package_is_there(path):
    for module, name in imports_of_ours(path):
        there = import_module(module)
        if name is not None and not hasattr(there, name):
            import_module(f"{module}.{name}")


def test_imports_are_found_wherever_they_stand(tmp_path):
    path = tmp_path / "script.py"
    path.write_text("import mislabel.audit\nimport os\ndef f():\n    from mislabel.bench.data import ID, SPLIT\n")
    assert imports_of_ours(path) == [
        ("mislabel.audit", None), ("mislabel.bench.data", "ID"), ("mislabel.bench.data", "SPLIT"),
    ]  # fmt: skip
