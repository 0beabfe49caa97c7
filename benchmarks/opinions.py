"""What each opinion brings: the judge on all of them, without one, and with the dynamics of IDO and DyGen added.

    python benchmarks/opinions.py --data-dir DIR --out OUT [--suite FILE] [--data NAME ...] [--seeds 3]

For each data set with trusted rows of the suite and each seed (which draws the rows): test accuracy of a balanced ridge
probe on the judged posterior, in the frozen space, and the AUROC of wrong labels among rows that nobody checked. IDO
and DyGen are run on the same rows without their trusted labels: what a network was taught cannot be judged by it. Gold
scores, nothing else. Prints a Markdown table, means over the seeds.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score
from suite_arguments import suite_arguments

from mislabel.bench.data import TRUSTED, columns_of, described, make_table
from mislabel.bench.shared_embeddings import shared_embeddings
from mislabel.bench.suites import Source, read_suite
from mislabel.data import Dataset
from mislabel.data.sorted_classes import with_sorted_classes
from mislabel.modalities.loading import load_dataset
from mislabel.posterior.balanced_transition import RIDGE
from mislabel.posterior.class_balance import balanced
from mislabel.posterior.ridge import Space, fit, predict
from mislabel.run.evidence import Evidence
from mislabel.run.preparation import Job, prepare
from mislabel.run.settings import RunConfig
from mislabel.run.train import train
from mislabel.training.progress import Quiet

DYNAMICS = ("ido", "dygen")


def main() -> None:
    parser = suite_arguments(__doc__, "trusted.toml", "tables and embeddings")
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    sources = [source for source in read_suite(given.suite).with_data(given.data) if source.trusted]
    print("| data | opinions | accuracy % | AUROC % |\n|---|---|---|---|", flush=True)
    for source in sources:
        found: dict[str, list[tuple[float, float]]] = {}
        for seed in range(given.seeds):
            for name, scores in of_seed(source, seed, given.data_dir, given.out).items():
                found.setdefault(name, []).append(scores)
        for name, scores in found.items():
            accuracy, auroc = 100 * np.mean(scores, axis=0)
            print(f"| {source.name} | {name} | {accuracy:.1f} | {auroc:.1f} |", flush=True)


def of_seed(source: Source, seed: int, data_dir: Path, out: Path) -> dict[str, tuple[float, float]]:
    """Accuracy and AUROC by which opinions were heard."""
    table, _ = make_table(source, seed, data_dir, out / "data")
    config = RunConfig(method="panel", tune="head", seed=seed, describe=described(source, data_dir), **source.run)
    dataset = load_dataset(table, **columns_of(source), trusted=TRUSTED)
    shared, _ = shared_embeddings(dataset, table, source.column, config, out / "embeddings")
    matrix = np.load(shared)
    job = prepare(with_sorted_classes(dataset), config, None, Quiet())
    assert job.evidence is not None
    evidence, heard = job.evidence, {}
    for name in evidence.opinions:
        rest = {other: each for other, each in evidence.opinions.items() if other != name}
        heard[f"without {name}"] = replace(evidence, opinions=rest)
    plain = load_dataset(table, **columns_of(source))
    dynamics = {name: posterior_of(plain, replace(config, method=name, describe=None), job) for name in DYNAMICS}
    for name, posterior in dynamics.items():
        heard[f"with {name}"] = evidence.heard(name, posterior, evidence.start)
    return {name: scored(each, job, matrix) for name, each in {"all": evidence, **heard}.items()}


def posterior_of(dataset: Dataset, config: RunConfig, job: Job) -> np.ndarray:
    """What a method says of the job's training rows, (m, K)."""
    posterior = train(dataset, config, progress=Quiet()).audit.posterior
    classes = [dataset.labels.classes.index(value) for value in job.dataset.labels.classes]
    return posterior[job.trained][:, classes].astype(np.float64)


def scored(evidence: Evidence, job: Job, matrix: np.ndarray) -> tuple[float, float]:
    """Accuracy of a probe on the judged posterior, and AUROC among rows that nobody checked."""
    joined = evidence.joined(evidence.judged(job.config.seed)).astype(np.float64)
    space = Space(matrix[job.trained].astype(np.float32))
    coefficients, _ = fit(space, joined, balanced(joined, 1.0), RIDGE)
    assert job.dataset.gold is not None
    told = predict(space, coefficients, matrix[job.held_out]).argmax(1)
    unchecked = np.ones(len(joined), dtype=bool)
    unchecked[evidence.trusted.rows] = False
    wrong = evidence.given != job.dataset.gold[job.trained]
    score = 1 - joined[np.arange(len(joined)), evidence.given]
    auroc = roc_auc_score(wrong[unchecked], score[unchecked])
    return float(np.mean(told == job.dataset.gold[job.held_out])), float(auroc)


if __name__ == "__main__":
    main()
