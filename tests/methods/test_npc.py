"""NPC: prior and output by hand on made embeddings; on planted noise better than the classifier; resumed runs."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from helpers import StopAfter
from scipy.spatial.distance import cdist
from sklearn.metrics import roc_auc_score
from torch import nn

from mislabel.dynamics.store import DynamicsStore
from mislabel.dynamics.trajectory import Shape, Trajectory
from mislabel.errors import InputError
from mislabel.methods import npc
from mislabel.methods.ce import CE, CrossEntropy
from mislabel.methods.distillation import Distillation
from mislabel.methods.npc import NPC, correct, most_confident
from mislabel.modalities.vectors import FeatureInputs
from mislabel.posterior.generative import last_probabilities
from mislabel.posterior.summary import p_mislabeled
from mislabel.training.loop import Loop, passes_of
from mislabel.training.losses import Batch
from mislabel.training.training_settings import TrainingSettings

CPU = torch.device("cpu")
ROWS, CLASSES, EPOCHS, DIMENSION = 300, 3, 2, 4
SHORT: dict[str, Any] = {"epochs": EPOCHS, "distil_epochs": 1, "passes": 1}


def made(options, seed=0):
    """A store with the first stage done, and given labels; the classifier errs, and is sure to various degrees."""
    random = np.random.default_rng(seed)
    true = np.arange(ROWS) * CLASSES // ROWS  # sorted by class
    given = np.where(random.random(ROWS) < 0.3, (true + 1) % CLASSES, true)
    trajectory = Trajectory(Shape(options.epochs, 1, 1, ROWS, DIMENSION, CLASSES))
    store = DynamicsStore(passes_of(options.stages()), ROWS)
    centres = random.normal(0, 2, (CLASSES, DIMENSION))
    for epoch in range(options.epochs):
        logits = 2 * np.eye(CLASSES)[true] + random.normal(size=(ROWS, CLASSES))
        p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        trajectory.write(epoch, centres[true][None] + random.normal(size=(1, ROWS, DIMENSION)), p[None])
        margin = random.normal(size=ROWS)
        store.write(epoch, {"prediction": p.argmax(1), "loss": np.ones(ROWS), "margin": margin})
    store.trajectory = trajectory
    return store, given


def trajectory_of(store):
    assert store.trajectory is not None
    return store.trajectory


def last_epoch(store):
    """Embeddings and class probabilities that the method may read."""
    trajectory = trajectory_of(store)
    return trajectory.embedding(EPOCHS - 1, 0).astype(np.float64), trajectory.probability(EPOCHS - 1, 0)


def confident_by_hand(p, size):
    """Group by group and class by class."""
    order = np.random.default_rng(len(p)).permutation(len(p))
    chosen = np.full(len(p), False)
    for begin in range(0, len(p), size):
        group = order[begin : begin + size]
        for code in range(p.shape[1]):
            members = [row for row in group if p[row].argmax() == code]
            if members:
                chosen[max(members, key=lambda row: p[row, code])] = True
    return chosen


def neighbours_by_hand(points, predicted, voters, count):
    """The label with most weight among the nearest voters but the row itself, each with 1 / distance."""
    distance, result = cdist(points, points), np.zeros(len(points), int)
    for row in range(len(points)):
        others = [k for k in np.flatnonzero(voters) if k != row]
        votes = np.zeros(CLASSES)
        for k in sorted(others, key=lambda k: distance[row, k])[:count]:
            votes[predicted[k]] += 1 / distance[row, k]
        result[row] = votes.argmax()
    return result


@pytest.mark.parametrize(
    ("rows", "classes", "size"), [(300, 3, 128), (300, 3, 20), (128, 5, 128), (7, 40, 3), (1, 2, 9)]
)
def test_most_confident_by_hand(rows, classes, size):
    p = np.random.default_rng(rows).dirichlet(np.ones(classes), rows)
    found = most_confident(p, size)
    np.testing.assert_array_equal(found, confident_by_hand(p, size))
    np.testing.assert_array_equal(found, most_confident(p, size))
    groups = -(-rows // size)
    assert groups <= found.sum() <= groups * classes


def test_a_class_that_is_never_predicted_and_rows_as_sure_as_each_other():
    p = np.tile([0.7, 0.3, 0.0], (300, 1))
    assert most_confident(p).sum() == 3  # one of each group, though all are the same
    p[5] = [0.4, 0.6, 0.0]
    assert most_confident(p)[5]
    assert most_confident(p).sum() == 4


@pytest.fixture
def fed(monkeypatch):
    """What the autoencoder is fitted to, each time: (features, labels, priors, fitting)."""
    seen, original = [], npc.fit_generative

    def watching(*arguments):
        seen.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(npc, "fit_generative", watching)
    return seen


@pytest.mark.parametrize("neighbours", [1, 2, 10])
def test_the_prior_by_hand(fed, neighbours):
    """a_prior; nine voters in three groups, of which no more than three vote; the label fed is the predicted one."""
    options = NPC(**SHORT, neighbours=neighbours, prior_strength=7.0, sampler="gamma")
    store, given = made(options)
    found = correct(store, given, CLASSES, options)
    points, p = last_epoch(store)
    voters = confident_by_hand(p, 128)
    assert voters.sum() == 9
    near = neighbours_by_hand(points, p.argmax(1), voters, min(neighbours, 3))
    features, labels, priors, fitting = fed[0]
    wanted = np.full((ROWS, CLASSES), 1 + 1 / 3)
    wanted[np.arange(ROWS), near] += 7
    np.testing.assert_allclose(priors[0], wanted, rtol=1e-6)
    np.testing.assert_array_equal(found.labels["neighbour_label"], near)
    np.testing.assert_array_equal(labels[0], p.argmax(1))
    np.testing.assert_array_equal(features(0, np.array([8, 2])), points[[8, 2]])
    assert (fitting.beta, fitting.sampler, fitting.passes) == (1.0, "gamma", 1)
    assert (fitting.learning_rate, fitting.batch_size) == (1e-3, 128)


def test_the_prior_of_the_published_code(fed):
    """5 onehot + 1 + 1 / C, and ten passes."""
    options = NPC(epochs=EPOCHS)
    store, given = made(options)
    correct(store, given, CLASSES, options)
    np.testing.assert_allclose(np.sort(fed[0][2][0], axis=1), np.tile([4 / 3, 4 / 3, 19 / 3], (ROWS, 1)), rtol=1e-6)
    assert fed[0][3].passes == 10


def test_the_output_by_hand():
    """sum_yh p(yh | x) (a - 1) / sum(a - 1), row by row and label by label, from the weights that were fitted."""
    options = NPC(**SHORT)
    store, given = made(options)
    found = correct(store, given, CLASSES, options)
    points, p = last_epoch(store)
    assert found.generative is not None
    (model,) = found.generative.models
    weight, bias = (part.detach().numpy().astype(np.float64) for part in (model.encoder.weight, model.encoder.bias))
    deviation = points.std(0)
    wanted = np.zeros((ROWS, CLASSES))
    for row in range(ROWS):
        h = (points[row] - points.mean(0)) / deviation / np.sqrt(DIMENSION)
        for yh in range(CLASSES):
            a = np.log1p(np.exp(weight @ np.concatenate([h, np.eye(CLASSES)[yh]]) + bias)) + 1 + 1 / CLASSES
            wanted[row] += p[row, yh] * (a - 1) / (a - 1).sum()
    np.testing.assert_allclose(wanted.sum(1), 1, atol=2e-3)  # the classifier's are kept in half precision
    np.testing.assert_allclose(found.probabilities, wanted / wanted.sum(1, keepdims=True), rtol=1e-4)
    assert found.generative.power == 1
    np.testing.assert_array_equal(found.generative.probabilities(trajectory_of(store)), found.probabilities)


def test_calibration_is_a_power_that_new_rows_share():
    plain, sharp = (NPC(**SHORT, calibrate=wanted) for wanted in (False, True))
    store, given = made(plain)
    before, after = (correct(store, given, CLASSES, options) for options in (plain, sharp))
    assert after.generative is not None
    assert after.generative.power != 1
    np.testing.assert_array_equal(after.generative.probabilities(trajectory_of(store)), after.probabilities)
    raised = before.probabilities.astype(np.float64) ** after.generative.power
    np.testing.assert_allclose(after.probabilities, raised / raised.sum(1, keepdims=True), rtol=1e-4)


@pytest.mark.slow
def test_evidence_is_of_the_first_stage():
    """As it is when the last stage goes on after passes of its own."""
    options = NPC(epochs=EPOCHS, distil_epochs=2, passes=1)
    store, given = made(options)
    before = correct(store, given, CLASSES, options)
    store.write(EPOCHS, {"prediction": given, "loss": np.ones(ROWS), "margin": np.full(ROWS, 9.0)})
    after = correct(store, given, CLASSES, options)
    wanted = {
        "wrong_events": (store.prediction[:EPOCHS] != given).sum(0),
        "observations": np.full(ROWS, EPOCHS),
        "mean_margin": store.margin[:EPOCHS].astype(np.float64).mean(0),
    }
    assert set(before.evidence) == set(after.evidence) == set(wanted)
    for name, column in wanted.items():
        np.testing.assert_allclose(before.evidence[name], column)
        np.testing.assert_array_equal(after.evidence[name], before.evidence[name])
    np.testing.assert_array_equal(after.probabilities, before.probabilities)


def test_given_labels_and_earlier_epochs_are_not_read():
    """Another run of the classifier up to the last epoch, other labels: the same answer."""
    options = NPC(**SHORT)
    store, given = made(options)
    wanted = correct(store, given, CLASSES, options).probabilities
    points, p = last_epoch(store)
    trajectory_of(store).write(0, 3 * points[None, ::-1], p[None, ::-1])
    trajectory_of(store).write(1, points[None], p[None])
    np.testing.assert_array_equal(correct(store, (given + 1) % CLASSES, CLASSES, options).probabilities, wanted)


def test_stages_and_distillation():
    options = NPC(epochs=EPOCHS, distil_epochs=4, passes=1)
    first, second = stages = options.stages()
    assert (first.name, first.epochs, first.branches, first.views) == ("train", EPOCHS, 1, 1)
    assert type(first.loss) is CrossEntropy
    assert first.trajectory is not None
    assert (second.name, second.epochs, second.branches, second.start) == ("distil", 4, 1, "fresh")
    store, given = made(options)
    assert isinstance(second.loss, Distillation)
    second.loss.begin(store, given, CLASSES, CPU)
    found = options.posterior(stages, store, given, np.full((ROWS, CLASSES), 1 / 3))
    np.testing.assert_array_equal(found.probabilities, correct(store, given, CLASSES, options).probabilities)
    index, logits = np.array([7, 2, 40]), torch.tensor(np.random.default_rng(0).normal(size=(3, CLASSES)))
    value = float(second.loss(Batch(torch.tensor(index), torch.tensor(given[index]), logits[None, None])))
    p = np.exp(logits.numpy()) / np.exp(logits.numpy()).sum(1, keepdims=True)
    assert value == pytest.approx(-(found.probabilities[index] * np.log(p)).sum(1).mean(), rel=1e-6)
    json.dumps(second.loss.state())  # everything it needs lies in the store


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sampler": "normal"}, "sampler is 'normal', needed one of dirichlet, gamma"),
        ({"epochs": 0}, "epochs is 0, needed 1 to"),
        ({"distil_epochs": 0}, "distil_epochs is 0, needed 1 to"),
        ({"neighbours": 0}, "neighbours is 0, needed 1 to"),
        ({"passes": True}, "passes is True, needed a whole number, 1 to"),
        ({"prior_strength": float("nan")}, "prior_strength is nan, needed 0 to"),
        ({"prior_strength": -1}, "prior_strength is -1, needed 0 to"),
    ],
)
def test_options_out_of_range_are_named(options, words):
    with pytest.raises(InputError, match=words):
        NPC(**options)


def test_edges_of_the_ranges_are_allowed():
    NPC(epochs=1, distil_epochs=1, neighbours=1, passes=1, prior_strength=0, sampler="gamma", calibrate=True)


class Wide(nn.Module):
    """Wide enough to learn wrong labels by heart."""

    def __init__(self, features, classes, dropout=0.0):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(features, 128), nn.ReLU(), nn.Dropout(dropout), nn.Linear(128, classes))

    def forward(self, inputs):
        return self.layers(inputs["features"])


def planted(rows, features=8, classes=4, noise=0.4, seed=0):
    """Features, true labels, and given ones of which so many are any other class."""
    random = np.random.default_rng(seed)
    true = random.integers(0, classes, rows)
    matrix = random.normal(size=(classes, features))[true] + random.normal(size=(rows, features)) / 2
    wrong = random.random(rows) < noise
    return matrix.astype(np.float32), true, np.where(wrong, (true + random.integers(1, classes, rows)) % classes, true)


def loop_of(matrix, given, dropout=0.0, *, folder=None, interrupted=lambda: False, **settings):
    classes = int(given.max()) + 1
    chosen = TrainingSettings(batch_size=32, learning_rate=0.01, precision="fp32", device="cpu", **settings)
    ids = np.array([f"r{row}" for row in range(len(given))], dtype=object)
    return Loop(
        lambda: Wide(matrix.shape[1], classes, dropout), FeatureInputs(matrix), given, ids, classes, chosen,
        folder=folder, weights=folder and folder / "weights", interrupted=interrupted,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["dirichlet", "gamma"])
@pytest.mark.parametrize("seed", [0, 1])
def test_planted_noise(seed, sampler):
    """A classifier that has learnt a quarter of the wrong labels is put right, and so is the shipped network."""
    matrix, true, given = planted(600, seed=seed)
    wrong = given != true
    options = NPC(epochs=40, distil_epochs=3, sampler=sampler)
    stages = options.stages()
    network, dynamics = loop_of(matrix, given, seed=seed).run(stages)
    found = options.posterior(stages, dynamics, given, np.full((600, 4), 0.25))
    p = found.probabilities
    assert np.isfinite(p).all()
    assert p.min() > 0
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-5)
    classifier = last_probabilities(trajectory_of(dynamics))[0]
    own = np.mean(classifier.argmax(1) == true)
    assert own < 0.9
    assert np.mean(p.argmax(1) == true) > own + 0.08
    with torch.no_grad():
        shipped = network.eval()({"features": torch.from_numpy(matrix)})[0][0].argmax(1).numpy()
    assert np.mean(shipped == true) > own + 0.08
    of_classifier = roc_auc_score(wrong, p_mislabeled(classifier, given))
    assert roc_auc_score(wrong, p_mislabeled(p, given)) > max(0.95, of_classifier + 0.03)


@pytest.mark.slow
def test_only_calibrated_does_it_count_wrong_labels():
    """All labels are right: by the paper's formula about a fifth seems wrong."""
    matrix, _, given = planted(600, noise=0.0)
    rates = []
    for calibrated in (False, True):
        options = NPC(epochs=4, distil_epochs=1, calibrate=calibrated)
        stages = options.stages()
        _, dynamics = loop_of(matrix, given).run(stages)
        found = options.posterior(stages, dynamics, given, np.full((600, 4), 0.25))
        differ = found.probabilities.argmax(1) != given
        rates.append((p_mislabeled(found.probabilities, given).mean() + differ.mean()) / 2)
    assert 0.1 < rates[0] < 0.3
    assert rates[1] < 0.05


def test_the_first_stage_is_plain_training():
    """The same predictions, epoch for epoch, as the method `ce` gives."""
    matrix, _, given = planted(100)
    _, plain = loop_of(matrix, given, 0.2).run(CE(epochs=2).stages())
    _, found = loop_of(matrix, given, 0.2).run(NPC(**SHORT).stages())
    np.testing.assert_array_equal(found.loss[:2], plain.loss)


def bytes_under(folder):
    """Of trajectories, dynamics and the weights of every epoch."""
    return {path.name: path.read_bytes() for part in ("dynamics", "weights") for path in (folder / part).iterdir()}


@pytest.mark.slow
def test_interrupted_and_continued_is_as_never_interrupted(tmp_path):
    """Four steps an epoch, two epochs and two of distilling: stopped in each of them and between."""
    matrix, _, given = planted(100)
    options = NPC(epochs=2, distil_epochs=2, passes=1)

    def run(folder, resume=False, interrupted=lambda: False):
        stages = options.stages()
        network, dynamics = loop_of(matrix, given, 0.2, folder=folder, interrupted=interrupted).run(
            stages, resume=resume
        )
        return network, options.posterior(stages, dynamics, given, np.full((100, 4), 0.25))

    whole, posterior = run(tmp_path / "whole")
    wanted = bytes_under(tmp_path / "whole")
    assert {"embedding.npy", "probability.npy", "epoch-002.safetensors", "margin.npy"} <= set(wanted)
    for steps in (3, 6, 10, 14):
        folder = tmp_path / str(steps)
        with pytest.raises(KeyboardInterrupt):
            run(folder, interrupted=StopAfter(steps))
        continued, again = run(folder, resume=True)
        assert bytes_under(folder) == wanted
        for one, other in zip(whole.parameters(), continued.parameters(), strict=True):
            assert torch.equal(one, other)
        assert again.probabilities.tobytes() == posterior.probabilities.tobytes()
        for name, column in posterior.evidence.items():
            np.testing.assert_array_equal(again.evidence[name], column)
