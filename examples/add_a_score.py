"""A score of one's own, beside published ones on handwritten digits a third of which are labelled wrongly.

Early loss: the cross-entropy of the given label, mean over the first half of the looks at a row. Networks learn what is
common before they learn single labels by heart (Liu et al., NeurIPS 2020, arXiv 2007.00151), so wrong labels cost most
then.

A score is a function of `Evidence`, which holds all that a run recorded, to one number a row, higher = more likely
wrong. To become part of the package it would get its function and its line in src/mislabel/posterior/detection.py, and
a test.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits

from mislabel.cli import app
from mislabel.dynamics.scores import moments
from mislabel.posterior.detection import SCORES, Evidence, Score


def early_loss(evidence: Evidence) -> np.ndarray:
    """Cross-entropy of the given label, mean over the first half of the looks, (n,) float64."""
    half = max(1, len(evidence.loss) // 2)
    return moments(evidence.loss[:half], len(evidence.given))[0]


SCORES["early_loss"] = Score(early_loss, "after Liu et al., NeurIPS 2020, arXiv 2007.00151", "early learning")


def write_digits(path: Path, wrong: float = 0.33) -> None:
    """A table of 64 pixels, a true digit and a given one, which is another digit in this share of the rows."""
    pixels, gold = load_digits(return_X_y=True)
    random = np.random.default_rng(0)
    flipped = random.random(len(gold)) < wrong
    given = np.where(flipped, (gold + random.integers(1, 10, len(gold))) % 10, gold)
    table = pd.DataFrame(pixels, columns=pd.Index([f"pixel_{k}" for k in range(pixels.shape[1])]))
    table.assign(gold=gold, given=given).to_parquet(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("demo-run/add-a-score"))
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    write_digits(out / "digits.parquet")
    words = ["audit", str(out / "digits.parquet"), "--features", "pixel_*", "--label", "given", "--gold", "gold"]
    for name in ("early_loss", "aum", "last_loss"):
        run = out / name
        app([*words, "--score", name, "--out", str(run), "--overwrite"], standalone_mode=False)
        detection = json.loads((run / "metrics.json").read_text(encoding="utf-8"))["detection"]
        print(f"AUROC of {name}: {detection['score_auroc']:.3f}")
