"""A model goes to a hub and comes back: over HTTP, to a hub on this machine."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from fake_hub import running_hub
from patience import PATIENCE

from mislabel.errors import InputError
from mislabel.estimators import FeatureClassifier, ImageClassifier, TextClassifier
from mislabel.run.folder import RunFolder

# What the hub's own library warns of, of its own use of another.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
TOKEN = "hf_abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def hub():
    with running_hub() as hub:
        yield hub


@pytest.fixture
def reached(hub, monkeypatch, tmp_path):
    """The hub, as this process reaches it: with a token, and a cache of its own."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", hub.address)
    template = hub.address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    return hub


@pytest.fixture
def features_run(evidence_run, tmp_path):
    """A run that a test may change."""
    folder = tmp_path / "features"
    shutil.copytree(evidence_run, folder)
    return folder


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_push_sends_the_model_and_its_card_and_nothing_else(hub, toy_run, environment, tmp_path):
    """As a process of its own, of a whole network; the path of its encoder is the one thing that stays here."""
    there = environment | {"HF_ENDPOINT": hub.address, "HF_HUB_OFFLINE": "0", "HF_TOKEN": TOKEN}
    there |= {"HOME": str(tmp_path), "HF_HUB_DISABLE_XET": "1"}
    words = [sys.executable, "-m", "mislabel", "push", toy_run, "me/toys", "--private", "--json"]
    done = subprocess.run(words, env=there, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"address": f"{hub.address}/me/toys"}
    sent, kept = hub.files["me/toys"], files_of(toy_run / "model")
    assert set(sent) == set(kept)
    assert "README.md" in sent
    about = json.loads(kept["mislabel.json"])
    assert json.loads(sent.pop("mislabel.json")) == about | {"backbone": ""}
    assert sent == {name: data for name, data in kept.items() if name in sent}
    assert hub.private == {"me/toys": True}
    assert hub.tokens <= {f"Bearer {TOKEN}", None}
    assert TOKEN not in done.stdout + done.stderr
    encoder = about["backbone"].encode()
    assert not any(encoder in data for data in sent.values())


def test_what_was_pushed_opens_again(reached, features_run, swallowed_file, mislabel):
    done = mislabel("push", features_run, "me/animals")
    assert (done.exit_code, done.stdout) == (0, f"the model is at {reached.address}/me/animals\n")
    points = pd.read_csv(swallowed_file)[["x0", "x1"]]
    opened = FeatureClassifier.from_pretrained("me/animals")
    own = FeatureClassifier.load(features_run)
    np.testing.assert_array_equal(opened.predict_proba(points), own.predict_proba(points))
    assert opened.classes_.tolist() == ["fox", "hare", "wolf"]
    with pytest.raises(InputError, match="holds a model for features; TextClassifier is for text"):
        TextClassifier.from_pretrained("me/animals")
    with pytest.raises(InputError, match="came from a model folder"):
        opened.push_to_hub("me/again")


def test_only_what_the_run_wrote_is_sent(reached, features_run, mislabel):
    (features_run / "model" / "rows.csv").write_text("a note of somebody")
    (features_run / "model" / ".hidden").write_text("x")
    assert mislabel("push", features_run, "me/animals").exit_code == 0
    assert set(reached.files["me/animals"]) == {"README.md", "head.safetensors", "mislabel.json"}


def test_a_model_of_an_earlier_version_gets_its_card_when_it_is_pushed(reached, features_run, mislabel):
    card = (features_run / "model" / "README.md").read_bytes()
    (features_run / "model" / "README.md").unlink()
    assert mislabel("push", features_run, "me/animals").exit_code == 0
    assert reached.files["me/animals"]["README.md"] == card
    assert not (features_run / "model" / "README.md").exists()


def test_estimators_push_what_they_save(reached, swallowed_file, tmp_path):
    frame = pd.read_csv(swallowed_file)
    fitted = FeatureClassifier(method="ce", options={"epochs": 1}).fit(frame[["x0", "x1"]], frame["label"])
    fitted.save_pretrained(tmp_path / "model")
    assert fitted.push_to_hub("me/fitted", private=True) == f"{reached.address}/me/fitted"
    assert reached.files["me/fitted"] == files_of(tmp_path / "model")
    assert reached.private["me/fitted"]
    opened = FeatureClassifier.from_pretrained(tmp_path / "model")
    np.testing.assert_array_equal(opened.predict(frame[["x0", "x1"]]), fitted.predict(frame[["x0", "x1"]]))
    with pytest.raises(InputError, match="is not empty: choose another folder"):
        fitted.save_pretrained(tmp_path / "model")
    fitted.save(tmp_path / "run")
    FeatureClassifier.load(tmp_path / "run").save_pretrained(tmp_path / "again")
    assert files_of(tmp_path / "again") == files_of(tmp_path / "run" / "model") == files_of(tmp_path / "model")


def test_a_private_push_does_not_end_up_in_a_public_repository(reached, features_run, mislabel):
    assert mislabel("push", features_run, "me/animals").exit_code == 0
    before = dict(reached.files["me/animals"])
    reached.files["me/animals"].clear()
    done = mislabel("push", features_run, "me/animals", "--private")
    assert done.exit_code == 2
    assert "me/animals is there already and not private" in done.stderr
    assert reached.files["me/animals"] == {}
    assert mislabel("push", features_run, "me/animals").exit_code == 0  # again, onto the same one
    assert reached.files["me/animals"] == before


@pytest.mark.parametrize(
    ("end", "status", "said"),
    [
        ("/create", 401, "does not accept the token (401): log in again with `hf auth login`, or set HF_TOKEN"),
        ("/create", 403, "the token may not write there (403)"),
        ("/create", 500, "the hub answers 500"),
        ("/commit/main", 403, "the token may not write there (403)"),
        ("/preupload/main", 404, "it has no such model repository, or the token may not see it (404)"),
        ("/objects/batch", 401, "does not accept the token (401)"),
    ],
)
def test_a_refusal_is_one_sentence(end, status, said, reached, features_run, mislabel):
    reached.statuses[end] = status
    done = mislabel("push", features_run, "me/animals")
    assert done.exit_code == 1
    _, sentence = done.stderr.split("error: ")  # before it, the bar of what was sent until then
    assert sentence.startswith("nothing was uploaded to me/animals: ")
    assert said in sentence
    assert sentence.count("\n") == 1
    assert TOKEN not in done.stderr
    assert reached.files.get("me/animals", {}) == {}


def test_without_a_network_a_token_or_leave_to_go_out(reached, features_run, mislabel, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    done = mislabel("push", features_run, "me/animals")
    assert done.exit_code == 1
    assert "nothing was uploaded to me/animals: http://127.0.0.1:9 cannot be reached (" in done.stderr
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    done = mislabel("push", features_run, "me/animals")
    assert (done.exit_code, done.stderr.count("unset HF_HUB_OFFLINE")) == (1, 1)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(features_run / "none"))
    done = mislabel("push", features_run, "me/animals")
    assert (done.exit_code, done.stderr.count("there is no token; log in with `hf auth login`")) == (1, 1)
    assert reached.requests == []


@pytest.mark.parametrize(
    ("name", "said"),
    [("animals", "does not say whose"), ("a/b/c", "no name of a repository"), ("me/", "no name of a repository")],
)
def test_a_name_that_cannot_be(name, said, reached, features_run, mislabel):
    done = mislabel("push", features_run, name)
    assert (done.exit_code, said in done.stderr) == (2, True)
    assert reached.requests == []


def test_what_is_damaged_or_no_model_is_not_sent(reached, features_run, mislabel):
    weights = features_run / "model" / "head.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    done = mislabel("push", features_run, "me/animals")
    assert (done.exit_code, "is not what this run wrote" in done.stderr) == (1, True)
    shutil.rmtree(features_run / "model")
    done = mislabel("push", features_run, "me/animals")
    assert (done.exit_code, "holds no model of mislabel" in done.stderr) == (2, True)
    assert reached.requests == []


def test_a_head_on_an_encoder_that_nobody_has_is_not_sent(reached, toy_file, tiny_options, tmp_path, mislabel):
    line = ["audit", toy_file, *tiny_options, "--method", "ce", "--option", "epochs=1", "--out", tmp_path / "run"]
    assert mislabel(*line).exit_code == 0
    done = mislabel("push", tmp_path / "run", "me/head")
    assert done.exit_code == 2
    assert "push that encoder, and train on its name" in done.stderr
    assert reached.requests == []
    assert len(TextClassifier.from_pretrained(tmp_path / "run" / "model").predict(["apple1 apple2"])) == 1


def test_a_model_that_is_not_there(reached):
    with pytest.raises(InputError, match="no such model repository.*give the name of a repository, or a folder"):
        ImageClassifier.from_pretrained("me/nothing")


def test_a_run_folder_is_no_model_folder(features_run):
    with pytest.raises(InputError, match="holds no model of mislabel"):
        FeatureClassifier.from_pretrained(features_run)
    assert RunFolder(features_run).finished
