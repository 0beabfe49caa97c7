"""One label a row from several sources.

People: the majority, to which a soft label adds its shares. A tie goes to the class whose voters agree most
often with the other people, over all rows. Rules and models: the vote of the one that covers the fewest rows, for what
is specific beats what is general. That label is wrong on 42 % of the rows that 68 keyword rules labelled, and the
majority on 46; on 15 and 21 % with 164 rules; with 26 rules it is the worse one, on 48 and 46 %. Where people and
others speak, the people decide.
"""

from typing import Any

import numpy as np

from mislabel.data.label_sources import Sources


def agree(sources: Sources, counted: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """The label of each row, (n,) int64, -1 where no source speaks; and how it was reached.

    Neither hangs on the order of sources or rows, and a source that repeats another changes nothing.

    Parameters
    ----------
    sources : Sources
        Of n rows.
    counted : (n,) bool
        The rows on which coverage and agreement are measured: those that train.
    """
    heard = sources.distinct()
    others, people = (heard.take(np.flatnonzero(heard.are("person") == of)) for of in (False, True))
    by_others = _least_covering(others, counted)
    by_people, tied = _majority(people, counted)
    codes = np.where(by_people >= 0, by_people, by_others)
    how = {
        "majority": int((by_people >= 0).sum()),
        "least_covering": int(((by_people < 0) & (by_others >= 0)).sum()),
        "ties": int(tied.sum()),
        "none": int((codes < 0).sum()),
    }
    return codes, how


def consensus_note(how: dict[str, Any]) -> str:
    """How the given labels were reached, as a sentence."""
    parts = []
    if how["majority"]:
        parts.append(
            f"the majority of people in {how['majority']} rows ({how['ties']} ties, which go to those who agree most "
            "with the others)"
        )
    if how["least_covering"]:
        parts.append(f"the source that covers the fewest rows in {how['least_covering']} rows")
    silent = f" In {how['none']} rows no source speaks." if how["none"] else ""
    return f"The given label is what the sources come to: {' and '.join(parts) or 'nothing'}.{silent}"


def _least_covering(sources: Sources, counted: np.ndarray) -> np.ndarray:
    """The vote of the source that covers the fewest rows, (n,) int64; of those that cover as many, the lowest class."""
    codes = np.full(len(sources.votes), -1, dtype=np.int64)
    coverage = sources.said[counted].sum(0)
    best = np.full(len(codes), np.iinfo(np.int64).max)
    for votes, rows in zip(sources.votes.T.astype(np.int64), coverage.tolist(), strict=True):
        wins = (votes >= 0) & ((rows < best) | ((rows == best) & (votes < codes)))
        codes[wins], best[wins] = votes[wins], rows
    return codes


def _majority(people: Sources, counted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What most say, (n,) int64, and which rows were tied, (n,) bool."""
    n, top = len(people.votes), int(people.votes.max(initial=-1)) + 1
    if not top:
        return np.full(n, -1, dtype=np.int64), np.zeros(n, dtype=bool)
    number, standing = np.round(people.shares_of_votes(top), 6), np.zeros((n, top))
    for votes, trust in zip(people.votes.T, _agreement(people, counted, top), strict=True):
        rows = np.flatnonzero(votes >= 0)
        standing[rows, votes[rows]] += trust
    most = number.max(1, keepdims=True)
    leading = number == most
    tied = (leading.sum(1) > 1) & (most[:, 0] > 0)
    codes = np.where(leading, np.round(standing, 9), -1.0).argmax(1)
    return np.where(most[:, 0] > 0, codes, -1), tied


def _agreement(people: Sources, counted: np.ndarray, n_classes: int) -> np.ndarray:
    """How often each says what the others say, over all pairs of votes on a row, (S,) float64; 0 for one alone."""
    people = people.rows(np.flatnonzero(counted))
    number = people.counts(n_classes)
    total, result = number.sum(1), np.zeros(len(people))
    for source, each in enumerate(people.votes.T):
        rows = np.flatnonzero(each >= 0)
        pairs = (total[rows] - 1).sum()
        result[source] = (number[rows, each[rows]] - 1).sum() / pairs if pairs else 0.0
    return result
