"""Matrices are copied no more than needed, checked to the last row, and read from files that hold nothing else."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from helpers import check_vectors as check
from helpers import read_only

from mislabel.errors import InputError
from mislabel.modalities.features import matrices
from mislabel.modalities.features.features import check_features
from mislabel.modalities.features.matrices import blocks, constant_columns, read_matrix

NUMBERS = [[1, 0, 3], [4, 5, 7]]


@pytest.mark.parametrize(
    ("make", "copies"),
    [
        (lambda matrix: matrix, 0), (read_only, 1), (np.asfortranarray, 1), (lambda matrix: matrix.astype(">f4"), 1),
        (lambda matrix: matrix.astype(float), 1), (list, 1),
        (pd.DataFrame, 1 if pd.__version__ >= "3" else 2),  # before copy on write pandas copies once itself
    ],
)  # fmt: skip
def test_no_more_copies_than_needed(make, copies):
    matrix = np.random.default_rng(0).random((200_000, 32), dtype=np.float32)
    size, values, ids = matrix.nbytes, make(matrix.copy()), np.arange(len(matrix))
    tracemalloc.start()
    try:
        features, _ = check_features(values, ids, "vectors")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < (copies + 0.6) * size
    assert np.array_equal(features.matrix, matrix)
    assert (features.matrix is values) == (copies == 0)


def test_bytes_of_rows():
    matrix = np.array([[1, -0.0], [0.5, 2], [1, 0.0]], dtype=np.float32)
    contents = list(check(matrix)[0].contents())
    assert contents[0].hex() == "0000803f00000000"  # 1 and 0 in IEEE 754, the lowest byte first
    assert contents[1] == np.array([0.5, 2], dtype="<f4").tobytes()
    assert contents[2] == contents[0]
    many = np.random.default_rng(0).random((70_000, 20), dtype=np.float32)
    assert list(check(many)[0].contents()) == [row.tobytes() for row in many]


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (1 << 20, 1), ((1 << 20) + 1, 1), (3, 1 << 21), (0, 4)])
def test_blocks_cover_all_rows(shape):
    assert [row for block in blocks(shape) for row in range(block.start, block.stop)] == list(range(shape[0]))


def test_constant_columns_over_many_blocks():
    matrix = np.zeros((1 << 18, 9), dtype=np.float32)
    matrix[-1, 4] = 1
    matrix[:, 2] = np.arange(len(matrix))
    assert constant_columns(matrix).tolist() == [0, 1, 3, 5, 6, 7, 8]
    _, notes = check(matrix)
    assert notes == [
        "vectors: columns with the same number in every row, kept but of no use: 7; "
        "'[0]', '[1]', '[3]', '[5]', '[6]' (and 2 more)."
    ]


def test_the_last_rows_of_many_are_checked_too():
    matrix = np.zeros((1 << 18, 9), dtype=np.float32)
    matrix[3, 1] = np.nan
    matrix[-1, 8] = np.inf
    with pytest.raises(
        InputError,
        match=r"2 of 262144 rows hold no number .* or one that is infinite .*columns 1, 8; rows 'r3', 'r262143'",
    ):
        check(matrix)
    matrix[3, 1] = 0
    with pytest.raises(InputError, match=r"1 of 262144 rows hold one that is infinite .*rows 'r262143'"):
        check(matrix)


def test_read_matrix(tmp_path):
    path = tmp_path / "emb.npy"
    np.save(path, np.asfortranarray(NUMBERS))
    matrix = read_matrix(path, 2)
    assert isinstance(matrix, np.memmap)
    assert read_matrix(path, None).tolist() == NUMBERS
    assert check(matrix)[0].matrix.tolist() == NUMBERS
    with pytest.raises(InputError, match=r"emb.npy has 2 rows and the table has 3; row k of the file belongs to row k"):
        read_matrix(path, 3)
    with pytest.raises(InputError, match=r'enb.npy does not exist \(did you mean "emb.npy"\?\)'):
        read_matrix(tmp_path / "enb.npy", 2)
    with pytest.raises(InputError, match="does not exist"):
        read_matrix(tmp_path / "no" / "enb.npy", 2)
    with pytest.raises(InputError, match="is a folder; give one .npy file"):
        read_matrix(tmp_path, 2)


def test_files_that_are_no_matrix(tmp_path):
    path = tmp_path / "emb.npy"
    np.save(path, np.array([[1, "x"]], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="holds Python objects, which are never loaded because that could run code"):
        read_matrix(path, 1)
    np.save(path, np.zeros(3))
    with pytest.raises(InputError, match=r"an array of shape \(3,\); a matrix of shape \(rows, columns\) is needed"):
        read_matrix(path, 3)
    np.save(path, np.zeros((100, 3)))
    whole = path.read_bytes()
    bad_headers = whole.replace(b"'descr'", b"'de(cr'"), whole.replace(b"'fortran", b"[fortran")
    for broken in (whole[:300], whole[:20], b"\x93NUMPY", *bad_headers):
        path.write_bytes(broken)
        with pytest.raises(InputError, match="emb.npy is broken, or cannot be read"):
            read_matrix(path, 100)
    for other in (b"", b"a,b\n1,2\n"):
        path.write_bytes(other)
        with pytest.raises(InputError, match="is not an .npy file; save one matrix with numpy.save"):
            read_matrix(path, 1)
    np.savez(tmp_path / "emb.npz", NUMBERS)
    with pytest.raises(InputError, match="is not an .npy file; it looks like an .npz archive: save one"):
        read_matrix(tmp_path / "emb.npz", 2)


def test_a_large_file_is_mapped_and_not_copied_nor_changed(tmp_path, monkeypatch):
    path, written = tmp_path / "large.npy", np.arange(600, dtype=np.float32).reshape(100, 6)
    np.save(path, written)
    small = matrices.as_float32(read_matrix(path, 100))
    monkeypatch.setattr(matrices, "MAPPED", 100)
    mapped = read_matrix(path, 100)
    large = matrices.as_float32(mapped)
    assert np.shares_memory(large, mapped)
    np.testing.assert_array_equal(large, small)
    large[0] = -1  # nobody does; the file would not notice
    np.testing.assert_array_equal(np.load(path), written)
