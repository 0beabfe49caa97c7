"""What a run found out about each source of labels, by the posterior of its rows.

Of every vote, how probable it is that it is wrong, 1 - posterior[its class]; of every source, how much of what it says
the posterior agrees with, and what it mistakes for what; of all, how much they agree with each other (Krippendorff's
alpha: 1 fully, 0 as by chance), who copies whom, and whom to ask next. All of it is as far as the posterior tells: an
error that all sources share is in none of it.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from mislabel.audit import Audit, classes_of_one_type, label_column
from mislabel.data import Dataset
from mislabel.data.label_sources import Sources
from mislabel.data.rows import STATUSES, UNDECIDED
from mislabel.errors import some_ids
from mislabel.posterior.balanced_transition import transition_of
from mislabel.posterior.summary import wilson
from mislabel.run.source_lines import HALF

READ = [status for status in STATUSES if status not in ("unreadable", "empty_input", "held_out")]
ASKED = 10  # rows to ask somebody about
SHARED, EXPECTED, FEWER = 30, 10, 0.25  # see `copies`
ALIKE, FIRINGS = 0.9, 10
WIDE, DOUBTED = 0.25, 0.6  # coverage and agreement of a source that is told of
MOST_PEOPLE = 200  # past it nobody is compared with everybody


def with_sources(dataset: Dataset, audit: Audit) -> Audit:
    """The audit with its tables `sources` and `votes`, the part `sources` of its metrics, and notes.

    Parameters
    ----------
    dataset : Dataset
        With the classes of the audit, in their order.
    """
    if dataset.sources is None:
        return audit
    rows = np.flatnonzero((dataset.split == "train") & np.isin(dataset.status, READ))
    sources, posterior = dataset.sources.rows(rows), audit.posterior[rows].astype(np.float64)
    checked = None if dataset.decided is None else dataset.decided[rows]
    table = source_table(sources, posterior, audit.classes, checked)
    copied = copies(sources, posterior)
    notes = [*_doubted(table), *_copied(sources, copied)]
    audit.metrics["sources"] = {
        "sources": len(sources),
        "kinds": {kind: sources.kinds.count(kind) for kind in dict.fromkeys(sources.kinds)},
        "labels_a_row": float(sources.said.sum(1).mean()) if len(rows) else 0.0,
        "consensus": dataset.sources.consensus,
        "alpha": alpha(sources, len(audit.classes)),
        "copies": [[sources.names[source] for source in pair] for pair in copied],
        "ask_next": ask_next(sources, posterior, dataset.ids[rows]),
    }
    votes = vote_table(sources, posterior, dataset.ids[rows], audit.classes)
    return replace(audit, sources=table, votes=votes, notes=[*audit.notes, *notes])


def source_table(
    sources: Sources, posterior: np.ndarray, classes: list[Any], checked: np.ndarray | None = None
) -> pd.DataFrame:
    """sources.parquet: one line a source, in their order.

    `agreement` is the mean probability that the posterior (n, K) gives to what it says, `low` and `high` the Wilson
    interval of 95 % for so many votes; `worst_rows` how many rows of class `worst_true` it is expected to have called
    `worst_said`, the most of all such pairs; `confusion` lists of how many rows of class `true` it is expected to have
    called `said`, the most first, without those below half a row; `checked` how many of its labels are on rows that
    somebody checked, `checked_right` the share of these that are right, measured and not by the posterior, with its
    interval `checked_low` to `checked_high`; `repeats` a source that says the same on every row.

    Parameters
    ----------
    checked : (n,) int64, optional
        Codes of the labels that are known, as `Dataset.decided` has them.
    """
    names = classes_of_one_type(classes)
    repeated = {source: sources.names[first] for source, first in sources.repeated().items()}
    lines = []
    for source, name in enumerate(sources.names):
        said = np.flatnonzero(sources.said[:, source])
        codes = sources.votes[said, source].astype(np.int64)
        right = float(posterior[said, codes].sum())
        low, high = interval(right, len(said))
        cells = confusion(codes, posterior[said])
        wrong = cells * (1 - np.eye(len(cells)))
        true, called = np.unravel_index(wrong.argmax(), wrong.shape)
        there = wrong[true, called] > 0
        lines.append(
            {
                "source": name,
                "kind": sources.kinds[source],
                "rows": len(said),
                "coverage": len(said) / max(len(posterior), 1),
                "agreement": right / len(said) if len(said) else np.nan,
                "low": low,
                "high": high,
                "worst_true": int(true) if there else -1,
                "worst_said": int(called) if there else -1,
                "worst_rows": float(wrong[true, called]),
                "confusion": _largest(cells, names),
                **_measured(codes, None if checked is None else checked[said]),
                "repeats": repeated.get(source),
            }
        )
    table = pd.DataFrame(lines)
    for name in ("worst_true", "worst_said"):
        table[name] = label_column(table[name].to_numpy(dtype=np.int64), classes)
    return table


def _measured(codes: np.ndarray, checked: np.ndarray | None) -> dict[str, Any]:
    """How often a source is right on rows that somebody checked; where no class fits, whatever it says is wrong."""
    known = np.zeros(len(codes), dtype=bool) if checked is None else checked != UNDECIDED
    rows = int(known.sum())
    right = int((codes[known] == checked[known]).sum()) if checked is not None else 0
    low, high = interval(right, rows)
    share = right / rows if rows else np.nan
    return {"checked": rows, "checked_right": share, "checked_low": low, "checked_high": high}


def _largest(cells: np.ndarray, names: list[Any]) -> list[dict[str, Any]]:
    """The cells of a confusion matrix of at least half a row, the largest first."""
    true, said = np.nonzero(cells >= HALF)
    order = np.argsort(-cells[true, said], kind="stable")
    return [
        {"true": names[k], "said": names[code], "rows": float(cells[k, code])}
        for k, code in zip(true[order].tolist(), said[order].tolist(), strict=True)
    ]


def interval(right: float, rows: int) -> tuple[float, float]:
    """The Wilson interval of 95 % for the share of so many right ones; NaN where there is no row."""
    if not rows:
        return np.nan, np.nan
    low, high = wilson(round(right) / rows, rows)
    return float(low), float(high)


def confusion(codes: np.ndarray, posterior: np.ndarray) -> np.ndarray:
    """How many rows of class k are expected to have been called l, (K, K) float64.

    Parameters
    ----------
    codes : (m,) int64
        What one source says.
    posterior : (m, K) float64
        Of the same rows.
    """
    said = csr_array((np.ones(len(codes)), (np.arange(len(codes)), codes)), shape=posterior.shape)
    return np.asarray((said.T @ posterior).T)


def vote_table(sources: Sources, posterior: np.ndarray, ids: np.ndarray, classes: list[Any]) -> pd.DataFrame:
    """votes.parquet: one line a vote, those that are most likely wrong first."""
    row, source = np.nonzero(sources.said)
    codes = sources.votes[row, source].astype(np.int64)
    wrong = 1 - posterior[row, codes]
    order = np.lexsort((source, row, -wrong))
    names = np.array(sources.names, dtype=object)
    return pd.DataFrame(
        {
            "id": ids[row[order]],
            "source": names[source[order]],
            "label": label_column(codes[order], classes),
            "p_wrong": wrong[order],
        }
    )


def alpha(sources: Sources, n_classes: int) -> float | None:
    """Krippendorff's alpha for names, over rows that several sources label; None where that says nothing.

    One less the disagreement that was seen over that by chance (Krippendorff, "Computing Krippendorff's
    Alpha-Reliability", 2011): pairs of labels within a row, each row weighing by its number of labels, beside pairs of
    any two labels.
    """
    counts = sources.distinct().counts(n_classes)
    counts = counts[counts.sum(1) > 1]
    if not len(counts) or (counts.sum(0) > 0).sum() < 2:
        return None
    labels, of_class = counts.sum(1), counts.sum(0)
    agreeing = ((counts * (counts - 1)).sum(1) / (labels - 1)).sum()
    total = labels.sum()
    by_chance = (of_class * (of_class - 1)).sum() / (total - 1)
    return float(1 - (total - agreeing) / (total - by_chance))


def copies(sources: Sources, posterior: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of sources of which one seems to copy the other, without being the same.

    People and models: who err independently differ on sum_k P(k) (1 - sum_l T_s[k, l] T_t[k, l]) of the rows that both
    label, and these differ on less than a quarter of that. Rules: they fire on nearly the same rows.
    """
    gone = {*sources.silent().tolist(), *sources.repeated()}
    people = [source for source in range(len(sources)) if source not in gone and sources.kinds[source] != "rule"]
    rules = [source for source in range(len(sources)) if source not in gone and sources.kinds[source] == "rule"]
    people = people if len(people) <= MOST_PEOPLE else []
    return [*_same_people(sources, posterior, people), *_same_rules(sources, rules)]


def _same_people(sources: Sources, posterior: np.ndarray, people: list[int]) -> Iterator[tuple[int, int]]:
    tables = {}
    for source in people:
        said = np.flatnonzero(sources.said[:, source])
        tables[source] = transition_of(confusion(sources.votes[said, source].astype(np.int64), posterior[said]), 0.0)
    for one, other in combinations(people, 2):
        both = np.flatnonzero(sources.said[:, one] & sources.said[:, other])
        if len(both) < SHARED:
            continue
        same = (tables[one] * tables[other]).sum(1)
        expected = float((posterior[both] @ (1 - same)).sum())
        differ = int((sources.votes[both, one] != sources.votes[both, other]).sum())
        if expected >= EXPECTED and differ < FEWER * expected:
            yield one, other


def _same_rules(sources: Sources, rules: list[int]) -> Iterator[tuple[int, int]]:
    fires = csr_array(sources.said[:, rules].astype(np.float64))
    both = (fires.T @ fires).toarray()
    alone = both.diagonal()
    either = alone[:, None] + alone[None, :] - both
    alike = np.triu((both >= ALIKE * either) & (both >= FIRINGS), 1)
    for one, other in np.argwhere(alike).tolist():
        yield rules[one], rules[other]


def ask_next(sources: Sources, posterior: np.ndarray, ids: np.ndarray) -> list[dict[str, Any]]:
    """Whom to ask about which rows: those of which least is known, each with the best person who has not labelled it.

    Nothing where no people or models label rows: a rule cannot be asked.
    """
    people = np.flatnonzero(~sources.are("rule") & sources.said.any(0))
    if not len(people):
        return []
    votes = sources.votes[:, people].astype(np.int64)
    said = votes >= 0
    right = np.where(said, np.take_along_axis(posterior, np.maximum(votes, 0), axis=1), 0).sum(0) / said.sum(0)
    open_rows = np.flatnonzero(~said.all(1))
    order = open_rows[np.lexsort((open_rows, posterior[open_rows].max(1)))][:ASKED]
    best = np.where(said[order], -1.0, right).argmax(1)
    return [
        {"id": ids[row].item() if isinstance(ids[row], np.generic) else ids[row], "source": sources.names[people[who]]}
        for row, who in zip(order, best, strict=True)
    ]


def _doubted(table: pd.DataFrame) -> list[str]:
    """Sources that say much, most of which the rest does not agree with."""
    found: Any = table[(table["coverage"] >= WIDE) & (table["agreement"] < DOUBTED)]
    return [
        f"{line['source']} speaks on {line['coverage']:.0%} of the rows, and by all that is known "
        f"{line['agreement']:.0%} of what it says is right ({line['low']:.0%} to {line['high']:.0%})."
        for line in found.to_dict("records")
    ]


def _copied(sources: Sources, pairs: list[tuple[int, int]]) -> list[str]:
    if not pairs:
        return []
    named = [f"{sources.names[one]} and {sources.names[other]}" for one, other in pairs]
    return [f"Sources that seem to copy each other, each counted all the same: {some_ids(named)}."]
