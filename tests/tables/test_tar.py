"""Tar files as WebDataset writes them, and as somebody writes them who means harm."""

import tarfile
from pathlib import Path

import pyarrow as pa
import pytest
from tars import write_tar

from mislabel.errors import InputError
from mislabel.tables import tar
from mislabel.tables.location import locate
from mislabel.tables.tar import read_tar


def of_kind(kind, name="a.txt", target="/etc/passwd"):
    about = tarfile.TarInfo(name)
    about.type, about.linkname = kind, target
    return about


def read(path, folder=None, wanted=None):
    return read_tar(locate(path), folder, wanted)


ROWS = [
    ("0001.txt", "one, é".encode()), ("0001.cls", b"3\n"), ("0001.json", b'{"who": "x", "sure": 0.5, "more": [1]}'),
    ("sub.d/0002.txt", b"\xef\xbb\xbftwo"), ("sub.d/0002.cls", b"-1"), ("./sub.d/0003.cls", b"4"),
    ("0004.json", b'{"who": null, "new": true}'), ("0004.mp3", b"x"), (".hidden", b"y"),
]  # fmt: skip


def test_rows_and_columns(tmp_path):
    table, left_out = read(write_tar(tmp_path / "a.tar", ROWS))
    assert table.to_pydict() == {
        "key": ["0001", "sub.d/0002", "sub.d/0003", "0004"],
        "txt": ["one, é", "two", None, None],
        "cls": [3, -1, 4, None],
        "json.who": ["x", None, None, None],
        "json.sure": [0.5, None, None, None],
        "json.new": [None, None, None, True],
    }
    assert left_out == {"mp3"}
    assert read(tmp_path / "a.tar", wanted=["cls"])[0].column_names == ["key", "cls"]


def test_classes_by_name(tmp_path):
    table, _ = read(write_tar(tmp_path / "a.tar", [("a.cls", b"cat "), ("b.cls", b"7")]))
    assert table["cls"].to_pylist() == ["cat", "7"]


def test_images_become_files_with_names_of_ours(tmp_path):
    path = write_tar(tmp_path / "a.tar", [("x/a.jpg", b"1"), ("x/a.cls", b"0"), ("b.JPG", b"2")])
    assert read(path)[0]["jpg"].to_pylist() == ["x/a.jpg", "b.JPG"]
    table, _ = read(path, tmp_path / "images")
    assert [Path(name).read_bytes() for name in table["jpg"].to_pylist()] == [b"1", b"2"]
    assert sorted(file.name for file in (tmp_path / "images").iterdir()) == ["000000001.jpg", "000000002.jpg"]
    read(path, tmp_path / "none", ["cls"])
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("member", "why"),
    [
        (of_kind(tarfile.SYMTYPE), "is a link"), (of_kind(tarfile.LNKTYPE), "is a link"),
        (of_kind(tarfile.CHRTYPE), "is a link, a device"), (of_kind(tarfile.FIFOTYPE), "is a link, a device"),
        (("/etc/a.jpg", b"x"), "leads out"), (("../a.jpg", b"x"), "leads out"), (("a/../../b.jpg", b"x"), "leads out"),
    ],
)  # fmt: skip
def test_what_is_no_plain_file_inside_is_refused(tmp_path, member, why):
    path = write_tar(tmp_path / "a.tar", [("a.txt", b"fine"), member])
    with pytest.raises(InputError, match=rf"{path}: the member .* {why}"):
        read(path, tmp_path / "images")
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["a.tar"]


def test_a_sparse_member_is_refused(tmp_path):
    """Of the old GNU kind: a few bytes that say that they are a terabyte."""
    about = tarfile.TarInfo("a.txt")
    header = bytearray(about.tobuf(tarfile.GNU_FORMAT))
    header[156:157] = b"S"
    header[386:398], header[398:410] = b"%011o\0" % 0, b"%011o\0" % 0
    header[483:495] = b"\x80" + (1 << 40).to_bytes(11, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    (tmp_path / "a.tar").write_bytes(bytes(header) + bytes(10_240))
    with pytest.raises(InputError, match="the member 'a.txt' is a link, a device or a sparse file"):
        read(tmp_path / "a.tar")


def test_members_that_are_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(tar, "LARGEST_TEXT", 10)
    monkeypatch.setattr(tar, "LARGEST_IMAGE", 20)
    for name, most in (("a.txt", 10), ("a.json", 10), ("a.jpg", 20)):
        with pytest.raises(InputError, match=rf"the member '{name}' .* has {most + 1} bytes, and at most {most} are"):
            read(write_tar(tmp_path / "a.tar", [(name, b"x" * (most + 1))]))


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.txt", b"\xff\xfe", "utf-8"), ("a.json", b"{", "Expecting"), ("a.json", b"[1]", "no JSON object"),
        ("a.json", b"[" * 100_000, "nested too deep"),
    ],
)  # fmt: skip
def test_a_member_that_cannot_be_read_is_named(tmp_path, name, content, why):
    with pytest.raises(InputError, match=rf"the member '{name}' cannot be read: .*{why}"):
        read(write_tar(tmp_path / "a.tar", [(name, content)]))


def test_two_cells_of_one_row_and_too_many_fields(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"member './a.txt' cannot be read: a second txt"):
        read(write_tar(tmp_path / "a.tar", [("a.txt", b"x"), ("./a.txt", b"y")]))
    monkeypatch.setattr(tar, "MOST_FIELDS", 3)
    with pytest.raises(InputError, match="objects have more than 3 fields"):
        read(write_tar(tmp_path / "a.tar", [("a.json", b'{"a": 1, "b": 2, "c": 3}')]))


def test_a_column_of_several_types(tmp_path):
    path = write_tar(tmp_path / "a.tar", [("a.json", b'{"n": 1}'), ("b.json", b'{"n": "x"}')])
    with pytest.raises(InputError, match=r"json.n is of several types.*'int', 'str'"):
        read(path)


def test_a_file_that_is_cut_or_damaged_anywhere_is_never_whole(tmp_path):
    whole = write_tar(tmp_path / "a.tar", [(f"{k}.txt", b"some text %d" % k) for k in range(4)]).read_bytes()
    assert read(tmp_path / "a.tar")[0].num_rows == 4
    end = 4 * 1024
    for cut in (0, 100, 512, 700, 1024, 2048, 2500, end):
        (tmp_path / "a.tar").write_bytes(whole[:cut])
        with pytest.raises(InputError, match=r"a\.tar"):
            read(tmp_path / "a.tar")
    for place in (0, 150, 1024, 1024 + 148, 3 * 1024 + 5):  # in a header, whose sum is then another
        (tmp_path / "a.tar").write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(InputError, match=r"a\.tar"):
            read(tmp_path / "a.tar")


def test_no_tar_and_nothing_in_it(tmp_path):
    (tmp_path / "a.tar").write_text("<html>")
    with pytest.raises(InputError, match="is not a tar file that can be read"):
        read(tmp_path / "a.tar")
    with pytest.raises(InputError, match="holds no row"):
        read(write_tar(tmp_path / "a.tar", [("a.mp3", b"x")]))


def test_many_members_take_little_memory(tmp_path):
    """The archive's own list of members stays empty: it would take a kilobyte each."""
    path = write_tar(tmp_path / "a.tar", [(f"{k}.cls", b"1") for k in range(2000)])
    assert read(path)[0]["cls"] == pa.chunked_array([[1] * 2000])
