"""What comes back of a reviewed file: by hand, line by line, and after an export nothing new."""

import csv
import json
import shutil
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from fake_runs import decide, make_run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mislabel.decisions.events import Decision
from mislabel.decisions.store import Store, read_decisions
from mislabel.errors import InputError
from mislabel.exchange.export import export
from mislabel.exchange.importing import import_decisions
from mislabel.tables import lines as lines_module
from mislabel.tables.json_items import _CHUNK as CHUNK
from mislabel.tables.sources import open_tolerant

LABELS = ["cat", "dog", "cat", "dog", "bird"]
SUGGESTED = {"a1": "dog", "a2": "cat"}


def animals_frame() -> pd.DataFrame:
    ids = [f"a{k}" for k in range(1, 6)]
    return pd.DataFrame({"id": ids, "text": [f"text of {one}" for one in ids], "label": LABELS})


@pytest.fixture
def animals(tmp_path):
    animals_frame().to_csv(tmp_path / "d.csv", index=False)
    return make_run(
        tmp_path / "run", animals_frame(), source=tmp_path / "d.csv", text="text", suggested=SUGGESTED,
        p={"a1": 0.9, "a2": 0.8},
    )  # fmt: skip


def write(path, text: str):
    path.write_text(text, encoding="utf-8")
    return path


def brought(folder) -> dict:
    """What holds, as (kind, label) by id."""
    return {id: (one.kind, one.label) for id, one in read_decisions(folder.decisions).items()}


def refusals(done) -> list[tuple]:
    return [(one["line"], one["id"]) for one in done.refused]


def counts(done) -> tuple[int, int, int, int, int]:
    return done.read, done.imported, done.unchanged, done.skipped, len(done.refused)


def test_labels_changed_in_a_spreadsheet_are_decisions_of_one_action(animals, tmp_path):
    export(animals, tmp_path / "out.csv", take_suggestions=0.85, unchecked=True)
    table = pd.read_csv(tmp_path / "out.csv", keep_default_na=False).set_index("id")
    assert table.loc["a1", "decided_by"] == "suggestion"
    table.loc["a1", "label"] = "cat"  # no: the given label is right
    table.loc["a2", "label"] = "cat"  # as suggested
    table.loc["a3", "label"] = "bird"
    table.loc["a4", "decided_by"] = "person"  # looked at, and fine
    table.loc["a5", ["label", "decided_by"]] = ["", "person"]  # fits no class
    table.reset_index().to_csv(tmp_path / "out.csv", index=False)
    done = import_decisions(animals, tmp_path / "out.csv")
    assert counts(done) == (5, 5, 0, 0, 0)
    assert brought(animals) == {
        "a1": ("keep", "cat"), "a2": ("suggestion", "cat"), "a3": ("label", "bird"), "a4": ("keep", "dog"),
        "a5": ("none", None),
    }  # fmt: skip
    with Store(animals.decisions) as store:
        events = store.history()
        assert {event.action for event in events} == {1}
        assert {event.source for event in events} == {"import"}
        assert [event.decision.given for event in events] == [*LABELS]
        store.undo()
    assert brought(animals) == {}


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.jsonl", "out.parquet", "tasks.json"])
def test_an_export_brings_back_what_was_decided_and_a_second_time_nothing(animals, tmp_path, name):
    said = [
        Decision("a1", "suggestion", "dog", "cat"), Decision("a2", "keep", "dog", "dog"),
        Decision("a3", "label", "bird", "cat"), Decision("a4", "none", None, "dog"),
        Decision("a5", "unsure", None, "bird"),
    ]  # fmt: skip
    shutil.copytree(animals.path, tmp_path / "fresh")
    decide(animals, *said)
    kind = "label-studio" if name == "tasks.json" else "table"
    export(animals, tmp_path / name, kind=kind)
    done = import_decisions(animals, tmp_path / name)
    assert (done.imported, done.refused) == (0, [])
    fresh = type(animals)(tmp_path / "fresh")
    done = import_decisions(fresh, tmp_path / name)
    wanted = {one.id: (one.kind, one.label) for one in said}
    if kind == "table":  # which leaves the label of an unsure row as it was
        del wanted["a5"]
    assert brought(fresh) == wanted
    assert done.refused == []
    assert import_decisions(fresh, tmp_path / name).imported == 0
    first = (tmp_path / name).read_bytes()
    export(fresh, tmp_path / name, kind=kind)
    assert (tmp_path / name).read_bytes() == first


VALUES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=5) | st.sampled_from(
    ["=1", "-", "'x", "@", "+a", "1", "1.0", "True", "\t=", "a\rb", '"', ",", "<script>", "NA"]
)
NAMES = st.one_of(
    st.lists(VALUES.filter(lambda text: text.strip().casefold() not in ("", "nan", "<na>")), min_size=2, max_size=4,
             unique=True),
    st.lists(st.integers(0, 10**12), min_size=2, max_size=4, unique=True),
    st.just([False, True]),
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), names=NAMES, ending=st.sampled_from(["csv", "tsv", "jsonl", "parquet"]))
def test_export_and_import_are_idempotent_whatever_the_labels_and_decisions(tmp_path, data, names, ending):
    shutil.rmtree(tmp_path / "runs", ignore_errors=True)
    rows = data.draw(st.integers(len(names), 6))
    labels = names + [data.draw(st.sampled_from(names)) for _ in range(rows - len(names))]
    by_id = data.draw(st.booleans())
    frame = pd.DataFrame({"key": [f"={k}" for k in range(rows)], "label": pd.Series(labels)})
    (tmp_path / "runs").mkdir()
    frame.to_parquet(tmp_path / "runs" / "d.parquet", index=False)
    ids = frame["key"].tolist() if by_id else list(range(rows))
    suggested = {id: data.draw(st.sampled_from(names)) for id in ids}
    made = {"source": tmp_path / "runs" / "d.parquet", "id": "key" if by_id else None, "suggested": suggested}
    run = make_run(tmp_path / "runs" / "one", frame, p=dict.fromkeys(ids, 0.7), **made)
    for id, label in zip(ids, labels, strict=True):
        kind = data.draw(st.sampled_from(["no", "keep", "suggestion", "label", "none", "unsure"]))
        if kind != "no":
            named = {"keep": label, "suggestion": suggested[id], "label": data.draw(st.sampled_from(names))}
            decide(run, Decision(id, kind, named.get(kind), label))  # pyright: ignore[reportArgumentType]
    least = data.draw(st.sampled_from([None, 0.5]))
    out = tmp_path / "runs" / f"out.{ending}"
    export(run, out, take_suggestions=least, unchecked=True)
    before = read_decisions(run.decisions)
    done = import_decisions(run, out)
    assert (done.imported, done.refused) == (0, [])
    assert read_decisions(run.decisions) == before
    # A run without decisions takes over what persons decided, and then exports the same file.
    fresh = make_run(tmp_path / "runs" / "two", frame, p=dict.fromkeys(ids, 0.7), **made)
    assert import_decisions(fresh, out).refused == []
    found = read_decisions(fresh.decisions)
    assert {id: one.label for id, one in found.items()} == {
        id: one.label for id, one in before.items() if one.kind != "unsure"
    }
    unsure = any(one.kind == "unsure" for one in before.values())
    if not (unsure and least is not None):  # a fresh run does not know whose suggestion is not to be taken
        text = out.read_bytes()
        export(fresh, out, take_suggestions=least, unchecked=True)
        assert out.read_bytes() == text


def test_a_plain_file_from_elsewhere(animals, tmp_path):
    path = write(tmp_path / "f.csv", "id,label\na1,cat\na2,cat\na3,\n")
    assert counts(import_decisions(animals, path)) == (3, 2, 0, 1, 0)
    assert brought(animals) == {"a1": ("keep", "cat"), "a2": ("suggestion", "cat")}
    assert counts(import_decisions(animals, path)) == (3, 0, 2, 1, 0)


def test_a_column_of_decisions(animals, tmp_path):
    text = "id;label;decision\na1;;keep\na2;dog;suggestion\na3;bird;label\na4;;none\na5;;Unsure\n"
    done = import_decisions(animals, write(tmp_path / "f.csv", text))  # with the delimiter of other countries
    assert counts(done) == (5, 5, 0, 0, 0)
    assert brought(animals) == {
        "a1": ("keep", "cat"), "a2": ("suggestion", "cat"), "a3": ("label", "bird"), "a4": ("none", None),
        "a5": ("unsure", None),
    }  # fmt: skip
    text = "id,label,decision\na1,bird,keep\na2,,label\na3,cat,delete\na4,bird,none\na5,cat,\n"
    done = import_decisions(animals, write(tmp_path / "f.csv", text))
    assert counts(done) == (5, 0, 0, 1, 4)
    assert "its decision is keep, but its label is 'bird'" in done.refused[0]["reason"]
    assert "there is no such label" in done.refused[1]["reason"]
    assert "'delete'; there are keep, suggestion, label, unsure, none" in done.refused[2]["reason"]


@pytest.mark.parametrize(("label", "moved"), [("label", False), ("decision", False), ("decision", True)])
def test_a_column_of_the_users_own_is_no_decision(tmp_path, label, moved):
    """Whether it is the label or something else; with the data gone only the run's own columns are known."""
    frame = animals_frame().assign(decision=["keep", "none", "keep", "approve", "none"])
    frame.to_csv(tmp_path / "d.csv", index=False)
    run = make_run(tmp_path / "run", frame, source=tmp_path / "d.csv", text="text", label=label)
    before, after = frame.loc[0, label], frame.loc[1, label]
    decide(run, Decision("a1", "label", after, before))
    export(run, tmp_path / "out.csv")
    export(run, tmp_path / "tasks.json", kind="label-studio")
    if moved:
        (tmp_path / "d.csv").rename(tmp_path / "moved.csv")
    for name in ("out.csv", "tasks.json"):
        assert counts(import_decisions(run, tmp_path / name)) == (5, 0, 1, 4, 0)
        run.decisions.unlink()
        assert counts(import_decisions(run, tmp_path / name)) == (5, 1, 0, 4, 0)
        assert brought(run) == {"a1": ("label", after)}


def test_rows_are_found_by_the_ids_of_the_run_where_the_data_have_columns_called_as_ours(tmp_path):
    frame = animals_frame().rename(columns={"id": "key"}).assign(mislabel_id=["a2", "a1", "a3", "a5", "a4"], id="a3")
    frame.to_csv(tmp_path / "d.csv", index=False)
    run = make_run(tmp_path / "run", frame, source=tmp_path / "d.csv", text="text", id="key")
    export(run, tmp_path / "out.csv")
    table = pd.read_csv(tmp_path / "out.csv")
    table.loc[table["key"] == "a1", "label"] = "bird"
    table.to_csv(tmp_path / "out.csv", index=False)
    assert counts(import_decisions(run, tmp_path / "out.csv")) == (5, 1, 0, 4, 0)
    assert brought(run) == {"a1": ("label", "bird")}
    table.drop(columns="key").to_csv(tmp_path / "out.csv", index=False)
    with pytest.raises(InputError, match='needed is one of the ids, "key"'):
        import_decisions(run, tmp_path / "out.csv")


def test_without_an_id_column_a_column_called_as_ours_names_no_row(tmp_path):
    frame = animals_frame().drop(columns="id").assign(mislabel_id=[4, 3, 2, 1, 0])
    frame.to_csv(tmp_path / "d.csv", index=False)
    run = make_run(tmp_path / "run", frame, source=tmp_path / "d.csv", text="text", id=None)
    export(run, tmp_path / "out.csv")
    table = pd.read_csv(tmp_path / "out.csv")
    table.loc[0, "label"] = "bird"
    table.to_csv(tmp_path / "out.csv", index=False)
    assert import_decisions(run, tmp_path / "out.csv").imported == 1
    assert brought(run) == {0: ("label", "bird")}


def test_ids_that_differ_in_a_zero_stay_two_ids_in_every_format(tmp_path):
    text = "id,text,label\n1.10,one,a\n1.1,two,a\n1.2,three,a\n2.0,four,b\n"
    frame = pd.read_csv(write(tmp_path / "d.csv", text), dtype=str)
    for ending in ("csv", "jsonl", "json", "parquet"):
        run = make_run(tmp_path / f"run {ending}", frame, source=tmp_path / "d.csv", text="text")
        path = tmp_path / f"out.{ending}"
        export(run, path)
        line = next(
            cells for cells in map(lambda line: line.cells, open_tolerant(path).lines()) if cells["text"] == "one"
        )
        write(tmp_path / "one.jsonl", json.dumps({**line, "label": "b"}))  # the only row that somebody sends back
        assert counts(import_decisions(run, tmp_path / "one.jsonl")) == (1, 1, 0, 0, 0)
        assert brought(run) == {"1.10": ("label", "b")}


def test_what_a_file_overrules_is_counted_and_one_undo_brings_it_back(animals, tmp_path):
    export(animals, tmp_path / "stale.csv")
    table = pd.read_csv(tmp_path / "stale.csv").set_index("id")
    table.loc[["a1", "a2", "a3"], "label"] = "bird"
    table.loc["a4", "decided_by"] = "person"
    table.reset_index().to_csv(tmp_path / "stale.csv", index=False)
    decide(
        animals, Decision("a1", "suggestion", "dog", "cat"), Decision("a2", "unsure", None, "dog"),
        Decision("a4", "keep", "dog", "dog"), Decision("a5", "keep", "bird", "bird"),
    )  # fmt: skip
    newer = brought(animals)
    done = import_decisions(animals, tmp_path / "stale.csv")
    assert counts(done) == (5, 3, 1, 1, 0)
    assert (done.replaced, done.replaced_ids) == (2, ["a1", "a2"])  # a3 had no decision, a4 is the same
    assert brought(animals) == newer | dict.fromkeys(["a1", "a2", "a3"], ("label", "bird"))
    with Store(animals.decisions) as store:
        store.undo()
    assert brought(animals) == newer


def test_each_line_that_does_not_fit_is_refused_with_its_number_and_the_others_count(animals, tmp_path):
    text = (
        "id,label,label_before,decided_by\n"
        "a1,dog,cat,person\n"
        "zz,dog,cat,person\n"  # 3: no such row
        "a2,brid,dog,person\n"  # 4: no such class
        ",cat,cat,person\n"  # 5: no id
        "a3,dog,bird,person\n"  # 6: other data
        'a3,"dog\n\n'  # 7 to the end of the quotes
        'x",cat,person,more\n'
        "a4,dog,dog,somebody\n"  # 10
        "a4,,dog,kept\n"  # 11
        "a5,cat,bird\n"  # 12: a cell is missing, and none moves into its place
        "\n"
        "a5,cat,bird,person\n"
    )
    done = import_decisions(animals, write(tmp_path / "f.csv", text))
    assert refusals(done) == [
        (3, "zz"), (4, "a2"), (5, ""), (6, "a3"), (7, None), (10, "a4"), (11, "a4"), (12, None),
    ]  # fmt: skip
    for (_, reason), wanted in zip(
        [(one["line"], one["reason"]) for one in done.refused],
        ["no row 'zz'", 'not among the classes of the run (did you mean "bird"?)', "no id", "file of other data",
         "5 cells where the header has 4", "'somebody'; there are person, suggestion, kept", "its label is empty",
         "3 cells where the header has 4"],
        strict=True,
    ):  # fmt: skip
        assert wanted in reason
    assert brought(animals) == {"a1": ("suggestion", "dog"), "a5": ("label", "cat")}
    assert counts(done) == (10, 2, 0, 0, 8)


def test_lines_that_contradict_each_other_are_all_refused(animals, tmp_path):
    text = "id,label\na1,cat\na2,dog\na1,bird\na2,dog\na3,cat\na3,horse\n"
    done = import_decisions(animals, write(tmp_path / "f.csv", text))
    assert refusals(done) == [(2, "a1"), (4, "a1"), (6, "a3"), (7, "a3")]
    assert "2 lines say different things of this row (lines 2, 4)" in done.refused[0]["reason"]
    assert counts(done) == (6, 1, 1, 0, 4)
    assert brought(animals) == {"a2": ("keep", "dog")}


def test_broken_json_lines_and_foreign_values_are_refused(animals, tmp_path):
    rows = ['{"id": "a1", "label": "dog"}', "{broken", "[1]", '{"id": ["a2"], "label": "dog"}',
            '{"id": "a2", "label": {"$ne": 1}}', '{"id": "a3", "label": "<script>alert(1)</script>"}',
            '{"label": "dog"}', "[" * 100_000, '{"id": "a4", "label": "bird"}']  # fmt: skip
    done = import_decisions(animals, write(tmp_path / "f.jsonl", "\n".join(rows)))
    assert [line for line, _ in refusals(done)] == [2, 3, 4, 5, 6, 7, 8]
    assert brought(animals) == {"a1": ("suggestion", "dog"), "a4": ("label", "bird")}


@pytest.mark.parametrize(
    "line", [{"label": ["account"]}, {"label": {"a": 1}}, {"label": "", "decided_by": "nobody"}, {"label": "cat"}]
)
def test_a_line_of_no_row_is_refused_alone_whatever_it_says(animals, tmp_path, line):
    rows = [{"id": "nope", **line}, {"id": "a1", "label": "bird", "decided_by": "person"}, {"id": "nope", "label": ""}]
    done = import_decisions(animals, write(tmp_path / "f.jsonl", "\n".join(map(json.dumps, rows))))
    assert refusals(done) == [(1, "nope")]
    assert "no row 'nope'" in done.refused[0]["reason"]
    assert counts(done) == (3, 1, 0, 1, 1)  # the last line says nothing, as of a row that was left out of the run
    assert brought(animals) == {"a1": ("label", "bird")}


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_a_comma_in_the_name_of_a_column_is_no_delimiter(tmp_path, delimiter):
    frame = animals_frame().rename(columns={"text": "text, long"})
    frame.to_csv(tmp_path / "d.csv", index=False)
    run = make_run(tmp_path / "run", frame, source=tmp_path / "d.csv", text="text, long")
    frame.loc[0, "label"] = "bird"
    frame.to_csv(tmp_path / "f.csv", index=False, sep=delimiter)
    assert counts(import_decisions(run, tmp_path / "f.csv")) == (5, 5, 0, 0, 0)
    assert brought(run)["a1"] == ("label", "bird")
    with pytest.raises(InputError, match="has the columns a, b; needed are the label"):
        import_decisions(run, write(tmp_path / "f.csv", "a,b\n1,2\n"))


def test_nothing_that_fits_is_no_error_but_wrong_columns_are(animals, tmp_path):
    done = import_decisions(animals, write(tmp_path / "f.csv", "id,label\nx,y\n"))
    assert counts(done) == (1, 0, 0, 0, 1)
    assert not animals.decisions.exists()
    with pytest.raises(InputError, match=r'has the columns id, class; needed are the label \("label"'):
        import_decisions(animals, write(tmp_path / "f.csv", "id,class\na1,cat\n"))
    with pytest.raises(InputError, match=r'has the columns text, label; needed is one of the ids, "id"'):
        import_decisions(animals, write(tmp_path / "f.csv", "text,label\na1,cat\n"))
    (tmp_path / "f.csv").write_bytes("id,label\na1,é\n".encode("cp1252"))
    with pytest.raises(InputError, match="not UTF-8"):
        import_decisions(animals, tmp_path / "f.csv")


@pytest.mark.parametrize(("ending", "longest"), [("csv", 2), ("jsonl", 1), ("json", 1)])
def test_a_line_of_many_megabytes_is_refused_in_little_memory(animals, tmp_path, monkeypatch, ending, longest):
    monkeypatch.setattr(lines_module, "LONGEST", 1_000_000)
    path = tmp_path / f"f.{ending}"
    begin, middle, end = {
        "csv": ("id,label,text\na1,", ",cat\n", "a2,cat,x\n"),
        "jsonl": ('{"id": "a1", "label": "', '"}\n', '{"id": "a2", "label": "cat"}\n'),
        "json": ('[{"id": "a1", "label": "', '"},\n', '{"id": "a2", "label": "cat"}]\n'),
    }[ending]
    with open(path, "w", encoding="utf-8") as handle:
        handle.write(begin)
        for _ in range(60):
            handle.write("x" * 1_000_000)
        handle.write(middle + end)
    tracemalloc.start()
    done = import_decisions(animals, path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [line for line, _ in refusals(done)] == [longest]
    assert "longer than" in done.refused[0]["reason"]
    assert brought(animals) == {"a2": ("suggestion", "cat")}
    assert peak < 20_000_000


def test_a_quote_that_is_never_closed_loses_what_follows_and_says_so(animals, tmp_path):
    done = import_decisions(animals, write(tmp_path / "f.csv", 'id,label\na1,dog\na2,"cat\na3,bird\n'))
    assert refusals(done) == [(3, None)]
    assert "lines 3 to 4 are lost" in done.refused[0]["reason"]
    assert brought(animals) == {"a1": ("suggestion", "dog")}


@pytest.mark.parametrize(
    ("classes", "cells", "wanted"),
    [
        ([1, 2], ["2", "2.0", 2, 2.0, np.int8(2)], 2),
        ([1.0, 2.0], ["2", "2.0", 2, 2.0], 2.0),
        ([False, True], ["TRUE", "True", True, "true"], True),
        (["01", "1"], ["1", 1], "1"),
        (["=a", "b"], ["'=a", "=a"], "=a"),
    ],
)
def test_labels_are_found_as_spreadsheets_and_frames_write_them(tmp_path, classes, cells, wanted):
    frame = pd.DataFrame({"id": ["x", "y"], "label": classes})
    for place, cell in enumerate(cells):
        run = make_run(tmp_path / f"run{place}", frame)
        table = pd.DataFrame({"id": ["x"], "label": [cell]})
        table.to_parquet(tmp_path / "f.parquet", index=False)
        assert import_decisions(run, tmp_path / "f.parquet").refused == []
        assert [one.label for one in read_decisions(run.decisions).values()] == [wanted]
        assert type(read_decisions(run.decisions)["x"].label) is type(wanted)


def test_a_hundred_and_fifty_classes_of_numbers_with_ids_of_numbers(tmp_path):
    frame = pd.DataFrame({"id": np.arange(150) * 7, "label": np.arange(150)})
    frame.to_csv(tmp_path / "d.csv", index=False)
    run = make_run(tmp_path / "run", frame, source=tmp_path / "d.csv")
    export(run, tmp_path / "out.csv")
    table = pd.read_csv(tmp_path / "out.csv")
    table["label"] = (table["label"] + 1) % 150
    table.to_csv(tmp_path / "out.csv", index=False)
    assert counts(import_decisions(run, tmp_path / "out.csv")) == (150, 150, 0, 0, 0)
    assert brought(run) == {7 * k: ("label", (k + 1) % 150) for k in range(150)}
    export(run, tmp_path / "again.csv")
    assert pd.read_csv(tmp_path / "again.csv")["label"].tolist() == table["label"].tolist()


def test_ids_that_read_the_same_in_csv_are_refused(tmp_path):
    frame = pd.DataFrame({"id": ["=a", "'=a", "b"], "label": ["x", "y", "x"]})
    run = make_run(tmp_path / "run", frame)
    done = import_decisions(run, write(tmp_path / "f.csv", "id,label\n'=a,x\n=a,y\nb,y\n"))
    assert refusals(done) == [(2, "'=a")]
    assert brought(run) == {"=a": ("label", "y"), "b": ("label", "y")}


def test_rows_that_were_left_out_of_the_run_are_no_matter(tmp_path):
    frame = animals_frame()
    frame.loc[2, "label"] = None
    frame.to_csv(tmp_path / "d.csv", index=False)
    run = make_run(tmp_path / "run", frame, source=tmp_path / "d.csv")
    export(run, tmp_path / "out.csv")
    assert counts(import_decisions(run, tmp_path / "out.csv")) == (5, 0, 0, 5, 0)
    table = pd.read_csv(tmp_path / "out.csv").assign(label="dog")
    table.to_csv(tmp_path / "out.csv", index=False)
    assert refusals(import_decisions(run, tmp_path / "out.csv")) == [(4, "a3")]


# Without ids


@pytest.fixture
def unnamed(tmp_path):
    """A run that calls its rows by their place, on data with an "id" that is something else; row 1 is left out."""
    frame = animals_frame().assign(id=[5, 4, 3, 2, 1], size=[1.5, 2.0, np.nan, 3.25, -1])
    frame.loc[1, "label"] = None
    frame.to_csv(tmp_path / "d.csv", index=False)
    return make_run(tmp_path / "run", frame, source=tmp_path / "d.csv", id=None, text="text")


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_without_an_id_column_rows_are_found_by_their_place(unnamed, tmp_path, ending):
    decide(unnamed, Decision(2, "label", "dog", "cat"))
    path = tmp_path / f"out.{ending}"
    export(unnamed, path)
    assert counts(import_decisions(unnamed, path)) == (5, 0, 1, 4, 0)
    if ending == "csv":
        table = pd.read_csv(path, keep_default_na=False)
        table.loc[4, "label"] = "cat"
        table.to_csv(path, index=False, lineterminator="\r\n")
        assert counts(import_decisions(unnamed, path)) == (5, 1, 1, 3, 0)
        assert brought(unnamed) == {2: ("label", "dog"), 4: ("label", "cat")}


def test_rows_without_ids_that_moved_went_or_changed_are_refused_as_a_whole(unnamed, tmp_path):
    export(unnamed, tmp_path / "out.csv")
    table = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)
    for broken, message in [
        (table.iloc[::-1], "line 2 has something else in the column"),
        (table.iloc[[2, 1, 0, 3, 4]], "line 2 has something else in the column"),  # the labels are the same
        (table.iloc[:-1], "it has 4 rows and the data 5"),
        (table.assign(text="x"), "line 2 has something else in the column 'text'"),
    ]:
        broken.to_csv(tmp_path / "broken.csv", index=False)
        with pytest.raises(InputError, match=message):
            import_decisions(unnamed, tmp_path / "broken.csv")
    assert not unnamed.decisions.exists()
    with pytest.raises(InputError, match='has a column "id" that the run did not use'):
        import_decisions(unnamed, write(tmp_path / "f.csv", "id,label\n1,cat\n"))
    done = import_decisions(unnamed, write(tmp_path / "f.csv", "mislabel_id,label\n2,dog\n"))
    assert done.imported == 1
    (tmp_path / "d.csv").rename(tmp_path / "moved.csv")
    with pytest.raises(InputError, match="--data"):
        import_decisions(unnamed, tmp_path / "out.csv")
    assert import_decisions(unnamed, tmp_path / "out.csv", data=str(tmp_path / "moved.csv")).refused == []


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_numbers_of_less_digits_are_the_same_numbers(tmp_path, ending):
    frame = pd.DataFrame({"f": np.array([0.1, 0.7, np.nan], np.float32), "text": list("abc"), "label": list("xyx")})
    frame.to_parquet(tmp_path / "d.parquet", index=False)
    run = make_run(tmp_path / "run", frame, source=tmp_path / "d.parquet", id=None, text="text")
    path = tmp_path / f"out.{ending}"
    export(run, path)
    assert counts(import_decisions(run, path)) == (3, 0, 0, 3, 0)
    frame.assign(f=np.nextafter(frame["f"].to_numpy(), np.float32(1))).to_parquet(tmp_path / "d.parquet", index=False)
    with pytest.raises(InputError, match="something else in the column 'f'"):
        import_decisions(run, path)


def test_data_that_were_sorted_within_a_class_take_no_decisions_by_place(unnamed, tmp_path):
    kept = animals_frame()["text"].drop(index=1)
    export(unnamed, tmp_path / "out.csv")
    assert import_decisions(unnamed, tmp_path / "out.csv").by_place_alone
    pd.DataFrame({"id": kept.index, "input": kept}).to_parquet(unnamed.inputs, index=False)
    done = import_decisions(unnamed, tmp_path / "out.csv")
    assert (counts(done), done.by_place_alone) == ((5, 0, 0, 5, 0), False)
    frame = pd.read_csv(tmp_path / "d.csv").iloc[[2, 1, 0, 3, 4]]  # rows 0 and 2 are cats both
    frame.to_csv(tmp_path / "d.csv", index=False)
    frame.assign(label_before=frame["label"], decided_by="person").to_csv(tmp_path / "out.csv", index=False)
    with pytest.raises(InputError, match="2 rows have another text than the run read in their place: 0, 2"):
        import_decisions(unnamed, tmp_path / "out.csv")
    assert not unnamed.decisions.exists()


# An export of an export


def test_decisions_of_an_earlier_review_are_not_taken_for_new_ones(animals, tmp_path):
    decide(animals, Decision("a1", "suggestion", "dog", "cat"), Decision("a4", "keep", "dog", "dog"))
    export(animals, tmp_path / "first.csv")
    again = make_run(tmp_path / "again", pd.read_csv(tmp_path / "first.csv"), source=tmp_path / "first.csv")
    export(again, tmp_path / "second.csv")
    assert counts(import_decisions(again, tmp_path / "second.csv")) == (5, 0, 0, 5, 0)
    table = pd.read_csv(tmp_path / "second.csv").set_index("id")
    table.loc["a1", "label"] = "bird"
    table.loc["a2", "label"] = "cat"
    table.reset_index().to_csv(tmp_path / "second.csv", index=False)
    assert import_decisions(again, tmp_path / "second.csv").refused == []
    assert brought(again) == {"a1": ("label", "bird"), "a2": ("label", "cat")}
    export(again, tmp_path / "third.csv")
    third = pd.read_csv(tmp_path / "third.csv")
    assert third["label_before"].tolist() == LABELS
    assert third["label"].tolist() == ["bird", "cat", "cat", "dog", "bird"]
    assert third["decided_by"].tolist() == ["person", "person", "kept", "person", "kept"]
    assert import_decisions(again, tmp_path / "third.csv").imported == 0


def test_a_decision_keeps_the_word_of_chance(animals, tmp_path):
    decide(animals, Decision("a1", "keep", "cat", "cat", probe=True))
    import_decisions(animals, write(tmp_path / "f.csv", "id,label\na1,dog\na2,cat\n"))
    assert {id: one.probe for id, one in read_decisions(animals.decisions).items()} == {"a1": True, "a2": False}


# Label Studio


def finished(id, *choices, **more) -> dict:
    """A task as Label Studio exports it, with one annotation for each of the choices; None was skipped, "" is empty."""
    annotations = [
        {
            "id": 100 + k,
            "completed_by": 1,
            "was_cancelled": choice is None,
            "result": [
                {"id": "r", "from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": [choice]}}
            ]
            if choice
            else [],
        }
        for k, choice in enumerate(choices)
    ]
    data = {"text": 'x [{ " \\ ,', "label": "cat", "mislabel_id": id}
    return {"id": 77, "data": data, "meta": {}, "annotations": annotations, "drafts": [], "predictions": [], **more}


def test_tasks_that_label_studio_exports(animals, tmp_path):
    tasks = [
        finished("a1", "dog"), finished("a2", "cat", "cat", None), finished("a3", ""), finished("a4", None),
        finished("a5"), finished("a5", "dog", "cat"), finished("zz", "dog"), finished("a5", "horse"),
    ]  # fmt: skip
    tasks[0]["data"].pop("mislabel_id")
    tasks[0]["data"]["id"] = "a1"
    for indent in (None, 1):
        (tmp_path / "tasks.json").write_text(json.dumps(tasks, indent=indent))
        done = import_decisions(animals, tmp_path / "tasks.json")
        assert refusals(done) == [(5, "a5"), (6, "a5"), (7, "zz"), (8, "a5")]
        assert "2 annotations do not agree" in done.refused[1]["reason"]
        assert brought(animals) == {
            "a1": ("suggestion", "dog"), "a2": ("suggestion", "cat"), "a3": ("none", None), "a4": ("unsure", None),
        }  # fmt: skip
    assert counts(done) == (8, 0, 4, 0, 4)
    tasks = [finished("a5")]
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))
    assert counts(import_decisions(animals, tmp_path / "tasks.json")) == (1, 0, 0, 1, 0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.slow
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(items=st.lists(st.dictionaries(st.text(max_size=5), JSON, max_size=4), min_size=1, max_size=5),
       indent=st.sampled_from([None, 0, 2]), ascii=st.booleans(), pad=st.sampled_from([0, CHUNK - 36]))  # fmt: skip
def test_an_array_is_cut_into_its_items_wherever_chunks_end(tmp_path, items, indent, ascii, pad):
    path = tmp_path / "f.json"
    text = " " * pad + json.dumps([*items, {"long": '\\"[{' * 60_000}], indent=indent, ensure_ascii=ascii)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    found = list(open_tolerant(path).lines())
    assert [line.cells for line in found][:-1] == items
    assert [line.number for line in found] == list(range(1, len(items) + 2))


# A real run


@pytest.mark.slow
def test_a_real_audit_corrected_by_its_gold_labels(mislabel, tmp_path):
    source = "examples/messages/messages.csv"
    run = tmp_path / "run"
    done = mislabel(
        "audit", source, "--text", "text", "--label", "label", "--id", "id", "--split", "split", "--missing", "drop",
        "--out", run,
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    from mislabel.run.folder import RunFolder

    folder, table = RunFolder(run), pd.read_csv(source, keep_default_na=False, dtype=str)
    audit = pd.read_parquet(folder.audit).set_index("id")
    gold = table.set_index("id")["gold"]
    chosen = [id for id in audit.index[:40] if gold[id] in set(audit["given_label"])]
    decide(folder, *(Decision(id, "label", gold[id], audit.loc[id, "given_label"]) for id in chosen))
    for name, kind in [("o.csv", "table"), ("o.jsonl", "table"), ("o.parquet", "cleanlab"), ("o.json", "label-studio")]:
        told = export(folder, tmp_path / name, kind=kind, data=source)  # pyright: ignore[reportArgumentType]
        wrong = sum(gold[id] != audit.loc[id, "given_label"] for id in chosen)
        assert (told["person"], told["changed"], told["rows"]) == (len(chosen), wrong, len(table))
        assert import_decisions(folder, tmp_path / name, data=source).imported == 0
    with open(tmp_path / "o.csv", encoding="utf-8", newline="") as handle:
        found = list(csv.DictReader(handle))
    for before, after in zip(table.to_dict("records"), found, strict=True):
        wanted = gold[before["id"]] if before["id"] in chosen else before["label"]
        assert after["label"] == wanted
        assert after["label_before"] == before["label"]
        assert {name: after[name].removeprefix("'") for name in ("text", "gold")} == {
            name: before[name].removeprefix("'") for name in ("text", "gold")
        }
