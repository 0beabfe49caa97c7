"""Votes out of what annotation tools export: every annotator is a source.

Label Studio's full export (JSON, https://labelstud.io/guide/export): a task has `annotations`, each with `completed_by`
and `result`; what was skipped (`was_cancelled`) or has no choice is no vote. Argilla's records
(https://docs.argilla.io): a record has `responses`, by question a list of `value` and `user_id`.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from mislabel.data.source_columns import VOTE_COLUMNS
from mislabel.errors import InputError, some_ids

TASKS, RECORDS = "annotations", "responses"  # the columns by which the two are known
TASK_ID = "mislabel_id"  # that an export of ours put into `data`


def as_votes(frame: pd.DataFrame, id: str | None) -> pd.DataFrame:
    """A long table of votes, with the columns id, source and label, out of any of these, or as it is.

    Parameters
    ----------
    frame
        A table of votes, or one line a task or record.
    id : str, optional
        What names the rows in the data: looked for in `data` of a task, and in the fields or metadata of a record;
        else the id of task or record counts.

    Raises
    ------
    InputError
        If a record asks several questions, so that nobody knows which one is the label.
    """
    if set(VOTE_COLUMNS) <= set(frame.columns):
        return frame
    votes = _of_tasks if TASKS in frame else _of_records if RECORDS in frame else None
    if votes is None:
        return frame
    lines = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return pd.DataFrame(list(votes(lines, id)), columns=pd.Index(VOTE_COLUMNS))


def _of_tasks(tasks: list[dict[Any, Any]], id: str | None) -> Iterator[tuple[Any, str, Any]]:
    for task in tasks:
        data = _mapping(task.get("data"))
        row = _first([data.get(id), data.get(TASK_ID), task.get("id")])
        for annotation in _listed(task.get(TASKS)):
            who = annotation.get("completed_by")
            who = _first([who.get("email"), who.get("id")]) if isinstance(who, dict) else who
            choices = [
                choice
                for part in _listed(annotation.get("result"))
                for choice in _mapping(part.get("value")).get("choices", [])
            ]
            if choices and not annotation.get("was_cancelled"):
                yield row, str(who), choices[0]


def _of_records(records: list[dict[Any, Any]], id: str | None) -> Iterator[tuple[Any, str, Any]]:
    questions = {name for record in records for name in _mapping(record.get(RECORDS))}
    if len(questions) > 1:
        raise InputError(
            f"--votes: the records answer several questions, {some_ids(sorted(map(str, questions)))}; export the one "
            "that asks for the label"
        )
    for record in records:
        named = {**_mapping(record.get("fields")), **_mapping(record.get("metadata"))}
        row = _first([named.get(id), named.get(TASK_ID), record.get("id")])
        for responses in _mapping(record.get(RECORDS)).values():
            for response in _listed(responses):
                if response.get("value") is not None and response.get("status", "submitted") != "discarded":
                    yield row, str(response.get("user_id")), response["value"]


def _mapping(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _listed(value: Any) -> list[dict[Any, Any]]:
    listed = list(value) if isinstance(value, (list, tuple, np.ndarray)) else []
    return [each for each in listed if isinstance(each, dict)]


def _first(values: list[Any]) -> Any:
    return next((value for value in values if value is not None), None)
