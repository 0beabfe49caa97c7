"""What a whole network knows of its training rows once it was taught the evidence: should that be taught in its place?

    python benchmarks/second_round.py --data-dir DIR --out OUT [--suite benchmarks/evidence.toml] [--data NAME ...]

For each data set of the suite (seed 0) the whole encoder learns the evidence for some epochs, as `--method panel` does.
Then, of the rows with a given label that nobody checked: how many labels are right, and AUROC of wrong labels, by the
evidence; by the network; by the network and the given label through a transition matrix; by the second round, which is
what panel teaches from then on (`mislabel.posterior.second_round`; without trusted rows the same); and by the
transition EM on the tuned embedding. And the network's test accuracy, after one more epoch. Gold scores, nothing else.
Prints a Markdown table. An epoch of 5,000 texts takes minutes.
"""

from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score
from suite_arguments import suite_arguments

from mislabel.bench.data import TRUSTED, columns_of, make_table
from mislabel.bench.suites import read_suite
from mislabel.data.sorted_classes import with_sorted_classes
from mislabel.methods.panel import OpinionCrossEntropy
from mislabel.modalities.loading import load_dataset
from mislabel.posterior.frozen_space import frozen_space
from mislabel.posterior.second_round import said_and_given
from mislabel.run.preparation import Job, prepare
from mislabel.run.settings import RunConfig
from mislabel.run.train_and_judge import train
from mislabel.training.inference import MeanProbabilities, outputs
from mislabel.training.progress import Quiet


def main() -> None:
    parser = suite_arguments(__doc__, "evidence.toml", "tables")
    parser.add_argument("--epochs", type=int, default=2)
    given = parser.parse_args()
    print("| data | opinion | labels right % | AUROC % | test accuracy % |\n|---|---|---|---|---|", flush=True)
    for source in read_suite(given.suite).with_data(given.data):
        table, _ = make_table(source, 0, given.data_dir, given.out / "data")
        trusted = {"trusted": TRUSTED} if source.trusted else {}
        dataset = with_sorted_classes(load_dataset(table, **columns_of(source), **trusted))
        drawn: dict[str, Any] = {"trusted_drawn": "random"} if source.trusted else {}
        options = {"epochs": given.epochs + 1, "revise_after": given.epochs}
        config = RunConfig(method="panel", options=options, **{**source.run, **drawn, "tune": "full"})
        job = prepare(dataset, config, None, Quiet())
        test, opinions = opinions_of(job)
        for place, (name, opinion) in enumerate(opinions.items()):
            right, auroc = scored(job, opinion)
            last = "" if place else f"{100 * test:.1f}"
            print(f"| {source.name} | {name} | {100 * right:.1f} | {100 * auroc:.1f} | {last} |", flush=True)


def opinions_of(job: Job) -> tuple[float, dict[str, np.ndarray]]:
    """Test accuracy of the network at the end, and what is held of the training rows by then, (m, K) each by name."""
    assert job.opinion is not None
    assert job.dataset.gold is not None
    loss = job.stages[-1].loss
    assert isinstance(loss, OpinionCrossEntropy)
    assert loss.reconsider is not None
    reconsider, asked = loss.reconsider, []

    def watched(said: np.ndarray, embeddings: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        asked.append((said, embeddings))
        return reconsider(said, embeddings)

    loss.reconsider = watched
    network, _, _ = train(job, None, {}, resume=False, interrupted=lambda: False)
    ((said, embeddings),) = asked
    points = embeddings.astype(np.float32)
    points /= np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    classes, held_out = job.dataset.labels.n_classes, job.ready.inputs.take(job.held_out)
    last = outputs(MeanProbabilities(network), held_out, classes, job.accelerator, progress=Quiet())
    assert job.revised is not None
    return float(np.mean(last.argmax(1) == job.dataset.gold[job.held_out])), {
        "evidence": job.opinion,
        "network": said,
        "network and given label": said_and_given(said, job.target),
        "second round": job.revised,
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
