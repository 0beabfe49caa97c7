"""The model card: what it says is what the run says, and what comes from data stays a name."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
import yaml
from fake_runs import renew_digests
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from mislabel.estimators import FeatureClassifier, TextClassifier
from mislabel.integrity import read_digests
from mislabel.posterior.noise_rate import NoiseRate
from mislabel.run.folder import RunFolder
from mislabel.run.headline import certain
from mislabel.run.model_card import code, model_card
from mislabel.run.predictor import load_predictor
from mislabel.run.reading import Run


def parts(card):
    """Its metadata, its text."""
    _, front, text = card.split("---\n", 2)
    return yaml.safe_load(front), text


def card_of(folder):
    return (folder / "model" / "README.md").read_text(encoding="utf-8")


def python_blocks(text):
    return re.findall("```python\n(.*?)```", text, re.DOTALL)


def test_of_a_head_it_says_that_mislabel_opens_it(evidence_run, swallowed_file):
    front, text = parts(card_of(evidence_run))
    assert front["library_name"] == "mislabel"
    assert front["pipeline_tag"] == "tabular-classification"
    assert set(front["tags"]) == {"mislabel", "noisy-labels", "panel"}
    assert "It opens in mislabel." in text
    assert "3 classes, and a probability to each: `fox`, `hare`, `wolf`." in text
    (lines,) = python_blocks(text)
    names: dict = {}
    exec(lines.replace("FOLDER", str(evidence_run / "model")), names)
    points = pd.read_csv(swallowed_file)[["x0", "x1"]]
    own = FeatureClassifier.load(evidence_run).predict(points)
    np.testing.assert_array_equal(names["classifier"].predict(points), own)


def test_it_says_what_the_run_says(evidence_run):
    run, (_, text) = Run.open(evidence_run), parts(card_of(evidence_run))
    metrics = run.metrics
    assert certain(NoiseRate.of(metrics)) in text
    assert f"`animals.csv`, 240 rows, of which {metrics['rows_trained']} trained it" in text
    assert "Rows with a label that somebody checked: 30" in text
    assert f"By true labels, which nothing learnt from, {metrics['noise_rate']['true']:.1%} are wrong." in text
    assert "It was not scored: no rows were held out." in text
    assert "option epochs `1`" in text
    assert f"torch {run.config['versions']['torch']}" in text
    assert str(evidence_run.parent) not in text


@pytest.mark.slow
def test_of_a_whole_network_it_says_how_transformers_opens_it(toy_run, toy_file):
    card = card_of(toy_run)
    front, text = parts(card)
    assert (front["library_name"], front["pipeline_tag"]) == ("transformers", "text-classification")
    assert "base_model" not in front  # it is a folder here
    assert "/encoder0" not in card
    plain, ours = python_blocks(text)
    names: dict = {}
    for lines in (plain, ours):
        exec(lines.replace("FOLDER", str(toy_run / "model")), names)
    texts = pd.read_csv(toy_file)["text"].tolist()
    expected = TextClassifier.load(toy_run).predict(texts).tolist()
    assert [answer["label"] for answer in names["classify"](texts)] == expected
    assert names["classifier"].predict(texts).tolist() == expected
    metrics = Run.open(toy_run).metrics
    assert "Scored on 18 rows that were held out and whose true labels are known:" in text
    assert f"- accuracy: {metrics['test']['accuracy']:.4f}" in text


@pytest.mark.slow
def test_of_images_too(photos, image_models, train_images):
    words = [photos.table, "--image", "path", "--label", "label", "--id", "id", "--backbone", image_models["resnet"]]
    trained = train_images(*words, "--method", "ce", "--option", "epochs=1", "--device", "cpu", "--precision", "fp32")
    front, text = parts(card_of(trained.folder))
    assert front["pipeline_tag"] == "image-classification"
    plain, ours = python_blocks(text)
    names: dict = {}
    for lines in (plain, ours):
        exec(lines.replace("FOLDER", str(trained.folder / "model")), names)
    paths = [str(photos.table.parent / path) for path in photos.frame["path"][:12]]
    answered = [max(answer, key=lambda one: one["score"])["label"] for answer in names["classify"](paths)]
    assert answered == names["classifier"].predict(paths).tolist()


def test_digests_cover_it_and_a_model_without_one_still_opens(evidence_run, tmp_path):
    digests = read_digests(evidence_run)
    assert digests is not None
    assert "model/README.md" in digests
    shutil.copytree(evidence_run, tmp_path / "old")
    (tmp_path / "old" / "model" / "README.md").unlink()
    renew_digests(RunFolder(tmp_path / "old"))
    assert load_predictor(tmp_path / "old" / "model").classes == ["fox", "hare", "wolf"]


def test_scores_on_given_labels_are_called_so(evidence_run):
    run = Run.open(evidence_run)
    metrics = {**run.metrics, "test": {"rows": 1200, "agreement_with_given": 0.75}, "labels_related": False}
    text = parts(model_card(evidence_run / "model", run.config, metrics))[1]
    assert "On 1,200 rows that were held out it agrees with 75.0% of the given labels." in text
    assert "this is no accuracy" in text
    assert "could not be told from labels drawn at random" in text


def test_no_folder_of_this_machine_is_in_it(evidence_run):
    run = Run.open(evidence_run)
    config = json.loads(json.dumps(run.config))
    config["settings"] |= {"scratch": "/home/jane/secret/net", "recipe": "C:\\Users\\jane\\it"}
    config["data"]["name"] = "hf:/home/jane/texts"
    card = model_card(evidence_run / "model", config, run.metrics)
    assert "jane" not in card
    assert "secret" not in card
    for name in ("scratch `net`", "recipe `it`", "Data: `texts`"):
        assert name in card


@given(st.text(max_size=120) | st.text(alphabet="`|[]()<>*_#!\\\n -&;:/", max_size=40))
def test_a_name_as_code_is_one_piece_of_code(name):
    """By another reader of Markdown: nothing of it is markup, and nothing around it is drawn in."""
    (inline,) = [token for token in MarkdownIt().parse(f"before {code(name)} after") if token.type == "inline"]
    kinds = [child.type for child in inline.children or ()]
    assert kinds == ["text", "code_inline", "text"]
    assert "\n" not in code(name)


def test_many_classes_and_long_names_are_cut(evidence_run, tmp_path):
    shutil.copytree(evidence_run / "model", tmp_path / "model")
    about = json.loads((tmp_path / "model" / "mislabel.json").read_text())
    (tmp_path / "model" / "mislabel.json").write_text(json.dumps(about | {"classes": ["w" * 5000, *range(149)]}))
    run = Run.open(evidence_run)
    card = model_card(tmp_path / "model", run.config, run.metrics)
    assert "one of 150 classes" in card
    assert "`98` and 50 more." in card
    assert "w" * 99 + "…" in card
    assert len(card) < 6000
    assert card.startswith("---\n")
