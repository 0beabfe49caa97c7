"""A column of trusted labels: labels that somebody checked, on as few rows as there are."""

from typing import Any

import numpy as np

from mislabel.data.label_columns import rows_of
from mislabel.data.labels import Labels, encode_against
from mislabel.data.lookalikes import lookalike_note, lookalikes
from mislabel.data.order import class_ranks, recoded
from mislabel.data.plan import Plan
from mislabel.errors import InputError, some_ids


def refuse_one_column(trusted: Any, labels: Any, gold: Any, names: tuple[str, str, str]) -> None:
    """Raise InputError where the trusted labels are the given ones, or the gold ones, of which none may teach.

    Parameters
    ----------
    trusted, labels, gold
        Columns, or their names; None where there is none.
    names
        What the three are called.
    """

    def same(other: Any) -> bool:
        return trusted is other or (isinstance(trusted, str) and trusted == other)

    if trusted is None:
        return
    if same(labels):
        raise InputError(
            f"{names[0]} and {names[1]} are one and the same: trusted labels are those that somebody checked, on few "
            f"rows; where nobody did, leave {names[0]} out"
        )
    if same(gold):
        raise InputError(
            f"{names[0]} and {names[2]} are one and the same: gold labels only score, trusted labels teach and are "
            "never scored; put those that are to teach into a column of their own"
        )


def read_trusted(
    values: Any, given: Labels, parts: np.ndarray, ids: np.ndarray, plan: Plan, name: str
) -> tuple[np.ndarray, Labels, list[str]]:
    """Codes of the trusted labels, and the given labels with the classes that trusted labels add.

    A trusted label teaches, so one that no given label shows makes a class, unless it stands on a row that is held out.

    Parameters
    ----------
    values
        n labels in any form that `encode_labels` takes; any of them may be missing.
    given : Labels
        Of the n rows.
    parts : (n,) str
        "train", "valid" or "test".
    ids, name
        For the messages.

    Returns
    -------
    codes : (n,) int64
        -1 where there is no trusted label.
    labels : Labels
        With classes in sorted order where those of `given` are sorted, else with new ones at the end.
    notes : list of str
        Which classes are new, and which look like another.

    Raises
    ------
    InputError
        If no row has a trusted label, or they cannot be labels, or one is not among the classes of the plan.
    """
    codes, extended = encode_against(values, given, ids, name)
    if plan.need_labels and not (codes >= 0).any():
        raise InputError(
            f"{name}: none of the {len(ids)} rows has a trusted label; one is enough. Is it the right column? "
            "Without any trusted label leave it out"
        )
    foreign = codes >= given.n_classes
    if plan.classes is not None and foreign.any():
        rows = np.flatnonzero(foreign)
        raise InputError(
            f"{name}: {some_ids(extended.classes[given.n_classes :])} is not among classes={given.classes!r} (rows "
            f"{rows_of(ids)(rows)}); add to classes, or correct these rows"
        )
    new = np.unique(codes[foreign & (parts == "train")])
    # What only held-out rows show gets the code 0: it is no class, and these labels are only counted.
    code_of = np.zeros(len(extended.classes) + 1, dtype=np.int64)
    code_of[: given.n_classes], code_of[-1] = np.arange(given.n_classes), -1
    code_of[new] = given.n_classes + np.arange(len(new))
    codes = code_of[codes]
    if not len(new):
        return codes, given, []
    added = [extended.classes[code] for code in new]
    labels, notes = Labels(given.codes, [*given.classes, *added]), _notes(given.classes, added, name)
    ranks = class_ranks(labels.classes)
    if (np.diff(ranks[: given.n_classes]) < 0).any():  # the classes have an order of their own
        return codes, labels, notes
    listed = [labels.classes[code] for code in np.argsort(ranks)]
    return recoded(codes, ranks), Labels(recoded(given.codes, ranks), listed), notes


def _notes(given: list[Any], added: list[Any], name: str) -> list[str]:
    both = [*given, *added]
    alike = lookalike_note(both, name) if lookalikes(both) != lookalikes(given) else ""
    return [f"{name}: classes that no given label shows: {len(added)}; {some_ids(added)}.", *([alike] if alike else [])]
