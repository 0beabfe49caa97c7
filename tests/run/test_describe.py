"""What classes mean, from the command line and Python to the run: checked, kept, and asked about."""

import json

import numpy as np
import pytest

from mislabel.errors import InputError
from mislabel.estimators import FeatureClassifier, TextClassifier
from mislabel.modalities.dataset import make_dataset
from mislabel.run.preparation import prepare
from mislabel.run.settings import RunConfig
from mislabel.training.progress import Quiet

QUICK = ["--method", "ce", "--option", "epochs=1", "--device", "cpu"]
FRUIT = 'apple = "apple1 apple2"\nboat = ["boat1", "boat2 boat3"]\ncloud = "cloud1"\n'
KEPT = {"apple": ["apple1 apple2"], "boat": ["boat1", "boat2 boat3"], "cloud": ["cloud1"]}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "classes.toml"
    path.write_text(FRUIT)
    return path


def settings_of(folder):
    return json.loads((folder / "config.json").read_text())["settings"]


@pytest.mark.parametrize("command", ["train", "audit"])
def test_the_content_is_kept_not_the_file(command, toy_file, tiny_options, file, tmp_path, mislabel):
    out = tmp_path / "run"
    line = [command, toy_file, *tiny_options, *QUICK, "--out", out]
    done = mislabel(*line, "--describe", file)
    assert done.exit_code == 0, done.stderr
    assert settings_of(out)["describe"] == KEPT
    assert "apple1 apple2" in (out / "report.html").read_text(encoding="utf-8")
    moved = file.rename(tmp_path / "elsewhere.toml")
    assert mislabel(*line, "--describe", moved, "--resume").exit_code == 0
    for change, words in (([], "and is now None"), (["--describe", file], "and is now")):
        file.write_text(FRUIT.replace("boat1", "boat4"))
        done = mislabel(*line, *change, "--resume")
        assert done.exit_code == 1
        assert "settings.describe was " in done.stderr
        assert words in done.stderr


def test_without_it_nothing_is_kept(toy_run):
    assert settings_of(toy_run)["describe"] is None


def test_what_is_wrong_is_told_before_any_work(toy_file, tiny_options, tmp_path, mislabel):
    (tmp_path / "other.toml").write_text('aple = "a fruit"\n')
    for name, words in (("other.toml", 'did you mean "apple"'), ("none.toml", "there is no file")):
        done = mislabel("audit", toy_file, *tiny_options, "--describe", tmp_path / name, "--out", tmp_path / "run")
        assert done.exit_code == 2
        assert words in done.stderr
        assert not (tmp_path / "run" / "config.json").exists()


def test_classes_without_a_sentence_are_said(toy_file, tiny_options, tmp_path, mislabel):
    (tmp_path / "one.toml").write_text('boat = "a ship"\n')
    line = ["audit", toy_file, *tiny_options, *QUICK, "--describe", tmp_path / "one.toml", "--out", tmp_path / "run"]
    done = mislabel(*line)
    assert done.exit_code == 0, done.stderr
    note = "Classes without a description, of which it is not known what they mean: 2; 'apple', 'cloud'."
    assert f"note: {note}" in done.stderr
    assert note in json.loads((tmp_path / "run" / "metrics.json").read_text())["notes"]


def test_what_a_job_knows_of_its_classes(make_toy, tiny_encoder):
    frame = make_toy(40)
    data = make_dataset(frame["text"], frame["label"], modality="text")
    fixed = {"backbone": tiny_encoder, "tune": "head", "device": "cpu", "precision": "fp32"}
    job = prepare(data, RunConfig(**fixed), None, Quiet())
    assert (job.meanings.source, job.meanings.sentences) == ("names", {0: ["apple"], 1: ["boat"], 2: ["cloud"]})
    job = prepare(data, RunConfig(**fixed, describe=KEPT), None, Quiet())
    assert (job.meanings.source, job.meanings.sentences) == ("descriptions", dict(enumerate(KEPT.values())))
    assert job.ready.similarity(KEPT["boat"]).shape == (40, 2)


@pytest.mark.parametrize(
    ("method", "trusted", "said"), [("ido", False, True), ("ido", True, False), ("panel", False, False)]
)
def test_descriptions_that_nobody_asks_are_said(make_toy, tiny_encoder, method, trusted, said):
    """Evidence is gathered by panel, and with any method where a label is trusted."""
    frame = make_toy(40)
    checked = [frame["label"][0], *[None] * 39] if trusted else None
    data = make_dataset(frame["text"], frame["label"], trusted=checked, modality="text")
    fixed = {"backbone": tiny_encoder, "tune": "head", "device": "cpu", "precision": "fp32", "method": method}
    for describe in (KEPT, None):
        job = prepare(data, RunConfig(**fixed, describe=describe), None, Quiet())
        unused = [
            note for note in job.dataset.notes if note.startswith("What classes mean was described, and ido makes")
        ]
        assert len(unused) == (said and describe is not None)
        assert (job.evidence is None) == (method == "ido" and not trusted)
        assert not unused or "count with --method panel or osa, or with trusted labels" in unused[0]


def test_features_are_not_compared_with_words():
    random = np.random.default_rng(0)
    labels = np.arange(40) % 2
    points = random.normal(size=(40, 3)) + labels[:, None]
    classifier = FeatureClassifier(method="ce", options={"epochs": 1}, device="cpu")
    classifier.fit(points, labels, describe={0: "low", 1: ["high", "tall"]})
    wanted = (
        "What classes mean was described, and nothing here compares features with words: the descriptions are unused."
    )
    assert wanted in classifier.audit_.notes
    classifier.fit(points, labels)
    assert wanted not in classifier.audit_.notes


def test_fitting_takes_a_mapping_or_a_file(make_toy, tiny_encoder, file, tmp_path):
    frame = make_toy(40)
    classifier = TextClassifier(backbone=tiny_encoder, tune="head", method="ce", options={"epochs": 1}, device="cpu")
    for described in (
        file,
        str(file),
        {"apple": "apple1 apple2", "boat": ("boat1", "boat2 boat3"), "cloud": ["cloud1"]},
    ):
        classifier.fit(frame["text"], frame["label"], describe=described)
        classifier.save(tmp_path / "run", overwrite=True)
        assert settings_of(tmp_path / "run")["describe"] == KEPT
    with pytest.raises(InputError, match="'pear'"):
        classifier.fit(frame["text"], frame["label"], describe={"pear": "a fruit"})
    with pytest.raises(InputError, match="describe, class 'apple': an empty sentence"):
        classifier.fit(frame["text"], frame["label"], describe={"apple": " "})


def test_settings_hold_what_was_checked():
    config = RunConfig(describe={1: "one"})  # pyright: ignore[reportArgumentType]
    assert config.describe == {"1": ["one"]}
    assert RunConfig(**config.plain()) == config
    assert json.loads(json.dumps(config.plain()))["describe"] == config.describe
    with pytest.raises(InputError, match="needed is a mapping"):
        RunConfig(describe="classes.toml")  # pyright: ignore[reportArgumentType]
