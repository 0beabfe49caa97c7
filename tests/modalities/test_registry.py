"""Modalities are found by name: ours, those that a program registers, and those of packages that are installed."""

import sys
from collections.abc import Iterator
from importlib import import_module

import pytest

from mislabel.errors import InputError
from mislabel.modalities import Modality, Words, modality, modality_names, register, registry

OURS = ("text", "image", "features")
WORDS = Words(*["sounds"] * 6)


class Sound(Modality):
    words = WORDS
    help = "Column of sounds."

    def __init__(self, name: str = "sound"):
        self.name = name

    def check(self, values, ids, name, *, root=None, on_bad="error"):
        raise NotImplementedError

    def prepare(self, dataset, settings, accelerator, storage, progress):
        raise NotImplementedError

    def load_reader(self, folder, about):
        raise NotImplementedError


@pytest.fixture(autouse=True)
def _nothing_registered(monkeypatch) -> Iterator[None]:
    monkeypatch.setattr(registry, "_REGISTERED", {})
    registry._installed.cache_clear()
    yield
    registry._installed.cache_clear()
    sys.modules.pop("smelling", None)


def test_ours_come_first_and_in_order():
    register(Sound())
    assert modality_names()[:3] == OURS
    assert [modality(name).name for name in OURS] == list(OURS)


def test_what_is_registered_is_found_and_replaces_what_was():
    first, second = Sound(), Sound()
    assert register(first) is first
    assert modality("sound") is first
    register(second)
    assert modality("sound") is second
    assert modality_names().count("sound") == 1


@pytest.mark.parametrize("name", ["", "two words", "a-b", "3d", *OURS])
def test_a_name_that_cannot_be_is_refused(name):
    with pytest.raises(InputError, match="a modality cannot be called") as caught:
        register(Sound(name))
    assert repr(name) in str(caught.value)
    assert modality_names().count(name) == OURS.count(name)


def test_an_unknown_name_is_answered_with_the_nearest():
    register(Sound())
    with pytest.raises(InputError, match=r'no modality \'sonud\' .*did you mean "sound".*text, image, features'):
        modality("sonud")


SMELLING = """
from mislabel.modalities import Modality

class Smell(Modality):
    name, words, help = {name!r}, "smells", "Column of smells."

    def check(self, values, ids, name, *, root=None, on_bad="error"): ...
    def prepare(self, dataset, settings, accelerator, storage, progress): ...
    def load_reader(self, folder, about): ...

SMELL = Smell()
"""


def install(site, name: str, code: str = "") -> None:
    """Write a package `smelling` that names a modality of this name, as an installer would leave it."""
    (site / "smelling.py").write_text(code or SMELLING.format(name=name))
    about = site / "smelling-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: smelling\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[mislabel.modalities]\n{name} = smelling:SMELL\n")


def test_a_modality_of_another_package_is_found(tmp_path, monkeypatch):
    install(tmp_path, "smell")
    monkeypatch.syspath_prepend(tmp_path)
    assert modality("smell") is import_module("smelling").SMELL
    assert modality_names()[:3] == OURS
    assert "smell" in modality_names()


def test_another_package_cannot_take_the_name_of_ours(tmp_path, monkeypatch):
    install(tmp_path, "text")
    monkeypatch.syspath_prepend(tmp_path)
    assert isinstance(modality("text"), Modality)
    assert modality_names().count("text") == 1


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import no_such_package_at_all", "ModuleNotFoundError: No module named 'no_such_package_at_all'"),
        ("def broken(:", "SyntaxError"),
        ("raise SystemExit('no licence')", "SystemExit: no licence"),
        ("SMELL = 3", "smelling:SMELL is no instance of a class that derives from mislabel.modalities.Modality"),
        (SMELLING.format(name="two words"), "is called 'two words'"),
        (SMELLING.format(name="smell").replace(", help", "").replace(', "Column of smells."', ""), "lacks help"),
        (SMELLING.format(name="smell").replace("    def prepare", "    def prepared"), "abstract"),
    ],
)
def test_a_broken_modality_of_another_package_takes_nothing_else_away(tmp_path, monkeypatch, mislabel, code, why):
    install(tmp_path, "smell", code)
    monkeypatch.syspath_prepend(tmp_path)
    assert modality_names() == OURS
    with pytest.raises(InputError, match="modality 'smell' of the package smelling cannot be used") as caught:
        modality("smell")
    assert why in str(caught.value)
    assert str(caught.value).endswith(": repair or uninstall that package")
    done = mislabel("methods", "ce")
    assert done.exit_code == 0
    assert done.stdout.startswith("epochs")
    assert done.stderr == f"note: {caught.value}\n"
