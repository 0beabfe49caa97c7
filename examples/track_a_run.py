"""A run that TensorBoard shows: losses and agreement epoch by epoch, then scores and the share of wrong labels.

    pip install tensorboard
    python examples/track_a_run.py [--out demo-run/tracked]

The command's `--track` does this; here it is the same from Python, with the events read back. Weights & Biases and
MLflow are told the same under their own names: `--track wandb`, `--track mlflow`.
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mislabel.modalities.dataset import make_dataset
from mislabel.run.folder import RunFolder
from mislabel.run.settings import RunConfig
from mislabel.run.train import train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("demo-run/tracked"))
    given = parser.parse_args()
    random = np.random.default_rng(0)
    points, gold = load_digits(return_X_y=True)
    label = np.where(random.random(len(gold)) < 0.3, random.integers(0, 10, len(gold)), gold)
    dataset = make_dataset(points, label, gold=gold, modality="features")
    config = RunConfig(method="ido", tune="head", seed=0)
    train(dataset, config, RunFolder(given.out), overwrite=True, track="tensorboard")

    events = given.out / "tracking" / "tensorboard"
    told = EventAccumulator(str(events))
    told.Reload()
    for name in sorted(told.Tags()["scalars"]):
        values = told.Scalars(name)
        print(f"{name}: {len(values)} values, the last {values[-1].value:.4g}")
    print(f"look at them: tensorboard --logdir {events}")


if __name__ == "__main__":
    main()
