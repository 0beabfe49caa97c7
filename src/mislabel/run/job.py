"""The main job: train on the given labels, judge every row, save what a user needs."""

import json
import os
import platform
import resource
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from torch import nn

from mislabel.audit import Audit, build_audit
from mislabel.backbones.features import FeatureInputs, FeatureNetwork, standardisation
from mislabel.backbones.inputs import Inputs
from mislabel.backbones.pooler import FirstAndMean, find_pooler, fit_pooler, sample_rows
from mislabel.backbones.text import (
    FrozenEncoder,
    TextInputs,
    TextNetwork,
    find_encoder,
    load_classifier,
    load_encoder,
    load_tokenizer,
)
from mislabel.data import Dataset
from mislabel.errors import InputError
from mislabel.files import atomic_path, atomic_write
from mislabel.methods import method_entry
from mislabel.run.config import RunConfig, read_options
from mislabel.run.folder import RunFolder
from mislabel.run.predictor import Predictor
from mislabel.run.scores import detection_scores, test_scores
from mislabel.training.device import make_accelerator
from mislabel.training.inference import Probabilities, outputs
from mislabel.training.loop import Loop, passes_of
from mislabel.training.progress import Quiet
from mislabel.training.stages import TrainingSettings

TRAINS = ("judged", "class_too_small")  # the statuses of rows that train
PACKAGES = ("torch", "transformers", "accelerate", "numpy", "scipy", "pandas")


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
    content : bool
        Whether the texts go into the run folder, for the report and a review.

    Raises
    ------
    InputError
        If the data cannot train a classifier.
    RunError
        If training fails or a run cannot be continued.
    """
    progress, clock, config = progress or Quiet(), Clock(), effective(config, dataset)
    method = read_options(method_entry(config.method).make, config.options)
    accelerator = make_accelerator(config.device, config.precision)
    main = accelerator.is_main_process
    backbone = find_encoder(config.backbone)
    tokenizer = load_tokenizer(backbone)
    texts = TextInputs(dataset.inputs, tokenizer, config.max_length)
    dataset = with_input_notes(dataset, texts, config)
    trained = trainable_rows(dataset)
    for note in dataset.notes if main else ():
        progress.line(f"note: {note}")
    encoder, inputs = None, texts
    build = _whole_classifier(backbone, dataset.labels.classes, texts.take(trained), accelerator)
    if config.tune == "head":
        encoder = load_encoder(backbone)
        inputs = FeatureInputs(_embeddings(encoder, texts, accelerator, folder if main else None, progress))
        build = _head(inputs.matrix.numpy()[trained], dataset.labels.n_classes)
        clock.stop("embed")
    clock.stop("prepare")

    settings = training_settings(config)
    stages = method.stages()
    loop = Loop(
        build,
        inputs.take(trained),
        dataset.labels.codes[trained],
        dataset.ids[trained],
        dataset.labels.n_classes,
        settings,
        folder=folder.path if folder else None,
        progress=progress,
        interrupted=interrupted,
    )
    if folder and main:
        room = loop.bytes_needed(stages)
        progress.line(
            f"training {len(trained)} rows, {len(passes_of(stages))} passes; dynamics take {room / 1e6:.1f} MB"
        )
    network, dynamics = loop.run(stages, resume=resume)
    clock.seconds["train"] = round(loop.seconds, 2)
    clock.restart()

    probability = outputs(Probabilities(network), inputs, dataset.labels.n_classes, accelerator, progress=progress)
    posterior = method.posterior(dynamics, dataset.labels.codes[trained], probability[trained])
    audit = build_audit(dataset, trained, posterior, probability, dynamics)
    clock.stop("judge")
    audit.metrics.update(
        {
            "rows": len(dataset),
            "rows_trained": len(trained),
            "classes": dataset.labels.n_classes,
            "method": config.method,
            "seconds": clock.all(),
            "rows_per_second": {"train": round(loop.train_rows / max(loop.seconds, 1e-9), 1)},
            "peak_memory_mb": peak_memory_mb(accelerator.device),
            "processes": accelerator.num_processes,
            "precision": accelerator.mixed_precision.replace("no", "fp32"),
            "epochs": loop.log,
            **test_scores(dataset, probability),
            **detection_scores(dataset, audit),
        }
    )
    if posterior.mixture is not None and posterior.rates is not None:
        audit.metrics["mixture"] = mixture_summary(posterior)
    predictor = Predictor(network, encoder, tokenizer, dataset.labels.classes, config.max_length, config.backbone)
    result = Result(audit, predictor)
    if folder and main:
        save_run(audit, predictor, dataset, folder, content)
        if not keep_checkpoints:
            shutil.rmtree(folder.checkpoints, ignore_errors=True)
    accelerator.wait_for_everyone()
    return result


def describe(config: RunConfig, dataset: Dataset, columns: dict[str, Any]) -> dict[str, Any]:
    """What config.json says of a run: every effective setting, the data, versions."""
    method = read_options(method_entry(config.method).make, config.options)
    settings = effective(config, dataset).plain() | {"options": vars(method)}
    return {
        "settings": settings,
        "data": {
            "name": dataset.name,
            "fingerprint": dataset.fingerprint,
            "rows": len(dataset),
            "columns": columns,
            "classes": [_plain(value) for value in dataset.labels.classes],
        },
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in ("mislabel", *PACKAGES)}},
        "threads": torch.get_num_threads(),
        "command": " ".join(sys.argv[:1] and ["mislabel", *sys.argv[1:]]),
        "notes": dataset.notes,
    }


def effective(config: RunConfig, dataset: Dataset) -> RunConfig:
    """The settings with every default filled in for this data."""
    return config.effective(int(np.count_nonzero(np.isin(dataset.status, TRAINS))))


def training_settings(config: RunConfig) -> TrainingSettings:
    """The loop's part of effective settings."""
    names = TrainingSettings.__dataclass_fields__
    return TrainingSettings(**{name: value for name, value in config.plain().items() if name in names})


def trainable_rows(dataset: Dataset) -> np.ndarray:
    """Positions of the rows that train: marked train, with a label, with something to read.

    Raises
    ------
    InputError
        If fewer than two classes are left, or fewer rows than classes.
    """
    rows = np.flatnonzero(np.isin(dataset.status, TRAINS))
    present = np.unique(dataset.labels.codes[rows])
    if len(present) < 2:
        found = [dataset.labels.classes[code] for code in present]
        raise InputError(
            f"{dataset.name}: the {len(rows)} training rows show {len(present)} class(es), {found}; training needs at "
            "least 2. Is this the right --label column, and does --split leave rows to train on?"
        )
    if len(rows) < 2 * len(present):
        raise InputError(
            f"{dataset.name}: {len(rows)} training rows for {len(present)} classes; training needs at least "
            f"{2 * len(present)} (two per class). Is --label a column of ids or free text?"
        )
    _check_memory(dataset)
    return rows


def _check_memory(dataset: Dataset) -> None:
    """Raise where probabilities of all rows and classes would not fit: three (n, K) float32 arrays live at once."""
    needed = 3 * 4 * len(dataset) * dataset.labels.n_classes
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else needed
    if needed > there:
        raise InputError(
            f"{dataset.name}: probabilities for {len(dataset)} rows x {dataset.labels.n_classes} classes need "
            f"{needed / 1e9:.1f} GB and this machine has {there / 1e9:.1f} GB. Is --label a column of ids or free "
            "text? Otherwise merge rare classes or train on a part of the rows"
        )


def with_input_notes(dataset: Dataset, texts: TextInputs, config: RunConfig) -> Dataset:
    """The data set with what only the tokeniser can tell: texts cut, and texts without any known token."""
    from dataclasses import replace

    notes, status = list(dataset.notes), dataset.status.copy()
    if texts.truncated:
        share = texts.truncated / len(dataset)
        notes.append(
            f"Texts longer than {config.max_length} tokens, of which the beginning was kept: {texts.truncated} "
            f"({share:.1%}). --max-length raises the limit."
        )
    unread = texts.empty & np.isin(status, TRAINS)
    if unread.any():
        status[unread] = "empty_input"
        notes.append(f"Texts without any token that the encoder knows, not judged: {int(unread.sum())}.")
    return replace(dataset, notes=notes, status=status)


def mixture_summary(posterior: Any) -> dict[str, Any]:
    """The fitted mixture and the distribution of rates behind it, for the report."""
    values, counts = np.unique(np.round(posterior.rates, 6), return_counts=True)
    mixture = posterior.mixture
    return {
        "weight": mixture.weight.tolist(),
        "a": mixture.a.tolist(),
        "b": mixture.b.tolist(),
        "identified": mixture.identified,
        "rates": values.tolist(),
        "counts": counts.tolist(),
    }


def peak_memory_mb(device: torch.device) -> dict[str, float]:
    """Largest memory of this process, and of the device where it has its own, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    peak = {"process": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)}
    if device.type == "cuda":
        peak["device"] = round(torch.cuda.max_memory_allocated(device) / 1e6, 1)
    return peak


class Clock:
    """Seconds by phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.restart()

    def restart(self) -> None:
        self._since = time.perf_counter()

    def stop(self, phase: str) -> None:
        self.seconds[phase] = round(time.perf_counter() - self._since, 2)
        self.restart()

    def all(self) -> dict[str, float]:
        return {**self.seconds, "total": round(sum(self.seconds.values()), 2)}


def _whole_classifier(backbone: str, classes: list, texts: TextInputs, accelerator: Any) -> Callable[[], nn.Module]:
    """Builds a classifier with a new head, its pooler fitted to the training texts (once for all branches)."""
    fitted: list[Any] = []

    def build() -> nn.Module:
        classifier = load_classifier(backbone, [str(value) for value in classes])
        dense = find_pooler(classifier)
        if dense is not None:
            if not fitted:
                some, width = texts.take(sample_rows(len(texts))), 2 * dense.in_features
                encoder = FirstAndMean(cast(nn.Module, classifier.base_model))
                fitted.append(fit_pooler(outputs(encoder, some, width, accelerator, low_precision=True)))
            with torch.no_grad():
                dense.weight.copy_(fitted[0][0])
                dense.bias.copy_(fitted[0][1])
        return TextNetwork(classifier)

    return build


def _head(matrix: np.ndarray, n_classes: int) -> Callable[[], nn.Module]:
    mean, scale = standardisation(matrix)
    return lambda: FeatureNetwork(mean, scale, n_classes)


def _embeddings(
    encoder: FrozenEncoder, texts: Inputs, accelerator: Any, folder: RunFolder | None, progress: Quiet
) -> np.ndarray:
    """Embeddings of all texts, from the run folder where they are there already."""
    if folder is not None and folder.embeddings.is_file():
        cached = np.load(folder.embeddings)
        if cached.shape == (len(texts), encoder.dimension):
            return cached
    matrix = outputs(encoder, texts, encoder.dimension, accelerator, low_precision=True, progress=progress)
    if folder is not None:
        with atomic_path(folder.embeddings) as temporary, temporary.open("wb") as file:
            np.save(file, matrix)
    return matrix


def save_run(audit: Audit, predictor: Predictor, dataset: Dataset, folder: RunFolder, content: bool) -> None:
    """Write everything but the report; metrics.json last, since its presence says that the run is whole."""
    predictor.save(folder.model)
    write_parquet(audit.table, folder.audit)
    with atomic_path(folder.posterior) as temporary, temporary.open("wb") as file:
        np.save(file, audit.posterior)
    if content:
        write_parquet(pd.DataFrame({"id": dataset.ids, "input": dataset.inputs}), folder.inputs)
    names = [str(value) for value in audit.classes]
    write_parquet(pd.DataFrame(audit.transition, columns=pd.Index(names)), folder.transition)
    atomic_write(folder.metrics, json.dumps(audit.metrics | {"notes": audit.notes}, indent=1, ensure_ascii=False))


def load_audit(folder: RunFolder) -> Audit:
    """Read the audit of a finished run."""
    metrics = folder.read_metrics()
    return Audit(
        table=pd.read_parquet(folder.audit),
        posterior=np.load(folder.posterior),
        classes=folder.read_config()["data"]["classes"],
        transition=pd.read_parquet(folder.transition).to_numpy(),
        metrics=metrics,
        notes=metrics["notes"],
    )


def write_parquet(frame: pd.DataFrame, path: Any) -> None:
    with atomic_path(path) as temporary:
        frame.to_parquet(temporary, index=False)


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool) else str(value)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
