"""The datasets library, played by a stand-in: what is asked of it, and what becomes of its answers."""

import sys
import types

import pandas as pd
import pytest

from mislabel.errors import InputError
from mislabel.modalities.loading import load_dataset
from mislabel.tables import read_table


class ClassLabel:
    def __init__(self, names):
        self.names = names


class HubSet:
    """A map-style data set."""

    def __init__(self, frame, features=None):
        self.frame, self.features = frame, features or {}

    def __len__(self):
        return len(self.frame)

    def to_pandas(self):
        return self.frame.copy()


@pytest.fixture
def hub(monkeypatch):
    """Puts a stand-in for the library in place; what it answers is `hub.answer`, what it was asked `hub.asked`."""
    library = types.ModuleType("datasets")
    state = types.SimpleNamespace(answer=None, asked=None)

    def load(*names, split=None):
        state.asked = (*names, split)
        if isinstance(state.answer, Exception):
            raise state.answer
        return state.answer

    library.load_dataset = load
    monkeypatch.setitem(sys.modules, "datasets", library)
    return state


TABLE = pd.DataFrame({"text": ["a", "b", "c"], "label": [1, 0, -1]})


def test_name_and_split(hub):
    hub.answer = HubSet(TABLE)
    assert read_table("hf:org/name:train")["text"].tolist() == ["a", "b", "c"]
    assert hub.asked == ("org/name", "train")
    read_table("hf:org/name")
    assert hub.asked == ("org/name", None)


def test_a_script_of_a_data_set_is_not_run(hub, monkeypatch):
    """Before version 4 the library asks, on standard input, where it is not told."""
    given = []

    def load(name, split=None, trust_remote_code=None):
        given.append(trust_remote_code)
        return HubSet(TABLE)

    monkeypatch.setattr(sys.modules["datasets"], "load_dataset", load)
    assert len(read_table("hf:org/name")) == 3
    assert given == [False]


def test_a_class_label_shows_its_names(hub):
    hub.answer = {"train": HubSet(TABLE, {"label": ClassLabel(["zebra", "ant"]), "text": None})}
    column = read_table("hf:x")["label"]
    assert column.tolist()[:2] == ["ant", "zebra"]
    assert column.isna().tolist() == [False, False, True]
    dataset = load_dataset("hf:x", text="text", label="label", missing="unlabeled")
    assert dataset.labels.classes == ["zebra", "ant"]  # the order of the hub, not the alphabet's
    assert dataset.labels.codes.tolist() == [1, 0, -1]
    assert dataset.name == "hf:x"


def test_several_splits(hub):
    hub.answer = {"train": HubSet(TABLE), "odd": HubSet(TABLE)}
    with pytest.raises(InputError, match="splits train, odd; pick one, for example hf:x:train"):
        read_table("hf:x")
    hub.answer = {"train": HubSet(TABLE), "test": HubSet(TABLE.head(1))}
    whole = read_table("hf:x")
    assert whole["split"].tolist() == ["train"] * 3 + ["test"]
    assert load_dataset("hf:x", text="text", label="label", missing="drop").split.tolist() == ["train", "train", "test"]


def test_a_word_is_a_configuration_where_there_is_one(hub):
    hub.answer = HubSet(TABLE)
    sys.modules["datasets"].get_dataset_config_names = lambda name: ["plain", "sst2"]
    read_table("hf:glue:sst2")
    assert hub.asked == ("glue", "sst2", None)
    read_table("hf:glue:sst2:train")
    assert hub.asked == ("glue", "sst2", "train")
    read_table("hf:glue:unsupervised")
    assert hub.asked == ("glue", "unsupervised")
    read_table("hf:glue:sst2:")
    assert hub.asked == ("glue", "sst2", None)
    with pytest.raises(InputError, match="hf:glue:sst2:train"):
        read_table("hf:glue:sst2:train:more")


def test_failures(hub, monkeypatch):
    hub.answer = ConnectionError("no route")
    with pytest.raises(InputError, match='"hf:x" could not be loaded: no route'):
        read_table("hf:x")
    with pytest.raises(InputError, match="names no data set"):
        read_table("hf:")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match="pip install datasets"):
        read_table("hf:x")
