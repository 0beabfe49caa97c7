"""What another training, or probabilities from elsewhere, say of every row: an audit, and a run folder of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mislabel.audit import Audit, build_audit
from mislabel.data import Dataset
from mislabel.data.class_meanings import Meanings
from mislabel.data.order import class_positions
from mislabel.data.sorted_classes import with_sorted_classes
from mislabel.data.training_rows import check_memory, trainable_rows
from mislabel.doors.rows import check_points
from mislabel.dynamics.store import DynamicsStore, Pass
from mislabel.modalities.contract import Known, sample_rows
from mislabel.posterior.neighbours import label_agreement
from mislabel.posterior.posterior import Posterior
from mislabel.run.about import describe_run
from mislabel.run.evidence import Evidence, gather
from mislabel.run.folder import RunFolder
from mislabel.run.gating import independent_evidence, with_gate
from mislabel.run.grounds import Grounds
from mislabel.run.judging import as_taught, equal_rows_alike, with_evidence
from mislabel.run.metrics import counts, known_of_rows
from mislabel.run.prior_decisions import apply_decisions, take_over
from mislabel.run.reading import Run
from mislabel.run.settings import RunConfig
from mislabel.run.source_facts import with_sources
from mislabel.run.suggestions import DOOR
from mislabel.run.writing import write_parquet, write_run

MethodPosterior = Callable[[DynamicsStore, np.ndarray, np.ndarray], Posterior]
Heard = Callable[[Evidence, np.ndarray], Evidence]


@dataclass(frozen=True, kw_only=True)
class Taught(Grounds):
    """Grounds on which nothing but the evidence judges: no training of somebody else's says more."""

    @property
    def learns_from_evidence(self) -> bool:
        return True


@dataclass(frozen=True, eq=False)
class Observed:
    """What was seen of n rows of K classes, in the order of the data and of the classes.

    Attributes
    ----------
    probabilities : (n, K) float
        Of every row, by whoever trained.
    passes : list of Pass
    recorded : list of dict
        Of each pass `prediction` (n,) int, `loss` and `margin` (n,) float, as `mislabel.dynamics.store` has them.
    """

    probabilities: np.ndarray
    passes: list[Pass]
    recorded: list[dict[str, np.ndarray]]

    def store(self, rows: np.ndarray, codes: np.ndarray | None, folder: Path | None = None) -> DynamicsStore:
        """The passes over some rows (m,), with predicted classes as `codes` (K,) calls them."""
        store = DynamicsStore(self.passes, len(rows), folder)
        for number, each in enumerate(self.recorded):
            prediction = each["prediction"][rows]
            if codes is not None:
                prediction = np.where(prediction >= 0, codes[np.maximum(prediction, 0)], prediction)
            store.write(number, {**{name: values[rows] for name, values in each.items()}, "prediction": prediction})
        store.flush()
        return store


@dataclass(frozen=True, eq=False)
class Outside:
    """An audit from outside our own training, and what a run folder needs of it.

    Attributes
    ----------
    audit : Audit
    dataset : Dataset
        With decisions, where there were any.
    trained : (m,) int64
    observed : Observed
    settings : dict
        Of config.json.
    columns : dict
    features : (n, d) float32, optional
    decisions : dict, optional
        As `mislabel.run.prior_decisions.apply_decisions` counts them.
    earlier : Run, optional
        Whose decisions these are.
    """

    audit: Audit
    dataset: Dataset
    trained: np.ndarray
    observed: Observed
    settings: dict[str, Any]
    columns: dict[str, str]
    features: np.ndarray | None = None
    decisions: dict[str, Any] | None = None
    earlier: Run | None = None

    def save(self, path: str | Path, *, content: bool = True, overwrite: bool = False) -> None:
        """Write a run folder that `mislabel report`, `review` and `export` read. It holds no model.

        Parameters
        ----------
        content : bool
            Whether inputs go into the folder, and features, from which inputs can be guessed.
        overwrite : bool
            Whether to replace a run that is there.

        Raises
        ------
        InputError
            If the folder is not empty.
        """
        folder, dataset = RunFolder(path), self.dataset
        with folder.locked():
            about = describe_run(self.settings, dataset, self.columns, self.decisions)
            folder.prepare(about, resume=False, overwrite=overwrite)
            self.observed.store(self.trained, None, folder.dynamics)
            write_parquet(pd.DataFrame({"id": dataset.ids[self.trained]}), folder.trained_ids)
            features = None if self.features is None else self.features.astype(np.float16)
            write_run(self.audit, None, dataset, folder, content, features)
            if self.earlier is not None:
                take_over(self.earlier.folder, folder, dataset)


def judge_outside(
    dataset: Dataset,
    observed: Observed,
    *,
    door: str,
    method: str,
    columns: Mapping[str, str],
    features: Any = None,
    stand_in: np.ndarray | None = None,
    posterior: MethodPosterior | Posterior | None = None,
    heard: Heard | None = None,
    decisions: str | Path | None = None,
    seed: int = 0,
    trusted_drawn: str = "chosen",
) -> Outside:
    """Judge every row.

    Parameters
    ----------
    dataset : Dataset
        n rows.
    door : str
        The function that judges, as a person called it.
    method : str
        What report and metrics call it.
    features : (n, d) float, optional
        Embeddings by a model that did not learn the labels; by them a review finds near rows, too.
    stand_in : (n, d) float32, optional
        Where rows of one class lie together, without features. With neither of them the gate and a judge of trusted
        rows have nothing to go by.
    posterior : Posterior or callable, optional
        What whoever trained concludes of all n rows, or from the dynamics, given labels (m,) and probabilities (m, K)
        to what is concluded of those that train. Without it the evidence alone judges.
    heard : callable, optional
        Adds to the evidence what the probabilities (m, K) say.
    decisions : path, optional
        An earlier run, whose decisions are taken as known.

    Raises
    ------
    InputError
        If the rows cannot be judged, features are no (n, d) numbers, or the decisions are of other rows.
    """
    config = RunConfig(seed=seed, trusted_drawn=trusted_drawn)  # pyright: ignore[reportArgumentType]
    points = check_points(features, len(dataset))
    earlier, counted = None if decisions is None else Run.open(decisions), None
    if earlier is not None:
        dataset, counted = apply_decisions(dataset, earlier)
    own, classes = with_sorted_classes(dataset), dataset.labels.classes
    codes = class_positions(classes, own.labels.classes)
    listed = class_positions(own.labels.classes, classes)
    probabilities = observed.probabilities if listed is None else observed.probabilities[:, listed]
    trained = trainable_rows(own)
    check_memory(own)
    dynamics = observed.store(trained, codes)
    grounds = _grounds(
        own, trained, stand_in if points is None else points, config, posterior is None, probabilities[trained], heard
    )
    said = Posterior(probabilities[trained].astype(np.float32))
    if isinstance(posterior, Posterior):
        said = taken(posterior, trained, listed, codes)
    elif posterior is not None:
        said = posterior(dynamics, grounds.target, probabilities[trained])
    said = as_taught(grounds, said)
    independent = independent_evidence(grounds)
    said = with_gate(grounds, said.probabilities, with_evidence(grounds, said), independent)
    said, _ = equal_rows_alike(grounds, said, None)
    audit = build_audit(
        grounds.dataset,
        trained,
        said,
        probabilities.astype(np.float32),
        dynamics,
        grounds.agreement,
        informative=grounds.ready.informative,
        evidence=independent,
    )
    audit = with_sources(grounds.dataset, audit)
    known = known_of_rows(grounds, audit, independent, counted)
    audit.metrics.update({**counts(grounds), "method": method, **known})
    settings = {"method": method, DOOR: door, "seed": seed, "trusted_drawn": trusted_drawn}
    return Outside(
        audit.with_classes(classes), dataset, trained, observed, settings, dict(columns), points, counted, earlier
    )


def taken(posterior: Posterior, rows: np.ndarray, columns: np.ndarray | None, codes: np.ndarray | None) -> Posterior:
    """A posterior of some rows (m,) int64, its classes in the order of `columns` (K,), called as `codes` (K,) say."""
    probabilities = posterior.probabilities[rows]
    return replace(
        posterior,
        probabilities=probabilities if columns is None else probabilities[:, columns],
        evidence={name: values[rows] for name, values in posterior.evidence.items()},
        rates=None if posterior.rates is None else posterior.rates[rows],
        labels={
            name: values[rows] if codes is None else codes[values[rows]] for name, values in posterior.labels.items()
        },
    )


def _grounds(
    dataset: Dataset,
    trained: np.ndarray,
    space: np.ndarray | None,
    config: RunConfig,
    taught: bool,
    probabilities: np.ndarray,
    heard: Heard | None,
) -> Grounds:
    """What the judgement stands on, with evidence where the evidence judges or rows are trusted."""
    make = Taught if taught else Grounds
    if space is None:
        return make(config=config, ready=Known(dataset=dataset, trained=trained, untrained=np.empty((0, 0))))
    points = space[trained]
    sampled = sample_rows(len(trained))
    ready = Known(
        dataset=dataset,
        trained=trained,
        untrained=points[sampled],
        space=lambda: points,
    )
    target = dataset.training_codes[trained]
    agreement = label_agreement(ready.untrained, target[sampled])
    grounds = make(config=config, ready=ready, agreement=agreement)
    if not taught and not (dataset.status[trained] == "decided").any():
        return grounds
    evidence = gather(ready, Meanings({}, None))
    evidence = evidence if heard is None else heard(evidence, probabilities)
    noted = replace(ready, dataset=replace(dataset, notes=[*dataset.notes, *evidence.notes]))
    return replace(grounds, ready=noted, evidence=evidence, judged=evidence.judged(config.seed))
