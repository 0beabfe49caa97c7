"""The charts. Each takes arrays that are already counted up, so its size does not depend on the number of rows."""

from typing import Any, Literal

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from mislabel.posterior.beta_mixture import BetaMixture
from mislabel.report.drawing import ACCENT, INK, LINE, MUTED, axes, draw
from mislabel.report.gold import Detection, Reliability

WIDTH, HEIGHT = 440, 280
MOST_BARS = 40
LegendLocation = Literal["upper center", "upper left", "lower left", "lower right"]


def rate_histogram(rates: np.ndarray, counts: np.ndarray, mixture: BetaMixture | None) -> Markup:
    """How often training disagreed with the given label, and the two groups that the method saw in it.

    Parameters
    ----------
    rates, counts : (m,) arrays
        Distinct rates in [0, 1] and the rows that have each.
    mixture : BetaMixture, optional
        Drawn where it has two groups.
    """
    centres, heights, width = rate_bars(rates, counts)

    def paint(figure: Figure) -> None:
        plot = axes(figure)
        plot.bar(centres, heights, width=width * 0.86, color=MUTED, alpha=0.32, linewidth=0)
        if mixture is not None and mixture.identified:
            grid = np.linspace(0.004, 0.996, 160)
            for density, colour, name in zip(
                mixture.density(grid), (INK, ACCENT), ("label right", "label wrong"), strict=True
            ):
                # A density times the bar's width is the number of rows that the mixture expects in a bar.
                line = density * heights.sum() * width
                plot.plot(grid, np.minimum(line, 3 * heights.max()), color=colour, linewidth=1.8, label=name)
            _legend(plot)
        plot.set_ylim(0, 1.18 * heights.max())
        plot.set_xlim(-0.6 * width, 1 + 0.6 * width)
        _finish(plot, "share of passes that disagreed with the given label", "rows", x_percent=True)

    return draw("How often predictions differed from the given label", WIDTH, HEIGHT, paint)


def rate_bars(rates: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Bars for rates: around each where they lie on a grid of few steps, 25 bins otherwise.

    Returns
    -------
    centres, heights : (b,) float64
    width : float
    """
    gaps = np.diff(np.unique(np.append(rates, [0.0, 1.0])))
    steps = round(1 / max(float(gaps[gaps > 1e-4].min(initial=1.0)), 1e-9))
    if steps > MOST_BARS or np.abs(rates * steps - np.round(rates * steps)).max(initial=0) > 0.01:
        heights, edges = np.histogram(rates, bins=25, range=(0, 1), weights=counts)
        return (edges[:-1] + edges[1:]) / 2, heights.astype(np.float64), 1 / 25
    heights = np.bincount(np.round(rates * steps).astype(int), weights=counts, minlength=steps + 1)
    return np.arange(steps + 1) / steps, heights, 1 / steps


def probability_histogram(p_mislabeled: np.ndarray) -> Markup:
    """How sure the audit is: rows by p_mislabeled (m,), those above a half in the accent colour."""
    heights, edges = np.histogram(p_mislabeled, bins=20, range=(0, 1))
    centres = (edges[:-1] + edges[1:]) / 2

    def paint(figure: Figure) -> None:
        plot = axes(figure)
        for above, colour, alpha in ((False, MUTED, 0.32), (True, ACCENT, 0.85)):
            side = (centres > 0.5) == above
            plot.bar(centres[side], heights[side], width=0.043, color=colour, alpha=alpha, linewidth=0)
        _finish(plot, "probability that the given label is wrong", "rows", x_percent=True)

    return draw("Distribution of the probability of a wrong label", WIDTH, HEIGHT, paint)


def agreement_chart(epochs: list[dict[str, Any]], right_share: float | None) -> Markup:
    """Agreement of the predictions with the given labels over the epochs.

    Parameters
    ----------
    epochs : list of dict
        With `stage` and `agreement`.
    right_share : float, optional
        The estimated share of right labels: agreement beyond it means wrong labels learnt by heart.
    """
    heights = np.array([line["agreement"] for line in epochs], dtype=np.float64)
    stages = [str(line.get("stage", "")) for line in epochs]
    passes = np.arange(1, len(epochs) + 1)

    def paint(figure: Figure) -> None:
        plot = axes(figure, top=24)
        if right_share is not None:
            plot.axhline(right_share, color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)))
        plot.plot(passes, heights, color=ACCENT, linewidth=2)
        plot.scatter(passes, heights, color=ACCENT, s=16, linewidths=0)
        for first in (index for index in range(len(stages)) if index == 0 or stages[index] != stages[index - 1]):
            if first:
                plot.axvline(first + 0.5, color=LINE, linewidth=1)
            plot.annotate(
                stages[first], (first + (0.5 if first else 0.6), 1), (4, 4), xycoords=("data", "axes fraction"),
                textcoords="offset points", color=MUTED,
            )  # fmt: skip
        plot.set_xlim(0.6, len(epochs) + 0.4)
        _at_least(plot, 0.1)
        _finish(plot, "epoch", "agreement", y_percent=True)
        plot.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True, min_n_ticks=1))

    return draw("Agreement with the given labels by epoch", WIDTH, HEIGHT, paint)


def found_chart(curve: Detection) -> Markup:
    """Share of the wrong labels found against the share of rows looked at, worst first."""

    def paint(figure: Figure) -> None:
        plot = axes(figure)
        plot.plot([0, curve.true_rate, 1], [0, 1, 1], color=MUTED, linewidth=1.2, linestyle=(0, (1, 2)), label="best")
        plot.plot(curve.grid, curve.found_at(curve.grid), color=ACCENT, linewidth=2, label="this audit")
        plot.plot([0, 1], [0, 1], color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)), label="any order")
        _unit(plot)
        _finish(plot, "rows looked at, worst first", "wrong labels found", x_percent=True, y_percent=True)
        _legend(plot, "lower right")

    return draw("Wrong labels found by the share of rows looked at", WIDTH, HEIGHT, paint)


def precision_recall_chart(curve: Detection) -> Markup:
    """Precision against recall, every threshold of p_mislabeled."""
    recall, precision = curve.precision_recall()

    def paint(figure: Figure) -> None:
        plot = axes(figure)
        plot.plot(recall, precision, color=ACCENT, linewidth=2, label="this audit")
        plot.plot([0, 1], [curve.true_rate] * 2, color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)), label="any order")
        _unit(plot)
        _finish(plot, "wrong labels found (recall)", "rightly flagged (precision)", x_percent=True, y_percent=True)
        _legend(plot, "lower left")

    return draw("Precision and recall of the audit", WIDTH, HEIGHT, paint)


def depth_chart(curve: Detection) -> Markup:
    """How precise the list is down to each depth."""
    depths, precision = curve.by_depth()

    def paint(figure: Figure) -> None:
        plot = axes(figure)
        plot.plot(depths, precision, color=ACCENT, linewidth=2, label="this audit")
        ends = [depths[0], depths[-1]]
        plot.plot(ends, [curve.true_rate] * 2, color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)), label="any order")
        plot.set_xscale("log")
        plot.set_xlim(depths[0] / 1.08, depths[-1] * 1.08)
        plot.set_ylim(0, 1.03)
        _finish(plot, "rows of the list, worst first (log scale)", "of them wrong", y_percent=True)
        plot.xaxis.set_major_locator(FixedLocator(depth_ticks(int(depths[0]), int(depths[-1]))))
        plot.xaxis.set_minor_locator(NullLocator())
        plot.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        _legend(plot, "lower left")

    return draw("Precision of the list by its depth, by gold labels", WIDTH, HEIGHT, paint)


def depth_ticks(first: int, last: int) -> list[float]:
    """Where a logarithmic axis of depths has numbers."""
    steps = (1, 2, 5) if last < 30 * first else (1, 5) if last < 1000 * first else (1,)
    ticks = [float(step * 10**power) for power in range(8) for step in steps]
    return [tick for tick in ticks if first <= tick <= last] or [float(last)]


def reliability_chart(bins: Reliability, wrong: str = "wrong by gold") -> Markup:
    """The share of wrong labels among rows of about the same p_mislabeled, with 95 % intervals.

    `wrong` says by whom.
    """

    def paint(figure: Figure) -> None:
        plot = axes(figure)
        plot.plot([0, 1], [0, 1], color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)), label="perfect")
        plot.vlines(bins.stated, bins.low, bins.high, color=ACCENT, linewidth=1.4, alpha=0.6)
        plot.plot(bins.stated, bins.observed, color=ACCENT, linewidth=1.2, alpha=0.5)
        plot.scatter(bins.stated, bins.observed, color=ACCENT, s=22, linewidths=0, label="observed", zorder=3)
        _unit(plot)
        _finish(plot, "stated probability of a wrong label", wrong, x_percent=True, y_percent=True)
        _legend(plot, "upper left")

    return draw("Reliability of the probability of a wrong label", WIDTH, HEIGHT, paint)


def _at_least(plot: Axes, span: float) -> None:
    """Widen the vertical axis to `span`, so that it does not magnify differences that mean nothing."""
    low, high = plot.get_ylim()
    short_of = max(0.0, span - (high - low)) / 2
    plot.set_ylim(low - short_of, high + short_of)


def _unit(plot: Axes) -> None:
    plot.set_xlim(0, 1)
    plot.set_ylim(0, 1.03)


def _legend(plot: Axes, location: LegendLocation = "upper center") -> None:
    plot.legend(loc=location, frameon=False, labelcolor=MUTED, handlelength=1.8, borderaxespad=0.2)


def _finish(plot: Axes, x: str, y: str, *, x_percent: bool = False, y_percent: bool = False) -> None:
    plot.set_xlabel(x, labelpad=7)
    plot.set_ylabel(y, labelpad=7)
    plot.spines["left"].set_visible(False)
    in_percent = FuncFormatter(lambda value, _: f"{round(100 * value, 2):g}%")
    whole = FuncFormatter(lambda value, _: f"{value:,.0f}")
    if x_percent:
        plot.xaxis.set_major_formatter(in_percent)
    plot.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10], integer=not y_percent, min_n_ticks=2))
    plot.yaxis.set_major_formatter(in_percent if y_percent else whole)
