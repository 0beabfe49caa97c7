"""What was attacked, how often, and what held: runs the tests that count, and prints the table of docs/reliability.md.

    python benchmarks/reliability.py            # all of it, some twenty minutes
    python benchmarks/reliability.py --quick    # what `make test` has of it

A test that counts calls pytest's `record_property(what, (attacked, held))`.
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


def counting_files() -> list[Path]:
    """Test files in which something is counted."""
    return [path for path in sorted(TESTS.rglob("test_*.py")) if "record_property(" in path.read_text(encoding="utf-8")]


def counts(report: Path) -> dict[str, tuple[int, int, int]]:
    """Attacks, those that held, and tests, by what was attacked, from a JUnit file."""
    result: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for entry in ElementTree.parse(report).iter("property"):
        attacked, held = ast.literal_eval(entry.attrib["value"])
        for position, number in enumerate((attacked, held, 1)):
            result[entry.attrib["name"]][position] += number
    return {name: (attacks, held, tests) for name, (attacks, held, tests) in sorted(result.items())}


def table(result: dict[str, tuple[int, int, int]]) -> str:
    """The counts in Markdown."""
    lines = ["| what was attacked | times | held |", "|---|---|---|"]
    lines += [f"| {name} | {attacks:,} | {held:,} |" for name, (attacks, held, _) in result.items()]
    total = [sum(row[position] for row in result.values()) for position in range(2)]
    return "\n".join([*lines, f"| **all** | **{total[0]:,}** | **{total[1]:,}** |"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="leave out what is marked sweep or slow")
    quick = parser.parse_args().quick
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        words = [
            "-q",
            "--timeout",
            "3600",
            f"--junitxml={report}",
            *(["-m", "not sweep and not slow"] if quick else []),
        ]
        done = subprocess.run([sys.executable, "-m", "pytest", *words, *map(str, counting_files())], check=False)
        print(table(counts(report)))
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
