"""Tables and columns of polars and of the datasets library, held against the same rows made in pandas."""

import datetime

import numpy as np
import pandas as pd
import pytest

from mislabel import audit_from
from mislabel.errors import InputError
from mislabel.modalities.dataset import make_dataset
from mislabel.modalities.loading import load_dataset
from mislabel.tables.foreign import native
from mislabel.tables.reading import as_frame

ROWS = {
    "text": ["one", "two", "three", "four"],
    "label": ["ham", "spam", None, "ham"],
    "count": [1, None, 3, 4],
    "share": [0.5, 1.5, float("nan"), -2.0],
}


def of_polars():
    polars = pytest.importorskip("polars")
    return polars.DataFrame(ROWS, schema_overrides={"label": polars.Categorical})


def of_datasets(**more):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["spam", "ham"]),
         "count": datasets.Value("int64"), "share": datasets.Value("float64")}
    )  # fmt: skip
    return datasets.Dataset.from_dict(ROWS | {"label": [1, 0, None, 1]} | more, features=features)


@pytest.mark.parametrize("make", [of_polars, of_datasets])
class TestBoth:
    def test_table(self, make):
        frame = as_frame(make())
        assert list(frame) == list(ROWS)
        assert frame["text"].tolist() == ROWS["text"]
        assert frame["label"].astype(object).where(frame["label"].notna(), None).tolist() == ROWS["label"]
        assert frame["count"].dtype == "Int64"  # 3 is no 3.0
        assert frame["count"].isna().tolist() == [False, True, False, False]
        np.testing.assert_array_equal(frame["share"], ROWS["share"])

    def test_columns(self, make):
        table = make()
        data = make_dataset(table["text"], table["label"], ids=native(table["text"]).str.upper(), missing="unlabeled")
        assert list(data.inputs) == ROWS["text"]
        assert [None if code < 0 else data.labels.classes[code] for code in data.labels.codes] == ROWS["label"]

    def test_as_a_source(self, make):
        data = load_dataset(make(), text="text", label="label", missing="drop")
        assert data.ids.tolist() == [0, 1, 3]
        assert set(data.labels.classes) == {"ham", "spam"}

    def test_features(self, make):
        table = make()
        rows = table.select(["share"]) if hasattr(table, "lazy") else table.select_columns(["share"])
        with pytest.raises(InputError, match="no number"):
            make_dataset(rows, list("abab"), modality="features")


def test_classes_keep_the_order_of_a_class_label():
    data = load_dataset(of_datasets(), text="text", label="label", missing="drop")
    assert data.labels.classes == ["spam", "ham"]


def test_a_selection_and_a_transform_do_not_matter():
    table = of_datasets().select([3, 0])
    assert native(table["text"]).tolist() == ["four", "one"]
    shouted = table.with_transform(lambda batch: {"text": [text.upper() for text in batch["text"]]})
    assert native(shouted)["text"].tolist() == ["four", "one"]


def test_a_dataset_dict_is_one_table():
    datasets, table = pytest.importorskip("datasets"), of_datasets()
    parts = datasets.DatasetDict(train=table, validation=table.select([0]), test=table.select([1, 3]))
    data = load_dataset(parts, text="text", label="label", missing="unlabeled")
    assert data.split.tolist() == ["train"] * 4 + ["valid"] + ["test"] * 2
    assert data.labels.classes == ["spam", "ham"]
    assert any("the parts train, validation, test" in note for note in data.notes)
    odd = datasets.DatasetDict(train=table.add_column("split", ["train", "test", "train", "test"]), test=table)
    with pytest.raises(InputError, match="column 'split'"):
        load_dataset(odd, text="text", label="label")
    with pytest.raises(InputError, match=r"splits train, more; pick one, for example dataset\['train'\]"):
        load_dataset(datasets.DatasetDict(train=table, more=table), text="text", label="label")


def test_a_query_is_told_to_be_run():
    with pytest.raises(InputError, match=r"a LazyFrame was given.*\.collect\(\)"):
        load_dataset(of_polars().lazy(), text="text", label="label")


def test_polars_types_arrive_as_what_they_are():
    polars = pytest.importorskip("polars")
    day = datetime.date(2024, 2, 29)
    columns = {
        "day": [day],
        "list": [[1.0, 2.0]],
        "array": polars.Series([[1, 2]], dtype=polars.Array(polars.Float32, 2)),
        "level": polars.Series(["b"], dtype=polars.Enum(["b", "a"])),
        "yes": [True],
    }
    frame = native(polars.DataFrame(columns))
    assert frame.loc[0, "day"] == day
    assert [list(frame.loc[0, name]) for name in ("list", "array")] == [[1.0, 2.0]] * 2
    assert frame["level"].cat.categories.tolist() == ["b", "a"]
    assert frame["yes"].dtype == bool


def test_what_is_no_table_stays_as_it_is():
    for values in ([1, 2], np.arange(3), pd.Series([1], index=[7]), "text", None):
        assert native(values) is values


def test_probabilities_and_labels_of_polars():
    polars, random, true = pytest.importorskip("polars"), np.random.default_rng(0), np.arange(200) % 2
    labels = np.array(["a", "b"])[np.where(random.random(200) < 0.1, 1 - true, true)]
    of_true = random.uniform(0.7, 1, 200)
    probabilities = np.stack([np.where(true == 0, of_true, 1 - of_true), np.where(true == 1, of_true, 1 - of_true)], 1)
    plain = audit_from(labels, probabilities).table
    found = audit_from(polars.Series(labels), polars.DataFrame(probabilities)).table
    assert plain["p_mislabeled"].between(0, 1).all()
    assert plain["p_mislabeled"].max() > 0.5
    pd.testing.assert_frame_equal(found, plain)


def test_one_column_of_a_frame_is_that_column():
    frame = pd.DataFrame({"text": ["a", "b"], "label": ["x", "y"]})
    data = make_dataset(frame[["text"]], frame[["label"]], ids=frame[["text"]])
    assert list(data.inputs) == data.ids.tolist() == ["a", "b"]
    assert data.labels.classes == ["x", "y"]
