"""Errors in the labels of embedded posts: `mislabel audit --features EMB.npy` beside cleanlab, in one run.

    pip install "mislabel[bench,demo]"
    python benchmarks/embeddings.py --data-dir DIR --out DIR [--rows N]

DIR holds 20news.parquet (columns text, label, split). Its posts are embedded once (MiniLM, 128 tokens) into
OUT/embeddings.npy; 40 % of the training labels are made wrong (seed 0; test labels stay). Then, for each kind of noise
and one after the other:

- `mislabel audit` with its defaults, ido and dygen: test accuracy and detection AUROC as in metrics.json.
- cleanlab, on probabilities of LogisticRegression(max_iter=1000) from five-fold cross-validation: detection AUROC of
  its label quality scores, and the test accuracy of CleanLearning, which prunes the rows found and fits again. Once on
  standardised embeddings, as `mislabel` sees them, and once on the embeddings as they are, which regularises more.
- the same LogisticRegression on the labels as given, without cleanlab.

Seconds are those of the work: reading, training and judging here, cross-validation, pruning and fitting there; and for
`mislabel` also those of the whole command, start-up and report included. Prints a table and writes it to
benchmarks/results/embeddings.md.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from cleanlab.classification import CleanLearning
from cleanlab.rank import get_label_quality_scores
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from mislabel.bench.peers import cross_validated
from mislabel.modalities.text.batches import TextInputs
from mislabel.modalities.text.models import DEFAULT_ENCODER, find_encoder, load_encoder, load_tokenizer
from mislabel.noise import corrupt_table
from mislabel.training.device import make_accelerator
from mislabel.training.inference import outputs

RATE, SEED, TOKENS = 0.4, 0, 128
KINDS, METHODS = ("sym", "asym", "idn"), ("ido", "dygen")
RESULTS = Path(__file__).parent / "results" / "embeddings.md"
HEADER = (
    "| noise | by | test accuracy | detection AUROC | seconds | whole command |",
    "|---|---|---|---|---|---|",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="for embeddings, tables and runs")
    parser.add_argument("--rows", type=int, help="only so many posts, to try it; writes no results")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    warnings.filterwarnings("ignore", "When X and pred_probs are both provided", UserWarning)
    frame = pd.read_parquet(given.data_dir / "20news.parquet", columns=["text", "label", "split"])
    if given.rows:
        frame = frame.sample(given.rows, random_state=SEED, ignore_index=True)
    matrix, seconds = embedded(frame["text"].tolist(), given.out / "embeddings.npy")
    lines = list(HEADER)
    print(*lines, sep="\n", flush=True)
    for kind in KINDS:
        noisy, report = corrupt_table(
            frame, label="label", text="text", kind=kind, rate=RATE, seed=SEED, split="split"
        )  # fmt: skip
        path = given.out / f"{kind}.parquet"
        noisy[["label", "noisy_label", "split"]].to_parquet(path, index=False)
        name = f"{kind} {100 * report['realised_rate']:.1f} %"
        for method in METHODS:
            lines.append(row(name, f"mislabel, {method}", **ours(path, method, given.out)))
            print(lines[-1], flush=True)
        for by, scores in theirs(noisy, matrix).items():
            lines.append(row(name, by, **scores))
            print(lines[-1], flush=True)
    if not given.rows:
        RESULTS.write_text(page(lines, frame, seconds), encoding="utf-8")


def embedded(texts: list[str], path: Path) -> tuple[np.ndarray, float]:
    """The embeddings (n, 384) float32 of posts, kept in a file, and the seconds that they took."""
    told = path.with_suffix(".seconds")
    if not (path.is_file() and told.is_file() and len(np.load(path, mmap_mode="r")) == len(texts)):
        began = time.perf_counter()
        encoder = load_encoder(find_encoder(DEFAULT_ENCODER))
        inputs = TextInputs(texts, load_tokenizer(find_encoder(DEFAULT_ENCODER)), TOKENS)
        np.save(path, outputs(encoder, inputs, encoder.dimension, make_accelerator(), low_precision=True))
        told.write_text(f"{time.perf_counter() - began:.0f}", encoding="utf-8")
    return np.load(path), float(told.read_text(encoding="utf-8"))


def ours(table: Path, method: str, out: Path) -> dict[str, float]:
    """What `mislabel audit` finds."""
    run, began = out / f"{table.stem}.{method}", time.perf_counter()
    line = ["audit", table, "--features", out / "embeddings.npy", "--label", "noisy_label", "--gold", "label"]
    line += ["--split", "split", "--method", method, "--out", run, "--overwrite"]
    command = [sys.executable, "-m", "mislabel", *map(str, line)]
    subprocess.run(command, check=True, capture_output=True)
    whole = time.perf_counter() - began
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    return {
        "accuracy": metrics["test"]["accuracy"],
        "auroc": metrics["detection"]["auroc"],
        "seconds": metrics["seconds"]["total"],
        "whole": whole,
    }


def theirs(noisy: pd.DataFrame, matrix: np.ndarray) -> dict[str, dict[str, float]]:
    """What cleanlab finds, by the score that ranks rows, and what the classifier is worth without it."""
    train, test = ((noisy["split"] == part).to_numpy() for part in ("train", "test"))
    given, wrong = noisy["noisy_label"].to_numpy()[train], (noisy["noisy_label"] != noisy["label"]).to_numpy()[train]
    scaled = StandardScaler().fit(matrix[train]).transform(matrix)
    found: dict[str, dict[str, float]] = {}
    for words, features in (("standardised", scaled), ("as they are", matrix)):
        own, new, gold = features[train], features[test], noisy["label"].to_numpy()[test]
        began = time.perf_counter()
        plain = LogisticRegression(max_iter=1000).fit(own, given)
        found[f"logistic regression, {words}"] = {
            "accuracy": plain.score(new, gold),
            "seconds": time.perf_counter() - began,
        }
        began = time.perf_counter()
        probabilities = cross_validated(own, given)
        pruned = CleanLearning(LogisticRegression(max_iter=1000)).fit(own, given, pred_probs=probabilities)
        seconds = time.perf_counter() - began
        for score in ("self_confidence", "normalized_margin"):
            quality = get_label_quality_scores(given, probabilities, method=score)
            found[f"cleanlab, {words}, {score}"] = {
                "accuracy": pruned.score(new, gold),
                "auroc": float(roc_auc_score(wrong, -quality)),
                "seconds": seconds,
            }
    return found


def row(
    name: str, by: str, *, accuracy: float, seconds: float, auroc: float | None = None, whole: float | None = None
) -> str:
    """A line of the table; scores in hundredths."""
    cells = [f"{100 * accuracy:.1f}", "-" if auroc is None else f"{100 * auroc:.1f}", f"{seconds:.0f}"]
    return f"| {name} | {by} | {' | '.join(cells)} | {'-' if whole is None else f'{whole:.0f}'} |"


def page(lines: list[str], frame: pd.DataFrame, seconds: float) -> str:
    """The results file."""
    parts = frame["split"].value_counts()
    return (
        "# Embeddings as features: `mislabel audit --features EMB.npy` beside cleanlab\n\n"
        "`python benchmarks/embeddings.py --data-dir DIR --out DIR`\n\n"
        f"20 Newsgroups, {parts['train']} training posts of which 40 % have a wrong label, {parts['test']} test posts; "
        f"MiniLM embeddings of {TOKENS}\ntokens, which took {seconds:.0f} s once. One seed, defaults, in hundredths. "
        "Accuracy is against true labels of the test posts; AUROC is that of\nthe scores that rank training posts. "
        "cleanlab: five-fold probabilities of LogisticRegression(max_iter=1000), and CleanLearning on them.\n"
        f"Seconds without the embedding, on {torch.get_num_threads()} threads; the load average at the end was "
        f"{os.getloadavg()[0]:.0f}, so compare them with care where that is more.\n\n" + "\n".join(lines) + "\n"
    )


if __name__ == "__main__":
    main()
