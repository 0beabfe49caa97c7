"""The section on copies: rows of equal or nearly equal input, and those of them whose labels contradict each other."""

from collections import Counter
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from mislabel.data.lookalikes import shape
from mislabel.report.findings import Findings
from mislabel.report.formatting import label_text, short
from mislabel.run.kept_inputs import comparable_column, each_input

MOST_GROUPS, MOST_IDS, EXCERPT, LONGEST_NAME = 20, 5, 160, 60


@dataclass(frozen=True)
class Contradiction:
    """Copies that do not all carry the same label.

    Attributes
    ----------
    ids : list of str
        Of the first of them.
    more : int
        Further rows.
    labels : list of (str, int)
        Each label and its rows, the most frequent first.
    equal : bool
        Whether the inputs are equal, and not only nearly.
    text : str or None
        The beginning of the first one; None where inputs are something else.
    """

    ids: list[str]
    more: int
    labels: list[tuple[str, int]]
    equal: bool
    text: str | None


def copies_section(findings: Findings) -> dict[str, Any]:
    """The section; empty where the run keeps no inputs, or no two judged rows are copies.

    Texts are nearly equal if they differ only in case, spaces, invisible characters or the way their letters are
    encoded. Other inputs are compared as they are.
    """
    position = findings.run.rows.position
    if position is None or not findings.run.keeps_inputs:
        return {}
    rows, numbers = findings.worst_first, _digests(findings)
    if position.min(initial=0) < 0 or position.max(initial=-1) >= numbers.shape[1]:
        return {}  # in a damaged run: inputs that are not there are a dash elsewhere, too
    exact, near = numbers[:, position[rows]]
    _, group, sizes = np.unique(near, return_inverse=True, return_counts=True)
    copied = np.flatnonzero(sizes[group] > 1)
    copied = copied[np.argsort(group[copied], kind="stable")]  # group after group, the worst row of each first
    if not len(copied):
        return {}
    groups = np.split(copied, np.flatnonzero(np.diff(group[copied])) + 1)
    given = findings.given[rows]
    contradictions = [each for each in groups if len(np.unique(given[each])) > 1]
    contradictions.sort(key=lambda each: each[0])
    return {
        "groups": len(groups),
        "rows": len(copied),
        "near": sum(len(np.unique(exact[each])) > 1 for each in groups),
        "contradictions": len(contradictions),
        "rows_in_them": sum(map(len, contradictions)),
        "shown": [_contradiction(findings, rows[each], exact[each]) for each in contradictions[:MOST_GROUPS]],
    }


def _digests(findings: Findings) -> np.ndarray:
    """Numbers (2, N) uint64, in the order of the data, that are equal where inputs are, and where they nearly are."""
    path = findings.run.folder.inputs
    numbers = [(_number(value), _number(_nearly(value))) for value in each_input(path, comparable_column(path))]
    return np.array(numbers, dtype=np.uint64).reshape(-1, 2).T


def _nearly(value: str | bytes | None) -> str | bytes | None:
    return shape(value) if isinstance(value, str) else value


def _number(value: str | bytes | None) -> int:
    data = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value or b""
    return int.from_bytes(blake2b(data, digest_size=8).digest())


def _contradiction(findings: Findings, rows: np.ndarray, exact: np.ndarray) -> Contradiction:
    names = Counter(short(label_text(findings.classes[code]), LONGEST_NAME) for code in findings.given[rows].tolist())
    ids = findings.run.rows.ids.take(rows[:MOST_IDS]).to_pylist()
    content = findings.run.inputs_by_id(ids[:1]).get(ids[0])
    return Contradiction(
        ids=[str(id) for id in ids],
        more=len(rows) - len(ids),
        labels=names.most_common(),
        equal=len(np.unique(exact)) == 1,
        text=short(content, EXCERPT) if isinstance(content, str) else None,
    )
