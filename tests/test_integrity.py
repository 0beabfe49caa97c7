"""Digests: every changed byte of a file that a run reads back is told, whole or block by block."""

import hashlib
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mislabel import integrity
from mislabel.errors import InputError, RunError
from mislabel.integrity import (
    add_digests,
    check_file,
    check_files,
    checked_bytes,
    file_digest,
    open_checked,
    read_digests,
    telling_damage,
)


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A file of four blocks and a bit, with its digest; a block has 100 bytes here."""
    monkeypatch.setattr(integrity, "BLOCK", 100)
    path = tmp_path / "part" / "numbers.bin"
    path.parent.mkdir()
    path.write_bytes(np.random.default_rng(0).bytes(423))
    add_digests(tmp_path, path)
    return path


def flip(path, position, bit=0):
    data = bytearray(path.read_bytes())
    data[position] ^= 1 << bit
    path.write_bytes(data)


def test_a_digest_is_blake2b_of_each_block(file):
    data = file.read_bytes()
    blocks = [hashlib.blake2b(data[k : k + 100], digest_size=16).hexdigest() for k in range(0, 423, 100)]
    assert file_digest(file) == integrity.FileDigest(423, tuple(blocks))
    assert read_digests(file.parents[1]) == {"part/numbers.bin": file_digest(file)}


@pytest.mark.parametrize("position", [0, 99, 100, 250, 399, 400, 422])
def test_a_flipped_bit_is_told(file, position):
    check_file(file)
    assert checked_bytes(file) == file.read_bytes()
    flip(file, position)
    for read in (check_file, checked_bytes, lambda path: check_files(path.parents[1])):
        with pytest.raises(RunError, match=r"numbers\.bin is not what this run wrote"):
            read(file)


def test_only_blocks_that_are_read_are_looked_at(file):
    data = file.read_bytes()
    flip(file, 250)
    with open_checked(file) as source:
        assert source.read(150) == data[:150]
        source.seek(-100, 2)
        assert source.read() == data[323:]
        source.seek(199)
        with pytest.raises(RunError):
            source.read(2)


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"x", lambda data: b""])
def test_a_file_of_another_size_is_told(file, change):
    file.write_bytes(change(file.read_bytes()))
    for read in (check_file, checked_bytes):
        with pytest.raises(RunError, match="damaged or changed"):
            read(file)


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_reads_of_any_kind_give_what_a_plain_file_gives(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reads")
    path = folder / "file"
    path.write_bytes(data.draw(st.binary(max_size=300)))
    before, integrity.BLOCK = integrity.BLOCK, data.draw(st.integers(1, 64))
    try:
        add_digests(folder, path)
        with open_checked(path) as checked, path.open("rb") as plain:
            for _ in range(8):
                offset, whence = data.draw(st.integers(0, 320)), data.draw(st.sampled_from([0, 1, 2]))
                offset = -min(offset, path.stat().st_size) if whence == 2 else offset
                assert checked.seek(offset, whence) == plain.seek(offset, whence)
                count = data.draw(st.integers(-1, 320))
                assert checked.read(count) == plain.read(count)
                assert checked.tell() == plain.tell()
    finally:
        integrity.BLOCK = before


def test_damaged_digests_are_told_themselves(file):
    path = file.parents[1] / integrity.NAME
    whole = path.read_text()
    for damage in (
        whole[:-3],
        whole.replace("423", "424"),
        whole.replace('"files"', '"filed"'),
        "[]",
        "null",
        "[" * 100_000,
        '{"schema": 1, "own": "", "files": {"a": 3}}',
    ):
        path.write_text(damage)
        with pytest.raises(RunError, match=r"digests\.json is damaged"):
            check_file(file)
    content = json.loads(whole)
    path.write_text(json.dumps({**content, "schema": 9}))
    with pytest.raises(RunError, match="has schema 9, this version reads 1: update mislabel"):
        check_file(file)


def test_a_file_that_no_digest_tells_of_is_read_as_it_is(tmp_path, file):
    other = tmp_path / "other"
    other.write_bytes(b"abc")
    check_file(other)
    assert checked_bytes(other) == b"abc"


def test_files_that_went_are_forgotten_and_the_rest_stays(file):
    folder = file.parents[1]
    second, third = folder / "second", folder / "third"
    second.write_bytes(b"2")
    third.write_bytes(b"3")
    add_digests(folder, second, third)
    second.unlink()
    add_digests(folder, also={folder / "fourth": b"4"})
    files = read_digests(folder)
    assert files is not None
    assert set(files) == {"part/numbers.bin", "third", "fourth"}
    (folder / "fourth").write_bytes(b"4")
    check_files(folder)


def test_a_table_and_an_array_are_read_through_it(tmp_path):
    """Arrow reads in threads of its own, and numpy in parts."""
    values = np.random.default_rng(1).normal(size=400_000)
    table, array = tmp_path / "table.parquet", tmp_path / "array.npy"
    pq.write_table(pa.table({f"c{k}": values + k for k in range(4)}), table, row_group_size=50_000)
    np.save(array, values)
    add_digests(tmp_path, table, array)
    with open_checked(table) as source, pq.ParquetFile(source) as file:
        assert file.read() == pq.read_table(table)
    with open_checked(array) as source:
        np.testing.assert_array_equal(np.load(source), values)
    flip(table, table.stat().st_size // 2)
    with open_checked(table) as source, pq.ParquetFile(source) as file, pytest.raises(RunError, match="not what this"):
        file.read()


def test_what_a_library_raises_becomes_one_sentence_and_what_says_it_itself_stays(tmp_path):
    for error in (KeyError("a"), TypeError("b"), RecursionError(), AttributeError("c\nd"), RuntimeError("e")):
        with (
            pytest.raises(RunError, match="config cannot be read .*; take it from a copy"),
            telling_damage(tmp_path / "config"),
        ):
            raise error
    for own in (InputError("mine"), RunError("mine"), KeyboardInterrupt("mine")):
        with pytest.raises(type(own), match="^mine$"), telling_damage(tmp_path / "config"):
            raise own
