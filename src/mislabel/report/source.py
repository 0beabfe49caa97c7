"""What a run folder says, read once and brought into arrays; every other part of the report works on this."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mislabel.errors import RunError
from mislabel.modalities import Modality, modality
from mislabel.run.folder import RunFolder

NEEDED = ("id", "given_label", "suggested_label", "p_mislabeled", "status")


@dataclass(frozen=True)
class Source:
    """A finished run.

    Attributes
    ----------
    config, metrics : dict
        config.json and metrics.json.
    table : DataFrame
        audit.parquet, n rows.
    classes : list
        The K classes of the run, then those that only gold has.
    n_classes : int
        K.
    given, suggested : (n,) int64
        Codes into `classes`, -1 where there is none.
    gold : (n,) int64 or None
        The same for gold labels; None where the run had no such column.
    neighbour : (n,) int64 or None
        The same for the label that most of a row's nearest neighbours carry, where the method asked them.
    p_mislabeled, difficulty : (n,) float64
        NaN where there is none.
    score : (n,) float64 or None
        What orders the rows instead of `p_mislabeled`, higher = worse, where the run asked for one.
    assessed : (n,) bool
        Judged, with a probability: the rows that all numbers of the report speak of.
    transition : (K, K) float64 or None
        T[i, j] = P(given = j | true = i); None where no row was judged.
    has_inputs : bool
        Whether the run keeps the inputs of its rows.
    """

    config: dict[str, Any]
    metrics: dict[str, Any]
    table: pd.DataFrame
    classes: list
    n_classes: int
    given: np.ndarray
    suggested: np.ndarray
    gold: np.ndarray | None
    neighbour: np.ndarray | None
    p_mislabeled: np.ndarray
    difficulty: np.ndarray
    score: np.ndarray | None
    assessed: np.ndarray
    transition: np.ndarray | None
    has_inputs: bool

    @property
    def modality(self) -> Modality:
        """What the inputs are; texts in runs from before there was a choice."""
        return modality(str(section(self.config, "data").get("modality", "text")))

    @property
    def related(self) -> bool:
        """Whether the labels could be told from random ones; True where the run does not say."""
        return self.metrics.get("labels_related") is not False

    @property
    def n_assessed(self) -> int:
        return int(self.assessed.sum())

    @property
    def likely_wrong(self) -> np.ndarray:
        """(n,) bool: assessed rows that are more likely wrong than right."""
        return self.assessed & (self.p_mislabeled > 0.5)

    @property
    def scored(self) -> np.ndarray:
        """(n,) bool: assessed rows whose gold label is known."""
        return np.zeros(len(self.assessed), dtype=bool) if self.gold is None else self.assessed & (self.gold >= 0)

    @property
    def worst_first(self) -> np.ndarray:
        """Positions (m,) int64 of the assessed rows, the most likely mistakes first, ties in the table's order."""
        ranking = self.p_mislabeled if self.score is None else self.score
        order = np.argsort(-np.nan_to_num(ranking, nan=-np.inf), kind="stable")
        return order[self.assessed[order]]


def read_source(folder: RunFolder) -> Source:
    """Read the run.

    Raises
    ------
    InputError
        If the folder is no run, or the run is not finished.
    RunError
        If a file of the run is missing or cannot be read.
    """
    config, metrics = folder.read_config(), folder.read_metrics()
    table = _read_table(folder)
    places: dict[Any, int] = {}
    _codes(section(config, "data").get("classes", []), places)
    n_known = len(places)
    given = _codes(table["given_label"].tolist(), places)
    suggested = _codes(table["suggested_label"].tolist(), places)
    n_classes = n_known or len(places)
    gold = _codes(table["gold_label"].tolist(), places) if "gold_label" in table else None
    neighbour = _codes(table["neighbour_label"].tolist(), places) if "neighbour_label" in table else None
    p_mislabeled = _numbers(table, "p_mislabeled")
    assessed = (table["status"] == "judged").to_numpy(dtype=bool) & np.isfinite(p_mislabeled) & (given >= 0)
    return Source(
        config=config,
        metrics=metrics,
        table=table,
        classes=list(places),
        n_classes=n_classes,
        given=given,
        suggested=suggested,
        gold=gold,
        neighbour=neighbour,
        p_mislabeled=p_mislabeled,
        difficulty=_numbers(table, "difficulty"),
        score=_numbers(table, "score") if "score" in table else None,
        assessed=assessed,
        transition=_read_transition(folder, n_classes) if assessed.any() else None,
        has_inputs=folder.inputs.is_file(),
    )


def wrong_event_rates(source: Source) -> tuple[np.ndarray, np.ndarray]:
    """Distinct rates of wrong events, (m,) float64, and how many rows have each, (m,) int64; empty where unknown."""
    mixture = section(source.metrics, "mixture")
    if mixture.get("rates") and len(mixture["rates"]) == len(mixture.get("counts", [])):
        return np.array(mixture["rates"], dtype=np.float64), np.array(mixture["counts"], dtype=np.int64)
    if not {"wrong_events", "observations"} <= set(source.table.columns):
        return np.empty(0), np.empty(0, dtype=np.int64)
    wrong, observed = _numbers(source.table, "wrong_events"), _numbers(source.table, "observations")
    seen = np.isfinite(wrong) & (observed > 0)
    return np.unique(np.round(wrong[seen] / observed[seen], 6), return_counts=True)


def section(values: dict[str, Any], name: str) -> dict[str, Any]:
    """A part of config or metrics; an empty one where it is missing."""
    part = values.get(name)
    return part if isinstance(part, dict) else {}


def _read_table(folder: RunFolder) -> pd.DataFrame:
    try:
        table = pd.read_parquet(folder.audit)
    except (OSError, ValueError) as error:
        raise RunError(f"{folder.audit} cannot be read ({error}); the run has to be made again") from error
    missing = [name for name in NEEDED if name not in table]
    if missing:
        raise RunError(f"{folder.audit} lacks the columns {', '.join(missing)}; the run has to be made again")
    return table


def _read_transition(folder: RunFolder, n_classes: int) -> np.ndarray | None:
    if not folder.transition.is_file():
        return None
    matrix = pd.read_parquet(folder.transition).to_numpy(dtype=np.float64)
    return matrix if matrix.shape == (n_classes, n_classes) and np.isfinite(matrix).all() else None


def _numbers(table: pd.DataFrame, name: str) -> np.ndarray:
    if name not in table:
        return np.full(len(table), np.nan)
    return table[name].to_numpy(dtype=np.float64, na_value=np.nan)


def _codes(values: Iterable, places: dict[Any, int]) -> np.ndarray:
    """The place of each value, (n,) int64, -1 for a missing one; values not seen before are added to `places`.

    A Python dictionary, since the hash table of pandas takes strings that differ after a NUL for one.
    """
    listed = list(values)
    for value in dict.fromkeys(listed):
        if not _missing(value):
            places.setdefault(value, len(places))
    return np.fromiter((places.get(value, -1) for value in listed), dtype=np.int64, count=len(listed))


def _missing(value: Any) -> bool:
    return value is None or value is pd.NA or value != value
