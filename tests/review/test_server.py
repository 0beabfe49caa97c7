"""The review's server by its answers: who gets one, what it says, and what is on disk when it has said so."""

import http.client
import json
import signal
import socket
import subprocess
import sys
from contextlib import closing
from urllib.parse import quote, urlsplit

import numpy as np
import pandas as pd
import pytest
from fake_runs import renew_digests
from patience import PATIENCE

pytest.importorskip("fastapi", reason="the extra `review` is not installed")

from review.browser import Server as Process
from review.browser import write_run
from review.client import Client

from mislabel.decisions.store import read_decisions
from mislabel.review.serve import farewell
from mislabel.review.server import Server
from mislabel.review.session import Session
from mislabel.run.folder import RunFolder

CLASSES = ["billing", "delivery", "refund"]
HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)"> مرحبا 😀 '
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f64540"
    "0000000049454e44ae426082"
)


def some_run(folder, n=60, **more):
    rng = np.random.default_rng(0)
    texts = [HOSTILE if k == 3 else f"Message {k}: my {('bill', 'PARCEL', 'money')[k % 3]} is late" for k in range(n)]
    given, suggested = rng.integers(3, size=n).tolist(), rng.integers(3, size=n).tolist()
    status = ["held_out" if k % 10 == 9 else "judged" for k in range(n)]
    return write_run(folder, more.pop("inputs", texts), given, suggested, CLASSES, status=status, **more)


@pytest.fixture
def review(tmp_path):
    """Opens reviews of a run; gives a client and the session."""
    opened = []

    def start(folder=None, **options):
        session = Session(RunFolder(folder or some_run(tmp_path / "run")), **options)
        server = Server(session)
        client = Client(server)
        opened.append((client, server, server.start(), session))
        return client, session

    yield start
    for client, server, thread, session in opened:
        client.connection.close()
        server.stop()
        thread.join(timeout=PATIENCE)
        session.close()


def test_there_is_nothing_without_the_token(review, tmp_path):
    folder = some_run(tmp_path / "run")
    client, _ = review(folder)
    token = client.server.token
    for path in ("/", "/api/run", "/start.js", f"/{token[:-1]}/", f"/{'x' * len(token)}/api/run", f"//{token}/api/run"):
        assert client.raw("GET", path)[0] == 404, path
    assert client.raw("GET", f"/{token}/")[0] == 200
    assert len(token) >= 32
    assert token != review(folder)[0].server.token


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1:1"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_other_pages_may_not_use_it(review, headers, status):
    client, session = review()
    got, answer = client.post("api/decide", {"key": "k", "rows": [0], "kind": "keep"}, **headers)
    assert (got, list(answer)) == (status, ["error"])
    assert session.store.history() == []


def test_its_own_page_may(review):
    client, _ = review()
    for host in ("127.0.0.1", "localhost"):
        own = f"{host}:{client.server.port}"
        assert client.get("api/state", Host=own, Origin=f"http://{own}", Sec_Fetch_Site="same-origin")[0] == 200


def test_bodies_have_a_limit(review):
    client, _ = review()
    path = f"/{client.server.token}/api/decide"
    assert client.raw("POST", path, "x", Content_Type="application/json", Content_Length=str(1 << 40))[0] == 413
    client.connection.close()
    chunks = client.raw("POST", path, iter([b"{}"]), Content_Type="application/json", Transfer_Encoding="chunked")
    assert chunks[0] == 413


def test_every_answer_forbids_what_is_not_its_own(review):
    client, _ = review()
    base = f"/{client.server.token}"
    for path in (f"{base}/", f"{base}/start.js", f"{base}/api/run", f"{base}/nothing", "/", f"{base}/media/0"):
        _, headers, _ = client.raw("GET", path)
        headers = {name.lower(): value for name, value in headers.items()}
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert {value for name, value in policy.items() if name != "default-src"} == {"'self'", "'none'"}
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert not any(name.startswith("access-control") for name in headers)
    assert client.raw("OPTIONS", f"{base}/api/decide")[0] == 405


@pytest.mark.parametrize(
    "path",
    ["config.json", "../config.json", "..%2fconfig.json", "%2e%2e/%2e%2e/config.json", "page.py", "server.py",
     "media/../config.json", "media/..%2f..%2faudit.parquet", "media/-1", "media/9999", "media/x", "start.js%00.png",
     "..\\config.json", "/etc/passwd", "page/start.js", "page.html", "types.d.ts", "__init__.py"],
)  # fmt: skip
def test_gives_no_file_but_the_page(review, path):
    client, _ = review()
    status, _, body = client.raw("GET", f"/{client.server.token}/{path}")
    assert status in (404, 422)
    assert set(json.loads(body)) <= {"error", "detail"}


def test_listens_on_this_machine_alone(review):
    client, _ = review()
    assert client.server.socket.getsockname()[0] == "127.0.0.1"
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    for other in others:
        with socket.socket() as attempt:
            attempt.settimeout(2)
            assert attempt.connect_ex((other, client.server.port)) != 0


def test_a_row_says_what_the_run_folder_says(review, tmp_path):
    folder = some_run(tmp_path / "run")
    client, _ = review(folder)
    table, posterior = pd.read_parquet(folder / "audit.parquet"), np.load(folder / "posterior.npy")
    inputs = pd.read_parquet(folder / "inputs.parquet")["input"].tolist()
    for row in (0, 3, 9, 59):
        status, shown = client.get(f"api/rows/{row}")
        line = table.iloc[row]
        assert status == 200
        assert (shown["id"], shown["status"]) == (line["id"], line["status"])
        assert CLASSES[shown["given"]] == line["given_label"]
        assert CLASSES[shown["suggested"]] == line["suggested_label"]
        assert shown["text"] == inputs[line["row"]]
        bars = {bar["label"]: bar["p"] for bar in shown["posterior"]}
        assert bars == {k: pytest.approx(float(p), abs=1e-6) for k, p in enumerate(posterior[line["row"]])}
        assert [bar["p"] for bar in shown["posterior"]] == sorted(bars.values(), reverse=True)
        if line["status"] == "judged":
            assert shown["p_mislabeled"] == pytest.approx(line["p_mislabeled"], abs=1e-5)
            assert f"In {line['wrong_events']} of 9 passes" in shown["why"][0]
    assert "gold" not in json.dumps(client.get("api/rows/0")[1])
    assert client.get("api/rows/60")[0] == 404


def test_bars_show_given_and_suggested_among_many_classes(review, tmp_path):
    names = [f"class {k}" for k in range(150)]
    folder = write_run(tmp_path / "run", ["a", "b"], [149, 3], [7, 3], names)
    posterior = np.full((2, 150), 0.5 / 150, dtype=np.float32)
    posterior[0, 20:40] = np.linspace(0.02, 0.03, 20)
    np.save(folder / "posterior.npy", posterior)
    renew_digests(RunFolder(folder))
    client, _ = review(folder)
    bars = [bar["label"] for bar in client.get("api/rows/0")[1]["posterior"]]
    assert len(bars) == 9
    assert bars[:7] == [39, 38, 37, 36, 35, 34, 33]
    assert {149, 7} == set(bars[7:])


def test_neighbours_are_the_nearest_judged_rows(review, tmp_path):
    folder = some_run(tmp_path / "run")
    matrix = np.load(folder / "embeddings.npy").astype(np.float64)
    matrix[5] = 0
    np.save(folder / "embeddings.npy", matrix.astype(np.float16))
    renew_digests(RunFolder(folder))
    client, session = review(folder)
    unit = matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-300)
    for row in (0, 9, 30):
        near = unit @ unit[row]
        near[[row, *np.flatnonzero(~session.rows.judged)]] = -np.inf
        expected = np.argsort(-near)[:3]
        found = client.get(f"api/rows/{row}/neighbours")[1]["neighbours"]
        assert [one["row"] for one in found] == expected.tolist()
        assert [one["similarity"] for one in found] == pytest.approx(near[expected].tolist(), abs=2e-3)
    assert client.get("api/rows/5/neighbours")[1] == {"neighbours": [], "values": [], "note": None}


def test_a_run_without_inputs_and_embeddings_can_be_reviewed(review, tmp_path):
    folder = some_run(tmp_path / "run", inputs=None)
    (folder / "embeddings.npy").unlink()
    (folder / "posterior.npy").unlink()
    client, _ = review(folder)
    shown = client.get("api/next")[1]["row"]
    assert (shown["text"], shown["image"], shown["posterior"]) == (None, None, [])
    assert "keeps no embeddings" in client.get("api/rows/0/neighbours")[1]["note"]
    assert client.get("api/run")[1]["has_inputs"] is False
    assert client.get("api/list?search=m1")[1]["total"] == 10  # m1 and m10 to m18: ids are searched; m19 is held out
    assert client.decide([0], "keep")[0] == 200


def test_pictures_come_as_they_are_kept(review, tmp_path):
    pictures = [PNG, b"\xff\xd8\xff\xe0 jpeg", b"<svg onload=alert(1)>"]
    folder = write_run(tmp_path / "run", pictures, [0, 1, 2], [1, 1, 1], CLASSES, modality="image")
    client, _ = review(folder)
    base = f"/{client.server.token}/media"
    for row, kind in enumerate(["image/png", "image/jpeg"]):
        status, headers, body = client.raw("GET", f"{base}/{row}")
        headers = {name.lower(): value for name, value in headers.items()}
        assert (status, headers["content-type"], body) == (200, kind, pictures[row])
    assert client.raw("GET", f"{base}/2")[0] == 404, "what is neither PNG nor JPEG is not given out"
    assert client.get("api/rows/0")[1]["image"] == "media/0"


@pytest.mark.parametrize(
    "query",
    [
        {}, {"given": 1}, {"suggested": 2}, {"given": 0, "suggested": 1}, {"status": "held_out"}, {"status": "any"},
        {"decision": "undecided"}, {"decision": "decided"}, {"decision": "keep"}, {"decision": "none", "status": "any"},
        {"search": "PARcel"}, {"search": "مرحبا"}, {"search": "<script>"}, {"search": "no such words"},
        {"search": "bill", "given": 2, "decision": "undecided"},
    ],
)  # fmt: skip
def test_lists_are_what_a_frame_gives(review, tmp_path, query):
    folder = some_run(tmp_path / "run")
    client, _ = review(folder)
    client.decide([0, 1, 2], "keep")
    client.decide([9, 30], "none")
    table = pd.read_parquet(folder / "audit.parquet")
    table["text"] = pd.read_parquet(folder / "inputs.parquet")["input"]
    table["decision"] = [{0: "keep", 1: "keep", 2: "keep", 9: "none", 30: "none"}.get(k, "") for k in range(60)]
    keep = table["status"].eq(query.get("status", "judged")) | (query.get("status") == "any")
    for name in ("given", "suggested"):
        if name in query:
            keep &= table[f"{name}_label"] == CLASSES[query[name]]
    wanted = query.get("decision", "any")
    decided = table["decision"] != ""
    keep &= {"any": True, "undecided": ~decided, "decided": decided}.get(wanted, table["decision"] == wanted)
    keep &= table["text"].str.lower().str.contains(query.get("search", "").lower(), regex=False)
    expected = np.flatnonzero(keep).tolist()
    found = client.get("api/list?" + "&".join(f"{name}={quote(str(value))}" for name, value in query.items()))[1]
    assert found["total"] == len(expected)
    assert [row["row"] for row in found["rows"]] == expected[:50]
    second = client.get("api/list?status=any&offset=50&limit=5")[1]
    assert [row["row"] for row in second["rows"]] == [50, 51, 52, 53, 54]


def test_a_search_finds_as_much_where_there_is_no_room_to_unpack(review, tmp_path, monkeypatch):
    folder = some_run(tmp_path / "run")
    found = review(folder)[0].get("api/list?search=PARcel&status=any")[1]

    def full(self, path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mislabel.review.shown_inputs.Contents._write", full)
    client, _ = review(folder)
    assert client.get("api/list?search=PARcel&status=any")[1] == found
    assert found["total"] == 20
    assert client.get("api/rows/3")[1]["text"] == HOSTILE


@pytest.mark.parametrize(
    ("said", "status", "words"),
    [
        ({"rows": [0], "kind": "perhaps"}, 422, "kind"),
        ({"rows": [0], "kind": "label"}, 400, "needed a class from 0 to 2"),
        ({"rows": [0], "kind": "label", "label": 3}, 400, "label is 3"),
        ({"rows": [0], "kind": "label", "label": "refund"}, 422, "label"),
        ({"rows": [60], "kind": "keep"}, 400, "rows must be 0 to 59"),
        ({"rows": [-1], "kind": "keep"}, 400, "rows must be 0 to 59"),
        ({"rows": [], "kind": "keep"}, 400, "at least one"),
        ({"kind": "keep"}, 400, "rows or a filter"),
        ({"rows": [0], "filter": {}, "kind": "keep"}, 400, "rows or a filter"),
        ({"filter": {"given": 0}, "digest": "1-0", "kind": "keep"}, 400, "other rows match now"),
        ({"filter": {"given": 0}, "kind": "keep"}, 400, "other rows match now"),
        ({"filter": {"decision": "later"}, "digest": "1-0", "kind": "keep"}, 400, "decision is 'later'"),
        ({"rows": [10**30], "kind": "keep"}, 422, "rows"),
        ({"rows": [0], "kind": "label", "label": 2**63}, 422, "label"),
        ({"rows": [0], "kind": "keep", "place": 2**53}, 200, None),
        ({"rows": [0], "kind": "keep", "gold": 1}, 422, "gold"),
        ({"rows": [0.5], "kind": "keep"}, 422, "rows"),
    ],
)
def test_refuses_what_is_no_decision(review, said, status, words):
    client, session = review()
    got, answer = client.post("api/decide", {"key": "k"} | said)
    assert got == status
    if words is not None:
        assert words in answer["error"]
    assert len(session.store.history()) == (words is None)


def test_decisions_are_on_disk_when_the_answer_comes(review):
    client, session = review()
    _, first = client.get("api/next")
    _, saved = client.decide([first["row"]["row"]], "suggestion", place=first["place"])
    assert saved["saved"] is True
    found = read_decisions(session.folder.decisions)
    assert {id: one.kind for id, one in found.items()} == {first["row"]["id"]: "suggestion"}
    assert found[first["row"]["id"]].label == CLASSES[first["row"]["suggested"]]
    assert saved["state"]["kinds"] == {"keep": 0, "suggestion": 1, "label": 0, "unsure": 0, "none": 0}
    assert (saved["state"]["decided"], saved["state"]["left"]) == (1, saved["state"]["looks"] - 1)
    assert client.get("api/next")[1]["place"] == 1


def test_a_selection_is_one_action(review):
    client, session = review()
    wanted = {"given": 1, "decision": "undecided"}
    found = client.get("api/list?given=1&decision=undecided")[1]
    said = {"key": "s", "filter": wanted, "digest": found["digest"], "kind": "label", "label": 2}
    _, saved = client.post("api/decide", said)
    assert len(saved["rows"]) == found["total"]
    assert client.get("api/list?given=1&decision=undecided")[1]["total"] == 0
    status, again = client.post("api/decide", said)  # as a page does that heard no answer
    assert (status, again["rows"], again["action"]) == (200, saved["rows"], saved["action"])
    assert client.post("api/decide", said | {"key": "t"})[0] == 400
    suggested = (session.rows.labels["suggested_label"][saved["rows"]] == 2).sum()
    kinds = client.get("api/state")[1]["kinds"]
    assert 0 < suggested < found["total"]
    assert (kinds["suggestion"], kinds["label"]) == (suggested, found["total"] - suggested)
    _, undone = client.post("api/undo", {"key": "u", "action": saved["action"]})
    assert sorted(undone["undone"]) == sorted(saved["rows"])
    assert client.get("api/state")[1]["decided"] == 0
    status, answer = client.post("api/undo", {"key": "v", "action": saved["action"]})
    assert status == 409
    assert "undone already" in answer["error"]
    assert len(session.store.history()) == 2 * found["total"]


def test_a_class_that_is_the_given_or_the_suggested_one_is_stored_as_such(review, tmp_path):
    folder = write_run(tmp_path / "run", list("abcde"), [0, 0, 0, 1, -1], [1, 0, 2, 1, 1], CLASSES)
    client, session = review(folder)
    saved = client.decide([0, 1, 2, 3, 4], "label", label=1)[1]
    kinds = ["suggestion", "label", "label", "keep", "suggestion"]
    assert [change["decision"]["kind"] for change in saved["state"]["changed"]] == kinds
    decisions = [event.decision for event in session.store.history()]
    assert [(one.kind, one.label) for one in decisions] == [(kind, "delivery") for kind in kinds]
    assert [one.wrong for one in decisions] == [True, True, True, False, None]


def test_a_request_that_comes_twice_counts_once(review):
    client, session = review()
    said = {"key": "same", "rows": [4], "kind": "none"}
    answers = [client.post("api/decide", said)[1] for _ in range(3)]
    assert {answer["number"] for answer in answers} == {1}
    assert len(session.store.history()) == 1


def test_two_servers_on_one_run_agree(review, tmp_path):
    folder = some_run(tmp_path / "run")
    (one, _), (other, _) = review(folder), review(folder)
    seen = other.get("api/state")[1]["number"]
    one.decide([0], "keep")
    state = other.get(f"api/state?since={seen}")[1]
    assert [(change["row"], change["decision"]["kind"]) for change in state["changed"]] == [(0, "keep")]
    assert other.get("api/next")[1]["row"]["row"] == 1
    other.post("api/undo", {"key": "u", "action": None})
    assert one.get("api/state")[1]["decided"] == 0
    assert one.get("api/next")[1]["row"]["row"] == 0


def test_probes_are_marked_where_chance_showed_them(review, tmp_path):
    folder = some_run(tmp_path / "run")
    client, session = review(folder, probe=0.25)
    looks, place = [], 0
    while place is not None:
        answer = client.get(f"api/next?after={place}")[1]
        place = answer["place"]
        if place is not None:
            looks.append((answer["row"]["row"], answer["probe"]))
            client.decide([answer["row"]["row"]], "keep", place=place)
    assert sorted(row for row, _ in looks) == np.flatnonzero(session.rows.judged).tolist()
    assert [place for place, (_, probe) in enumerate(looks[:12]) if probe] == [3, 7, 11]
    told = {event.decision.id: event.decision.probe for event in session.store.history()}
    assert told == {f"m{row}": probe for row, probe in looks}
    again, _ = review(folder, probe=0.25)
    again.post("api/undo", {"key": "u", "action": None})
    assert again.get("api/next")[1]["row"]["row"] == looks[-1][0], "chance does not draw again"


def test_a_budget_ends_the_queue(review):
    client, session = review(order="gain", budget=7)
    assert (session.left, client.get("api/run")[1]["looks"]) == (7, 7)
    assert client.get("api/next?after=7")[1] == {"place": None, "row": None}


def test_a_full_disk_is_no_saved_decision(review):
    client, session = review()
    pages = session.store.connection.execute("PRAGMA page_count").fetchone()[0]
    session.store.connection.execute(f"PRAGMA max_page_count = {pages}")
    answers = [client.decide(list(range(50)), "keep") for _ in range(20)]
    refused = [answer for status, answer in answers if status != 200]
    assert {status for status, _ in answers[-3:]} == {507}
    assert "nothing was saved: database or disk is full" in refused[0]["error"]
    session.store.connection.execute("PRAGMA max_page_count = 1000000")
    saved = sum(status == 200 for status, _ in answers)
    assert len(session.store.history()) == 50 * saved, "whole actions, and none that was refused"
    assert client.decide([0], "none")[0] == 200


def test_a_run_that_was_made_again_takes_no_decision(review):
    client, session = review()
    assert client.decide([0], "keep")[0] == 200
    session.folder.decisions.unlink()  # as --overwrite does it
    status, answer = client.decide([1], "keep")
    assert (status, "nothing was saved: " in answer["error"]) == (507, True)
    assert "was removed or replaced" in answer["error"]
    assert client.get("api/state")[1]["decided"] == 1


def test_one_row_that_cannot_be_read_does_not_stop_a_review(review, monkeypatch):
    client, session = review()
    real = session.contents.read

    def read(place):
        if place == 1:
            raise OSError("a bad block")
        return None if place == 2 else real(place)

    monkeypatch.setattr(session.contents, "read", read)
    shown = [client.get(f"api/next?after={place}")[1]["row"] for place in range(3)]
    assert shown[0]["text"] == real(0)
    assert [row["text"] for row in shown[1:]] == [None, None]
    notes = [row["note"] and row["note"].split(":")[0] for row in shown]
    assert notes == [None, "The run's copy of this row cannot be read", "The run has no input of this row"]
    assert client.get("api/list")[0] == 200


def test_the_pace_leaves_out_what_was_undone(review):
    client, _ = review()

    def pace():
        return client.get("api/state")[1]["per_minute"]

    actions = []
    for row in range(6):
        assert (pace() is None) == (row < 5)
        actions.append(client.decide([row], "keep")[1]["action"])
    before = pace()
    client.post("api/undo", {"key": "u", "action": actions.pop()})
    assert 0 < pace() < before
    client.post("api/undo", {"key": "v", "action": actions.pop()})
    assert pace() is None


def test_a_review_hears_nothing_of_gold(review, tmp_path):
    folder = some_run(tmp_path / "run")
    table = pd.read_parquet(folder / "audit.parquet")
    table.assign(gold_label="the gold").to_parquet(folder / "audit.parquet", index=False)
    metrics = json.loads((folder / "metrics.json").read_text())
    rate = {"basis": "labels", "at_least": 0.125, "true": 0.987654}
    (folder / "metrics.json").write_text(json.dumps(metrics | {"noise_rate": rate, "test": {"accuracy": 0.987654}}))
    renew_digests(RunFolder(folder))
    client, _ = review(folder)
    asked = ("run", "state", "estimate", "next", "list", "rows/0", "rows/0/neighbours")
    said = {path: json.dumps(client.get(f"api/{path}")[1]) for path in asked}
    assert [path for path, words in said.items() if "0.987654" in words or "gold" in words] == []
    assert json.loads(said["estimate"])["at_least"] == 0.125
    for rate, told in (({"basis": "labels", "at_least": 0.0}, 0.0), ({"estimate": 0.25, "true": 0.5}, None)):
        (folder / "metrics.json").write_text(json.dumps(metrics | {"noise_rate": rate}))
        renew_digests(RunFolder(folder))
        assert review(folder)[0].get("api/estimate")[1]["at_least"] == told


def test_no_bars_where_there_is_no_input(review, tmp_path):
    folder = write_run(
        tmp_path / "run", ["", "b", "c"], [0, 1, 2], [0, 1, 2], CLASSES, status=["empty_input", *["judged"] * 2]
    )
    client, _ = review(folder)
    assert [len(client.get(f"api/rows/{row}")[1]["posterior"]) for row in range(3)] == [0, 3, 3]


def test_the_farewell_counts_every_decision(tmp_path):
    folder = RunFolder(some_run(tmp_path / "run"))
    with closing(Session(folder, budget=2)) as session:
        session.decide(np.array([9]), "keep", None, key="held out")
        words = farewell(session, 0)
        assert "1 rows are decided, 1 of them now (1 keep)\n2 are left; go on with: mislabel review" in words
        assert "mislabel export" in words
        session.decide(session.queue.rows, "keep", None, key="all")
        words = farewell(session, 1)
        assert "3 rows are decided, 2 of them now (3 keep)\nthe planned rows are done, 52 other rows are left" in words
        session.decide(np.flatnonzero(session.rows.judged), "none", None, key="rest")
        assert "\n0 are left" in farewell(session, 1)


def test_every_refusal_is_a_sentence(review):
    client, _ = review()
    token = client.server.token
    for method, path in (("GET", "nothing/at/all"), ("PUT", "api/decide"), ("POST", "api/list")):
        status, _, body = client.raw(method, f"/{token}/{path}")
        assert status in (404, 405, 415)
        assert list(json.loads(body)) == ["error"]
    status, answer = client.get("api/list?given=1" + "0" * 30)
    assert (status, "is no class code" in answer["error"]) == (400, True)


def kill_while_posting(process, answers):
    """Post until the server is gone, killed after so many answers; the numbers of the events said to be saved."""
    parts, said = urlsplit(process.address), []
    with closing(http.client.HTTPConnection("127.0.0.1", parts.port, timeout=PATIENCE)) as connection:
        for row in range(10_000):
            body = json.dumps({"key": str(row), "rows": [row % 50], "kind": ("keep", "none", "unsure")[row % 3]})
            try:
                connection.request("POST", f"{parts.path}api/decide", body, {"Content-Type": "application/json"})
                answer = json.loads(connection.getresponse().read())
            except (OSError, http.client.HTTPException):
                return said
            said.append(answer["number"])
            if len(said) == answers:
                process.process.send_signal(signal.SIGKILL)
    raise AssertionError("the server was not killed")


@pytest.mark.slow
def test_a_killed_server_loses_nothing(tmp_path):
    folder = some_run(tmp_path / "run")
    process = Process(folder)
    said = kill_while_posting(process, 60)
    process.kill()
    assert len(said) >= 60
    session = Session(RunFolder(folder))
    try:
        numbers = [event.number for event in session.store.history()]
    finally:
        session.close()
    assert numbers[: len(said)] == said
    assert len(numbers) - len(said) <= 1, "at most the one whose answer did not come"


def test_ctrl_c_says_what_was_decided_and_how_to_go_on(tmp_path):
    folder = some_run(tmp_path / "run")
    process = Process(folder, "--probe", "0.1")
    parts = urlsplit(process.address)
    body = json.dumps({"key": "k", "rows": [0, 1], "kind": "suggestion"})
    with closing(http.client.HTTPConnection("127.0.0.1", parts.port, timeout=PATIENCE)) as connection:
        connection.request("POST", f"{parts.path}api/decide", body, {"Content-Type": "application/json"})
        assert connection.getresponse().status == 200
    process.process.send_signal(signal.SIGINT)
    assert process.process.wait(timeout=PATIENCE) == 130
    process.reader.join(timeout=PATIENCE)
    said = "".join(list(process.lines.queue))
    again = f"go on with: mislabel review {folder} --probe 0.1"
    for words in ("2 rows are decided", "52 are left", again, "mislabel export", "--decisions", "mislabel report"):
        assert words in said
    assert sorted(path.name for path in folder.iterdir() if path.name.startswith(".")) == []


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--order", "best"], 2, "order is 'best', needed one of worst"),
        (["--probe", "2"], 2, "probe is 2.0, needed 0 to 0.9"),
        (["--budget", "0"], 2, "budget is 0"),
        (["--port", "taken"], 1, "choose another --port"),
        (["--port", "99999"], 1, "port 99999 cannot be used"),
    ],
)
def test_says_what_is_wrong_with_an_option(tmp_path, mislabel, options, code, words):
    folder = some_run(tmp_path / "run", n=12)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        options = [str(other.getsockname()[1]) if one == "taken" else one for one in options]
        done = mislabel("review", folder, "--no-browser", *options)
    assert done.exit_code == code
    assert words in done.stderr


def test_says_what_is_wrong_with_a_run(tmp_path, mislabel):
    assert "is no run folder" in mislabel("review", tmp_path).stderr
    folder = some_run(tmp_path / "run", n=12)
    table = pd.read_parquet(folder / "audit.parquet")
    table.assign(status="labels_unrelated").to_parquet(folder / "audit.parquet")
    renew_digests(RunFolder(folder))
    done = mislabel("review", folder)
    assert (done.exit_code, "no row was judged" in done.stderr) == (2, True)
    (folder / "audit.parquet").write_bytes(b"PAR1 broken")
    done = mislabel("review", folder)
    assert (done.exit_code, "audit.parquet is not what this run wrote" in done.stderr) == (1, True)
    renew_digests(RunFolder(folder))
    done = mislabel("review", folder)
    assert (done.exit_code, "cannot be read" in done.stderr) == (1, True)
    (folder / "metrics.json").unlink()
    assert "not finished" in mislabel("review", folder).stderr


@pytest.mark.parametrize("name", ["posterior.npy", "embeddings.npy"])
def test_a_broken_matrix_is_not_taken_for_none(tmp_path, mislabel, name):
    file = some_run(tmp_path / "run", n=12) / name
    whole = file.read_bytes()
    for broken in (b"", b"no array", whole[:-5], whole[:20]):
        file.write_bytes(broken)
        renew_digests(RunFolder(file.parent))
        done = mislabel("review", tmp_path / "run", "--no-browser")
        assert (done.exit_code, f"{name} cannot be read" in done.stderr) == (1, True)
        assert "delete the file to review without it" in done.stderr
    np.save(file, np.zeros((11, 3), dtype=np.float16))
    renew_digests(RunFolder(file.parent))
    assert "is of shape (11, 3), and the run has rows up to position 11" in mislabel("review", file.parent).stderr


@pytest.mark.slow
def test_says_which_extra_is_missing(tmp_path):
    folder = some_run(tmp_path / "run", n=12)
    script = "import sys; sys.modules['fastapi'] = None\nfrom mislabel.cli import main\nmain()"
    line = [sys.executable, "-c", script, "review", str(folder)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 2
    assert "pip install 'mislabel[review]'" in done.stderr
