"""The transition matrix as a heat map."""

from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mislabel.report.drawing import ACCENT, INK, LINE, MUTED, ON_ACCENT, ON_HALF, axes, draw
from mislabel.report.formatting import chart_label

MOST_CLASSES, MOST_WITH_NUMBERS, BESIDE_A_TABLE = 30, 12, 6
LETTER = 7.0  # units that an average letter takes
INVISIBLE = 0.004  # a share below this gets no colour


def shade(share: float) -> float:
    """Strength of the colour for a share in [0, 1]: its square root, so that rare confusions can be seen."""
    return float(np.sqrt(share))


def heat_map(transition: np.ndarray, names: list[Any]) -> Markup:
    """T (K, K) with the K class names on both sides; with numbers, in per cent, where there is room for them.

    Rows are true classes, columns given ones.
    """
    n_classes = len(names)
    numbers = n_classes <= MOST_WITH_NUMBERS
    cell = 22.0 if not numbers else 52.0 if n_classes <= BESIDE_A_TABLE else 46.0
    labels = [chart_label(name, 18 if numbers else 22) for name in names]
    longest = max(map(len, labels)) * LETTER
    upright = longest <= cell - 4
    left, bottom = longest + 40, (26 if upright else 0.72 * longest + 14) + 24
    right = 8 if upright else 14

    def paint(figure: Figure) -> None:
        plot = axes(figure, left=left, bottom=bottom, right=right, top=4)
        for i, j in np.argwhere(transition >= INVISIBLE):
            strength = shade(float(transition[i, j]))
            plot.add_patch(Rectangle((j, i), 1, 1, facecolor=ACCENT, alpha=strength, linewidth=0, clip_on=False))
        if numbers:
            _write_numbers(plot, transition)
        for border in range(n_classes + 1):
            plot.plot([border, border], [0, n_classes], color=LINE, linewidth=0.8, clip_on=False)
            plot.plot([0, n_classes], [border, border], color=LINE, linewidth=0.8, clip_on=False)
        plot.set_xlim(0, n_classes)
        plot.set_ylim(n_classes, 0)
        plot.grid(visible=False)
        plot.spines[:].set_visible(False)
        middle = np.arange(n_classes) + 0.5
        turned = {} if upright else {"rotation": 45, "ha": "right", "va": "center", "rotation_mode": "anchor"}
        plot.set_xticks(middle, labels, **turned)
        plot.set_yticks(middle, labels)
        plot.tick_params(labelcolor=INK, pad=6)
        width, height = cell * n_classes + left + right, cell * n_classes + bottom + 4
        figure.text((left + cell * n_classes / 2) / width, 6 / height, "given label", color=MUTED, ha="center")
        figure.text(
            13 / width, (bottom + cell * n_classes / 2) / height, "true label", color=MUTED, rotation=90, va="center",
            ha="center", rotation_mode="anchor",
        )  # fmt: skip

    size = cell * n_classes
    return draw("Transition matrix", size + left + right, size + bottom + 4, paint)


def _write_numbers(plot: Axes, transition: np.ndarray) -> None:
    for (i, j), share in np.ndenumerate(transition):
        number = "<1" if INVISIBLE <= share < 0.01 else f"{share * 100:.0f}"
        strength = shade(share)
        # Where letters have to change colour to be read differs between a light and a dark page.
        colour = ON_ACCENT if strength > 0.76 else ON_HALF if strength > 0.6 else INK
        colour = MUTED if share < INVISIBLE else colour
        plot.text(j + 0.5, i + 0.5, number, color=colour, ha="center", va="center")
