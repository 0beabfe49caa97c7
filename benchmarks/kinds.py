"""How the gate tells right labels of many classes from partly wrong ones, on clouds that overlap more or less.

    OMP_NUM_THREADS=1 python benchmarks/kinds.py [--rows 2000] [--seeds 2]

For each number of classes and each distance of their clouds, labels are right, or a fifth of them are any class: the
share of labels that the classifier of the gate meets, P(two kinds) and the rate that it then holds for most likely, as
`mislabel.posterior.kinds` finds them. Clouds lie in groups of eight near ones. Prints a Markdown table.
"""

import argparse

import numpy as np

from mislabel.posterior.frozen_space import frozen_space
from mislabel.posterior.gate import met
from mislabel.posterior.kinds import sharpened_kinds

CLASSES, SPREADS, WIDTH, GROUP = (30, 100, 200), (0.2, 0.35, 0.5), 64, 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=2)
    given = parser.parse_args()
    print(
        "| classes | spread | seed | wrong % | met % | two kinds | rate % | power |\n|---|---|---|---|---|---|---|---|"
    )
    for classes in CLASSES:
        for spread in SPREADS:
            for seed in range(given.seeds):
                for wrong in (0.0, 0.2):
                    points, labels = clouds(given.rows, classes, spread, wrong, seed)
                    space = frozen_space(points, labels, classes)
                    share = met(space.plain.argmax(1), labels, classes).share
                    found, _ = sharpened_kinds(space.fit.classifier, labels)
                    cells = (100 * wrong, 100 * share, found.two, 100 * found.rate, found.power)
                    told = " | ".join(f"{cell:.{digits}f}" for cell, digits in zip(cells, (0, 0, 2, 1, 1), strict=True))
                    print(f"| {classes} | {spread} | {seed} | {told} |", flush=True)


def clouds(rows: int, classes: int, spread: float, wrong: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, WIDTH) float32 and labels (n,), of which a share is drawn among all classes."""
    random = np.random.default_rng(seed)
    groups = 1.5 * random.normal(size=(classes // GROUP + 1, WIDTH))
    centres = 0.7 * groups[np.arange(classes) // GROUP] + spread * random.normal(size=(classes, WIDTH))
    true = random.integers(0, classes, rows)
    points = (centres[true] + random.normal(size=(rows, WIDTH))).astype(np.float32)
    labels, drawn = true.copy(), random.random(rows) < wrong
    labels[drawn] = random.integers(0, classes, np.count_nonzero(drawn))
    return points, labels


if __name__ == "__main__":
    main()
