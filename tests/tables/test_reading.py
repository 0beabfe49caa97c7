"""Tables: every format gives back what went in, and every broken file says what is wrong with it."""

import datetime
import json
import os
import stat

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mislabel.errors import InputError
from mislabel.tables import pick_column, read_table, write_table
from mislabel.tables.reading import as_frame

FORMATS = ["csv", "tsv", "jsonl", "ndjson", "json", "parquet"]
TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12)


def frame_with_everything() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "text": ["plain", 'say "hi", twice', "two\r\nlines", "tab\there", "NA", "null", ""],
            "label": [0, 1, -5, 3, 10**15, 0, 1],
            "gap": pd.array([1, None, 3, None, 5, 6, 7], dtype="Int64"),
            "flag": [True, False, True, True, False, True, False],
            "score": [0.1, 1e-20, -2.5, np.nan, np.inf, 1 / 3, 0.0],
            "code": ["007", "7", "1e5x", "a", "b", "ü", "😀"],
        }
    )


@pytest.mark.parametrize("ending", FORMATS)
def test_round_trip(tmp_path, ending):
    frame = frame_with_everything()
    if "json" in ending:  # which has no word for it
        with pytest.raises(InputError, match=r"the column 'score' holds an infinite number, which JSON cannot"):
            write_table(frame, tmp_path / f"t.{ending}")
        assert list(tmp_path.iterdir()) == []
        frame["score"] = frame["score"].replace(np.inf, 1e300)
    write_table(frame, tmp_path / f"t.{ending}")
    pd.testing.assert_frame_equal(read_table(tmp_path / f"t.{ending}"), frame)


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXT, min_size=1, max_size=6))
@example(texts=["\r", "\n", '"', "\0", "\ufeff", "=cmd()", " x "])
@example(texts=[""])
def test_any_text_survives_a_round_trip(tmp_path, ending, texts):
    path = tmp_path / f"t.{ending}"
    write_table(pd.DataFrame({"text": texts}), path)
    assert read_table(path, strings=["text"])["text"].tolist() == texts


def test_the_same_bytes_are_read_by_pandas(tmp_path):
    """An independent reader agrees with what was written."""
    frame = frame_with_everything()[["text", "label", "score"]]
    write_table(frame, tmp_path / "t.csv")
    other = pd.read_csv(tmp_path / "t.csv", keep_default_na=False, na_values={"score": [""]}, lineterminator=None)
    assert other["text"].tolist() == frame["text"].tolist()
    assert other["label"].tolist() == frame["label"].tolist()
    write_table(frame.replace(np.inf, 1e300), tmp_path / "t.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "t.jsonl").read_bytes().decode().split("\n")[:-1]]
    assert [line["text"] for line in lines] == frame["text"].tolist()
    assert lines[3]["score"] is None


@pytest.mark.parametrize("ending", FORMATS)
def test_broken_characters_can_be_written(tmp_path, ending):
    frame = pd.DataFrame({"text": pd.Series(["a\ud800b", "\ud83d\ude00"], dtype=object)})
    write_table(frame, tmp_path / f"t.{ending}")
    assert read_table(tmp_path / f"t.{ending}")["text"].tolist() == ["a\ufffdb", "😀"]


def test_a_written_file_is_private_and_replaces_at_once(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("old")
    write_table(pd.DataFrame({"a": [1]}), path)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert path.read_bytes() == b"a\n1\n"


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "t.parquet"
    path.write_bytes(b"old")
    with pytest.raises(InputError, match="Parquet cannot hold"):
        write_table(pd.DataFrame({"a": pd.Series([1, "x"], dtype=object)}), path)
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["t.parquet"]


def test_json_lines_hold_dates_and_arrays_as_plain_values(tmp_path):
    cells = [datetime.date(2020, 1, 2), np.array([1, 2]), np.int64(3)]
    write_table(pd.DataFrame({"a": pd.Series(cells, dtype=object)}), tmp_path / "t.jsonl")
    assert (tmp_path / "t.jsonl").read_text() == '{"a": "2020-01-02"}\n{"a": [1, 2]}\n{"a": 3}\n'


class TestParquet:
    def test_categories_stay(self, tmp_path):
        frame = pd.DataFrame({"c": pd.Categorical(["b", "a", None], categories=["b", "a", "z"], ordered=True)})
        write_table(frame, tmp_path / "t.parquet")
        pd.testing.assert_frame_equal(read_table(tmp_path / "t.parquet"), frame)

    def test_dictionary_column(self, tmp_path):
        pq.write_table(pa.table({"c": pa.array(["x", "y", "x"]).dictionary_encode()}), tmp_path / "t.parquet")
        column = read_table(tmp_path / "t.parquet")["c"]
        assert isinstance(column.dtype, pd.CategoricalDtype)
        assert column.tolist() == ["x", "y", "x"]

    def test_whole_numbers_with_gaps_stay_whole(self, tmp_path):
        pq.write_table(pa.table({"c": pa.array([2**60 + 1, None])}), tmp_path / "t.parquet")
        column = read_table(tmp_path / "t.parquet")["c"]
        assert column[0] == 2**60 + 1  # a float would have lost the last digit
        assert column[1] is pd.NA

    def test_an_index_becomes_a_column(self, tmp_path):
        pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="id")).to_parquet(tmp_path / "t.parquet")
        frame = read_table(tmp_path / "t.parquet")
        assert frame["id"].tolist() == ["x", "y"]
        assert frame.index.tolist() == [0, 1]

    def test_broken(self, tmp_path):
        (tmp_path / "t.parquet").write_bytes(b"PAR1 no more than this")
        with pytest.raises(InputError, match="not a Parquet file"):
            read_table(tmp_path / "t.parquet")


class TestFilesThatCannotBeRead:
    def test_missing_names_a_near_one(self, tmp_path):
        (tmp_path / "train.csv").write_text("a\n1\n")
        with pytest.raises(InputError, match=r"does not exist; did you mean .*train\.csv"):
            read_table(tmp_path / "trian.csv")
        with pytest.raises(InputError, match="does not exist"):
            read_table(tmp_path / "no" / "such.csv")

    def test_folder(self, tmp_path):
        with pytest.raises(InputError, match="is a folder"):
            read_table(tmp_path)

    @pytest.mark.parametrize("name", ["t.ods", "t", "t.doc.gz"])
    def test_unknown_ending(self, tmp_path, name):
        (tmp_path / name).write_text("x")
        with pytest.raises(InputError, match=r"\.csv, \.tsv, \.jsonl .*\.parquet"):
            read_table(tmp_path / name)
        with pytest.raises(InputError, match=r"\.csv, \.tsv, \.jsonl .*\.parquet"):
            write_table(pd.DataFrame({"a": [1]}), tmp_path / name)

    @pytest.mark.parametrize("ending", FORMATS)
    def test_zero_bytes(self, tmp_path, ending):
        (tmp_path / f"t.{ending}").write_bytes(b"")
        with pytest.raises(InputError, match="0 bytes"):
            read_table(tmp_path / f"t.{ending}")

    @pytest.mark.parametrize("ending", ["csv", "jsonl"])
    @pytest.mark.parametrize("before", [0, 5, 3 * 2**20])
    def test_not_utf8_names_the_byte(self, tmp_path, ending, before):
        # "é" in two bytes lies across the border of the blocks in which the file is searched.
        good = ("x" * (before - 2) + "é").encode() if before else b""
        (tmp_path / f"t.{ending}").write_bytes(good + b"caf\xe9 und so weiter\n")
        with pytest.raises(InputError, match=rf"offset {before + 3} .*iconv -f WINDOWS-1252 -t UTF-8"):
            read_table(tmp_path / f"t.{ending}")

    def test_utf16_is_recognised(self, tmp_path):
        (tmp_path / "t.csv").write_bytes("a,b\n1,2\n".encode("utf-16"))
        with pytest.raises(InputError, match=r"offset 0 .*iconv -f UTF-16"):
            read_table(tmp_path / "t.csv")

    def test_a_character_cut_at_the_end(self, tmp_path):
        (tmp_path / "t.csv").write_bytes("a\nbé".encode()[:-1])
        with pytest.raises(InputError, match="offset 3"):
            read_table(tmp_path / "t.csv")


class TestPickColumn:
    frame = pd.DataFrame({"Text": ["a"], "label": [1], 3: [2]})

    def test_found(self):
        assert pick_column(self.frame, "label", "label").tolist() == [1]
        assert pick_column(self.frame, "3", "id").tolist() == [2]

    def test_nearest_name_and_all_names(self):
        with pytest.raises(InputError) as caught:
            pick_column(self.frame, "text", "text")
        assert 'no text column "text"' in str(caught.value)
        assert 'did you mean "Text"?' in str(caught.value)
        assert "Text, label, 3" in str(caught.value)

    def test_twice(self):
        twice = pd.DataFrame([[1, 2]], columns=["a", "a"])
        with pytest.raises(InputError, match='2 columns are named "a"'):
            pick_column(twice, "a", "label")

    def test_several_tables(self):
        with pytest.raises(InputError, match=r"a dict has the splits other, train; pick one.*dataset\['train'\]"):
            pick_column({"other": self.frame, "train": self.frame}, "label", "label")
        with pytest.raises(InputError, match=r"not all of test, train have the column 'more'"):
            pick_column({"test": self.frame, "train": self.frame.assign(more=1)}, "label", "label")
        assert pick_column({"test": self.frame, "train": self.frame}, "label", "label").tolist() == [1, 1]

    def test_dict_of_lists(self):
        with pytest.raises(InputError, match=r"pandas\.DataFrame\(data\)"):
            pick_column({"label": [1]}, "label", "label")

    def test_iterable(self):
        class IterableDataset:
            pass

        class Streamed(IterableDataset):
            def __len__(self):
                return 1

        for source in (Streamed(), (row for row in [1])):
            with pytest.raises(InputError, match="needs random access by id"):
                pick_column(source, "label", "label")

    def test_something_else(self):
        with pytest.raises(InputError, match="a list was given"):
            pick_column([1], "label", "label")

    def test_arrow_table(self):
        assert as_frame(pa.table({"a": [1, None]}))["a"].tolist() == [1, pd.NA]
