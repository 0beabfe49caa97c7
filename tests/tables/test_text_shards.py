"""Several CSV or JSON files that are one table: what they hold is what one file with all of their rows holds."""

import gzip
import json

import pandas as pd
import pytest

from mislabel.errors import InputError
from mislabel.modalities import modality
from mislabel.modalities.loading import load_dataset, open_source
from mislabel.tables import check_columns, columns, read_table, write_table
from mislabel.tables.location import locate
from mislabel.tables.sources import becomes_part, find_table, holds_tables

ROWS = pd.DataFrame(
    {
        "text": ["a,b", "=1+1", 'say "no"', "", "lines\nof text", "ä", "7"],
        "code": ["007", "8", "1.10", "2", "3", "4", "x"],  # text, as the last cell says
        "n": [1, 2, 3, 4, 5, 6, 7],
        "share": [0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.25],
    }
)
CUTS = [(0, 1), (1, 4), (4, 7)]


def write_shards(folder, ending, frame=ROWS, cuts=CUTS):
    folder.mkdir(parents=True, exist_ok=True)
    for number, (begin, end) in enumerate(cuts):
        write_table(frame[begin:end], folder / f"part-{3 * number}{ending}")
    return folder


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".json", ".csv.gz", ".jsonl.gz"])
def test_shards_are_one_table(tmp_path, ending):
    folder = write_shards(tmp_path / "shards", ending)
    (folder / "README.md").write_text("about")
    (folder / ".hidden.csv").write_text("x")
    write_table(ROWS, tmp_path / f"whole{ending}")
    expected = read_table(tmp_path / f"whole{ending}")
    for source in (folder, f"{folder}/part-*", f"{folder}/*{ending}"):
        pd.testing.assert_frame_equal(read_table(source), expected)
        assert columns(source) == list(ROWS)
        assert holds_tables(source)
        check_columns(source, {"text": ["text"], "label": ["n"]})
    stored, one = find_table(folder).stored(["text"]), find_table(tmp_path / f"whole{ending}").stored(["text"])
    pd.testing.assert_frame_equal(stored.frame(), one.frame())
    for name, written in (("a", stored), ("b", one)):
        written.rewrite({}, locate(tmp_path / f"{name}{ending}"))
    assert (tmp_path / f"a{ending}").read_bytes()[10:] == (tmp_path / f"b{ending}").read_bytes()[10:]  # gzip's date
    dataset = load_dataset(folder, text="text", label="n")
    assert dataset.source == str(folder)
    assert len(dataset) == 7


def test_files_are_in_the_order_of_people(tmp_path):
    for number in (10, 2, 1):
        (tmp_path / f"d-{number}.csv").write_text(f"n,m\n{number},x\n")
    assert read_table(tmp_path)["n"].tolist() == [1, 2, 10]
    assert read_table(f"{tmp_path}/d-1*.csv")["n"].tolist() == [1, 10]


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_parts_become_the_split(tmp_path, ending):
    for part, rows in (("train", ROWS[:5]), ("test", ROWS[5:])):
        write_table(rows, tmp_path / f"{part}-0{ending}")
    frame = read_table(tmp_path)
    assert list(frame) == ["text", "code", "n", "share", "split"] == columns(tmp_path)
    assert frame["split"].tolist() == ["test"] * 2 + ["train"] * 5
    assert frame.attrs["split"] == "split"
    assert f"{tmp_path} has the parts test, train, which became the column 'split'" in frame.attrs["notes"]
    stored = find_table(tmp_path).stored(["text"])
    assert stored.column("split").tolist() == ["test"] * 2 + ["train"] * 5
    assert load_dataset(tmp_path, text="text", label="n").split.tolist() == ["test"] * 2 + ["train"] * 5
    write_table(ROWS, tmp_path / f"more{ending}")
    with pytest.raises(InputError, match="files of the part 'test' and files of none, 'more"):
        read_table(tmp_path)


def test_columns_may_stand_in_another_order(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text("y,x\n3,4\n")
    assert read_table(tmp_path)[["x", "y"]].to_numpy().tolist() == [[1, 2], [4, 3]]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.csv": "x,y\n1,2\n", "b.csv": "x\n1\n"}, r"b.csv has no column 'y', unlike .*a.csv"),
        ({"a.csv": "x,y\n1,2\n", "b.csv": "x,y,z\n1,2,3\n"}, r"b.csv has a column 'z', unlike .*a.csv"),
        ({"a.csv": "x,y\n1,2\n", "b.csv": "x,y\n1\n"}, r"b.csv, line 2: 1 cells where the header has 2"),
        ({"a.csv": "x,y\n1,2\n1,2\n", "b.csv": "x;y\n1,5;2\n2,5;2\n"}, "differ in what stands between cells"),
        ({"a.csv": "x,y\n1,2\n", "b.tsv": "x\ty\n1\t2\n"}, r"holds \.csv and \.tsv files: name those that you mean"),
        ({"a.csv": "x,y\n1,2\n", "b.jsonl": '{"x": 1, "y": 2}\n'}, r"holds \.csv and \.jsonl files"),
        ({"a.jsonl": '{"x": 1}\n', "b.jsonl": '{"y": 1}\n'}, r"b.jsonl has no column 'x', unlike .*a.jsonl"),
        ({"a.jsonl": '{"x": 1}\n', "b.jsonl": '{"x": 1}\n{"x"\n'}, r"b.jsonl, line 2: not JSON"),
        ({"a.csv": "x,y\n1,2\n", "b.png": "x"}, "is a folder of other things than tables of one kind"),
    ],
)
def test_files_that_are_no_table_together(tmp_path, files, message):
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=message):
        read_table(tmp_path)


def test_a_key_may_be_missing_from_objects_but_not_from_a_file(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"x": 1}\n{"x": 2, "y": [1]}\n')
    (tmp_path / "b.jsonl").write_text('{"y": [2], "x": 3}\n')
    frame = read_table(tmp_path)
    assert frame["x"].tolist() == [1, 2, 3]
    assert frame["y"].tolist() == [None, [1], [2]]


def test_a_glob_of_two_kinds_is_no_table(tmp_path):
    write_shards(tmp_path, ".csv")
    write_shards(tmp_path, ".jsonl")
    with pytest.raises(InputError, match="matches 'part-0.jsonl', 'part-3.jsonl', 'part-6.jsonl': files that"):
        read_table(f"{tmp_path}/*")
    (tmp_path / "x.xlsx").write_bytes(b"x")
    with pytest.raises(InputError, match=r"matches 'x.xlsx': files that"):
        read_table(f"{tmp_path}/x.*")


def test_a_table_beside_images_leaves_them_a_folder_of_images(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(b"x")
    (tmp_path / "metadata.csv").write_text("file_name,x\ncat/1.png,1\n")
    assert not holds_tables(tmp_path)
    own = open_source(tmp_path)
    assert own is not None
    assert own.frame["label"].tolist() == ["cat", "dog"]
    assert modality("image").own_id == own.roles["id"]


def test_parts_within_one_file_are_told_how_to_be_written(tmp_path):
    rows = json.loads(ROWS.to_json(orient="records"))
    (tmp_path / "d.json").write_text(json.dumps({"train": rows, "test": rows[:2]}))
    with pytest.raises(
        InputError, match=r"several tables \(train, test\), the parts of the data.*one folder, as train.json, and name"
    ):
        read_table(tmp_path / "d.json")
    with gzip.open(tmp_path / "e.json.gz", "wt") as handle:
        handle.write(json.dumps({"version": 1, "validation": rows, "test": rows[:2]}))
    with pytest.raises(InputError, match=r"\(validation, test\), the parts of the data"):
        read_table(tmp_path / "e.json.gz")


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_what_would_become_a_part_of_the_data_is_known(tmp_path, ending):
    folder = write_shards(tmp_path / "d", ending)
    (folder / "deeper").mkdir()
    inside = [folder / f"new{ending}", folder / f"part-0{ending}", folder / "deeper" / f"new{ending}"]
    for source in (folder, str(folder), f"hf:{folder}"):
        assert all(becomes_part(output, source) for output in inside)
        assert not becomes_part(tmp_path / f"new{ending}", source)
    assert becomes_part(folder / "new.xlsx", folder) == (ending != ".parquet")
    assert becomes_part(folder / f"part-9{ending}", f"{folder}/part-*")
    assert not becomes_part(folder / f"new{ending}", f"{folder}/part-*")
    assert not becomes_part(folder / f"part-0{ending}", folder / f"part-0{ending}")
