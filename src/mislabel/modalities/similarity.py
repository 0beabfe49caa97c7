"""How near rows and sentences are to each other in one space."""

import numpy as np

ROWS_AT_ONCE = 1 << 14


def cosines(rows: np.ndarray, sentences: np.ndarray, chosen: np.ndarray | None = None) -> np.ndarray:
    """The cosine of every row with every sentence, (m, S) float32.

    Parameters
    ----------
    rows : (n, d) float32
        Of unit length.
    sentences : (S, d) float32
        Of unit length.
    chosen : (m,) int64, optional
        Which rows, all n without it; they are not copied.
    """
    chosen = np.arange(len(rows)) if chosen is None else chosen
    result = np.empty((len(chosen), len(sentences)), dtype=np.float32)
    for begin in range(0, len(chosen), ROWS_AT_ONCE):
        part = chosen[begin : begin + ROWS_AT_ONCE]
        np.matmul(rows[part], sentences.T, out=result[begin : begin + len(part)])
    return result
