"""IDO and plain training by `NoisyTrainer`, beside the same by `mislabel train`: test accuracy, AUROC, seconds.

    python benchmarks/trainer_ido.py --data-dir DIR --out OUT [--seeds 1] [--data messages trec-idn]

The packaged encoder, whole, on the messages that come along and on TREC questions of which 40 % got a wrong label that
their text suggests. The Trainer has the batch size, learning rate, warm-up and epochs that `mislabel train` chose.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from transformers import AutoModelForSequenceClassification, AutoTokenizer, TrainingArguments, logging, set_seed

from mislabel.bench.data import GIVEN, GOLD, ID, SPLIT, make_table
from mislabel.bench.suites import read_suite
from mislabel.hf import NoisyTrainer
from mislabel.modalities.loading import load_dataset
from mislabel.modalities.text.models import DEFAULT_ENCODER, find_encoder
from mislabel.run.folder import RunFolder
from mislabel.run.settings import RunConfig
from mislabel.run.train import train

HERE = Path(__file__).parent
MESSAGES = HERE.parent / "examples" / "messages" / "messages.csv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="keeps tables and runs")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--data", nargs="*", default=["messages", "trec-idn"])
    given = parser.parse_args()
    logging.set_verbosity_error()
    print("| data | method | by | accuracy % | AUROC % | seconds |\n|---|---|---|---|---|---|", flush=True)
    for data in given.data:
        for method in ("ce", "ido"):
            found = {"mislabel train": [], "NoisyTrainer": []}
            for seed in range(given.seeds):
                table = table_of(data, seed, given)
                settings, own = by_own_loop(table, method, seed, given.out / f"{data}.{method}.{seed}")
                found["mislabel train"].append(own)
                found["NoisyTrainer"].append(by_trainer(table, method, seed, settings))
            for way, numbers in found.items():
                cells = [statistics.mean(each) for each in zip(*numbers, strict=True)]
                scores = " | ".join(f"{100 * cell:.1f}" for cell in cells[:2])
                print(f"| {data} | {method} | {way} | {scores} | {cells[2]:.0f} |", flush=True)


def table_of(data: str, seed: int, given: argparse.Namespace) -> pd.DataFrame:
    """Columns text, GIVEN, GOLD, ID and SPLIT; rows that train have a label."""
    if data == "messages":
        table = pd.read_csv(MESSAGES, keep_default_na=False)
        table = table.rename(columns={"label": GIVEN, "gold": GOLD, "id": ID, "split": SPLIT})
        return table[(table[GIVEN] != "") | (table[SPLIT] == "test")]
    (source,) = read_suite(str(HERE / "full.toml")).with_data([data])
    return pd.read_parquet(make_table(source, seed, given.data_dir, given.out / "data")[0])


def by_own_loop(table: pd.DataFrame, method: str, seed: int, out: Path) -> tuple[dict, tuple[float, float, float]]:
    """The settings of `mislabel train` with its defaults, and accuracy, AUROC, seconds."""
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as home:
        table.to_csv(Path(home) / "data.csv", index=False)
        columns = {"text": "text", "label": GIVEN, "gold": GOLD, "id": ID, "split": SPLIT}
        dataset = load_dataset(Path(home) / "data.csv", **columns)
    trained = train(dataset, RunConfig(method=method, tune="full", seed=seed), RunFolder(out), overwrite=True)
    metrics = trained.audit.metrics
    scores = metrics["test"]["accuracy"], metrics["detection"]["auroc"], time.perf_counter() - begin
    return RunFolder(out).read_config()["settings"], scores


def by_trainer(table: pd.DataFrame, method: str, seed: int, settings: dict) -> tuple[float, float, float]:
    begin, classes = time.perf_counter(), sorted(table[GOLD].unique())
    name = find_encoder(DEFAULT_ENCODER)
    tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    set_seed(seed)
    model = AutoModelForSequenceClassification.from_pretrained(name, num_labels=len(classes), trust_remote_code=False)
    rows, test = (table[table[SPLIT] == split] for split in ("train", "test"))
    options = settings["options"]
    epochs = sum(value for option, value in options.items() if option.endswith("epochs"))
    steps = epochs * -(-len(rows) // settings["batch_size"])
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, num_train_epochs=epochs, per_device_train_batch_size=settings["batch_size"],
            learning_rate=settings["learning_rate"], warmup_steps=int(settings["warmup"] * steps), seed=seed,
            save_strategy="no", report_to=[], disable_tqdm=True, logging_strategy="no", dataloader_pin_memory=False,
            train_sampling_strategy="group_by_length", bf16=settings["precision"] == "bf16",
        )  # fmt: skip
        trainer = NoisyTrainer(
            model,
            arguments,
            train_dataset=encoded(rows, GIVEN, tokenizer, classes, settings["max_length"]),
            eval_dataset=encoded(test, GOLD, tokenizer, classes, settings["max_length"]),
            processing_class=tokenizer,
            compute_metrics=lambda found: {"accuracy": float((found.predictions.argmax(-1) == found.label_ids).mean())},
            method=method,
        )
        trainer.train()
        p_wrong = trainer.audit().table.sort_values("row")["p_mislabeled"].to_numpy(dtype=float)
        accuracy = trainer.evaluate()["eval_accuracy"]
    return accuracy, roc_auc_score((rows[GIVEN] != rows[GOLD]).to_numpy(), p_wrong), time.perf_counter() - begin


def encoded(table: pd.DataFrame, column: str, tokenizer, classes: list, max_length: int) -> list[dict]:
    """Rows as a Trainer takes them."""
    tokens = tokenizer(table["text"].tolist(), truncation=True, max_length=max_length)["input_ids"]
    codes = np.searchsorted(classes, table[column])
    rows = zip(table[ID], tokens, codes, strict=True)
    return [{"id": id, "input_ids": ids, "label": int(code)} for id, ids, code in rows]


if __name__ == "__main__":
    main()
