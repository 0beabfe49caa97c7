"""New data take the way of the training data, whatever their order; what cannot take it is refused."""

import json

import numpy as np
import pandas as pd
import pytest
from helpers import check, people
from hypothesis import given, settings
from hypothesis import strategies as st

from mislabel.errors import InputError
from mislabel.modalities.features.encoding import FeatureEncoding

NUMBERS = [[1, 0, 3], [4, 5, 7]]


def test_the_encoding_survives_json():
    encoding = check(people())[0].encoding
    stored = json.loads(json.dumps(encoding.plain()))
    assert FeatureEncoding.from_plain(stored) == encoding
    matrix = check(np.zeros((2, 3)))[0].encoding
    assert FeatureEncoding.from_plain(json.loads(json.dumps(matrix.plain()))) == matrix
    assert matrix.names == ["[0]", "[1]", "[2]"]


@pytest.mark.parametrize(
    "stored",
    [{}, {"columns": [{"name": "a"}]}, {"columns": [{"name": "a", "kind": "colour"}]}, {"columns": None}, [],
     {"columns": [{"name": "a", "kind": "vector", "width": 0}]}, {"columns": [{"name": 1, "kind": "number"}]},
     {"columns": [{"name": "a", "kind": "category", "levels": [1]}]}],
)  # fmt: skip
def test_a_broken_encoding(stored):
    with pytest.raises(InputError, match="a stored encoding of features cannot be read"):
        FeatureEncoding.from_plain(stored)


ROWS = st.lists(
    st.tuples(
        st.floats(-1e30, 1e30), st.sampled_from("abc"), st.sampled_from([True, False]),
        st.lists(st.integers(-9, 9), min_size=3, max_size=3), st.sampled_from(["u", "v"]),
    ),
    min_size=1, max_size=12,
)  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(rows=ROWS, data=st.data())
def test_rows_and_columns_in_another_order_give_the_same_rows(rows, data):
    frame = pd.DataFrame(rows, columns=pd.Index(["size", "letter", "flag", "vector", "other"]))
    frame["other"] = frame["other"].astype("category")
    learned, _ = check(frame)
    order = data.draw(st.permutations(range(len(frame))))
    columns = data.draw(st.permutations(list(frame.columns)))
    again, notes = check(frame.iloc[order][columns].assign(more="x"), encoding=learned.encoding)
    assert np.array_equal(again.matrix, learned.matrix[order])
    assert notes == []


def test_categories_that_are_missing_or_new():
    learned, notes = check(pd.DataFrame({"c": ["x", None, "y", "", "x"]}))
    assert learned.matrix.tolist() == [[1, 0], [0, 0], [0, 1], [0, 0], [1, 0]]
    assert notes == ["data.csv: column \"c\": rows without a value, now all zeros: 2; rows 'r1', 'r3'."]
    again, notes = check(pd.DataFrame({"c": ["z", "y", "w", "z", None]}), encoding=learned.encoding)
    assert again.matrix.tolist() == [[0, 0], [0, 1], [0, 0], [0, 0], [0, 0]]
    assert notes == [
        "data.csv: column \"c\": rows without a value, now all zeros: 1; rows 'r4'.",
        "data.csv: column \"c\": values not seen in training, now all zeros: 'z', 'w'; rows 'r0', 'r2', 'r3'.",
    ]


def test_text_of_digits_may_come_back_as_numbers():
    learned, notes = check(pd.DataFrame({"zip": ["1", "2", "1"]}))
    assert "most of its 2 values read as numbers" in notes[0]
    for column in ([2, 1], [2.0, 1.0], pd.Categorical([2, 1]), pd.Series([2, 1], dtype="Int64")):
        again, notes = check(pd.DataFrame({"zip": column}), encoding=learned.encoding)
        assert (again.matrix.tolist(), notes) == ([[0, 1], [1, 0]], [])
    assert check(pd.DataFrame({"zip": [np.nan]}), encoding=learned.encoding)[0].matrix.tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"age": ["x", "y"]}, 'column "age" held numbers in training and now holds values of type str'),
        ({"emb": [1, 2]}, 'column "emb" held vectors in training and now holds values of type int64; 2 numbers'),
        ({"emb": [[1, 2, 3], [4, 5, 6]]}, "2 of 2 vectors have a length of 3, where training had 2; rows 'r0', 'r1'"),
        ({"colour": [[1], [2]]}, 'column "colour" held categories in training and now holds values of type list'),
        ({"colour": pd.to_datetime(["2024", "2025"])}, "now holds values of type datetime64"),
    ],
)
def test_new_data_of_another_kind(change, message):
    encoding = check(people())[0].encoding
    with pytest.raises(InputError, match=message):
        check(people().iloc[:2].assign(**change), encoding=encoding)


def test_columns_are_looked_up_by_name():
    encoding = check(people())[0].encoding
    with pytest.raises(InputError, match=r"1 of 4 columns .* in the table: 'age' \(did you mean \"Age\"\?\). The"):
        check(people().rename(columns={"age": "Age"}), encoding=encoding)
    with pytest.raises(InputError, match=r"more than one column is named 'age'; rename"):
        check(pd.concat([people(), people()[["age"]]], axis=1), encoding=encoding)
    with pytest.raises(InputError, match=r"more than one column is named '1'"):
        check(pd.DataFrame([[1, 2]], columns=pd.Index([1, "1"], dtype=object)))
    numbered = check(pd.DataFrame({0: [1, 2], 1: [3, 4]}))[0]
    assert numbered.encoding.names == ["0", "1"]
    assert check(pd.DataFrame({"1": [3], "0": [1]}), encoding=numbered.encoding)[0].matrix.tolist() == [[1, 3]]


def test_matrices_for_prediction():
    encoding = check(NUMBERS)[0].encoding
    assert check(np.array(NUMBERS)[:1], encoding=encoding)[0].matrix.tolist() == NUMBERS[:1]
    with pytest.raises(InputError, match=r"shape \(1, 2\) was given, where training had 3 columns; .*shape \(1, 3\)"):
        check([[1, 2]], encoding=encoding)
    table, notes = check(pd.DataFrame(NUMBERS, columns=pd.Index(list("abc"))), encoding=encoding)
    assert table.matrix.tolist() == NUMBERS
    assert notes == ["data.csv: training had a matrix without names, so columns are taken as they come."]
    with pytest.raises(InputError, match=r"columns of text or dates were given \('a'\)"):
        check(pd.DataFrame({"a": list("xyz")}), encoding=encoding)
    with pytest.raises(InputError, match=r"shape \(2, 2\) was given, where training had 3 columns"):
        check(pd.DataFrame(NUMBERS)[[0, 1]], encoding=encoding)


def test_a_matrix_where_training_had_a_table():
    encoding = check(pd.DataFrame({"a": [1, 2], "b": [3, 4]}))[0].encoding
    features, notes = check([[5, 6]], encoding=encoding)
    assert features.matrix.tolist() == [[5, 6]]
    assert notes == ["data.csv: a matrix without names, whose columns are taken in the order of training: 'a', 'b'."]
    one = check(pd.DataFrame({"emb": NUMBERS}))[0].encoding
    assert check(NUMBERS, encoding=one)[1] == []
    words = check(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}))[0].encoding
    with pytest.raises(InputError, match="training had a table with the categories or dates 'b', so a table"):
        check([[1, 0, 1]], encoding=words)
