"""A transformers.Trainer that learns from wrong labels and says which they are, on the messages that come along.

    python examples/noisy_trainer.py [--method ido] [--epochs 7] [--rows 300] [--out demo-run/noisy_trainer]

The lines are those of any fine-tuning with a Trainer, but for its name, `method`, and the last two: they write a run
folder, of which `mislabel report` and `mislabel review` make a page. `--method none` trains as ever and records only.
"""

import argparse
from pathlib import Path

import pandas as pd
from sklearn.metrics import roc_auc_score
from transformers import AutoModelForSequenceClassification, AutoTokenizer, TrainingArguments, logging, set_seed

from mislabel.hf import NoisyTrainer
from mislabel.modalities.text.models import DEFAULT_ENCODER, find_encoder

MESSAGES = Path(__file__).parent / "messages" / "messages.csv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", default="ido")
    parser.add_argument("--epochs", type=int, default=7)
    parser.add_argument("--rows", type=int, help="train on the first of them alone")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("demo-run/noisy_trainer"))
    given = parser.parse_args()
    logging.set_verbosity_error()
    table = pd.read_csv(MESSAGES, keep_default_na=False)
    table = table[(table["label"] != "") | (table["split"] == "test")]
    classes = sorted(table["gold"].unique())
    name = find_encoder(DEFAULT_ENCODER)
    tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    set_seed(given.seed)  # the classifier's head begins with random weights
    names = dict(enumerate(classes))
    model = AutoModelForSequenceClassification.from_pretrained(name, id2label=names, trust_remote_code=False)

    train, test = (table[table["split"] == split] for split in ("train", "test"))
    train = train.head(given.rows or len(train))
    arguments = TrainingArguments(
        str(given.out / "trainer"), num_train_epochs=given.epochs, per_device_train_batch_size=32, learning_rate=1e-4,
        warmup_steps=20, seed=given.seed, save_strategy="no", report_to=[], disable_tqdm=True, logging_strategy="no",
        dataloader_pin_memory=False,
    )  # fmt: skip
    trainer = NoisyTrainer(
        model,
        arguments,
        train_dataset=encoded(train, "label", tokenizer, classes),
        eval_dataset=encoded(test, "gold", tokenizer, classes),  # these score; no gold label is learnt from
        processing_class=tokenizer,
        compute_metrics=lambda found: {"accuracy": float((found.predictions.argmax(-1) == found.label_ids).mean())},
        method=None if given.method == "none" else given.method,
    )
    trainer.train()
    audit = trainer.audit()
    trainer.save_run(given.out / "run", overwrite=True)

    found = audit.table.sort_values("row")
    wrong = (train["label"] != train["gold"]).to_numpy()
    print(f"test accuracy: {trainer.evaluate()['eval_accuracy']:.4f}")
    print(f"AUROC of wrong labels: {roc_auc_score(wrong, found['p_mislabeled']):.4f}")
    print(f"report: mislabel report {given.out / 'run'}")


def encoded(table: pd.DataFrame, column: str, tokenizer, classes: list[str]) -> list[dict]:
    """Rows as a Trainer takes them."""
    tokens = tokenizer(table["text"].tolist(), truncation=True, max_length=128)["input_ids"]
    rows = zip(table["id"], table["text"], tokens, table[column], strict=True)
    return [{"id": id, "text": text, "input_ids": ids, "label": classes.index(label)} for id, text, ids, label in rows]


if __name__ == "__main__":
    main()
