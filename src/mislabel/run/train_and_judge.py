"""The main job: train on the given labels, judge every row, save what a user needs."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from accelerate import Accelerator
from torch import nn

from mislabel.audit import Audit, build_audit
from mislabel.data import Dataset
from mislabel.dynamics.store import DynamicsStore
from mislabel.methods import method_entry
from mislabel.modalities import modality
from mislabel.modalities.contract import Prepared, sample_rows
from mislabel.posterior.generative import Generative
from mislabel.posterior.neighbours import label_agreement
from mislabel.run.about import Clock, peak_memory_mb
from mislabel.run.decision_gain import gain, read_earlier
from mislabel.run.defaults import effective_for
from mislabel.run.detection_scores import check_score, row_scores
from mislabel.run.folder import RunFolder
from mislabel.run.generative import TrajectoryModel
from mislabel.run.mixture_metrics import mixture_metrics
from mislabel.run.predictor import Predictor
from mislabel.run.scores import detection_scores, test_scores
from mislabel.run.settings import RunConfig
from mislabel.run.writing import write_parquet, write_run
from mislabel.settings import make_settings
from mislabel.training.branches import Branches
from mislabel.training.device import make_accelerator
from mislabel.training.inference import Probabilities, outputs, probabilities_and_embeddings
from mislabel.training.inputs import Inputs
from mislabel.training.loop import Loop, passes_of
from mislabel.training.progress import Quiet
from mislabel.training.stages import Stage, TrainingSettings


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
        What `mislabel.run.prior_decisions.apply_decisions` tells of an earlier run, where that made `dataset`.
    content : bool
        Whether the inputs go into the run folder, for the report and a review, and embeddings of them, for a review.

    Raises
    ------
    InputError
        If the data cannot train a classifier.
    RunError
        If training fails or a run cannot be continued.
    """
    progress, clock, config = progress or Quiet(), Clock(), effective_for(config, dataset)
    earlier = read_earlier(decisions) if decisions else None
    method = make_settings(method_entry(config.method).make, config.options)
    accelerator = make_accelerator(config.device, config.precision)
    main = accelerator.is_main_process
    ready = modality(dataset.inputs.modality).prepare(dataset, config, accelerator, folder, progress)
    dataset, trained, inputs, build = ready.dataset, ready.trained, ready.inputs, ready.build
    for note in dataset.notes if main else ():
        progress.line(f"note: {note}")
    target, decided = dataset.training_codes[trained], dataset.status[trained] == "decided"
    agreement = label_agreement(ready.untrained, target[sample_rows(len(trained))])
    clock.stop("prepare")

    stages, held_out = method.stages(), dataset.rows("test")
    check_score(config.score, ready)
    with kept_weights(stages, folder, len(held_out)) as weights:
        loop = Loop(
            build,
            inputs.take(trained),
            target,
            dataset.ids[trained],
            dataset.labels.n_classes,
            training_settings(config),
            trusted=decided,
            folder=folder.path if folder else None,
            weights=weights,
            progress=progress,
            interrupted=interrupted,
        )
        if folder and main:
            room = loop.bytes_needed(stages)
            progress.line(
                f"training {len(trained)} rows, {len(passes_of(stages))} passes; dynamics take {room / 1e6:.1f} MB"
            )
        network, dynamics = loop.run(stages, resume=resume)
        if folder and main:  # dynamics are kept in the order of these
            write_parquet(pd.DataFrame({"id": dataset.ids[trained]}), folder.trained_ids)
        clock.seconds["train"] = round(loop.history.seconds, 2)
        clock.restart()

        probability, embeddings = answers(network, ready, accelerator, progress, folder if content else None)
        posterior = method.posterior(stages, dynamics, target, probability[trained])
        ranking = row_scores(config.score, ready, dynamics, network, accelerator, progress)
        audit = build_audit(
            dataset, trained, posterior, probability, dynamics, agreement, informative=ready.informative, score=ranking
        )
        scores = test_scores(dataset, held_out, probability[held_out])
        if posterior.generative is not None and weights is not None:
            model = trajectory_model(posterior.generative, dynamics, network, config.seed, weights)
            scores |= judge_held_out(model, build, inputs, dataset, held_out, accelerator, progress)
    clock.stop("judge")
    audit.metrics.update(
        {
            "rows": len(dataset),
            "rows_trained": len(trained),
            "classes": dataset.labels.n_classes,
            "method": config.method,
            **({"score": config.score} if config.score else {}),
            "seconds": clock.all(),
            "seconds_by_stage": {name: round(value, 2) for name, value in loop.history.parts.items()},
            "rows_per_second": {"train": round(loop.history.rows / max(loop.history.seconds, 1e-9), 1)},
            "peak_memory_mb": peak_memory_mb(accelerator.device),
            "processes": accelerator.num_processes,
            "precision": accelerator.mixed_precision.replace("no", "fp32"),
            "epochs": loop.history.epochs,
            **({"test": scores} if scores else {}),
            **detection_scores(dataset, audit),
        }
    )
    if earlier is not None:
        audit.metrics["decisions"] = gain(earlier, config, dataset, scores)
        audit.notes.extend(audit.metrics["decisions"]["notes"])
    if posterior.mixture is not None and posterior.rates is not None:
        audit.metrics["mixture"] = mixture_metrics(posterior.mixture, posterior.rates)
    predictor = Predictor(network, ready.reader, dataset.labels.classes)
    result = Result(audit, predictor)
    if folder and main:
        write_run(audit, predictor, dataset, folder, content, embeddings)
        if not keep_checkpoints:
            shutil.rmtree(folder.checkpoints, ignore_errors=True)
            folder.pixels.unlink(missing_ok=True)
    accelerator.wait_for_everyone()
    return result


def answers(
    network: Branches, ready: Prepared, accelerator: Accelerator, progress: Quiet, folder: RunFolder | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """What the final model says of all rows, (n, K) float32, and embeddings that the folder lacks, (n, d) float16.

    Those of a whole network are what its last layer reads, of the first branch; of features they are the features,
    standardised. Those of a frozen encoder lie in the folder already. Without a folder there are none.
    """
    inputs, n_classes = ready.inputs, ready.dataset.labels.n_classes
    if folder is not None and ready.standardised is None:
        width = network.dimension or n_classes
        return probabilities_and_embeddings(network, inputs, n_classes, width, accelerator, progress)
    probabilities = outputs(Probabilities(network), inputs, n_classes, accelerator, progress=progress)
    lacking = folder is not None and accelerator.is_main_process and not folder.embeddings.is_file()
    return probabilities, ready.standardised() if lacking and ready.standardised else None


def trajectory_model(
    generative: Generative, dynamics: DynamicsStore, network: Branches, seed: int, weights: Path
) -> TrajectoryModel:
    """What judges new inputs by their trajectories."""
    assert dynamics.trajectory is not None
    shape = dynamics.trajectory.shape
    return TrajectoryModel(generative, shape, network.dimension or shape.classes, seed, weights)


def judge_held_out(
    model: TrajectoryModel,
    build: Callable[[], nn.Module],
    inputs: Inputs,
    dataset: Dataset,
    rows: np.ndarray,
    accelerator: Accelerator,
    progress: Quiet,
) -> dict[str, Any]:
    """Save the model, and score classifier and generative model on held-out rows, as `test_scores` does each."""
    if accelerator.is_main_process:
        model.save()
    if not len(rows):
        return {}
    before, after = model.probabilities(build, inputs.take(rows), accelerator, progress)
    return {"classifier": test_scores(dataset, rows, before), "generative": test_scores(dataset, rows, after)}


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
