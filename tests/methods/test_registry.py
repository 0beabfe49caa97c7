"""Methods by name: ours, those of other packages, those registered by hand; and what is no method."""

import json
import runpy
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import mislabel.methods
from mislabel.errors import InputError
from mislabel.methods import METHODS, Entry, Method, method_entry, register
from mislabel.methods.ce import CE
from mislabel.methods.default_posterior import DefaultPosterior
from mislabel.methods.registry import GROUPS, OWN, SHARED
from mislabel.training.stages import Stage

SOURCE = Path(mislabel.methods.__file__).parents[2]
NAMES_WITHOUT_TORCH = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "transformers", "accelerate", "scipy"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
from mislabel.methods import METHODS
assert "ido" in METHODS and "idoo" not in METHODS
print(*METHODS)
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Makes packages that bring methods, as an installer leaves them: code, and metadata in a folder beside it."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before, modules = set(METHODS.registered), set(sys.modules)

    def make(package, code, *, names=("ours_too",), value=None):
        (tmp_path / f"{package}.py").write_text(code, encoding="utf-8")
        metadata = tmp_path / f"{package}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8")
        lines = [f"{name} = {value or package}" for name in names]
        (metadata / "entry_points.txt").write_text("\n".join(["[mislabel.methods]", *lines, ""]), encoding="utf-8")

    yield make
    for name in set(METHODS.registered) - before - set(OWN):
        del METHODS[name]
    for name in [name for name in set(sys.modules) - modules if name.endswith("_methods")]:
        del sys.modules[name]


GOOD = """
from dataclasses import dataclass
from mislabel.methods import register
from mislabel.methods.ce import CE

@register("{name}", paper="nobody, never", when="in a test")
@dataclass(frozen=True)
class Theirs(CE):
    pass
"""

STAGELESS = """
    def stages(self):
        raise RuntimeError("no stage")
"""


def test_the_list_of_names_is_that_of_the_files_and_of_what_they_register():
    folder = Path(mislabel.methods.__file__).parent
    files = {path.stem for path in folder.glob("*.py") if "@register(" in path.read_text(encoding="utf-8")}
    assert {SHARED.get(name, name) for name in OWN} == files - {"registry"}
    assert len(set(OWN)) == len(OWN)
    assert list(METHODS)[: len(OWN)] == list(OWN)
    for name in OWN:
        entry = METHODS[name]
        assert entry.make.__module__ == f"mislabel.methods.{SHARED.get(name, name)}"
        assert entry.paper
        assert entry.when
        assert entry.group in GROUPS
        assert entry.group != "other"
        assert isinstance(entry.make(), Method)


def test_names_are_known_without_torch(environment):
    done = subprocess.run(
        [sys.executable, "-c", NAMES_WITHOUT_TORCH], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout.split()[: len(OWN)] == list(OWN)


def test_a_name_that_is_nearly_one_gets_a_suggestion():
    with pytest.raises(InputError, match="method 'idoo' is not known.*did you mean .ido.*"):
        method_entry("idoo")
    assert "idoo" not in METHODS
    with pytest.raises(KeyError):
        METHODS["idoo"]


def test_a_method_of_another_package_is_known_by_name_and_loaded_when_asked_for(install):
    install("their_methods", GOOD.format(name="ours_too"))
    assert "ours_too" in METHODS
    assert "ours_too" in list(METHODS)
    assert len(METHODS) == len(list(METHODS))
    assert "their_methods" not in sys.modules
    entry = method_entry("ours_too")
    assert (entry.make.__module__, entry.paper, entry.when) == ("their_methods", "nobody, never", "in a test")
    assert isinstance(entry.make(epochs=3), CE)
    assert entry.cost() == 1


def test_the_entry_point_may_name_the_class_itself(install):
    install("class_methods", GOOD.format(name="ours_too"), value="class_methods:Theirs")
    assert method_entry("ours_too").make.__name__ == "Theirs"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import no_such_package_at_all", "cannot be loaded (ModuleNotFoundError: No module named"),
        ("raise RuntimeError('out of order')", "cannot be loaded (RuntimeError: out of order)"),
        ("def broken(:", "cannot be loaded (SyntaxError"),
        (GOOD.format(name="another"), "does not register it: it needs the decorator @register('ours_too', ...) there"),
        (GOOD.format(name="ido"), "the method name 'ido' is taken by mislabel.methods.ido"),
    ],
)
def test_a_broken_method_of_another_package_is_told_only_to_who_asks_for_it(install, code, said):
    install("broken_methods", code)
    assert list(METHODS)[: len(OWN)] == list(OWN)
    assert "ours_too" in METHODS
    assert method_entry("ce").make is CE
    with pytest.raises(InputError) as caught:
        method_entry("ours_too")
    assert "'ours_too'" in str(caught.value)
    assert "broken_methods" in str(caught.value)
    assert said in str(caught.value)
    assert method_entry("ido").make.__module__ == "mislabel.methods.ido"


def test_two_packages_with_one_name_are_both_named(install):
    install("first_methods", GOOD.format(name="ours_too"))
    install("second_methods", GOOD.format(name="ours_too"))
    with pytest.raises(InputError, match="several packages, .*first_methods.*: uninstall all but one") as caught:
        method_entry("ours_too")
    assert "second_methods" in str(caught.value)


def test_a_package_does_not_take_the_name_of_one_of_ours(install):
    install("taking_methods", "raise RuntimeError('never loaded')", names=("ido", "ours_too"))
    assert method_entry("ido").make.__module__ == "mislabel.methods.ido"
    assert list(METHODS).count("ido") == 1


@dataclass(frozen=True)
class Plain(DefaultPosterior):
    epochs: int = 1
    tags: list[str] = field(default_factory=list)

    def stages(self):
        return [Stage("train", self.epochs, CE().stages()[0].loss)]


@pytest.fixture
def free_name():
    yield "made_up"
    METHODS.registered.pop("made_up", None)


def test_a_class_registers_itself_once_or_again(free_name):
    assert register(free_name, paper="p", when="w")(Plain) is Plain
    assert METHODS[free_name] == Entry(Plain, "p", "w")
    assert list(METHODS)[-1] == free_name
    register(free_name, paper="p", when="later")(Plain)  # as when a module is imported anew
    assert METHODS[free_name].when == "later"
    with pytest.raises(ValueError, match=rf"'made_up' is taken by {Plain.__module__}.Plain: choose another"):
        register(free_name, paper="p", when="w")(CE)
    with pytest.raises(ValueError, match="'ido' is taken by mislabel.methods.ido"):
        register("ido", paper="p", when="w")(Plain)


def test_a_method_says_what_labels_it_is_for_or_nothing(free_name):
    register(free_name, paper="p", when="w")(Plain)
    assert METHODS[free_name].group == "other"
    register(free_name, paper="p", when="w", group="written")(Plain)
    assert METHODS[free_name].group == "written"
    with pytest.raises(ValueError, match=r"group 'writen' is not known \(did you mean \"written\"\?\); choose one of"):
        register(free_name, paper="p", when="w", group="writen")(Plain)


def test_what_time_a_group_takes_is_true():
    costs = {name: METHODS[name].cost() for name in OWN}
    of_group = {group: [costs[name] for name in OWN if METHODS[name].group == group] for group in GROUPS}
    assert max(of_group["random"]) == 1 < min(of_group["thorough"])


def test_the_pages_of_methods_are_made_of_their_code():
    tool = runpy.run_path(str(SOURCE.parent / "tools" / "methods_page.py"))
    made = tool["pages"]()
    assert {f"methods/{name}.md" for name in OWN} < set(made)
    for path, text in made.items():
        assert (tool["DOCS"] / path).read_text(encoding="utf-8") == text, "run: python tools/methods_page.py"
    assert set(made) >= {f"methods/{page.name}" for page in (tool["DOCS"] / "methods").glob("*.md")}


def not_frozen():
    @dataclass
    class Changeable(CE.__mro__[1]):
        epochs: int = 1

        def stages(self):
            return []

    return Changeable


@dataclass(frozen=True)
class WithoutDefault(Plain):
    beta: float = field(kw_only=True)
    gamma: int = field(kw_only=True)


class NoDataclass(DefaultPosterior):
    def stages(self):
        return []


@dataclass(frozen=True)
class Empty:
    pass


@dataclass(frozen=True)
class WrongCalls:
    def stages(self, rows):
        return []

    def posterior(self, stages, dynamics):
        return None


BOTH = "stages(self), posterior(self, stages, dynamics, given, probabilities)"


@pytest.mark.parametrize(
    ("kind", "lacks"),
    [
        (not_frozen(), "frozen=True in @dataclass"),
        (WithoutDefault, "a default for option beta, a default for option gamma"),
        (NoDataclass, "@dataclass(frozen=True)"),
        (Empty, BOTH),
        (WrongCalls, BOTH),
        (object, f"{BOTH}, @dataclass(frozen=True)"),
    ],
)
def test_what_is_no_method_is_told_what_it_lacks_in_one_sentence(kind, lacks, free_name):
    with pytest.raises(TypeError) as caught:
        register(free_name, paper="p", when="w")(kind)
    assert str(caught.value) == f"{kind.__module__}.{kind.__qualname__} is no method: it lacks {lacks}"
    assert free_name not in METHODS


def test_an_object_is_no_method(free_name):
    with pytest.raises(TypeError, match=r"CE\(epochs=5.* is no method: needed a class"):
        register(free_name, paper="p", when="w")(CE())  # pyright: ignore[reportArgumentType]


def test_methods_lists_the_others_where_one_package_is_broken(install, mislabel):
    install("broken_methods", "import no_such_package_at_all", names=["broken"])
    install("leaving_methods", "raise SystemExit(3)", names=["leaving"])
    install("stageless_methods", GOOD.format(name="stageless").replace("    pass", STAGELESS), names=["stageless"])
    install("good_methods", GOOD.format(name="good"), names=["good"])
    done = mislabel("methods", "--json")
    assert done.exit_code == 0
    assert list(json.loads(done.stdout)) == [*OWN, "good"]
    broken, leaving, stageless = done.stderr.splitlines()
    assert broken.startswith(
        "note: method 'broken' of the package broken_methods cannot be loaded (ModuleNotFoundError"
    )
    assert leaving.startswith("note: method 'leaving' of the package leaving_methods cannot be loaded (SystemExit: 3)")
    assert stageless.startswith("note: stageless_methods.Theirs cannot make its stages (RuntimeError: no stage)")
    assert mislabel("methods", "broken").exit_code == 2
