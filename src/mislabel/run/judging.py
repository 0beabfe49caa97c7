"""The third part of a run: what the trained networks, and what training left, say of every row."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mislabel.audit import Audit, build_audit
from mislabel.data.order import equal_rows
from mislabel.dynamics.store import DynamicsStore
from mislabel.posterior.gate import Independent
from mislabel.posterior.generative import Generative
from mislabel.posterior.judge import Judged, pool
from mislabel.posterior.posterior import Posterior, Probabilities, mean_of_equals
from mislabel.run.detection_scores import row_scores
from mislabel.run.gating import independent_evidence, with_gate
from mislabel.run.generative import TrajectoryModel
from mislabel.run.grounds import Grounds
from mislabel.run.opinions import LEFT_OUT, NETWORK
from mislabel.run.preparation import Job
from mislabel.run.scores import test_scores
from mislabel.training.branches import Branches
from mislabel.training.inference import (
    Final,
    MeanProbabilities,
    likeliest_outputs,
    outputs,
    probabilities_and_embeddings,
)


@dataclass(frozen=True)
class Judgement:
    """What is known of every row after training.

    Attributes
    ----------
    audit : Audit
    posterior : Posterior
        Of the rows that trained.
    evidence : Independent, optional
        What the gate went by.
    embeddings : (n, d) float16, optional
        Those that the run folder still lacks; an array or `Derived`.
    test : dict
        Scores on held-out rows; empty where there are none.
    """

    audit: Audit
    posterior: Posterior
    evidence: Independent | None = None
    embeddings: Any = None
    test: dict[str, Any] = field(default_factory=dict)


def judge(job: Job, network: Branches, dynamics: DynamicsStore, weights: Path | None, *, content: bool) -> Judgement:
    """Judge every row, and score the model on the held-out ones.

    Parameters
    ----------
    weights : Path, optional
        Where the weights of every epoch lie, for methods that judge new inputs by their trajectories.
    content : bool
        Whether embeddings go into the run folder.
    """
    ready, config, held_out = job.ready, job.config, job.held_out
    probability, embeddings = answers(job, network, keep=content and job.folder is not None)
    posterior = job.method.posterior(job.stages, dynamics, job.target, probability[job.trained])
    posterior = as_taught(job, posterior)
    independent = independent_evidence(job)
    posterior = with_gate(job, posterior.probabilities, with_evidence(job, posterior), independent)
    ranking, recalls = row_scores(config.score, ready, dynamics, network, job.accelerator, job.progress)
    posterior = replace(posterior, recalls=[*posterior.recalls, *recalls])
    posterior, ranking = equal_rows_alike(job, posterior, ranking)
    audit = build_audit(
        job.dataset,
        job.trained,
        posterior,
        probability,
        dynamics,
        job.agreement,
        informative=ready.informative,
        evidence=independent,
        score=ranking,
    )
    scores = test_scores(job.dataset, held_out, probability[held_out])
    if posterior.generative is not None and weights is not None:
        model = trajectory_model(posterior.generative, dynamics, network, config.seed, weights)
        scores |= judge_held_out(job, model)
    job.clock.stop("judge")
    return Judgement(audit, posterior, independent, embeddings, scores)


def as_taught(grounds: Grounds, posterior: Posterior) -> Posterior:
    """The posterior of the method; of one that learns the evidence itself, what it was taught last."""
    if grounds.part_of_evidence != "taught" or grounds.opinion is None:
        return posterior
    return replace(posterior, probabilities=grounds.opinion if grounds.revised is None else grounds.revised)


def with_evidence(grounds: Grounds, posterior: Posterior) -> Posterior:
    """The posterior with what all evidence says, and each opinion beside it.

    A method that learnt from the evidence has nothing to add to it. With any other the judge's posterior and the
    method's count the same, as the root of their product, where enough rows are trusted to fit the judge: how far the
    method may be believed cannot be told from trusted rows, which it was taught.
    """
    evidence, opinion, part = grounds.evidence, grounds.opinion, grounds.part_of_evidence
    if evidence is None or opinion is None or part == "unused":
        return posterior
    opinions, joined = evidence.opinions, posterior.probabilities
    if part == "joined":
        joined = pool([opinion, np.asarray(joined)], [0.5, 0.5]).astype(np.float32)
    if grounds.revised is not None:
        opinions = {**opinions, NETWORK: grounds.revised}
    of_given = {f"{name}_p_given": each[np.arange(len(each)), evidence.given] for name, each in opinions.items()}
    if grounds.judged is not None and len(grounds.judged.asked):
        of_given[LEFT_OUT] = left_out(evidence.given, grounds.judged)
    labels = {f"{name}_label": each.argmax(1).astype(np.int64) for name, each in opinions.items()}
    return replace(
        posterior,
        probabilities=joined,
        evidence={**posterior.evidence, **of_given},
        labels={**posterior.labels, **labels},
    )


def left_out(given: np.ndarray, judged: Judged) -> np.ndarray:
    """The probability that the label of a trusted row is wrong, as the judge says that was not told its right one.

    (m,) float64, NaN for all other rows. A network that learnt those labels could not be asked so.
    """
    result = np.full(len(given), np.nan)
    said = judged.held_out[np.arange(len(judged.asked)), given[judged.asked]]
    result[judged.asked] = np.clip(1.0 - said, 0.0, 1.0)
    return result


def equal_rows_alike(
    grounds: Grounds, posterior: Posterior, score: np.ndarray | None
) -> tuple[Posterior, np.ndarray | None]:
    """Posterior and score with one answer, the mean, for rows of the same input and label that have no ids.

    Nothing tells such rows apart, so which of them was taken first hangs on the order of the table alone.
    """
    dataset, trained = grounds.dataset, grounds.trained
    if dataset.named:
        return posterior, score
    group = equal_rows(dataset.inputs, dataset.training_codes)[trained]
    alone = dataset.status[trained] == "decided"  # their posterior is what a person said
    group[alone] = group.max() + 1 + np.arange(np.count_nonzero(alone))
    shared = replace(posterior, probabilities=mean_of_equals(posterior.probabilities, group))
    return shared, None if score is None else mean_of_equals(score, group)


def answers(job: Job, network: Branches, *, keep: bool) -> tuple[Probabilities, Any]:
    """What the final model says of all rows, (n, K), and embeddings that the folder lacks, (n, d) float16.

    Those of a whole network are what its last layer reads, of the first branch; of features they are the features,
    standardised. Those of a frozen encoder lie in the folder already. There are none unless they are to be kept.
    """
    ready, accelerator, progress = job.ready, job.accelerator, job.progress
    inputs, n_classes, order = ready.inputs, job.dataset.labels.n_classes, job.dataset.order
    of_network = keep and ready.standardised is None
    width = network.dimension or n_classes
    if job.keeps_likeliest:
        asked, dimension = (Final(network), width) if of_network else (MeanProbabilities(network), 0)
        probabilities, embeddings = likeliest_outputs(
            asked, inputs, n_classes, job.dataset.training_codes, dimension, accelerator, order=order, progress=progress
        )
        return probabilities, embeddings if of_network else lacking(job, keep=keep)
    if of_network:
        return probabilities_and_embeddings(
            network, inputs, n_classes, width, accelerator, order=order, progress=progress
        )
    probabilities = outputs(MeanProbabilities(network), inputs, n_classes, accelerator, order=order, progress=progress)
    return probabilities, lacking(job, keep=keep)


def lacking(job: Job, *, keep: bool) -> Any:
    """What a head read of all rows, (n, d) float16, where the folder lacks it and it is to be kept; else None."""
    lacks = keep and job.folder is not None and job.writes and not job.folder.embeddings.is_file()
    return job.ready.standardised() if lacks and job.ready.standardised else None


def trajectory_model(
    generative: Generative, dynamics: DynamicsStore, network: Branches, seed: int, weights: Path
) -> TrajectoryModel:
    """What judges new inputs by their trajectories."""
    assert dynamics.trajectory is not None
    shape = dynamics.trajectory.shape
    return TrajectoryModel(generative, shape, network.dimension or shape.classes, seed, weights)


def judge_held_out(job: Job, model: TrajectoryModel) -> dict[str, Any]:
    """Save the model, and score classifier and generative model on held-out rows, as `test_scores` does each."""
    rows, ready = job.held_out, job.ready
    if job.accelerator.is_main_process:
        model.save()
    if not len(rows):
        return {}
    before, after = model.probabilities(ready.build, ready.inputs.take(rows), job.accelerator, job.progress)
    return {
        "classifier": test_scores(job.dataset, rows, before),
        "generative": test_scores(job.dataset, rows, after),
    }
