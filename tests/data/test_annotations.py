"""Votes out of exports of annotation tools, as their documents describe them."""

import json

import pandas as pd
import pytest

from mislabel import InputError
from mislabel.data.annotations import as_votes
from mislabel.modalities.early import check_columns
from mislabel.modalities.loading import load_dataset


def choice(label):
    return {"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": [label]}}


def by(who, *labels, **more):
    return {"completed_by": who, "result": [choice(label) for label in labels], **more}


TASKS = [
    {"id": 11, "data": {"text": "a", "name": "r0"}, "annotations": [by(1, "cat"), by(2, "dog")]},
    {"id": 12, "data": {"text": "b", "name": "r1"}, "annotations": [by({"id": 1, "email": "anna@x.org"}, "dog")]},
    {"id": 13, "data": {"text": "c", "name": "r2"}, "annotations": [by(2, "dog", was_cancelled=True), by(1)]},
    {"id": 14, "data": {"text": "d", "name": "r3"}, "annotations": []},
    {"id": 15, "data": {"text": "e", "name": "r4"}, "annotations": [by(2, "cat")]},
]
WANTED = [("r0", "1", "cat"), ("r0", "2", "dog"), ("r1", "anna@x.org", "dog"), ("r4", "2", "cat")]
RECORDS = [
    {"id": "x", "fields": {"text": "a"}, "metadata": {"name": "r0"}, "responses": {"label": [
        {"value": "cat", "user_id": "u1"}, {"value": "dog", "user_id": "u2", "status": "discarded"}]}},
    {"id": "y", "fields": {"text": "b"}, "metadata": {}, "responses": {"label": [{"value": None, "user_id": "u1"}]}},
    {"id": "z", "fields": {"text": "c"}, "metadata": {}, "responses": {"label": [{"value": "dog", "user_id": "u1"}]}},
    {"id": "w", "fields": {"text": "c"}, "metadata": {}, "responses": None},
]  # fmt: skip


def listed(frame):
    return list(frame.itertuples(index=False, name=None))


def test_every_annotator_of_a_task_is_a_source(tmp_path):
    assert listed(as_votes(pd.DataFrame(TASKS), "name")) == WANTED
    assert [vote[0] for vote in listed(as_votes(pd.DataFrame(TASKS), None))] == [11, 11, 12, 15]
    path = tmp_path / "tasks.json"
    path.write_text(json.dumps(TASKS), encoding="utf-8")
    data = pd.DataFrame([task["data"] for task in TASKS])
    data.to_csv(tmp_path / "data.csv", index=False)
    check_columns(tmp_path / "data.csv", {"text": "text", "id": "name", "votes": str(path)})
    read = load_dataset(tmp_path / "data.csv", text="text", id="name", votes=str(path))
    assert read.sources.names == ["1", "2", "anna@x.org"]
    assert read.sources.votes.tolist() == [[0, 1, -1], [-1, -1, 1], [-1, -1, -1], [-1, -1, -1], [-1, 0, -1]]


def test_every_user_of_a_record_is_a_source():
    assert listed(as_votes(pd.DataFrame(RECORDS), "name")) == [("r0", "u1", "cat"), ("z", "u1", "dog")]
    two = [{"id": "x", "responses": {"label": [], "mood": []}}]
    with pytest.raises(InputError, match="several questions, 'label', 'mood'"):
        as_votes(pd.DataFrame(two), None)


def test_a_table_of_votes_stays_as_it_is():
    frame = pd.DataFrame(WANTED, columns=["id", "source", "label"])
    assert as_votes(frame, None) is frame
    other = pd.DataFrame({"a": [1]})
    assert as_votes(other, None) is other
