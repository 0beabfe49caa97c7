"""Recording trajectories: what is stored is what the network gives, weights come back, interrupted runs go on."""

import numpy as np
import pytest
import torch
from helpers import StopAfter
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import nn

from mislabel.dynamics.trajectory import open_trajectory, projection
from mislabel.methods.ce import CrossEntropy
from mislabel.methods.dygen import DyGen
from mislabel.modalities.vectors import FeatureInputs, FeatureNetwork, standardisation
from mislabel.training import room, trajectories
from mislabel.training.branches import Branches, make_branches
from mislabel.training.loop import Loop
from mislabel.training.progress import Quiet
from mislabel.training.room import FEWEST_DIMENSIONS, TRAJECTORY_BYTES, trajectory_shape
from mislabel.training.stages import Recording, Stage
from mislabel.training.training_settings import TrainingSettings
from mislabel.training.trajectories import keep_weights, load_weights, weights_file

ROWS, FEATURES, CLASSES = 40, 5, 3
IDS = np.array([f"id{k}" for k in range(ROWS)], dtype=object)


class Plain(nn.Module):
    """Two layers and no dropout."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(FEATURES, 8), nn.Tanh(), nn.Linear(8, CLASSES))

    def forward(self, inputs):
        return self.layers(inputs["features"])


class Bare(nn.Module):
    """No linear layer: its logits stand for an embedding."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(FEATURES, CLASSES))

    def forward(self, inputs):
        return inputs["features"] @ self.weight


def data(seed=0):
    random = np.random.default_rng(seed)
    labels = random.integers(0, CLASSES, ROWS)
    centres = random.normal(0, 2, (CLASSES, FEATURES))
    return (centres[labels] + random.normal(size=(ROWS, FEATURES))).astype(np.float32), labels


def make_loop(build, *, folder=None, weights=None, progress=None, interrupted=lambda: False, **settings) -> Loop:
    matrix, labels = data()
    chosen = TrainingSettings(
        **({"batch_size": 8, "learning_rate": 0.01, "precision": "fp32", "device": "cpu"} | settings)
    )
    return Loop(
        build, FeatureInputs(matrix), labels, IDS, CLASSES, chosen,
        folder=folder, weights=weights, progress=progress, interrupted=interrupted,
    )  # fmt: skip


def with_dropout():
    return FeatureNetwork(*standardisation(data()[0]), CLASSES)


def a_stage(epochs=3, **more):
    chosen = {"branches": 2, "trajectory": Recording("evaluation"), "decay": False}
    return Stage("a", epochs, CrossEntropy(), **(chosen | more))


def trained(build, stage, **options):
    """The network after the stage and its trajectories."""
    network, record = make_loop(build, warmup=0.0, **options).run([stage])
    assert record.trajectory is not None
    return network, record.trajectory


def close(found, wanted):
    """As near as half precision is."""
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)


def shown(network):
    """Embeddings and probabilities of all rows in evaluation mode, by the layers themselves, with torch alone."""
    features = torch.from_numpy(data()[0])
    embeddings, probabilities = [], []
    with torch.no_grad():
        for one in network.eval().networks:
            if isinstance(one, Bare):
                embeddings.append(features @ one.weight)
                logits = embeddings[-1]
            else:
                x = (features - one.mean) / one.scale if isinstance(one, FeatureNetwork) else features
                embeddings.append(one.layers[:-1](x))
                logits = one.layers[-1](embeddings[-1])
            probabilities.append(logits.softmax(-1))
        probabilities += [head(embeddings[0]).softmax(-1) for head in network.heads]
    return torch.stack(embeddings).numpy(), torch.stack(probabilities).numpy()


def assert_epoch(trajectory, epoch, network):
    """An epoch of a store holds what this network gives."""
    embeddings, probabilities = shown(network)
    assert trajectory.shape.networks == len(embeddings)
    assert trajectory.shape.branches == len(probabilities)
    for k, wanted in enumerate(embeddings):
        close(trajectory.embedding(epoch, k), wanted)
    for k, wanted in enumerate(probabilities):
        close(trajectory.probability(epoch, k), wanted)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("build", [with_dropout, Plain])
def test_each_epoch_is_what_the_network_gives_in_evaluation_mode(build, shared):
    """Against networks trained for one, two and three epochs."""
    _, trajectory = trained(build, a_stage(3, shared=shared))
    assert trajectory.done == 3
    for epochs in (1, 2, 3):
        network, short = trained(build, a_stage(epochs, shared=shared))
        assert_epoch(trajectory, epochs - 1, network)
        for k in range(trajectory.shape.networks):
            np.testing.assert_array_equal(short.embedding(epochs - 1, k), trajectory.embedding(epochs - 1, k))
    assert not np.array_equal(trajectory.embedding(0, 0), trajectory.embedding(1, 0))


def test_a_network_without_a_linear_layer_is_recorded_by_its_logits():
    network, trajectory = trained(Bare, a_stage(2))
    assert trajectory.shape.dimension == CLASSES
    assert_epoch(trajectory, 1, network)


def test_recording_changes_no_training():
    """Dropout and the order of rows are the same with it as without."""
    plain, _ = make_loop(with_dropout, warmup=0.0).run([a_stage(3, trajectory=None)])
    for source in ("evaluation", "training"):
        recorded, _ = trained(with_dropout, a_stage(3, trajectory=Recording(source)))
        for one, other in zip(plain.parameters(), recorded.parameters(), strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize("source", ["evaluation", "training"])
def test_projected_embeddings_are_the_whole_ones_times_the_projection(source):
    """With the run's seed; probabilities are as they are."""
    for seed in (0, 5):
        whole, narrow = (
            trained(Plain, a_stage(2, trajectory=Recording(source, dimension)), seed=seed)[1] for dimension in (None, 3)
        )
        assert (whole.shape.dimension, narrow.shape.dimension) == (8, 3)
        for epoch in range(2):
            for k in range(2):
                wanted = whole.embedding(epoch, k).astype(np.float64) @ projection(8, 3, seed)
                np.testing.assert_allclose(narrow.embedding(epoch, k), wanted, rtol=2e-3, atol=2e-3)
                np.testing.assert_array_equal(narrow.probability(epoch, k), whole.probability(epoch, k))


@pytest.mark.parametrize("dimension", [8, 9, 1000])
def test_an_embedding_that_is_small_enough_is_not_projected(dimension):
    one, other = (trained(Plain, a_stage(1, trajectory=Recording("evaluation", d)))[1] for d in (None, dimension))
    assert other.shape == one.shape
    np.testing.assert_array_equal(one.embedding(0, 1), other.embedding(0, 1))


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(("batch_size", "accumulate"), [(8, 1), (9, 3)])  # 9: the last batch is of 4
def test_both_sources_agree_where_nothing_moves(batch_size, accumulate, shared):
    """No dropout and hardly a step: each row stands at its own place, from both."""
    settings = {"learning_rate": 1e-9, "batch_size": batch_size, "accumulate": accumulate, "weight_decay": 0.0}
    stages = [a_stage(2, shared=shared, trajectory=Recording(source)) for source in ("evaluation", "training")]

    def still():
        torch.manual_seed(3)  # heads have dropout of their own, so only the first branch is compared with them
        return Plain()

    (network, evaluated), (_, seen) = (trained(still, stage, **settings) for stage in stages)
    assert_epoch(evaluated, 1, network)
    for epoch in range(2):
        for k in range(evaluated.shape.networks):
            close(evaluated.embedding(epoch, k), seen.embedding(epoch, k))
        for k in range(1 if shared else 2):
            close(evaluated.probability(epoch, k), seen.probability(epoch, k))


def test_the_training_pass_stores_each_row_once_per_epoch(monkeypatch):
    """What `batch` is shown, put in place by hand; weights move between batches, so an epoch is no one network's."""
    seen, original = [], trajectories.TrajectoryRecorder.batch

    def watching(self, batch):
        seen.append((batch.rows.copy(), batch.embeddings.detach().clone(), batch.logits[:, 0].detach().softmax(-1)))
        return original(self, batch)

    monkeypatch.setattr(trajectories.TrajectoryRecorder, "batch", watching)
    network, trajectory = trained(
        with_dropout, a_stage(2, trajectory=Recording("training")), batch_size=9, accumulate=2
    )
    half = len(seen) // 2
    for epoch, calls in enumerate((seen[:half], seen[half:])):
        index = np.concatenate([one for one, _, _ in calls])
        assert sorted(index) == list(range(ROWS))
        embeddings = torch.cat([one for _, one, _ in calls], dim=1).numpy()
        probabilities = torch.cat([one for _, _, one in calls], dim=1).numpy()
        for k in range(2):
            close(trajectory.embedding(epoch, k)[index], embeddings[k])
            close(trajectory.probability(epoch, k)[index], probabilities[k])
    with pytest.raises(AssertionError):  # with dropout, the last epoch is not what the final network gives
        assert_epoch(trajectory, 1, network)


@pytest.mark.parametrize("shared", [False, True])
def test_kept_weights_are_those_of_each_epoch(tmp_path, shared):
    """Matrices in half precision, vectors as they are; those of the last epoch give the final network's logits."""
    network, trajectory = trained(with_dropout, a_stage(3, shared=shared), weights=tmp_path / "w")
    files = sorted(path.name for path in (tmp_path / "w").iterdir())
    assert files == ["epoch-001.safetensors", "epoch-002.safetensors", "epoch-003.safetensors"]
    for epochs in (1, 2, 3):
        short, _ = trained(with_dropout, a_stage(epochs, shared=shared))
        kept = load_file(weights_file(tmp_path / "w", epochs - 1))
        assert kept.keys() == short.state_dict().keys()
        for name, value in short.state_dict().items():
            assert kept[name].dtype == (torch.float16 if value.ndim > 1 else torch.float32), name
            assert torch.equal(kept[name], value.half() if value.ndim > 1 else value), name
    again = make_branches(with_dropout, 2, shared).eval()
    load_weights(again, weights_file(tmp_path / "w", 2))
    assert all(value.dtype == torch.float32 for value in again.parameters())
    inputs = {"features": torch.from_numpy(data()[0])}
    with torch.no_grad():
        np.testing.assert_allclose(again(inputs)[0], network.eval()(inputs)[0], atol=1e-2)
    load_weights(again, weights_file(tmp_path / "w", 0))
    for k in range(trajectory.shape.networks):
        np.testing.assert_allclose(shown(again)[0][k], trajectory.embedding(0, k), atol=1e-2)


class Odd(nn.Module):
    """A matrix that half precision cannot hold, one at its edge, whole numbers, a scalar, and tied weights."""

    def __init__(self, fill=True):
        super().__init__()
        self.large, self.edge = nn.Parameter(torch.zeros(2, 2)), nn.Parameter(torch.zeros(2, 2))
        self.vector, self.cube = nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(2, 2, 2))
        self.register_buffer("places", torch.zeros(2, 3, dtype=torch.int64))
        self.register_buffer("count", torch.zeros(()))
        self.turned = nn.Parameter(torch.zeros(2, 3).T)
        if fill:
            random = torch.Generator().manual_seed(0)
            self.large.data = torch.tensor([[7e4, 1.0], [1e-9, -3.0]])
            self.edge.data = torch.tensor([[60000.0, 0.1], [-60000.0, 1e-9]])
            self.vector.data = torch.randn(3, generator=random) * 1e6
            self.cube.data = torch.randn(2, 2, 2, generator=random)
            self.turned.data = torch.randn(2, 3, generator=random).T
            self.places = torch.arange(6).view(2, 3) + 2**40
            self.count = torch.tensor(1 / 3)


def test_what_half_precision_cannot_hold_is_kept_as_it_is(tmp_path):
    network, again = Branches([Odd()]), Branches([Odd(fill=False)])
    keep_weights(network, tmp_path / "new" / "odd.safetensors")
    load_weights(again, tmp_path / "new" / "odd.safetensors")
    one, other = network.networks[0], again.networks[0]
    for name in ("large", "vector", "places", "count"):
        assert torch.equal(getattr(one, name), getattr(other, name)), name
        assert getattr(one, name).dtype == getattr(other, name).dtype
    for name in ("edge", "cube", "turned"):
        assert torch.equal(getattr(one, name).half(), getattr(other, name).half()), name
        assert not torch.equal(getattr(one, name), getattr(other, name)), name


def test_the_network_itself_is_left_as_it_is(tmp_path):
    """Keeping weights copies them: the live ones stay in full precision."""
    network = Branches([Odd()])
    before = {name: value.clone() for name, value in network.state_dict().items()}
    keep_weights(network, tmp_path / "odd.safetensors")
    for name, value in network.state_dict().items():
        assert value.dtype == before[name].dtype
        assert torch.equal(value, before[name])


class Wide(nn.Module):
    """A million weights, nearly all of them in matrices."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(FEATURES, 1000), nn.Linear(1000, 1000), nn.Linear(1000, CLASSES))

    def forward(self, inputs):
        return self.layers(inputs["features"])


class Lines(Quiet):
    """Keeps what is said."""

    def __init__(self):
        self.lines = []

    def line(self, text):
        self.lines.append(text)


@pytest.mark.parametrize("shared", [False, True])
def test_what_it_takes_is_said_before(tmp_path, shared):
    """Sizes of the files, but for their headers."""
    said = Lines()
    make_loop(Wide, folder=tmp_path, weights=tmp_path / "w", progress=said, batch_size=ROWS).run(
        [a_stage(2, shared=shared)]
    )
    (line,) = [one for one in said.lines if one.startswith("trajectories")]
    arrays = [np.load(tmp_path / "dynamics" / f"{name}.npy") for name in ("embedding", "probability")]
    epochs, networks, rows, dimension = arrays[0].shape
    shape = f"({epochs} epochs x {networks} networks x {rows} rows x {dimension} dimensions)"
    kept = sum(path.stat().st_size for path in (tmp_path / "w").iterdir())
    taken = sum(one.nbytes for one in arrays)
    assert line == f"trajectories {shape} take {taken / 1e6:.1f} MB, the weights of all epochs {kept / 1e6:.0f} MB"
    assert dimension == 1000
    assert kept > 3e6


def dygen(**more):
    chosen = {"epochs": 3, "distil_epochs": 2, "count": 2, "passes": 3, "prior_epoch": 1, "share": 0.2}
    return DyGen(**(chosen | more))


def bytes_under(folder):
    """Of trajectories, dynamics and the weights of every epoch."""
    parts = [folder / "dynamics", folder / "weights"]
    return {path.name: path.read_bytes() for part in parts for path in part.iterdir()}


def run_in(folder, options, resume=False, interrupted=lambda: False):
    loop = make_loop(with_dropout, folder=folder, weights=folder / "weights", interrupted=interrupted)
    return loop.run(options.stages(), resume=resume)


@pytest.mark.slow
@pytest.mark.usefixtures("quick_fit")
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"branches": "heads"},
        {"record": "training"},
        {"trajectory_dim": 2, "features": "last"},
        {"epochs": 11, "co_regularisation": 5.0},  # the first epoch is its warm-up
    ],
    ids=["plain", "heads", "training", "projected", "warm-up"],
)
def test_interrupted_and_continued_is_as_never_interrupted(tmp_path, options):
    """Five steps an epoch, three epochs of branches and two of distilling: stopped in each of them and between."""
    whole, record = run_in(tmp_path / "whole", dygen(**options))
    wanted = bytes_under(tmp_path / "whole")
    assert {"embedding.npy", "probability.npy", "trajectory.json", "epoch-003.safetensors"} <= set(wanted)
    for steps in [2, 7, 9, 14, 17, 22] if not options else [7, 17]:
        folder = tmp_path / str(steps)
        with pytest.raises(KeyboardInterrupt):
            run_in(folder, dygen(**options), interrupted=StopAfter(steps))
        continued, again = run_in(folder, dygen(**options), resume=True)
        found = bytes_under(folder)
        assert found.keys() == wanted.keys()
        for name, value in wanted.items():
            assert found[name] == value, (steps, name)
        for one, other in zip(whole.parameters(), continued.parameters(), strict=True):
            assert torch.equal(one, other)
        assert again.trajectory is not None
        assert again.trajectory.done == dygen(**options).epochs
        np.testing.assert_array_equal(again.prediction, record.prediction)
    assert open_trajectory(tmp_path / "whole" / "dynamics").done == dygen(**options).epochs


@pytest.mark.usefixtures("quick_fit")
def test_interrupted_in_both_stages(tmp_path):
    run_in(tmp_path / "whole", dygen())
    for steps, resume in ((8, False), (11, True), (2, True)):  # the second reaches distilling
        with pytest.raises(KeyboardInterrupt):
            run_in(tmp_path / "parts", dygen(), resume=resume, interrupted=StopAfter(steps))
    run_in(tmp_path / "parts", dygen(), resume=True)
    assert bytes_under(tmp_path / "parts") == bytes_under(tmp_path / "whole")


@pytest.mark.usefixtures("quick_fit")
def test_in_memory_as_on_disk(tmp_path):
    """Without a folder the posterior that is distilled is the same, and so are the final weights."""
    disk, _ = run_in(tmp_path, dygen())
    memory, record = make_loop(with_dropout).run(dygen().stages())
    for one, other in zip(disk.parameters(), memory.parameters(), strict=True):
        assert torch.equal(one, other)
    assert record.trajectory is not None
    np.testing.assert_array_equal(record.trajectory.embedding(2, 1), np.load(tmp_path / "dynamics/embedding.npy")[2, 1])


@given(
    rows=st.integers(1, 10**7), epochs=st.integers(1, 30), branches=st.integers(1, 4), shared=st.booleans(),
    dimension=st.integers(1, 5000), classes=st.integers(2, 100),
)  # fmt: skip
def test_as_many_dimensions_as_fit(rows, epochs, branches, shared, dimension, classes):
    """Two bytes a number; 8 more would not fit. What somebody asks for is never narrowed, and what fits neither."""
    stage = a_stage(epochs, branches=branches, shared=shared)
    found = trajectory_shape(Recording(), stage, dimension, rows, classes).dimension
    networks = 1 if shared else branches

    def size(width):
        return 2 * epochs * rows * (networks * width + branches * classes)

    if size(dimension) <= TRAJECTORY_BYTES or dimension <= FEWEST_DIMENSIONS:
        assert found == dimension
    else:
        assert size(found) <= TRAJECTORY_BYTES or found == FEWEST_DIMENSIONS
        assert size(found + 8) > TRAJECTORY_BYTES
        assert FEWEST_DIMENSIONS <= found < dimension
    assert trajectory_shape(Recording(dimension=7), stage, dimension, rows, classes).dimension == min(7, dimension)


def test_what_is_narrowed_is_told_and_recorded(monkeypatch):
    """Room for seven of eight dimensions, which is no multiple of eight, so that the fewest are taken."""
    monkeypatch.setattr(room, "TRAJECTORY_BYTES", 2 * 2 * ROWS * 2 * (7 + CLASSES) + 1)
    monkeypatch.setattr(room, "FEWEST_DIMENSIONS", 5)
    said = []
    progress = Quiet()
    monkeypatch.setattr(progress, "line", said.append)
    network, found = trained(Plain, a_stage(2), progress=progress)
    assert found.shape.dimension == 5
    assert any("x 5 dimensions, projected from 8,) take" in line for line in said), said
    close(found.embedding(1, 0), shown(network)[0][0] @ projection(8, 5, 0))
