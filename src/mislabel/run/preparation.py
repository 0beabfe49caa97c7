"""The first part of a run: settings filled in, the method, and inputs made ready for training."""

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from accelerate import Accelerator

from mislabel.data import Dataset
from mislabel.data.class_meanings import Meanings, sentences_of
from mislabel.data.training_rows import check_memory
from mislabel.errors import InputError
from mislabel.methods.method import Method
from mislabel.modalities import modality
from mislabel.modalities.contract import Prepared, sample_rows
from mislabel.posterior.likeliest import KEPT, are_many
from mislabel.posterior.neighbours import label_agreement
from mislabel.posterior.second_round import waiting_rows
from mislabel.run.about import Clock
from mislabel.run.defaults import METHOD_OF_MANY, effective_for, method_of
from mislabel.run.detection_scores import check_score
from mislabel.run.evidence import gather, nearness
from mislabel.run.folder import RunFolder
from mislabel.run.grounds import Grounds, training_target
from mislabel.run.settings import RunConfig
from mislabel.settings import make_settings
from mislabel.training.device import make_accelerator
from mislabel.training.losses import OPINION
from mislabel.training.progress import Quiet
from mislabel.training.sharding import check_shardable
from mislabel.training.stages import Stage


@dataclass(frozen=True, kw_only=True)
class Job(Grounds):
    """What every part of one run stands on.

    Attributes
    ----------
    method : Method
    stages : list of Stage
        To train through.
    ready : Prepared
    meanings : Meanings
        Of the classes, in words.
    accelerator : Accelerator
    folder : RunFolder, optional
        Without it nothing is written.
    progress : Quiet
    clock : Clock
        Runs since the run began.
    worth : (m,) float, optional
        How much the label of each training row counts, where the method says so.
    """

    method: Method
    stages: list[Stage]
    ready: Prepared
    meanings: Meanings
    accelerator: Accelerator
    folder: RunFolder | None
    progress: Quiet
    clock: Clock
    worth: np.ndarray | None = None

    @property
    def writes(self) -> bool:
        """Whether this process writes into the run folder."""
        return self.folder is not None and self.accelerator.is_main_process

    @property
    def keeps_likeliest(self) -> bool:
        """Whether of each row's probabilities the likeliest are kept alone."""
        return keeps_likeliest(self.method, self.dataset)

    @property
    def learns_from_evidence(self) -> bool:
        return getattr(self.method, "learns_from_evidence", False)

    @property
    def revised(self) -> np.ndarray | None:
        """What a loss taught in place of the opinion, (m, K) float32, once training is over; None where none did."""
        opinion = self.stages[-1].loss.tables.get(OPINION)
        return None if opinion is None else opinion.cpu().numpy()

    @property
    def about_revised(self) -> dict[str, Any]:
        """What metrics.json tells of that; empty where the loss keeps nothing of the kind."""
        return getattr(self.stages[-1].loss, "about", {})

    @cached_property
    def waiting(self) -> np.ndarray | None:
        """Training rows (m,) bool that are not taught before the evidence was made anew; None where it is not."""
        if self.evidence is None or not any(stage.waits for stage in self.stages):
            return None
        return waiting_rows(self.evidence.trusted, len(self.trained), self.config.seed)

    @cached_property
    def held_out(self) -> np.ndarray:
        """Positions of the test rows, (t,) int64, in the order in which a run takes rows."""
        return self.dataset.in_order((self.dataset.split == "test") & (self.dataset.status != "unreadable"))


def prepare(dataset: Dataset, config: RunConfig, folder: RunFolder | None, progress: Quiet) -> Job:
    """Make everything ready for training.

    Raises
    ------
    InputError
        If a setting does not go with the data, or the data cannot train a classifier.
    """
    clock, config = Clock(), effective_for(config, dataset)
    method: Method = make_settings(method_of(config).make, config.options)
    _check_reshaping(method, config)
    accelerator = make_accelerator(config.device, config.precision)
    if keeps_likeliest(method, dataset):
        dataset = replace(dataset, notes=[*dataset.notes, _likeliest_note(dataset)])
    else:
        check_memory(dataset, f", take --method {METHOD_OF_MANY}, which keeps the likeliest of each row,")
    if config.shard:
        dataset = replace(dataset, notes=[*dataset.notes, *_check_sharding(method, config, accelerator)])
    meanings = sentences_of(config.describe, dataset.labels.classes)
    dataset = replace(dataset, notes=[*dataset.notes, *meanings.notes])
    ready = modality(dataset.inputs.modality).prepare(dataset, config, accelerator, folder, progress)
    if config.describe is not None:
        ready = _with_unused_note(ready, method, str(config.method))
    for note in ready.dataset.notes if accelerator.is_main_process else ():
        progress.line(f"note: {note}")
    sampled = training_target(ready)[sample_rows(len(ready.trained))]
    agreement = label_agreement(ready.untrained, sampled, by_direction=ready.by_direction)
    clock.stop("prepare")
    check_score(config.score, ready)
    job = Job(
        config=config, method=method, stages=method.stages(), ready=ready, meanings=meanings, agreement=agreement,
        accelerator=accelerator, folder=folder, progress=progress, clock=clock,
    )  # fmt: skip
    return _with_worth(_with_evidence(job))


def keeps_likeliest(method: Method, dataset: Dataset) -> bool:
    """Whether of each row's probabilities the likeliest are kept alone: they are many, and nobody needs all.

    What several sources say is read through all of them.
    """
    can = getattr(method, "many_classes", False) and dataset.sources is None
    return can and are_many(len(dataset), dataset.labels.n_classes)


def _likeliest_note(dataset: Dataset) -> str:
    size = 4 * len(dataset) * dataset.labels.n_classes / 1e9
    return (
        f"Probabilities of {len(dataset)} rows x {dataset.labels.n_classes} classes would take {size:.1f} GB: of each "
        f"row the {KEPT} likeliest are kept, and one number for all others."
    )


def _check_reshaping(method: Method, config: RunConfig) -> None:
    """Raise InputError where a method reshapes features that would not stay as they are."""
    if config.tune == "head" or not any(stage.reshapes for stage in method.stages()):
        return
    instead = "use --tune head"
    if config.scratch is not None:
        instead = "give a pretrained --backbone in place of --scratch, with --tune head"
    raise InputError(
        f"--method {config.method} reshapes the features of an encoder that stays as it is, and --tune {config.tune} "
        f"changes them: {instead}, or another --method"
    )


def _check_sharding(method: Method, config: RunConfig, accelerator: Accelerator) -> list[str]:
    """Raise InputError where the weights cannot be divided; what a reader has to know where there is nobody to share.

    Raises
    ------
    InputError
        If the method, or another setting, needs whole weights.
    """
    if config.tune == "head":
        raise InputError("--shard divides the weights of a network that trains, and --tune head trains a small one")
    beside = {"compile": config.compile, "noise_stability": config.noise_stability > 0}
    for name, given in beside.items():
        if given:
            raise InputError(
                f"--shard divides the weights, and --{name.replace('_', '-')} needs them whole: leave one out"
            )
    check_shardable(method.stages(), str(config.method))
    if accelerator.num_processes > 1:
        return []
    return ["--shard divided nothing: this is one process. Start several with torchrun or accelerate launch."]


def _with_evidence(job: Job) -> Job:
    """The job with what is known of its rows, where somebody asks for it.

    Raises
    ------
    InputError
        If the method learns from it, and nothing is known of rows before training.
    """
    plural = modality(job.dataset.inputs.modality).words.plural
    if job.ready.space is None and (job.learns_from_evidence or hasattr(job.method, "row_worth")):
        why, instead = f"nothing is known of {plural} as they are", "give"
        if job.config.scratch is not None:
            why = "random weights (--scratch) tell nothing of them"
            instead = "give a pretrained --backbone in place of --scratch, or"
        raise InputError(
            f"--method {job.config.method} learns from what is known of {plural} before training, and {why}: {instead} "
            "another --method"
        )
    if not _asks(job.method, job.ready):
        return job
    if job.keeps_likeliest:
        return _noted(
            job,
            "Trusted labels teach their own rows alone: a judge of the other rows needs probabilities of all classes.",
        )
    if job.ready.space is None:
        return _noted(
            job,
            f"Trusted labels teach their own rows alone: nothing is known of {plural} before training that a judge of "
            "the other rows could go by.",
        )
    job.progress.begin("evidence", 0)
    guard: bool = getattr(job.method, "guard", True)
    evidence = gather(job.ready, job.meanings, guard=guard)
    judged = evidence.judged(job.config.seed)
    job.progress.end()
    job.clock.stop("evidence")
    job = replace(_noted(job, *evidence.notes), evidence=evidence, judged=judged)
    hear = getattr(job.method, "hear", None)
    if hear is not None and job.waiting is not None:
        hear(job.stages, partial(evidence.reconsidered, waited=job.waiting, seed=job.config.seed, guard=guard))
    return job


def _with_worth(job: Job) -> Job:
    """The job with what labels are worth, where the method says it; a trusted one is worth what a usual one is."""
    row_worth = getattr(job.method, "row_worth", None)
    if row_worth is None:
        return job
    worth = row_worth(nearness(job.ready, job.meanings, job.target), job.target)
    trusted = job.dataset.status[job.trained] == "decided"
    if trusted.any() and worth[~trusted].sum() > 0:
        worth = np.where(trusted, 1.0, worth / worth[~trusted].mean())
    return replace(job, worth=worth)


def _noted(job: Job, *notes: str) -> Job:
    """The same with notes, which the main process says at once."""
    for note in notes if job.accelerator.is_main_process else ():
        job.progress.line(f"note: {note}")
    dataset = replace(job.dataset, notes=[*job.dataset.notes, *notes])
    return replace(job, ready=replace(job.ready, dataset=dataset))


def _with_unused_note(ready: Prepared, method: Method, name: str) -> Prepared:
    """The same with a note where descriptions are unused: nothing compares inputs with words, or nobody asks."""
    unused = "What classes mean was described, and "
    if ready.similarity is None:
        plural = modality(ready.dataset.inputs.modality).words.plural
        unused += f"nothing here compares {plural} with words: the descriptions are unused."
    elif not _asks(method, ready) and not hasattr(method, "row_worth"):
        unused += (
            f"{name} makes no use of it where no label is trusted: descriptions count with --method panel or osa, "
            "or with trusted labels (--trusted, or --decisions of a review)."
        )
    else:
        return ready
    return replace(ready, dataset=replace(ready.dataset, notes=[*ready.dataset.notes, unused]))


def _asks(method: Method, ready: Prepared) -> bool:
    """Whether somebody asks for evidence: the method learns from it, or rows are trusted."""
    trusted = bool((ready.dataset.status[ready.trained] == "decided").any())
    return trusted or getattr(method, "learns_from_evidence", False)
