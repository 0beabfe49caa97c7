"""Two columns as the tokenizer's pair, held against what the tokenizer itself makes of them."""

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoTokenizer, BertTokenizerFast

from mislabel import TextClassifier
from mislabel.errors import InputError
from mislabel.modalities.dataset import make_dataset
from mislabel.modalities.text.batches import TextInputs

FIRST = ["apple0 boat1", "cloud2\ncommon3", "", "apple0"]
SECOND = ["common3", "boat1 apple0", "cloud2", ""]


def table():
    return pd.DataFrame({"title": FIRST, "body": SECOND})


def test_a_pair_keeps_its_sides():
    data = make_dataset(table(), list("abab"), join="pair")
    assert list(data.inputs) == ["apple0 boat1\ncommon3", "cloud2 common3\nboat1 apple0", "\ncloud2", "apple0\n"]
    assert data.inputs.take(np.array([2, 0])).pair


@pytest.fixture
def bert(tmp_path):
    """A tokenizer that numbers the two texts of a pair, as those of BERT do."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "apple0", "boat1", "cloud2", "common3"]
    (tmp_path / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    return BertTokenizerFast(str(tmp_path / "vocab.txt"))


@pytest.mark.parametrize("kind", ["bert", "tiny"])
def test_tokens_and_types_are_those_of_the_tokenizer(kind, bert, tiny_encoder):
    tokenizer = bert if kind == "bert" else AutoTokenizer.from_pretrained(tiny_encoder)
    data = make_dataset(table(), list("abab"), join="pair")
    inputs = TextInputs(data.inputs, tokenizer, 16, pair=True)
    batch = inputs.batch(np.arange(4))
    firsts, width = [text.replace("\n", " ") for text in FIRST], batch["input_ids"].shape[1]
    expected = tokenizer(firsts, SECOND, padding="max_length", max_length=width, return_tensors="pt")
    assert set(batch) == set(expected)
    assert ("token_type_ids" in batch) == (kind == "bert")
    for name, values in expected.items():
        torch.testing.assert_close(batch[name], values)
    assert inputs.truncated == 0
    cut = TextInputs(data.inputs, tokenizer, 5 if kind == "bert" else 3, pair=True)
    assert cut.truncated == (2 if kind == "bert" else 1)
    assert cut.lengths.max() == cut.max_length


@pytest.mark.parametrize("values", [["a", "b"], pd.DataFrame({"one": ["a", "b"]}), pd.DataFrame([["a"] * 3] * 2)])
def test_a_pair_is_of_two_columns(values):
    with pytest.raises(InputError, match="join is 'pair', which is for two columns"):
        make_dataset(values, [0, 1], join="pair")
    with pytest.raises(InputError, match="join is 'pair', which is for texts; leave it out for features"):
        make_dataset(np.zeros((2, 1)), [0, 1], modality="features", join="pair")


@pytest.mark.slow
@pytest.mark.parametrize("tune", ["full", "head"])
def test_a_run_predicts_from_two_columns(tune, tiny_encoder, tmp_path, mislabel):
    """The class is whether both texts are the same word: joined as a bag of words, nothing tells."""
    words, random = [f"apple{k}" for k in range(4)], np.random.default_rng(0)
    picked = random.integers(0, 4, (120, 2))
    picked[::2, 1] = picked[::2, 0]
    frame = pd.DataFrame({"title": np.take(words, picked[:, 0]), "body": np.take(words, picked[:, 1])})
    frame["label"] = np.where(frame["title"] == frame["body"], "same", "other")
    model = TextClassifier("ce", tiny_encoder, tune, join="pair", precision="fp32", device="cpu", options={"epochs": 1})
    model.fit(frame[["title", "body"]], frame["label"])
    model.save(tmp_path / "run")
    expected = model.predict_proba(frame[["title", "body"]])
    again = TextClassifier.load(tmp_path / "run")
    np.testing.assert_allclose(again.predict_proba(frame[["title", "body"]]), expected, atol=1e-6)
    with pytest.raises(InputError, match="two columns"):
        again.predict(frame["title"])
    frame.to_csv(tmp_path / "d.csv", index=False)
    done = mislabel("predict", tmp_path / "run", tmp_path / "d.csv", "--text", "title,body", "-o", tmp_path / "p.csv")
    assert done.exit_code == 0, done.stderr
    found = pd.read_csv(tmp_path / "p.csv")[[f"p_{label}" for label in model.classes_]].to_numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)
    said = mislabel(
        "audit", tmp_path / "d.csv", "--text", "title,body", "--label", "label", "--join", "pair", "--backbone",
        tiny_encoder, "--precision", "fp32", "--out", tmp_path / "audit",
    )  # fmt: skip
    assert said.exit_code in (0, 2), said.stderr  # labels that a bag of words cannot tell may not be assessed
    assert "Traceback" not in said.stderr
