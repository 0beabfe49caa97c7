"""The section on evidence: which kinds there were, how much each counted, who decided that, and what to doubt."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from mislabel.posterior.frozen_space import HELD
from mislabel.report.findings import Findings
from mislabel.report.formatting import count, is_number, label_text, percent, rows, short
from mislabel.report.summary import assessed
from mislabel.run.opinions import KINDS, Kind, opinions_in
from mislabel.run.reading import section

LONGEST_NAME, MOST_NAMES, MOST_CLASSES = 60, 8, 12


@dataclass(frozen=True)
class OpinionRow:
    """One kind of evidence; None where there is nothing to count.

    Attributes
    ----------
    weight : float or None
        How much it counted: 0 not at all, 1 fully.
    doubts : float or None
        The share of judged rows whose given label it does not hold for the likeliest.
    agrees : float or None
        The share of judged rows for which it says what is suggested.
    right : float or None
        By gold, over the judged rows that have one.
    """

    title: str
    meaning: str
    weight: float | None
    doubts: float | None
    agrees: float | None
    right: float | None


@dataclass(frozen=True)
class MeaningRow:
    """How well a class fits what it means.

    Attributes
    ----------
    rows, agreeing : int
        Rows that were given this class, and those of them that are nearest to what it means.
    weak : bool
        Whether these are too few, so that meanings count only where trusted rows speak for them.
    """

    name: str
    rows: int
    agreeing: int
    weak: bool


def evidence_section(findings: Findings) -> dict[str, Any]:
    """The content of the section; empty where the run gathered no evidence, or judged no row."""
    evidence = section(findings.metrics, "evidence")
    weights = section(evidence, "opinions")
    if not weights or not assessed(findings):
        return {}
    meanings = meaning_rows(findings, evidence)
    return {
        "sentences": [*_who_decided(findings, evidence), *_use(evidence)],
        "opinions": [_opinion_row(findings, kind, weights.get(kind.name)) for kind in _known(findings, weights)],
        "doubts": [*_doubted(evidence), *_weak(evidence), *_untrusted(findings)],
        "meanings": meanings[:MOST_CLASSES],
        "more_meanings": meanings[MOST_CLASSES:],
        "described": evidence.get("meanings") != "names",
    }


def _known(findings: Findings, weights: dict[str, Any]) -> list[Kind]:
    """The opinions with a name that we know, those that counted most first; one that no rule weighed last."""
    weighed = [kind for kind in KINDS if kind.name in weights]
    by_weight = sorted(weighed, key=lambda kind: -weights[kind.name] if is_number(weights[kind.name]) else math.inf)
    return by_weight + [kind for kind in opinions_in(findings.run.rows) if kind.name not in weights]


def _opinion_row(findings: Findings, kind: Kind, weight: Any) -> OpinionRow:
    codes = findings.run.rows.labels.get(kind.label)
    doubts = agrees = right = None
    if codes is not None:
        said = findings.assessed & (codes >= 0)
        doubts = _share((codes != findings.given)[said])
        agrees = _share((codes == findings.suggested)[said])
        if findings.gold is not None:
            right = _share((codes == findings.gold)[said & findings.scored])
    return OpinionRow(kind.title, kind.meaning, weight if is_number(weight) else None, doubts, agrees, right)


def _share(which: np.ndarray) -> float | None:
    return float(which.mean()) if len(which) else None


def _who_decided(findings: Findings, evidence: dict[str, Any]) -> list[str]:
    """Whether trusted rows decided what counts, how many, and what those that were left out say of it."""
    trusted = section(findings.metrics, "trusted")
    number = trusted.get("rows")
    if not isinstance(number, int) or not number:
        return [
            "No row has a trusted label, so a fixed rule decides what counts. Whether it suits these labels nobody can "
            "tell from the labels alone; a few dozen checked rows can."
        ]
    how = ", drawn at random," if trusted.get("drawn") == "random" else ""
    said = [f"{rows(number)} with a trusted label{how} decided which kinds of evidence count."]
    left_out, before = evidence.get("left_out"), evidence.get("pool_left_out")
    if not (is_number(left_out) and is_number(before)):
        return [*said, "They are too few to leave some out and see how good that is: ten are needed."]
    after, earlier = math.exp(left_out), math.exp(before)
    better = round(100 * after) > round(100 * earlier)
    said.append(
        f"Trusted rows that were left out in turn got a probability of {percent(after)} for their right class "
        f"(geometric mean), {'up from' if better else 'and'} {percent(earlier)} without any trusted row"
        + ("." if better else ": they have not made the evidence better.")
    )
    said.append(
        "The judge also learned from them what the given label and the row itself are worth beside these opinions."
        if is_number(evidence.get("strength"))
        else "They gained nothing from asking the given label and the row itself as well, so these do not count."
    )
    return said


def _use(evidence: dict[str, Any]) -> list[str]:
    """What became of it."""
    said = {
        "taught": "What all of it comes to is the probability in this report, and what the network was taught.",
        "joined": "The probability in this report joins it with what the method found, half and half.",
        "unused": "This method uses it only with ten trusted rows or more: the probability in this report is the "
        "method's alone.",
    }
    part, revised = evidence.get("part"), evidence.get("revised_after")
    if part == "taught" and is_number(revised):
        passes = "epoch" if revised == 1 else "epochs"
        told = section(evidence, "revised").get("trusted")
        decided = (
            f"{rows(told)} with a trusted label, which it had not been taught, decided how far to believe it"
            if isinstance(told, int) and told
            else "with the given label it took the place of the rest"
        )
        return [
            f"What all of it comes to is what the network was taught for {count(revised)} {passes}. Then it was asked "
            f"what it made of each row, since a whole network soon knows more than a frozen one: {decided}. The "
            "outcome is what it was taught from then on, and the probability in this report."
        ]
    return [said[part]] if isinstance(part, str) and part in said else []


def _doubted(evidence: dict[str, Any]) -> list[str]:
    held, kept = evidence.get("held"), evidence.get("kept")
    if not is_number(held) or held <= 0:
        return []
    if held > HELD:
        return ["What lies near a row explains hardly any of the labels, so they stand nearly as they are."]
    return [
        f"Some class would keep only {percent(kept, 0)} of its rows. Either most of its labels are wrong, or the "
        "embeddings do not hold the classes. So rows like it are asked carefully, and fewer labels are called wrong."
    ]


def _weak(evidence: dict[str, Any]) -> list[str]:
    weak = evidence.get("weak")
    if not isinstance(weak, list) or not weak:
        return []
    what = "names" if evidence.get("meanings") == "names" else "descriptions"
    return [
        f"Too few rows fit the {what} of {_names(weak)}, so what classes mean counts only as far as trusted rows speak "
        "for it."
    ]


def _untrusted(findings: Findings) -> list[str]:
    """Classes that were given and that no trusted row shows, where some rows are trusted."""
    by_class = section(section(findings.metrics, "trusted"), "by_class")
    if not by_class:
        return []
    given = np.bincount(findings.given[findings.assessed], minlength=findings.n_classes)
    without = [findings.classes[code] for code in np.flatnonzero(given) if str(findings.classes[code]) not in by_class]
    if not without:
        return []
    return [f"No trusted row shows {_names(without)}: of these the judge knows only what the opinions say."]


def _names(values: list[Any]) -> str:
    """``“a”, “b” and 3 more classes``."""
    shown = [f"“{short(label_text(value), LONGEST_NAME)}”" for value in values[:MOST_NAMES]]
    more = len(values) - len(shown)
    if more:
        return f"{', '.join(shown)} and {count(more)} more {'class' if more == 1 else 'classes'}"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def meaning_rows(findings: Findings, evidence: dict[str, Any]) -> list[MeaningRow]:
    """One line per class that rows were given, those that fit least first; none where no meaning was known."""
    agreeing, weak = evidence.get("agreeing"), evidence.get("weak")
    if not isinstance(agreeing, list) or len(agreeing) != findings.n_classes or not all(map(is_number, agreeing)):
        return []
    trained = findings.assessed | findings.run.rows.with_status("decided")
    there = np.bincount(findings.given[trained & (findings.given >= 0)], minlength=findings.n_classes)
    lines = [
        MeaningRow(
            name=short(label_text(findings.classes[code]), LONGEST_NAME),
            rows=int(there[code]),
            agreeing=int(agreeing[code]),
            weak=isinstance(weak, list) and str(findings.classes[code]) in weak,
        )
        for code in np.flatnonzero(there[: findings.n_classes])
    ]
    return sorted(lines, key=lambda line: (not line.weak, line.agreeing / line.rows))
