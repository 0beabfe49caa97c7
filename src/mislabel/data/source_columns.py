"""Votes in any usual form become `Sources`.

Columns, of labels or of soft labels; an (n, S) array; one column of lists; or a long table of votes.
"""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import pandas as pd

from mislabel.data.alignment import refuse_misaligned
from mislabel.data.label_columns import is_categorical, plain, rows_of
from mislabel.data.label_sources import Sources, kinds_of
from mislabel.data.labels import Labels, encode_against
from mislabel.data.order import class_ranks, recoded
from mislabel.data.plan import Plan
from mislabel.data.soft_labels import is_soft, likeliest, parsed, read_shares
from mislabel.errors import InputError, did_you_mean, some_ids

VOTE_COLUMNS = ("id", "source", "label")
ABSTAINS = "-1"  # as text beside words


def read_sources(
    columns: Any, votes: Any, given: Labels, ids: np.ndarray, plan: Plan, name: str
) -> tuple[Sources, Labels, list[str]]:
    """The sources of n rows, and the given labels with the classes that votes add.

    Parameters
    ----------
    columns
        A frame or mapping of one column a source; an (n, S) array; or n lists of S votes. None where there are none.
        A column of soft labels (`mislabel.data.soft_labels`), or an (n, K) array of shares, is one source.
    votes
        A frame with columns id, source and label: one row a vote. None where there is none.
    given : Labels
        Of the n rows; without any class where no label is given.
    ids, name
        For the messages.

    Raises
    ------
    InputError
        If the votes cannot be labels, are of other rows, or name one source twice; if one is not among the classes of
        the plan.
    """
    named: list[str] = []
    coded: list[np.ndarray] = []
    shares: dict[str, np.ndarray] = {}
    labels, notes = given, []
    for source, values in source_columns(columns, len(ids), name):
        if is_soft(values):
            shares[source], labels = read_shares(
                values, labels, ids, f"{name} {source}", listed=plan.classes is not None
            )
            codes = likeliest(shares[source])
        else:
            codes, labels = encode_against(_spoken(values, plan), labels, ids, f"{name} {source}")
        named.append(source)
        coded.append(codes)
    matrix = np.column_stack(coded) if coded else np.empty((len(ids), 0), dtype=np.int64)
    if votes is not None:
        more, columns_of_votes, labels, notes = _from_long(votes, labels, ids, plan)
        named, matrix = [*named, *more], np.column_stack([matrix, columns_of_votes])
    twice = [each for each in dict.fromkeys(named) if named.count(each) > 1]
    if twice:
        raise InputError(f"{name}: sources are called the same: {some_ids(twice)}; give each its own name")
    if not (matrix >= 0).any():
        raise InputError(f"{name}: none of the {len(named)} sources says anything on the {len(ids)} rows")
    foreign = labels.classes[given.n_classes :]
    if plan.classes is not None and foreign:
        rows = np.flatnonzero((matrix >= given.n_classes).any(1))
        raise InputError(
            f"{name}: {some_ids(foreign)} is not among classes={given.classes!r} (rows {rows_of(ids)(rows)}); add to "
            "classes, or correct these votes"
        )
    kind = np.int16 if labels.n_classes < np.iinfo(np.int16).max else np.int32
    kinds = kinds_of(named, matrix, plan.source_kind, soft=shares)
    sources = Sources(named, matrix.astype(kind), kinds, shares=shares)
    ranks = class_ranks(labels.classes)
    if not foreign or (np.diff(ranks[: given.n_classes]) < 0).any():  # the classes have an order of their own
        return sources, labels, notes
    listed = [labels.classes[code] for code in np.argsort(ranks)]
    return sources.recoded(ranks), Labels(recoded(given.codes, ranks), listed), notes


def source_columns(columns: Any, n: int, name: str) -> list[tuple[str, Any]]:
    """One column a source, by its name, out of any of the forms that `read_sources` takes; columns of lists are split.

    Raises
    ------
    InputError
        If it is none of them, or has another number of rows.
    """
    if columns is None:
        return []
    if isinstance(columns, Mapping):
        refuse_misaligned(list(columns.items()))
        pairs = [(str(key), values) for key, values in columns.items()]
    elif isinstance(columns, pd.DataFrame):
        pairs = [(str(key), columns.iloc[:, place]) for place, key in enumerate(columns.columns)]
    else:
        pairs = [(getattr(columns, "name", None) or "source", columns)]
    found = [each for key, values in pairs for each in _split(key, values, n)]
    for key, values in found:
        if len(values) != n:
            raise InputError(f"{name}: source {key} has {len(values)} votes for {n} rows; one a row is needed")
    return found


def _split(name: str, values: Any, n: int) -> list[tuple[str, Any]]:
    """A column of lists, or an (n, S) array, as S columns called NAME_0, NAME_1, ...; any other as it is."""
    if is_categorical(values):
        return [(name, values)]
    array = _cells(plain(values, name))
    if array.ndim == 2 and array.dtype.kind == "f" and (np.nan_to_num(array, posinf=0, neginf=0) % 1 != 0).any():
        array = _rows(array)
    if array.dtype.kind == "O" and array.ndim == 1:
        array = parsed(array)
        if is_soft(array):
            return [(name, array)]
        listed = np.fromiter((isinstance(cell, (list, tuple, np.ndarray)) for cell in array), bool, len(array))
        if not listed.any():
            return [(name, values)]
        lengths = np.array([len(cell) if is_list else 0 for cell, is_list in zip(array, listed, strict=True)])
        width = int(lengths[listed].max())
        odd = np.flatnonzero(listed & (lengths != width))
        if len(odd) or not all(cell is None or cell is pd.NA or cell != cell for cell in array[~listed]):
            where = odd if len(odd) else np.flatnonzero(~listed)
            raise InputError(
                f"{name}: row {int(where[0])} holds {array[where[0]]!r}, and others a list of {width} votes; each row "
                "needs a list of the same length, with -1 or null for a source that abstains"
            )
        cells = np.full((len(array), width), None, dtype=object)
        for row in np.flatnonzero(listed):
            cells[row] = list(array[row])
        array = cells
    if array.ndim == 1:
        return [(name, values)]
    if array.ndim != 2:
        raise InputError(f"{name}: an array of shape {array.shape} was given; votes are of shape ({n}, sources)")
    return [(f"{name}_{source}", array[:, source]) for source in range(array.shape[1])]


def _spoken(values: Any, plan: Plan) -> Any:
    """A column in which -1 as text, beside words, is no vote, and whole numbers are such."""
    if is_categorical(values) or (plan.classes is not None and ABSTAINS in list(plan.classes)):
        return values
    cells = _cells(plain(values, "source"))
    if cells.dtype.kind == "f" and (np.nan_to_num(cells, posinf=0.5, neginf=0.5) % 1 == 0).all():
        return pd.array(cells, dtype="Int64")
    if cells.dtype.kind != "O":
        return values
    silent = np.fromiter((isinstance(cell, str) and cell.strip() == ABSTAINS for cell in cells), bool, len(cells))
    if not silent.any():
        return values
    heard = cells.copy()
    heard[silent] = None
    return heard


def _rows(array: np.ndarray) -> np.ndarray:
    """Each row of (n, K) as one cell, None where it holds NaN alone."""
    cells = np.full(len(array), None, dtype=object)
    for row in np.flatnonzero(~np.isnan(array).all(1)):
        cells[row] = array[row]
    return cells


def _cells(array: Any) -> np.ndarray:
    """An array of numpy's own, whose cells are objects where it was none."""
    return np.asarray(array, dtype=object) if isinstance(array, pd.api.extensions.ExtensionArray) else array


def _from_long(
    votes: Any, labels: Labels, ids: np.ndarray, plan: Plan
) -> tuple[list[str], np.ndarray, Labels, list[str]]:
    """Names of sources, their votes (n, S), labels with all classes, and notes, of a long table."""
    for column in VOTE_COLUMNS:
        if column not in votes:
            raise InputError(
                f"--votes: there is no column {column!r}{did_you_mean(column, votes.columns)}; a table of votes has "
                f"the columns {', '.join(VOTE_COLUMNS)}, one row a vote"
            )
    row = _rows_of_votes(votes["id"], ids)
    known, notes = row >= 0, []
    if not known.any():
        raise InputError(
            f"--votes: none of the {len(votes)} votes is of a row of the data, such as id {votes['id'].iloc[0]!r} "
            f"where the data have {some_ids(ids[:3].tolist())}; give --id COL, the column of the data that names rows"
        )
    if not known.all():
        notes.append(f"Votes on rows that the data do not have, left out: {int((~known).sum())} of {len(votes)}.")
    votes, row = votes[known], row[known]
    codes, labels = encode_against(_spoken(votes["label"], plan), labels, votes["id"].tolist(), "votes")
    names, source = np.unique(votes["source"].astype(str).to_numpy(dtype=object), return_inverse=True)
    speaks = codes >= 0
    row, source, codes = row[speaks], source[speaks], codes[speaks]
    matrix = np.full((len(ids), len(names)), -1, dtype=np.int64)
    matrix[row, source] = codes
    other = np.flatnonzero(matrix[row, source] != codes)
    if len(other):
        said = ids[row[other[0]]], names[source[other[0]]]
        raise InputError(
            f"--votes: {said[1]} labels row {said[0]!r} more than once, in different ways ({len(other)} such votes); "
            "keep one vote a source and row"
        )
    return names.tolist(), matrix, labels, notes


def _rows_of_votes(of: pd.Series, ids: np.ndarray) -> np.ndarray:
    """The row of each vote, (m,) int64, -1 for one that is of none; ids that are text are compared as text."""
    if ids.dtype == object:
        return pd.Index(ids.astype(str)).get_indexer(pd.Index(of.astype(str)))
    numbers: Any = pd.to_numeric(of, errors="coerce")
    return pd.Index(ids).get_indexer(pd.Index(numbers.fillna(-1).astype(np.int64)))


def expanded(options: str, names: Sequence[str]) -> list[str]:
    """The columns that ``"rule_*,gpt"`` means, in the order of the table, each once.

    Raises
    ------
    InputError
        If a part fits no column.
    """
    found: set[str] = set()
    for part in (each.strip() for each in options.split(",")):
        fitting = [name for name in names if name == part] or [name for name in names if fnmatchcase(name, part)]
        if not fitting:
            raise InputError(f"--sources: no column is called {part!r}{did_you_mean(part, names)}; there are "
                             f"{some_ids(names, 20)}")  # fmt: skip
        found.update(fitting)
    return [name for name in names if name in found]
