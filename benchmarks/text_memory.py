"""Memory and time of texts by phase, per row: reading, tokenising, embedding, a whole audit.

    python benchmarks/text_memory.py --rows 50000 200000
    python benchmarks/text_memory.py --rows 50000 200000 --out benchmarks/results/text-memory.md

Texts of some 25 words are generated, written to Parquet beside a column that nobody asks for, and read by an encoder
of two layers with random weights, so that the encoder's own time and memory stand in nobody's way. Every size runs in a
process of its own. Memory is what the process has to itself (RssAnon) and what it maps of files (RssFile), which the
system takes back where it needs room; both at their largest within the phase, beyond what was there when it began.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mislabel.training.progress import Quiet

WORDS = [f"w{k}" for k in range(2000)]
CLASSES, OF_A_CLASS = 4, 100
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def make_encoder(folder: Path) -> str:
    """A BERT of two layers, 32 wide, with random weights and a tokenizer of words."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    words = [*SPECIAL, *WORDS]
    tokenizer = Tokenizer(models.WordLevel({word: k for k, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    ends = [("[CLS]", 2), ("[SEP]", 3)]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=128, **names).save_pretrained(folder)
    shape: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    BertModel(BertConfig(vocab_size=len(words), intermediate_size=64, **shape)).save_pretrained(folder)
    return str(folder)


def write_texts(path: Path, rows: int) -> None:
    """Texts of 10 to 40 words, of which five are of the class; every fifth label is drawn at random."""
    random = np.random.default_rng(0)
    schema = pa.schema([("id", pa.int64()), ("text", pa.string()), ("label", pa.string()), ("unused", pa.string())])
    with pq.ParquetWriter(path, schema) as writer:
        for begin in range(0, rows, 10_000):
            many = min(10_000, rows - begin)
            gold = random.integers(0, CLASSES, many)
            texts = []
            for code in gold.tolist():
                own = random.integers(code * OF_A_CLASS, (code + 1) * OF_A_CLASS, 5)
                texts.append(
                    " ".join(WORDS[k] for k in (*own, *random.integers(0, len(WORDS), random.integers(5, 35))))
                )
            given = np.where(random.random(many) < 0.2, random.integers(0, CLASSES, many), gold)
            ids, labels = np.arange(begin, begin + many), [f"class {code}" for code in given.tolist()]
            writer.write_table(pa.table([pa.array(ids), texts, labels, texts], schema=schema))


def memory() -> tuple[float, float]:
    """Own and mapped memory of the process, in kB."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return float(lines["RssAnon"].split()[0]), float(lines["RssFile"].split()[0])


class Watch(Quiet):
    """The largest memory within each phase, of those that a run names itself too."""

    def __init__(self, rows: int):
        self.rows, self.phases, self.name = rows, {}, ""
        self.before = self.peak = np.array(memory())
        self.since = time.perf_counter()
        threading.Thread(target=self._look, daemon=True).start()

    def begin(self, description: str, total: int, later: float = 0) -> None:
        self.end()
        self.name = description.split()[0]  # the epochs of a stage are one phase
        self.before = self.peak = np.array(memory())
        self.since = time.perf_counter()

    def end(self) -> None:
        if not self.name:
            return
        seconds, peak = time.perf_counter() - self.since, np.maximum(self.peak, memory())
        own, mapped = ((peak - self.before) / self.rows).tolist()
        left = (memory()[0] - self.before[0]) / self.rows
        known = self.phases.get(self.name, {"seconds": 0.0, "own_kb": 0.0, "mapped_kb": 0.0, "left_kb": 0.0})
        self.phases[self.name] = {
            "seconds": known["seconds"] + seconds, "own_kb": max(known["own_kb"], own),
            "mapped_kb": max(known["mapped_kb"], mapped), "left_kb": known["left_kb"] + left,
        }  # fmt: skip
        self.name = ""

    def phase(self, name: str, work: Callable[[], Any]) -> Any:
        self.begin(name, 0)
        result = work()
        self.end()
        return result

    def _look(self) -> None:
        while True:
            self.peak = np.maximum(self.peak, memory())
            time.sleep(0.005)


def measure(rows: int) -> dict[str, dict[str, float]]:
    """All phases of so many rows, in this process."""
    import torch

    from mislabel.modalities.loading import load_dataset
    from mislabel.modalities.text.batches import TextInputs
    from mislabel.modalities.text.models import load_encoder, load_tokenizer
    from mislabel.run.folder import RunFolder
    from mislabel.run.settings import RunConfig
    from mislabel.run.train import train
    from mislabel.tables.spool import Spool
    from mislabel.training.device import make_accelerator
    from mislabel.training.inference import outputs

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as home:
        encoder, path = make_encoder(Path(home) / "encoder"), Path(home) / "texts.parquet"
        write_texts(path, rows)
        network, tokenizer = load_encoder(encoder), load_tokenizer(encoder)
        accelerator = make_accelerator("cpu", "fp32")
        outputs(network, TextInputs(["w1"], tokenizer), network.dimension, accelerator)  # whatever is made but once
        watch, spool = Watch(rows), Spool(Path(home) / "spool")
        data = watch.phase("read", lambda: load_dataset(path, text="text", label="label", id="id", spool=spool))
        config = RunConfig(backbone=encoder, tune="head", method="panel", precision="fp32", device="cpu")
        train(data, config, RunFolder(Path(home) / "run"), progress=watch)
        watch.end()
    return watch.phases


def table(results: dict[int, dict[str, dict[str, float]]]) -> str:
    lines = ["| rows | phase | seconds | rows a second | own kB a row | of it left | mapped kB a row |",
             "|---:|---|---:|---:|---:|---:|---:|"]  # fmt: skip
    for rows, phases in results.items():
        for name, each in phases.items():
            lines.append(
                f"| {rows:,} | {name} | {each['seconds']:.1f} | {rows / each['seconds']:,.0f} | {each['own_kb']:.2f} "
                f"| {each['left_kb']:.2f} | {each['mapped_kb']:.2f} |"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[50_000, 200_000])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.rows[0])))
        return
    results = {}
    for rows in given.rows:
        line = [sys.executable, __file__, "--one", "--rows", str(rows)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        done = subprocess.run(line, stdout=subprocess.PIPE, text=True, check=True, env=environment)
        results[rows] = json.loads(done.stdout.splitlines()[-1])
    text = table(results)
    print(text)
    if given.out:
        about = (__doc__ or "").split("\n\n")[-1].strip()
        given.out.write_text(f"# Texts: memory and time by phase\n\n{about}\n\n{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
