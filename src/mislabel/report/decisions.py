"""The section on decisions: what was decided in the review of this run, and what those of an earlier run gained."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from mislabel.decisions.estimates import Depth, depths
from mislabel.decisions.events import Event, replay
from mislabel.decisions.pace import seconds_per_decision
from mislabel.decisions.reviewed import RIGHT, WRONG, ReviewedRows, decided_beginning, reviewed_rows
from mislabel.report.charts import depth_ticks, reliability_chart
from mislabel.report.classes import LONGEST_NAME
from mislabel.report.drawing import ACCENT, MUTED, axes, draw
from mislabel.report.findings import Findings
from mislabel.report.formatting import count, duration, interval, is_number, label_text, percent, rows, short
from mislabel.report.gold import reliability
from mislabel.report.summary import Tile
from mislabel.run.checked import FEWEST, powered_curve
from mislabel.run.reading import section

WIDTH, HEIGHT = 440, 300
MOST_PAIRS = 10
NO_CLASS = "none of the classes"
KINDS = {
    "keep": "the given label is right",
    "suggestion": "the suggested label is right",
    "label": "another label is right",
    "none": "no class fits",
    "unsure": "could not tell",
}


@dataclass(frozen=True)
class WrongPair:
    """Rows with one given label that were decided to be of another class, or of none.

    Attributes
    ----------
    share : float
        Of the decided rows with this given label.
    suggested : int
        Rows of these for which the audit had suggested that class.
    """

    given: str
    decided: str
    rows: int
    share: float
    suggested: int


def decided_section(findings: Findings) -> dict[str, Any]:
    """The section on decisions; empty where the run holds none and took none as known."""
    earlier = _earlier_decisions(findings)
    history = findings.history
    if history is None:
        return {"damaged": True, "earlier": earlier}
    standing = list(replay(history).values())
    if not standing:
        return {"damaged": False, "earlier": earlier, "rows": 0} if earlier else {}
    reviewed = reviewed_rows(history, findings.run.rows.judged_rank, findings.n_assessed)
    estimate = findings.checked.whole
    curve = _curve(reviewed, findings) if estimate is not None and estimate.decided else None
    kinds = Counter(event.decision.kind for event in standing)
    return {
        "damaged": False,
        "earlier": earlier,
        "rows": len(standing),
        "kinds": [(words, kinds[kind]) for kind, words in KINDS.items() if kinds[kind]],
        "when": _when([event.time for event in standing]),
        "pace": "" if (pace := seconds_per_decision(history)) is None else duration(pace),
        "tiles": _tiles(findings, standing, estimate),
        "curve": curve,
        "reliability": _reliability(reviewed, findings),
        "found": decided_beginning(reviewed),
        "estimate": estimate,
        "pairs": wrong_pairs(standing)[:MOST_PAIRS],
    }


def wrong_pairs(standing: list[Event]) -> list[WrongPair]:
    """The pairs of given and decided label with the most rows, from the decisions that hold."""
    decided_rows = Counter(label_text(event.decision.given) for event in standing)
    pairs_found, suggested = Counter(), Counter()
    for event in standing:
        decision = event.decision
        if decision.wrong and decision.given is not None:
            pair = label_text(decision.given), NO_CLASS if decision.kind == "none" else label_text(decision.label)
            pairs_found[pair] += 1
            suggested[pair] += decision.kind == "suggestion"
    return [
        WrongPair(
            short(given, LONGEST_NAME),
            short(decided, LONGEST_NAME),
            n,
            n / decided_rows[given],
            suggested[given, decided],
        )
        for (given, decided), n in pairs_found.most_common()
    ]


def precision_chart(curve: list[Depth], audit: np.ndarray, worked: int) -> Markup:
    """How precise the list is down to each depth.

    Parameters
    ----------
    curve : list of Depth
        k of them, growing.
    audit : (k,) float
        What the audit itself says: the mean probability of a wrong label down there.
    worked : int
        Rows at the top of the list that are all decided.
    """
    at = np.array([point.depth for point in curve])
    low, high = np.array([point.precision_interval for point in curve]).T
    known = [(point.depth, share) for point in curve if (share := point.precision) is not None]
    exact = [(depth, share) for depth, share in known if depth <= worked]

    def paint(figure: Figure) -> None:
        plot = axes(figure)
        plot.fill_between(at, low, high, color=ACCENT, alpha=0.16, linewidth=0, label="95% interval")
        plot.plot(at, audit, color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)), label="as the audit says")
        if known:
            plot.plot(*zip(*known, strict=True), color=ACCENT, linewidth=2, label="estimated")
        if exact:
            plot.scatter(*zip(*exact, strict=True), color=ACCENT, s=18, linewidths=0, zorder=3, label="all decided")
        plot.set_xscale("log")
        plot.set_xlim(at[0] / 1.08, at[-1] * 1.08)
        plot.set_ylim(0, 1.03)
        plot.set_xlabel("rows of the list, worst first (log scale)", labelpad=7)
        plot.set_ylabel("of them wrong", labelpad=7)
        plot.spines["left"].set_visible(False)
        plot.xaxis.set_major_locator(FixedLocator(depth_ticks(int(at[0]), int(at[-1]))))
        plot.xaxis.set_minor_locator(NullLocator())
        plot.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        plot.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{round(100 * value):g}%"))
        plot.legend(loc="lower left", frameon=False, labelcolor=MUTED, handlelength=1.8, borderaxespad=0.2)

    return draw("Precision of the list by its depth", WIDTH, HEIGHT, paint)


def _curve(reviewed: ReviewedRows, findings: Findings) -> Markup:
    n, worked = len(reviewed), decided_beginning(reviewed).depth
    at = np.unique(np.append(depths(n), [worked] if worked else []).astype(np.int64))
    stated = np.cumsum(findings.p_mislabeled[findings.assessed])
    curve = powered_curve(findings.p_as_run[findings.assessed], reviewed, at)
    return precision_chart(curve, stated[at - 1] / at, worked)


def _reliability(reviewed: ReviewedRows, findings: Findings) -> Markup | None:
    """What the run stated of the rows that chance chose, against what a person says; None for too few of them."""
    told = reviewed.probe & ((reviewed.state == RIGHT) | (reviewed.state == WRONG))
    if np.count_nonzero(told) < FEWEST:
        return None
    stated = findings.p_as_run[findings.assessed][told]
    return reliability_chart(reliability(reviewed.state[told] == WRONG, stated), "wrong as a person says")


def _tiles(findings: Findings, standing: list[Event], estimate: Depth | None) -> list[Tile]:
    wrong = sum(event.decision.wrong is True for event in standing)
    labelled = sum(event.decision.given is not None for event in standing)
    those = "those" if labelled == len(standing) else f"the {count(labelled)} that had a label"
    share = f"{percent(wrong / labelled)} of {those}" if labelled else "none of those had a label"
    tiles = [Tile("Rows decided", count(len(standing)), ""), Tile("Called wrong", count(wrong), share)]
    if estimate is not None and estimate.precision is not None:
        share, span = percent(estimate.precision), interval(*estimate.precision_interval)
        number = f"{count(estimate.low)} to {count(estimate.high)} rows"
        how = f"from random rows; 95% interval {span}, {number}"
        if estimate.decided == estimate.depth:
            how = "all decided"
        judged = len(findings) == estimate.depth
        title = "Wrong labels in all" if judged else f"Wrong among the {count(estimate.depth)} judged rows"
        tiles.append(Tile(title, share, how))
    return tiles


def _earlier_decisions(findings: Findings) -> dict[str, Any]:
    """What the decisions of an earlier run gained in this one, from its metrics; empty where it took none as known."""
    decisions = section(findings.metrics, "decisions")
    if not decisions:
        return {}
    gained, before = section(decisions, "gain"), section(section(decisions, "before"), "test")
    scores = []
    for name, title in (("accuracy", "Test accuracy"), ("macro_f1", "Test macro F1")):
        was, more = before.get(name), gained.get(name)
        if is_number(was) and is_number(more):
            scores.append((title, was, was + more, f"{100 * more:+.1f} points"))
    differ = section(decisions, "before").get("settings_that_differ") or []
    return {
        "run": str(decisions.get("run", "an earlier run")),
        "rows": rows(decisions["rows"]) if is_number(decisions.get("rows")) else "rows",
        "changed": decisions["changed"] if is_number(decisions.get("changed")) else None,
        "scores": scores,
        "differ": [str(name) for name in differ],
    }


def _when(times: list[str]) -> str:
    """From when to when: ``on 21 November 2026, 15:02 to 15:40 UTC``; nothing where the times cannot be read."""
    try:
        first, last = (datetime.fromisoformat(time) for time in (min(times), max(times)))
    except ValueError:
        return ""
    if first.date() != last.date():
        return f"{_day(first)} to {_day(last)}"
    return f"on {_day(first)}, {first:%H:%M} to {last:%H:%M} UTC"


def _day(time: datetime) -> str:
    return f"{time.day} {time:%B %Y}"
