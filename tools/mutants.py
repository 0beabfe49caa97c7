"""Change the code in small ways, one at a time, and list the changes that no test notices.

    python tools/mutants.py posterior training/loop.py     some rooms or files of src/mislabel
    python tools/mutants.py training --most 40             more of each file than the usual ten

mutmut makes the changes (mutants), all inside functions. Of each file every k-th is tried, in the order in which mutmut
makes them, with the smallest k that leaves at most `--most`. First the quick tests of the same rooms, or of `--tests`,
run on the code as it is, which tells what lines each test runs. A mutant then meets the tests that run its lines,
quickest first, as many as took `--seconds`. One that makes a test fail, hang or outgrow its memory is killed; of the
others the change is printed.

Everything happens in a copy of the working tree in a temporary folder.
"""

import argparse
import difflib
import multiprocessing
import os
import pickle
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

# What the tests import, once for all processes that are forked from here; nothing of ours, nothing that starts threads.
import accelerate  # noqa: F401
import coverage
import hypothesis.extra.numpy  # noqa: F401
import libcst as cst
import pandas  # noqa: F401
import pytest
import scipy.stats  # noqa: F401
import sklearn.linear_model  # noqa: F401
import torch  # noqa: F401
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.file_mutation import create_mutations, deep_replace

REPOSITORY = Path(__file__).resolve().parents[1]
QUICK = ["-q", "--tb=short", "-p", "no:cacheprovider", "-m", "not slow and not sweep and not readme",
         "-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"]  # fmt: skip
SAID = "pytest.txt"  # in the copy: what the last tests said
PATIENCE = 60.0  # seconds beyond four times what the tests took unchanged
MEMORY = 12 << 30  # bytes of addresses, of which torch alone takes four

fork = multiprocessing.get_context("fork")


@dataclass
class Tests:
    """What the tests did on the code as it is: seconds, who ran a line (from 1) of a file of ours, and who failed."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    runners: dict[tuple[str, int], set[str]] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)

    def meeting(self, file: str, lines: Iterable[int], seconds: float) -> list[str]:
        """Those that run one of the lines, quickest first, as many as took so long; one at least."""
        runners = set().union(*(self.runners.get((file, line), set()) for line in lines)) - self.failed
        chosen, spent = [], 0.0
        for name in sorted(runners, key=lambda name: (self.seconds[name], name)):
            spent += self.seconds[name]
            if chosen and spent > seconds:
                break
            chosen.append(name)
        return chosen


class Listener:
    """A plugin of pytest that notes what the tests did and writes it, as `Tests`, to a file."""

    def __init__(self, package: Path, out: Path) -> None:
        self.package, self.out, self.tests = package, out, Tests()
        self.watch = coverage.Coverage(data_file=None, source=[str(package)])

    def pytest_sessionstart(self) -> None:
        self.watch.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        self.watch.switch_context(item.nodeid)
        return (yield)

    def pytest_runtest_logreport(self, report) -> None:
        self.tests.seconds[report.nodeid] += report.duration
        if report.failed:
            self.tests.failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        self.watch.stop()
        data = self.watch.get_data()
        for path in data.measured_files():
            file = str(Path(path).relative_to(self.package))
            for line, names in data.contexts_by_lineno(path).items():
                self.tests.runners[file, line] = set(names) - {""}  # "": while a module is imported
        self.out.write_bytes(pickle.dumps(self.tests))


class Chooser:
    """A plugin of pytest that runs some tests, in the order given."""

    def __init__(self, names: list[str]) -> None:
        self.places = {name: place for place, name in enumerate(names)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items) -> None:
        items[:] = sorted((item for item in items if item.nodeid in self.places), key=lambda i: self.places[i.nodeid])


def run_pytest(copy: Path, words: Iterable[str], plugin: object) -> int:
    """pytest's code for tests of the copy, run in this process, silently and within limits."""
    os.chdir(copy)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with open(copy / SAID, "w") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    sys.path.insert(0, str(copy / "src"))
    os.environ["PYTHONPATH"] = str(copy / "src")  # for the processes that tests start
    return pytest.main([*QUICK, *words], plugins=[plugin])


def in_a_process(work: Callable[[], int], patience: float | None = None) -> int | None:
    """The code that the work ends with in a process of its own, or None where it takes too long; its children die."""

    def start() -> None:
        os.setsid()
        os._exit(work())

    process = fork.Process(target=start)
    process.start()
    process.join(patience)
    code = process.exitcode
    with suppress(ProcessLookupError):
        os.killpg(process.pid or 0, signal.SIGKILL)
    process.join()
    return code


@dataclass(frozen=True)
class Mutant:
    """One change: the whole text of the file with it, and the lines of which a test must run one to notice it."""

    text: str
    lines: range


def sample(source: str, most: int) -> tuple[int, list[Mutant]]:
    """How many changes mutmut makes inside the functions of one file, and every k-th of them: at most so many."""
    module, mutations, *_ = create_mutations("", source)
    # What stands in a class but in no method, such as its fields, mutmut itself passes by when it writes mutants.
    mutations = [each for each in mutations if isinstance(each.contained_by_top_level_function, cst.FunctionDef)]
    places = MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)
    spans = {node: range(place.start.line, place.end.line + 1) for node, place in places.items()}
    statements = [span for node, span in spans.items() if isinstance(node, cst.SimpleStatementLine)]

    def mutant(mutation) -> Mutant:
        own, body = spans[mutation.original_node], spans[mutation.contained_by_top_level_function.body]
        # Of a statement of several lines some are never counted as run. A default in the signature is run where the
        # function is made, and noticed where it is called.
        statement = next((span for span in statements if own.start in span), own)
        lines = body if own.start < body.start else statement
        return Mutant(deep_replace(module, mutation.original_node, mutation.mutated_node).code, lines)

    step = max(1, -(-len(mutations) // most))
    return len(mutations), [mutant(each) for each in mutations[::step]]


def fate(names: list[str], tests: Tests, copy: Path) -> str:
    """What becomes of the mutant that stands in the copy under these tests: killed, survived, or without a test."""
    if not names:
        return "no test"
    patience = PATIENCE + 4 * sum(tests.seconds[name] for name in names)
    words = ["-x", *sorted({name.partition("::")[0] for name in names})]
    code = in_a_process(lambda: run_pytest(copy, words, Chooser(names)), patience)
    if code == pytest.ExitCode.NO_TESTS_COLLECTED:
        raise RuntimeError((copy / SAID).read_text(encoding="utf-8"))
    return "survived" if code == 0 else "killed"


def copy_tree(copy: Path) -> None:
    """The files of the working tree that git does not ignore, as they are."""
    listed = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=REPOSITORY, text=True)
    for name in filter(None, listed.split("\0")):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / name, copy / name)


def change(before: str, after: str) -> str:
    """The lines in which two texts differ, with their place."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return "\n".join("    " + line for line in list(lines)[2:])


def try_file(file: str, most: int, seconds: float, tests: Tests, copy: Path) -> Counter:
    """Tries a sample of the mutants of one file and prints those that live; what became of how many."""
    path = copy / "src" / "mislabel" / file
    kept = path.with_suffix(".kept")
    source = path.rename(kept).read_text(encoding="utf-8")
    count, mutants = sample(source, most)
    fates = Counter(all=count, tried=len(mutants))
    for mutant in mutants:
        path.write_text(mutant.text, encoding="utf-8")
        what = fate(tests.meeting(file, mutant.lines, seconds), tests, copy)
        fates[what] += 1
        if what != "killed":
            print(f"{file}: {what}\n{change(source, mutant.text)}", flush=True)
    kept.rename(path)
    return fates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("places", nargs="+", help="rooms or files, below src/mislabel")
    parser.add_argument("--most", type=int, default=10, help="how many mutants of a file at most")
    parser.add_argument("--seconds", type=float, default=15.0, help="of tests, at most, that a mutant meets")
    parser.add_argument("--tests", nargs="+", help="folders or files of tests, instead of those of the rooms")
    options = parser.parse_args()
    package = REPOSITORY / "src" / "mislabel"
    paths = [path for place in options.places for path in sorted((package / place).glob("*.py")) or [package / place]]
    files = [str(path.relative_to(package)) for path in paths]
    os.chdir(REPOSITORY)  # mutmut guesses where code lies, and gives up elsewhere
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder).resolve()
        copy_tree(copy)
        noted = copy / "tests.pickle"
        words = options.tests or sorted({f"tests/{file.partition('/')[0]}" for file in files})
        in_a_process(lambda: run_pytest(copy, words, Listener(copy / "src" / "mislabel", noted)))
        if not noted.exists():
            raise RuntimeError((copy / SAID).read_text(encoding="utf-8"))
        # From here on, as two mutants of the same size in the same second would be taken for one.
        sys.dont_write_bytecode = True
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        tests = pickle.loads(noted.read_bytes())
        print(f"{len(tests.seconds)} tests in {sum(tests.seconds.values()):.0f} seconds", flush=True)
        print("failed on the code as it is, so left out:", *sorted(tests.failed) or ["none"], flush=True)
        print("file: all, tried, killed, survived, no test", flush=True)
        for file in files:
            fates = try_file(file, options.most, options.seconds, tests, copy)
            print(f"{file}:", *(fates[key] for key in ("all", "tried", "killed", "survived", "no test")), flush=True)


if __name__ == "__main__":
    main()
