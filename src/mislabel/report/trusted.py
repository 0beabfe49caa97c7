"""How far the evidence holds on rows whose label was checked before training, each judged without its own answer."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mislabel.posterior.summary import wilson
from mislabel.report.charts import reliability_chart
from mislabel.report.findings import Findings
from mislabel.report.gold import LOOKED_AT, Reliability, reliability
from mislabel.run.opinions import LEFT_OUT
from mislabel.run.reading import section

FEWEST = 20  # checked rows below which a share says nothing
FEWEST_DEEP = 5  # rows of a depth below which it is left out


@dataclass(frozen=True)
class Depth:
    """Of the checked rows the most doubtful: their share, how many they are, how many of them are wrong.

    `low` and `high` are the limits of the share of wrong ones (Wilson's, 95 %).
    """

    share: float
    rows: int
    wrong: int
    low: float
    high: float


@dataclass(frozen=True)
class TrustedCheck:
    """What is stated of checked rows without their own answers, against what somebody found.

    Attributes
    ----------
    rows, wrong : int
        Checked rows, and how many of their labels were found wrong.
    drawn_at_random : bool
        Whether they speak for all rows.
    no_class : int
        Checked rows that fit no class; they are not among `rows`.
    reliability : Reliability
    depths : list of Depth
        The last one is all rows.
    """

    rows: int
    wrong: int
    drawn_at_random: bool
    no_class: int
    reliability: Reliability
    depths: list[Depth]


def trusted_check(findings: Findings) -> TrustedCheck | None:
    """The check; None where fewer than `FEWEST` rows were left out in turn."""
    rows = findings.run.rows
    if LEFT_OUT not in findings.run.exact:
        return None
    stated = findings.run.exact[LEFT_OUT]
    asked = rows.with_status("decided") & np.isfinite(stated) & (findings.given >= 0)
    if np.count_nonzero(asked) < FEWEST:
        return None
    # A trusted label stands where other rows have a suggested one.
    stated, wrong = stated[asked], (findings.suggested != findings.given)[asked]
    return TrustedCheck(
        rows=len(wrong),
        wrong=int(wrong.sum()),
        drawn_at_random=section(findings.metrics, "trusted").get("drawn") == "random",
        no_class=int(rows.with_status("none_of_these").sum()),
        reliability=reliability(wrong, stated),
        depths=_depths(wrong, stated),
    )


def trusted_section(findings: Findings) -> dict[str, Any]:
    """The section on trusted rows; empty where there is no check."""
    found = trusted_check(findings)
    if found is None:
        return {}
    return {"check": found, "chart": reliability_chart(found.reliability, "wrong as somebody checked")}


def _depths(wrong: np.ndarray, stated: np.ndarray) -> list[Depth]:
    """The rows in the order of the evidence, down to some shares of them."""
    order = np.argsort(-stated, kind="stable")
    found = []
    for share in (*LOOKED_AT, 1.0):
        rows = round(share * len(wrong))
        if rows >= FEWEST_DEEP:
            number = int(wrong[order[:rows]].sum())
            low, high = wilson(np.array([number / rows]), np.array([rows]))
            found.append(Depth(share, rows, number, float(low[0]), float(high[0])))
    return found
