"""How rows moved through the embedding space over the epochs, as points of a plane."""

from dataclasses import dataclass

import numpy as np

from mislabel.dynamics.trajectory import Trajectory, open_trajectory
from mislabel.errors import RunError
from mislabel.report.findings import Findings
from mislabel.report.projection import plane, spaced

NETWORK = 0
MOST_DOTS = 300
MOST_CLASSES = 8  # of more than these, only those that the shown rows are about
OTHERS = 100  # dots kept for rows of all other classes together
FOR_MIDDLE, FOR_CENTROID = 4096, 2048  # rows, evenly spaced, whose mean is the middle of an epoch, or of a class
MOST_STEPS = 24  # epochs on a path, evenly spaced; the first and the last are always there


@dataclass(frozen=True)
class Movement:
    """The paths of some rows, in the plane where classes are furthest apart after the last epoch.

    Attributes
    ----------
    paths : (r, steps, 2) float64
    classes : (c,) int64
        Codes of the classes that get a colour.
    centroids : (c, 2) float64
        Of their rows after the last epoch, by given label.
    dots : (b, 2) float64
        A sample of the other rows after the last epoch.
    dot_classes : (b,) int64
        Codes of their given labels.
    epochs, networks : int
        Of the run; the picture is of the first network.
    """

    paths: np.ndarray
    classes: np.ndarray
    centroids: np.ndarray
    dots: np.ndarray
    dot_classes: np.ndarray
    epochs: int
    networks: int


def read_movement(findings: Findings, shown: np.ndarray) -> Movement | None:
    """The movement of the rows of these ranks (r,) in the audit; None where the run keeps no trajectories.

    Raises
    ------
    RunError
        If files of the trajectories cannot be read, or are not of this audit's rows.
    """
    folder = findings.run.folder
    if not (folder.dynamics / "trajectory.json").is_file() or not folder.trained_ids.is_file():
        return None
    trajectory = open_trajectory(folder.dynamics)
    ranks = findings.run.trained()
    rows = np.array([np.flatnonzero(ranks == rank)[0] for rank in shown if (ranks == rank).any()], dtype=np.int64)
    given = findings.given[ranks]
    if len(ranks) != trajectory.shape.rows or len(rows) < len(shown) or (given < 0).any() or not trajectory.done:
        raise RunError(f"{folder.trained_ids} and the trajectories beside it are not of the rows of {folder.audit}")
    pairs = np.concatenate([findings.given[shown], findings.suggested[shown]])
    return movement(trajectory, given, rows, _coloured_classes(given, pairs))


def movement(trajectory: Trajectory, given: np.ndarray, rows: np.ndarray, classes: np.ndarray) -> Movement:
    """Project trajectories: directions from the last epoch, and each epoch about its own middle.

    Parameters
    ----------
    trajectory : Trajectory
        Of n rows, one epoch at least.
    given : (n,) int64, all >= 0
    rows : (r,) int64
        The rows to follow.
    classes : (c,) int64, each with a row
        The classes to tell apart.

    Raises
    ------
    RunError
        If embeddings hold something else than numbers.
    """
    last = trajectory.embedding(trajectory.done - 1, NETWORK)
    carriers = [spaced(np.flatnonzero(given == code), FOR_CENTROID) for code in classes]
    centroids = np.stack([last[of_class].mean(0, dtype=np.float64) for of_class in carriers])
    others = np.setdiff1d(np.arange(len(given)), rows)
    dots = _sample(others if len(others) else rows, given, classes)
    points = last[dots].astype(np.float64)
    steps, cloud = [], spaced(np.arange(len(given)), FOR_MIDDLE)
    for epoch in spaced(np.arange(trajectory.done), MOST_STEPS).tolist():
        now = trajectory.embedding(epoch, NETWORK)
        # The whole cloud drifts while a network learns; what counts is how a row moves within it.
        middle = now[cloud].mean(0, dtype=np.float64)
        steps.append(now[rows] - middle)
    paths = np.stack(steps, axis=1)
    if not all(np.isfinite(part).all() for part in (centroids, points, paths)):
        raise RunError("embeddings hold values that are no numbers")
    directions = plane(centroids, points)
    return Movement(
        paths=paths @ directions,
        classes=classes,
        centroids=(centroids - middle) @ directions,
        dots=(points - middle) @ directions if len(others) else np.empty((0, 2)),
        dot_classes=given[dots] if len(others) else np.empty(0, np.int64),
        epochs=trajectory.done,
        networks=trajectory.shape.networks,
    )


def _coloured_classes(given: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Codes of the classes that get a colour: all that have rows if they are few, otherwise those in `pairs`."""
    present = np.unique(given)
    return present if len(present) <= MOST_CLASSES else np.intersect1d(present, pairs)


def _sample(rows: np.ndarray, given: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """At most MOST_DOTS of the rows, evenly spaced; of many classes, mostly rows of those that get a colour."""
    distinguished = np.isin(given[rows], classes)
    if distinguished.all():
        return spaced(rows, MOST_DOTS)
    rest = spaced(rows[~distinguished], OTHERS)
    return np.sort(np.concatenate([spaced(rows[distinguished], MOST_DOTS - len(rest)), rest]))
