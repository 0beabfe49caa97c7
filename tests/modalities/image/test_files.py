"""Image files: where a path leads, and why a file cannot be read."""

import errno
import os
from pathlib import Path
from unicodedata import normalize

import pytest

from mislabel.modalities.image.decode import Unreadable
from mislabel.modalities.image.files import locate, read_bytes


def plant(folder: Path, *paths: str) -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"x")
    return folder


class TestLocate:
    def test_relative_to_root_or_here(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert locate("a/b.png", Path("/data")) == "/data/a/b.png"
        assert locate("a/b.png", Path("sub")) == str(tmp_path / "sub/a/b.png")
        assert locate("a/b.png", None) == str(tmp_path / "a/b.png")
        assert locate("/x/y.png", Path("/data")) == "/x/y.png"

    def test_out_of_root(self, tmp_path):
        for path in ("../b.png", "a/../../b.png"):
            with pytest.raises(Unreadable, match=rf"lies outside {tmp_path}; give an absolute path"):
                locate(path, tmp_path)
        assert locate(f"{tmp_path}/../b.png", tmp_path) == f"{tmp_path}/../b.png"
        assert locate("a/../b.png", tmp_path).endswith("a/../b.png")
        assert locate("../b.png", None).endswith("../b.png")

    def test_links(self, tmp_path):
        """A link may lead out; going up from where it leads may not."""
        root, other = tmp_path / "root", tmp_path / "other" / "deep"
        root.mkdir()
        other.mkdir(parents=True)
        (root / "link").symlink_to(other)
        assert locate("link/a.png", root) == str(root / "link/a.png")
        with pytest.raises(Unreadable, match="lies outside"):
            locate("link/../a.png", root)

    @pytest.mark.parametrize(
        ("path", "said"),
        [("", "path is empty"), ("a\0b", "NUL"), ("https://x.org/a.png", "web address"),
         ("C:\\data\\a.png", "a path on a Windows machine; write it relative to the table"),
         ("d:/a.png", "a path on a Windows machine"), ("\\\\server\\share\\a.png", "a path on a Windows machine")],
    )  # fmt: skip
    def test_no_path(self, path, said):
        with pytest.raises(Unreadable, match=said):
            locate(path, None)

    def test_paths_written_on_windows(self, tmp_path):
        plant(tmp_path, "a b/c.PNG", "odd\\name.png", "ü/é.png")
        assert locate("a b\\c.PNG", tmp_path) == str(tmp_path / "a b/c.PNG")
        assert locate(".\\a b\\c.PNG", tmp_path) == f"{tmp_path}/./a b/c.PNG"
        assert locate("odd\\name.png", tmp_path) == str(tmp_path / "odd\\name.png")  # a name as Linux allows it
        assert locate("ü\\é.png", tmp_path) == str(tmp_path / "ü/é.png")
        with pytest.raises(Unreadable, match="lies outside"):
            locate("..\\x.png", tmp_path)

    @pytest.mark.parametrize("stored", ["NFC", "NFD"])
    @pytest.mark.parametrize("written", ["NFC", "NFD"])
    def test_letters_composed_or_not(self, tmp_path, stored, written):
        """One folder in one form and a file in the other, as after a copy between systems; Hangul has parts, too."""
        there = f"{normalize(stored, 'Größe')}/{normalize('NFC', 'é 한글')}.png"
        plant(tmp_path, there)
        path = normalize(written, there)
        assert Path(locate(path, tmp_path)).read_bytes() == b"x"
        assert Path(locate(f"{tmp_path}/{path}", None)).read_bytes() == b"x"
        assert Path(locate(path.replace("/", "\\"), tmp_path)).read_bytes() == b"x"
        assert locate(normalize(written, "ñ.png"), tmp_path) == str(tmp_path / normalize(written, "ñ.png"))


class TestReadBytes:
    def test_content(self, tmp_path):
        path = tmp_path / "ein Bild – 图.png"
        path.write_bytes(b"abc")
        assert read_bytes(path) == read_bytes(str(path)) == b"abc"

    def test_reasons(self, tmp_path):
        plant(tmp_path, "full")
        (tmp_path / "empty").touch()
        (tmp_path / "loop").symlink_to(tmp_path / "loop")
        (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
        os.mkfifo(tmp_path / "pipe")
        with open(tmp_path / "huge", "wb") as handle:
            handle.truncate(2**29 + 1)
        expected = {
            "no": "no such file", "full/no": "no such file", ".": "is a folder", "empty": r"empty \(0 bytes\)",
            "loop": "link that leads back to itself", "dangling": "link to a file that does not exist",
            "pipe": "not a regular file", "huge": "larger than 512 MiB", "n" * 300: "name too long",
            "\ud800": "no such file",
        }  # fmt: skip
        for name, reason in expected.items():
            with pytest.raises(Unreadable, match=reason):
                read_bytes(f"{tmp_path}/{name}")

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
    def test_permission(self, tmp_path):
        plant(tmp_path, "a").joinpath("a").chmod(0)
        with pytest.raises(Unreadable, match="permission denied"):
            read_bytes(tmp_path / "a")

    @pytest.mark.parametrize(("code", "said"), [(errno.EACCES, "permission denied"), (errno.EIO, "Input/output error")])
    def test_errors_of_the_system(self, tmp_path, monkeypatch, code, said):
        def fail(path):
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(Path, "read_bytes", fail)
        plant(tmp_path, "a")
        with pytest.raises(Unreadable, match=said):
            read_bytes(tmp_path / "a")
