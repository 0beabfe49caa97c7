"""What was written comes back, and files that do not fit are refused by name."""

import io
import json
import pickle

import numpy as np
import pytest

from mislabel.dynamics.store import DynamicsStore, Pass, open_dynamics
from mislabel.errors import RunError

PASSES = [Pass("warm", 0, 0), Pass("warm", 1, 0), Pass("robust", 0, 0), Pass("robust", 0, 1)]
ROWS = 7


def recorded(number, rows=ROWS):
    random = np.random.default_rng(number)
    return {
        "prediction": random.integers(-1, 4, rows).astype(np.int32),
        "loss": random.random(rows).astype(np.float32),
        "margin": np.where(random.random(rows) < 0.3, np.nan, random.normal(size=rows)).astype(np.float32),
    }


@pytest.fixture
def folder(tmp_path):
    """Three of four passes written."""
    store = DynamicsStore(PASSES, ROWS, tmp_path / "dynamics")
    for number in range(3):
        store.write(number, recorded(number))
    store.flush()
    return tmp_path / "dynamics"


@pytest.mark.parametrize("on_disk", [True, False])
def test_what_was_written_is_there(tmp_path, on_disk):
    store = DynamicsStore(PASSES, ROWS, tmp_path / "d" if on_disk else None)
    for number in range(3):
        assert store.done == number
        store.write(number, recorded(number))
    for name in ("prediction", "loss", "margin"):
        np.testing.assert_array_equal(getattr(store, name), np.stack([recorded(k)[name] for k in range(3)]))
    np.testing.assert_array_equal(store.of_stage("warm"), [0, 1])
    np.testing.assert_array_equal(store.of_stage("robust"), [2])  # the pass that is not done does not count


def test_files_are_plain_arrays_and_unwritten_passes_hold_the_mark_of_unseen(folder):
    for name, unseen in (("prediction", -1), ("loss", np.nan), ("margin", np.nan)):
        array = np.load(folder / f"{name}.npy")
        np.testing.assert_array_equal(array, np.stack([*(recorded(k)[name] for k in range(3)), np.full(ROWS, unseen)]))


def test_manifest(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["rows"] == ROWS
    assert manifest["done"] == 3
    assert manifest["schema"] == 1
    assert manifest["passes"][3] == {"stage": "robust", "epoch": 0, "view": 1}
    assert manifest["quantities"] == {"prediction": "int32", "loss": "float32", "margin": "float32"}


def test_bytes_needed_are_the_files_without_their_headers(folder):
    headers = 0
    for path in folder.glob("*.npy"):
        with path.open("rb") as file:
            np.lib.format.read_magic(file)
            np.lib.format.read_array_header_1_0(file)
            headers += file.tell()
    size = sum(path.stat().st_size for path in folder.glob("*.npy"))
    assert DynamicsStore.bytes_needed(len(PASSES), ROWS) == size - headers


def test_resume_continues_and_rewind_forgets(folder):
    store = DynamicsStore(PASSES, ROWS, folder, resume=True)
    assert store.done == 3
    store.rewind(2)
    assert len(store.prediction) == 2
    store.write(2, recorded(12))
    store.write(3, recorded(13))
    store.flush()
    again = open_dynamics(folder)
    wanted = [recorded(k)["loss"] for k in (0, 1, 12, 13)]
    np.testing.assert_array_equal(again.loss, np.stack(wanted))
    assert again.passes == PASSES


def test_reading_leaves_the_files_alone(folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    store = open_dynamics(folder)
    store.write(3, recorded(3))
    store.flush()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("on_disk", [True, False])
def test_a_pass_in_parts_is_the_pass_as_a_whole(tmp_path, on_disk):
    whole, parts = (DynamicsStore(PASSES, ROWS, tmp_path / name if on_disk else None) for name in ("whole", "parts"))
    for number in range(2):
        whole.write(number, recorded(number))
        for rows in ([6, 0, 3], [], [5, 1], [2, 4]):
            rows = np.array(rows, dtype=np.int64)
            parts.put(number, rows, {name: values[rows] for name, values in recorded(number).items()})
    assert parts.done == 0
    parts.end(2)
    assert parts.done == 2
    for name in ("prediction", "loss", "margin"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))
    if on_disk:
        for store in (whole, parts):
            store.flush()
        both = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("whole", "parts")]
        assert both[0] == both[1]


def test_whoever_follows_reads_what_another_writes_and_writes_nothing(folder):
    writer = DynamicsStore(PASSES, ROWS, folder, resume=True)
    follower = DynamicsStore(PASSES, ROWS, folder, follows=True)
    assert not follower.in_memory
    for store in (follower, writer):
        store.rewind(2)
    writer.write(2, recorded(12))
    writer.flush()
    assert len(follower.loss) == 2
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    follower.end(3)
    follower.flush()
    for name in ("prediction", "loss", "margin"):
        np.testing.assert_array_equal(getattr(follower, name), getattr(writer, name))
        assert not getattr(follower, name).flags.writeable
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_resume_with_other_rows_or_passes_is_refused(folder):
    with pytest.raises(RunError, match="rows differ"):
        DynamicsStore(PASSES, ROWS + 1, folder, resume=True)
    with pytest.raises(RunError, match="passes differ"):
        DynamicsStore([*PASSES, Pass("more", 0, 0)], ROWS, folder, resume=True)


@pytest.mark.parametrize("name", ["prediction", "loss", "margin"])
@pytest.mark.parametrize("kept", [0, 40, -3])
def test_truncated_arrays_are_refused(folder, name, kept):
    path = folder / f"{name}.npy"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(RunError, match=f"{name}.npy"):
        open_dynamics(folder)


def test_an_array_of_another_shape_or_kind_is_refused(folder):
    np.save(folder / "loss.npy", np.zeros((4, ROWS), dtype=np.float64))
    with pytest.raises(RunError, match=r"loss.npy holds float64 \(4, 7\), needed float32"):
        open_dynamics(folder)


@pytest.mark.parametrize("name", ["prediction", "loss", "margin"])
def test_a_changed_pass_is_refused_by_its_number(folder, name):
    """What lies behind the passes that are done does not count."""
    path = folder / f"{name}.npy"
    for number in (3, 1):
        array = np.load(path)
        array[number, 2] = 5
        np.save(path, array)
        if number == 3:
            open_dynamics(folder)
    with pytest.raises(RunError, match=f"{name}.npy is not what this run wrote: its part 1 was damaged"):
        open_dynamics(folder)
    store = DynamicsStore(PASSES, ROWS, folder, resume=True)
    with pytest.raises(RunError, match=f"{name}.npy .* its part 1"):
        store.rewind(2)
    store.rewind(1)  # from before the damage it can go on


def test_what_was_written_without_digests_is_read_and_continued(folder):
    """As 0.1.0 did."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["digests"]
    path.write_text(json.dumps(manifest))
    assert open_dynamics(folder).done == 3
    store = DynamicsStore(PASSES, ROWS, folder, resume=True)
    store.rewind(2)
    store.write(2, recorded(2))
    store.flush()
    np.testing.assert_array_equal(open_dynamics(folder).loss[2], recorded(2)["loss"])


def test_a_newer_or_broken_manifest_is_refused(folder):
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": 2}))
    with pytest.raises(RunError, match="schema 2"):
        open_dynamics(folder)
    path.write_text("{")
    with pytest.raises(RunError, match="manifest.json cannot be read"):
        open_dynamics(folder)
    path.unlink()
    with pytest.raises(RunError, match="manifest.json cannot be read"):
        DynamicsStore(PASSES, ROWS, folder, resume=True)


class Runs:
    """What makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return self.path.touch, ()


def test_a_pickle_in_place_of_an_array_is_not_run(folder):
    made = folder / "made"
    for stored in (pickle.dumps(Runs(made)), object_array(made)):
        (folder / "loss.npy").write_bytes(stored)
        with pytest.raises(RunError, match="loss.npy"):
            open_dynamics(folder)
        assert not made.exists()


def object_array(made):
    file = io.BytesIO()
    np.save(file, np.array([Runs(made)], dtype=object), allow_pickle=True)
    return file.getvalue()
