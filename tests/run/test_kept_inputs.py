"""What a run keeps of its inputs: read by id and by place, and said to be damaged where it is."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mislabel.errors import RunError
from mislabel.run.folder import RunFolder
from mislabel.run.kept_inputs import read_by_id


def test_only_the_rows_asked_for_are_read_from_any_group(tmp_path):
    folder = RunFolder(tmp_path)
    rows = pa.table({"id": range(1000), "input": [None if k % 7 == 0 else b"%d" % k for k in range(1000)]})
    pq.write_table(rows, folder.inputs, row_group_size=64)
    assert read_by_id(folder.inputs, [999, 3, 70, 12345]) == {3: b"3", 70: None, 999: b"999"}
    assert read_by_id(folder.inputs, []) == read_by_id(folder.inputs, ["not a number"]) == {}


def test_a_file_of_inputs_that_cannot_be_read_is_said_so(tmp_path):
    folder = RunFolder(tmp_path)
    folder.inputs.write_bytes(b"not a table")
    with pytest.raises(RunError, match=r"inputs\.parquet cannot be read"):
        read_by_id(folder.inputs, [1])
    pq.write_table(pa.table({"id": [1], "other": ["x"]}), folder.inputs)
    with pytest.raises(RunError, match=r"inputs\.parquet cannot be read"):
        read_by_id(folder.inputs, [1])
