"""The audit of a run: what a person holds at the end."""

from dataclasses import asdict, dataclass, field, replace
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mislabel.data import Dataset
from mislabel.data.classes import classes_of_one_type
from mislabel.data.labels import decode
from mislabel.data.order import class_positions
from mislabel.dynamics.scores import wrong_events
from mislabel.dynamics.store import DynamicsStore
from mislabel.posterior.gate import Independent
from mislabel.posterior.likeliest import Likeliest
from mislabel.posterior.neighbours import Agreement
from mislabel.posterior.noise_rate import LABELS, NoiseRate, at_least
from mislabel.posterior.posterior import Posterior, Probabilities
from mislabel.posterior.summary import p_mislabeled, suggested, transition_matrix

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Neighbours' labels agree by less than this above chance, in standard deviations: unrelated to the inputs, if there
# are enough rows for a relation to show even under heavy noise.
MINIMUM_DEVIATIONS, ENOUGH_ROWS = 3.0, 200
ENOUGH_REACHABLE = 5 * MINIMUM_DEVIATIONS  # with the best of labels: five rare rows beside 10,000 others reach less
LIKELY = 0.5  # p_mislabeled above which a row is more likely wrong than right
ONE_KIND = (
    "The given labels look like one kind: a classifier of the inputs misses no more of them than rows near the border "
    "of their class explain. So no label is called wrong. The order of the rows is still the method's, and "
    "p_mislabeled_by_method is what it says by itself. One wrong label in a hundred would not show."
)
NOT_RELATED_KNOWN = (
    "Nothing is known of the rows but what was learnt from their labels, so it cannot be told whether labels and "
    "inputs are related at all, nor whether rows alike confirm a doubt. With features it can."
)
LEARNED = 0.25  # of the given labels a model that agrees with fewer says little of them


@dataclass(frozen=True)
class Audit:
    """Which labels look wrong, and how sure that is.

    Attributes
    ----------
    table : DataFrame
        One row per input, worst first: the columns of audit.parquet. `row` is the row's place in the input. After the
        judged rows come those whose label a person decided, with a p_mislabeled of 0 or 1, and all others.
    posterior : (n, K) float32
        P(true label = k), in the order of the input. Of very many rows and classes it is
        `mislabel.posterior.likeliest.Likeliest`, which keeps the likeliest classes of each row.
    classes : list
        The K classes as the user wrote them.
    transition : (K, K) float64
        T[i, j] = P(given = j | true = i), estimated; a sparse array beside such a posterior.
    metrics : dict
        What metrics.json holds.
    notes : list of str
        Warnings and decisions that a reader has to know.
    sources, votes : DataFrame, optional
        Where several sources labelled the rows: the columns of sources.parquet and votes.parquet.
    """

    table: pd.DataFrame
    posterior: Probabilities
    classes: list[Any]
    transition: Any
    metrics: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    sources: pd.DataFrame | None = None
    votes: pd.DataFrame | None = None

    def worst(self, count: int = 10) -> pd.DataFrame:
        """The judged rows most likely to be mislabelled."""
        return self.table.loc[self.table["status"] == "judged"].head(count)

    def with_classes(self, classes: list[Any]) -> "Audit":
        """The same audit with its classes, all of them, in the order of this list."""
        codes = class_positions(classes, self.classes)
        if codes is None:
            return self
        transition = self.transition[codes][:, codes]
        return replace(self, classes=classes, posterior=self.posterior[:, codes], transition=transition)

    def plot(self) -> "Figure":
        """A picture: how many judged rows there are by P(wrong), and which classes the likely wrong ones lie between.

        Returns
        -------
        matplotlib.figure.Figure
            A notebook shows it; `.savefig("audit.png")` writes it.
        """
        from mislabel.audit_plot import plot_audit

        return plot_audit(self.table, self.classes, LIKELY)

    def _repr_html_(self) -> str:
        """What a notebook shows: the same line, and the worst rows."""
        shown = self.worst()[["id", "given_label", "suggested_label", "p_mislabeled"]]
        return f"<p>{escape(repr(self))}</p>{shown.to_html(index=False, border=0, float_format='{:.3f}'.format)}"

    def __repr__(self) -> str:
        judged, p = self.table["status"].to_numpy() == "judged", np.asarray(self.table["p_mislabeled"], dtype=float)
        likely = np.count_nonzero(judged & (p > LIKELY))
        rate = NoiseRate.of(self.metrics)
        beside = ", as far as labels tell" if rate.estimate is None and rate.at_least is not None else ""
        return (
            f"<Audit of {len(self.table)} rows, {len(self.classes)} classes: {likely} likely wrong; wrong labels: "
            f"{rate.words()}{beside}>"
        )


def build_audit(
    dataset: Dataset,
    trained: np.ndarray,
    posterior: Posterior,
    probabilities: Probabilities,
    dynamics: DynamicsStore,
    agreement: Agreement | None,
    *,
    informative: bool = True,
    evidence: Independent | None = None,
    score: np.ndarray | None = None,
) -> Audit:
    """Put together what is known of every row.

    Parameters
    ----------
    dataset : Dataset
        n rows.
    trained : (m,) int64
        Positions of the rows that trained; `posterior` and `dynamics` speak of these, in this order. What the method
        says of rows whose label a person decided is not asked: their posterior is that label's alone.
    probabilities : (n, K) float32, or Likeliest
        The final model's; the posterior is of the same kind.
    agreement : Agreement, optional
        Of neighbours' labels among training rows, before any training.
    informative : bool
        Whether a lack of agreement says that labels and inputs are unrelated.
    evidence : Independent, optional
        What the gate went by: no row is judged where a classifier of the inputs could have met labels, and met no more
        than chance.
    score : (m,) float64, optional
        Higher = more likely wrong: orders the table instead of the posterior, and becomes its column `score`.
    """
    labels, n = dataset.labels, len(dataset.inputs)
    given = labels.codes
    related = None if agreement is None else labels_related(agreement)
    if related is False and not informative:
        related = None
    many = isinstance(probabilities, Likeliest)
    full: Any = probabilities.astype(np.float32)
    full[trained] = posterior.probabilities
    seen = np.bincount(dataset.training_codes[trained], minlength=labels.n_classes) > 0
    full = full.among(seen) if many else without_unseen(full, seen)
    status = dataset.status.astype(object)
    decided, fits_none = status == "decided", status == "none_of_these"
    sure = dataset.training_codes[decided]
    full[decided] = Likeliest.sure(sure, labels.n_classes) if many else np.eye(labels.n_classes, dtype=np.float32)[sure]
    instead, said = assessable(related, agreement, evidence, len(trained))
    if instead is not None:
        status[trained[status[trained] == "judged"]] = instead
    notes = [*dataset.notes, *said]
    agreed = float(np.mean(probabilities[trained].argmax(1) == dataset.training_codes[trained]))
    if agreed < LEARNED:
        notes.append(
            f"The final model agrees with only {agreed:.1%} of the labels it was trained on: it has hardly learned, or "
            "nearly all labels are wrong. Estimates rest on little; train longer, or start from a pretrained backbone."
        )
    judged, readable = status == "judged", status != "unreadable"
    wrong_probability = np.where(judged | decided, p_mislabeled(full, given), np.nan)
    wrong_probability[fits_none & (given >= 0)] = 1.0
    most = suggested(full)
    columns: dict[str, Any] = {
        "id": dataset.ids,
        "given_label": label_column(given, labels.classes),
        "suggested_label": label_column(np.where(readable & ~fits_none, most, -1), labels.classes),
        "p_mislabeled": wrong_probability,
        "difficulty": _scatter(difficulty(dynamics.prediction, most[trained]), trained, n),
        "predicted_label": label_column(np.where(readable, probabilities.argmax(1), -1), labels.classes),
        "confidence": np.where(readable, probabilities.max(1), np.nan).astype(np.float64),
        "status": status,
        "row": np.arange(n),
    }
    ranking = wrong_probability
    if score is not None:
        columns["score"] = ranking = np.where(judged, np.asarray(_scatter(score, trained, n)), np.nan)
    for name, values in posterior.evidence.items():
        columns[name] = _scatter(values, trained, n)
    for name, codes in posterior.labels.items():
        everywhere = np.full(n, -1, dtype=np.int64)
        everywhere[trained] = codes
        columns[name] = label_column(everywhere, labels.classes)
    if dataset.gold is not None:
        columns["gold_label"] = label_column(dataset.gold, dataset.gold_classes)
    # Ties keep the order of the input; judged rows without a score come after those with one.
    order = np.lexsort((np.arange(n), -ranking, np.isnan(ranking), ~judged))
    counted = trained[judged[trained]]
    rate = NoiseRate(LABELS, at_least(full, given, counted)) if len(counted) else NoiseRate()
    likely = int((wrong_probability[counted] > LIKELY).sum())
    metrics: dict[str, Any] = {
        "labels_related": related,
        "agreement": {} if agreement is None else asdict(agreement),
        "noise_rate": rate.plain(),
        "likely_wrong": {"likely": likely, "judged": len(counted), "precision": None},
    }
    for name in columns:  # one after the other: a table of many rows is large, and a sorted one beside it as large
        columns[name] = columns[name].take(order)
    return Audit(
        table=pd.DataFrame({name: getattr(values, "array", values) for name, values in columns.items()}),
        posterior=full,
        classes=labels.classes,
        transition=transition_matrix(full, given, counted),
        metrics=metrics,
        notes=notes,
    )


def assessable(
    related: bool | None, agreement: Agreement | None, evidence: Independent | None, rows: int
) -> tuple[str | None, list[str]]:
    """Why no row can be judged, as a status, or None; and what a reader has to know of it.

    Parameters
    ----------
    related : bool or None
        As by `labels_related`.
    rows : int
        How many train.
    """
    if agreement is None:
        return None, [NOT_RELATED_KNOWN]
    shown = (
        f"neighbours carry the same label in {agreement.observed:.1%} of the pairs, chance gives {agreement.chance:.1%}"
    )
    if related is False:
        return "labels_unrelated", [
            f"The given labels could not be told from labels drawn at random ({shown}). No row is judged. Check that "
            "the right columns were named."
        ]
    notes = []
    if related is None:
        if evidence is not None and evidence.met.learnt is False:
            return "not_learnt", [
                f"Not assessed: nothing can be learnt from the inputs of {rows} training rows. A classifier meets "
                f"{evidence.met.share:.1%} of the labels of rows that it was not fitted to, chance gives "
                f"{evidence.met.chance:.1%}: where a network agrees with more of them, it learnt them by heart. Check "
                "that the right columns were named, or label more rows."
            ]
        few = " and few of them in most classes, or beside the largest one," if agreement.rows >= ENOUGH_ROWS else ""
        notes.append(
            f"With {rows} training rows{few} it cannot be told beforehand whether labels and inputs are related "
            f"({shown})."
        )
    if evidence is not None and evidence.kinds.two < 0.5:
        notes.append(ONE_KIND)
    return None, notes


def without_unseen(probabilities: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Class probabilities (n, K) float32 without the classes of which no row trained: nothing speaks for them.

    Parameters
    ----------
    seen : (K,) bool
        Some are.
    """
    if seen.all():
        return probabilities
    left = np.where(seen, probabilities, 0).astype(np.float64)
    total = left.sum(1, keepdims=True)
    return np.where(total > 0, left / np.where(total > 0, total, 1), seen / seen.sum()).astype(np.float32)


def difficulty(prediction: np.ndarray, label: np.ndarray) -> np.ndarray:
    """How hard rows are to learn, whatever their given label: wrong events against the suggested label, as a share.

    Parameters
    ----------
    prediction : (passes, m) int
    label : (m,) int
        Suggested labels.

    Returns
    -------
    (m,) float64 in [0, 1]
    """
    wrong, observed = wrong_events(prediction, label)
    return wrong / np.maximum(observed, 1)


def labels_related(agreement: Agreement) -> bool | None:
    """Whether the given labels are related to the inputs; None where there are too few rows, of some class, to tell."""
    if agreement.deviations > MINIMUM_DEVIATIONS:
        return True
    enough = agreement.rows >= ENOUGH_ROWS and agreement.reachable >= ENOUGH_REACHABLE
    return False if enough else None


def label_column(codes: np.ndarray, classes: list[Any]) -> pd.Series:
    """Codes as a column of the user's own values; where some are missing, integers become nullable ones."""
    classes = classes_of_one_type(classes)
    values = decode(codes, classes)
    if values.dtype == object and all(type(value) is int for value in classes) and (np.asarray(codes) < 0).any():
        return pd.Series(pd.array(values.tolist(), dtype="Int64"))
    return pd.Series(values)


def _scatter(values: np.ndarray, positions: np.ndarray, n: int) -> np.ndarray | pd.api.extensions.ExtensionArray:
    """Values of some rows as a column for all; the others are missing."""
    if np.issubdtype(values.dtype, np.integer):
        column = np.zeros(n, dtype=np.int64)
        column[positions] = values
        mask = np.ones(n, dtype=bool)
        mask[positions] = False
        return pd.arrays.IntegerArray(column, mask)
    result = np.full(n, np.nan)
    result[positions] = values
    return result
