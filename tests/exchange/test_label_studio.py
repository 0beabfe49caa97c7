"""What Label Studio gets, read again; labels and decisions are set by hand."""

import json
from xml.etree import ElementTree

import pandas as pd
import pytest
from fake_runs import decide, make_run

from mislabel.decisions.events import Decision
from mislabel.errors import InputError
from mislabel.exchange.export import export


def test_tasks_hold_all_columns_the_suggestion_and_what_was_decided(animals, tmp_path):
    decide(
        animals, Decision("a1", "suggestion", "dog", "cat"), Decision("a3", "none", None, "cat"),
        Decision("a4", "unsure", None, "dog"),
    )  # fmt: skip
    told = export(animals, tmp_path / "tasks.json", kind="label-studio")
    tasks = json.loads((tmp_path / "tasks.json").read_text(encoding="utf-8"))
    assert [task["data"]["mislabel_id"] for task in tasks] == ["a1", "a2", "a3", "a4", "a6"]  # a5 was not in the run
    assert tasks[1]["data"]["text"] == "second, with a comma"
    choice = {"from_name": "label", "to_name": "text", "type": "choices"}
    assert tasks[0]["predictions"][0]["result"] == [{**choice, "value": {"choices": ["dog"]}}]
    assert tasks[0]["predictions"][0]["model_version"].startswith("mislabel ")
    assert tasks[0]["predictions"][0]["score"] == pytest.approx(0.99)
    assert tasks[2]["predictions"][0]["score"] == pytest.approx(0.9)
    wanted = [{"result": [{**choice, "value": {"choices": ["dog"]}}], "was_cancelled": False}]
    assert [task["annotations"] for task in tasks] == [
        wanted, [], [{"result": [], "was_cancelled": False}], [{"result": [], "was_cancelled": True}], [],
    ]  # fmt: skip
    view = ElementTree.parse(told["config"]).getroot()
    assert told["config"] == str(tmp_path / "tasks.json.config.xml")
    text, choices = view
    assert (text.tag, text.get("name"), text.get("value")) == ("Text", "text", "$text")
    assert (choices.get("name"), choices.get("toName")) == ("label", "text")
    assert [one.get("value") for one in choices] == ["bird", "cat", "dog"]


def test_the_interface_quotes_classes_and_shows_columns_with_odd_names(tmp_path):
    frame = pd.DataFrame({"id": [1, 2], "the text": ["<b>&", "x"], "label": ["a\"<&>'", "b"]})
    frame.to_csv(tmp_path / "d.csv", index=False)
    run = make_run(tmp_path / "run", frame, source=tmp_path / "d.csv", text="the text")
    told = export(run, tmp_path / "tasks.json", kind="label-studio")
    text, choices = ElementTree.parse(told["config"]).getroot()
    assert text.get("value") == "$mislabel_input"
    assert {one.get("value") for one in choices} == set(frame["label"])
    tasks = json.loads((tmp_path / "tasks.json").read_text(encoding="utf-8"))
    assert [task["data"]["mislabel_input"] for task in tasks] == ["<b>&", "x"]


@pytest.mark.parametrize("column", ["mislabel_id", "p_mislabeled"])
def test_a_column_of_the_users_own_is_not_overwritten_in_tasks(tmp_path, column):
    frame = pd.DataFrame({"id": [1, 2], "text": ["x", "y"], "label": ["a", "b"], column: [2, 1]})
    frame.to_csv(tmp_path / "d.csv", index=False)
    run = make_run(tmp_path / "run", frame, source=tmp_path / "d.csv", text="text")
    with pytest.raises(InputError, match=f"'{column}' of its own, which an export for Label Studio adds: rename it"):
        export(run, tmp_path / "tasks.json", kind="label-studio")
    frame.rename(columns={column: "mine"}).to_csv(tmp_path / "renamed.csv", index=False)
    export(run, tmp_path / "tasks.json", kind="label-studio", data=str(tmp_path / "renamed.csv"))
    assert [task["data"]["mine"] for task in json.loads((tmp_path / "tasks.json").read_text())] == [2, 1]


def test_ids_that_are_called_as_ours_are_no_clash(tmp_path):
    frame = pd.DataFrame({"mislabel_id": [5, 6], "text": ["x", "y"], "label": ["a", "b"]})
    frame.to_csv(tmp_path / "d.csv", index=False)
    run = make_run(tmp_path / "run", frame, source=tmp_path / "d.csv", text="text", id="mislabel_id")
    export(run, tmp_path / "tasks.json", kind="label-studio")
    assert [task["data"]["mislabel_id"] for task in json.loads((tmp_path / "tasks.json").read_text())] == [5, 6]


def test_encoded_images_become_addresses_and_features_words(tmp_path):
    frame = pd.DataFrame({"id": [1, 2], "picture": [b"\x89PNG..", b"\xff\xd8\xff.."], "label": ["x", "y"]})
    frame.to_parquet(tmp_path / "d.parquet", index=False)
    run = make_run(tmp_path / "run", frame, source=tmp_path / "d.parquet", image="picture", modality="image")
    export(run, tmp_path / "tasks.json", kind="label-studio")
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    assert tasks[0]["data"]["picture"] == "data:image/png;base64,iVBORy4u"
    assert tasks[1]["data"]["picture"].startswith("data:image/jpeg;base64,")
    assert tasks[0]["predictions"][0]["result"][0]["to_name"] == "image"
    frame = pd.DataFrame({"id": [5, 6, 7], "age": [1, 2, 3], "label": ["x", "", "y"]})
    frame.to_csv(tmp_path / "d.csv", index=False)
    run = make_run(tmp_path / "other", frame, source=tmp_path / "d.csv", modality="features", captions=True)
    export(run, tmp_path / "tasks.json", kind="label-studio")
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    assert [task["data"]["mislabel_input"] for task in tasks] == ["input of 5", "input of 7"]


@pytest.mark.parametrize("captions", [True, False])
def test_gold_is_in_no_task(tmp_path, captions):
    frame = pd.DataFrame({"id": [5, 6], "age": [1, 2], "label": ["x", "y"], "truth": ["Ultramarine", "x"]})
    frame.to_csv(tmp_path / "d.csv", index=False)
    run = make_run(tmp_path / "run", frame, source=tmp_path / "d.csv", modality="features", captions=captions)
    config = run.read_config()
    config["data"]["columns"]["gold"] = "truth"
    run.write_config(config)
    export(run, tmp_path / "tasks.json", kind="label-studio")
    text = (tmp_path / "tasks.json").read_text()
    assert '"age": 1' in text
    assert "Ultramarine" not in text
    assert "truth" not in text


def test_texts_of_several_columns_are_shown_joined(tmp_path):
    frame = pd.DataFrame({"id": [1, 2], "title": ["a", "b"], "body": ["x", "y"], "label": ["p", "q"]})
    frame.to_csv(tmp_path / "d.csv", index=False)
    run = make_run(tmp_path / "run", frame, source=tmp_path / "d.csv", text="title,body")
    export(run, tmp_path / "tasks.json", kind="label-studio")
    tasks = json.loads((tmp_path / "tasks.json").read_text(encoding="utf-8"))
    assert [task["data"]["mislabel_input"] for task in tasks] == ["a\nx", "b\ny"]
    assert tasks[0]["data"]["title"] == "a"
