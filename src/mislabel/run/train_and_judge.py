"""The main job: train on the given labels, judge every row, save what a user needs."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from mislabel.audit import Audit
from mislabel.data import Dataset
from mislabel.data.sorted_classes import with_sorted_classes
from mislabel.dynamics.store import DynamicsStore
from mislabel.run.companions import together
from mislabel.run.decision_gain import read_earlier
from mislabel.run.folder import RunFolder
from mislabel.run.judging import Judgement, judge
from mislabel.run.metrics import add_metrics
from mislabel.run.predictor import Predictor
from mislabel.run.preparation import Job, prepare
from mislabel.run.room import bytes_beside_training
from mislabel.run.settings import RunConfig
from mislabel.run.source_facts import with_sources
from mislabel.run.tracking import tracked
from mislabel.run.writing import write_parquet, write_run
from mislabel.training.branches import Branches
from mislabel.training.device import make_accelerator
from mislabel.training.history import History
from mislabel.training.loop import Loop, passes_of
from mislabel.training.progress import Quiet
from mislabel.training.sharding import unsharded
from mislabel.training.stages import Stage
from mislabel.training.training_settings import TrainingSettings


@dataclass(frozen=True)
class Result:
    """What a run gives: the audit, and the model for new texts."""

    audit: Audit
    predictor: Predictor


def run(
    dataset: Dataset,
    config: RunConfig,
    folder: RunFolder | None = None,
    *,
    resume: bool = False,
    decisions: dict[str, Any] | None = None,
    content: bool = True,
    keep_checkpoints: bool = False,
    track: str | None = None,
    progress: Quiet | None = None,
    interrupted: Callable[[], bool] = lambda: False,
) -> Result:
    """Train, judge, save.

    Parameters
    ----------
    dataset : Dataset
    config : RunConfig
    folder : RunFolder, optional
        Prepared and locked; without it nothing is written.
    decisions : dict, optional
        What `mislabel.run.prior_decisions.apply_decisions` counts of an earlier run, where that made `dataset`.
    content : bool
        Whether the inputs go into the run folder, for the report and a review, and embeddings of them, for a review.
    track : str, optional
        The tracker that this process tells of the run.

    Raises
    ------
    InputError
        If the data cannot train a classifier, or the tracker cannot begin.
    RunError
        If training fails or a run cannot be continued.
    """
    earlier = read_earlier(decisions) if decisions else None
    progress = progress or Quiet()
    accelerator = make_accelerator(config.device, config.precision)
    with (
        together(accelerator, folder) as place,
        tracked(track, dataset, config, folder, progress, resume=resume) as tracker,
    ):
        job = prepare(with_sorted_classes(dataset), config, place, progress)
        told = {} if tracker is None else {"told": tracker.epochs}
        with kept_weights(job.stages, place, len(job.held_out)) as weights:
            beside = bytes_beside_training(job, content=content)
            network, dynamics, history = train(job, weights, beside, resume=resume, interrupted=interrupted, **told)
            progress.begin("judge", 0)
            judgement = judge(job, network, dynamics, weights, content=content)
        judgement = replace(judgement, audit=with_sources(job.dataset, judgement.audit))
        network = unsharded(network, job.ready.build)
        add_metrics(job, history, judgement, earlier)
        classes = dataset.labels.classes  # in the order in which they were listed
        judgement = replace(judgement, audit=judgement.audit.with_classes(classes))
        predictor = Predictor(network, job.ready.reader, classes, job.dataset.labels.classes)
        if tracker is not None:
            tracker.result(history.epochs, judgement.audit.metrics)
            judgement.audit.notes.extend(tracker.notes)
        progress.begin("write", 0)
        save(job, judgement, predictor, content=content, keep_checkpoints=keep_checkpoints)
        progress.end()
    return Result(judgement.audit, predictor)


def train(
    job: Job, weights: Path | None, beside: Mapping[str, int], *, resume: bool, **listening: Any
) -> tuple[Branches, DynamicsStore, History]:
    """Train through all stages: the final network, what was recorded, and how it went.

    Parameters
    ----------
    weights : Path, optional
        Where the weights of every epoch go.
    beside : mapping
        Bytes that are written beside, for a disk that is too small.
    listening
        Of `Loop`: what is asked after every step, and what is told after every epoch.
    """
    dataset, trained, folder, progress = job.dataset, job.trained, job.folder, job.progress
    loop = Loop(
        job.ready.build,
        job.ready.inputs.take(trained),
        job.target,
        dataset.ids[trained],
        dataset.labels.n_classes,
        balanced_settings(job),
        opinion=job.opinion if job.learns_from_evidence else None,
        worth=job.worth,
        waiting=job.waiting,
        trusted=dataset.status[trained] == "decided",
        folder=folder.path if folder else None,
        leads=folder.leads if folder else None,
        mirrored=folder is not None and folder.mirrored,
        weights=weights,
        beside=beside,
        progress=progress,
        **listening,
    )
    if job.writes:
        room = loop.bytes_needed(job.stages)
        passes = len(passes_of(job.stages))
        progress.line(f"training {len(trained)} rows, {passes} passes; dynamics take {room / 1e6:.1f} MB")
    network, dynamics = loop.run(job.stages, resume=resume)
    if folder and job.writes:  # dynamics are kept in the order of these
        write_parquet(pd.DataFrame({"id": dataset.ids[trained]}), folder.trained_ids)
    job.clock.seconds["train"] = round(loop.history.seconds, 2)
    job.clock.restart()
    return network, dynamics, loop.history


def save(job: Job, judgement: Judgement, predictor: Predictor, *, content: bool, keep_checkpoints: bool) -> None:
    """Write what is known into the run folder, and clear away what only the training needed."""
    if job.folder and job.writes:
        write_run(judgement.audit, predictor, job.dataset, job.folder, content, judgement.embeddings)
        if not keep_checkpoints:
            job.folder.drop_checkpoints()
    job.accelerator.wait_for_everyone()


@contextmanager
def kept_weights(stages: list[Stage], folder: RunFolder | None, held_out: int) -> Iterator[Path | None]:
    """Where the weights of every epoch go: the run folder, or for held-out rows alone a folder that goes again."""
    if not any(stage.trajectory for stage in stages) or (folder is None and not held_out):
        yield None
    elif folder is not None:
        yield folder.trajectory
    else:
        with TemporaryDirectory() as temporary:
            yield Path(temporary)


def training_settings(config: RunConfig) -> TrainingSettings:
    """The loop's part of effective settings."""
    names = TrainingSettings.__dataclass_fields__
    return TrainingSettings(**{name: value for name, value in config.plain().items() if name in names})


def balanced_settings(job: Job) -> TrainingSettings:
    """Those of a job: a method that learns from evidence balances classes as that says, where nobody said it."""
    settings = training_settings(job.config)
    if job.evidence is None or not job.learns_from_evidence or settings.balance != "none":
        return settings
    return replace(settings, balance=job.evidence.balance)
