"""What an export writes, read again with other libraries; labels and decisions are set by hand."""

import csv
import json
import stat
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from animals import SUGGESTED
from fake_runs import decide, make_run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mislabel.decisions.events import Decision
from mislabel.errors import InputError
from mislabel.exchange import export as export_module
from mislabel.exchange.export import export
from mislabel.exchange.importing import import_decisions
from mislabel.tables.formulas import is_formula, neutralised, restored


def cells(path: Path, delimiter: str = ",") -> list[list[str]]:
    with open(path, encoding="utf-8", newline="") as handle:
        return list(csv.reader(handle, delimiter=delimiter))


def test_every_cell_of_a_csv_file_but_the_decided_labels_stays_as_it_was(animals, tmp_path):
    decide(
        animals,
        Decision("a1", "suggestion", "dog", "cat"),
        Decision("a2", "keep", "dog", "dog"),
        Decision("a3", "label", "bird", "cat"),
        Decision("a4", "none", None, "dog"),
        Decision("a6", "unsure", None, "bird"),
    )
    told = export(animals, tmp_path / "out.csv")
    before, after = cells(tmp_path / "animals.csv"), cells(tmp_path / "out.csv")
    assert after[0] == ["id", "text", "label", "price", "note", "label_before", "decided_by"]
    assert [row[:2] + row[3:5] for row in after] == [row[:2] + row[3:5] for row in before]
    assert [row[2] for row in after[1:]] == ["dog", "dog", "bird", "", "", "bird"]
    assert [row[5] for row in after[1:]] == ["cat", "dog", "cat", "dog", "", "bird"]
    assert [row[6] for row in after[1:]] == ["person", "person", "person", "person", "kept", "kept"]
    counts = {"rows": 6, "person": 4, "suggestion": 0, "kept": 2, "changed": 3, "unsure": 1, "none": 1}
    assert told == {**counts, "output": str(tmp_path / "out.csv"), "formulas": 0}
    assert stat.S_IMODE((tmp_path / "out.csv").stat().st_mode) == 0o600


def test_without_decisions_nothing_changes(animals, tmp_path):
    told = export(animals, tmp_path / "out.csv")
    assert [row[:5] for row in cells(tmp_path / "out.csv")] == cells(tmp_path / "animals.csv")
    assert (told["changed"], told["kept"]) == (0, 6)
    assert not animals.decisions.exists()  # an export makes no store


@pytest.mark.parametrize(("least", "taken"), [(0.9, ["a1", "a6"]), (0.8, ["a1", "a2", "a6"]), (0.0, list(SUGGESTED))])
def test_suggestions_are_taken_where_asked_and_never_over_a_person(animals, tmp_path, least, taken):
    decide(animals, Decision("a6", "unsure", None, "bird"), Decision("a1", "keep", "cat", "cat"))
    export(animals, tmp_path / "out.csv", take_suggestions=least, unchecked=True)
    table = pd.read_csv(tmp_path / "out.csv", index_col="id", keep_default_na=False)
    for id in SUGGESTED:
        wanted = "suggestion" if id in taken and id not in ("a1", "a6") else "person" if id == "a1" else "kept"
        assert table.loc[id, "decided_by"] == wanted
        assert table.loc[id, "label"] == (SUGGESTED[id] if wanted == "suggestion" else table.loc[id, "label_before"])


def test_a_class_that_is_written_with_and_without_a_point(tmp_path):
    """A run has one class of 1 and 1.0; cells that nobody changed stay as they are written."""
    frame = pd.DataFrame({"id": list("abcd"), "label": ["1", "1", "2", "2"]})
    run = make_run(tmp_path / "run", frame, source=tmp_path / "d.csv", suggested={"a": "2", "d": "1"}, p={"a": 0.9})
    (tmp_path / "d.csv").write_text("id,label\na,1\nb,1.0\nc,2.0\nd,2.0\n", encoding="utf-8")
    decide(
        run,
        Decision("a", "suggestion", "2", "1"), Decision("b", "keep", "1", "1"), Decision("c", "keep", "2", "2"),
    )  # fmt: skip
    assert export(run, tmp_path / "out.csv")["changed"] == 1
    assert [row[1] for row in cells(tmp_path / "out.csv")[1:]] == ["2.0", "1.0", "2.0", "2.0"]


def test_rows_that_were_not_judged_keep_their_label(tmp_path):
    frame = pd.DataFrame({"id": [1, 2, 3], "label": ["x", "y", "y"]})
    frame.to_csv(tmp_path / "d.csv", index=False)
    run = make_run(
        tmp_path / "run", frame, source=tmp_path / "d.csv", suggested={1: "y", 2: "x"}, p={1: 1.0, 2: 1.0},
        status={1: "held_out"},
    )  # fmt: skip
    told = export(run, tmp_path / "out.csv", take_suggestions=0.5, unchecked=True)
    assert told["suggestion"] == 1
    assert pd.read_csv(tmp_path / "out.csv")["label"].tolist() == ["x", "x", "y"]


def test_a_parquet_file_keeps_its_schema_its_metadata_and_all_other_columns(tmp_path):
    labels = pa.array(["cat", "dog", None, "cat"]).dictionary_encode().cast(pa.dictionary(pa.int8(), pa.string()))
    schema = pa.schema(
        [
            pa.field("when", pa.timestamp("us", tz="UTC")),
            pa.field("kind", labels.type, metadata={"about": "the label"}),
            pa.field("vector", pa.list_(pa.float32())),
            pa.field("nested", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
            pa.field("key", pa.int32(), nullable=False),
        ],
        metadata={"made by": "a test"},
    )
    table = pa.table(
        [
            pa.array([datetime(2026, 1, day) for day in (1, 2, 3, 4)], schema.field(0).type),
            labels,
            pa.array([[1.5], [], None, [0.1, 0.2]], schema.field(2).type),
            pa.array([{"bytes": b"\x89PNG", "path": None}] * 4, schema.field(3).type),
            pa.array([10, 20, 30, 40], pa.int32()),
        ],
        schema=schema,
    )
    pq.write_table(table, tmp_path / "d.parquet", row_group_size=3)
    frame = pd.DataFrame({"key": [10, 20, 30, 40], "kind": ["cat", "dog", None, "cat"]})
    run = make_run(tmp_path / "run", frame, source=tmp_path / "d.parquet", label="kind", id="key")
    decide(run, Decision(10, "label", "axolotl", "cat"), Decision(20, "none", None, "dog"))
    export(run, tmp_path / "out.parquet")
    found, before = pq.read_table(tmp_path / "out.parquet"), pq.read_table(tmp_path / "d.parquet")
    assert found.schema.names == [*schema.names, "label_before", "decided_by"]
    assert found.schema.field("kind").equals(before.schema.field("kind"), check_metadata=True)
    assert found.schema.metadata == before.schema.metadata
    others = ["when", "vector", "nested", "key"]
    assert found.select(others).equals(before.select(others), check_metadata=True)
    assert found["kind"].to_pylist() == ["axolotl", None, None, "cat"]
    assert found["label_before"].type == before.schema.field("kind").type
    assert found["label_before"].to_pylist() == ["cat", "dog", None, "cat"]
    assert found["decided_by"].to_pylist() == ["person", "person", "kept", "kept"]
    for ending in ("csv", "jsonl"):
        with pytest.raises(InputError, match=r"the column '(vector|nested)' holds .*write \.parquet"):
            export(run, tmp_path / f"out.{ending}")
        assert not (tmp_path / f"out.{ending}").exists()


@pytest.mark.parametrize(
    ("values", "kind", "new"),
    [
        ([3, 5, 3], pa.int8(), 5),
        ([3, 5, 3], pa.uint64(), 5),
        ([3.0, 5.0, 3.0], pa.float64(), 5),
        ([True, False, True], pa.bool_(), False),
        (["3", "5", "3"], pa.large_string(), "5"),
        (["x", "y", "x"], pa.dictionary(pa.int32(), pa.string(), ordered=True), "y"),
    ],
)
def test_a_new_label_has_the_type_of_the_column_in_every_format(tmp_path, values, kind, new):
    plain = pa.array(values, kind.value_type if pa.types.is_dictionary(kind) else kind)
    table = pa.table({"id": pa.array(["a", "b", "c"]), "label": plain.cast(kind)})
    pq.write_table(table, tmp_path / "d.parquet")
    frame = pd.DataFrame({"id": ["a", "b", "c"], "label": values})
    run = make_run(tmp_path / "run", frame, source=tmp_path / "d.parquet")
    decide(run, Decision("a", "label", new, values[0]), Decision("c", "none", None, values[2]))
    export(run, tmp_path / "out.parquet")
    found = pq.read_table(tmp_path / "out.parquet")
    assert found["label"].type == kind
    assert found["label"].to_pylist() == [new, values[1], None]
    export(run, tmp_path / "out.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["label"] for line in lines] == [new, values[1], None]
    assert [type(line["label_before"]) for line in lines] == [type(value) for value in values]
    export(run, tmp_path / "out.tsv")
    assert [row[1] for row in cells(tmp_path / "out.tsv", "\t")[1:]] == [str(values[1]), str(values[1]), ""]


def test_json_lines_keep_types_nesting_order_and_absent_keys(tmp_path):
    rows = [
        {"label": 1, "id": "a", "deep": {"x": [1, {"y": None}]}, "f": 1.0, "big": 10**30, "t": "\ud800é"},
        {"id": "b", "label": 2, "flag": True, "e": 1e-7},
        {"id": "c", "t": "no label"},
    ]
    text = "".join(json.dumps(row) + "\n\n" for row in rows)
    (tmp_path / "d.jsonl").write_text(text, encoding="utf-8")
    frame = pd.DataFrame({"id": ["a", "b", "c"], "label": pd.array([1, 2, None], dtype="Int64")})
    run = make_run(tmp_path / "run", frame, source=tmp_path / "d.jsonl")
    decide(run, Decision("a", "label", 2, 1))
    export(run, tmp_path / "out.jsonl")
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    wanted = [
        {**rows[0], "label": 2, "label_before": 1, "decided_by": "person"},
        {**rows[1], "label_before": 2, "decided_by": "kept"},
        {**rows[2], "label_before": None, "decided_by": "kept"},
    ]
    assert [json.dumps(one) for one in found] == [json.dumps(one) for one in wanted]  # the order of keys too


def test_from_csv_to_parquet_columns_get_the_types_that_the_run_gave_them(animals, tmp_path):
    decide(animals, Decision("a4", "none", None, "dog"))
    export(animals, tmp_path / "out.parquet")
    table = pq.read_table(tmp_path / "out.parquet")
    assert table["price"].to_pylist() == ["007", "1.50", "1e3", "", "-0", "3"]  # 007 keeps the column text
    assert table["label"].to_pylist() == ["cat", "dog", "cat", None, "", "bird"]


@pytest.mark.parametrize("ending", ["jsonl", "parquet", "json"])
def test_no_cell_of_a_csv_file_loses_its_writing_in_another_format(tmp_path, ending):
    """1.10 and 1.1 are two ids; a version keeps its zero; features alone are numbers, as they were for the run."""
    text = "id,version,n,f_1,f_2,label\n1.10,2.50,1,0.10,x,a\n1.1,3.0,2,0.25,y,b\n1.2,1e3,3,1e3,x,a\n2.0,4,,2,y,b\n"
    (tmp_path / "d.csv").write_text(text)
    frame = pd.read_csv(tmp_path / "d.csv", dtype={"id": str})
    run = make_run(tmp_path / "run", frame, source=tmp_path / "d.csv", modality="features", features="f_*")
    decide(run, Decision("1.10", "label", "b", "a"))
    export(run, tmp_path / f"out.{ending}")
    if ending == "parquet":
        rows = pq.read_table(tmp_path / "out.parquet").to_pylist()
    else:
        text = (tmp_path / f"out.{ending}").read_text()
        rows = json.loads(text) if ending == "json" else [json.loads(line) for line in text.splitlines()]
    assert [row["id"] for row in rows] == ["1.10", "1.1", "1.2", "2.0"]
    assert [row["version"] for row in rows] == ["2.50", "3.0", "1e3", "4"]
    assert [row["n"] for row in rows] == [1, 2, 3, None]
    assert [row["f_1"] for row in rows] == [0.1, 0.25, 1000.0, 2.0]
    assert [row["label"] for row in rows] == ["b", "b", "a", "b"]
    frame[["id", "label"]].to_csv(tmp_path / "labels.csv", index=False)  # all that is needed where there are ids
    assert export(run, tmp_path / f"out.{ending}", data=str(tmp_path / "labels.csv"))["person"] == 1


def test_json_is_one_array_and_valid_whatever_the_numbers(tmp_path):
    rows = [{"id": 1, "label": "x", "f": float("nan"), "deep": [1.5, {"a": float("nan")}]}, {"id": 2, "label": "y"}]
    (tmp_path / "d.json").write_text(json.dumps(rows))
    run = make_run(tmp_path / "run", pd.DataFrame(rows, columns=["id", "label"]), source=tmp_path / "d.json")
    export(run, tmp_path / "out.json", kind="cleanlab")

    def no_word(word):
        raise AssertionError(f"{word} is not JSON")

    found = json.loads((tmp_path / "out.json").read_text(), parse_constant=no_word)
    assert found[0]["deep"] == [1.5, {"a": None}]
    assert found[0]["f"] is None
    assert "f" not in found[1]
    assert [row["label"] for row in found] == ["x", "y"]
    assert pd.read_json(tmp_path / "out.json")["decided_by"].tolist() == ["kept", "kept"]
    infinite = pd.DataFrame({"id": [1, 2], "label": ["x", "y"], "f": [1.0, -np.inf]})
    infinite.to_json(tmp_path / "d.json", orient="records")
    (tmp_path / "d.json").write_text('[{"id": 1, "label": "x"}, {"id": 2, "label": "y", "f": -1e999}]')
    infinite.to_parquet(tmp_path / "d.parquet", index=False)
    for source in ("d.json", "d.parquet"):
        run = make_run(tmp_path / f"run {source}", infinite, source=tmp_path / source)
        with pytest.raises(InputError, match=r"the column 'f' holds an infinite number, which JSON cannot.*\.parquet"):
            export(run, tmp_path / "infinite.jsonl")
        assert not (tmp_path / "infinite.jsonl").exists()


@pytest.mark.parametrize(("new", "more"), [("low", []), ("unused", []), ("extra", ["extra"])])
def test_an_ordered_category_keeps_its_levels_and_their_order(tmp_path, new, more):
    levels = ["low", "mid", "high", "unused"]
    labels = pd.Categorical(["mid", "high", None, "mid"], categories=levels, ordered=True)
    frame = pd.DataFrame({"id": [0, 1, 2, 3], "label": labels})
    frame.to_parquet(tmp_path / "d.parquet", index=False, row_group_size=3)
    run = make_run(tmp_path / "run", frame, source=tmp_path / "d.parquet", classes=[*levels, "extra"])
    decide(run, Decision(0, "label", new, "mid"), Decision(1, "none", None, "high"))
    export(run, tmp_path / "out.parquet")
    found = pd.read_parquet(tmp_path / "out.parquet")
    for name, wanted in [("label", [new, None, None, "mid"]), ("label_before", ["mid", "high", None, "mid"])]:
        assert found[name].astype(object).where(found[name].notna(), None).tolist() == wanted
        assert found[name].cat.ordered
        assert found[name].cat.categories.tolist() == levels + (more if name == "label" else [])


def test_an_export_of_an_export_remembers_the_first_labels(animals, tmp_path):
    decide(animals, Decision("a1", "suggestion", "dog", "cat"), Decision("a2", "none", None, "dog"))
    export(animals, tmp_path / "first.csv", take_suggestions=0.95, unchecked=True)
    again = make_run(tmp_path / "again", pd.read_csv(tmp_path / "first.csv"), source=tmp_path / "first.csv")
    decide(again, Decision("a1", "label", "bird", "dog"), Decision("a3", "label", "dog", "cat"))
    told = export(again, tmp_path / "second.csv")
    assert cells(tmp_path / "second.csv")[0] == cells(tmp_path / "first.csv")[0]
    table = pd.read_csv(tmp_path / "second.csv", keep_default_na=False)
    assert table["label"].tolist() == ["bird", "", "dog", "dog", "", "cat"]
    assert table["label_before"].tolist() == ["cat", "dog", "cat", "dog", "", "bird"]
    assert table["decided_by"].tolist() == ["person", "person", "person", "kept", "kept", "suggestion"]
    assert (told["person"], told["changed"]) == (2, 2)


def test_no_suggestion_is_taken_over_a_person_of_an_earlier_review(tmp_path):
    text = "id,label,label_before,decided_by\n1,a,b,person\n2,b,b,kept\n3,a,a,suggestion\n"
    (tmp_path / "d.csv").write_text(text)
    run = make_run(
        tmp_path / "run", pd.read_csv(tmp_path / "d.csv"), source=tmp_path / "d.csv", suggested={1: "b", 3: "b"},
        p={1: 0.99, 3: 0.99},
    )  # fmt: skip
    told = export(run, tmp_path / "out.csv", take_suggestions=0.95, unchecked=True)
    assert cells(tmp_path / "out.csv")[1:] == [
        ["1", "a", "b", "person"], ["2", "b", "b", "kept"], ["3", "b", "a", "suggestion"],
    ]  # fmt: skip
    assert (told["suggestion"], told["changed"]) == (1, 1)


@pytest.mark.parametrize("column", ["label_before", "decided_by"])
def test_a_column_of_the_users_own_is_not_overwritten(tmp_path, column):
    frame = pd.DataFrame({"id": [1, 2], "label": ["x", "y"], column: ["mine", "too"]})
    frame.to_csv(tmp_path / "d.csv", index=False)
    run = make_run(tmp_path / "run", frame, source=tmp_path / "d.csv")
    with pytest.raises(InputError, match=f"{column}.*rename it"):
        export(run, tmp_path / "out.csv")
    frame.assign(label_before="a", decided_by="nobody").to_csv(tmp_path / "d.csv", index=False)
    with pytest.raises(InputError, match="holds 'nobody'.*rename them"):
        export(run, tmp_path / "out.csv")


def changed(path, **cells):
    frame = pd.read_csv(path, keep_default_na=False, dtype=str)
    for name, value in cells.items():
        frame.loc[0, name] = value
    return frame


def test_other_data_than_the_runs_are_refused_with_at_most_five_ids(animals, tmp_path):
    path, frame = tmp_path / "animals.csv", changed(tmp_path / "animals.csv")
    frame.iloc[1:].to_csv(path, index=False)
    with pytest.raises(InputError, match=r"1 rows of the run are not in it: 'a1'.*--data"):
        export(animals, tmp_path / "out.csv")
    frame.assign(label="dog").to_csv(path, index=False)
    with pytest.raises(InputError, match=r"3 rows have another label than the run was given: 'a1', 'a3', 'a6'"):
        export(animals, tmp_path / "out.csv")
    changed(path, id="a1", label="cat").assign(label=["cat", "dog", "cat", "dog", "dog", "bird"]).to_csv(
        path, index=False
    )
    with pytest.raises(InputError, match=r"1 rows have a label but are not in the run: 'a5'"):
        export(animals, tmp_path / "out.csv")
    frame.drop(columns="label").rename(columns={"note": "labels"}).to_csv(path, index=False)
    with pytest.raises(InputError, match=r'no label column "label" \(did you mean "labels"\?\)'):
        export(animals, tmp_path / "out.csv")


TEXTS = "text,label\none,a\ntwo,a\nthree,b\nfour,\n"
AGES = "age,kind,label\n1,x,a\n2.5,=y,a\n3,x,b\n4,=y,\n"


@pytest.mark.parametrize(
    ("text", "columns", "kept", "message"),
    [
        (TEXTS, {"text": "text"}, ["one", "two", "three"], "2 rows have another text than the run read"),
        (AGES, {"features": "age,kind", "modality": "features"}, ["age 1, kind=x", "age 2.5, kind==y", "age 3, kind=x"],
         "2 rows have other features than the run read"),
    ],
)  # fmt: skip
def test_rows_without_ids_that_changed_places_within_their_class_are_refused(tmp_path, text, columns, kept, message):
    source = tmp_path / "d.csv"
    source.write_text(text)
    run = make_run(tmp_path / "run", pd.read_csv(source), source=source, id=None, **columns)
    assert export(run, tmp_path / "out.csv")["by_place_alone"] is True  # such a run keeps nothing to compare
    pd.DataFrame({"id": [0, 1, 2], "input": kept}).to_parquet(run.inputs)
    assert "by_place_alone" not in export(run, tmp_path / "out.csv")
    header, first, second, *others = text.splitlines()
    source.write_text("\n".join([header, second, first, *others, ""]))
    with pytest.raises(InputError, match=rf"{message} in their place: 0, 1\. Give the data as they were"):
        export(run, tmp_path / "again.csv")
    assert not (tmp_path / "again.csv").exists()
    pd.read_csv(source)[["label"]].to_csv(tmp_path / "labels.csv", index=False)
    with pytest.raises(InputError, match='no text column "text"|no column of features is called "age"'):
        export(run, tmp_path / "again.csv", data=str(tmp_path / "labels.csv"))


def test_data_that_moved_are_named(animals, tmp_path):
    (tmp_path / "animals.csv").rename(tmp_path / "elsewhere.csv")
    with pytest.raises(InputError, match="not there any more.*--data"):
        export(animals, tmp_path / "out.csv")
    assert export(animals, tmp_path / "out.csv", data=str(tmp_path / "elsewhere.csv"))["rows"] == 6
    frame = pd.DataFrame({"id": [1], "label": ["x"]})
    with pytest.raises(InputError, match="does not say where its data are.*--data"):
        export(make_run(tmp_path / "in memory", frame), tmp_path / "out.csv")


def test_the_data_themselves_are_never_written_over(animals, tmp_path):
    before = (tmp_path / "animals.csv").read_bytes()
    with pytest.raises(InputError, match="choose another output"):
        export(animals, tmp_path / "animals.csv")
    assert (tmp_path / "animals.csv").read_bytes() == before


@pytest.mark.parametrize(
    "name", ["audit.parquet", "inputs.parquet", "config.json", "decisions.sqlite", "model/labels.csv", "report.html"]
)
def test_the_files_of_the_run_are_never_written_over(animals, tmp_path, name):
    files = {path: path.read_bytes() for path in animals.path.rglob("*") if path.is_file()}
    (tmp_path / "link").symlink_to(animals.path)
    for output in (animals.path / name, animals.path / "x" / ".." / name, tmp_path / "link" / name):
        with pytest.raises(InputError, match="belongs to the run itself: choose another name, such as .*corrected.csv"):
            export(animals, output, kind="label-studio" if name.endswith("json") else "table")
    assert {path: path.read_bytes() for path in animals.path.rglob("*") if path.is_file()} == files
    for _ in range(2):
        assert export(animals, animals.path / "corrected.csv")["rows"] == 6


@pytest.mark.parametrize("name", ["out.csv", "out.json"])
def test_a_write_that_fails_leaves_the_old_file(animals, tmp_path, monkeypatch, name):
    (tmp_path / name).write_text("old")

    def fail(*_):
        raise OSError("no space left")

    monkeypatch.setattr("mislabel.tables.delimited_stored.neutralised", fail)
    monkeypatch.setattr("mislabel.exchange.label_studio.json_text", fail)
    with pytest.raises(OSError, match="no space"):
        export(animals, tmp_path / name, kind="label-studio" if name.endswith("json") else "table")
    assert (tmp_path / name).read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["animals.csv", name, "run"])


def test_a_folder_of_class_folders_becomes_a_table(tmp_path):
    images = ["train/cat/1.png", "train/dog/2.png", "test/cat/3.png"]
    for name in images:
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / name).write_bytes(b"x")
    frame = pd.DataFrame({"image": images, "label": ["cat", "dog", "cat"]})
    run = make_run(tmp_path / "run", frame, source=tmp_path / "images", id="image", modality="image")
    config = run.read_config()
    config["data"]["columns"] = {"image": None, "label": None, "id": None}  # a folder names its own
    run.write_config(config)
    decide(run, Decision("train/cat/1.png", "label", "dog", "cat"))
    export(run, tmp_path / "out.csv")
    assert cells(tmp_path / "out.csv") == [
        ["image", "label", "split", "label_before", "decided_by"],
        ["test/cat/3.png", "cat", "test", "cat", "kept"],
        ["train/cat/1.png", "dog", "train", "cat", "person"],
        ["train/dog/2.png", "dog", "train", "dog", "kept"],
    ]


@pytest.mark.parametrize("others", [[], ["axolotl"]])
def test_a_data_set_of_the_hub_keeps_its_classes(tmp_path, monkeypatch, others):
    kinds = pd.CategoricalDtype(["dog", "cat"], ordered=True)
    frame = pd.DataFrame({"label": pd.Series(["cat", "dog", "cat"], dtype=kinds), "n": pd.array([1, None, 3], "Int64")})
    monkeypatch.setattr("mislabel.tables.sources.read_hub", {"hf:animals": frame}.__getitem__)
    run = make_run(tmp_path / "run", frame, source="hf:animals", id=None, classes=["cat", "dog", *others])
    decide(run, Decision(0, "label", (others or ["dog"])[0], "cat"), Decision(1, "none", None, "dog"))
    for name in ("out.parquet", "out.csv", "out.jsonl"):
        export(run, tmp_path / name)
    wanted = [(others or ["dog"])[0], None, "cat"]
    table = pq.read_table(tmp_path / "out.parquet")
    assert pa.types.is_dictionary(table.schema.field("label").type)
    assert [table[name].to_pylist() for name in ("label", "n")] == [wanted, [1, None, 3]]
    found = pd.read_parquet(tmp_path / "out.parquet")["label"].cat
    assert (found.categories.tolist(), found.ordered) == (["dog", "cat", *others], True)
    assert [row[:3] for row in cells(tmp_path / "out.csv")[1:]] == [
        [wanted[0], "1", "cat"], ["", "", "dog"], ["cat", "3", "cat"],
    ]  # fmt: skip
    assert [json.loads(line)["label"] for line in (tmp_path / "out.jsonl").read_text().splitlines()] == wanted
    assert counts_of(import_decisions(run, tmp_path / "out.csv")) == (3, 0, 2, 1)


def counts_of(done) -> tuple[int, int, int, int]:
    assert done.refused == []
    return done.read, done.imported, done.unchanged, done.skipped


# Formulas


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "=cmd|' /C calc'!A0", "+A1", "-A1", "@SUM(A1)", "\tx", "\rx", "\n=x", "  =1+1", "\u00a0=x", "\ufeff=x",
     "\u200b=x", "＝1+1", "＋A1", "－A1", "＠x", "﹢a", "=-1", "+1+A1", "-1-cmd|' '!A1", "\0=x", "-2+3",
     "+49 30 1234"],
)  # fmt: skip
def test_what_a_spreadsheet_would_run_gets_an_apostrophe_that_comes_off_again(cell):
    assert neutralised(cell) == "'" + cell
    assert restored(neutralised(cell)) == cell


@pytest.mark.parametrize(
    "cell",
    ["", "x", "1", "-1", "+1.5", "-1,5", "-.5e-3", "-12%", "-inf", " -7 ", "-", "--", "=", "+", " ", "\t", "a=1",
     "'quoted'", "<script>", "x@y.z", "née"],
)  # fmt: skip
def test_what_cannot_run_stays(cell):
    assert neutralised(cell) == cell


def test_formulas_in_cells_headers_ids_and_labels_are_counted(tmp_path):
    frame = pd.DataFrame({"=id": ["=1+1", "b"], "label": ["@x", "-"], "+n": [-1.5, -2.0]})
    frame.to_csv(tmp_path / "d.csv", index=False)
    frame.to_parquet(tmp_path / "d.parquet", index=False)
    for source in ("d.csv", "d.parquet"):
        run = make_run(tmp_path / f"run {source}", frame, source=tmp_path / source, id="=id")
        assert export(run, tmp_path / "out.csv")["formulas"] == 5  # two names, one id, one label twice
        assert cells(tmp_path / "out.csv") == [
            ["'=id", "label", "'+n", "label_before", "decided_by"],
            ["'=1+1", "'@x", "-1.5", "'@x", "kept"],
            ["b", "-", "-2.0", "-", "kept"],
        ]
        assert export(run, tmp_path / "out.jsonl")["formulas"] == 0


TEXT = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["007", "1.50", "NA", "-1", "=1", "\r", "\r\n", '"', "a\0b", "\ufeff", "'", "'=x", "\t", "\x85", "\u2028"]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6), ending=st.sampled_from(["csv", "tsv"]))
def test_any_text_comes_through_a_csv_file(tmp_path, rows, ending):
    source, delimiter = tmp_path / f"d.{ending}", "," if ending == "csv" else "\t"
    with open(source, "w", encoding="utf-8", newline="") as handle:
        lines = [[str(k), one, "x", other] for k, (one, other) in enumerate(rows)]
        csv.writer(handle, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(
            [["id", "one", "label", "other"], *lines]
        )
    run = tmp_path / "run"
    if run.exists():
        for path in run.iterdir():
            path.unlink()
        run.rmdir()
    folder = make_run(run, pd.DataFrame({"id": range(len(rows)), "label": "x"}), source=source)
    export(folder, tmp_path / f"out.{ending}")
    found = cells(tmp_path / f"out.{ending}", delimiter)[1:]
    assert [(row[1], row[3]) for row in found] == [(neutralised(one), neutralised(other)) for one, other in rows]
    assert not any(is_formula(cell) for row in found for cell in row)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "excel"}, "needed one of table, label-studio, cleanlab"),
        ({"take_suggestions": 1.5}, "needed 0 to 1"),
        ({"kind": "label-studio", "take_suggestions": 0.5}, "leave take_suggestions out"),
        ({"kind": "label-studio"}, "reads .json files"),
    ],
)
def test_options_that_make_no_sense_are_refused(animals, tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        export(animals, tmp_path / "out.csv", **options)


def test_an_unknown_ending_is_refused(animals, tmp_path):
    with pytest.raises(InputError, match=r'"\.ods"; the name of a table must end in'):
        export_module.export(animals, tmp_path / "out.ods")
