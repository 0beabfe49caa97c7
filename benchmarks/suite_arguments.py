"""The arguments of scripts that go through the data sets of a suite."""

import argparse
from pathlib import Path


def suite_arguments(about: str | None, suite: str, keeps: str) -> argparse.ArgumentParser:
    """A parser of --data-dir, --out, which keeps what is said, --suite, by default this one here, and --data."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help=f"keeps {keeps}")
    parser.add_argument("--suite", default=str(Path(__file__).parent / suite))
    parser.add_argument("--data", nargs="*", default=[])
    return parser
