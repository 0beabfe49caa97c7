"""Who decided, as an export tells it."""

import json

import pandas as pd
import pytest
from fake_runs import make_run

from mislabel.decisions.events import Decision
from mislabel.decisions.store import Store
from mislabel.errors import InputError
from mislabel.exchange.export import export
from mislabel.exchange.importing import import_decisions


def decided(folder, *by):
    """Each decision with the name of who makes it."""
    with Store(folder.decisions) as store:
        for decision, reviewer in by:
            store.decide([decision], reviewer=reviewer)


def exported(folder, output, **options):
    export(folder, output, **options)
    return pd.read_csv(output, keep_default_na=False, index_col="id")


def test_two_names_make_a_column_and_one_does_where_it_is_asked_for(animals, tmp_path):
    decided(animals, (Decision("a1", "keep", "cat", "cat"), "Ann"), (Decision("a2", "unsure", None, "dog"), None))
    assert "reviewer" not in exported(animals, tmp_path / "one.csv")
    asked = exported(animals, tmp_path / "asked.csv", reviewers=True)["reviewer"]
    assert asked.to_dict() == {"a1": "Ann", **dict.fromkeys(["a2", "a3", "a4", "a5", "a6"], "")}
    decided(animals, (Decision("a3", "label", "bird", "cat"), "Bob"), (Decision("a1", "none", None, "cat"), "Bob"))
    assert "reviewer" not in exported(animals, tmp_path / "still one.csv")  # what Ann said holds no more
    decided(animals, (Decision("a2", "keep", "dog", "dog"), "Ann"))
    both = exported(animals, tmp_path / "both.csv")["reviewer"].to_dict()
    assert [both[f"a{k}"] for k in range(1, 7)] == ["Bob", "Ann", "Bob", "", "", ""]
    assert import_decisions(animals, tmp_path / "both.csv").imported == 0  # nothing was changed in it


def test_an_export_of_an_export_keeps_the_names_of_the_first(tmp_path):
    frame = pd.DataFrame({"id": ["a", "b"], "text": ["t", "u"], "label": ["x", "y"]})
    frame.to_csv(tmp_path / "data.csv", index=False)
    first = make_run(tmp_path / "first", frame, source=tmp_path / "data.csv", text="text")
    decided(first, (Decision("a", "keep", "x", "x"), "Ann"))
    table = exported(first, tmp_path / "one.csv", reviewers=True).reset_index()
    second = make_run(tmp_path / "second", table, source=tmp_path / "one.csv", text="text")
    decided(second, (Decision("b", "keep", "y", "y"), "Bob"))
    assert exported(second, tmp_path / "two.csv", reviewers=True)["reviewer"].to_dict() == {"a": "Ann", "b": "Bob"}


def test_a_column_of_that_name_is_not_overwritten(tmp_path):
    frame = pd.DataFrame({"id": ["a", "b"], "text": ["t", "u"], "label": ["x", "y"], "reviewer": [1, 2]})
    frame.to_csv(tmp_path / "data.csv", index=False)
    run = make_run(tmp_path / "run", frame, source=tmp_path / "data.csv", text="text")
    assert exported(run, tmp_path / "out.csv")["reviewer"].tolist() == [1, 2]
    with pytest.raises(InputError, match="column 'reviewer' of its own"):
        export(run, tmp_path / "out.csv", reviewers=True)


def test_notes_make_a_column_of_their_own_and_are_no_decision_when_read_back(animals, tmp_path):
    decided(animals, (Decision("a1", "keep", "cat", "cat", note="=sure, \n'really'"), "Ann"))
    frame = exported(animals, tmp_path / "out.csv")
    assert frame.loc["a1", "decision_note"] == "'=sure, \n'really'"  # no formula
    assert (frame["decision_note"] != "").sum() == 1
    assert import_decisions(animals, tmp_path / "out.csv").imported == 0
    decided(animals, (Decision("a1", "keep", "cat", "cat"), "Ann"))
    assert "decision_note" not in exported(animals, tmp_path / "none.csv")


def test_a_file_of_two_reviewers_is_taken_with_their_names_and_nonsense_is_refused(animals, tmp_path):
    line = {"mislabel_id": "a1", "label_before": "cat", "mislabel_decision": "keep", "label": "cat", "reviewer": "Ann"}
    lines = [
        line,
        line | {"mislabel_id": "a2", "label_before": "dog", "label": "dog", "reviewer": "Bob", "note": " so "},
        line | {"mislabel_id": "a3", "label_before": "dog"},
        line | {"mislabel_id": "a4", "label_before": "dog", "label": "dog", "note": 7},
        line | {"mislabel_id": "a6", "label_before": None, "reviewer": "x" * 81},
        line | {"mislabel_id": "zz"},
    ]
    (tmp_path / "sent.json").write_text(json.dumps(lines))
    done = import_decisions(animals, tmp_path / "sent.json")
    assert done.imported == 2
    reasons = {refused["id"]: refused["reason"] for refused in done.refused}
    for id, words in (("a3", "a file of other data"), ("a4", "no text"), ("a6", ""), ("zz", "no row")):
        assert words in reasons[id]
    with Store(animals.decisions) as store:
        events = store.history()
    assert [(event.reviewer, event.source, event.decision.note, event.action) for event in events] == [
        ("Ann", "import", None, 1), ("Bob", "import", "so", 1),
    ]  # fmt: skip


def test_what_holds_already_is_what_that_person_decided(animals, tmp_path):
    decided(animals, (Decision("a1", "keep", "cat", "cat", probe=True), "Ann"))
    line = {"mislabel_id": "a1", "label_before": "cat", "mislabel_decision": "keep", "label": "cat"}

    def taken(**more):
        (tmp_path / "sent.json").write_text(json.dumps([line | more]))
        done = import_decisions(animals, tmp_path / "sent.json")
        return done.imported, done.unchanged

    assert taken(reviewer="Ann") == (0, 1)
    assert taken() == (0, 1)
    assert taken(reviewer="Bob") == (1, 0)  # a second opinion
    assert taken(reviewer="Bob") == (0, 1)
    assert taken(reviewer="Bob", note="sure") == (1, 0)
    with Store(animals.decisions) as store:
        assert [(event.reviewer, event.decision.probe) for event in store.history()] == [
            ("Ann", True), ("Bob", True), ("Bob", True),
        ]  # fmt: skip
