"""Several files that are one table, written by pyarrow in the layouts of the datasets library."""

import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mislabel.errors import InputError
from mislabel.modalities.loading import load_dataset
from mislabel.tables import columns, read_table, write_table
from mislabel.tables.sources import find_table, holds_tables


def table(begin, end):
    return pa.table({"text": [f"row {number}" for number in range(begin, end)], "n": list(range(begin, end))})


def stream(path, content: pa.Table):
    path.parent.mkdir(parents=True, exist_ok=True)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, content.schema) as writer:
        writer.write_table(content, max_chunksize=7)
    return path


def saved(folder, *parts: pa.Table, features=None, split=None):
    """A folder as Dataset.save_to_disk writes it."""
    names = [f"data-{number:05}-of-{len(parts):05}.arrow" for number in range(len(parts))]
    for name, part in zip(names, parts, strict=True):
        stream(folder / name, part)
    state = {"_data_files": [{"filename": name} for name in names], "_fingerprint": "0", "_split": split}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "dataset_info.json").write_text(json.dumps({"features": features or {}}))
    return folder


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_a_folder_and_a_glob_in_the_order_of_people(tmp_path, ending):
    folder = tmp_path / "shards"
    folder.mkdir()
    for number in (0, 1, 2, 10):
        part = table(10 * number, 10 * number + 10)
        if ending == "parquet":
            pq.write_table(part, folder / f"part-{number}.parquet")
        else:
            stream(folder / f"part-{number}.arrow", part)
    (folder / "README.md").write_text("about")
    (folder / ".hidden.parquet").write_text("x")
    (folder / "_metadata.parquet").write_text("x")
    for source in (folder, str(folder), f"{folder}/part-*.{ending}", f"hf:{folder}"):
        frame = read_table(source)
        assert frame["n"].tolist() == [*range(30), *range(100, 110)]
        assert columns(source) == ["text", "n"]
        assert holds_tables(source)
    assert read_table(f"{folder}/part-1*")["n"].tolist() == [*range(10, 20), *range(100, 110)]
    dataset = load_dataset(folder, text="text", label="n", missing="unlabeled")
    assert dataset.source == str(folder)
    assert load_dataset(f"hf:{folder}", text="text", label="n").source == f"hf:{folder}"


def test_parts_become_the_split(tmp_path):
    for part, begin in (("train", 0), ("validation", 10), ("test", 20)):
        pq.write_table(table(begin, begin + 4), tmp_path / f"{part}-00000-of-00001.parquet")
    frame = read_table(tmp_path)
    assert frame["split"].value_counts().to_dict() == {"train": 4, "validation": 4, "test": 4}
    assert frame.attrs["split"] == "split"
    assert "has the parts test, train, validation, which became the column 'split'" in frame.attrs["notes"][0]
    labelled = frame.assign(label=["a", "b"] * 6)
    assert load_dataset(labelled, text="text", label="label").split.tolist() == ["train"] * 12  # a frame says nothing
    dataset = load_dataset(tmp_path, text="text", label="n", missing="unlabeled")
    assert dataset.split.tolist() == ["test"] * 4 + ["train"] * 4 + ["valid"] * 4
    assert read_table(f"hf:{tmp_path}:test")["n"].tolist() == [20, 21, 22, 23]
    assert "split" not in read_table(f"{tmp_path}/train-*.parquet")
    with pytest.raises(InputError, match="has no part 'dev'; there are test, train, validation"):
        read_table(f"hf:{tmp_path}:dev")
    pq.write_table(table(0, 1), tmp_path / "unsupervised-0.parquet")
    with pytest.raises(InputError, match="files of the part 'test' and files of none, 'unsupervised-0.parquet'"):
        read_table(tmp_path)


def test_parts_by_folder_and_a_column_of_the_same_name(tmp_path):
    for part in ("train", "test"):
        (tmp_path / "data" / part).mkdir(parents=True)
        pq.write_table(table(0, 2).append_column("split", pa.array(["x", "y"])), tmp_path / "data" / part / "0.parquet")
    frame = read_table(tmp_path)
    assert frame["split"].tolist() == ["x", "y", "x", "y"]
    assert frame["part"].tolist() == ["test", "test", "train", "train"]
    assert frame.attrs["split"] == "part"
    dataset = load_dataset(tmp_path, text="text", label="n", missing="unlabeled")
    assert dataset.split.tolist() == ["test", "test", "train", "train"]


FEATURES = {"label": {"names": ["zebra", "ant"], "_type": "ClassLabel"}, "text": {"_type": "Value"}}


def test_what_save_to_disk_wrote(tmp_path):
    first, second = table(0, 9).append_column("label", pa.array([0, 1, -1] * 3)), table(9, 12)
    second = second.append_column("label", pa.array([1, None, 0]))
    folder = saved(tmp_path / "one", first, second, features=FEATURES, split="train")
    stream(folder / "cache-1.arrow", table(0, 1))  # which the library leaves beside
    frame = read_table(folder)
    assert frame["n"].tolist() == list(range(12))
    assert frame["label"].cat.categories.tolist() == ["zebra", "ant"]
    assert frame["label"].astype(object).where(frame["label"].notna(), None).tolist() == [
        *["zebra", "ant", None] * 3, "ant", None, "zebra",
    ]  # fmt: skip
    assert "split" not in frame
    (folder / "data-00001-of-00002.arrow").unlink()
    with pytest.raises(InputError, match="lacks 'data-00001-of-00002.arrow', which its state.json names"):
        read_table(folder)


def test_parts_of_a_dictionary_of_data_sets(tmp_path):
    saved(tmp_path / "all" / "train", table(0, 6), split="train")
    saved(tmp_path / "all" / "test", table(6, 8), split="test")
    (tmp_path / "all" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    frame = read_table(tmp_path / "all")
    assert frame["split"].tolist() == ["train"] * 6 + ["test"] * 2
    assert read_table(f"hf:{tmp_path / 'all'}:test")["n"].tolist() == [6, 7]
    assert read_table(tmp_path / "all" / "test")["n"].tolist() == [6, 7]
    dataset = load_dataset(tmp_path / "all", text="text", label="n", split="split", missing="unlabeled")
    assert dataset.split.tolist() == ["train"] * 6 + ["test"] * 2
    (tmp_path / "all" / "dataset_dict.json").write_text('{"splits": ["train", "gone"]}')
    with pytest.raises(InputError, match="names the part 'gone', but .* holds no data set"):
        read_table(tmp_path / "all")
    (tmp_path / "all" / "dataset_dict.json").write_text("{")
    with pytest.raises(InputError, match="is not JSON .*the folder is damaged"):
        read_table(tmp_path / "all")


def test_one_arrow_file_as_stream_and_with_a_footer(tmp_path):
    stream(tmp_path / "stream.arrow", table(0, 20))
    with pa.OSFile(str(tmp_path / "file.feather"), "wb") as sink, pa.ipc.new_file(sink, table(0, 20).schema) as writer:
        writer.write_table(table(0, 20))
    for name in ("stream.arrow", "file.feather"):
        assert read_table(tmp_path / name)["n"].tolist() == list(range(20))
        with pytest.raises(InputError, match=r"files are read and not written; the name must end in \.csv"):
            write_table(pd.DataFrame({"a": [1]}), tmp_path / name)


def test_names_of_classes_that_the_schema_notes(tmp_path):
    about = {b"huggingface": json.dumps({"info": {"features": FEATURES}}).encode()}
    content = pa.table({"text": ["a", "b"], "label": [1, 0]}).replace_schema_metadata(about)
    stream(tmp_path / "t.arrow", content)
    assert read_table(tmp_path / "t.arrow")["label"].tolist() == ["ant", "zebra"]
    pq.write_table(content, tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet")["label"].tolist() == [1, 0]  # as a Parquet file has always been read
    assert read_table(f"hf:{tmp_path / 't.parquet'}")["label"].tolist() == ["ant", "zebra"]


def test_a_stream_that_was_cut_off_is_no_shorter_table(tmp_path):
    path = stream(tmp_path / "t.arrow", table(0, 50))
    content = path.read_bytes()
    for length in range(len(content) - 8, 100, -97):
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match=r"may be cut off|not an Arrow file"):
            read_table(path)


def test_files_that_are_no_table_together(tmp_path):
    pq.write_table(table(0, 2), tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": ["x"]}), tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r"b.parquet has no column 'n', unlike .*a.parquet"):
        read_table(tmp_path)
    pq.write_table(pa.table({"n": ["x"], "text": ["y"]}), tmp_path / "b.parquet")
    with pytest.raises(InputError, match="has other types of columns than"):
        read_table(tmp_path)
    pq.write_table(pa.table({"n": pa.array([None], pa.int64()), "text": ["y"]}), tmp_path / "b.parquet")
    assert read_table(tmp_path)["n"].tolist() == [0, 1, pd.NA]  # in another order of columns
    with pytest.raises(InputError, match="no file is called like"):
        read_table(f"{tmp_path}/*.arrow")
    (tmp_path / "c.csv").write_text("a\n1\n")
    with pytest.raises(InputError, match="matches 'c.csv': files that are read together as one table are all"):
        read_table(f"{tmp_path}/*")
    stream(tmp_path / "d.arrow", table(0, 1))
    with pytest.raises(InputError, match=r"holds \.arrow and \.parquet files: name those"):
        read_table(tmp_path)


def test_a_first_file_of_gaps_takes_the_type_of_the_next(tmp_path):
    pq.write_table(pa.table({"t": pa.nulls(2)}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"t": ["x"]}), tmp_path / "b.parquet")
    column = read_table(tmp_path)["t"]
    assert column.isna().tolist() == [True, True, False]
    assert column[2] == "x"


def test_a_stored_table_gives_single_columns(tmp_path):
    for part, begin in (("train", 0), ("test", 3)):
        pq.write_table(table(begin, begin + 3), tmp_path / f"{part}.parquet")
    stored = find_table(tmp_path).stored()
    assert stored.names == ["text", "n", "split"]
    assert stored.column("n").tolist() == [3, 4, 5, 0, 1, 2]
    assert stored.column("split").tolist() == ["test"] * 3 + ["train"] * 3
    pd.testing.assert_frame_equal(stored.frame(), read_table(tmp_path))
