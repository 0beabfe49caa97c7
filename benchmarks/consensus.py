"""How many labels are right that several sources come to, by ways of others and by ours.

    python benchmarks/consensus.py --data-dir DIR --out OUT [--suite benchmarks/sources.toml] [--data NAME ...]

For each data set of the suite with sources, of which no one label was made, and whose sources are people (seed 0): the
majority, Dawid-Skene (crowd-kit), CrowdLab (cleanlab, with a classifier of the majority, each row by all others), and
the posterior that hears each source, with its classifier alone. Over the training rows whose right label is known;
it scores, and does nothing else. Prints a Markdown table.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from cleanlab.multiannotator import get_label_quality_multiannotator
from suite_arguments import suite_arguments

from mislabel.bench.data import columns_of, make_table
from mislabel.bench.one_label import one_label
from mislabel.bench.shared_embeddings import matrix_of, shared_embeddings
from mislabel.bench.suites import Source, read_suite
from mislabel.modalities import modality
from mislabel.modalities.loading import load_dataset
from mislabel.posterior.frozen_space import frozen_space
from mislabel.posterior.moments import mean_and_deviation
from mislabel.run.evidence import votes_of
from mislabel.run.settings import RunConfig

WAYS = ("each alone", "majority", "Dawid-Skene", "CrowdLab", "one label", "each source heard", "its classifier")


def main() -> None:
    parser = suite_arguments(__doc__, "sources.toml", "tables and embeddings")
    given = parser.parse_args()
    print(f"| data | rows | {' | '.join(WAYS)} |\n|---|---|{'---|' * len(WAYS)}", flush=True)
    for source in read_suite(given.suite).with_data(given.data):
        if source.sources is None or source.aggregate is not None or source.trusted or source.describe:
            continue
        rows, shares = compared(source, given.data_dir, given.out)
        if shares:
            print(f"| {source.name} | {rows} | {' | '.join(f'{100 * each:.1f}' for each in shares)} |", flush=True)


def compared(source: Source, data_dir: Path, out: Path) -> tuple[int, list[float]]:
    """How many rows have a known label, and the share of right labels in each way; nothing where rules label."""
    table, _ = make_table(source, 0, data_dir, out / "data")
    dataset, shared = load_dataset(table, **columns_of(source)), None
    if dataset.sources is None or not dataset.sources.are("person").all():
        return 0, []
    if modality(source.modality).encoder is not None:
        config = RunConfig(tune="head", **source.run)
        shared, _ = shared_embeddings(dataset, table, source.column, config, out / "embeddings")
    rows = np.flatnonzero(dataset.labels.codes >= 0)
    rows = rows[dataset.split[rows] == "train"]
    points, classes = matrix_of(dataset, shared)[rows], dataset.labels.n_classes
    if shared is None:
        mean, deviation = mean_and_deviation(points)
        points = ((points - mean) / np.where(deviation > 0, deviation, 1)).astype(np.float32)
    assert dataset.gold is not None
    sources, given, gold = dataset.sources.rows(rows), dataset.labels.codes[rows], dataset.gold[rows]
    one = frozen_space(points, given, classes)
    ours = frozen_space(points, given, classes, votes=votes_of(dataset, rows))
    votes = pd.DataFrame(np.where(sources.said, sources.votes, np.nan), columns=pd.Index(sources.names))
    lab = get_label_quality_multiannotator(votes, one.plain, verbose=False)["label_quality"]["consensus_label"]
    known = gold >= 0
    alone = [np.mean((each == gold)[known & (each >= 0)]) for each in sources.votes.T]
    found = [given, one_label(sources, "dawid_skene"), lab.to_numpy(), *(
        each.argmax(1) for each in (one.fit.posterior, ours.fit.posterior, ours.fit.classifier)
    )]  # fmt: skip
    return int(known.sum()), [float(np.mean(alone)), *(float(np.mean((each == gold)[known])) for each in found)]


if __name__ == "__main__":
    main()
