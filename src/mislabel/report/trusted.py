"""How far the evidence holds on rows whose label was checked before training, each judged without its own answer."""

from typing import Any

import numpy as np

from mislabel.posterior.summary import wilson
from mislabel.report.charts import reliability_chart
from mislabel.report.findings import Findings
from mislabel.report.gold import LOOKED_AT, reliability
from mislabel.run.opinions import LEFT_OUT
from mislabel.run.reading import section

FEWEST = 20  # checked rows below which a share says nothing
FEWEST_DEEP = 5  # rows of a depth below which it is left out


def trusted_section(findings: Findings) -> dict[str, Any]:
    """The section on trusted rows; empty where too few were left out in turn."""
    rows = findings.run.rows
    if LEFT_OUT not in findings.run.exact:
        return {}
    stated = findings.run.exact[LEFT_OUT]
    asked = rows.with_status("decided") & np.isfinite(stated) & (findings.given >= 0)
    if np.count_nonzero(asked) < FEWEST:
        return {}
    # A trusted label stands where other rows have a suggested one.
    stated, wrong = stated[asked], (findings.suggested != findings.given)[asked]
    bins = reliability(wrong, stated)
    return {
        "rows": len(wrong),
        "wrong": int(wrong.sum()),
        "random": section(findings.metrics, "trusted").get("drawn") == "random",
        "no_class": int(rows.with_status("none_of_these").sum()),
        "reliability": reliability_chart(bins, "wrong as somebody checked"),
        "error": bins.error,
        "depths": _depths(wrong, stated),
    }


def _depths(wrong: np.ndarray, stated: np.ndarray) -> list[tuple[float, int, int, float, float]]:
    """Of the rows in the order of the evidence: share, rows, wrong ones, and the limits of the share wrong."""
    order = np.argsort(-stated, kind="stable")
    found = []
    for share in (*LOOKED_AT, 1.0):
        rows = round(share * len(wrong))
        if rows >= FEWEST_DEEP:
            number = int(wrong[order[:rows]].sum())
            low, high = wilson(np.array([number / rows]), np.array([rows]))
            found.append((share, rows, number, float(low[0]), float(high[0])))
    return found
