"""The tokens of many texts, made chunk by chunk and kept as one flat array, which lies in a file where it is large."""

import mmap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from typing import IO

import numpy as np

from mislabel.disk import telling_full_disk

CHARACTERS_PER_TOKEN = 200  # far above what any tokenizer reaches on real text
TEXTS_AT_ONCE, CHARACTERS_AT_ONCE = 1000, 1 << 20  # a tokenizer's own objects take 200 bytes a token
IN_MEMORY = 1 << 25  # bytes of tokens: below, a file is not worth it

Rows = tuple[list[list[int]], np.ndarray]  # the tokens of each text of a chunk, and which texts had more, (c,) bool


@dataclass(frozen=True, eq=False)
class Tokens:
    """The tokens of n texts.

    Attributes
    ----------
    flat : (t,) int32
        One text after the other.
    lengths : (n,) int64
        Tokens per text.
    empty : (n,) bool
        Texts without any known token.
    truncated : int
        How many texts lost tokens.
    """

    flat: np.ndarray
    lengths: np.ndarray
    empty: np.ndarray
    truncated: int


def tokenised(
    texts: Iterable[str],
    most_characters: int,
    tokens_of: Callable[[list[str]], Rows],
    finish: Callable[[list[int]], list[int]],
    unread: np.ndarray,
    folder: Path | None = None,
    told: Callable[[int], None] = lambda texts: None,
) -> Tokens:
    """Tokenise texts.

    Parameters
    ----------
    texts : iterable of n str
    most_characters : int
        Of a text; what is behind them is cut.
    tokens_of : callable
        Gives the tokens of a chunk of texts.
    finish : callable
        What becomes of the tokens of a text; at least one.
    unread : (s,) int
        Tokens that say nothing of a text.
    folder : Path, optional
        Where the tokens lie when they are many, in a file without a name, which goes with the process however it ends;
        by default where temporary files are.
    told : callable
        Told after each chunk of how many texts it was.

    Raises
    ------
    DiskFull
        If they do not fit.
    """
    lengths, empty, truncated = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=bool)], 0
    with telling_full_disk(folder or Path(gettempdir())), TemporaryFile(dir=folder) as file:
        for chunk, cut in _chunks(texts, most_characters):
            rows, over = tokens_of(chunk)
            truncated += int(np.count_nonzero(over | cut))
            empty.append(~_with_other(rows, unread))
            rows = [finish(row) for row in rows]
            lengths.append(np.fromiter(map(len, rows), dtype=np.int64, count=len(rows)))
            file.write(_flat(rows).tobytes())
            told(len(chunk))
        flat = _read_back(file)
    return Tokens(flat, np.concatenate(lengths), np.concatenate(empty), truncated)


def _chunks(texts: Iterable[str], most: int) -> Iterator[tuple[list[str], np.ndarray]]:
    """Texts of which each is cut to so many characters, and which of them (c,) bool lost some."""
    chunk: list[str] = []
    lost: list[bool] = []
    size = 0
    for text in texts:
        chunk.append(text[:most])
        lost.append(len(text) > most)
        size += len(chunk[-1])
        if len(chunk) == TEXTS_AT_ONCE or size >= CHARACTERS_AT_ONCE:
            yield chunk, np.array(lost, dtype=bool)
            chunk, lost, size = [], [], 0
    if chunk:
        yield chunk, np.array(lost, dtype=bool)


def _with_other(rows: list[list[int]], these: np.ndarray) -> np.ndarray:
    """Which rows (c,) bool hold a token that is none of these."""
    seen = np.concatenate([[0], np.cumsum(~np.isin(_flat(rows), these))])
    ends = np.cumsum([len(row) for row in rows])
    return np.diff(seen[np.concatenate([[0], ends])]) > 0


def _flat(rows: list[list[int]]) -> np.ndarray:
    return np.fromiter(chain.from_iterable(rows), dtype=np.int32)


def _read_back(file: IO[bytes]) -> np.ndarray:
    """What a file holds, (t,) int32, mapped where it is large; closing the file does no harm."""
    size = file.tell()
    if size > IN_MEMORY:
        file.flush()
        return np.frombuffer(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ), dtype=np.int32)
    file.seek(0)
    return np.frombuffer(file.read(), dtype=np.int32)
