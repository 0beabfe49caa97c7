"""The sections with charts: the content of each, as a dictionary for the template."""

from typing import Any

import numpy as np
from markupsafe import Markup

from mislabel.errors import RunError
from mislabel.report import charts
from mislabel.report.classes import confusions, most_confused
from mislabel.report.drawing import page_colour
from mislabel.report.findings import Findings
from mislabel.report.formatting import is_number, percent, short
from mislabel.report.gold import LOOKED_AT, detection, reliability
from mislabel.report.heat_map import BESIDE_A_TABLE, MOST_CLASSES, MOST_WITH_NUMBERS, heat_map, shade
from mislabel.report.summary import assessed
from mislabel.report.trajectory import Movement, read_movement
from mislabel.report.trajectory_chart import marker, trajectory_chart
from mislabel.report.worst import WorstRow
from mislabel.run.reading import section

EPOCHS_AT_ONCE = 12
TEXT_START = 110
LEGEND = (0.01, 0.1, 0.25, 0.5, 1.0)


def noise_section(findings: Findings) -> dict[str, Any]:
    """The section on the transition matrix; empty where no row was judged."""
    if not assessed(findings):
        return {}
    shown = most_confused(findings, MOST_CLASSES)
    matrix = findings.transition
    names = [findings.classes[code] for code in shown]
    return {
        "heat_map": None if matrix is None else heat_map(part_of(matrix, shown), names),
        "shown": len(shown),
        "classes": findings.n_classes,
        "numbers": len(shown) <= MOST_WITH_NUMBERS,
        "wide": len(shown) > BESIDE_A_TABLE,
        "legend": [(percent(share, 0), f"{shade(share):.2f}") for share in LEGEND],
        "confusions": confusions(findings),
    }


def part_of(matrix: Any, codes: Any) -> np.ndarray:
    """The lines and columns of these classes, of a matrix that may be sparse."""
    part = matrix[codes][:, codes]
    return part if isinstance(part, np.ndarray) else part.toarray()


def dynamics_section(findings: Findings) -> dict[str, Any]:
    """The section on what training showed."""
    content: dict[str, Any] = {}
    rates, counts = findings.run.wrong_event_rates
    judged = assessed(findings)
    mixture = findings.run.mixture if judged else None  # unrelated labels have no group of wrong ones
    content["rates"] = charts.rate_histogram(rates, counts, mixture) if len(rates) and counts.sum() else None
    content["mixture"] = mixture
    content["judged"] = judged
    content["probabilities"] = (
        charts.probability_histogram(findings.p_mislabeled[findings.assessed]) if judged else None
    )
    epochs = [line for line in findings.metrics.get("epochs") or [] if isinstance(line, dict)]
    rate = findings.rate.estimate
    right = 1 - rate if judged and rate is not None else None
    drawn = len(epochs) > 1 and all(is_number(line.get("agreement")) for line in epochs)
    content["agreement"] = charts.agreement_chart(epochs, right) if drawn else None
    content["right_share"] = right
    content["epochs"] = [
        {name: line.get(name) for name in ("stage", "epoch", "loss", "agreement", "seconds")}
        | {"selected": _selected(epochs, line)}
        for line in epochs
    ]
    content["epochs_at_once"] = EPOCHS_AT_ONCE
    return content


def _selected(epochs: list[dict[str, Any]], line: dict[str, Any]) -> bool:
    """Whether the weights after this epoch went on to the next stage: the last line of a stage says which did."""
    last = [other for other in epochs if other.get("stage") == line.get("stage")][-1]
    return "selected_epoch" in last and last["selected_epoch"] == line.get("epoch")


def trajectory_section(findings: Findings, worst: list[WorstRow]) -> dict[str, Any]:
    """The section on how rows moved; empty where the run kept no trajectories.

    Parameters
    ----------
    worst : list of WorstRow
        The first of the worst rows, those to follow.
    """
    if not worst:
        return {}
    try:
        moved = read_movement(findings, findings.varied[: len(worst)])
    except RunError:
        return {"damaged": True}
    if moved is None:
        return {}
    names = [findings.classes[code] for code in moved.classes]
    descriptions = [
        f"{k}: row {row.id}, given {row.given}, suggested {row.suggested}" for k, row in enumerate(worst, 1)
    ]
    return {
        "damaged": False,
        "chart": trajectory_chart(moved, names, ". ".join(descriptions)),
        "rows": [(row, None if row.text is None else short(row.text, TEXT_START)) for row in worst],
        "marks": _marks(findings, moved),
        "epochs": moved.epochs,
        "dots": len(moved.dots),
        "networks": moved.networks,
        "all_classes": bool(np.isin(moved.dot_classes, moved.classes).all()),
    }


def _marks(findings: Findings, moved: Movement) -> list[tuple[str, str]]:
    """The marks of the given and the suggested class of each followed row, as the picture shows them."""
    marks = {}
    for k, code in enumerate(moved.classes.tolist()):
        colour, shape = marker(k)
        marks[code] = Markup(f'<i class="mark {shape}" style="background:{page_colour(colour)}"></i>')
    worst = findings.varied[: len(moved.paths)]
    return [(marks.get(findings.given[row], ""), marks.get(findings.suggested[row], "")) for row in worst]


def gold_section(findings: Findings) -> dict[str, Any]:
    """The section on gold labels; empty where no assessed row has one."""
    scored = findings.scored
    if findings.gold is None or not scored.any():
        return {}
    wrong, stated = (findings.given != findings.gold)[scored], findings.p_mislabeled[scored]
    curve, bins = detection(wrong, stated), reliability(wrong, stated)
    suggestion, detected = section(findings.metrics, "suggestion"), section(findings.metrics, "detection")
    content: dict[str, Any] = {
        "rows": int(scored.sum()),
        "wrong": int(wrong.sum()),
        "curve": None,
        "reliability": charts.reliability_chart(bins),
        "error": bins.error,
        "suggestion": suggestion.get("accuracy"),
        "suggestion_on_wrong": suggestion.get("accuracy_on_wrong"),
        "auroc": detected.get("auroc", curve.auroc() if curve else None),
        "average_precision": detected.get("average_precision"),
        "centroid_auroc": detected.get("centroid_auroc"),
    }
    if curve:
        content["curve"] = charts.found_chart(curve)
        content["by_depth"] = charts.depth_chart(curve)
        content["precision_recall"] = charts.precision_recall_chart(curve)
        content["looked_at"] = [
            (share, share * content["rows"], curve.found_at(share), curve.found_at(share) * content["wrong"])
            for share in LOOKED_AT
        ]
    return content
