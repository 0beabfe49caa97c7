"""Compressed files say what the plain ones say, in little memory; a damaged one is told in a sentence."""

import bz2
import gzip
import lzma
import tracemalloc
import zipfile

import pandas as pd
import pyarrow as pa
import pytest

from mislabel.errors import InputError
from mislabel.tables import check_output, read_table, write_table
from mislabel.tables.sources import open_tolerant

TABLE = "text,label\n" + "".join(f"row {number},{number % 2}\n" for number in range(5000))
LINES = "".join(f'{{"text": "row {number}", "label": {number % 2}}}\n' for number in range(5000))


def pack(path, content: bytes):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("__MACOSX/._t", b"x")
            archive.writestr("inside/t.csv", content)
    elif path.suffix == ".zst":
        with pa.CompressedOutputStream(str(path), "zstd") as stream:
            stream.write(content)
    else:
        with {".gz": gzip, ".bz2": bz2, ".xz": lzma}[path.suffix].open(path, "wb") as stream:
            stream.write(content)
    return path


KINDS = ["gz", "bz2", "xz", "zst", "zip"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "content"), [("t.csv", TABLE), ("t.jsonl", LINES), ("t.TSV", TABLE.replace(",", "\t"))]
)
def test_read(tmp_path, kind, name, content):
    plain = tmp_path / name
    plain.write_text(content)
    path = pack(tmp_path / f"{name}.{kind}", content.encode())
    pd.testing.assert_frame_equal(read_table(path), read_table(plain))
    assert [line.cells for line in open_tolerant(path).lines()] == [line.cells for line in open_tolerant(plain).lines()]


@pytest.mark.parametrize("kind", KINDS)
def test_damage(tmp_path, kind):
    path = pack(tmp_path / f"t.csv.{kind}", TABLE.encode())
    content = path.read_bytes()
    for broken in (content[: len(content) // 2], b"no archive at all, but some words that are long enough"):
        path.write_bytes(broken)
        for read in (read_table, lambda path: list(open_tolerant(path).lines())):
            with pytest.raises(
                InputError, match=rf"cannot be unpacked \(.*it is damaged, cut off, or no \.{kind} file"
            ):
                read(path)


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "zst"])
@pytest.mark.parametrize("name", ["t.csv", "t.json", "t.jsonl", "t.tsv"])
def test_written_and_read_again(tmp_path, kind, name):
    frame = pd.DataFrame({"text": ["a", "=b", "c\r\nd"], "n": [1, 2, 3]})
    path = tmp_path / f"{name}.{kind}"
    write_table(frame, path)
    first = path.read_bytes()
    pd.testing.assert_frame_equal(read_table(path), frame)
    write_table(frame, path)
    assert path.read_bytes() == first
    if kind == "gz":
        assert gzip.decompress(first).startswith(b'"text"' if name == "t.csv" else b"")


def test_what_is_not_written_or_read(tmp_path):
    with pytest.raises(InputError, match=r"not written compressed in \.zip"):
        check_output(tmp_path / "t.csv.zip")
    with pytest.raises(InputError, match=r"not written compressed in \.gz"):
        check_output(tmp_path / "t.parquet.gz")
    (tmp_path / "t.parquet.gz").write_bytes(b"x")
    with pytest.raises(InputError, match="is compressed, which only files of text can be"):
        read_table(tmp_path / "t.parquet.gz")
    with zipfile.ZipFile(tmp_path / "t.csv.zip", "w") as archive:
        archive.writestr("a.csv", "a\n1\n")
        archive.writestr("b.csv", "a\n1\n")
    with pytest.raises(InputError, match=r"holds 2 files \(a.csv, b.csv\): unpack it"):
        read_table(tmp_path / "t.csv.zip")


def test_not_utf8_is_told_of_what_is_inside(tmp_path):
    path = pack(tmp_path / "t.csv.gz", "a\nbé".encode("cp1252"))
    with pytest.raises(InputError, match=r"offset 3 .*Unpack and convert it.* t\.csv > new\.csv"):
        read_table(path)


@pytest.mark.slow
def test_a_bomb_is_not_unpacked_at_once(tmp_path):
    with gzip.open(tmp_path / "t.jsonl.gz", "wb") as stream:
        for _ in range(100):
            stream.write(b'{"a": 1}\n' + b" " * 1_000_000 + b"\n")
    tracemalloc.start()
    assert len(list(open_tolerant(tmp_path / "t.jsonl.gz").lines())) == 100
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000
