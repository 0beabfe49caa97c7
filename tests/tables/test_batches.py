"""Every format gives its rows in Arrow, block by block."""

import json

import pandas as pd
import pyarrow as pa
import pytest

from mislabel.tables import delimited, json_columns, write_table
from mislabel.tables.json_columns import JSON_CELLS
from mislabel.tables.registry import open_format


@pytest.mark.parametrize("ending", ["csv", "tsv.gz", "jsonl", "json", "parquet", "xlsx"])
def test_all_rows_in_order(tmp_path, monkeypatch, ending):
    monkeypatch.setattr(delimited, "BLOCK", 3)
    monkeypatch.setattr(json_columns, "BLOCK", 3)
    frame = pd.DataFrame({"text": [f"={k}" for k in range(8)], "n": range(8)})
    write_table(frame, tmp_path / f"t.{ending}")
    format, file = open_format(tmp_path / f"t.{ending}")
    batches = list(format.batches(file))
    assert all(isinstance(batch, pa.RecordBatch) for batch in batches)
    if ending in ("csv", "tsv.gz", "jsonl", "json"):
        assert [len(batch) for batch in batches] == [3, 3, 2]
    table = pa.Table.from_batches(batches)
    assert table.column("text").to_pylist() == frame["text"].tolist()
    assert list(map(int, table.column("n").to_pylist())) == frame["n"].tolist()  # as text in CSV


def test_json_that_arrow_has_no_type_for_is_json_there(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"a": 1, "b": [1, {"x": 2}], "c": "\\ud800"}\n{"a": "x"}\n')
    format, file = open_format(tmp_path / "t.jsonl")
    (batch,) = format.batches(file)
    marked = [field.name for field in batch.schema if field.metadata == JSON_CELLS]
    assert marked == ["a", "b", "c"]
    assert [None if cell is None else json.loads(cell) for cell in batch.column("b").to_pylist()] == [
        [1, {"x": 2}], None,
    ]  # fmt: skip
    assert [json.loads(cell) for cell in batch.column("a").to_pylist()] == [1, "x"]
