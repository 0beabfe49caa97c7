"""What a course comes to: the method's posterior over a Trainer's rows, judged as any training from outside is."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mislabel.doors.course import Course
from mislabel.doors.judged import Observed, Outside, judge_outside
from mislabel.doors.rows import dataset_of, note_unseen
from mislabel.dynamics.store import QUANTITIES, DynamicsStore
from mislabel.run.mixture_metrics import mixture_metrics


def judge_course(
    course: Course,
    dynamics: DynamicsStore,
    codes: np.ndarray,
    classes: Sequence[Any],
    probabilities: np.ndarray,
    *,
    ids: Sequence[Any] | None,
    texts: Sequence[str] | None,
    columns: dict[str, str],
    seed: int,
    features: Any = None,
    decisions: str | Path | None = None,
    **known: Any,
) -> Outside:
    """Judge every row that some pass saw.

    Parameters
    ----------
    course : Course
        As it was trained.
    dynamics : DynamicsStore
        Of all n rows.
    codes : (n,) int64
        Their given labels.
    classes : K names
    probabilities : (n, K) float32
        The final model's.
    ids, texts : n each, optional
        Names, and what a person sees of each row: without texts the probabilities.
    columns : dict
        Which column of the data is what, by which an export finds its way.
    features : (n, d) float, optional
        As in `Recorder.audit`, as are `decisions` and what more is known of the rows: trusted, gold.

    Raises
    ------
    InputError
        If the rows cannot be judged.
    """
    seen = np.asarray((dynamics.prediction >= 0).any(0))
    said = course.method.posterior(course.stages, without_gaps(dynamics, seen), codes, probabilities)
    dataset, shown = dataset_of(
        [classes[code] for code in codes.tolist()], probabilities, texts, None, list(classes),
        ids=ids, split=np.where(seen, "train", "valid"), **known,
    )  # fmt: skip
    note_unseen(dataset, seen, "no pass saw (the last batch was dropped, or training stopped early)")
    recorded = [{name: getattr(dynamics, name)[number] for name in QUANTITIES} for number in range(dynamics.done)]
    outside = judge_outside(
        dataset,
        Observed(probabilities, dynamics.passes[: dynamics.done], recorded),
        door="NoisyTrainer",
        method=course.name or "recorded",
        features=features,
        posterior=said,
        decisions=decisions,
        columns={**shown, **columns},
        seed=seed,
    )
    if said.mixture is not None and said.rates is not None:
        outside.audit.metrics["mixture"] = mixture_metrics(said.mixture, said.rates[outside.trained])
    return outside


def without_gaps(dynamics: DynamicsStore, seen: np.ndarray) -> DynamicsStore:
    """The same, with numbers in place of NaN where no pass saw a row: methods speak of all rows, and never of these."""
    if seen.all():
        return dynamics
    filled = DynamicsStore(dynamics.passes[: dynamics.done], dynamics.rows)
    for number in range(dynamics.done):
        recorded = {name: getattr(dynamics, name)[number] for name in QUANTITIES}
        zeros = {name: np.where(seen, recorded[name], 0) for name in ("loss", "margin")}
        filled.write(number, recorded | zeros)
    filled.evaluation, filled.probabilities = dynamics.evaluation, dynamics.probabilities
    return filled
