"""What was attacked, how often, and what held: runs the tests that count, and prints the table of docs/reliability.md.

    python benchmarks/reliability.py            # all of it, some twenty minutes
    python benchmarks/reliability.py --quick    # what `make test` has of it
    python benchmarks/reliability.py --of a.xml b.xml    # of runs that were made with `pytest --junitxml`

A test that counts calls pytest's `record_property(what, (attacked, held))`; of the tests in CASES each is one attack.
"""

import argparse
import ast
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

TESTS = Path(__file__).resolve().parents[1] / "tests"
CASES = {
    ("test_model_folder.py", ""): "broken model folders",
    ("test_damaged_models.py", ""): "damaged models of a run",
    ("test_foreign_code.py", ""): "models and runs with code of their own",
    ("test_hostile_strings.py", ""): "hostile strings through files, exports, report, page, terminal",
    ("test_folder.py", "link"): "links, pipes and sockets in a run folder",
    ("test_disk.py", ""): "writes to a full disk, reservations",
    ("test_interrupts.py", ""): "Ctrl-C",
    ("test_order.py", ""): "rows and classes in another order",
}


def counting_files() -> list[Path]:
    """Test files in which something is counted."""
    cases = {file for file, _ in CASES}
    return [
        path for path in sorted(TESTS.rglob("test_*.py"))
        if path.name in cases or "record_property(" in path.read_text(encoding="utf-8")
    ]  # fmt: skip


def case_of(file: str, name: str) -> str | None:
    """What a test counts for by itself."""
    return next((what for (part, word), what in CASES.items() if part == file and word in name), None)


def counts(reports: list[Path]) -> dict[str, tuple[int, int]]:
    """Attacks, and those that held, by what was attacked, from JUnit files."""
    result: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for test in (test for report in reports for test in ElementTree.parse(report).iter("testcase")):
        counted = [(entry.attrib["name"], ast.literal_eval(entry.attrib["value"])) for entry in test.iter("property")]
        what = case_of(Path(test.attrib.get("file", "")).name, test.attrib.get("name", ""))
        if not counted and what is not None and test.find("skipped") is None:
            counted = [(what, (1, int(test.find("failure") is None and test.find("error") is None)))]
        for name, (attacked, held) in counted:
            result[name][0] += attacked
            result[name][1] += held
    return {name: (attacks, held) for name, (attacks, held) in sorted(result.items())}


def table(result: dict[str, tuple[int, int]]) -> str:
    """The counts in Markdown."""
    lines = ["| what was attacked | times | held |", "|---|---|---|"]
    lines += [f"| {name} | {attacks:,} | {held:,} |" for name, (attacks, held) in result.items()]
    total = [sum(row[position] for row in result.values()) for position in range(2)]
    return "\n".join([*lines, f"| **all** | **{total[0]:,}** | **{total[1]:,}** |"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="leave out what is marked sweep or slow")
    parser.add_argument("--of", nargs="+", type=Path, metavar="XML", help="JUnit files of runs that were made already")
    chosen = parser.parse_args()
    if chosen.of:
        print(table(counts(chosen.of)))
        return 0
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        words = [
            "-q",
            "--timeout",
            "3600",
            f"--junitxml={report}",
            *(["-m", "not sweep and not slow"] if chosen.quick else []),
        ]
        done = subprocess.run([sys.executable, "-m", "pytest", *words, *map(str, counting_files())], check=False)
        print(table(counts([report])))
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
