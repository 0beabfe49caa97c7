"""The models of one run side by side on the test rows: what the generative model and the distillation changed."""

from dataclasses import dataclass
from typing import Any

from mislabel.report.findings import Findings
from mislabel.report.formatting import is_number
from mislabel.run.reading import section

STEPS = (
    ("classifier (before)", "classifier", "the branches as trained on the given labels, averaged"),
    ("generative model (after)", "generative", "corrected by what the rows' trajectories say"),
    ("distilled model (shipped)", None, "one network, trained on what the generative model concluded"),
)


@dataclass(frozen=True)
class ModelRow:
    """Scores of one model; None where there is no number.

    Attributes
    ----------
    accuracy, macro_f1, error : float or None
        By true labels; `error` is the expected calibration error.
    agreement : float or None
        With the given labels of the test rows, where true ones are not known.
    """

    name: str
    meaning: str
    rows: int | None
    accuracy: float | None
    macro_f1: float | None
    error: float | None
    agreement: float | None


def model_rows(findings: Findings) -> list[ModelRow]:
    """The models in the order in which they were trained; none where the run has only one."""
    test = findings.run.test
    models = [(name, meaning, section(test, key) if key else test) for name, key, meaning in STEPS]
    if not any(scores for _, _, scores in models[:-1]):
        return []
    return [_row(name, meaning, scores) for name, meaning, scores in models if scores]


def _row(name: str, meaning: str, scores: dict[str, Any]) -> ModelRow:
    def known(key: str) -> Any:
        return scores[key] if is_number(scores.get(key)) else None

    return ModelRow(
        name=name,
        meaning=meaning,
        rows=known("rows"),
        accuracy=known("accuracy"),
        macro_f1=known("macro_f1"),
        error=known("ece"),
        agreement=known("agreement_with_given"),
    )
