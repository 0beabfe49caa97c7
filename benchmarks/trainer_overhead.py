"""What recording costs a Trainer: steps of a NoisyTrainer that records only, against those of a plain Trainer.

    python benchmarks/trainer_overhead.py [--repeats 5] [--rows 600]

The same packaged encoder, data and batches; the two sides take turns, and each step is compared with the same step of
the other side, since machines drift. The median of the ratios counts: at most 1.03 x is wanted.
"""

import argparse
import json
import statistics
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import pandas as pd
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    logging,
)

from mislabel.hf import NoisyTrainer
from mislabel.modalities.text.models import DEFAULT_ENCODER, find_encoder

MESSAGES = Path(__file__).parents[1] / "examples" / "messages" / "messages.csv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rows", type=int, default=600)
    given = parser.parse_args()
    logging.set_verbosity_error()
    table = pd.read_csv(MESSAGES, keep_default_na=False).head(given.rows)
    name = find_encoder(DEFAULT_ENCODER)
    tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    codes, classes = pd.factorize(table["gold"])
    tokens = tokenizer(table["text"].tolist(), truncation=True, max_length=128)["input_ids"]
    rows = [{"input_ids": ids, "label": int(code)} for ids, code in zip(tokens, codes, strict=True)]

    def epoch(kind: type[Trainer], **more) -> list[float]:
        """Seconds of the processor, which a busy machine tells more truly than the clock, by step."""
        torch.manual_seed(0)
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                folder, num_train_epochs=1, per_device_train_batch_size=32, save_strategy="no", report_to=[],
                logging_strategy="no", disable_tqdm=True, dataloader_pin_memory=torch.cuda.is_available(),
            )  # fmt: skip
            load = AutoModelForSequenceClassification
            model = load.from_pretrained(name, num_labels=len(classes), trust_remote_code=False)
            times = Times()
            kind(model, arguments, train_dataset=rows, processing_class=tokenizer, callbacks=[times], **more).train()
            return [end - begin for begin, end in pairwise(times.ends)]

    epoch(Trainer)  # warm-up: thread pools, kernels
    ratios = []
    for number in range(given.repeats):
        sides = [(NoisyTrainer, {"method": None}), (Trainer, {})]
        found = {kind: epoch(kind, **more) for kind, more in (sides if number % 2 else sides[::-1])}
        ratios += [own / plain for own, plain in zip(found[NoisyTrainer], found[Trainer], strict=True)]
    low, median, high = statistics.quantiles(ratios, n=4)
    result = {
        "recording / plain, median over pairs of steps": round(median, 4),
        "quartiles": [round(low, 4), round(high, 4)],
        "pairs": len(ratios),
        "threads": torch.get_num_threads(),
        "device": "cuda" if torch.cuda.is_available() else "cpu",
    }
    print(json.dumps(result, indent=1))


class Times(TrainerCallback):
    """When steps, and at last the epoch, were over."""

    def __init__(self):
        self.ends: list[float] = []

    def on_step_end(self, args, state, control, **rest):
        self.ends.append(time.process_time())

    def on_train_end(self, args, state, control, **rest):
        self.ends.append(time.process_time())


if __name__ == "__main__":
    main()
