"""What a whole network knows of its training rows once it was taught the evidence: should that be taught in its place?

    python benchmarks/second_round.py --data-dir DIR --out OUT [--suite benchmarks/evidence.toml] [--data NAME ...]

For each data set of the suite (seed 0) the whole encoder learns the evidence for some epochs, as `--method panel` does.
Then, of the rows with a given label that nobody checked: how many labels are right, and AUROC of wrong labels, by the
evidence; by the network; by the network and the given label through a transition matrix, which is what panel teaches
from then on (`mislabel.posterior.second_round`); and by the transition EM on the tuned embedding. And the network's test
accuracy. Gold scores, nothing else. Prints a Markdown table. An epoch of 5,000 texts takes minutes.
"""

import numpy as np
from sklearn.metrics import roc_auc_score
from suite_arguments import suite_arguments

from mislabel.bench.data import columns_of, make_table
from mislabel.bench.suites import read_suite
from mislabel.data.sorted_classes import with_sorted_classes
from mislabel.modalities.loading import load_dataset
from mislabel.posterior.frozen_space import frozen_space
from mislabel.posterior.second_round import said_and_given
from mislabel.run.preparation import Job, prepare
from mislabel.run.settings import RunConfig
from mislabel.run.train_and_judge import train
from mislabel.training.inference import probabilities_and_embeddings
from mislabel.training.progress import Quiet


def main() -> None:
    parser = suite_arguments(__doc__, "evidence.toml", "tables")
    parser.add_argument("--epochs", type=int, default=2)
    given = parser.parse_args()
    print("| data | opinion | labels right % | AUROC % | test accuracy % |\n|---|---|---|---|---|", flush=True)
    for source in read_suite(given.suite).with_data(given.data):
        table, _ = make_table(source, 0, given.data_dir, given.out / "data")
        dataset = with_sorted_classes(load_dataset(table, **columns_of(source)))
        options = {"epochs": given.epochs, "revise_after": 0}
        config = RunConfig(method="panel", options=options, **{**source.run, "tune": "full"})
        job = prepare(dataset, config, None, Quiet())
        test, opinions = opinions_of(job)
        for place, (name, opinion) in enumerate(opinions.items()):
            right, auroc = scored(job, opinion)
            last = f"{100 * test:.1f}" if place == 1 else ""
            print(f"| {source.name} | {name} | {100 * right:.1f} | {100 * auroc:.1f} | {last} |", flush=True)


def opinions_of(job: Job) -> tuple[float, dict[str, np.ndarray]]:
    """Test accuracy of the network after its epochs, and what is held of the training rows, (m, K) each by name."""
    assert job.opinion is not None
    assert job.dataset.gold is not None
    network, _, _ = train(job, None, {}, resume=False, interrupted=lambda: False)
    classes, trained = job.dataset.labels.n_classes, job.trained
    width = network.dimension or classes
    said, embeddings = probabilities_and_embeddings(
        network, job.ready.inputs, classes, width, job.accelerator, progress=Quiet()
    )
    points = embeddings[trained].astype(np.float32)
    points /= np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    test = float(np.mean(said[job.held_out].argmax(1) == job.dataset.gold[job.held_out]))
    return test, {
        "evidence": job.opinion,
        "network": said[trained],
        "network and given label": said_and_given(said[trained], job.target),
        "transition EM on the tuned embedding": frozen_space(points, job.target, classes).fit.posterior,
    }


def scored(job: Job, opinion: np.ndarray) -> tuple[float, float]:
    """How many labels are right, and AUROC of wrong given labels, of the rows that nobody checked."""
    trained, dataset = job.trained, job.dataset
    assert dataset.gold is not None
    open_ = (dataset.status[trained] != "decided") & (dataset.labels.codes[trained] >= 0)
    given, gold, opinion = dataset.labels.codes[trained][open_], dataset.gold[trained][open_], opinion[open_]
    wrong, doubt = given != gold, 1 - opinion[np.arange(len(given)), given]
    auroc = float(roc_auc_score(wrong, doubt)) if 0 < wrong.mean() < 1 else float("nan")
    return float(np.mean(opinion.argmax(1) == gold)), auroc


if __name__ == "__main__":
    main()
