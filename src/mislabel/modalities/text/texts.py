"""Texts as a Dataset holds them: each is a string that UTF-8 can hold, and the empty ones are known."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, ClassVar, overload

import numpy as np
import pandas as pd
import pyarrow as pa

from mislabel.data.columns import as_list, kind_word
from mislabel.data.inputs import CAPTION, RawInputs
from mislabel.data.plan import Join
from mislabel.errors import InputError, some_ids
from mislabel.tables.arrow import checked_text, frame_of
from mislabel.tables.characters import is_blank, utf8_safe
from mislabel.tables.formulas import restored
from mislabel.tables.spool import mapped

SEPARATOR = "\n"  # between the texts of several columns
AT_ONCE, BATCH = 1 << 12, 1 << 16  # rows that are Python strings at a time, and in one batch of a file
IN_MEMORY = 1 << 26  # bytes: below, a file is not worth it


class Texts(Sequence[str], RawInputs):
    """n texts in Arrow, which become Python strings a block at a time; immutable.

    Parameters
    ----------
    texts : iterable of str, or Arrow column
        None of them missing; where many bytes, they lie in a mapped file.
    pair : bool
        Whether each is two texts, of which the first is the first line: a tokenizer reads them as its pair.
    """

    modality: ClassVar[str] = "text"
    repeated: ClassVar[str] = "Texts"

    def __init__(self, texts: Iterable[str] | pa.Array | pa.ChunkedArray = (), pair: bool = False):
        self._stored, self.pair = _stored(texts), pair
        self._rows: np.ndarray | None = None  # those that are meant, where not all of them

    def __len__(self) -> int:
        return len(self._stored) if self._rows is None else len(self._rows)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return [self[position] for position in range(len(self))[place]]
        position = range(len(self))[place]
        return self._stored[position if self._rows is None else int(self._rows[position])].as_py()

    def __iter__(self) -> Iterator[str]:
        if self._rows is not None:
            return (self._stored[row].as_py() for row in self._rows.tolist())
        blocks = (self._stored.slice(begin, AT_ONCE) for begin in range(0, len(self._stored), AT_ONCE))
        return (text for block in blocks for text in block.to_pylist())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(own == text for own, text in zip(self, other, strict=True))

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def take(self, index: np.ndarray) -> "Texts":
        part, rows = Texts(pair=self.pair), np.asarray(index, dtype=np.int64)
        part._stored, part._rows = self._stored, rows if self._rows is None else self._rows[rows]
        return part

    def contents(self) -> Iterator[bytes]:
        return (text.encode("utf-8") for text in self)

    def caption(self, position: int) -> str:
        text = " ".join(self[position].split())
        return text if len(text) <= CAPTION else text[: CAPTION - 1] + "…"

    def in_words(self, position: int) -> str:
        return self[position]

    def kept(self, positions: range) -> Iterator[str]:
        return (self[position] for position in positions)

    def matcher(self, column: str) -> Callable[[int, Any], bool]:
        """The same text, or that text with the apostrophe that a CSV export puts before formulas."""
        return lambda position, before: _same(self[position], before) or restored(self[position]) == before


def _stored(texts: Iterable[str] | pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts as one column of large strings, in a mapped file where they are many bytes."""
    column: Any = texts
    if isinstance(texts, pa.Array):
        column = pa.chunked_array([texts])
    elif not isinstance(texts, pa.ChunkedArray):
        left, nothing = iter(texts), pa.array([], pa.large_string())
        blocks = iter(lambda: pa.array(islice(left, AT_ONCE), pa.large_string()), nothing)
        column = pa.chunked_array(list(blocks), pa.large_string())
    column = column.cast(pa.large_string())
    # More bytes than Arrow holds in memory are mapped already, as those of a spool are.
    if column.nbytes <= IN_MEMORY or column.nbytes > pa.total_allocated_bytes():
        return column
    schema = pa.schema([("text", pa.large_string())])
    batches = (pa.record_batch([part], schema=schema) for part in _parts(column))
    return mapped(batches, schema).column(0)


def _parts(column: pa.ChunkedArray) -> Iterator[pa.Array]:
    for chunk in column.chunks:
        for begin in range(0, len(chunk), BATCH):
            yield chunk.slice(begin, BATCH)


def arrow_texts(values: Any) -> pa.ChunkedArray | None:
    """A column that holds a text in every row as Arrow has it, without a copy; None for any other."""
    if isinstance(values, pd.DataFrame) and values.shape[1] == 1:
        values = values.iloc[:, 0]
    if isinstance(values, pd.Series) and isinstance(values.dtype, pd.StringDtype):
        values = pa.array(values.array)
    if not isinstance(values, pa.Array | pa.ChunkedArray) or values.null_count:
        return None
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        return None
    return checked_text(values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([values]))


def _same(text: str, before: Any) -> bool:
    """Whether a text is the one that was read before; those of several columns may have been joined otherwise."""
    return text == before or (isinstance(before, str) and SEPARATOR in before and text.split() == before.split())


def joined_columns(table: Any, ids: Any, name: str, join: Join = "lines") -> Any:
    """The texts (n,) of several columns, one after the other with a line break between, or of one as they are.

    Blank cells are left out; of a pair they are not, and line breaks in its first text become spaces, so that the first
    line is the first text.

    Parameters
    ----------
    table : DataFrame or Arrow table
    ids : sequence
        n ids, for the messages.
    name : str
        What the texts are called, for the messages.

    Raises
    ------
    InputError
        If a cell is neither a string nor missing, or a pair is not of two columns.
    """
    frame = frame_of(table) if isinstance(table, pa.Table) else table
    columns = [frame.iloc[:, position] for position in range(frame.shape[1])]
    if join == "pair" and len(columns) != 2:
        raise InputError(f"{name}: join is 'pair', which is for two columns of texts; {len(columns)} were given")
    if len(columns) == 1:
        return columns[0]
    cells = []
    for title, column in zip(frame.columns, columns, strict=True):
        values = column.astype(object).where(column.notna(), "").tolist()
        wrong = [position for position, value in enumerate(values) if not isinstance(value, str)]
        if wrong:
            kinds = sorted({kind_word(values[position]) for position in wrong})
            raise InputError(
                f'{name}: {len(wrong)} rows hold no text but {", ".join(kinds)} in the column "{title}": rows '
                f"{some_ids(ids[position] for position in wrong)}. Columns are joined as texts: turn them into text"
            )
        cells.append(values)
    if join == "pair":
        return [SEPARATOR.join((" ".join(first.splitlines()), second)) for first, second in zip(*cells, strict=True)]
    return [SEPARATOR.join(part for part in row if not is_blank(part)) for row in zip(*cells, strict=True)]


def check_texts(values: Any, ids: Any, name: str) -> tuple[Texts, np.ndarray, list[str]]:
    """The texts, which of them are empty, and what was done to them.

    Parameters
    ----------
    values : sequence of str
        n texts.
    ids : sequence
        n ids, for the messages.
    name : str
        What the texts are called, for the messages.

    Returns
    -------
    texts : Texts
        n texts that UTF-8 can hold.
    empty : (n,) bool
        Where a text has nothing to read.
    notes : list of str

    Raises
    ------
    InputError
        If a value is not a string.
    """
    column, notes = arrow_texts(values), []
    if column is None:
        listed = _strings(values, ids, name)
        safe = [utf8_safe(text) for text in listed]
        mended = sum(before != after for before, after in zip(listed, safe, strict=True))
        if mended:
            notes.append(f"Texts with broken characters (lone surrogates), now replaced by U+FFFD: {mended}.")
        column = safe
    texts = Texts(column)
    empty = np.fromiter(map(is_blank, texts), dtype=bool, count=len(texts))
    if empty.any():
        rows = some_ids(ids[position] for position in np.flatnonzero(empty))
        notes.append(f"Rows with an empty text, kept but not judged: {int(empty.sum())}; rows {rows}.")
    return texts, empty, notes


def _strings(values: Any, ids: Any, name: str) -> list[str]:
    """A column as plain strings; see `check_texts`."""
    texts = as_list(values, name)
    kinds = set(map(type, texts))
    if not all(issubclass(kind, str) for kind in kinds):
        wrong = [position for position, text in enumerate(texts) if not isinstance(text, str)]
        kinds_found = sorted({kind_word(texts[position]) for position in wrong})
        raise InputError(
            f"{name}: {len(wrong)} of {len(texts)} rows hold no text but {', '.join(kinds_found)}: rows "
            f"{some_ids(ids[position] for position in wrong)}. Every row needs a string; fill these rows, turn them "
            "into text, or leave them out"
        )
    return texts if kinds <= {str} else [str(text) for text in texts]
