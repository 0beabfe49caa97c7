"""A target of one's own is offered by its name beside those of the package, and a name that is none is answered."""

import pytest

from mislabel.errors import InputError
from mislabel.exchange import targets as registry
from mislabel.exchange.export import export
from mislabel.exchange.targets import OWN, register, target, targets


@pytest.fixture(autouse=True)
def _registry(monkeypatch):
    """What a test registers, no other finds."""
    for name in OWN:  # what is imported registers itself once
        target(name)
    monkeypatch.setattr(registry, "_REGISTERED", dict(registry._REGISTERED))


class Names:
    """Writes the classes of a run, one a line."""

    name, help = "names", "the classes, one a line"

    def check(self, output, take_suggestions):
        if output.suffix != ".txt":
            raise InputError(f"{output}: names go into .txt files")

    def write(self, corrected, folder, output):
        output.write_text("\n".join(corrected.rows.classes))
        return {"names": len(corrected.rows.classes)}


def test_a_target_of_ones_own_is_offered_by_name_and_writes(animals, tmp_path):
    assert register(Names) is Names
    assert targets() == {**OWN, "names": "the classes, one a line"}
    result = export(animals, tmp_path / "out.txt", kind="names")
    assert (result["rows"], result["names"]) == (6, 3)
    assert (tmp_path / "out.txt").read_text().split("\n") == ["bird", "cat", "dog"]
    with pytest.raises(InputError, match=r"names go into \.txt"):
        export(animals, tmp_path / "out.csv", kind="names")


def test_an_unknown_name_is_answered_with_the_nearest_and_all():
    register(Names)
    wanted = r'kind is \'namse\' \(did you mean "names"\?\), needed one of table, label-studio, cleanlab, names$'
    with pytest.raises(InputError, match=wanted):
        target("namse")


@pytest.mark.parametrize("name", list(OWN))
def test_a_target_of_the_package_has_the_name_and_the_help_that_are_listed(name):
    assert (target(name).name, target(name).help) == (name, OWN[name])


def test_a_name_that_is_taken_is_refused():
    class Other(Names):
        __module__ = "elsewhere"

    register(Names)
    with pytest.raises(ValueError, match="'names' of a target is taken by .*test_targets: choose another"):
        register(Other)
    with pytest.raises(ValueError, match=r"'table' of a target is taken by mislabel\.exchange\.table"):
        register(type("Mine", (Names,), {"name": "table"}))


def test_the_command_line_offers_every_target(mislabel):
    shown = " ".join(mislabel("export", "--help").stdout.split())
    assert all(f"{name}: {help.split()[0]}" in shown for name, help in OWN.items())
