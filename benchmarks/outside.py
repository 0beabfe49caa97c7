"""cleanlab's users: `audit_from(labels, pred_probs)` beside cleanlab on the same probabilities.

    pip install cleanlab
    python benchmarks/outside.py --data-dir DIR --out OUT [--suite FILE] [--data NAME ...]

For each data set of the suite: MiniLM's embeddings, probabilities of a logistic regression in five folds (as cleanlab's
guides make them), and AUROC / average precision, %, of wrong labels by: cleanlab's quality of labels (self-confidence),
which orders what `find_label_issues` lists; `audit_from` on the same probabilities; the same with the embeddings.
Then how many labels each lists, and how many of these are wrong. Gold labels score, nothing else.
"""

import numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from sklearn.metrics import average_precision_score, roc_auc_score
from suite_arguments import suite_arguments

from mislabel import Audit, audit_from
from mislabel.bench.data import columns_of, make_table
from mislabel.bench.shared_embeddings import shared_embeddings
from mislabel.bench.suites import read_suite
from mislabel.modalities.loading import load_dataset
from mislabel.posterior.confident_learning import out_of_sample
from mislabel.run.preparation import prepare
from mislabel.run.settings import RunConfig
from mislabel.training.progress import Quiet

WAYS = ("cleanlab", "audit_from(labels, pred_probs)", "with features")


def main() -> None:
    parser = suite_arguments(__doc__, "evidence.toml", "tables and embeddings")
    given = parser.parse_args()
    print(f"| data | {' | '.join(WAYS)} | listed, % of them wrong |\n|---|---|---|---|---|", flush=True)
    for source in read_suite(given.suite).with_data(given.data):
        table, _ = make_table(source, 0, given.data_dir, given.out / "data")
        config = RunConfig(method="ce", tune="head", **source.run)
        dataset = load_dataset(table, **columns_of(source))
        shared_embeddings(dataset, table, source.column, config, given.out / "embeddings")
        job = prepare(dataset, config, None, Quiet())
        assert job.ready.space is not None
        points, codes, known = job.ready.space(), job.target, job.dataset
        assert known.gold is not None
        gold = known.gold[job.trained]
        probabilities = out_of_sample(points, codes, known.labels.n_classes)
        wrong = (codes != gold)[gold >= 0]
        scores = [1 - get_label_quality_scores(codes, probabilities)]
        listed = [find_label_issues(codes, probabilities)]
        for features in (None, points):
            p = in_order(audit_from(codes, probabilities, features))
            scores.append(p)
            listed.append(p > 0.5)
        cells = [of(score[gold >= 0], wrong) for score in scores]
        counts = [f"{each.sum()}, {100 * np.mean((codes != gold)[each]):.0f}" for each in listed]
        print(f"| {source.name} | {' | '.join(cells)} | {'; '.join(counts)} |", flush=True)


def in_order(audit: Audit) -> np.ndarray:
    """The probability (n,) that each label is wrong, in the order of the input."""
    return audit.table.sort_values("row")["p_mislabeled"].to_numpy(dtype=float)


def of(score: np.ndarray, wrong: np.ndarray) -> str:
    """AUROC / average precision, %."""
    return f"{100 * roc_auc_score(wrong, score):.1f} / {100 * average_precision_score(wrong, score):.1f}"


if __name__ == "__main__":
    main()
