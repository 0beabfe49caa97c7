"""Which looks teach the judge: rows drawn within strata of given label and opinion, by several powers, and at random.

    python benchmarks/looks.py --data-dir DIR --out OUT [--suite FILE] [--data NAME ...] [--draws 10]

For each data set with trusted rows of the suite: the judge is taught so many rows whose right label is told, picked in
each way and weighted as `mislabel review --order trust` weights them, and says what the rows are that it was not told.
Gold answers for the person and scores, nothing else. Prints a Markdown table of % right, mean and standard deviation
over the draws.
"""

from dataclasses import replace

import numpy as np
from suite_arguments import suite_arguments

from mislabel.bench.data import TRUSTED, columns_of, described, make_table
from mislabel.bench.shared_embeddings import shared_embeddings
from mislabel.bench.suites import read_suite
from mislabel.data.sorted_classes import with_sorted_classes
from mislabel.decisions.looks import bounded, draw_looks
from mislabel.modalities.loading import load_dataset
from mislabel.posterior.judge import Trusted
from mislabel.run.evidence import Evidence
from mislabel.run.preparation import Job, prepare
from mislabel.run.settings import RunConfig
from mislabel.training.progress import Quiet

POWERS, LOOKS = (0.5, 0.75, 1.0), (50, 100, 200)


def main() -> None:
    parser = suite_arguments(__doc__, "trusted.toml", "tables and embeddings")
    parser.add_argument("--draws", type=int, default=10)
    given = parser.parse_args()
    ways = [*(f"strata, power {power:g}" for power in POWERS), "random"]
    print(f"| data | looks | {' | '.join(ways)} |\n|---|---|{'---|' * len(ways)}", flush=True)
    for source in read_suite(given.suite).with_data(given.data):
        if not source.trusted:
            continue
        table, _ = make_table(source, 0, given.data_dir, given.out / "data")
        describe = described(source, given.data_dir)
        config = RunConfig(method="panel", tune="head", describe=describe, **source.run)
        dataset = load_dataset(table, **columns_of(source), trusted=TRUSTED)
        shared_embeddings(dataset, table, source.column, config, given.out / "embeddings")
        job = prepare(with_sorted_classes(dataset), config, None, Quiet())
        right = [of_draw(job, draw) for draw in range(given.draws)]
        for at, looks in enumerate(LOOKS):
            cells = [[each[way][at] for each in right] for way in range(len(ways))]
            words = [f"{100 * np.mean(cell):.1f} ± {100 * np.std(cell, ddof=1):.1f}" for cell in cells]
            print(f"| {source.name} | {looks} | {' | '.join(words)} |", flush=True)


def of_draw(job: Job, draw: int) -> list[list[float]]:
    """The share of right labels, by way and number of looks."""
    evidence, gold = job.evidence, job.dataset.gold
    assert evidence is not None
    assert gold is not None
    opinion = pooled(evidence).argmax(1)
    strata = evidence.given * (opinion.max() + 1) + opinion
    ways = [draw_looks(strata, draw, power) for power in POWERS]
    picked = [[(looks.rows[:k], bounded(looks.weights(k))) for k in LOOKS] for looks in ways]
    dealt = np.random.default_rng(draw).permutation(len(strata))
    picked.append([(dealt[:k], np.ones(k)) for k in LOOKS])
    right = gold[job.trained]
    return [[taught(evidence, right, rows, weights) for rows, weights in way] for way in picked]


def pooled(evidence: Evidence) -> np.ndarray:
    """What is suggested before anybody looked."""
    nobody = Trusted(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0))
    return replace(evidence, trusted=nobody).judged(0).posterior


def taught(evidence: Evidence, gold: np.ndarray, rows: np.ndarray, weights: np.ndarray) -> float:
    """How many of the other rows are named rightly after these were told."""
    told = replace(evidence, trusted=Trusted(rows, gold[rows], weights))
    others = np.setdiff1d(np.arange(len(gold)), rows)
    return float(np.mean(told.joined(told.judged(0))[others].argmax(1) == gold[others]))


if __name__ == "__main__":
    main()
