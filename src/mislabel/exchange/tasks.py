"""Tasks of Label Studio as lines of a reviewed file: what `label_studio` writes, and what Label Studio exports."""

from dataclasses import replace
from typing import Any

from mislabel.tables.lines import Line

TASK_ID, LABEL, DECISION = "mislabel_id", "label", "decision"  # what the line of a task holds, and nothing else


def is_task(cells: dict[str, Any]) -> bool:
    """Whether an object is a task with annotations, not a plain row. ("completions" is an older word for them.)"""
    return isinstance(cells.get("data"), dict) and any(
        name in cells for name in ("annotations", "completions", "predictions")
    )


def task_line(line: Line, id: str) -> Line:
    """The row that a task is about, the chosen label and a word for the decision; columns of the data are not needed.

    Its id is `mislabel_id`, or else what the data hold in the run's own column `id`. Of several annotations those that
    were skipped do not count, and the others have to agree.
    """
    data, meta = line.cells["data"], line.cells.get("meta")
    known = meta if isinstance(meta, dict) and TASK_ID in meta else data
    cells = {TASK_ID: known.get(TASK_ID, data.get(id))}
    annotations = line.cells.get("annotations") or line.cells.get("completions") or []
    if not isinstance(annotations, list) or not all(isinstance(annotation, dict) for annotation in annotations):
        return replace(line, cells=cells, problem="its annotations are no list of objects")
    finished = [annotation for annotation in annotations if not annotation.get("was_cancelled")]
    if not finished:
        return replace(line, cells=cells | {LABEL: None, DECISION: "unsure" if annotations else ""})
    chosen = [_choices(annotation.get("result")) for annotation in finished]
    if any(annotation is None or len(annotation) > 1 for annotation in chosen):
        return replace(line, cells=cells, problem="an annotation is not one choice")
    if any(annotation != chosen[0] for annotation in chosen):
        return replace(line, cells=cells, problem=f"its {len(chosen)} annotations do not agree")
    labels = chosen[0] or [None]
    return replace(line, cells=cells | {LABEL: labels[0], DECISION: "label" if chosen[0] else "none"})


def _choices(result: Any) -> list[Any] | None:
    """The choices of an annotation, none for one without; None where it is something else."""
    if not isinstance(result, list):
        return None if result else []
    labels: list[Any] = []
    for part in result:
        value = part.get("value") if isinstance(part, dict) else None
        choices = value.get("choices") if isinstance(value, dict) else None
        if not isinstance(choices, list):
            return None
        labels += choices
    return labels
