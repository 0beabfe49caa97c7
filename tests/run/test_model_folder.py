"""RUN/model is a plain Hugging Face model, and what every run writes is what the design says."""

import json
import stat

import numpy as np
import pandas as pd
import pytest
import torch

AUDIT_COLUMNS = ["id", "given_label", "suggested_label", "p_mislabeled", "difficulty", "predicted_label", "confidence"]


@pytest.fixture(scope="module")
def predictions(toy_run, toy_file, tmp_path_factory, mislabel):
    path = tmp_path_factory.mktemp("predictions") / "predictions.csv"
    done = mislabel("predict", toy_run, toy_file, "-o", path, "--id", "id", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout) == {"rows": 90, "output": str(path)}
    return pd.read_csv(path)


def test_predictions_have_the_columns_of_the_design(predictions):
    assert predictions.columns.tolist() == [
        "id", "predicted_label", "confidence", "p_apple", "p_boat", "p_cloud"
    ]  # fmt: skip
    p = predictions[["p_apple", "p_boat", "p_cloud"]].to_numpy()
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(predictions["confidence"], p.max(1), atol=1e-6)
    assert predictions["predicted_label"].tolist() == np.take(["apple", "boat", "cloud"], p.argmax(1)).tolist()


def test_transformers_alone_gives_the_same_probabilities(toy_run, toy_file, predictions):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(toy_run / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(toy_run / "model")
    assert model.config.id2label == {0: "apple", 1: "boat", 2: "cloud"}
    frame = pd.read_csv(toy_file)
    with torch.inference_mode():
        for row, text in enumerate(frame["text"]):
            logits = model(**tokenizer(text, truncation=True, return_tensors="pt")).logits[0].double()
            wanted = predictions.loc[row, ["p_apple", "p_boat", "p_cloud"]].to_numpy(dtype=float)
            np.testing.assert_allclose(logits.softmax(-1).numpy(), wanted, atol=1e-5)
    assert predictions["id"].tolist() == frame["id"].tolist()


def test_the_audit_speaks_of_every_row_worst_first(toy_run, toy_file, predictions):
    audit = pd.read_parquet(toy_run / "audit.parquet")
    assert audit.columns.tolist()[:8] == [*AUDIT_COLUMNS, "status"]
    assert {"wrong_events", "mean_margin", "gold_label"} <= set(audit.columns)
    assert sorted(audit["id"]) == sorted(pd.read_csv(toy_file)["id"])
    judged = audit[audit["status"] == "judged"]
    assert len(judged) == 72
    assert (audit["status"][: len(judged)] == "judged").all()
    assert (np.diff(judged["p_mislabeled"]) <= 0).all()
    assert judged["p_mislabeled"].between(0, 1).all()
    assert judged["difficulty"].between(0, 1).all()
    merged = audit.merge(predictions, on="id", suffixes=("", "_p"))
    assert (merged["predicted_label"] == merged["predicted_label_p"]).all()
    np.testing.assert_allclose(merged["confidence"], merged["confidence_p"], atol=1e-5)


def test_metrics_have_the_keys_of_the_design(toy_run):
    metrics = json.loads((toy_run / "metrics.json").read_text())
    assert metrics["rows"] == 90
    assert metrics["classes"] == 3
    assert metrics["method"] == "panel"
    assert set(metrics["noise_rate"]) == {"basis", "at_least", "estimate", "low", "high", "checked", "true"}
    assert metrics["seconds"]["total"] == pytest.approx(
        sum(value for name, value in metrics["seconds"].items() if name != "total"), abs=0.02
    )
    assert metrics["rows_per_second"]["train"] > 0
    assert metrics["peak_memory_mb"]["process"] > 10
    assert set(metrics["detection"]) == {"auroc", "average_precision"}
    assert {"accuracy", "macro_f1"} <= set(metrics["test"])
    assert metrics["test"]["rows"] == 18
    assert "accuracy" in metrics["suggestion"]


def test_scores_are_those_of_the_files(toy_run, toy_file, predictions):
    metrics = json.loads((toy_run / "metrics.json").read_text())
    audit = pd.read_parquet(toy_run / "audit.parquet")
    held_out = audit[audit["status"] == "held_out"]
    right = (held_out["predicted_label"] == held_out["gold_label"]).mean()
    assert metrics["test"]["accuracy"] == pytest.approx(right)
    judged = audit[audit["status"] == "judged"]
    wrong = judged["given_label"] != judged["gold_label"]
    assert metrics["noise_rate"]["true"] == pytest.approx(wrong.mean())
    best = judged.assign(wrong=wrong)["wrong"].to_numpy()
    precision = best.cumsum() / np.arange(1, len(best) + 1)
    assert metrics["detection"]["average_precision"] == pytest.approx(precision[best].mean(), abs=1e-6)


def test_the_folder_holds_what_the_design_says(toy_run):
    names = {path.name for path in toy_run.iterdir() if not path.name.startswith(".")}
    assert {"config.json", "model", "audit.parquet", "metrics.json", "dynamics", "report.html"} <= names
    assert "checkpoints" not in names
    assert not list(toy_run.rglob("*.bin")) + list(toy_run.rglob("*.pkl"))
    assert stat.S_IMODE(toy_run.stat().st_mode) == 0o700
    for path in (
        toy_run / "audit.parquet",
        toy_run / "metrics.json",
        toy_run / "config.json",
        toy_run / "posterior.npy",
    ):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


def test_config_tells_every_effective_setting(toy_run, tiny_encoder):
    config = json.loads((toy_run / "config.json").read_text())
    settings = config["settings"]
    assert settings["backbone"] == tiny_encoder
    assert settings["batch_size"] == 8
    assert settings["learning_rate"] == 0.002
    assert settings["seed"] == 0
    assert settings["method"] == "panel"
    assert settings["options"]["revise_after"] == 2
    assert config["data"]["columns"]["text"] == "text"
    assert len(config["data"]["fingerprint"]) == 64
    assert {"python", "mislabel", "torch", "transformers"} <= set(config["versions"])


@pytest.mark.slow
def test_a_head_predicts_as_it_judged(toy_file, tiny_encoder, tmp_path, mislabel):
    """`audit` keeps a head on a frozen encoder; predictions for the same texts are those in its audit."""
    options = ["--text", "text", "--label", "label", "--id", "id", "--backbone", tiny_encoder, "--precision", "fp32"]
    done = mislabel("audit", toy_file, *options, "--out", tmp_path / "run", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == 90
    done = mislabel("predict", tmp_path / "run", toy_file, "-o", tmp_path / "p.jsonl", "--id", "id")
    assert done.exit_code == 0, done.stderr
    audit = pd.read_parquet(tmp_path / "run" / "audit.parquet").set_index("id")
    rows = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    for row in rows:
        assert row["predicted_label"] == audit.loc[row["id"], "predicted_label"]
        assert row["confidence"] == pytest.approx(audit.loc[row["id"], "confidence"], abs=1e-5)


def test_no_content_keeps_the_texts_out(tmp_path, make_toy, tiny_options, mislabel):
    frame = make_toy(60)
    frame["text"] += " sesamesecret"
    frame.to_csv(tmp_path / "toy.csv", index=False)
    more = ["--method", "ce", "--option", "epochs=1", "--no-content", "--out", tmp_path / "run"]
    done = mislabel("train", tmp_path / "toy.csv", *tiny_options, *more)
    assert done.exit_code == 0, done.stderr
    for path in (tmp_path / "run").rglob("*"):
        assert path.is_dir() or b"sesamesecret" not in path.read_bytes(), path.name
