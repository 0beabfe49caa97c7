"""Marked words: those of brute force with the model itself, kept, and where they cannot be had the reason."""

import json
import shutil
import sys
from contextlib import closing

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra `review` is not installed")

from review.browser import COLOURS, at, expect, press, shows, write_run

from mislabel.review.session import Session
from mislabel.review.views import Views
from mislabel.run.folder import RunFolder


def brute_force(folder, text, toward, against):
    """What leaving out each word does to the log odds, a text at a time, by the library that the model is for."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(folder / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    column = {name: code for code, name in model.config.id2label.items()}

    def odds(words):
        with torch.inference_mode():
            said = model(**tokenizer(" ".join(words), return_tensors="pt", truncation=True)).logits[0].double()
        said = said.log_softmax(-1)
        other = said[column[against]] if against else torch.log1p(-said[column[toward]].exp())
        return float(said[column[toward]] - other)

    words = text.split()
    whole = odds(words)
    return [whole - odds(words[:k] + words[k + 1 :]) for k in range(len(words))]


@pytest.mark.slow
def test_weights_are_those_of_leaving_each_word_out(toy_run):
    with closing(Session(RunFolder(toy_run))) as session:
        views = Views(session)
        differ = session.rows.labels["given_label"] != session.rows.labels["suggested_label"]
        judged = session.rows.judged
        for row in (int(np.flatnonzero(judged & differ)[0]), int(np.flatnonzero(judged & ~differ)[0])):
            text = views.row(row).text
            words = views.words(row)
            assert words.note is None
            assert "".join(part.text for part in words.parts) == text
            names = [None if code is None else session.rows.classes[code] for code in (words.toward, words.against)]
            assert names[0] == session.rows.classes[session.rows.labels["suggested_label"][row]]
            found = [part.weight for part in words.parts if part.weight is not None]
            assert found == pytest.approx(brute_force(toy_run, text, *names), abs=1e-4)
            asked = session.words.predictor.probabilities
            session.words.predictor.probabilities = None  # what is known is not asked again
            assert views.words(row) == words
            session.words.predictor.probabilities = asked
    with closing(Session(RunFolder(toy_run))) as session:
        assert Views(session).words(row) == words


@pytest.mark.slow
def test_marks_are_shown_and_switched_off(review, toy_run, tmp_path):
    run = shutil.copytree(toy_run, tmp_path / "run")
    with review(run) as it:
        page = it.page
        marks = page.locator("#content mark")
        expect(page.locator("#content .words-said")).to_contain_text("speak for")
        expect(marks.first).to_be_visible()
        text = page.locator("#content .text").text_content()
        press(page, "w")
        expect(marks).to_have_count(0)
        assert page.locator("#content .text").text_content() == text
        expect(page.locator("#mark-words")).to_have_attribute("aria-pressed", "false")
        press(page, "ArrowRight")
        page.wait_for_timeout(600)
        expect(marks).to_have_count(0)
        press(page, "ArrowLeft")
        page.reload()
        page.locator("#mark-words").click()
        expect(marks.first).to_be_visible()


def test_a_run_without_a_model_says_so(review, colours):
    with review(colours) as it:
        at(it.page, "m0")
        expect(it.page.locator("#mark-words")).to_have_attribute("aria-disabled", "true")
        press(it.page, "w")
        assert shows(it.page, "#content .words-said", "Words cannot be marked: this run has no model to ask.")
        press(it.page, "k", "m1")


def test_without_torch_the_reason_is_told(colours, monkeypatch):
    (colours / "model").mkdir()
    (colours / "model" / "mislabel.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "torch", None)
    real = sys.modules["importlib.util"].find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "torch" else real(name))
    with closing(Session(RunFolder(colours))) as session:
        views = Views(session)
        assert "torch" in views.run().words_note
        assert "pip install" in views.words(0).note
        assert views.words(0).parts == []


def test_a_model_that_cannot_be_loaded_is_asked_once_and_no_hub(colours, monkeypatch):
    """A head stands on an encoder of the hub; the review opens no connection to look for it."""
    from huggingface_hub import constants

    about = {"modality": "text", "backbone": "somebody/some-encoder", "max_length": 64, "classes": COLOURS}
    (colours / "model").mkdir()
    (colours / "model" / "mislabel.json").write_text(json.dumps(about))
    (colours / "model" / "head.safetensors").write_bytes(b"")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr("socket.socket.connect", lambda *what: pytest.fail("a connection was opened"))
    with closing(Session(RunFolder(colours))) as session:
        views = Views(session)
        assert views.run().words_note is None
        first = views.words(0).note
        assert first.startswith("Words cannot be marked:")
        assert "somebody/some-encoder" in first
        assert views.run().words_note == views.words(1).note == first
    assert constants.HF_HUB_OFFLINE is False


def test_other_inputs_have_no_words(tmp_path):
    path = write_run(tmp_path / "run", [b"a", b"b"], [0, 1], [1, 0], COLOURS, modality="image")
    with closing(Session(RunFolder(path))) as session:
        run = Views(session).run()
        assert (run.marks_words, run.words_note) == (False, None)
        assert Views(session).words(0).parts == []


def test_what_classes_mean_is_one_key_away(review, tmp_path, colours):
    config = json.loads((colours / "config.json").read_text())
    config["settings"]["describe"] = {"red": ["the colour of blood"], "blue": ["the sky", "<b>the sea</b>"]}
    from fake_runs import renew_digests

    (colours / "config.json").write_text(json.dumps(config))
    renew_digests(RunFolder(colours))
    with review(colours) as it:
        page = it.page
        at(page, "m0")
        press(page, "d")
        names = page.locator("#meanings dt b")
        expect(names).to_have_text(["red", "green", "blue", "gold"])
        expect(page.locator("#meanings dd").nth(2)).to_contain_text("<b>the sea</b>")
        expect(page.locator("#meanings dd").nth(3)).to_have_text("Nobody said what it means.")
        press(page, "Escape")
        press(page, "k", "m1")
    plain = write_run(tmp_path / "plain", ["a", "b"], [0, 1], [1, 0], COLOURS)
    with review(plain) as it:
        at(it.page, "m0")
        press(it.page, "d")
        expect(it.page.locator("#meanings-note")).to_contain_text("--describe FILE")
