"""What each method brings against what it costs: accuracy over seconds, a point per method."""

import io
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import style
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from mislabel.bench.specs import GOLD
from mislabel.report.label_placement import place_boxes

WIDTH, HEIGHT, DOTS = 900, 560, 100  # pixels, and of them per inch
INK, MUTED, ACCENT, GRID = "#1f2328", "#59636e", "#0969da", "#d8dee4"
LETTER, LINE = 7.2, 15.0  # pixels that a letter and a line of a label take
SETTINGS: dict[str, Any] = {
    "svg.hashsalt": "mislabel",
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "text.parse_math": False,
}


def accuracy_over_seconds(whole: pd.DataFrame, title: str) -> str | None:
    """SVG, or None where no method has all data sets.

    Parameters
    ----------
    whole : DataFrame
        As `mislabel.bench.aggregation.per_method` gives it.
    """
    shown: Any = whole[whole["accuracy"].notna() & (whole["seconds"] > 0)]
    if not len(shown):
        return None
    with style.context(["default", SETTINGS]):
        figure = Figure(figsize=(WIDTH / DOTS, HEIGHT / DOTS), dpi=DOTS, facecolor="white", layout="constrained")
        axes = figure.subplots()
        axes.set_title(title, loc="left", color=INK)
        axes.set_xlabel("seconds of training and judging, mean over data sets (log scale)", color=MUTED)
        axes.set_ylabel("test accuracy, %, mean over data sets", color=MUTED)
        axes.grid(color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(length=0, labelcolor=MUTED, which="both")
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        axes.set_xscale("log")
        seconds, accuracy = shown["seconds"].to_numpy(), 100 * shown["accuracy"].to_numpy()
        bars = 100 * shown["accuracy_sd"].fillna(0.0).to_numpy()
        axes.errorbar(seconds, accuracy, bars, fmt="none", ecolor=MUTED, elinewidth=1, capsize=3)
        face = np.where(shown["method"] == GOLD, "white", ACCENT)
        axes.scatter(seconds, accuracy, s=42, c=face, edgecolors=ACCENT, linewidths=1.5, zorder=3)
        axes.set_xlim(seconds.min() / 1.6, seconds.max() * 1.6)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        few = seconds.max() / seconds.min() < 100
        axes.xaxis.set_minor_formatter(FuncFormatter(_some_minor) if few else NullFormatter())
        figure.draw_without_rendering()  # so that the axes have their final place
        _label(axes, shown, seconds, accuracy, bars)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue().decode("utf-8")


def _label(axes: Any, shown: Any, seconds: np.ndarray, accuracy: np.ndarray, bars: np.ndarray) -> None:
    """A name beside each point, clear of points, error bars and other names."""
    corner, far = axes.get_window_extent().min, axes.get_window_extent().max
    anchors = axes.transData.transform(np.column_stack([seconds, accuracy])) - corner
    ends = axes.transData.transform(np.column_stack([seconds, accuracy + bars])) - corner
    names = [f"{method.method}{' †' if method.oracle else ''}" for method in shown.itertuples()]
    sizes = np.array([(LETTER * len(name) + 4, LINE) for name in names])
    half = np.maximum(ends[:, 1] - anchors[:, 1], 5.0)
    taken = np.column_stack([anchors, np.full(len(anchors), 10.0), 2 * half])
    centres = place_boxes(anchors, sizes, taken, *(far - corner))
    for name, anchor, centre, size in zip(names, anchors, centres, sizes, strict=True):
        apart = np.abs(centre - anchor) - size / 2
        if apart.max() > 9:  # far from its point: a thin line shows whose it is
            end = np.clip(anchor, centre - size / 2, centre + size / 2)
            points = axes.transAxes.inverted().transform(np.array([anchor, end]) + corner)
            axes.plot(*points.T, color=MUTED, linewidth=0.7, transform=axes.transAxes, zorder=2)
        x, y = axes.transAxes.inverted().transform(centre + corner)
        axes.text(x, y, name, transform=axes.transAxes, ha="center", va="center", color=INK, zorder=4)


def _some_minor(value: float, _: int) -> str:
    return f"{value:g}" if f"{value:e}"[0] in "25" else ""
