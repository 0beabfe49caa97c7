"""How long hostile tables take: cells of a megabyte that tempt patterns into looking again, and 100,000 columns.

    python benchmarks/long_input.py            prints a table
    python benchmarks/long_input.py --columns 10000 --characters 100000

Everything is to take time in proportion, and less than five seconds on a laptop; `tests/tables/test_linear.py` holds
the proportion.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from mislabel.errors import InputError
from mislabel.modalities.loading import load_dataset
from mislabel.tables import check_columns, read_table, write_table
from mislabel.tables.formulas import protected, restored
from mislabel.terminal import one_line

TRAPS = {
    "- digits x": lambda n: "-" + "1" * n + "x",
    "- points x": lambda n: "-" + ".," * (n // 2) + "x",
    "blanks = x": lambda n: " \u200b" * (n // 2) + "=x",
    "apostrophes": lambda n: "'" * n + "=x",
    "quotes": lambda n: '"' * n,
    "backslashes": lambda n: "\\" * n,
    "lines": lambda n: "a\n" * (n // 2),
    "escapes": lambda n: "\x1b[31m" * (n // 5),
}


def long_cells(characters: int, folder: Path) -> Iterator[tuple[str, float]]:
    for name, trap in TRAPS.items():
        text = trap(characters)
        frame = pd.DataFrame({"text": [text, "plain"], "label": ["a", "b"]})
        yield f"{name}: made safe and restored", seconds(lambda text=text: restored(protected(text)))
        yield f"{name}: shown", seconds(lambda text=text: one_line(text))
        for ending in (".csv", ".jsonl"):
            path = folder / f"cell{ending}"
            yield f"{name}: {ending} written", seconds(lambda path=path, frame=frame: write_table(frame, path))
            yield f"{name}: {ending} read", seconds(lambda path=path: read_table(path))


def wide_table(columns: int, folder: Path) -> Iterator[tuple[str, float]]:
    path = folder / "wide.csv"
    names = [f"feature_{k:06d}" for k in range(columns)]
    rows = [[["a", "b"][row % 2], *(["1.5", "7"][row % 2] for _ in names)] for row in range(10)]
    path.write_text("\n".join(",".join(row) for row in [["label", *names], *rows]) + "\n", encoding="utf-8")
    yield "columns checked", seconds(lambda: check_columns(path, {"label": "label"}))
    yield "a misspelt name refused", seconds(lambda: refused(lambda: check_columns(path, {"label": "labl"})))
    yield "table read", seconds(lambda: read_table(path))
    yield (
        "one column as label, the others as features",
        seconds(lambda: load_dataset(path, features="feature_*", label="label")),
    )
    yield "table read and written", seconds(lambda: write_table(read_table(path), folder / "again.csv"))


def refused(action: Callable[[], object]) -> None:
    try:
        action()
    except InputError:
        return
    raise AssertionError("it was not refused")


def seconds(action: Callable[[], object]) -> float:
    begin = time.process_time()
    action()
    return time.process_time() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--columns", type=int, default=100_000)
    parser.add_argument("--characters", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for title, lines in (
            (f"a cell of {options.characters:,} characters", long_cells(options.characters, Path(name))),
            (f"{options.columns:,} columns, 10 rows", wide_table(options.columns, Path(name))),
        ):
            print(f"| {title} | seconds of processor time |\n|---|---|")
            for what, taken in lines:
                print(f"| {what} | {taken:.2f} |", flush=True)
            print()


if __name__ == "__main__":
    main()
