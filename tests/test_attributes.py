"""Every attribute of a class is born in `__init__`, or declared in the class's body."""

import ast
import re
from pathlib import Path

import pytest

import mislabel

PACKAGE = Path(mislabel.__file__).parent
CLASSES = {
    f"{path.relative_to(PACKAGE).with_suffix('').as_posix()}.{node.name}": node
    for path in sorted(PACKAGE.rglob("*.py"))
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(node, ast.ClassDef)
}
BY_NAME = {node.name: node for node in CLASSES.values()}
FITTED = re.compile(r"\w*[a-z]_")  # what scikit-learn wants to be there after `fit` alone


def assigned(tree: ast.AST) -> set[str]:
    """Names of the attributes of `self` that are bound anywhere below."""
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }


def declared(kind: ast.ClassDef) -> set[str]:
    """Attributes that a class has from the start: its own, and those of its bases in this package."""
    names: set[str] = set()
    for base in kind.bases:
        if isinstance(base, ast.Name) and base.id in BY_NAME:
            names |= declared(BY_NAME[base.id])
    for node in kind.body:
        if isinstance(node, ast.FunctionDef) and node.name in ("__init__", "__post_init__"):
            names |= assigned(node)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            is_field = any("dataclass" in ast.unparse(decorator) for decorator in kind.decorator_list)
            if node.value is not None or is_field:
                names.add(node.target.id)
    return names


@pytest.mark.parametrize("name", CLASSES)
def test_no_attribute_is_born_later(name):
    later = assigned(CLASSES[name]) - declared(CLASSES[name])
    if "RunClassifier" in (CLASSES[name].name, *map(ast.unparse, CLASSES[name].bases)):
        later = {attribute for attribute in later if not FITTED.fullmatch(attribute)}
    assert not later, f"{name} binds these first outside __init__: {', '.join(sorted(later))}"


def test_the_check_sees_what_it_is_for():
    kind = ast.parse(
        "class Late:\n"
        "    size: int = 0\n"
        "    only_a_type: int\n"
        "    def __init__(self):\n"
        "        self.first, (self.second, _) = 1, (2, 3)\n"
        "    def start(self):\n"
        "        self.size += 1\n"
        "        self.first = self.third = 2\n"
        "        for self.fourth in (): pass\n"
        "        with open('x') as self.fifth: self.only_a_type = 1\n"
    ).body[0]
    assert isinstance(kind, ast.ClassDef)
    assert assigned(kind) - declared(kind) == {"third", "fourth", "fifth", "only_a_type"}
    known = {"Loop", "Steps", "StageRun", "TrajectoryRecorder", "DynamicLoss", "FeatureClassifier", "Server"}
    assert known <= BY_NAME.keys()
