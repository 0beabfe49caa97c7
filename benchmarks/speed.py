"""Speed as ratios in one run, on the messages that come with the project.

    python benchmarks/speed.py [--repeats 5]

1. An epoch with scalar recording against one without: at most 1.03 x.
2. Plain fine-tuning here against `transformers.Trainer` with the same data, batch, epochs and precision: at most 1.0 x.
3. Wrong events of 10 million rows to a fitted beta mixture: under 0.5 s.

The two sides of a ratio take turns, and the median over the pairs counts, since machines drift.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from transformers import DataCollatorWithPadding, Trainer, TrainingArguments, logging

from mislabel.dynamics.scores import distinct_rates
from mislabel.methods.ce import CE
from mislabel.modalities.text.batches import TextInputs
from mislabel.modalities.text.models import DEFAULT_ENCODER, TextNetwork, find_encoder, load_classifier, load_tokenizer
from mislabel.posterior.beta_mixture import fit_beta_mixture
from mislabel.training.device import choose_precision
from mislabel.training.loop import Loop
from mislabel.training.training_settings import TrainingSettings

MESSAGES = Path(__file__).parents[1] / "examples" / "messages" / "messages.csv"
BATCH = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    logging.set_verbosity_error()
    table = pd.read_csv(MESSAGES, keep_default_na=False)
    texts, labels = table["text"].tolist() * 2, pd.factorize(table["gold"])[0].tolist() * 2
    name = find_encoder(DEFAULT_ENCODER)
    tokenizer = load_tokenizer(name)
    inputs, codes = TextInputs(texts, tokenizer, 128), np.array(labels, dtype=np.int64)
    classes = [str(code) for code in range(codes.max() + 1)]

    def ours(record: bool) -> float:
        loop = Loop(
            lambda: TextNetwork(load_classifier(name, classes)), inputs, codes, np.arange(len(codes)), len(classes),
            TrainingSettings(batch_size=BATCH, record=record),
        )  # fmt: skip
        loop.run(CE(epochs=1).stages())
        return loop.history.seconds

    def trainer() -> float:
        encoded = tokenizer(texts, truncation=True, max_length=128)["input_ids"]
        rows = [{"input_ids": row, "labels": label} for row, label in zip(encoded, labels, strict=True)]
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                folder, per_device_train_batch_size=BATCH, num_train_epochs=1, learning_rate=3e-5, report_to=[],
                use_cpu=not torch.cuda.is_available(), bf16=choose_precision("auto", "cpu") == "bf16",
                save_strategy="no", logging_strategy="no", disable_tqdm=True,
            )  # fmt: skip
            model = load_classifier(name, classes)
            one = Trainer(model, arguments, train_dataset=rows, data_collator=DataCollatorWithPadding(tokenizer))
            began = time.perf_counter()
            one.train()
            return time.perf_counter() - began

    ours(True)  # warm-up: thread pools, kernels
    recording = pairs(lambda: ours(True), lambda: ours(False), given.repeats)
    against = pairs(lambda: ours(True), trainer, given.repeats)
    results = {
        "recording, epoch with / without": recording,
        "plain fine-tuning, here / transformers.Trainer": against,
        "mixture over 10 million rows, seconds": mixture(given.repeats),
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(results, indent=1))


def pairs(one: Callable[[], float], other: Callable[[], float], repeats: int) -> dict[str, float]:
    """Ratios of two timings that take turns."""
    timings = [(one(), other()) for _ in range(repeats)]
    ratios = [a / b for a, b in timings]
    return {
        "median ratio": round(statistics.median(ratios), 3),
        "lowest": round(min(ratios), 3),
        "highest": round(max(ratios), 3),
        "median seconds": round(statistics.median(a for a, _ in timings), 2),
    }


def mixture(repeats: int) -> dict[str, float]:
    """From counts per row to the fitted mixture."""
    random = np.random.default_rng(0)
    observed = np.full(10_000_000, 12)
    wrong = random.binomial(observed, random.beta(0.5, 0.5, observed.size))
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        fit_beta_mixture(*distinct_rates(wrong, observed))
        seconds.append(time.perf_counter() - began)
    return {"median": round(statistics.median(seconds), 3), "highest": round(max(seconds), 3)}


if __name__ == "__main__":
    main()
