"""Trajectories come back as float16 holds them, on disk as in memory; files that do not fit are refused by name."""

import json

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import chi2

from mislabel.dynamics.trajectory import Shape, Trajectory, open_trajectory, projection
from mislabel.errors import RunError

SHAPE = Shape(epochs=3, networks=2, branches=4, rows=5, dimension=6, classes=3)
NAMES = ["embedding", "probability"]


def written(epoch, seed=0):
    """What is stored of one epoch, float32."""
    random = np.random.default_rng([seed, epoch])
    embedding = random.normal(0, 10, (2, 5, 6)).astype(np.float32)
    return embedding, random.dirichlet(np.ones(3), (4, 5)).astype(np.float32)


def fill(store, epochs, seed=0):
    for epoch in epochs:
        store.write(epoch, *written(epoch, seed))
    return store


@pytest.fixture
def folder(tmp_path):
    """Two of three epochs written."""
    fill(Trajectory(SHAPE, tmp_path / "dynamics"), range(2)).flush()
    return tmp_path / "dynamics"


@pytest.mark.parametrize("on_disk", [True, False])
def test_what_was_written_is_there_in_half_precision(tmp_path, on_disk):
    store = Trajectory(SHAPE, tmp_path / "d" if on_disk else None)
    for epoch in range(3):
        assert store.done == epoch
        store.write(epoch, *written(epoch))
    for epoch in range(3):
        embedding, probability = written(epoch)
        for network in range(2):
            found = store.embedding(epoch, network)
            assert found.dtype == np.float16
            np.testing.assert_array_equal(found, embedding[network].astype(np.float16))
            np.testing.assert_allclose(found, embedding[network], rtol=2**-11)
        for branch in range(4):
            found = store.probability(epoch, branch)
            assert found.dtype == np.float32
            np.testing.assert_array_equal(found, probability[branch].astype(np.float16))
            np.testing.assert_allclose(found, probability[branch], rtol=2**-11, atol=2**-25)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_values_beyond_the_range_are_cut_to_it(tmp_path, kind):
    for store in (Trajectory(SHAPE), Trajectory(SHAPE, tmp_path / kind.__name__)):
        embedding, probability = written(0)
        embedding = embedding.astype(kind)
        embedding[0, 0, :4] = [65504, -65504, np.inf, -np.inf]
        if kind is not np.float16:
            embedding[1, 2, :4] = [65505, -1e6, 1e30, 65519.9]
        store.write(0, embedding, probability)
        np.testing.assert_array_equal(store.embedding(0, 0)[0, :4], [65504, -65504, 65504, -65504])
        if kind is not np.float16:
            np.testing.assert_array_equal(store.embedding(0, 1)[2, :4], [65504, -65504, 65504, 65504])
        assert np.isfinite(store.of_rows(np.arange(5), 0, [0])).all()


def test_on_disk_equals_in_memory(tmp_path):
    disk, memory = (fill(Trajectory(SHAPE, place), range(3)) for place in (tmp_path / "d", None))
    index = np.array([3, 0, 3])
    for network in range(2):
        for epochs in ([0, 1, 2], [2], [1, 0]):
            one, other = (store.of_rows(index, network, epochs) for store in (disk, memory))
            assert one.dtype == other.dtype == np.float32
            np.testing.assert_array_equal(one, other)
        for epoch in range(3):
            np.testing.assert_array_equal(disk.embedding(epoch, network), memory.embedding(epoch, network))
    for branch in range(4):
        np.testing.assert_array_equal(disk.probability(1, branch), memory.probability(1, branch))


def test_rows_by_hand():
    """Epoch after epoch, rows in the order asked for."""
    store = fill(Trajectory(SHAPE), range(3))
    index, epochs = np.array([4, 1]), [2, 0]
    found = store.of_rows(index, 1, epochs)
    assert found.shape == (2, 12)
    for place, row in enumerate(index):
        wanted = [np.float16(value) for epoch in epochs for value in written(epoch)[0][1, row]]
        np.testing.assert_array_equal(found[place], wanted)
    assert store.of_rows(np.array([], dtype=np.int64), 0, epochs).shape == (0, 12)


def test_files_are_plain_arrays_of_the_promised_size(folder):
    """`bytes` is the size of both files without their headers."""
    headers = 0
    for name, axis in (("embedding", 0), ("probability", 1)):
        array = np.load(folder / f"{name}.npy")
        np.testing.assert_array_equal(array[:2], np.stack([written(k)[axis] for k in range(2)]).astype(np.float16))
        np.testing.assert_array_equal(array[2], 0)  # the epoch that is not done
        with (folder / f"{name}.npy").open("rb") as file:
            np.lib.format.read_magic(file)
            np.lib.format.read_array_header_1_0(file)
            headers += file.tell()
    size = sum((folder / f"{name}.npy").stat().st_size for name in NAMES)
    assert SHAPE.bytes == size - headers == 2 * (3 * 2 * 5 * 6 + 3 * 4 * 5 * 3)


def test_manifest(folder):
    manifest = json.loads((folder / "trajectory.json").read_text())
    assert manifest == {
        "schema": 1,
        "done": 2,
        "shape": {"epochs": 3, "networks": 2, "branches": 4, "rows": 5, "dimension": 6, "classes": 3},
        "digests": manifest["digests"],
    }


def test_resume_continues_and_rewind_forgets(folder):
    store = Trajectory(SHAPE, folder, resume=True)
    assert store.done == 2
    store.rewind(1)
    assert store.done == 1
    fill(store, [1, 2], seed=9)
    store.flush()
    again = open_trajectory(folder)
    assert again.shape == SHAPE
    assert again.done == 3
    for epoch, seed in ((0, 0), (1, 9), (2, 9)):
        for network in range(2):
            wanted = written(epoch, seed)[0][network].astype(np.float16)
            np.testing.assert_array_equal(again.embedding(epoch, network), wanted)


def test_an_epoch_counts_once_it_is_flushed(folder):
    """A run that dies between writing and its checkpoint starts that epoch anew."""
    fill(Trajectory(SHAPE, folder, resume=True), [2])
    assert open_trajectory(folder).done == 2


def test_a_new_store_starts_empty_where_another_was(folder):
    store = Trajectory(SHAPE, folder)
    assert store.done == 0
    assert open_trajectory(folder).done == 0
    np.testing.assert_array_equal(store.embedding(0, 0), 0)


def test_reading_leaves_the_files_alone(folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    store = open_trajectory(folder)
    store.of_rows(np.arange(5), 0, [0, 1])
    with pytest.raises(ValueError, match="read-only"):
        store.embedding(0, 0)[0, 0] = 1
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("on_disk", [True, False])
def test_an_epoch_in_parts_is_the_epoch_as_a_whole(tmp_path, on_disk):
    whole, parts = (Trajectory(SHAPE, tmp_path / name if on_disk else None) for name in ("whole", "parts"))
    embedding, probability = written(0)
    embedding[0, 0, 0] = 1e6  # is cut to the range, in a part as in a whole
    whole.write(0, embedding, probability)
    for rows in ([3, 0], [1], [], [4, 2]):
        parts.put(0, np.array(rows, dtype=np.int64), embedding[:, rows], probability[:, rows])
    parts.end(0)
    assert parts.done == 1
    for branch in range(4):
        np.testing.assert_array_equal(parts.probability(0, branch), whole.probability(0, branch))
    for network in range(2):
        np.testing.assert_array_equal(parts.embedding(0, network), whole.embedding(0, network))
    if on_disk:
        for store in (whole, parts):
            store.flush()
        both = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("whole", "parts")]
        assert both[0] == both[1]


def test_whoever_follows_reads_what_another_writes_and_writes_nothing(tmp_path):
    writer = Trajectory(SHAPE, tmp_path / "d")
    follower = Trajectory(SHAPE, tmp_path / "d", follows=True)
    writer.write(0, *written(0))
    before = {path.name: path.read_bytes() for path in (tmp_path / "d").iterdir()}
    follower.end(0)
    follower.flush()
    assert follower.done == 1
    for network in range(2):
        np.testing.assert_array_equal(follower.embedding(0, network), writer.embedding(0, network))
    assert {path.name: path.read_bytes() for path in (tmp_path / "d").iterdir()} == before


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kept", [0, 40, -3])
def test_truncated_arrays_are_refused(folder, name, kept):
    path = folder / f"{name}.npy"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(RunError, match=f"{name}.npy cannot be read .* start it anew"):
        open_trajectory(folder)
    assert path.stat().st_size < 1000  # looking did not fill it up
    path.unlink()
    with pytest.raises(RunError, match=f"{name}.npy cannot be read"):
        Trajectory(SHAPE, folder, resume=True)


@pytest.mark.parametrize("name", NAMES)
def test_an_array_of_another_shape_or_kind_is_refused(folder, name):
    size = {"embedding": (3, 2, 5, 6), "probability": (3, 4, 5, 3)}[name]
    np.save(folder / f"{name}.npy", np.zeros(size, dtype=np.float32))
    with pytest.raises(RunError, match=rf"{name}.npy holds float32 \({', '.join(map(str, size))}\), needed float16"):
        open_trajectory(folder)
    np.save(folder / f"{name}.npy", np.zeros((2, *size[1:]), dtype=np.float16))
    with pytest.raises(RunError, match=rf"{name}.npy holds float16 \(2, .*needed float16 \(3, "):
        open_trajectory(folder)


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_epoch_is_refused_by_its_number(folder, name):
    array = np.load(folder / f"{name}.npy")
    array[1, 1, 2] = 5
    np.save(folder / f"{name}.npy", array)
    with pytest.raises(RunError, match=f"{name}.npy is not what this run wrote: its part 1 was damaged"):
        open_trajectory(folder)
    assert open_trajectory(folder, epochs=1).done == 1


def test_what_was_written_without_digests_is_read_and_continued(folder):
    """As 0.1.0 did."""
    path = folder / "trajectory.json"
    manifest = json.loads(path.read_text())
    del manifest["digests"]
    path.write_text(json.dumps(manifest))
    assert open_trajectory(folder).done == 2
    store = Trajectory(SHAPE, folder, resume=True)
    store.rewind(1)
    fill(store, [1, 2]).flush()
    again = open_trajectory(folder)
    assert again.done == 3
    np.testing.assert_array_equal(again.embedding(2, 1), written(2)[0][1].astype(np.float16))


@pytest.mark.parametrize("field", ["epochs", "networks", "branches", "rows", "dimension", "classes"])
def test_resume_with_another_shape_is_refused(folder, field):
    other = Shape(**{**vars(SHAPE), field: vars(SHAPE)[field] + 1})
    with pytest.raises(RunError, match="trajectory.json: .* differs from this run's"):
        Trajectory(other, folder, resume=True)


def test_a_newer_or_broken_manifest_is_refused(folder):
    path = folder / "trajectory.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": 2}))
    for opened in (lambda: open_trajectory(folder), lambda: Trajectory(SHAPE, folder, resume=True)):
        with pytest.raises(RunError, match="schema 2, this version reads 1"):
            opened()
    path.write_text("{")
    with pytest.raises(RunError, match="trajectory.json cannot be read"):
        open_trajectory(folder)
    path.unlink()
    with pytest.raises(RunError, match="trajectory.json cannot be read"):
        Trajectory(SHAPE, folder, resume=True)


def test_the_same_seed_gives_the_same_projection():
    one = projection(50, 8, 3)
    assert one.dtype == np.float32
    assert one.shape == (50, 8)
    np.testing.assert_array_equal(one, projection(50, 8, 3))
    assert not np.array_equal(one, projection(50, 8, 4))


def test_projected_distances_are_kept_within_chance():
    """A squared distance is kept up to a factor of chi-squared(k) / k (Johnson and Lindenstrauss)."""
    points = np.random.default_rng(0).normal(size=(40, 300)) * np.linspace(0.1, 5, 300)
    before = pdist(points)
    for k in (16, 64, 256):
        ratios = np.array([(pdist(points @ projection(300, k, seed)) / before) ** 2 for seed in range(8)])
        low, high = chi2(k).ppf([1e-9, 1 - 1e-9]) / k
        assert ratios.min() > low
        assert ratios.max() < high
        means = ratios.mean(0)  # of eight projections, for each pair
        assert abs(means.mean() - 1) < 5 * np.sqrt(2 / k / 8 / 40)
        np.testing.assert_allclose(ratios.std(), np.sqrt(2 / k), rtol=0.3)
