"""IDO's mixtures: one for all classes, one per given class, or the mean of both, on scikit-learn's digits as features.

    python benchmarks/scopes.py [--seeds 5] [--rate 0.4]

A seed draws the test (30 % of the digits), the errors and the training. The same question on text:
`mislabel bench text-synthetic --methods ido,ido:scope=class …`.
"""

import argparse

import numpy as np
from sklearn.datasets import load_digits

from mislabel.modalities.dataset import make_dataset
from mislabel.noise import corrupt
from mislabel.run.settings import RunConfig
from mislabel.run.train_and_judge import run

SCOPES, KINDS = ("global", "both", "class"), ("sym", "asym", "idn")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rate", type=float, default=0.4)
    given = parser.parse_args()
    print("| noise | " + " | ".join(f"{scope}: accuracy, AUROC" for scope in SCOPES) + " |")
    print("|---" * (len(SCOPES) + 1) + "|")
    for kind in KINDS:
        found = np.array([[cell(kind, scope, given.rate, seed) for scope in SCOPES] for seed in range(given.seeds)])
        mean, spread = found.mean(0), found.std(0, ddof=1) if given.seeds > 1 else np.zeros(found.shape[1:])
        cells = [f"{m[0]:.1f} ± {s[0]:.1f}, {m[1]:.1f} ± {s[1]:.1f}" for m, s in zip(mean, spread, strict=True)]
        print(f"| {kind} | {' | '.join(cells)} |", flush=True)


def cell(kind: str, scope: str, rate: float, seed: int) -> tuple[float, float]:
    """Test accuracy and detection AUROC of one run, in hundredths."""
    digits, random = load_digits(), np.random.default_rng(seed)
    test = random.random(len(digits.target)) < 0.3
    noisy = corrupt(digits.target, kind, rate, 10, random, features=digits.data).codes
    dataset = make_dataset(
        digits.data,
        np.where(test, digits.target, noisy),
        modality="features",
        gold=digits.target,
        split=np.where(test, "test", "train"),
    )
    metrics = run(dataset, RunConfig(method="ido", options={"scope": scope}, seed=seed)).audit.metrics
    return 100 * metrics["test"]["accuracy"], 100 * metrics["detection"]["auroc"]


if __name__ == "__main__":
    main()
