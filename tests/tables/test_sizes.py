"""Odd sizes: many columns, long cells, ends of lines within cells. Time grows as the file does."""

import json
import time

import pandas as pd
import pytest

from mislabel.tables import columns, read_table, write_table
from mislabel.tables.sources import open_tolerant


def seconds(action) -> float:
    best = float("inf")
    for _ in range(3):
        begin = time.process_time()
        action()
        best = min(best, time.process_time() - begin)
    return best


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["columns", "carriage returns", "quotes", "nul", "brackets", "escapes"])
def test_time_is_linear(tmp_path, kind):
    """Quadratic work takes 1024 times as long for 32 times as much: there is room for a busy machine between."""

    def make(size: int):
        path = tmp_path / f"{size}.{'json' if kind in ('brackets', 'escapes') else 'csv'}"
        if kind == "columns":
            path.write_text(",".join(f"c{k}" for k in range(size)) + "\n" + ",".join("1" * size) + "\n")
        elif kind == "brackets":
            path.write_text(json.dumps([{"a": [[[]]] * size}, {"a": 1}]))
        elif kind == "escapes":
            path.write_text(json.dumps([{"a": '\\"' * size}, {"a": "b"}]))
        else:
            cell = {"carriage returns": "\r", "quotes": '""', "nul": "\0"}[kind] * size
            path.write_bytes(f'a,b\n1,2\n"{cell}",x\n'.encode())
        return path

    def read(path):
        if kind == "columns":
            return lambda: (columns(path), open_tolerant(path).names, list(open_tolerant(path).lines()))
        return lambda: (read_table(path), list(open_tolerant(path).lines()))

    small, large = make(1_000), make(32_000)
    assert seconds(read(large)) < 150 * seconds(read(small))


@pytest.mark.slow
def test_a_cell_of_a_megabyte_in_every_format(tmp_path):
    frame = pd.DataFrame({"text": ["x\r\n" * 350_000, 'a"b' * 350_000], "label": ["a", "b"]})
    for ending in ("csv", "tsv", "csv.xz", "jsonl", "json", "parquet"):
        write_table(frame, tmp_path / f"t.{ending}")
        pd.testing.assert_frame_equal(read_table(tmp_path / f"t.{ending}"), frame)


def test_many_columns(tmp_path):
    names = [f"c{k}" for k in range(100_000)]
    path = tmp_path / "t.csv"
    path.write_text(",".join(names) + "\n" + ",".join("ab"[k % 2] for k in range(100_000)) + "\n")
    assert columns(path) == names
    (line,) = open_tolerant(path).lines()
    assert line.cells["c99999"] == "b"
    path.write_text(",".join(names[:2000]) + "\n" + ",".join("ab"[k % 2] for k in range(2000)) + "\n")
    frame = read_table(path)
    assert frame.shape == (1, 2000)
    assert frame["c1999"].tolist() == ["b"]
