"""Decoders and encoder-decoders from the command line: trained, read back, and the same to transformers alone."""

import pandas as pd
import pytest
import torch
import transformers as library
from model_kinds import make_model


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Texts of two topics; one has no word at all that the tokenizer knows, and some name special tokens."""
    path = tmp_path_factory.mktemp("data") / "texts.csv"
    texts = [f"w{k % 2 * 20 + k % 7} w{k % 2 * 20 + k % 9} {'</s> w3 <pad>' if k % 5 == 0 else ''}" for k in range(40)]
    texts[7] = "unheard"
    frame = pd.DataFrame({"id": [f"t{k}" for k in range(40)], "text": texts, "label": [f"l{k % 2}" for k in range(40)]})
    frame.to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    "kind",
    [
        "gpt2",
        *(pytest.param(kind, marks=pytest.mark.sweep) for kind in (
            "llama", "qwen2", "qwen3", "gemma", "gemma3", "bloom", "opt", "t5", "bart", "xlnet",
        )),
    ],
)  # fmt: skip
@pytest.mark.parametrize("tune", ["full", "head", "lora"])
def test_from_training_to_predictions(kind, tune, data, tmp_path, mislabel):
    model, run, output = make_model(kind, tmp_path / "model"), tmp_path / "run", tmp_path / "p.csv"
    options = ["--text", "text", "--label", "label", "--id", "id", "--backbone", model, "--precision", "fp32"]
    options += ["--tune", tune, "--method", "ce", "--option", "epochs=1"]
    done = mislabel("train", data, *options, "--out", run)
    assert done.exit_code == 0, done.stderr
    done = mislabel("predict", run, data, "-o", output, "--id", "id")
    assert done.exit_code == 0, done.stderr
    audit = pd.read_parquet(run / "audit.parquet").set_index("id")
    found = pd.read_csv(output).set_index("id").loc[audit.index]
    assert (found["predicted_label"] == audit["predicted_label"]).all()
    assert found["confidence"].sub(audit["confidence"]).abs().max() < 1e-5
    assert audit.loc["t7", "status"] == "empty_input"
    if tune != "head":
        alone = library.AutoModelForSequenceClassification.from_pretrained(
            run / "model", trust_remote_code=False
        ).eval()
        tokenizer = library.AutoTokenizer.from_pretrained(run / "model", trust_remote_code=False)
        assert alone.config.pad_token_id == tokenizer.pad_token_id
        end = " </s>" if kind in ("t5", "bart") else ""
        tokens = tokenizer("w21 w23" + end, return_tensors="pt")
        with torch.inference_mode():
            logits = alone(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]).logits
        assert logits.isfinite().all()
        assert tokenizer.padding_side == ("left" if kind == "xlnet" else "right")
        if kind in ("gpt2", "t5", "bart", "xlnet"):  # they count from the left, or want an end
            return
        for side in ("left", "right"):
            tokenizer.padding_side = side
            tokens = tokenizer(["w21 w23", "w1 w2 w3 w4 w5"], padding=True, return_tensors="pt")
            with torch.inference_mode():
                both = alone(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]).logits
            torch.testing.assert_close(both[0], logits[0], atol=1e-5, rtol=1e-4)
