"""When a free transition matrix helps and when it harms, and what the guard makes of it, on real and spoilt spaces.

    python benchmarks/guard.py --data-dir DIR --out OUT [--suite benchmarks/evidence.toml] [--data NAME ...]

For each data set of the suite (seed 0), on the embeddings of its frozen encoder and on spoilt copies of them: test
accuracy of a ridge probe on the given labels (plain), and on the posterior of the balanced transition EM with a free
matrix, with a held diagonal, and with the one that the guard chooses (`mislabel.posterior.frozen_space`); and `kept`,
by which it chooses. Copies: random projections to 12 and 40 dimensions, which mix the classes up, and noise as large as
twice the spread. Gold scores, nothing else. Prints a Markdown table.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from suite_arguments import suite_arguments

from mislabel.bench.data import columns_of, make_table
from mislabel.bench.shared_embeddings import matrix_of, shared_embeddings
from mislabel.bench.suites import Source, read_suite
from mislabel.modalities import modality
from mislabel.modalities.loading import load_dataset
from mislabel.posterior.balanced_transition import RIDGE, balanced_transition
from mislabel.posterior.class_balance import balanced
from mislabel.posterior.frozen_space import HELD, frozen_space
from mislabel.posterior.ridge import fit, predict
from mislabel.posterior.spaces import unit_space
from mislabel.run.settings import RunConfig
from mislabel.training.balance import POWERS


def projected(points: np.ndarray, width: int) -> np.ndarray:
    """Points (n, d) at random in `width` dimensions, of length 1."""
    mixed = points @ np.random.default_rng(5).normal(size=(points.shape[1], width))
    return mixed / np.linalg.norm(mixed, axis=1, keepdims=True)


def noisy(points: np.ndarray) -> np.ndarray:
    """Points (n, d) with Gaussian noise of twice their spread, of length 1."""
    spoilt = points + 2 * points.std(0).mean() * np.random.default_rng(5).normal(size=points.shape)
    return spoilt / np.linalg.norm(spoilt, axis=1, keepdims=True)


SPACES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "": lambda points: points,
    "40 dimensions": lambda points: projected(points, 40),
    "12 dimensions": lambda points: projected(points, 12),
    "noise": noisy,
}


def main() -> None:
    parser = suite_arguments(__doc__, "evidence.toml", "tables and embeddings")
    given = parser.parse_args()
    print("| data | space | plain | free | held | guarded | kept |\n|---|---|---|---|---|---|---|", flush=True)
    for source in read_suite(given.suite).with_data(given.data):
        points, codes, gold, train = read(source, given.data_dir, given.out)
        for name, spoil in SPACES.items():
            spoilt = spoil(points).astype(np.float32)
            scores = compared(spoilt[train], codes[train], spoilt[~train], gold[~train])
            cells = " | ".join(f"{100 * value:.1f}" for value in scores[:-1])
            print(f"| {source.name} | {name or 'as it is'} | {cells} | {scores[-1]:.2f} |", flush=True)


def read(source: Source, data_dir: Path, out: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Embeddings (n, d), codes of given and of gold labels (n,), and which rows train (n,)."""
    table, _ = make_table(source, 0, data_dir, out / "data")
    dataset, config, shared = load_dataset(table, **columns_of(source)), RunConfig(tune="head", **source.run), None
    if modality(source.modality).encoder is not None:
        shared, _ = shared_embeddings(dataset, table, source.column, config, out / "embeddings")
    assert dataset.gold is not None
    return matrix_of(dataset, shared), dataset.labels.codes, dataset.gold, dataset.split == "train"


def compared(points: np.ndarray, given: np.ndarray, new: np.ndarray, gold: np.ndarray) -> list[float]:
    """Accuracies of plain, free, held and guarded, and `kept`."""
    classes = int(max(given.max(), gold.max())) + 1
    one_hot = np.eye(classes)[given]
    guarded = frozen_space(points, given, classes)
    free, held = (balanced_transition(unit_space(points), given, classes, held=each).posterior for each in (0.0, HELD))

    def accuracy(shares: np.ndarray, power: float) -> float:
        space = unit_space(points)
        coefficients, _ = fit(space, shares, balanced(shares, power), RIDGE)
        spread = np.float32(np.sqrt(points.var(0, dtype=np.float64).sum()))
        return float(np.mean(predict(space, coefficients, new / spread).argmax(1) == gold))

    soft = POWERS["half"]
    chosen = accuracy(guarded.fit.posterior, 1.0 if guarded.free else soft)
    return [accuracy(one_hot, 0.0), accuracy(free, 1.0), accuracy(held, soft), chosen, guarded.kept]


if __name__ == "__main__":
    main()
