"""Features of tables: what each column becomes, what is noted, and what is refused."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from helpers import check, people
from sklearn.preprocessing import OneHotEncoder

from mislabel.errors import InputError


def test_a_table_by_hand():
    features, notes = check(people())
    assert features.encoding.names == [
        "age", "colour=blue", "colour=green", "colour=red", "emb[0]", "emb[1]", "member",
    ]  # fmt: skip
    expected = [
        [37, 0, 0, 1, 0.5, -3, 1],
        [20, 0, 1, 0, 1, 2, 0],
        [51, 0, 0, 1, 4, 8, 1],
        [20, 1, 0, 0, 0, 0.25, 1],
    ]
    assert features.matrix.tolist() == expected
    assert (features.matrix.dtype, features.matrix.flags.c_contiguous) == (np.float32, True)
    assert (features.encoding.width, len(features), features.modality, notes) == (7, 4, "features", [])
    assert features.take([2, 0]).matrix.tolist() == [expected[2], expected[0]]
    assert features.take(np.array([False, True, False, False])).matrix.tolist() == [expected[1]]
    assert len(features.take([])) == 0
    assert check(pa.Table.from_pandas(people(), preserve_index=False))[0].matrix.tolist() == expected


def test_against_one_hot_of_other_libraries():
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"a": draw.choice(["x", "y", "é", "z z"], 60), "n": draw.normal(size=60)})
    frame["b"] = pd.Categorical(draw.choice(["low", "high"], 60), categories=["low", "mid", "high"])
    features, notes = check(frame)
    dummies = pd.get_dummies(frame, prefix_sep="=")[features.encoding.names]
    assert np.array_equal(features.matrix, dummies.to_numpy(dtype=np.float32))
    encoder = OneHotEncoder(sparse_output=False, dtype=np.float32).fit(frame[["a"]])
    assert np.array_equal(features.matrix[:, :4], encoder.transform(frame[["a"]]))
    assert features.encoding.names[-3:] == ["b=low", "b=mid", "b=high"]  # in the order of the Categorical
    assert notes == ["data.csv: columns with the same number in every row, kept but of no use: 1; 'b=mid'."]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pd.Series([1, 2], dtype="Int64"), [[1], [2]]),
        (pd.Series([True, False], dtype="boolean"), [[1], [0]]),
        (pd.Series([1.5, 2], dtype=pd.ArrowDtype(pa.float32())), [[1.5], [2]]),
        (pd.Series([2, 1.5, Decimal("0.25"), True], dtype=object), [[2], [1.5], [0.25], [1]]),
        (pd.Series([np.bool_(True), False], dtype=object), [[1], [0]]),
        (pd.Series(["b", "a"], dtype=object), [[0, 1], [1, 0]]),
        (pd.Series(["b", "a"], dtype="string"), [[0, 1], [1, 0]]),
        (pd.Series(["b", "a"], dtype=pd.ArrowDtype(pa.string())), [[0, 1], [1, 0]]),
        (pd.Series(["b", "a"], dtype="category"), [[0, 1], [1, 0]]),
        (pd.Series([30, 4, 30], dtype="category"), [[0, 1], [1, 0], [0, 1]]),
        (pd.Series([[1, 2], [3, 4]], dtype=pd.ArrowDtype(pa.list_(pa.int8()))), [[1, 2], [3, 4]]),
        (pd.Series([(1, 2), np.array([3.0, 4.0])]), [[1, 2], [3, 4]]),
    ],
)
def test_kinds_of_columns(column, expected):
    features, notes = check(pd.DataFrame({"c": column}))
    assert features.matrix.tolist() == expected
    assert notes == []


def test_two_values_stay_numbers_and_constants_stay_with_a_note():
    features, notes = check(pd.DataFrame({"flag": [0, 1, 0], "one": [4.0, 4.0, 4.0], "only": ["x", "x", "x"]}))
    assert features.matrix.tolist() == [[0, 4, 1], [1, 4, 1], [0, 4, 1]]
    assert notes == ["data.csv: columns with the same number in every row, kept but of no use: 2; 'one', 'only=x'."]
    assert check(pd.DataFrame({"one": [4.0]}))[1] == []


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pd.to_timedelta([1, 2]), "values of type timedelta64"),
        ([datetime.time(12), None], "values of type time; numbers, dates, categories"),
        (pd.period_range("2024-01", periods=2, freq="M"), "values of type period"),
        ([1j, 2], "values of type complex128"),
        ([b"x", b"y"], "values of type bytes"),
        ([{"a": 1}, {"a": 2}], "values of type dict"),
        (pd.Series([1, "n/a", 3], dtype=object), r"of the types int, str \(str in rows 'r1'\)"),
        (pd.cut([1, 2, 3], 2), "holds categories of type Interval"),
        ([None, None], "has no value in any row; leave it out of --features"),
        (["", " "], "has no value in any row"),
        (pd.Categorical([1, 2], categories=[1, 2, "1"]), "different categories read the same in words .'1'."),
        (pd.arrays.SparseArray([0, 1]), "is sparse; a dense column is needed"),
        ([[1, 2], [3], [4, 5]], "1 of 3 vectors have a length of 1, where most rows had 2; rows 'r1'. Give"),
        ([[], []], "the vectors are empty"),
        ([[1, "x"], [2, 3]], r"vectors with str in them \(rows 'r0'\); every element"),
        ([[[1, 2]], [[3, 4]]], r"vectors with list in them \(rows 'r0', 'r1'\)"),
        ([[1, [2]], [3, 4]], r"vectors with list in them \(rows 'r0'\)"),
        (list(np.zeros((2, 2, 2))), r"an array of shape \(2, 2\) in rows 'r0', 'r1'; one flat vector"),
    ],
)
def test_columns_that_cannot_be_features(column, message):
    with pytest.raises(InputError, match=r'data.csv: column "c".*' + message):
        check(pd.DataFrame({"c": column}))


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([f"name {place}" for place in range(60)], "60 different texts in 60 rows .* looks like an id or free text"),
        ([f"name {place % 1001}" for place in range(2002)], "1001 different texts .* Leave it out of --features"),
        (pd.Categorical(["l1"], categories=[f"l{place}" for place in range(1001)]), "1001 different texts in 1 rows"),
        ([f"[{place}, 2]" for place in range(60)], "that look like vectors; store them as lists of numbers"),
        ([*map(str, range(60)), "NA"], "most of which read as numbers; turn the column into numbers"),
    ],
)
def test_texts_that_are_no_categories(column, message):
    with pytest.raises(InputError, match=r'data.csv: column "c" holds .*' + message):
        check(pd.DataFrame({"c": column}))


def test_few_rows_or_repeated_texts_are_categories():
    assert check(pd.DataFrame({"c": [f"n {place}" for place in range(50)]}))[0].encoding.width == 50
    assert check(pd.DataFrame({"c": [f"n {place % 90}" for place in range(100)]}))[0].encoding.width == 90
    assert check(pd.DataFrame({"c": [f"n {place % 1000}" for place in range(2000)]}))[0].encoding.width == 1000


def test_missing_and_infinite_numbers():
    frame = pd.DataFrame({"a": [1.0, np.nan, 3, 4], "b": pd.Series([1, 2, None, 4], dtype="Int64"), "c": 1.0})
    frame["emb"] = [[1.0, 2.0], [1.0, 2.0], [1.0, 2.0], None]
    fix = "fill or drop them, e.g. pandas fillna, sklearn SimpleImputer"
    with pytest.raises(InputError, match=r"3 of 4 rows hold no number .* in columns 'a', 'b', 'emb'; rows 'r1', 'r2'"):
        check(frame)
    with pytest.raises(InputError, match=fix):
        check(pd.DataFrame({"v": [[1.0, None], [2.0, 3.0]]}))
    for value in (np.inf, -np.inf, 1e39, 10**400):
        with pytest.raises(InputError, match=r"1 of 2 rows hold one that is infinite .* 'a'; rows 'r1'"):
            check(pd.DataFrame({"a": pd.Series([1, value], dtype=object if isinstance(value, int) else float)}))
    with pytest.raises(InputError, match=r"rows hold one that is infinite"):
        check(pd.DataFrame({"a": pd.Series([1e300], dtype="Float64")}))
    many = pd.DataFrame(np.full((9, 8), np.nan), columns=pd.Index(list("abcdefgh")))
    with pytest.raises(InputError, match=r"'e' \(and 3 more\); rows 'r0', 'r1', 'r2', 'r3', 'r4' \(and 4 more\)\."):
        check(many)
    with pytest.raises(InputError, match="1 of 1 rows hold no number"):
        check(pd.DataFrame({"a": [None]}), encoding=check(pd.DataFrame({"a": [1.0]}))[0].encoding)


def test_digests_name_what_a_row_holds():
    """The same for the same row: in other company, with columns and levels in another order, after a CSV export."""
    frame = people().assign(colour=["=red", None, "green", "blue"])
    features, _ = check(frame)
    found = list(features.digests())
    assert len(set(found)) == 4
    assert {len(one) for one in found} == {16}
    turned, _ = check(frame.iloc[::-1, ::-1])
    assert list(turned.digests()) == found[::-1]
    shown, _ = check(frame.assign(colour=["'=red", None, "green", "blue"]))
    assert list(shown.digests()) != found
    assert list(shown.digests(lambda word: word.removeprefix("'"))) == found
    other = frame.assign(emb=[[0.5, -3], [1, 2], [4, 8], [4, 8]])
    changed = [one != now for one, now in zip(found, check(other)[0].digests(), strict=True)]
    assert changed == [one != now for one, now in zip(frame["emb"].map(list), other["emb"], strict=True)]
    matrix = np.zeros((3, 50), dtype=np.float32)
    matrix[2, 49] = 1e-30
    first, second, third = check(matrix)[0].digests()
    assert first == second != third


def test_captions():
    frame = people().assign(colour=["red\n\u202ewine", None, "g" * 50, "b"])
    features, _ = check(frame)
    assert features.caption(0) == "age 37, colour=red wine, emb [0.5, -3], member 1"
    assert features.caption(1) == "age 20, colour=?, emb [1, 2], member 0"
    assert features.caption(2) == f"age 51, colour={'g' * 29}…, emb [4, 8], member 1"
    wide, _ = check(pd.DataFrame({f"a long name {'x' * 40} {place}": [place / 3] for place in range(20)}))
    assert len(wide.caption(0)) <= 70
    assert wide.caption(0).endswith(", …")
    vector, _ = check([[0.123, -3.4, 1e-9, 123456, 1.5e20]])
    named, _ = check(pd.DataFrame({"vec": [[0, 0, 1, 0.25]]}))
    assert named.caption(0) == "vec [0, 0, 1, 0.25]"
    assert vector.caption(0) == "[0.123, -3.4, 1e-09, 123456, 1.5e+20]"
    assert check(np.full((1, 384), -1.2345))[0].caption(0) == "[" + "-1.23, " * 9 + "…]"
