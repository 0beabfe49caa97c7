"""The results of a run as the sections of the report need them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mislabel.audit import LIKELY
from mislabel.decisions.events import Decision, Event, replay
from mislabel.errors import RunError
from mislabel.modalities import Modality, modality
from mislabel.posterior.noise_rate import NoiseRate
from mislabel.report.turns import in_turns
from mislabel.run.checked import Checked, known
from mislabel.run.reading import Run
from mislabel.run.unusual_columns import Columns


@dataclass(frozen=True, eq=False)
class Findings:
    """The n rows of a run's audit with exact numbers, gold labels among them.

    Attributes
    ----------
    run : Run
    """

    run: Run

    def __len__(self) -> int:
        return len(self.run.rows)

    @property
    def metrics(self) -> dict[str, Any]:
        return self.run.metrics

    @cached_property
    def checked(self) -> Checked:
        """What is known of the share of wrong labels."""
        return known(self.run)

    @property
    def rate(self) -> NoiseRate:
        return self.checked.rate

    @cached_property
    def modality(self) -> Modality:
        """What the inputs are."""
        return modality(self.run.modality)

    @cached_property
    def classes(self) -> list[Any]:
        """The K classes of the run, then those that only gold has."""
        return self.run.rows.classes if self.run.gold is None else self.run.gold[1]

    @property
    def n_classes(self) -> int:
        """K."""
        return self.run.n_classes

    @cached_property
    def given(self) -> np.ndarray:
        """Codes into `classes`, (n,) int64, -1 where there is none."""
        return self._codes("given_label")

    @cached_property
    def suggested(self) -> np.ndarray:
        """Like `given`."""
        return self._codes("suggested_label")

    @cached_property
    def neighbour(self) -> np.ndarray | None:
        """The same for the label that most of a row's nearest neighbours carry; None where the run has none."""
        return self._codes("neighbour_label") if "neighbour_label" in self.run.rows.labels else None

    @cached_property
    def gold(self) -> np.ndarray | None:
        """The same for gold labels; None where the run had no such column."""
        return None if self.run.gold is None else self.run.gold[0].astype(np.int64)

    @cached_property
    def p_mislabeled(self) -> np.ndarray:
        """(n,) float64, NaN where there is none; recalibrated by rows that the review checked at random."""
        return self.checked.p(self.p_as_run)

    @property
    def p_as_run(self) -> np.ndarray:
        """The same as the run found it."""
        return self.run.exact["p_mislabeled"]

    @cached_property
    def history(self) -> list[Event] | None:
        """Every event of the run's review; None where its decisions cannot be read."""
        try:
            return self.run.history()
        except RunError:
            return None

    @cached_property
    def decisions(self) -> dict[Any, Decision]:
        """What a person decided in the review of this run and what holds now, by id."""
        return {id: event.decision for id, event in replay(self.history or []).items()}

    @cached_property
    def is_decided(self) -> np.ndarray:
        """(n,) bool: rows that have such a decision."""
        decided = np.zeros(len(self), dtype=bool)
        ranks = self.run.rows.find(list(self.decisions))
        decided[ranks[ranks >= 0]] = True
        return decided

    @cached_property
    def difficulty(self) -> np.ndarray:
        """(n,) float64, NaN where there is none."""
        return self.run.exact.get("difficulty", np.full(len(self), np.nan))

    @cached_property
    def score(self) -> np.ndarray | None:
        """What orders the rows instead of `p_mislabeled`, (n,) float64, higher = worse; None without one."""
        return self.run.exact.get("score")

    @cached_property
    def columns(self) -> Columns | None:
        """The columns of each row of a table; None where they cannot be read here."""
        try:
            return Columns(self.run)
        except (RunError, ModuleNotFoundError):  # safetensors comes with the extras that make or review such runs
            return None

    @property
    def related(self) -> bool:
        """Whether labels and inputs are related; True where the run does not say."""
        return self.metrics.get("labels_related") is not False

    @property
    def assessed(self) -> np.ndarray:
        """Judged, with a probability, (n,) bool: the rows that the numbers of the report count."""
        return self.run.rows.judged

    @property
    def n_assessed(self) -> int:
        return self.run.rows.n_judged

    @cached_property
    def likely_wrong(self) -> np.ndarray:
        """(n,) bool: assessed rows that are more likely wrong than right."""
        return self.assessed & (self.p_mislabeled > LIKELY)

    @property
    def precision(self) -> float | None:
        """The share of these that is expected to be wrong; None without rows that were checked at random."""
        if self.rate.estimate is None or not self.likely_wrong.any():
            return None
        return float(self.p_mislabeled[self.likely_wrong].mean())

    @cached_property
    def scored(self) -> np.ndarray:
        """(n,) bool: assessed rows whose gold label is known."""
        return np.zeros(len(self), dtype=bool) if self.gold is None else self.assessed & (self.gold >= 0)

    @cached_property
    def worst_first(self) -> np.ndarray:
        """Ranks (m,) int64 of the assessed rows, the most likely mistakes first, ties in the audit's order."""
        ranking = self.p_mislabeled if self.score is None else self.score
        order = np.argsort(-np.nan_to_num(ranking, nan=-np.inf), kind="stable")
        return order[self.assessed[order]]

    @cached_property
    def varied(self) -> np.ndarray:
        """`worst_first` (m,) int64, but where rows are likely wrong the pairs of given and suggested label take turns.

        Otherwise one large pair could fill whatever is listed.
        """
        likely = int(self.likely_wrong.sum())
        first, rest = self.worst_first[:likely], self.worst_first[likely:]
        return np.append(first[in_turns(self.given[first], self.suggested[first])], rest)

    @property
    def transition(self) -> Any:
        """T[i, j] = P(given = j | true = i), (K, K) float64; None where no row was judged."""
        return self.run.transition if self.n_assessed else None

    def _codes(self, name: str) -> np.ndarray:
        return self.run.rows.labels[name].astype(np.int64)
