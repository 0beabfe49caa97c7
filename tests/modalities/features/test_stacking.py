"""Every form of a matrix gives the same numbers; what is no matrix of real numbers is named."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import scipy.sparse
import torch
from helpers import check_vectors as check
from helpers import read_only

from mislabel.errors import InputError

NUMBERS = [[1, 0, 3], [4, 5, 7]]


def boxed(vectors):
    cells = np.empty(len(vectors), dtype=object)
    for place, vector in enumerate(vectors):
        cells[place] = vector
    return cells


@pytest.mark.parametrize(
    "values",
    [
        NUMBERS, tuple(map(tuple, NUMBERS)), np.array(NUMBERS, dtype=np.int8), np.array(NUMBERS, dtype=">f8"),
        np.array(NUMBERS, dtype=">f4"), np.array(NUMBERS, dtype=np.float16), np.array(NUMBERS, dtype=np.uint64),
        np.array(NUMBERS, dtype=np.longdouble), read_only(np.array(NUMBERS, dtype=np.float32)),
        np.array(NUMBERS, dtype=np.float32, order="F"), np.array(NUMBERS, dtype=np.float32)[:, ::-1][:, ::-1],
        np.repeat(np.array(NUMBERS, dtype=np.float32), 2, axis=1)[:, ::2], np.array(NUMBERS, dtype=object),
        np.ma.masked_array(NUMBERS, mask=False), boxed(NUMBERS), boxed([np.array(row) for row in NUMBERS]),
        [np.array(NUMBERS[0]), NUMBERS[1]], torch.tensor(NUMBERS, dtype=torch.float64, requires_grad=True),
        torch.tensor(NUMBERS, dtype=torch.bfloat16), [torch.tensor(row) for row in NUMBERS],
        pd.Series(NUMBERS, index=[5, 5]), pa.array(NUMBERS), pa.chunked_array([pa.array([row]) for row in NUMBERS]),
        pa.array(NUMBERS, type=pa.list_(pa.float32(), 3)),
        pd.Series(NUMBERS, dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
    ],
)  # fmt: skip
def test_forms(values):
    features, notes = check(values)
    assert features.matrix.tolist() == NUMBERS
    assert (features.matrix.dtype, type(features.matrix)) == (np.dtype("float32"), np.ndarray)
    assert features.matrix.flags.c_contiguous
    assert features.matrix.flags.writeable  # else torch would complain
    assert features.encoding.names == ["[0]", "[1]", "[2]"]
    assert notes == []


def test_true_and_false():
    assert check(np.array([[True, False], [False, True]]))[0].matrix.tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    "values",
    [
        [[1, None], [2, 3]], [None, [2, 3]], np.array([[None, 1], [2, 3]]),
        np.ma.masked_array(NUMBERS, [[1, 0, 0]] * 2),
        np.array([[1, np.nan]]), torch.tensor([[float("nan")]]), pa.array([None, [1, 2]]),
    ],
)  # fmt: skip
def test_missing_numbers(values):
    with pytest.raises(InputError, match="rows hold no number .NaN, None., in columns [01].*rows 'r0'.* SimpleImputer"):
        check(values)


@pytest.mark.parametrize("values", [[[10**400]], np.array([[1e39]]), np.array([[-np.inf]]), [[2**1000, 1]]])
def test_numbers_beyond_float32(values):
    with pytest.raises(InputError, match=r"infinite or too large for float32 \(beyond 1e38\), in columns 0; rows 'r0'"):
        check(values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "vectors has no rows"),
        (np.zeros((0, 3)), r"a table of shape \(0, 3\); at least one row and one column"),
        (np.zeros((2, 0)), r"a table of shape \(2, 0\)"),
        (pd.DataFrame(index=range(3)), r"a table of shape \(3, 0\)"),
        (pd.DataFrame({"a": []}), r"a table of shape \(0, 1\)"),
        (np.zeros(4), r"shape \(4,\) was given; .*reshape\(-1, 1\) makes"),
        (np.zeros((2, 4, 4)), r"shape \(2, 4, 4\) was given; .*reshape\(len\(array\), -1\) flattens"),
        ([1.0, 2.0], "one number per row was given"),
        (["a", "b"], "texts were given"),
        ([None, None], "no row has a value"),
        ([{"a": 1}], "rows hold dict; a DataFrame"),
        ([[1], "x"], "rows hold list, str"),
        ([[1, 2], [3], [4, 5]], "1 of 3 vectors have a length of 1, where most rows had 2; rows 'r1'"),
        ([[1, 2], [3, "x"]], r"vectors with str in them \(rows 'r1'\)"),
        ([[[1], [2]]], r"vectors with list in them \(rows 'r0'\)"),
        (np.array([["a", "b"]]), "a matrix of dtype <U1 was given; real numbers"),
        (np.array([[1j]]), "a matrix of dtype complex128"),
        (np.array([["2024"]], dtype="M8[D]"), "a matrix of dtype datetime64"),
        (
            np.array([[1, "x"], [2, 3]], dtype=object),
            r"holds str besides numbers \(rows 'r0'\); give a pandas",
        ),
        (torch.eye(2).to_sparse(), r"a sparse tensor was given; a dense one is needed: .to_dense\(\)"),
    ],
)
def test_what_is_no_matrix(values, message):
    with pytest.raises(InputError, match=message):
        check(values)


def test_more_that_is_no_matrix():
    with pytest.raises(InputError, match=r"a sparse csr_\w+ was given; a dense matrix is needed: .toarray\(\)"):
        check(scipy.sparse.csr_matrix(np.eye(2)), 2)
    with pytest.raises(InputError, match=r"a dict was given; .*pandas.DataFrame\(data\) makes a table"):
        check({"a": [1, 2]}, 2)
    with pytest.raises(InputError, match="a str was given"):
        check("emb", 2)
    with pytest.raises(InputError, match="a NoneType was given"):
        check(None, 2)
    with pytest.raises(InputError, match=r"shape \(\) was given"):
        check(np.array(1.0), 1)
    with pytest.raises(InputError, match="vectors: 2 rows but 3 ids were given"):
        check(NUMBERS, 3)
