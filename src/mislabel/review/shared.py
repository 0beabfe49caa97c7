"""Rows that every reviewer of a run decides, drawn once, and how far two of them agree there."""

import secrets

import numpy as np

from mislabel.decisions.agreement import Verdicts, cohen_kappa, verdicts_of
from mislabel.decisions.events import Event, apply_event
from mislabel.decisions.store import Store
from mislabel.errors import InputError, in_range
from mislabel.run.rows import Rows


def shared_rows(store: Store, rows: Rows, share: float | None, reviewer: str | None) -> np.ndarray:
    """The rows that every reviewer decides, (n,) bool; none for somebody without a name.

    Share and seed are kept with the decisions, so that all reviewers get the same rows.

    Raises
    ------
    InputError
        If a share is given that is none, without a name, or another than an earlier review was given.
    """
    if share is not None:
        in_range("shared", share, 0, 1)
        if reviewer is None:
            raise InputError(f"shared is {share}, and who decides has no name: give --reviewer NAME too")
    known = store.recall("shared") if share is None else store.remember("shared", share)
    if share is not None and known != share:
        raise InputError(f"shared is {share}, and an earlier review of this run has shared {known}: leave it out")
    if not known or reviewer is None:
        return np.zeros(len(rows), dtype=bool)
    seed = store.remember("shared_seed", secrets.randbelow(2**32))
    return rows.judged & (np.random.default_rng(seed).random(len(rows)) < known)


def rows_in_dispute(store: Store, rows: Rows) -> np.ndarray:
    """The judged rows on which two reviewers differ and which nobody has settled, (m,) int64, worst first.

    Raises
    ------
    InputError
        If there is none.
    """
    stacks: dict[int | str, list[Event]] = {}
    for event in store.history():
        apply_event(stacks.setdefault(event.decision.id, []), event)
    verdicts = {id: verdicts_of(stack) for id, stack in stacks.items()}
    found = rows.find([id for id, each in verdicts.items() if each is not None and each.in_dispute])
    found = np.sort(found[found >= 0])
    found = found[rows.judged[found]]
    if not len(found):
        raise InputError(
            "the order differ shows rows that two reviewers decided differently and nobody settled, and there is none: "
            "--reviewer NAME --shared SHARE gives some rows to two people"
        )
    return found


def agreement_words(verdicts: dict[int, Verdicts]) -> list[str]:
    """A sentence on each pair of reviewers who decided the same rows."""
    pairs: dict[tuple[str, ...], list[Verdicts]] = {}
    for each in verdicts.values():
        pairs.setdefault(tuple(sorted(each.said)), []).append(each)
    return [_words(names, both) for names, both in sorted(pairs.items())]


def _words(names: tuple[str, ...], both: list[Verdicts]) -> str:
    found = cohen_kappa(*([each.said[name] for each in both] for name in names))
    left = sum(each.in_dispute for each in both)
    said = f"{names[0]} and {names[1]} agree on {found.agreed} of {found.rows} rows that both decided"
    if found.kappa is not None:
        said += f" (Cohen's kappa {found.kappa:.2f}, 95% interval {found.low:.2f} to {found.high:.2f})"
    return said + (f"; {left} on which they differ are not settled." if left else ".")
