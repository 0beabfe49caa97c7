"""A file is the old one or the new one."""

import json
import os
import signal
import stat
from pathlib import Path

import pytest

from mislabel.errors import InputError
from mislabel.files import (
    ENDING,
    atomic_folder,
    atomic_path,
    atomic_write,
    check_writable,
    remove_folder,
    remove_if_dead,
    write_json,
)


def test_content_is_written_as_given(tmp_path):
    atomic_write(tmp_path / "a", "ü\r\n")
    assert (tmp_path / "a").read_bytes() == b"\xc3\xbc\r\n"
    atomic_write(str(tmp_path / "a"), b"\x00\xff")
    assert (tmp_path / "a").read_bytes() == b"\x00\xff"
    assert stat.S_IMODE(os.stat(tmp_path / "a").st_mode) == 0o600


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    (tmp_path / "a").write_text("old")

    def interrupted():
        with atomic_path(tmp_path / "a") as temporary:
            temporary.write_text("half")
            assert temporary.parent == tmp_path
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (tmp_path / "a").read_text() == "old"
    assert os.listdir(tmp_path) == ["a"]


def test_a_failed_rename_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    (tmp_path / "a").write_text("old")
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        atomic_write(tmp_path / "a", "new")
    assert os.listdir(tmp_path) == ["a"]


def test_it_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    order = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (order.append("sync"), sync(handle)))
    monkeypatch.setattr(os, "replace", lambda *paths: (order.append("rename"), replace(*paths)))
    atomic_write(tmp_path / "a", "new")
    assert order[:2] == ["sync", "rename"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    atomic_write(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_no_folder(tmp_path):
    with pytest.raises(InputError, match="does not exist; make it first"):
        atomic_write(tmp_path / "no" / "a", "x")
    with pytest.raises(InputError, match="it is a folder"):
        atomic_write(tmp_path, "x")


def test_a_long_name(tmp_path):
    atomic_write(tmp_path / ("n" * 250), "x")
    assert (tmp_path / ("n" * 250)).read_text() == "x"


def test_json_holds_what_utf8_cannot(tmp_path):
    value = {"name": "half \ud83d of one", "other": "größer 猫"}
    write_json(tmp_path / "odd.json", value)
    assert json.loads((tmp_path / "odd.json").read_text(encoding="utf-8")) == value
    write_json(tmp_path / "usual.json", {"other": "größer 猫"})
    assert "größer 猫" in (tmp_path / "usual.json").read_text(encoding="utf-8")  # readable where it can be


def strays(folder):
    return sorted(name for name in os.listdir(folder) if name.endswith(".tmp"))


def killed_while_writing(path):
    """A process of its own that dies by SIGKILL in the middle of a write; what it leaves."""
    child = os.fork()
    if child == 0:
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    return strays(path.parent)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no process can be killed by itself")
def test_what_a_killed_process_left_goes_with_the_next_write(tmp_path):
    assert len(killed_while_writing(tmp_path / "a")) == 1
    assert len(killed_while_writing(tmp_path / "b")) == 2
    assert len(killed_while_writing(tmp_path / "a")) == 2  # the one before is gone
    other = tmp_path / ".a.12345678.tmp"  # of another program
    other.write_text("precious")
    atomic_write(tmp_path / "a", "new")
    atomic_write(tmp_path / "b", "new")
    assert sorted(os.listdir(tmp_path)) == [other.name, "a", "b"]


def test_a_file_that_a_live_process_writes_is_left_alone(tmp_path):
    with atomic_path(tmp_path / "a") as first:
        first.write_text("first")
        atomic_write(tmp_path / "a", "second")
        assert first.exists()
        assert not remove_if_dead(first)
        assert (tmp_path / "a").read_text() == "second"
    assert (tmp_path / "a").read_text() == "first"
    assert os.listdir(tmp_path) == ["a"]


def test_only_files_of_ours_are_taken_for_dead(tmp_path):
    name = f".a.abcdefgh{ENDING}"
    (tmp_path / "target").write_text("precious")
    (tmp_path / name).symlink_to(tmp_path / "target")
    (tmp_path / f".a.abcdefgi{ENDING}").mkdir()
    os.mkfifo(tmp_path / f".a.abcdefgj{ENDING}")
    before = sorted(os.listdir(tmp_path))
    atomic_write(tmp_path / "a", "new")
    assert sorted(os.listdir(tmp_path)) == sorted(["a", *before])
    assert (tmp_path / "target").read_text() == "precious"


@pytest.mark.parametrize("name", ["n" * 255, "猫" * 85, "🐈" * 63, os.fsdecode(b"\xff" * 255)])
def test_names_as_long_as_a_system_takes(name, tmp_path):
    atomic_write(tmp_path / name, "x")
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("kind", ["pipe", "device", "device through a link"])
def test_what_is_no_file_is_not_replaced(kind, tmp_path):
    path = tmp_path / "a"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path = Path(os.devnull)
    else:
        path.symlink_to(os.devnull)
    for write in (lambda: atomic_write(path, "x"), lambda: check_writable(path)):
        with pytest.raises(InputError, match="is a device, a pipe or a socket; give the name of a file"):
            write()
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_a_file_is_synced_through_a_handle_that_may_write(tmp_path, monkeypatch):
    """As Windows asks for it."""
    sync, names = os.fsync, []

    def strict(handle):
        if stat.S_ISREG(os.fstat(handle).st_mode):
            os.write(handle, b"")  # fails on a handle that may only read
            names.append(handle)
        sync(handle)

    monkeypatch.setattr(os, "fsync", strict)
    atomic_write(tmp_path / "a", "new")
    with atomic_folder(tmp_path / "b", tmp_path / "unfinished") as folder:
        (folder / "c").write_text("new")
    assert len(names) == 2


def test_a_folder_is_the_old_one_or_the_whole_new_one(tmp_path):
    final, unfinished = tmp_path / "final", tmp_path / "unfinished"
    before = os.umask(0)
    try:
        with atomic_folder(final, unfinished) as folder:
            (folder / "inner").mkdir()
            (folder / "inner" / "a").write_text("old")
            assert not final.exists()
    finally:
        os.umask(before)
    modes = [path.stat().st_mode & 0o777 for path in (final, final / "inner", final / "inner" / "a")]
    assert modes == [0o700, 0o700, 0o600]

    def failing():
        with atomic_folder(final, unfinished) as folder:
            (folder / "b").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        failing()
    assert os.listdir(tmp_path) == ["final"]
    unfinished.mkdir()
    (unfinished / "of a killed process").write_text("half")
    with atomic_folder(final, unfinished) as folder:
        (folder / "b").write_text("new")
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["final", "final/b"]


def test_links_are_removed_and_not_followed(tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "a").write_text("old")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to(precious)
    (tmp_path / "link").symlink_to(precious)
    (tmp_path / "to nothing").symlink_to(tmp_path / "nothing")
    for name in ("folder", "link", "to nothing", "is not there"):
        remove_folder(tmp_path / name)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == ["precious", "precious/a"]
