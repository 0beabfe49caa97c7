"""Texts as a Dataset holds them: each is a string that UTF-8 can hold, and the empty ones are known."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from mislabel.data.columns import as_list, kind_word
from mislabel.data.inputs import CAPTION, RawInputs
from mislabel.data.plan import Join
from mislabel.errors import InputError, some_ids
from mislabel.tables.arrow import frame_of
from mislabel.tables.characters import is_blank, utf8_safe
from mislabel.tables.formulas import restored

SEPARATOR = "\n"  # between the texts of several columns


class Texts(list[str], RawInputs):
    """n texts.

    Attributes
    ----------
    pair : bool
        Whether each is two texts, of which the first is the first line: a tokenizer reads them as its pair.
    """

    modality: ClassVar[str] = "text"
    repeated: ClassVar[str] = "Texts"

    def __init__(self, texts: Iterable[str] = (), pair: bool = False):
        super().__init__(texts)
        self.pair = pair

    def take(self, index: np.ndarray) -> "Texts":
        return Texts((self[position] for position in index), self.pair)

    def contents(self) -> Iterator[bytes]:
        return (text.encode("utf-8", "surrogatepass") for text in self)

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
    notes = []
    safe = [utf8_safe(text) for text in texts] if kinds <= {str} else [utf8_safe(str(text)) for text in texts]
    mended = sum(before != after for before, after in zip(texts, safe, strict=True))
    if mended:
        notes.append(f"Texts with broken characters (lone surrogates), now replaced by U+FFFD: {mended}.")
    empty = np.fromiter(map(is_blank, safe), dtype=bool, count=len(safe))
    if empty.any():
        rows = some_ids(ids[position] for position in np.flatnonzero(empty))
        notes.append(f"Rows with an empty text, kept but not judged: {int(empty.sum())}; rows {rows}.")
    return Texts(safe), empty, notes
