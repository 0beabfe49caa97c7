"""Texts and features as they are now against what a run kept of them: are these still the rows that it read?

Pictures are left alone: a run keeps small ones, of which nothing tells whether they are the same.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np

from mislabel.data.inputs import RawInputs
from mislabel.errors import InputError
from mislabel.exchange.source_table import Original
from mislabel.modalities.features import FeatureEncoding, Features, check_features
from mislabel.modalities.loading import feature_values
from mislabel.modalities.text.checks import check_texts
from mislabel.modalities.text.texts import Texts
from mislabel.run.contents import read_contents, told_by
from mislabel.run.reading import Rows
from mislabel.tables.formulas import restored

BY_PLACE_ALONE = "rows were matched by their place alone: they have no ids, and nothing else shows whether they moved"


def same_input(inputs: RawInputs, column: str) -> Callable[[int, Any], bool]:
    """Tells of a place in texts or features whether a run read the same, but for what a CSV export does to formulas.

    `column` is that of the run's inputs, see `mislabel.run.contents.told_by`.
    """
    if isinstance(inputs, Features) and column == "digest":
        known = list(zip(inputs.digests(), inputs.digests(restored), strict=True))
        return lambda place, then: then in known[place]
    if isinstance(inputs, Features):  # a run of before there were digests
        plain = Features(inputs.matrix, _restored(inputs.encoding))
        return lambda place, then: inputs.caption(place) == then or plain.caption(place) == then
    texts = cast(Texts, inputs)
    return lambda place, then: texts[place] == then or restored(texts[place]) == then


def only_place_tells(original: Original, rows: Rows) -> bool:
    """Whether the rows have no ids, and nothing else shows which row of the data is which of the run."""
    return original.roles["id"] is None and not _comparable(original, rows)


def other_inputs(original: Original, rows: Rows, row_of: np.ndarray) -> list[int]:
    """The places in the data whose input is not what the run read in its row; none where nothing can be compared.

    Parameters
    ----------
    row_of : (n,) int64
        The row of the audit for each row of the data, -1 for none.
    """
    if rows.place is None or not _comparable(original, rows):
        return []
    places = np.flatnonzero(row_of >= 0)
    column = told_by(original.inputs)
    same = same_input(_inputs(original, rows), column)
    kept = read_contents(original.inputs, rows.place[row_of[places]], column)
    return [place for place, then in zip(places.tolist(), kept, strict=True) if not same(place, then)]


def _comparable(original: Original, rows: Rows) -> bool:
    column = original.roles.get(rows.modality)
    if rows.modality not in ("text", "features") or column is None or column.endswith(".npy"):
        return False  # a matrix in a file of its own stays in its order whatever becomes of the table
    return rows.place is not None and original.inputs.is_file()


def _inputs(original: Original, rows: Rows) -> RawInputs:
    """The inputs as the run would read them now."""
    roles, table = original.roles, original.table
    column, ids = roles[rows.modality] or "", np.arange(len(original.labels))
    if rows.modality == "text":
        if column not in table.names:
            raise InputError(
                f'{original.source} has no text column "{column}", which shows whether rows without ids are those of '
                "the run: give the data as they were then with --data"
            )
        return Texts(check_texts(table.column(column), ids, column)[0])
    others = [roles[what] for what in ("label", "gold", "id", "split")]
    return check_features(feature_values(table.frame(), column, others), ids, column)[0]


def _restored(encoding: FeatureEncoding) -> FeatureEncoding:
    columns = (
        replace(column, name=restored(column.name), levels=tuple(map(restored, column.levels)))
        for column in encoding.columns
    )
    return FeatureEncoding(tuple(columns))
