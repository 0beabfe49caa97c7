"""votes.parquet, row by row: who labelled a row, as what, and how probable it is that this is wrong."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from mislabel.run.opening import open_parquet
from mislabel.run.rows import positions_among


@dataclass(frozen=True, eq=False)
class RowVotes:
    """The votes on n rows, those on one row behind each other.

    Attributes
    ----------
    begins : (n + 1,) int64
        Where the votes on each row begin.
    sources, labels : pyarrow Array
        Of the votes.
    p_wrong : (m,) float64
    """

    begins: np.ndarray
    sources: pa.Array
    labels: pa.Array
    p_wrong: np.ndarray

    def of(self, row: int) -> list[tuple[str, object, float]]:
        """Source, label and probability that it is wrong of each vote on a row, the least wrong first."""
        votes = range(int(self.begins[row]), int(self.begins[row + 1]))
        found = [(self.sources[vote].as_py(), self.labels[vote].as_py(), float(self.p_wrong[vote])) for vote in votes]
        return sorted(found, key=lambda vote: (vote[2], vote[0]))


def read_row_votes(path: Path, ids: pa.Array) -> RowVotes | None:
    """The votes of a run on the rows with these ids (n,); None where one label a row was given."""
    if not path.is_file():
        return None
    with open_parquet(path) as file:
        table = file.read()
    rows = positions_among(table["id"].combine_chunks(), ids)
    order = np.argsort(rows, kind="stable")
    begins = np.searchsorted(rows[order], np.arange(len(ids) + 1))
    sorted_table = table.take(pa.array(order))
    sources, labels, wrong = (sorted_table[name].combine_chunks() for name in ("source", "label", "p_wrong"))
    return RowVotes(begins, sources, labels, wrong.to_numpy(zero_copy_only=False))
