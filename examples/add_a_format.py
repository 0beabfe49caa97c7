"""A format of tables of one's own: LTSV (http://ltsv.org), one row a line, its cells `label:value` behind one another.

A format says how its rows are read and how a frame is written; what a run, an export or a review does with a table is
none of its business. To become part of the package it would get this class in a file of src/mislabel/tables, its line
in registry.py there, and a test.
"""

import argparse
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from mislabel.cli import app
from mislabel.errors import InputError
from mislabel.tables import read_table, write_table
from mislabel.tables.arrow_stored import StoredFrame
from mislabel.tables.format import Header
from mislabel.tables.lines import Line, bounded_lines, too_long
from mislabel.tables.location import Location, in_utf8
from mislabel.tables.plain_cells import check_cells, encodable
from mislabel.tables.registry import register
from mislabel.tables.typed_text import typed_column


class LtsvRows:
    """The rows of a file one by one, a broken one with its problem; columns stand in the order of their first cell."""

    def __init__(self, file: Location):
        self.file, self.notes = file, []
        self.names = list(dict.fromkeys(name for line in self.lines() for name in line.cells))

    def lines(self) -> Iterator[Line]:
        with in_utf8(self.file), self.file.open_text() as handle:
            for number, text in bounded_lines(handle):
                if text is None:
                    yield Line(number, problem=too_long())
                elif text := text.rstrip("\r\n"):
                    pairs = [pair.partition(":") for pair in text.split("\t")]
                    cells = {name: value for name, _, value in pairs}
                    if all(colon for _, colon, _ in pairs) and len(cells) == len(pairs):
                        yield Line(number, cells)
                    else:
                        yield Line(number, problem="a cell is not label:value, or a label stands there twice")


class Ltsv:
    """The format of .ltsv; a label that a row lacks is an empty cell."""

    endings = (".ltsv",)
    compresses = True

    def header(self, file: Location) -> Header:
        return Header(LtsvRows(file).names)

    def batches(self, file: Location) -> Iterator[pa.RecordBatch]:
        yield from pa.Table.from_pandas(self.read(file), preserve_index=False).to_batches()

    def read(self, file: Location, strings: Collection[str] = (), lossless: Collection[str] = ()) -> pd.DataFrame:
        rows, cells = LtsvRows(file), []
        for line in rows.lines():
            if line.problem:
                raise InputError(f"{file}, line {line.number}: {line.problem}")
            cells.append(line.cells)
        columns = {}
        for name in rows.names:
            texts = pa.chunked_array([[row.get(name, "") for row in cells]], pa.large_string())
            columns[name] = typed_column(texts, name in strings, name in lossless)
        return pd.DataFrame(columns)

    def tolerant(self, file: Location, usual: Collection[str] = ()) -> LtsvRows:
        return LtsvRows(file)

    def stored(self, file: Location, strings: Collection[str] = ()) -> StoredFrame:
        return StoredFrame(self.read(file, strings))

    def write(self, frame: pd.DataFrame, target: Location) -> int:
        check_cells(frame, target.ending, lists=False)
        with target.create_text() as handle:
            for row in encodable(frame).to_dict("records"):
                cells = {name: "" if pd.isna(value) else str(value) for name, value in row.items()}
                if ":" in "".join(cells) or set("\t\r\n") & set("".join([*cells, *cells.values()])):
                    raise InputError("LTSV holds no tabs and line ends, and no colons in names: write .csv")
                handle.write("\t".join(f"{name}:{text}" for name, text in cells.items()) + "\n")
        return 0  # no spreadsheet opens it, so no cell needs an apostrophe


register(Ltsv())


def write_clouds(path: Path, wrong: float = 0.2) -> None:
    """Three clouds of 100 points in the plane, and a label each, which is another cloud's in this share of the rows."""
    random, cloud = np.random.default_rng(0), np.repeat([0, 1, 2], 100)
    points = random.normal(size=(300, 2)) + np.array([[0, 0], [6, 0], [0, 6]])[cloud]
    given = np.where(random.random(300) < wrong, (cloud + random.integers(1, 3, 300)) % 3, cloud)
    names = np.array(["red", "green", "blue"])
    write_table(pd.DataFrame({"x": points[:, 0], "y": points[:, 1], "gold": names[cloud], "given": names[given]}), path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("demo-run/add-a-format"))
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    data, run, corrected = (str(out / name) for name in ("clouds.ltsv", "run", "corrected.ltsv"))
    write_clouds(Path(data))
    words = ["--features", "x,y", "--label", "given", "--gold", "gold", "--out", run, "--overwrite"]
    app(["audit", data, *words], standalone_mode=False)
    app(["export", run, "-o", corrected], standalone_mode=False)
    before, after = read_table(data), read_table(corrected)
    pd.testing.assert_frame_equal(after[before.columns], before)  # the same rows in their order, with their labels
    print(f"{len(after)} rows as they were; added columns: {', '.join(after.columns[before.shape[1] :])}")
