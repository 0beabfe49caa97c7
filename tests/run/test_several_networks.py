"""A method that ends with two networks: both are saved, each a plain Hugging Face model, and answer with their mean."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from mislabel import FeatureClassifier


@pytest.mark.slow
def test_two_text_networks_answer_with_their_mean(toy_file, tiny_options, tmp_path, mislabel):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    run, output = tmp_path / "run", tmp_path / "predictions.csv"
    done = mislabel("train", toy_file, *tiny_options, "--method", "co_teaching", "--option", "epochs=1", "--out", run)
    assert done.exit_code == 0, done.stderr
    done = mislabel("predict", run, toy_file, "-o", output, "--id", "id")
    assert done.exit_code == 0, done.stderr
    assert json.loads((run / "model" / "mislabel.json").read_text())["networks"] == 2
    predictions = pd.read_csv(output)[["p_apple", "p_boat", "p_cloud"]].to_numpy()
    each = []
    for folder in (run / "model", run / "model" / "branch-1"):
        model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
        tokenizer = AutoTokenizer.from_pretrained(folder)
        with torch.inference_mode():
            each.append([
                model(**tokenizer(text, truncation=True, return_tensors="pt")).logits[0].softmax(-1).numpy()
                for text in pd.read_csv(toy_file)["text"]
            ])  # fmt: skip
    np.testing.assert_allclose(predictions, np.mean(each, axis=0), atol=1e-5)
    assert np.abs(np.subtract(*each)).max() > 1e-3  # they are two


def test_two_heads_come_back_from_disk(tmp_path):
    random = np.random.default_rng(0)
    labels = np.arange(120) % 3
    matrix = (np.eye(3)[labels] * 2 + random.normal(size=(120, 3))).astype(np.float32)
    classifier = FeatureClassifier(method="divide_mix", options={"epochs": 1}).fit(matrix, labels)
    before = classifier.predict_proba(matrix)
    classifier.save(tmp_path / "run")
    np.testing.assert_array_equal(FeatureClassifier.load(tmp_path / "run").predict_proba(matrix), before)
