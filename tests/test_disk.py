"""Room is reserved before it is filled, and a full disk is one sentence: never SIGBUS, never a half file."""

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mislabel import disk
from mislabel.disk import DiskFull, megabytes, new_map, open_map, telling_full_disk
from mislabel.errors import InputError, RunError
from mislabel.files import atomic_path

MB = 1 << 20


def full(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def blocks(path: Path) -> int:
    """Bytes that a file has on the disk, holes left out."""
    return path.stat().st_blocks * 512


@pytest.fixture(params=["fallocate", "zeros", "not supported"])
def way(request, monkeypatch):
    """Each way in which a platform reserves."""
    if request.param == "zeros":
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    if request.param == "not supported":

        def refused(*_):
            raise OSError(errno.EOPNOTSUPP, "no")

        monkeypatch.setattr(os, "posix_fallocate", refused, raising=False)
    return request.param


@pytest.mark.parametrize("shape", [(3, 5), (1,), (700, 1000), (2, 0), (0,)])
@pytest.mark.parametrize("dtype", [np.float16, np.int32, np.uint8])
def test_a_new_map_is_reserved_and_as_numpy_makes_it(way, shape, dtype, tmp_path):
    ours = new_map(tmp_path / "ours.npy", shape, dtype)
    theirs = np.lib.format.open_memmap(tmp_path / "theirs.npy", mode="w+", dtype=dtype, shape=shape)
    theirs.flush()
    assert ours.shape == shape
    assert ours.dtype == dtype
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "theirs.npy").read_bytes()
    assert blocks(tmp_path / "ours.npy") >= ours.nbytes
    assert (tmp_path / "ours.npy").stat().st_mode & 0o777 == 0o600


def test_a_map_with_holes_is_filled_up_and_keeps_what_it_holds(tmp_path):
    path = tmp_path / "old.npy"
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.int32, shape=(4, MB))
    array[2] = 7
    array.flush()
    assert blocks(path) < array.nbytes
    opened = open_map(path)
    assert blocks(path) >= array.nbytes
    assert opened[2].min() == opened[2].max() == 7
    assert not opened[[0, 1, 3]].any()


def test_a_map_that_another_process_reads_is_not_cut_short(tmp_path):
    first = new_map(tmp_path / "a.npy", (MB,), np.int32)
    first[:] = 1
    new_map(tmp_path / "a.npy", (2,), np.int32)
    assert first.sum() == MB  # the file that it maps has no name any more, and is whole


def test_no_room_for_a_map_leaves_no_file(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    monkeypatch.setattr(disk, "free_bytes", lambda _: 3_000_000)
    with pytest.raises(DiskFull) as caught:
        new_map(tmp_path / "a.npy", (10, MB), np.float32)
    assert str(caught.value) == (
        f"cannot write {tmp_path / 'a.npy'}: No space left on device; 42 MB are needed and 3 MB are free: make room "
        "and give the command again, what was there before is as it was"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_whatever_a_library_says_of_a_full_disk_is_one_sentence(number, tmp_path):
    said = os.strerror(number)
    for error in (
        OSError(number, said),
        Exception(f"{said} (os error {number})"),  # tokenizers and safetensors, which are written in Rust
        OSError(f"[Errno {number}] Error writing bytes to file. Detail: {said}"),
    ):
        with pytest.raises(DiskFull, match=f"cannot write .*: {said}; .* are free: make room"):  # noqa: SIM117
            with telling_full_disk(tmp_path / "a"):
                raise error
    assert issubclass(DiskFull, RunError)


@pytest.mark.parametrize("error", [OSError(errno.EIO, "I/O error"), ValueError("x"), InputError("(os error 28)")])
def test_other_errors_stay_what_they_are(error, tmp_path):
    with pytest.raises(type(error)) as caught, telling_full_disk(tmp_path):
        raise error
    assert caught.value is error


@pytest.mark.parametrize(("size", "words"), [(0, "0 MB"), (1, "1e-06 MB"), (2_345_678, "2.35 MB"), (4e9, "4000 MB")])
def test_sizes_in_words(size, words):
    assert megabytes(size) == words


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("old")

    def half():
        with atomic_path(tmp_path / "a", 5 * MB) as temporary:
            temporary.write_text("half")
            full()

    with pytest.raises(DiskFull, match="5.24 MB are needed"):
        half()
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"


# Disks that are really full: a small file system, and the largest size of a file.

WRITES = """
import json, sys
from pathlib import Path
import numpy as np, pandas as pd, torch
from safetensors.torch import save_file
from mislabel.disk import new_map
from mislabel.files import atomic_folder, atomic_path, atomic_write, write_array
from mislabel.run.writing import write_parquet
from mislabel.tables.writing import write_table

folder, limit = Path(sys.argv[1]), int(sys.argv[2])
if limit:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
noise = np.random.default_rng(0).integers(0, 256, 1 << 20, dtype=np.uint8)
frame = pd.DataFrame(noise[: 300_000].reshape(-1, 3), columns=["a", "b", "c"])


def fill(path):
    array = new_map(path, noise.shape, np.uint8)
    array[:] = 1
    array.flush()


def tensors(path):
    with atomic_path(path) as temporary:
        save_file({"a": torch.from_numpy(noise)}, temporary)


def model(path):
    with atomic_folder(path / "new", path / "unfinished") as unfinished:
        save_file({"a": torch.from_numpy(noise)}, unfinished / "a")


writes = {
    "out.npy": fill, "out.array": lambda path: write_array(noise, path), "out.model": model,
    "out.bytes": lambda path: atomic_write(path, noise.tobytes()), "out.table": lambda path: write_parquet(frame, path),
    "out.tensors": tensors,
}
endings = ("csv", "csv.gz", "csv.bz2", "csv.xz", "jsonl", "parquet")
writes |= {f"out.{ending}": lambda path: write_table(frame, path) for ending in endings}
for name, write in writes.items():
    home = folder / name
    home.mkdir()
    if name not in ("out.npy", "out.model"):
        (home / name).write_text("old")
    try:
        write(home if name == "out.model" else home / name)
        said = "nothing"
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
    left = {item.name: item.read_text() for item in home.iterdir()}
    print(json.dumps([name, said, left]), flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="neither is there")
@pytest.mark.parametrize("way", ["small file system", "largest file"])
def test_every_kind_of_write_on_a_full_disk(way, tmp_path):
    line, limit = [sys.executable, "-c", WRITES, str(tmp_path)], MB // 4
    if way == "small file system":
        line = ["sh", "-c", f"mount -t tmpfs -o size={limit} none '{tmp_path}' && exec \"$@\"", "sh", *line, "0"]
        line = ["unshare", "--user", "--map-root-user", "--mount", *line]
        if subprocess.run([*line[:6], line[6].replace("exec", "true"), "sh"], capture_output=True).returncode:
            pytest.skip("this system mounts nothing for who is not root")
    else:
        line.append(str(limit))
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr  # above all: no signal
    answers = [json.loads(row) for row in done.stdout.splitlines()]
    assert len(answers) == 12
    for name, said, left in answers:
        assert re.match(r"DiskFull: cannot write .*: (No space left on device|File too large); .* are free: make", said)
        assert left == ({} if name in ("out.npy", "out.model") else {name: "old"})
