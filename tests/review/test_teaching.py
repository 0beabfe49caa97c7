"""A review in the order trust: the rows it shows, what it tells while it goes on, and at its end."""

import http.client
import json
import signal
from contextlib import closing
from urllib.parse import urlsplit

import numpy as np
import pytest
from patience import PATIENCE

pytest.importorskip("fastapi", reason="the extra `review` is not installed")

from review.browser import Server as Process
from review.browser import write_run

from mislabel.decisions.looks import Share, weighted_share
from mislabel.review.progress import advice
from mislabel.review.serve import farewell
from mislabel.review.session import Session
from mislabel.review.teaching import is_enough, words
from mislabel.review.views import Views
from mislabel.run.folder import RunFolder
from mislabel.run.judge_preview import Gain, More
from mislabel.run.trust_looks import SEED, Answers, plan

CLASSES = ["billing", "delivery", "refund"]


def some_run(path, n=160):
    random = np.random.default_rng(0)
    given = np.sort(random.integers(3, size=n))
    suggested = np.where(random.random(n) < 0.3, random.integers(3, size=n), given)
    return write_run(path, [f"Message {k}" for k in range(n)], given.tolist(), suggested.tolist(), CLASSES)


def test_the_rows_are_those_of_the_seed_and_come_again(tmp_path):
    folder = RunFolder(some_run(tmp_path / "run"))
    with closing(Session(folder, order="trust")) as session:
        first = session.queue.rows.tolist()
        assert first == plan(session.rows, session.store.recall(SEED)).rows.tolist()
        assert not session.queue.probe.any()
    with closing(Session(folder, order="trust", budget=30, probe=0.2)) as session:
        queue, probe = session.queue.rows, session.queue.probe
        drawn = set(queue[probe].tolist())
        assert queue[~probe].tolist() == [row for row in first if row not in drawn][:24]
        assert (len(queue), len(drawn)) == (30, 6)
    with closing(Session(folder, order="worst")) as session:
        assert session.answers() is None
        assert Views(session).estimate().taught is None


def test_what_is_told_grows_with_the_answers(tmp_path):
    folder = RunFolder(some_run(tmp_path / "run"))
    with closing(Session(folder, order="trust")) as session:
        views, order = Views(session), session.queue.rows
        rows, weights = session.rows, session.queue.looks.weights(60)
        wrong = rows.labels["given_label"] != rows.labels["suggested_label"]
        told = views.estimate().taught
        assert (told.answers, told.enough) == (0, False)
        assert "from 10 on" in told.words[0]
        for row in order[:60].tolist():
            session.decide(np.array([row]), "suggestion" if wrong[row] else "keep", None, key=str(row))
        told = views.estimate().taught
        right = weighted_share(~wrong[order[:60]], weights)
        assert f"{right.estimate:.0%} ({right.low:.0%} to {right.high:.0%}) have the right label" in told.words[0]
        assert "for 100% (" in told.words[0]
        assert (told.answers, told.enough) == (60, True)
        assert "this is precise" in told.words[1]
        assert f"mislabel train … --decisions {folder.path}" in told.words[1]
        assert told.words[0] in farewell(session, 0)
        session.undo(None, key="undo")
        assert views.estimate().taught.answers == 59
        session.decide(np.array([int(order[59])]), "unsure", None, key="unsure")
        assert views.estimate().taught.answers == 59


def test_the_judge_is_previewed_beside_the_review(tmp_path):
    with closing(Session(RunFolder(some_run(tmp_path / "run")), order="trust")) as session:
        views, order, preview = Views(session), session.queue.rows, session.preview
        session.run.config["settings"]["tune"] = "head"  # whose embeddings are from before training

        def answer(looks):
            for row in order[looks].tolist():
                session.decide(np.array([row]), "keep", None, key=str(row))
            said = views.estimate().taught.words
            preview.wait()
            return said

        assert len(answer(slice(0, 19))) == 2
        assert preview.gain is None
        answer(slice(19, 25))
        first = preview.gain
        assert first.answers == 25
        told = views.estimate().taught.words
        assert f"told four fifths of 25 answers names the right class for {first.judge:.0%}" in told[1]
        assert told[1] in farewell(session, 0)
        answer(slice(25, 34))
        assert preview.gain is first, "nine more are not enough"
        answer(slice(34, 35))
        assert preview.gain.answers == 35


def test_without_a_frozen_space_there_is_no_preview(tmp_path):
    with closing(Session(RunFolder(some_run(tmp_path / "run")), order="trust")) as session:
        for row in session.queue.rows[:30].tolist():
            session.decide(np.array([row]), "keep", None, key=str(row))
        assert len(Views(session).estimate().taught.words) == 2
        session.preview.wait()
        assert session.preview.gain is None


@pytest.mark.parametrize(
    ("answers", "half", "enough", "why"),
    [(9, 0.0, False, ""), (10, 0.2, False, "each one teaches"), (50, 0.049, True, "precise"),
     (99, 0.051, False, "each one teaches"), (100, 0.2, True, "after 100")],
)  # fmt: skip
def test_when_it_is_enough(answers, half, enough, why):
    share = Share(0.5, 0.5 - half, 0.5 + half)
    found = Answers(np.arange(answers), np.zeros(answers, dtype=np.int64), np.ones(answers), share, share)
    assert is_enough(found) == enough
    assert why in words(found, "runs/a b")[-1]
    assert ("--decisions 'runs/a b'" in words(found, "runs/a b")[-1]) == (answers >= 10)


@pytest.mark.parametrize(
    ("low", "high", "enough", "why"),
    [(0.012, 0.05, False, "should bring it +3.0 points (95% interval +1.2 to +5.0 points), if it goes on learning as"),
     (-0.01, 0.07, False, "is not clear: +3.0 (95% interval -1.0 to +7.0 points)"),
     (-0.02, 0.009, True, "is not clear")],
)  # fmt: skip
def test_what_the_next_fifty_bring_the_model_is_said_as_far_as_it_is_known(low, high, enough, why):
    share = Share(0.5, 0.4, 0.6)
    found = Answers(np.arange(60), np.zeros(60, dtype=np.int64), np.ones(60), share, share)
    gain = Gain(60, 0.8, 0.7, More(24, 48, 0.03, low, high))
    said = words(found, "runs/a", gain)
    assert why in said[2]
    assert "from 24 to 48 answers" in said[2]
    assert is_enough(found, gain) == enough
    assert ("Enough: more answers teach little by now." in said[3]) == enough


def test_rows_that_doubt_chose_tell_nothing_of_the_next_training_and_random_ones_do(tmp_path):
    folder = RunFolder(some_run(tmp_path / "run"))
    with closing(Session(folder, order="worst")) as session:
        for row in session.queue.rows[:20].tolist():
            session.decide(np.array([row]), "keep", None, key=str(row))
        assert "cannot be told from rows in this order" in advice(session).words[-1]
    with closing(Session(folder, order="random")) as session:
        session.run.config["settings"]["tune"] = "head"
        for row in session.queue.rows[:45].tolist():
            session.decide(np.array([row]), "keep", None, key=f"again {row}")
        session.preview.wait() if advice(session) else None
        answers = session.drawn_answers()
        assert set(answers.weights.tolist()) == {answers.weights[0]}
        assert session.preview.gain.answers == len(answers) >= 45
        assert any("A judge that is told four fifths of" in said for said in advice(session).words)
        assert Views(session).estimate().taught is None


def test_the_command_serves_it_and_says_at_the_end_what_it_taught(tmp_path):
    process = Process(some_run(tmp_path / "run"), "--order", "trust", "--budget", "12")
    parts, looked = urlsplit(process.address), []
    with closing(http.client.HTTPConnection("127.0.0.1", parts.port, timeout=PATIENCE)) as connection:

        def ask(method, path, body=None):
            connection.request(method, f"{parts.path}api/{path}", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, json.loads(response.read())

        assert ask("GET", "run")[1]["order_words"].startswith("what teaches most")
        while (look := ask("GET", "next")[1])["row"] is not None:
            looked.append(look["row"]["row"])
            said = {"key": str(len(looked)), "kind": "keep", "rows": looked[-1:], "place": look["place"]}
            assert ask("POST", "decide", json.dumps(said))[0] == 200
        estimate = ask("GET", "estimate")[1]
    assert (len(looked), estimate["taught"]["answers"]) == (12, 12)
    assert "100%" in estimate["taught"]["words"][0]
    process.process.send_signal(signal.SIGINT)
    assert process.process.wait(timeout=PATIENCE) == 130
    process.reader.join(timeout=PATIENCE)
    said = "".join(list(process.lines.queue))
    assert "as 12 answers tell, 100%" in said
    assert "--decisions" in said
