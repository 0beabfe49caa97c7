"""Trajectories: each branch's embedding and class probabilities of every row after every epoch, on disk in float16.

The files are mapped for one epoch or one batch at a time and let go again, so memory grows neither with epochs nor
with what was read.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from mislabel.disk import new_map, open_map
from mislabel.dynamics.files import Count, Digests, check_parts, keep_digest, map_array, read_manifest
from mislabel.errors import RunError
from mislabel.files import atomic_write, private_folder

SCHEMA = 1
HALF_MAX = 65504.0


@dataclass(frozen=True)
class Shape:
    """Sizes of a trajectory store.

    Attributes
    ----------
    epochs : int
    networks : int
        Branches with an embedding of their own.
    branches : int
        Branches with class probabilities of their own; more than `networks` where they share one.
    rows, dimension, classes : int
    """

    epochs: Count
    networks: Count
    branches: Count
    rows: Count
    dimension: Count
    classes: Count

    @property
    def bytes(self) -> int:
        """Size on disk."""
        each = self.networks * self.dimension + self.branches * self.classes
        return self.epochs * self.rows * each * np.dtype(np.float16).itemsize


@dataclass(frozen=True)
class Manifest:
    """What trajectory.json says."""

    done: Count
    shape: Shape
    digests: Digests = field(default_factory=Digests)


class Trajectory:
    """The trajectories of some rows.

    Parameters
    ----------
    shape : Shape
    folder : Path, optional
        Where embedding.npy (epochs, networks, rows, dimension) and probability.npy (epochs, branches, rows, classes)
        lie; without it everything stays in memory.
    resume : bool
        Continue in files that are there already.
    follows : bool
        Another process writes the files, which are there by now.

    Raises
    ------
    RunError
        If files to be continued are missing, cut short or of another shape.
    """

    def __init__(self, shape: Shape, folder: Path | None = None, *, resume: bool = False, follows: bool = False):
        self.shape: Shape = shape
        self.folder: Path | None = folder
        self.follows: bool = follows
        self.done = 0
        self._digests: dict[str, list[str]] = {name: [] for name in ("embedding", "probability")}
        sizes = {
            "embedding": (shape.epochs, shape.networks, shape.rows, shape.dimension),
            "probability": (shape.epochs, shape.branches, shape.rows, shape.classes),
        }
        self._memory: dict[str, np.ndarray] = {}
        self._reserved: set[str] = set()  # files that have room on the disk for all of them
        if folder is None:
            self._memory = {name: np.zeros(size, np.float16) for name, size in sizes.items()}
            return
        if resume or follows:
            self.done, self._digests = _check(folder, shape, sizes)
            return
        private_folder(folder)
        for name, size in sizes.items():
            new_map(folder / f"{name}.npy", size, np.float16)
        self.flush()

    def write(self, epoch: int, embedding: np.ndarray, probability: np.ndarray) -> None:
        """Store an epoch; epochs are written in order and may be written again after a resume.

        Parameters
        ----------
        embedding : (networks, rows, dimension) float
            Values beyond float16's range are cut to it.
        probability : (branches, rows, classes) float
        """
        self.put(epoch, slice(None), embedding, probability)
        self.end(epoch)

    def put(self, epoch: int, rows: np.ndarray | slice, embedding: np.ndarray, probability: np.ndarray) -> None:
        """Store what is known of some rows (k,) int64 of an epoch, as in `write`; `end` then says that it is whole."""
        for name, values in (("embedding", embedding), ("probability", probability)):
            part = self._open_to_write(name)[epoch]
            if isinstance(rows, slice):  # a view, with no copy of the values
                np.clip(values, -HALF_MAX, HALF_MAX, out=part[:, rows], casting="unsafe")
            else:
                part[:, rows] = np.clip(values, -HALF_MAX, HALF_MAX)

    def end(self, epoch: int) -> None:
        """An epoch is whole. Whoever follows is told once it is flushed."""
        for name in () if self.follows or self.folder is None else ("embedding", "probability"):
            array = self._open_to_write(name)
            assert isinstance(array, np.memmap)
            array.flush()
            keep_digest(self._digests[name], epoch, array[epoch])
        self.done = epoch + 1

    def embedding(self, epoch: int, network: int) -> np.ndarray:
        """One epoch of one network, (rows, dimension) float16, mapped."""
        return self._open("embedding")[epoch, network]

    def probability(self, epoch: int, branch: int) -> np.ndarray:
        """One epoch of one branch, (rows, classes) float32."""
        return self._open("probability")[epoch, branch].astype(np.float32)

    def of_rows(self, index: np.ndarray, network: int, epochs: list[int]) -> np.ndarray:
        """Trajectories of some rows, (b, len(epochs) x dimension) float32, epoch after epoch."""
        array = self._open("embedding")
        return np.concatenate([array[epoch, network][index] for epoch in epochs], axis=1).astype(np.float32)

    def rewind(self, done: int) -> None:
        """Forget the epochs after the first `done`, when a run continues from an earlier checkpoint.

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
        """Raise RunError where an epoch in the folder is not as it was written."""
        if self.folder is not None:
            for name, known in self._digests.items():
                check_parts(self.folder / f"{name}.npy", self._open(name), known)

    def flush(self) -> None:
        """Say on disk which epochs are whole."""
        if self.folder is not None and not self.follows:
            manifest = {"schema": SCHEMA, "done": self.done, "shape": asdict(self.shape), "digests": self._digests}
            atomic_write(self.folder / "trajectory.json", json.dumps(manifest, indent=1))

    def _open(self, name: str, mode: Literal["r", "r+"] = "r") -> np.ndarray:
        if self.folder is None:
            return self._memory[name]
        return np.load(self.folder / f"{name}.npy", mmap_mode=mode)

    def _open_to_write(self, name: str) -> np.ndarray:
        if self.folder is None or name in self._reserved:
            return self._open(name, "r+")
        self._reserved.add(name)
        return open_map(self.folder / f"{name}.npy")


def open_trajectory(folder: Path, epochs: int | None = None) -> Trajectory:
    """Read the trajectories of a run from its dynamics folder, the first epochs or all.

    Raises
    ------
    RunError
        If a file is missing or damaged.
    """
    trajectory = Trajectory(_read(folder).shape, folder, resume=True)
    trajectory.rewind(trajectory.done if epochs is None else epochs)
    return trajectory


def projection(dimension: int, target: int, seed: int) -> np.ndarray:
    """A random projection that keeps distances on average (Johnson and Lindenstrauss), (dimension, target) float32."""
    random = np.random.default_rng([seed, dimension, target])
    return (random.standard_normal((dimension, target)) / np.sqrt(target)).astype(np.float32)


def _read(folder: Path) -> Manifest:
    return read_manifest(folder / "trajectory.json", SCHEMA, Manifest)


def _check(folder: Path, shape: Shape, sizes: dict[str, tuple[int, ...]]) -> tuple[int, dict[str, list[str]]]:
    """How many epochs are whole, and the digests of what they recorded; RunError where the files do not fit."""
    manifest = _read(folder)
    if manifest.shape != shape:
        raise RunError(f"{folder / 'trajectory.json'}: {manifest.shape} differs from this run's {shape}")
    for name, size in sizes.items():
        map_array(folder / f"{name}.npy", size, np.float16)
    return min(manifest.done, shape.epochs), {name: manifest.digests.get(name, []) for name in sizes}
