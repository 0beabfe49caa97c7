"""What training leaves behind per row and pass, on disk as one plain .npy file per quantity.

A *pass* is one look at every training row: an epoch, or one view of it where a stage trains on two views.
The files are memory maps of shape (passes, rows), so memory does not grow with epochs. A row that a pass did not
look at holds -1 (prediction) or NaN (the rest).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mislabel.disk import new_map, open_map
from mislabel.dynamics.files import Count, Digests, check_parts, keep_digest, map_array, read_manifest
from mislabel.dynamics.trajectory import Trajectory
from mislabel.errors import RunError
from mislabel.files import atomic_write, private_folder

SCHEMA = 1
QUANTITIES: dict[str, type[np.generic]] = {"prediction": np.int32, "loss": np.float32, "margin": np.float32}
UNSEEN: dict[str, float] = {"prediction": -1, "loss": np.nan, "margin": np.nan}


@dataclass(frozen=True)
class Pass:
    """Which stage, epoch and view (0 weak, 1 strong) a pass belongs to."""

    stage: str
    epoch: int
    view: int


@dataclass(frozen=True)
class Manifest:
    """What manifest.json says."""

    rows: Count
    done: Count
    passes: list[Pass]
    digests: Digests = field(default_factory=Digests)


class DynamicsStore:
    """The recorded passes of one run.

    Parameters
    ----------
    passes : list of Pass
        Every pass that the run will make, in order.
    rows : int
        Number of training rows.
    folder : Path, optional
        Where the files lie; without it everything stays in memory.
    resume : bool
        Continue in files that are there already instead of starting new ones.
    read_only : bool
        Take what the folder holds into memory and leave the files alone.
    follows : bool
        Another process writes the files, which are there by now; this one maps them, and is told when a pass is over.

    Attributes
    ----------
    prediction : (passes, rows) int32
        Class predicted in training mode, while the weights were being learnt.
    loss : (passes, rows) float32
        Cross-entropy of the given label.
    margin : (passes, rows) float32
        Logit of the given label minus the largest other logit.
    done : int
        How many passes are complete.
    trajectory : Trajectory or None
        Embeddings by epoch, where a stage records them.
    evaluation : (branches, rows) float32 or None
        Each branch's cross-entropy of the given label in evaluation mode after the last epoch, where its stage asks
        for it. In memory alone: a run that continues looks again.
    probabilities : (branches, rows, classes) float32 or None
        Each branch's class probabilities by then, likewise.
    asked : (rows, classes) float32 and (rows, d) float16, or None
        Class probabilities and embeddings in evaluation mode when the epochs are over for which a stage lets rows wait;
        in memory alone, and for the loss of that epoch's end alone.
    """

    def __init__(
        self,
        passes: list[Pass],
        rows: int,
        folder: Path | None = None,
        *,
        resume: bool = False,
        read_only: bool = False,
        follows: bool = False,
    ):
        resume = resume or read_only or follows
        self.passes: list[Pass] = passes
        self.rows: int = rows
        self.done = 0
        self.trajectory: Trajectory | None = None
        self.evaluation: np.ndarray | None = None
        self.probabilities: np.ndarray | None = None
        self.asked: tuple[np.ndarray, np.ndarray] | None = None
        self._digests: dict[str, list[str]] = {name: [] for name in QUANTITIES}
        if folder is not None and resume:
            self.done, self._digests = _check_manifest(folder, passes, rows)
        shape = (len(passes), rows)
        self._arrays = {
            name: _array(folder, name, shape, dtype, resume, read_only or follows) for name, dtype in QUANTITIES.items()
        }
        if read_only:
            self._arrays = {name: np.array(array) for name, array in self._arrays.items()}
        self.folder: Path | None = None if read_only or follows else folder
        self.follows: bool = follows
        self._source = folder
        self._write_manifest()

    @staticmethod
    def bytes_needed(passes: int, rows: int) -> int:
        """Size on disk, in bytes."""
        return passes * rows * sum(np.dtype(dtype).itemsize for dtype in QUANTITIES.values())

    @property
    def in_memory(self) -> bool:
        """Whether it has no files."""
        return self._source is None

    @property
    def prediction(self) -> np.ndarray:
        return self._arrays["prediction"][: self.done]

    @property
    def loss(self) -> np.ndarray:
        return self._arrays["loss"][: self.done]

    @property
    def margin(self) -> np.ndarray:
        return self._arrays["margin"][: self.done]

    def of_stage(self, stage: str) -> np.ndarray:
        """Positions of the completed passes of a stage, (p,) int64."""
        return np.array([k for k, each in enumerate(self.passes[: self.done]) if each.stage == stage], dtype=np.int64)

    def write(self, number: int, recorded: dict[str, np.ndarray]) -> None:
        """Store pass `number`; passes are written in order and may be written again after a resume."""
        for name, array in self._arrays.items():
            array[number] = recorded[name]
        self.done = number
        self.end(number + 1)

    def put(self, number: int, rows: np.ndarray, recorded: dict[str, np.ndarray]) -> None:
        """Store what is known of some rows (k,) int64 of pass `number`, (k,) each; `end` then says that it is whole."""
        for name, array in self._arrays.items():
            array[number, rows] = recorded[name]

    def put_epoch(self, rows: np.ndarray, values: Sequence[np.ndarray]) -> None:
        """Store what is known of some rows (k,) int64 of the next passes: for each its `QUANTITIES`, (k,) each."""
        for begin in range(0, len(values), len(QUANTITIES)):
            recorded = dict(zip(QUANTITIES, values[begin:], strict=False))
            self.put(self.done + begin // len(QUANTITIES), rows, recorded)

    def end(self, done: int) -> None:
        """Passes up to the first `done` are whole. Whoever follows is told when they are flushed."""
        for name, array in self._arrays.items():
            if self.folder is None:  # of files that stay as they are, if there are any
                del self._digests[name][self.done :]
                continue
            for number in range(self.done, done):
                keep_digest(self._digests[name], number, array[number])
        if self.follows and self._source is not None:  # mapped anew: pages that were read before may be old elsewhere
            shape = (len(self.passes), self.rows)
            self._arrays = {n: map_array(self._source / f"{n}.npy", shape, dtype) for n, dtype in QUANTITIES.items()}
        self.done = done

    def flush(self) -> None:
        """Make what was written safe against a crash."""
        for array in self._arrays.values():
            if isinstance(array, np.memmap):
                array.flush()
        self._write_manifest()

    def rewind(self, done: int) -> None:
        """Forget the passes after the first `done`, when a run continues from an earlier checkpoint.

        Raises
        ------
        RunError
            If one of those that are kept is not as it was written.
        """
        self.done: int = done
        self._digests = {name: known[:done] for name, known in self._digests.items()}
        if not self.follows:  # whoever writes has looked
            self.check()

    def check(self) -> None:
        """Raise RunError where a pass in the folder is not as it was written."""
        if self._source is not None:
            for name, known in self._digests.items():
                check_parts(self._source / f"{name}.npy", self._arrays[name], known)

    def _write_manifest(self) -> None:
        if self.folder is not None:
            manifest = {
                "schema": SCHEMA,
                "rows": self.rows,
                "done": self.done,
                "passes": [asdict(each) for each in self.passes],
                "quantities": {name: np.dtype(dtype).name for name, dtype in QUANTITIES.items()},
                "digests": self._digests,
            }
            atomic_write(self.folder / "manifest.json", json.dumps(manifest, indent=1))


def open_dynamics(folder: Path) -> DynamicsStore:
    """Read the dynamics of a finished run."""
    manifest = _read_manifest(folder)
    store = DynamicsStore(manifest.passes, manifest.rows, folder, read_only=True)
    store.check()
    return store


def _array(
    folder: Path | None, name: str, shape: tuple[int, int], dtype: type[Any], resume: bool, read_only: bool
) -> np.ndarray:
    if folder is None:
        return np.full(shape, UNSEEN[name], dtype=dtype)
    path = folder / f"{name}.npy"
    if resume:
        array = map_array(path, shape, dtype)
        return array if read_only else open_map(path)
    private_folder(folder)
    array = new_map(path, shape, dtype)
    for number in range(shape[0]):  # row by row: the file may be larger than memory
        array[number] = UNSEEN[name]
    return array


def _read_manifest(folder: Path) -> Manifest:
    return read_manifest(folder / "manifest.json", SCHEMA, Manifest)


def _check_manifest(folder: Path, passes: list[Pass], rows: int) -> tuple[int, dict[str, list[str]]]:
    """How many passes are whole, and the digests of what they recorded; RunError where they are another run's."""
    manifest = _read_manifest(folder)
    for name, wanted in (("rows", rows), ("passes", passes)):
        if getattr(manifest, name) != wanted:
            raise RunError(f"{folder / 'manifest.json'}: {name} differ from this run's; never mixed, start a new run")
    return min(manifest.done, len(passes)), {name: manifest.digests.get(name, []) for name in QUANTITIES}
