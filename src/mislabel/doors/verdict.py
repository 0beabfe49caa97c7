"""From what somebody else's training left to an audit and to a run folder, with the parts that a run of ours uses."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mislabel.audit import Audit, build_audit
from mislabel.data import Dataset
from mislabel.data.dataset import Columns, Names, assemble_dataset
from mislabel.data.ids import check_ids
from mislabel.data.inputs import CheckedInputs, RawInputs
from mislabel.data.plan import Plan
from mislabel.doors.course import Course
from mislabel.dynamics.store import QUANTITIES, DynamicsStore
from mislabel.errors import InputError
from mislabel.modalities.dataset import make_dataset
from mislabel.run.about import PACKAGES, described_data, versions
from mislabel.run.folder import RunFolder
from mislabel.run.kept_inputs import write_inputs
from mislabel.run.writing import write_audit, write_parquet

NOT_ASKED = (
    "Whether labels and inputs are related, and what says so beside this training, was not asked: nothing is known of "
    "the inputs before it. What is said of the labels rests on the training alone."
)


class UnkeptInputs(RawInputs):
    """n inputs of which only their number is known.

    Parameters
    ----------
    count : int
    modality : str
    places : (m,) int64, optional
        Which of them these are.
    """

    def __init__(self, count: int, modality: str, places: np.ndarray | None = None):
        self.modality = modality  # pyright: ignore[reportAttributeAccessIssue]
        self.places = np.arange(count) if places is None else places

    def __len__(self) -> int:
        return len(self.places)

    def take(self, index: np.ndarray) -> "UnkeptInputs":
        return UnkeptInputs(0, self.modality, self.places[index])

    def contents(self) -> Iterator[bytes]:
        return (str(place).encode() for place in self.places)

    def caption(self, position: int) -> str:
        return f"row {self.places[position]}"


def dataset_of(
    codes: np.ndarray, classes: list[Any], ids: Sequence[Any] | None, texts: Sequence[str] | None, modality: str
) -> Dataset:
    """The Dataset of rows that somebody else trains on.

    Parameters
    ----------
    codes : (n,) int64
    classes : list
        The K classes by their codes.
    ids : n names, optional
    texts : n str, optional
        What a person sees of each row; nothing is known of the inputs without it.
    modality : str
        What the inputs are then.

    Raises
    ------
    InputError
        If ids or texts are not what they should be.
    """
    labels = [classes[code] for code in codes.tolist()]
    if texts is not None:
        return make_dataset(list(texts), labels, modality="text", ids=ids, classes=classes)
    rows, notes = check_ids(ids, len(codes))
    nothing = np.zeros(len(codes), dtype=bool)
    unkept = CheckedInputs(UnkeptInputs(len(codes), modality), nothing, nothing)
    plan = Plan(classes=classes)
    return assemble_dataset(
        unkept, rows, Columns(labels), plan, names=Names("data"), named=ids is not None, notes=notes
    )


@dataclass(frozen=True)
class Verdict:
    """An audit, and what it was made of.

    Attributes
    ----------
    dataset : Dataset
        n rows.
    trained : (m,) int64
        Positions of the rows that training saw.
    dynamics : DynamicsStore
        Of these rows.
    audit : Audit
    """

    dataset: Dataset
    trained: np.ndarray
    dynamics: DynamicsStore
    audit: Audit

    def save(
        self,
        folder: str | Path,
        settings: dict[str, Any],
        columns: dict[str, str],
        *,
        content: bool,
        overwrite: bool,
    ) -> None:
        """Write a run folder that report, review and export read; it holds no model.

        Parameters
        ----------
        settings : dict
            How it was trained, for config.json.
        columns : dict
            Which column of the data is what, by which an export finds its way in them.
        content : bool
            Whether the inputs go into the folder, where they are known.

        Raises
        ------
        InputError
            If the folder is not empty.
        """
        dataset, target = self.dataset, RunFolder(folder)
        about = {
            "settings": settings,
            "data": described_data(dataset, columns),
            "versions": versions(*PACKAGES),
            "notes": dataset.notes,
        }
        with target.locked():
            target.prepare(about, resume=False, overwrite=overwrite)
            copied(self.dynamics, target.dynamics).flush()
            write_parquet(pd.DataFrame({"id": dataset.ids[self.trained]}), target.trained_ids)
            if content and not isinstance(dataset.inputs, UnkeptInputs):
                write_inputs(dataset.ids, dataset.inputs, target.inputs)
            write_audit(self.audit, target)


def verdict_of(
    course: Course, dataset: Dataset, dynamics: DynamicsStore, probabilities: np.ndarray, metrics: dict[str, Any]
) -> Verdict:
    """Judge every row that training saw in some pass.

    Parameters
    ----------
    course : Course
        What was trained.
    dataset : Dataset
        n rows.
    dynamics : DynamicsStore
        Of all n rows.
    probabilities : (n, K) float32
        The final model's.
    metrics : dict
        More of metrics.json.

    Raises
    ------
    InputError
        If training saw no row.
    """
    seen = (dynamics.prediction >= 0).any(0)
    if not seen.any():
        raise InputError("training saw no row: train first, for at least one epoch")
    if not seen.all():
        unseen = np.count_nonzero(~seen)
        note = f"Rows that no training pass saw (a last batch was dropped, or training stopped), not judged: {unseen}."
        status = np.where(seen, dataset.status, "held_out")
        dataset = replace(dataset, status=status, notes=[*dataset.notes, note])
    trained = np.flatnonzero(seen & (dataset.status != "empty_input"))
    of_trained = copied(dynamics, rows=trained)
    posterior = course.method.posterior(
        course.stages, of_trained, dataset.labels.codes[trained], probabilities[trained]
    )
    noted = replace(dataset, notes=[*dataset.notes, NOT_ASKED])
    audit = build_audit(noted, trained, posterior, probabilities, of_trained, None)
    audit.metrics.update({"rows": len(dataset), "rows_trained": len(trained), "classes": len(audit.classes), **metrics})
    return Verdict(dataset, trained, of_trained, audit)


def copied(dynamics: DynamicsStore, folder: Path | None = None, rows: np.ndarray | None = None) -> DynamicsStore:
    """The finished passes once more, in a folder or in memory; of all rows, or of those at positions (m,) int64."""
    picked = slice(None) if rows is None else rows
    made = DynamicsStore(dynamics.passes[: dynamics.done], dynamics.rows if rows is None else len(rows), folder)
    for number in range(dynamics.done):
        made.write(number, {name: getattr(dynamics, name)[number, picked] for name in QUANTITIES})
    made.evaluation = None if dynamics.evaluation is None else dynamics.evaluation[:, picked]
    made.probabilities = None if dynamics.probabilities is None else dynamics.probabilities[:, picked]
    return made
