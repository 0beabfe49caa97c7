"""The top of the report: one paragraph, a few large numbers, and warnings."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from mislabel.audit import LIKELY
from mislabel.report.classes import confusions
from mislabel.report.findings import Findings
from mislabel.report.formatting import count, decimal, duration, interval, is_number, percent, rows, short
from mislabel.report.gold import detection
from mislabel.run.headline import certain, in_list
from mislabel.run.reading import section


@dataclass(frozen=True)
class Tile:
    """A large number, what it is, and what to know about it."""

    title: str
    number: str
    detail: str


def data_name(findings: Findings) -> str:
    """The name of the data set."""
    return str(findings.run.data.get("name", "data"))


def method_name(findings: Findings) -> str:
    """The method as the user called it."""
    return str(findings.metrics.get("method") or findings.run.settings.get("method", "unknown"))


def assessed(findings: Findings) -> bool:
    """Whether the run says anything about wrong labels."""
    return findings.related and findings.n_assessed > 0


def sentences(findings: Findings) -> list[str]:
    """The paragraph; the first sentence is the finding."""
    total, judged = len(findings), findings.n_assessed
    if not assessed(findings):
        return [f"{rows(total)} {'was' if total == 1 else 'were'} given, and none of them could be judged."]
    wrong = int(findings.likely_wrong.sum())
    paragraph = [in_list(wrong, judged, findings.precision), certain(findings.rate)]
    if judged < total:
        paragraph.insert(1, f"The other {total - judged:,} of the {total:,} given were not judged.")
    if (findings.likely_wrong & findings.is_decided).any():
        paragraph.append(_decided(findings))
    pairs = confusions(findings, 1)
    if pairs and pairs[0].rows > max(1, 0.05 * wrong):
        paragraph.append(
            f"The most frequent mix-up: {count(pairs[0].rows)} rows labelled “{short(pairs[0].given, 40)}” that look "
            f"like “{short(pairs[0].true, 40)}”."
        )
    test = findings.run.test
    if is_number(test.get("accuracy")):
        paragraph.append(
            f"The model trained on these labels is right on {percent(test['accuracy'], 1)} of "
            f"{rows(test.get('rows', 0))} set aside with known true labels."
        )
    return paragraph


def tiles(findings: Findings) -> list[Tile]:
    """The large numbers, as far as the run has them."""
    test = findings.run.test
    shown = [_rate_tile(findings)]
    if assessed(findings):
        wrong = int(findings.likely_wrong.sum())
        detail = f"p > {LIKELY}, of {findings.n_assessed:,} judged"
        if findings.precision is not None:
            detail += f"; {percent(findings.precision)} expected to be wrong"
        shown.insert(0, Tile("Rows likely wrong", count(wrong), detail))
    if is_number(test.get("accuracy")):
        detail = f"macro F1 {percent(test.get('macro_f1'), 1)}, {rows(test.get('rows', 0))}"
        shown.append(Tile("Test accuracy", percent(test["accuracy"], 1), detail))
    elif is_number(test.get("agreement_with_given")):
        detail = f"of {rows(test.get('rows', 0))}; no true labels"
        shown.append(Tile("Agrees with test labels", percent(test["agreement_with_given"], 1), detail))
    area = auroc(findings)
    if area is not None:
        shown.append(Tile("Detection AUROC", decimal(area), _detection_detail(findings)))
    seconds = section(findings.metrics, "seconds")
    if is_number(seconds.get("train")):
        total = f"{duration(seconds['total'])} in all" if is_number(seconds.get("total")) else ""
        shown.append(Tile("Training time", duration(seconds["train"]), total))
    return shown


def auroc(findings: Findings) -> float | None:
    """How well the audit ranks wrong labels before right ones, by gold labels; None without them."""
    auroc = section(findings.metrics, "detection").get("auroc")
    if is_number(auroc):
        return auroc
    scored = findings.scored
    if findings.gold is None or not scored.any():
        return None
    curve = detection((findings.given != findings.gold)[scored], findings.p_mislabeled[scored])
    return curve.auroc() if curve else None


def banners(findings: Findings) -> list[str]:
    """The red lines at the top: why there is no audit."""
    if not findings.related:
        agreement = section(findings.metrics, "agreement")
        numbers = ""
        if is_number(agreement.get("observed")) and is_number(agreement.get("chance")):
            numbers = (
                f" While learning, predictions agreed with them on {percent(agreement['observed'], 1)} of the rows; "
                f"chance gives {percent(agreement['chance'], 1)}."
            )
        return [
            f"The labels could not be told from random ones.{numbers} No row is judged and no noise rate is given: "
            "check that the right columns were named, or train on more rows."
        ]
    if not findings.n_assessed:
        return [
            "No row was judged, so this report says nothing about wrong labels. Section “How it was made” says why."
        ]
    return []


def notes(findings: Findings) -> list[str]:
    """Notes of the run, each once, and those of the report itself."""
    notes = [*findings.run.notes, *(findings.run.config.get("notes") or [])]
    if findings.checked.recalibration is not None:
        rows_checked = findings.checked.recalibration.checked
        notes.append(
            f"P(wrong) is recalibrated here by {rows_checked} rows that the review checked at random; audit.parquet "
            "has it as the run found it."
        )
    left = int((findings.run.rows.with_status("judged") & ~findings.assessed).sum())
    if left:
        notes.append(f"Judged rows without a probability, which are in no number here: {left}.")
    return list(dict.fromkeys(map(str, notes)))


def _decided(findings: Findings) -> str:
    """What a person said of the rows that are likely wrong, as a sentence."""
    likely = np.flatnonzero(findings.likely_wrong & findings.is_decided)
    said = Counter(findings.decisions[id].wrong for id in findings.run.rows.ids.take(likely).to_pylist())
    kinds = ((True, "wrong"), (False, "right"), (None, "unclear"))
    words = ", ".join(f"{said[wrong]:,} {word}" for wrong, word in kinds if said[wrong])
    return f"A person decided {len(likely):,} of the {int(findings.likely_wrong.sum()):,} likely wrong: {words}."


def _detection_detail(findings: Findings) -> str:
    marking = section(findings.metrics, "detection").get("centroid_auroc")
    scale = "0.5 is chance, 1 is perfect"
    return f"{scale}; centroid score {decimal(marking)}" if is_number(marking) else scale


def _rate_tile(findings: Findings) -> Tile:
    rate, true = findings.rate, section(findings.metrics, "noise_rate").get("true")
    if not assessed(findings):
        return Tile("Wrong labels", "not assessed", "")
    truth = f"by gold {percent(true, 1)}" if is_number(true) else ""
    if rate.estimate is not None:
        number = percent(rate.estimate)
        beside = f"95% interval {interval(rate.low, rate.high)}, from {rate.checked} random rows"
    elif rate.at_least:
        number, beside = f"≥ {percent(rate.at_least)}", "at least, as far as labels tell"
    else:
        number, beside = "not known", "as far as labels tell"
    return Tile("Wrong labels", number, "; ".join(part for part in (beside, truth) if part))
