"""What trajectories cost: recording against one inference pass, memory against epochs, neighbours of 200,000 rows.

    python benchmarks/trajectories.py [--rows 200000]

Each part runs in a process of its own, so that its peak memory is its own. Seconds are ratios within one run.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

MESSAGES = Path(__file__).parent.parent / "examples" / "messages" / "messages.csv"
COPIES, PAIRS = 6, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--epochs", type=int, default=2)
    given = parser.parse_args()
    if given.part:
        print(json.dumps(PARTS[given.part](given)))
        return
    found = alone("recording")
    print(f"recording, an epoch: {found['recording']:.2f} x one inference pass; weights of an epoch kept in "
          f"{found['weights']:.2f} x of it")  # fmt: skip
    small, large = (alone("memory", "--epochs", str(epochs))["peak_mb"] for epochs in (2, 20))
    print(f"peak memory: {small:.0f} MB with 2 epochs, {large:.0f} MB with 20 ({large / small:.2f} x)")
    found = alone("neighbours", "--rows", str(given.rows))
    print(f"neighbours of {given.rows} rows x 384: {found['seconds']:.0f} s, peak memory {found['peak_mb']:.0f} MB")


def alone(part: str, *options: str) -> dict:
    """One part in a process of its own."""
    line = [sys.executable, __file__, "--part", part, *options]
    return json.loads(subprocess.run(line, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def recording(given: argparse.Namespace) -> dict:
    """An evaluation pass that records, and one that only predicts, in turns: medians of ratios."""
    import pandas as pd
    import torch

    from mislabel.dynamics.trajectory import Shape, Trajectory
    from mislabel.modalities.text.batches import TextInputs
    from mislabel.modalities.text.modality import DEFAULT_ENCODER
    from mislabel.modalities.text.models import TextNetwork, find_encoder, load_classifier, load_tokenizer
    from mislabel.training.branches import Branches
    from mislabel.training.device import make_accelerator
    from mislabel.training.inference import MeanProbabilities, outputs
    from mislabel.training.trajectories import keep_weights, put_flat, watch

    torch.manual_seed(0)
    texts = pd.read_csv(MESSAGES)["text"].tolist() * COPIES
    backbone, accelerator = find_encoder(DEFAULT_ENCODER), make_accelerator("cpu")
    inputs = TextInputs(texts, load_tokenizer(backbone), 64)
    classes = [str(code) for code in range(6)]
    branches = Branches([TextNetwork(load_classifier(backbone, classes)) for _ in range(2)])
    ratios, kept = [], []
    with tempfile.TemporaryDirectory() as folder:
        shape = Shape(1, 2, 2, len(texts), branches.dimension or 6, 6)
        store = Trajectory(shape, Path(folder), resume=False)

        def predict() -> None:
            outputs(MeanProbabilities(branches), inputs, 6, accelerator, batch_size=64, low_precision=True)

        def record() -> None:
            put_flat(store, 0, np.arange(len(texts)), watch(branches, None, inputs, shape, accelerator))

        predict()
        for _ in range(PAIRS):
            plain = seconds(predict)
            ratios.append(seconds(record) / plain)
            kept.append(seconds(lambda: keep_weights(branches, Path(folder) / "weights.safetensors")) / plain)
    return {"recording": float(np.median(ratios)), "weights": float(np.median(kept))}


def memory(given: argparse.Namespace) -> dict:
    """A whole run of DyGen's stages on 20,000 random vectors."""
    from mislabel.methods.dygen import DyGen
    from mislabel.modalities.vectors import FeatureInputs, FeatureNetwork, standardisation
    from mislabel.training.loop import Loop
    from mislabel.training.training_settings import TrainingSettings

    random = np.random.default_rng(0)
    labels = random.integers(0, 6, 20_000)
    matrix = (random.standard_normal((20_000, 384)) + np.eye(6, 384)[labels]).astype(np.float32)
    mean, scale = standardisation(matrix)
    with tempfile.TemporaryDirectory() as folder:
        loop = Loop(
            lambda: FeatureNetwork(mean, scale, 6), FeatureInputs(matrix), labels, np.arange(len(labels)), 6,
            TrainingSettings(batch_size=256, device="cpu"), folder=Path(folder), weights=Path(folder) / "trajectory",
        )  # fmt: skip
        loop.run(DyGen(epochs=given.epochs, distil_epochs=1).stages())
    return {"peak_mb": peak_mb()}


def neighbours(given: argparse.Namespace) -> dict:
    """Leave-one-out neighbours of random rows in 20 heaps."""
    from mislabel.posterior.neighbours import neighbour_probabilities

    random = np.random.default_rng(0)
    labels = random.integers(0, 20, given.rows)
    matrix = np.empty((given.rows, 384), dtype=np.float16)
    for begin in range(0, given.rows, 10_000):
        part = labels[begin : begin + 10_000]
        matrix[begin : begin + 10_000] = random.standard_normal((len(part), 384)) + np.eye(20, 384)[part]
    took = seconds(lambda: neighbour_probabilities(matrix, labels, np.ones(given.rows, dtype=bool), 20))
    return {"seconds": took, "peak_mb": peak_mb()}


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def peak_mb() -> float:
    from mislabel.run.about import process_peak_mb

    return process_peak_mb()


PARTS = {"recording": recording, "memory": memory, "neighbours": neighbours}

if __name__ == "__main__":
    main()
