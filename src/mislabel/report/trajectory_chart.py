"""The picture of how rows moved through the embedding space."""

from typing import Any
from unicodedata import east_asian_width

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mislabel.report.drawing import CARD, CLASS_COLOURS, INK, MUTED, draw
from mislabel.report.formatting import chart_label
from mislabel.report.label_placement import place_boxes
from mislabel.report.trajectory import Movement

WIDTH, LEAST_HEIGHT, MOST_HEIGHT, MARGIN = 440.0, 280.0, 420.0, 20.0
LETTER, WIDE_LETTER, LINE_HEIGHT, BADGE = 8.2, 13.5, 15.0, 17.0
FAINT = 0.3  # how strong the first epoch is drawn; the last is drawn in full


def trajectory_chart(movement: Movement, names: list[Any], description: str) -> Markup:
    """Paths with a dot per epoch and a number at the end, over a sample of the other rows.

    Parameters
    ----------
    names : list
        Of the classes that get a colour in `movement`, in its order.
    description : str
        The paths in words.
    """
    everything = np.concatenate([movement.paths.reshape(-1, 2), movement.centroids, movement.dots])
    low, high = everything.min(0), everything.max(0)
    wide, tall = np.maximum(high - low, 1e-9)
    height = float(np.clip(WIDTH * tall / wide, LEAST_HEIGHT, MOST_HEIGHT))
    # One scale for both directions, so that distances can be compared
    scale = min((WIDTH - 2 * MARGIN) / wide, (height - 2 * MARGIN) / tall)

    def units(points: np.ndarray) -> np.ndarray:
        return (points - (low + high) / 2) * scale + np.array([WIDTH, height]) / 2

    paths, centroids = units(movement.paths), units(movement.centroids)

    def paint(figure: Figure) -> None:
        plot = figure.add_axes((0, 0, 1, 1))
        plot.set_axis_off()
        plot.set_xlim(0, WIDTH)
        plot.set_ylim(0, height)
        _paint_dots(plot, units(movement.dots), movement)
        for (colour, shape), centre in zip(map(marker, range(len(centroids))), centroids, strict=True):
            plot.plot(*centre, shape, color=colour, markersize=11, markeredgecolor=CARD, markeredgewidth=1.5)
        for path in paths:
            _paint_path(plot, path)
        _paint_words(plot, paths, centroids, [chart_label(name, 18) for name in names])

    return draw("Paths of suspicious rows through the embedding", WIDTH, height, paint, description)


def _paint_dots(plot: Axes, dots: np.ndarray, movement: Movement) -> None:
    """The other rows (b, 2): first those of classes without a colour, so that they lie below."""
    groups = [(~np.isin(movement.dot_classes, movement.classes), (MUTED, "o"), 0.3)]
    groups += [(movement.dot_classes == code, marker(k), 0.65) for k, code in enumerate(movement.classes.tolist())]
    for inside, (colour, shape), alpha in groups:
        if inside.any():
            plot.plot(*dots[inside].T, shape, color=colour, alpha=alpha, markersize=5, markeredgewidth=0)


def _paint_path(plot: Axes, path: np.ndarray) -> None:
    """The path of one row (epochs, 2): stronger and larger from epoch to epoch."""
    strengths = np.linspace(FAINT, 1, len(path)) if len(path) > 1 else np.ones(1)
    for begin, end, strength in zip(path[:-1], path[1:], strengths[1:], strict=True):
        plot.plot(*np.stack([begin, end]).T, color=INK, alpha=strength, linewidth=1.3, solid_capstyle="round")
    for point, strength in zip(path, strengths, strict=True):
        plot.plot(*point, "o", color=INK, alpha=strength, markersize=3 + 4 * strength**2, markeredgewidth=0)


def _paint_words(plot: Axes, paths: np.ndarray, centroids: np.ndarray, labels: list[str]) -> None:
    """A number for each path (r, epochs, 2) and the name of each class, without covering each other or the points."""
    ends, steps = paths[:, -1], paths.reshape(-1, 2)
    taken = np.concatenate([_boxes(steps, 6), _boxes(ends, 9), _boxes(centroids, 13)])
    width, height = plot.get_xlim()[1], plot.get_ylim()[1]
    badges = place_boxes(ends, np.full(ends.shape, BADGE), taken, width, height)
    taken = np.concatenate([taken, _boxes(badges, BADGE)])
    sizes = np.array([(_width(label), LINE_HEIGHT) for label in labels]).reshape(-1, 2)
    for k, centre in enumerate(place_boxes(centroids, sizes, taken, width, height)):
        edge = np.clip(centroids[k], centre - sizes[k] / 2, centre + sizes[k] / 2)
        plot.plot(*np.stack([centroids[k], edge]).T, color=marker(k)[0], linewidth=0.8, alpha=0.7)
        _write(plot, centre, labels[k], marker(k)[0])
    for number, (end, badge) in enumerate(zip(ends, badges, strict=True), 1):
        plot.plot(*np.stack([end, badge]).T, color=INK, linewidth=0.8)
        plot.plot(*badge, "o", color=INK, markersize=BADGE, markeredgecolor=CARD, markeredgewidth=1.2)
        _write(plot, badge, str(number), CARD)


def _write(plot: Axes, centre: np.ndarray, text: str, colour: str) -> None:
    plot.text(centre[0], centre[1], text, color=colour, fontweight="bold", ha="center", va="center_baseline")


def _width(label: str) -> float:
    """Units that a label takes, about; Chinese and its like are twice as wide."""
    return sum(WIDE_LETTER if east_asian_width(letter) in "WF" else LETTER for letter in label)


def _boxes(points: np.ndarray, size: float) -> np.ndarray:
    """Points (m, 2) as squares of a size for `place_boxes`, (m, 4)."""
    return np.concatenate([points, np.full(points.shape, size)], axis=1)


def marker(k: int) -> tuple[str, str]:
    """Colour and shape of the k-th class; where colours run out, they are used again in another shape."""
    return CLASS_COLOURS[k % len(CLASS_COLOURS)], "os"[k // len(CLASS_COLOURS) % 2]
