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


def install(site, name: str) -> None:
    """Write a package `smelling` that names a modality of this name, as an installer would leave it."""
    (site / "smelling.py").write_text(
        "from types import SimpleNamespace\n"
        f"SMELL = SimpleNamespace(name={name!r})\n"  # a registry asks a modality for nothing else
    )
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
