"""Rows as points of a plane: principal components, or neighbourhoods as t-SNE lays them out. Arrays in, arrays out."""

from collections.abc import Iterator

import numpy as np

SIDE = 65535  # both coordinates of a point are whole numbers from 0 to this
AXES = 50  # principal components that neighbourhoods are looked for in, as is usual
PASSES = 4  # of 250 iterations each, the fewest that scikit-learn makes
FEWEST = 12  # rows of which it makes sense to ask for neighbours
PERPLEXITY, EXAGGERATION = 30.0, 12.0
NEAREST = 3  # rows of the sample between which another row is put


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows (m, d) scaled to length 1, float32, as neighbours are compared; a row of no direction is all zeros."""
    values = np.nan_to_num(np.asarray(rows, dtype=np.float32), posinf=0, neginf=0)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return np.divide(values, lengths, out=np.zeros_like(values), where=lengths > 0)


def principal_axes(rows: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The mean (d,) and the first principal components (d, k) of rows (m, d), float32, 2 <= k <= `AXES`."""
    from sklearn.decomposition import PCA

    mean, count = rows.mean(axis=0), min(AXES, *rows.shape)
    axes = np.zeros((rows.shape[1], max(2, count)), dtype=np.float32)
    if (rows != rows[0]).any():
        axes[:, :count] = np.asarray(PCA(count, random_state=seed).fit(rows).components_).T
    return mean, axes


def framed(points: np.ndarray) -> np.ndarray:
    """Points (n, 2) as whole numbers in a square, (n, 2) uint16: both axes by one factor, the middle in the middle."""
    low, high = points.min(axis=0), points.max(axis=0)
    length = float((high - low).max())
    scaled = (points - (low + high) / 2) * (SIDE / length if length > 0 else 0) + SIDE / 2
    return np.rint(scaled).clip(0, SIDE).astype(np.uint16)


def neighbourhoods(points: np.ndarray, seed: int = 0) -> Iterator[np.ndarray]:
    """What t-SNE makes of points (m, k), m >= `FEWEST`: (m, 2) float32 after each of `PASSES` passes.

    It starts from the first two coordinates. The first pass pulls groups together (early exaggeration), the others are
    as any later iteration. Source: van der Maaten and Hinton, JMLR 9 (2008), by scikit-learn.
    """
    from sklearn.manifold import TSNE

    now = points[:, :2] / max(float(points[:, 0].std()), 1e-12) * 1e-4
    rate = max(len(points) / EXAGGERATION / 4, 50.0)
    for number in range(PASSES):
        one = TSNE(
            init=np.ascontiguousarray(now, dtype=np.float32), max_iter=250, random_state=seed, learning_rate=rate,  # pyright: ignore[reportArgumentType]
            early_exaggeration=1.0 if number else EXAGGERATION, perplexity=min(PERPLEXITY, (len(points) - 1) / 3),
        )  # fmt: skip
        now = one.fit_transform(points)
        yield now


def placed(points: np.ndarray, sample: np.ndarray, layout: np.ndarray) -> np.ndarray:
    """Where points (m, k) belong among those of a sample (s, k) that lie at `layout` (s, 2), (m, 2) float32."""
    count = min(NEAREST, len(sample))
    squares = np.square(points).sum(1)[:, None] - 2 * points @ sample.T + np.square(sample).sum(1)
    nearest = np.argpartition(squares, count - 1, axis=1)[:, :count]
    distances = np.sqrt(np.take_along_axis(squares, nearest, axis=1).clip(0))
    weights = 1 / (distances + 1e-3 * (distances.mean(axis=1, keepdims=True) + 1e-9))
    weights /= weights.sum(axis=1, keepdims=True)
    return (layout[nearest] * weights[:, :, None]).sum(axis=1).astype(np.float32)
