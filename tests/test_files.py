"""A file is the old one or the new one."""

import json
import os
import stat

import pytest

from mislabel.errors import InputError
from mislabel.files import atomic_path, atomic_write, write_json


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
