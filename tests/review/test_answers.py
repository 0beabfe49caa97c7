"""What the server says, name by name, and the page's types of it."""

import json
import runpy
import threading
from pathlib import Path

import pytest
from patience import PATIENCE

pytest.importorskip("fastapi", reason="the extra `review` is not installed")

from contextlib import closing

from pydantic import BaseModel
from review.browser import COLOURS, voted_run, write_run
from review.client import Client

from mislabel.errors import InputError
from mislabel.review.server import Server
from mislabel.review.session import Session
from mislabel.review.views import Views
from mislabel.run.folder import RunFolder

ROOT = Path(__file__).resolve().parents[2]
ROW = ["row", "id", "given", "suggested", "p_mislabeled", "status", "decision"]
DECISION = ["kind", "label", "number", "action", "time", "source", "reviewer", "note"]
STATE = ["number", "decided", "judged", "left", "looks", "kinds", "per_minute", "changed", "reset"]


@pytest.fixture
def client(tmp_path):
    run = write_run(tmp_path / "run", ["a", "b", "c", "d"], [0, 1, 2, 3], [1, 1, 0, 3], COLOURS)
    session = Session(RunFolder(run))
    server = Server(session)
    thread, client = server.start(), Client(server)
    yield client
    client.connection.close()
    server.stop()
    thread.join(timeout=PATIENCE)
    session.close()


def test_who_labelled_the_rows_is_told(tmp_path):
    run = voted_run(tmp_path / "run")
    with closing(Session(RunFolder(run))) as session:
        views = Views(session)
        told = {source.name: source for source in views.run().sources}
        assert list(told) == ["ben", "anna", "silent"]  # those with the most wrong labels first
        assert (told["anna"].kind, told["anna"].rows, told["anna"].agreement) == ("person", 3, pytest.approx(2.6 / 3))
        assert told["silent"].agreement is None
        assert [mistake.model_dump() for mistake in told["ben"].mistakes] == [
            {"true": "red", "said": "gold", "rows": 2}
        ]
        assert told["anna"].mistakes == []  # less than half a row
        first, last = views.row(0), views.row(3)
        assert [vote.model_dump() for vote in first.votes] == [
            {"source": "anna", "label": 0, "p_wrong": pytest.approx(0.1)},
            {"source": "ben", "label": 3, "p_wrong": pytest.approx(1.0)},
        ]
        assert not any("says" in sentence for sentence in first.why)
        assert (last.votes, last.more_votes) == ([], 0)


def test_more_votes_than_are_shown_are_counted(tmp_path):
    run = voted_run(tmp_path / "run", people=23)
    with closing(Session(RunFolder(run))) as session:
        row = Views(session).row(0)
        assert (len(row.votes), row.more_votes) == (20, 5)


def test_names_and_their_order_stay(client):
    decided = client.decide([0], "keep")[1]
    assert list(decided) == ["saved", "action", "number", "rows", "state"]
    assert list(decided["state"]) == STATE
    assert list(decided["state"]["kinds"]) == ["keep", "suggestion", "label", "unsure", "none"]
    assert [list(change) for change in decided["state"]["changed"]] == [["row", "decision"]]
    assert list(decided["state"]["changed"][0]["decision"]) == DECISION
    run = client.get("api/run")[1]
    assert list(run) == [
        "name", "path", "modality", "method", "classes", "rows", "judged", "order", "order_words", "budget", "probe",
        "looks", "statuses", "has_pictures", "has_inputs", "has_neighbours", "has_map", "marks_words", "words_note",
        "meanings", "pairs", "sources", "reviewers", "may_decide", "keys",
    ]  # fmt: skip
    assert run["sources"] == []
    assert run["pairs"] == [{"given": 0, "suggested": 1, "count": 1}, {"given": 2, "suggested": 0, "count": 1}]
    row = [
        *ROW,
        "predicted",
        "difficulty",
        "confidence",
        "posterior",
        "why",
        "votes",
        "more_votes",
        "verdicts",
        "columns",
        "text",
        "image",
        "original",
        "original_note",
        "note",
    ]
    assert list(client.get("api/rows/0")[1]) == row
    look = client.get("api/next")[1]
    assert list(look) == ["place", "row", "probe"]
    assert list(look["row"]) == row
    assert {tuple(bar) for bar in look["row"]["posterior"]} == {("label", "p")}
    assert client.get("api/next?after=4")[1] == {"place": None, "row": None}
    found = client.get("api/list")[1]
    assert list(found) == ["total", "digest", "offset", "rows"]
    assert {tuple(one) for one in found["rows"]} == {(*ROW, "text", "image")}
    near = client.get("api/rows/0/neighbours")[1]
    assert list(near) == ["neighbours", "values", "note"]
    assert {tuple(one) for one in near["neighbours"]} == {(*ROW, "text", "image", "similarity")}
    assert list(client.get("api/rows/0/words")[1]) == ["parts", "toward", "against", "note"]
    assert list(client.get("api/map/pca")[1]) == ["ready", "progress", "failure", "number"]
    estimate = client.get("api/estimate")[1]
    assert list(estimate) == [
        "probes", "estimate", "low", "high", "rows", "decided", "wrong", "unsure", "at_least", "curve", "taught",
        "agreement", "advice",
    ]  # fmt: skip
    assert estimate["at_least"] == 0.19
    assert {tuple(point) for point in estimate["curve"]} == {("depth", "precision", "low", "high", "decided")}
    undone = client.post("api/undo", {"key": "u"})[1]
    assert list(undone) == ["undone", "number", "state"]
    assert undone["state"]["changed"] == [{"row": 0, "decision": None}]


def test_the_types_of_the_page_are_those_of_the_models():
    tool = runpy.run_path(str(ROOT / "tools" / "page_types.py"))
    assert tool["TARGET"].read_text(encoding="utf-8") == tool["page_types"](), "run: python tools/page_types.py"


def test_what_a_type_is_by_hand():
    tool = runpy.run_path(str(ROOT / "tools" / "page_types.py"))

    class Inner(BaseModel):
        """One of several."""

        size: float

    class Outer(BaseModel):
        names: list[str]
        inner: Inner | None
        pairs: list[Inner | None] = []
        counts: dict[str, int]

    schema = Outer.model_json_schema()
    assert tool["interface"]("Inner", schema["$defs"]["Inner"]).splitlines() == [
        "/** One of several. */",
        "export interface Inner {",
        "  size: number;",
        "}",
    ]
    schema["properties"]["counts"]["propertyNames"] = {"enum": ["a", "b"]}
    assert tool["interface"]("Outer", schema).splitlines() == [
        "export interface Outer {",
        "  names: string[];",
        "  inner: Inner | null;",
        "  pairs?: (Inner | null)[];",
        "  counts: Record<'a' | 'b', number>;",
        "}",
    ]
    with pytest.raises(KeyError):
        tool["type_of"]({"type": "tuple"})


def test_node_is_needed_for_checks_alone_and_from_no_named_registry():
    package = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    assert "dependencies" not in package
    assert sorted(package["devDependencies"]) == ["axe-core", "prettier", "typescript"]
    assert all(version[0].isdigit() for version in package["devDependencies"].values())
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    assert all("resolved" not in entry for entry in lock["packages"].values())


def test_keys_are_one_character_for_one_thing_each(client):
    assert client.post("api/keys", {"keys": {"keep": "j", "undo": "ü"}}) == (200, {"keep": "j", "undo": "ü"})
    for keys in (
        {"keep": "jj"},
        {"keep": ""},
        {"keep": "\n"},
        {"keep": "j", "undo": "j"},
        {"x" * 21: "j"},
        {"keep": 1},
        [],
    ):
        assert client.post("api/keys", {"keys": keys})[0] == 422, keys
    assert client.get("api/run")[1]["keys"] == {"keep": "j", "undo": "ü"}
    assert client.post("api/keys", {"keys": {}}) == (200, {})


def test_notes_have_a_length_and_the_file_of_decisions_has_them(client):
    assert client.decide([0], "keep", note="x" * 1001)[0] == 422
    assert client.decide([0], "keep", note=" why \n")[0] == 200
    assert client.decide([1, 2], "unsure")[0] == 200
    said = client.get("api/export")[1]
    assert [(each["mislabel_id"], each["mislabel_decision"], each["note"]) for each in said] == [
        ("m0", "keep", "why"), ("m1", "unsure", None), ("m2", "unsure", None),
    ]  # fmt: skip
    assert list(said[0]) == ["mislabel_id", "label_before", "mislabel_decision", "label", "note", "reviewer", "time"]


def test_no_thread_outlives_a_review(tmp_path):
    """A process that ended over an error, such as a missing package, while texts were unpacked stood still for ever."""
    run = write_run(tmp_path / "run", ["a", "b", "c", "d"], [0, 1, 2, 3], [1, 1, 0, 3], COLOURS)
    before = set(threading.enumerate())
    (run / "posterior.npy").unlink(missing_ok=True)
    with pytest.raises(InputError, match="the order gain needs"):
        Session(RunFolder(run), order="gain")
    assert set(threading.enumerate()) == before
    session = Session(RunFolder(run))
    session.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=PATIENCE)
    assert set(threading.enumerate()) == before
    assert not list(run.glob(".review-*"))
