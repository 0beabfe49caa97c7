"""The map of a review: every row as a point, laid out in a thread of its own when it is first asked for."""

import threading
from dataclasses import dataclass, field

import numpy as np

from mislabel.errors import InputError, one_of
from mislabel.review.areas import Area
from mislabel.review.layouts import FEWEST, PASSES, framed, neighbourhoods, placed, principal_axes, unit
from mislabel.run.opening import Matrix
from mislabel.run.reading import Run
from mislabel.run.rows import Rows

LAYOUTS = ("pca", "tsne")
AXES_ROWS = 20_000  # that tell the principal components
SAMPLE = 4_000  # rows that t-SNE lays out; the others are put between those of them that are nearest
BLOCK = 2048  # rows at a time
NONE = 65535  # the code of no class
UNKNOWN = 255  # of P(wrong)


@dataclass
class Layout:
    """One way to lay rows out.

    Attributes
    ----------
    points : (n, 2) uint16 or None
        In the order of the audit; None until they are all there.
    progress : float
        0 to 1.
    failure : str or None
        Why there will be none.
    """

    points: np.ndarray | None = None
    progress: float = 0.0
    failure: str | None = None
    thread: threading.Thread | None = field(default=None, repr=False)


class Map:
    """All rows of a run on a plane, by their kept embeddings.

    Parameters
    ----------
    run : Run
    """

    def __init__(self, run: Run):
        self.rows: Rows = run.rows
        self.matrix: Matrix | None = run.matrix(run.folder.embeddings)
        self.layouts: dict[str, Layout] = {}
        self.lock: threading.Lock = threading.Lock()
        self.stopped: bool = False
        self._axes: tuple[np.ndarray, np.ndarray] | None = None

    def layout(self, name: str) -> Layout:
        """How far a layout is; a thread begins to make one that was not asked for before."""
        one_of("layout", name, LAYOUTS)
        with self.lock:
            if name not in self.layouts:
                layout = self.layouts[name] = Layout()
                layout.thread = threading.Thread(target=self._make, args=(name, layout), daemon=True)
                layout.thread.start()
            return self.layouts[name]

    def inside(self, text: str) -> np.ndarray:
        """The rows in an area, (n,) bool; waits for the principal components, which are there at once.

        Raises
        ------
        InputError
            If there is no such area, or it was drawn on a map that is not there.
        """
        area = Area.parse(text)
        layout = self.layout(area.layout)
        if area.layout == "pca" and layout.thread is not None:
            layout.thread.join()
        if layout.points is None:
            why = layout.failure or "it is being made: open the map, and wait for it"
            raise InputError(f"the map that these rows were chosen on is not there ({why}), or choose them again")
        return area.holds(layout.points)

    def encoded(self, name: str, decided: np.ndarray) -> bytes:
        """All points of a layout that is ready: little-endian x, y, given, suggested (uint16), P(wrong), flags (uint8).

        P(wrong) is in 1/254; of the flags 1 stands for a judged row, 2 for a decided one. `decided` is (n,) bool.
        """
        points = self.layouts[name].points
        assert points is not None
        labels = (self.rows.labels[f"{name}_label"] for name in ("given", "suggested"))
        codes = [np.where((codes >= 0) & (codes < NONE), codes, NONE) for codes in labels]
        p = self.rows.numbers["p_mislabeled"]
        known = self.rows.judged
        shares = np.where(known, np.rint(np.where(known, p, 0).clip(0, 1) * 254), UNKNOWN)
        flags = known + 2 * decided.astype(np.uint8)
        words = [column.astype("<u2") for column in (points[:, 0], points[:, 1], *codes)]
        return b"".join(part.tobytes() for part in (*words, shares.astype(np.uint8), flags.astype(np.uint8)))

    def wait(self, name: str) -> None:
        """Until a layout is made."""
        thread = self.layout(name).thread
        assert thread is not None
        thread.join()

    def close(self) -> None:
        """Ask the threads to end at their next step."""
        self.stopped = True

    def _make(self, name: str, layout: Layout) -> None:
        try:
            if self.matrix is None or self.rows.position is None:
                layout.failure = "this run keeps no embeddings"
                return
            made = self._principal(layout) if name == "pca" else self._neighbourhoods(layout)
            if made is not None:
                layout.points, layout.progress = framed(made[self.rows.position]), 1.0
        except Exception as error:  # the page says so; the review goes on without a map
            layout.failure = str(error) or type(error).__name__

    def _principal(self, layout: Layout) -> np.ndarray | None:
        """(N, 2) float32, in the order of the data."""
        mean, axes = self._principal_axes()
        return self._each_block(lambda block: (block - mean) @ axes[:, :2], layout, 0.1)

    def _neighbourhoods(self, layout: Layout) -> np.ndarray | None:
        assert self.matrix is not None
        mean, axes = self._principal_axes()
        chosen = self._some(SAMPLE)
        sample = (unit(self.matrix[chosen]) - mean) @ axes
        if len(chosen) < FEWEST:
            return self._principal(layout)
        at = sample[:, :2]
        for number, moved in enumerate(neighbourhoods(sample)):
            at = moved
            layout.progress = 0.05 + 0.75 * (number + 1) / PASSES
            if self.stopped:
                return None
        every = self._each_block(lambda block: placed((block - mean) @ axes, sample, at), layout, layout.progress)
        if every is not None:
            every[chosen] = at
        return every

    def _each_block(self, place, layout: Layout, begun: float) -> np.ndarray | None:
        """What `place` makes of all rows, unit vectors of a block at a time, (N, 2); None once the review ends."""
        assert self.matrix is not None
        count = len(self.matrix)
        points = np.empty((count, 2), dtype=np.float32)
        for begin in range(0, count, BLOCK):
            if self.stopped:
                return None
            block = unit(self.matrix.lines(begin, BLOCK))
            points[begin : begin + len(block)] = place(block)
            layout.progress = begun + (1 - begun) * begin / count
        return points

    def _principal_axes(self) -> tuple[np.ndarray, np.ndarray]:
        assert self.matrix is not None
        if self._axes is None:  # two threads may both find them: they find the same ones
            self._axes = principal_axes(unit(self.matrix[self._some(AXES_ROWS)]))
        return self._axes

    def _some(self, count: int) -> np.ndarray:
        """Places of at most so many rows that stand for all, the same ones each time, in order."""
        assert self.matrix is not None
        total = len(self.matrix)
        return np.sort(np.random.default_rng(0).permutation(total)[:count]) if total > count else np.arange(total)
