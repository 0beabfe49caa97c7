"""A training loop of one's own, recorded, and probabilities of a scikit-learn model: audits of the same noisy digits.

    python examples/own_loop.py [--out demo-run/own_loop]

Two ways to the list of labels to check: three lines in a PyTorch loop, and a scikit-learn model, fitted in folds. Each
writes a run folder, of which `mislabel report` and `mislabel review` make a page.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from digits import noisy_digits
from sklearn.ensemble import RandomForestClassifier
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from mislabel import Audit, Recorder, audit_from

EPOCHS = 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("demo-run/own_loop"))
    given = parser.parse_args()
    frame, pictures = noisy_digits()
    rows = (frame["split"] == "train").to_numpy()
    pixels = pictures[rows].reshape(rows.sum(), -1).astype(np.float32) / 16
    labels, gold, ids = (frame[name][rows].tolist() for name in ("noisy_label", "label", "id"))

    recorder = train(pixels, labels, ids)
    show("own loop", recorder.audit(labels, gold=gold, features=pixels))
    recorder.save_run(given.out / "loop", overwrite=True)

    forest = RandomForestClassifier(200, random_state=0)
    told = {"gold": gold, "ids": ids, "inputs": pixels}
    show("scikit-learn", audit_from(labels, model=forest, out=given.out / "forest", overwrite=True, **told))


def train(pixels: np.ndarray, labels: list[str], ids: list[str]) -> Recorder:
    """An ordinary loop; the lines with `recorder` are all that is added."""
    torch.manual_seed(0)
    classes = sorted(set(labels))
    targets = torch.tensor([classes.index(label) for label in labels])
    data = TensorDataset(torch.arange(len(labels)), torch.from_numpy(pixels), targets)
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, len(classes)))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    recorder = Recorder(ids, n_classes=len(classes))
    for _ in range(EPOCHS):
        for rows, batch, target in DataLoader(data, 64, shuffle=True):
            logits = model(batch)
            loss = nn.functional.cross_entropy(logits, target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            recorder.update([ids[row] for row in rows], target, logits)
        recorder.end_epoch()
    return recorder


def show(name: str, audit: Audit) -> None:
    """One line for each way."""
    detection = audit.metrics["detection"]
    print(f"{name}: {audit}; AUROC of wrong labels {detection['auroc']:.3f}")


if __name__ == "__main__":
    main()
