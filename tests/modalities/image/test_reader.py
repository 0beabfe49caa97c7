"""Runs on images through the command line: from a folder, a table or bytes, whole, broken, interrupted and resumed."""

import io
import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import StopAfter
from PIL import Image
from sklearn.metrics import roc_auc_score

from mislabel.modalities.image.reader import ImageReader
from mislabel.modalities.loading import load_dataset
from mislabel.run.about import describe
from mislabel.run.folder import RunFolder
from mislabel.run.settings import RunConfig
from mislabel.run.train_and_judge import run

CLASSES = ["brick", "grass", "water"]
EPOCHS = {"warm_epochs": 4, "robust_epochs": 3}
SETTINGS = {"scratch": "resnet-small", "resolution": 16, "batch_size": 16, "precision": "fp32", "device": "cpu"}
QUICK = [word for name, value in SETTINGS.items() for word in (f"--{name.replace('_', '-')}", value)]
OPTIONS = [*QUICK, *(word for name in EPOCHS for word in ("--option", f"{name}={EPOCHS[name]}"))]
TABLE = ["--label", "label", "--id", "id", "--gold", "gold"]


@pytest.fixture(scope="module")
def plain(photos, train_images):
    """A run on the folder; treat as read-only."""
    return train_images(photos.folder, *OPTIONS)


@pytest.fixture
def copy(photos, tmp_path):
    """The folder of images, to be spoiled."""
    shutil.copytree(photos.folder, tmp_path / "folder")
    return tmp_path / "folder"


def audit_of(folder):
    return pd.read_parquet(folder / "audit.parquet")


def same_results(one, other, names=("audit.parquet", "posterior.npy", "model/model.safetensors")):
    for name in names:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


@pytest.mark.slow
def test_planted_errors_are_found(photos, plain):
    table = audit_of(plain.folder).set_index("id")
    assert sorted(table.index) == sorted(photos.frame.index)
    gold = photos.frame.loc[table.index, "gold"]
    wrong = table["given_label"] != gold
    assert wrong.sum() == 24
    assert roc_auc_score(wrong, table["p_mislabeled"]) > 0.95
    assert (table["suggested_label"] == gold).mean() > 0.9
    assert (table["given_label"] == [name.split("/")[0] for name in table.index]).all()
    assert json.loads((plain.folder / "metrics.json").read_text())["noise_rate"]["at_least"] <= 24 / 120


@pytest.mark.slow
def test_a_folder_a_table_and_bytes_give_the_same(photos, plain, train_images):
    """Where ids and order agree; gold labels change no byte of what is judged."""
    for source, column in ((photos.table, "path"), (photos.parquet, "file")):
        other = train_images(source, "--image", column, *TABLE, *OPTIONS).folder
        same_results(plain.folder, other, ["posterior.npy", "model/model.safetensors"])
        found = audit_of(other).drop(columns="gold_label")
        pd.testing.assert_frame_equal(found, audit_of(plain.folder)[found.columns], check_exact=True)
        detection = json.loads((other / "metrics.json").read_text())["detection"]
        wrong = found["given_label"] != photos.frame.loc[found["id"], "gold"].to_numpy()
        assert detection["auroc"] == pytest.approx(roc_auc_score(wrong, found["p_mislabeled"]))


@pytest.mark.slow
def test_images_over_the_budget_are_decoded_on_the_way(photos, plain, train_images):
    assert "120 images of 16 x 16 pixels decoded once, 0.1 MB of --image-cache 2000" in plain.said
    other = train_images(photos.folder, *OPTIONS, "--image-cache", "0")
    assert "over --image-cache 0: decoded in workers as needed" in other.said
    same_results(plain.folder, other.folder)


def test_decoded_pixels_go_with_the_checkpoints(photos, plain, train_images):
    assert not (plain.folder / "pixels.npy").exists()
    assert not (plain.folder / "checkpoints").exists()
    short = ["--method", "ce", "--option", "epochs=1", "--keep-checkpoints"]
    kept = np.load(train_images(photos.folder, *QUICK, *short).folder / "pixels.npy")
    wanted = [np.asarray(Image.open(photos.folder / name)).transpose(2, 0, 1) for name in photos.frame.index]
    np.testing.assert_array_equal(kept, wanted)


def test_transformers_alone_gives_the_same_probabilities(photos, plain, tmp_path, mislabel):
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    done = mislabel("predict", plain.folder, photos.folder, "-o", tmp_path / "p.parquet")
    assert done.exit_code == 0, done.stderr
    predicted = pd.read_parquet(tmp_path / "p.parquet").set_index("id")
    model = AutoModelForImageClassification.from_pretrained(plain.folder / "model").eval()
    processor = AutoImageProcessor.from_pretrained(plain.folder / "model")
    assert model.config.id2label == dict(enumerate(CLASSES))
    images = [Image.open(photos.folder / name) for name in predicted.index]
    with torch.inference_mode():
        found = model(**processor(images=images, return_tensors="pt")).logits.double().softmax(-1).numpy()
    wanted = predicted[[f"p_{name}" for name in CLASSES]].to_numpy()
    np.testing.assert_allclose(found, wanted, atol=0.02)  # Pillow enlarges to whole levels, the network does not
    assert np.abs(found - wanted).mean() < 0.002
    assert (np.take(CLASSES, found.argmax(1)) == predicted["predicted_label"]).mean() > 0.98
    table = audit_of(plain.folder).set_index("id").loc[predicted.index]
    assert (predicted["predicted_label"] == table["predicted_label"]).all()
    np.testing.assert_allclose(predicted["confidence"], table["confidence"], atol=1e-5)


def test_a_run_on_a_table_is_asked_about_a_folder(photos, plain, train_images, tmp_path, mislabel):
    """And the other way round, where the column must be named."""
    short = ["--method", "ce", "--option", "epochs=1"]
    run_on_table = train_images(photos.table, "--image", "path", *TABLE, *QUICK, *short).folder
    done = mislabel("predict", run_on_table, photos.folder, "-o", tmp_path / "one.parquet")
    assert done.exit_code == 0, done.stderr
    done = mislabel("predict", run_on_table, photos.table, "-o", tmp_path / "two.parquet", "--id", "id")
    assert done.exit_code == 0, done.stderr
    one, two = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("one", "two"))
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    line = ["predict", plain.folder, photos.table, "-o", tmp_path / "three.parquet", "--id", "id"]
    done = mislabel(*line)
    assert done.exit_code == 2
    assert "--image COL" in done.stderr
    assert mislabel(*line, "--image", "path").exit_code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--backbone", "microsoft/resnet-50", "--scratch", "resnet-small"], "backbone and scratch were both given"),
        (["--scratch", "resnet-small", "--tune", "head"], "scratch has random weights: use tune=full"),
        (["--scratch", "resnet-smal"], "'resnet-smal' cannot be loaded"),
        (["--recipe", "ido-resnet50", "--method", "ce"], "recipe 'ido-resnet50' is for method ido, not ce"),
        (["--text", "label"], "Exactly one of --text COL, --image COL and --features GLOB"),
        (["--label", "labels"], 'there is no label column "labels"'),
        (["--resolution", "7"], "resolution is 7, needed 8 to"),
        (["--on-bad", "skip"], "on_bad"),
    ],
)
def test_wrong_words_get_exit_code_2(words, message, photos, tmp_path, mislabel):
    done = mislabel("train", photos.folder, *words, "--out", tmp_path / "run")
    assert done.exit_code == 2
    assert message in done.stderr
    assert not (tmp_path / "run" / "metrics.json").exists()


@pytest.mark.slow
def test_a_broken_file_is_named_or_kept_out(photos, copy, tmp_path, mislabel):
    name = photos.frame.index[70]
    (copy / name).write_bytes((copy / name).read_bytes()[:60])
    line = ["train", copy, *OPTIONS, "--out", tmp_path / "run"]
    done = mislabel(*line)
    assert done.exit_code == 2
    assert name in done.stderr
    assert "--on-bad quarantine" in done.stderr
    done = mislabel(*line, "--on-bad", "quarantine")
    assert done.exit_code == 0, done.stderr
    table = audit_of(tmp_path / "run").set_index("id")
    assert len(table) == 120
    assert table.index[-1] == name
    row = table.loc[name]
    assert row["status"] == "unreadable"
    assert row["given_label"] == name.split("/")[0]
    judgement = ["p_mislabeled", "suggested_label", "predicted_label", "confidence", "difficulty", "wrong_events"]
    assert row[judgement].isna().all()
    others = table.drop(index=name)
    assert (others["status"] == "judged").all()
    assert others["p_mislabeled"].notna().all()
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert (metrics["rows"], metrics["rows_trained"]) == (120, 119)


def test_predictions_leave_out_what_cannot_be_read(photos, plain, copy, tmp_path, mislabel):
    name = photos.frame.index[5]
    (copy / name).write_text("<html>404</html>")
    line = ["predict", plain.folder, copy, "-o", tmp_path / "p.csv"]
    done = mislabel(*line)
    assert done.exit_code == 2
    assert name in done.stderr
    assert mislabel(*line, "--on-bad", "quarantine").exit_code == 0
    assert mislabel("predict", plain.folder, photos.folder, "-o", tmp_path / "all.csv").exit_code == 0
    found, whole = (pd.read_csv(tmp_path / path).set_index("id") for path in ("p.csv", "all.csv"))
    assert found.index.tolist() == whole.index.tolist()
    assert found.loc[name].isna().all()
    assert found.drop(index=name).notna().all(axis=None)
    pd.testing.assert_frame_equal(found.drop(index=name), whole.drop(index=name), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "steps", [pytest.param(11, marks=pytest.mark.sweep), 45]
)  # in the second epoch; in the second stage
def test_interrupted_and_resumed_gives_the_same_bytes(steps, photos, plain, tmp_path, mislabel):
    """What was decoded before is not decoded again, and goes at the end."""
    target, dataset = RunFolder(tmp_path / "run"), load_dataset(photos.folder)
    config = RunConfig(**SETTINGS, options=EPOCHS)  # pyright: ignore[reportArgumentType]
    columns = dict.fromkeys(("text", "image", "features", "label", "gold", "id", "split"))
    target.prepare(describe(config, dataset, columns), resume=False, overwrite=False)
    with pytest.raises(KeyboardInterrupt):
        run(dataset, config, target, interrupted=StopAfter(steps))
    assert not target.finished
    before = target.pixels.stat().st_mtime_ns
    seen, decoder = [], ImageReader.decoder

    def watched(reader, images):
        pixels = decoder(reader, images)
        return lambda position: seen.append(position) or pixels(position)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ImageReader, "decoder", watched)
        with pytest.raises(KeyboardInterrupt):
            run(dataset, config, target, resume=True, interrupted=StopAfter(0))
    assert set(seen) == {0}  # one for their size
    assert target.pixels.stat().st_mtime_ns == before
    done = mislabel("train", photos.folder, *OPTIONS, "--out", tmp_path / "run", "--resume")
    assert done.exit_code == 0, done.stderr
    same_results(plain.folder, tmp_path / "run")
    assert not target.pixels.exists()


def test_inputs_are_kept_as_pictures(photos, plain):
    """Small ones as they are."""
    kept = pd.read_parquet(plain.folder / "inputs.parquet").set_index("id")["input"]
    assert kept.index.tolist() == photos.frame.index.tolist()
    for name in photos.frame.index[:3]:
        wanted = np.asarray(Image.open(photos.folder / name))
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(kept[name]))), wanted)
