"""Small matrices beside the layers of a text encoder learn from wrong labels, and what opens them afterwards.

    python examples/adapters.py [--rows 300] [--epochs 4] [--out demo-run/adapters]

RUN/model is the base model with the adapters merged into it, which plain transformers opens; RUN/model/adapter is the
adapter alone, which peft puts on the base model. Both answer as the classifier does.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer, logging

from mislabel import TextClassifier
from mislabel.modalities.text.models import DEFAULT_ENCODER, find_encoder

MESSAGES = Path(__file__).parent / "messages" / "messages.csv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, help="train on the first of them alone")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--out", type=Path, default=Path("demo-run/adapters"))
    given = parser.parse_args()
    logging.set_verbosity_error()
    table = pd.read_csv(MESSAGES, keep_default_na=False)
    table = table[(table["label"] != "") | (table["split"] == "test")]
    train, test = (table[table["split"] == split] for split in ("train", "test"))
    train = train.head(given.rows or len(train))

    classifier = TextClassifier(method="ce", tune="lora", options={"epochs": given.epochs}, seed=0)
    classifier.fit(train["text"], train["label"], ids=train["id"])
    classifier.save(given.out, overwrite=True)
    print(f"test accuracy: {np.mean(classifier.predict(test['text']) == test['gold']):.3f}")

    texts = test["text"].tolist()
    answers = classifier.predict_proba(texts)
    model = given.out / "model"
    merged = AutoModelForSequenceClassification.from_pretrained(model, trust_remote_code=False)
    tokenizer = AutoTokenizer.from_pretrained(model, trust_remote_code=False)
    name, classes = find_encoder(DEFAULT_ENCODER), len(classifier.classes_)
    base = AutoModelForSequenceClassification.from_pretrained(name, num_labels=classes, trust_remote_code=False)
    adapted = PeftModel.from_pretrained(base, str(model / "adapter"))
    for name, network in (("merged", merged), ("adapter", adapted)):
        difference = np.abs(probabilities(network, tokenizer, texts) - answers).max()
        print(f"{name}: answers differ by at most {difference:.4f}")


def probabilities(network: torch.nn.Module, tokenizer, texts: list[str]) -> np.ndarray:
    """(n, K), of a plain transformers model."""
    network.eval()
    tokens = tokenizer(texts, truncation=True, max_length=128, padding=True, return_tensors="pt")
    with torch.inference_mode():
        return network(**tokens).logits.softmax(-1).numpy()


if __name__ == "__main__":
    main()
