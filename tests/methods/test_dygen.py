"""DyGen: the losses against loops and finite differences, priors and evidence by brute force on made trajectories.

D3, D7, D8, D14 and D17 are lines of the list of defects in the reference sheet.
"""

import json

import numpy as np
import pytest
import torch
from helpers import numerical_gradient, softmax
from scipy.spatial.distance import cdist

from mislabel.dynamics.store import DynamicsStore
from mislabel.dynamics.trajectory import Shape, Trajectory
from mislabel.errors import InputError
from mislabel.methods import dygen
from mislabel.methods._losses import CoRegularised
from mislabel.methods.distillation import Distillation
from mislabel.methods.dygen import DyGen, denoise
from mislabel.posterior.disagreement import disagreement
from mislabel.training.loop import passes_of
from mislabel.training.losses import Batch

pytestmark = pytest.mark.usefixtures("quick_fit")

CPU = torch.device("cpu")
ROWS, CLASSES, EPOCHS, DIMENSION = 60, 3, 3, 4


def disagreement_by_hand(logits):
    """l_cr1 of each row, from (branches, b, classes)."""
    p = softmax(logits)
    branches, rows, classes = p.shape
    result = np.zeros(rows)
    for row in range(rows):
        mean = [sum(p[m, row, k] for m in range(branches)) / branches for k in range(classes)]
        for m in range(branches):
            for k in range(classes):
                result[row] += mean[k] * (np.log(mean[k] + 1e-5) - np.log(p[m, row, k] + 1e-5)) / branches
    return result


def cross_entropy_by_hand(logits, given):
    """l_task1: mean over branches and rows."""
    p = softmax(logits)
    return np.mean([-np.log(p[m, row, label]) for m in range(len(p)) for row, label in enumerate(given)])


def batch_of(logits, given, index=None):
    """From (branches, b, classes); one view."""
    index = np.arange(len(given)) if index is None else index
    return Batch(torch.as_tensor(index), torch.as_tensor(given), logits[:, None])


def example(branches=2, rows=5, classes=4, spread=2.0, seed=0):
    random = np.random.default_rng(seed)
    return random.normal(0, spread, (branches, rows, classes)), random.integers(0, classes, rows)


@pytest.mark.parametrize("branches", [1, 2, 3])
@pytest.mark.parametrize("spread", [1.0, 15.0])  # the wide one reaches the 1e-5 inside the logarithms
def test_disagreement_by_hand(branches, spread):
    logits, _ = example(branches, spread=spread)
    found = disagreement(torch.tensor(logits).softmax(-1))
    np.testing.assert_allclose(found, disagreement_by_hand(logits), rtol=1e-9, atol=1e-12)
    if branches == 1:
        np.testing.assert_allclose(found, 0, atol=1e-12)


@pytest.mark.parametrize(("branches", "weight"), [(1, 5.0), (2, 5.0), (3, 0.7), (2, 0.0)])
def test_loss_and_gradient_by_hand(branches, weight):
    logits, given = example(branches)

    def by_hand(point):
        return cross_entropy_by_hand(point, given) + weight * disagreement_by_hand(point).mean()

    tensor = torch.tensor(logits, requires_grad=True)
    value = CoRegularised(weight, warmup=0)(batch_of(tensor, given))
    assert float(value.detach()) == pytest.approx(by_hand(logits), rel=1e-10)
    gradient = torch.autograd.grad(value, tensor)[0].numpy()
    np.testing.assert_allclose(gradient, numerical_gradient(by_hand, logits), rtol=1e-5, atol=1e-8)
    if branches == 1 or not weight:
        assert float(value.detach()) == pytest.approx(cross_entropy_by_hand(logits, given), rel=1e-10)


def test_the_mean_of_the_branches_is_learnt_too():
    """No stop-gradient on pbar: with it, the gradient would be another one."""
    logits, _ = example()
    tensor = torch.tensor(logits, requires_grad=True)
    found = torch.autograd.grad(disagreement(tensor.softmax(-1)).mean(), tensor)[0].numpy()
    fixed = softmax(logits).mean(0)

    def held(point):
        p = softmax(point)
        return np.mean((fixed * (np.log(fixed + 1e-5) - np.log(p + 1e-5))).sum(-1))

    assert np.abs(found - numerical_gradient(held, logits)).max() > 0.01


def test_the_weight_is_zero_during_the_warm_up_and_then_constant():
    logits, given = example()
    tensor = torch.tensor(logits)
    plain, apart = cross_entropy_by_hand(logits, given), disagreement_by_hand(logits).mean()
    loss, store = CoRegularised(3.0, warmup=2), DynamicsStore([], 5)
    loss.begin(store, given, 4, CPU)
    found, states = [], []
    for _ in range(5):
        found.append(float(loss(batch_of(tensor, given))))
        states.append(json.loads(json.dumps(loss.state())))
        loss.epoch_end(store)
    wanted = [plain, plain, *[plain + 3 * apart] * 3]
    np.testing.assert_allclose(found, wanted, rtol=1e-10)
    for epoch, state in enumerate(states):  # as when a run goes on in this epoch
        other = CoRegularised(3.0, warmup=2)
        other.begin(store, given, 4, CPU)
        other.load_state(state)
        assert float(other(batch_of(tensor, given))) == found[epoch]
    loss.begin(store, given, 4, CPU)  # another run starts anew
    assert float(loss(batch_of(tensor, given))) == found[0]


@pytest.mark.parametrize(("epochs", "silent"), [(9, 0), (10, 1), (29, 2), (30, 3)])
def test_the_warm_up_is_a_tenth_of_the_epochs(epochs, silent):
    """int(E / 10), as in the reference sheet."""
    logits, given = example()
    loss, store = DyGen(epochs=epochs, co_regularisation=2.0).stages()[0].loss, DynamicsStore([], 5)
    loss.begin(store, given, 4, CPU)
    plain = cross_entropy_by_hand(logits, given)
    for epoch in range(silent + 1):
        value = float(loss(batch_of(torch.tensor(logits), given)))
        assert bool(value == pytest.approx(plain, rel=1e-9)) is (epoch < silent)
        loss.epoch_end(store)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"branches": "trees"}, "branches is 'trees', needed one of networks, heads"),
        ({"record": "never"}, "record is 'never', needed one of evaluation, training"),
        ({"features": "first"}, "features is 'first', needed one of trajectory, last"),
        ({"score": "cosine"}, "score is 'cosine', needed one of relative, absolute"),
        ({"prior": "flat"}, "prior is 'flat', needed one of neighbours, given, uniform"),
        ({"prior_mode": "soft"}, "prior_mode is 'soft', needed one of onehot, probability"),
        ({"fed": "gold"}, "fed is 'gold', needed one of given, predicted"),
        ({"sampler": "normal"}, "sampler is 'normal', needed one of dirichlet, gamma"),
        ({"epochs": 0, "prior_epoch": 0}, "epochs is 0, needed 1 to"),
        ({"distil_epochs": 0}, "distil_epochs is 0, needed 1 to"),
        ({"count": 0}, "count is 0, needed 1 to"),
        ({"neighbours": 0}, "neighbours is 0, needed 1 to"),
        ({"passes": -1}, "passes is -1, needed 1 to"),
        ({"co_regularisation": -0.1}, "co_regularisation is -0.1, needed 0 to"),
        ({"co_regularisation_generative": float("nan")}, "co_regularisation_generative is nan, needed 0 to"),
        ({"prior_strength": -1}, "prior_strength is -1, needed 0 to"),
        ({"trajectory_dim": 0}, "trajectory_dim is 0, needed 1 to"),
        ({"share": 1.0}, "share is 1.0, needed 0 to 0.99"),
        ({"share": -0.01}, "share is -0.01, needed 0 to 0.99"),
        ({"epochs": 4, "prior_epoch": 5}, "prior_epoch is 5, needed 0 .* epochs = 4"),
        ({"epochs": 4, "prior_epoch": -1}, "prior_epoch is -1, needed 0 .* epochs = 4"),
    ],
)
def test_options_out_of_range_are_named(options, words):
    with pytest.raises(InputError, match=words):
        DyGen(**options)


def test_edges_of_the_ranges_are_allowed():
    DyGen(epochs=1, prior_epoch=1, distil_epochs=1, count=1, neighbours=1, passes=1, co_regularisation=0)
    DyGen(epochs=4, prior_epoch=4, share=0.0, trajectory_dim=1, prior_strength=0)
    DyGen(epochs=4, prior_epoch=0, share=0.99)


def options_of(**more):
    chosen = {
        "epochs": EPOCHS, "distil_epochs": 1, "count": 2, "branches": "networks", "features": "trajectory",
        "score": "relative", "rounds": 0, "share": 0.0, "prior": "neighbours", "prior_mode": "onehot", "prior_epoch": 1,
        "prior_strength": 5.0, "neighbours": 4, "fed": "given", "sampler": "dirichlet", "passes": 3, "select": False,
        "co_regularisation_generative": 1.0, "centroid_share": 0.0,
    }  # fmt: skip
    return DyGen(**(chosen | more))


def made(options, networks=2, branches=2, seed=0, wrong=0.2):
    """A store with stage 1 done: embeddings that show the true class, classifiers that mostly say it; given labels."""
    random = np.random.default_rng(seed)
    true = np.arange(ROWS) % CLASSES
    given = np.where(random.random(ROWS) < wrong, (true + 1) % CLASSES, true)
    shape = Shape(EPOCHS, networks, branches, ROWS, DIMENSION, CLASSES)
    trajectory = Trajectory(shape)
    centres = random.normal(0, 1, (networks, CLASSES, DIMENSION))
    for epoch in range(EPOCHS):
        embedding = (1 + epoch) * centres[:, true] + random.normal(size=(networks, ROWS, DIMENSION))
        logits = 2 * np.eye(CLASSES)[true] + random.normal(size=(branches, ROWS, CLASSES))
        trajectory.write(epoch, embedding, softmax(logits))
    store = DynamicsStore(passes_of(options.stages()), ROWS)
    for number in range(EPOCHS):
        prediction = np.where(random.random(ROWS) < 0.3, (given + 1) % CLASSES, given)
        store.write(number, {"prediction": prediction, "loss": np.ones(ROWS), "margin": np.zeros(ROWS)})
    store.trajectory = trajectory
    return store, given


def trajectory_of(store):
    assert store.trajectory is not None
    return store.trajectory


def embeddings(store, epoch, network):
    return trajectory_of(store).embedding(epoch, network).astype(np.float64)


def vote_by_hand(points, given, voters, count):
    """The nearest voters but the row itself, each with 1 / distance."""
    distance = cdist(points, points)
    result = np.zeros((len(points), CLASSES))
    for row in range(len(points)):
        others = [k for k in range(len(points)) if voters[k] and k != row]
        for k in sorted(others, key=lambda k: distance[row, k])[:count]:
            result[row, given[k]] += 1 / distance[row, k]
    return result / result.sum(1, keepdims=True)


@pytest.fixture
def fed(monkeypatch):
    """What the generative models are fitted to, each time: (features, labels, priors, fitting)."""
    seen, original = [], dygen.fit_generative

    def watching(features, labels, priors, fitting):
        seen.append((features, labels, priors, fitting))
        return original(features, labels, priors, fitting)

    monkeypatch.setattr(dygen, "fit_generative", watching)
    return seen


@pytest.mark.parametrize(("prior_epoch", "read"), [(1, 0), (2, 1), (3, 2), (0, 2)])
@pytest.mark.parametrize("prior_mode", ["onehot", "probability"])
def test_prior_of_neighbours_by_hand(fed, prior_mode, prior_epoch, read):
    """D7: leave one out. D14: probabilities run too. Each branch has its own neighbours."""
    options = options_of(prior_mode=prior_mode, prior_epoch=prior_epoch, prior_strength=7.0)
    store, given = made(options)
    denoise(store, given, CLASSES, options)
    priors = fed[0][2]
    assert priors.shape == (2, ROWS, CLASSES)
    for branch in range(2):
        vote = vote_by_hand(embeddings(store, read, branch), given, np.full(ROWS, True), 4)
        if prior_mode == "onehot":
            vote = np.eye(CLASSES)[vote.argmax(1)]
        np.testing.assert_allclose(priors[branch], 7 * vote + 1 + 1 / 3, rtol=1e-4)
    assert not np.array_equal(priors[0], priors[1])


@pytest.mark.parametrize("prior_mode", ["onehot", "probability"])
def test_priors_without_neighbours_by_hand(fed, prior_mode):
    options = options_of(prior="given", prior_mode=prior_mode, prior_strength=2.0)
    store, given = made(options)
    denoise(store, given, CLASSES, options)
    wanted = np.full((ROWS, CLASSES), 1 + 1 / 3)
    wanted[np.arange(ROWS), given] += 2
    np.testing.assert_allclose(fed[0][2], np.stack([wanted, wanted]), rtol=1e-6)
    options = options_of(prior="uniform", prior_mode=prior_mode, prior_strength=2.0)
    denoise(store, given, CLASSES, options)
    np.testing.assert_allclose(fed[1][2], np.full((2, ROWS, CLASSES), 2 / 3 + 1 + 1 / 3), rtol=1e-6)


@pytest.mark.parametrize("networks", [1, 2])
def test_the_label_fed_is_the_given_or_each_branchs_last_prediction(fed, networks):
    """D8: an option, not an accident."""
    for choice in ("given", "predicted"):
        options = options_of(fed=choice)
        store, given = made(options, networks=networks)
        denoise(store, given, CLASSES, options)
        last = [trajectory_of(store).probability(EPOCHS - 1, branch) for branch in range(2)]
        wanted = [given, given] if choice == "given" else [[row.argmax() for row in one] for one in last]
        np.testing.assert_array_equal(fed[-1][1], wanted)
    assert not np.array_equal(wanted[0], wanted[1])


def test_options_of_the_fit_are_handed_on(fed):
    options = options_of(passes=2, select=True, sampler="gamma", co_regularisation_generative=0.25)
    denoise(*made(options), CLASSES, options)
    fitting = fed[0][3]
    assert (fitting.passes, fitting.select, fitting.sampler) == (2, True, "gamma")
    assert fitting.co_regularisation == 0.25


@pytest.mark.parametrize("networks", [1, 2])
def test_features_are_epochs_side_by_side(fed, networks):
    """Branches that share a network read the same."""
    for features, epochs in (("trajectory", [0, 1, 2]), ("last", [2])):
        options = options_of(features=features)
        store, given = made(options, networks=networks)
        denoise(store, given, CLASSES, options)
        rows = np.array([4, 0, 59])
        for branch in range(2):
            wanted = [embeddings(store, epoch, min(branch, networks - 1))[rows] for epoch in epochs]
            np.testing.assert_array_equal(fed[-1][0](branch, rows), np.concatenate(wanted, axis=1))


def distances_by_hand(store, given, network, members):
    """Own distance and own less the nearest other, (epochs, rows) each, to centroids of the members of a class."""
    own, relative = np.zeros((EPOCHS, ROWS)), np.zeros((EPOCHS, ROWS))
    for epoch in range(EPOCHS):
        points = embeddings(store, epoch, network)
        centroids = np.array([points[(given == k) & members].mean(0) for k in range(CLASSES)])
        for row in range(ROWS):
            distance = np.linalg.norm(points[row] - centroids, axis=1)
            own[epoch, row] = distance[given[row]]
            relative[epoch, row] = own[epoch, row] - min(np.delete(distance, given[row]))
    return own, relative


def marks_by_hand(store, given, network, options):
    """Own distances, the score, and who is not marked: a declared share; centroids anew without those marked."""
    members = np.full(ROWS, True)
    for _ in range(options.rounds + 1):
        own, relative = distances_by_hand(store, given, network, members)
        score = relative.mean(0) if options.score == "relative" else own.mean(0) + own.std(0, ddof=1)
        members = np.full(ROWS, True)
        members[np.argsort(-score)[: int(options.share * ROWS)]] = False
    return own, score, members


SCORES = [("relative", 0), ("relative", 1), ("relative", 3), ("absolute", 0)]


@pytest.mark.parametrize(("score", "rounds"), SCORES)
@pytest.mark.parametrize("networks", [1, 2])
def test_evidence_by_hand(networks, score, rounds):
    """Columns are means over the networks; every row has one value in each."""
    options = options_of(score=score, rounds=rounds, share=0.25)
    store, given = made(options, networks=networks)
    found = denoise(store, given, CLASSES, options)
    assert set(found.evidence) == {
        "wrong_events", "observations", "centroid_distance", "centroid_spread", "centroid_score", "p_noisy_by_mixture"
    }  # fmt: skip
    assert all(column.shape == (ROWS,) for column in found.evidence.values())
    parts = [marks_by_hand(store, given, network, options) for network in range(networks)]
    wanted = {
        "centroid_distance": np.mean([own.mean(0) for own, _, _ in parts], axis=0),
        "centroid_spread": np.mean([own.std(0, ddof=1) for own, _, _ in parts], axis=0),
        "centroid_score": np.mean([height for _, height, _ in parts], axis=0),
    }
    for name, column in wanted.items():
        np.testing.assert_allclose(found.evidence[name], column, rtol=1e-8, atol=1e-12)
    assert found.evidence["p_noisy_by_mixture"].min() >= 0
    assert found.evidence["p_noisy_by_mixture"].max() <= 1
    wrong = (store.prediction[:EPOCHS] != given).sum(0)
    np.testing.assert_array_equal(found.evidence["wrong_events"], wrong)
    np.testing.assert_array_equal(found.evidence["observations"], np.full(ROWS, EPOCHS))


@pytest.mark.parametrize(("score", "rounds"), SCORES)
@pytest.mark.parametrize("networks", [1, 2])
def test_marked_rows_do_not_vote(networks, score, rounds):
    """D3: a share is declared, by hand the largest scores; the label of the neighbours is the mean of all votes."""
    options = options_of(score=score, rounds=rounds, share=0.25, neighbours=3)
    store, given = made(options, networks=networks)
    votes = []
    for network in range(networks):
        _, _, voters = marks_by_hand(store, given, network, options)
        votes.append(vote_by_hand(embeddings(store, 0, network), given, voters, 3))
    found = denoise(store, given, CLASSES, options)
    np.testing.assert_array_equal(found.labels["neighbour_label"], np.mean(votes, axis=0).argmax(1))
    assert set(found.labels) == {"neighbour_label"}


def test_a_class_that_is_marked_altogether():
    """D14: officially an empty list. All rows of the last class lie far out; no voter carries it."""
    options = options_of(score="absolute", share=0.2, prior_mode="probability")
    store, given = made(options)
    given = np.where(np.arange(ROWS) < ROWS // 5, 2, np.arange(ROWS) % 2)
    random = np.random.default_rng(5)
    for epoch in range(EPOCHS):
        embedding = np.stack([embeddings(store, epoch, k) for k in range(2)])
        embedding[:, given == 2] = 50 * random.normal(size=(2, ROWS // 5, DIMENSION)) + 100
        trajectory_of(store).write(epoch, embedding, np.full((2, ROWS, CLASSES), 1 / 3))
    found = denoise(store, given, CLASSES, options)
    assert not (found.labels["neighbour_label"] == 2).any()
    assert np.isfinite(found.probabilities).all()
    np.testing.assert_allclose(found.probabilities.sum(1), 1, atol=1e-6)


def test_a_row_that_nobody_can_vote_for_believes_in_no_class(fed):
    """With all rows marked but one, that one has uniform votes, and its prior is as even."""
    options = options_of(share=0.99)
    store, given = made(options, networks=1, branches=1)
    denoise(store, given, CLASSES, options)
    _, _, voters = marks_by_hand(store, given, 0, options)
    (alone,) = np.flatnonzero(voters)
    np.testing.assert_allclose(fed[0][2][0, alone], fed[0][2][0, alone].mean(), rtol=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.3, None])
def test_a_pure_function_of_trajectory_and_given_labels(share):
    """The same bytes again, whatever torch's global state; and nothing of what it reads is changed."""
    options = options_of(share=share)
    store, given = made(options)
    before = [embeddings(store, epoch, 0).tobytes() for epoch in range(EPOCHS)], given.tobytes()
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        one = denoise(store, given, CLASSES, options)
        found.append(
            [one.probabilities.tobytes(), one.labels["neighbour_label"].tobytes()]
            + [column.tobytes() for column in one.evidence.values()]
        )
    assert found[0] == found[1]
    assert ([embeddings(store, epoch, 0).tobytes() for epoch in range(EPOCHS)], given.tobytes()) == before
    other = given.copy()
    other[0] = (other[0] + 1) % CLASSES
    assert denoise(store, other, CLASSES, options).probabilities.tobytes() != found[0][0]


def rewritten(store, epoch, change):
    """Another store, the same but for one epoch's embeddings."""
    trajectory, copy = Trajectory(trajectory_of(store).shape), DynamicsStore(store.passes, ROWS)
    for number in range(EPOCHS):
        copy.write(number, {name: getattr(store, name)[number] for name in ("prediction", "loss", "margin")})
        embedding = np.stack([embeddings(store, number, k) for k in range(2)])
        probability = np.stack([trajectory_of(store).probability(number, k) for k in range(2)])
        trajectory.write(number, change(embedding) if number == epoch else embedding, probability)
    copy.trajectory = trajectory
    return copy


def test_last_features_are_those_of_the_last_epoch():
    """Without a prior from neighbours and without marks nothing else is read, for training rows and for new ones."""
    for features in ("last", "trajectory"):
        options = options_of(features=features, prior="uniform", share=0.0)
        store, given = made(options)
        plain = denoise(store, given, CLASSES, options)
        for epoch in range(EPOCHS):
            other = rewritten(store, epoch, lambda embedding: embedding[:, ::-1] * 2 + 1)
            again = denoise(other, given, CLASSES, options)
            same = features == "last" and epoch < EPOCHS - 1
            assert np.array_equal(plain.probabilities, again.probabilities) is same
            assert not np.array_equal(plain.evidence["centroid_distance"], again.evidence["centroid_distance"])
            assert plain.generative is not None
            judged = plain.generative.probabilities(trajectory_of(other))
            assert np.array_equal(judged, plain.probabilities) is same


@pytest.mark.parametrize(("networks", "branches"), [(2, 2), (1, 2), (1, 3), (1, 1)])
def test_the_posterior_is_the_marginal_of_the_fitted_models(networks, branches):
    """By loops over branches and labels, with one network per branch, and with heads on one. D17: one branch works."""
    kind = "networks" if networks == branches else "heads"
    options = options_of(count=branches, branches=kind, prior_mode="probability", calibrate=False)
    store, given = made(options, networks=networks, branches=branches)
    found = denoise(store, given, CLASSES, options)
    assert found.generative is not None
    assert len(found.generative.models) == branches
    wanted = np.zeros((ROWS, CLASSES))
    for branch, model in enumerate(found.generative.models):
        rows = [embeddings(store, epoch, min(branch, networks - 1)) for epoch in range(EPOCHS)]
        w = (np.concatenate(rows, axis=1) - model.mean.numpy()) / model.scale.numpy()
        weight, bias = (part.detach().numpy() for part in (model.encoder.weight, model.encoder.bias))
        p = trajectory_of(store).probability(EPOCHS - 1, branch)
        for code in range(CLASSES):
            label = np.tile(np.eye(CLASSES)[code], (ROWS, 1))
            above = np.logaddexp(0, np.column_stack([w, label]) @ weight.T + bias) + 1 / CLASSES
            wanted += p[:, [code]] * above / above.sum(1, keepdims=True)
    np.testing.assert_allclose(found.probabilities, wanted / wanted.sum(1, keepdims=True), rtol=1e-4)
    np.testing.assert_allclose(found.probabilities.sum(1), 1, atol=1e-6)
    np.testing.assert_array_equal(found.generative.probabilities(trajectory_of(store)), found.probabilities)


def test_the_centroids_have_their_say_on_the_given_label():
    """A third of it by hand, row by row; the generative models, and so the model that is shipped, do not hear it."""
    plain, mixed = (options_of(centroid_share=share, share=None) for share in (0.0, 1 / 3))
    store, given = made(plain)
    believed, found = (denoise(store, given, CLASSES, options) for options in (plain, mixed))
    noisy = believed.evidence["p_noisy_by_mixture"]
    assert noisy.std() > 0.01
    for row, label in enumerate(given):
        rest = believed.probabilities[row].astype(np.float64)
        rest[label] = 0
        opinion = noisy[row] * rest / rest.sum()
        opinion[label] = 1 - noisy[row]
        wanted = 2 / 3 * believed.probabilities[row] + opinion / 3
        np.testing.assert_allclose(found.probabilities[row], wanted, atol=1e-5)
    stage = mixed.stages()[1]
    stage.loss.begin(store, given, CLASSES, torch.device("cpu"))
    assert isinstance(stage.loss, Distillation)
    np.testing.assert_array_equal(stage.loss.probabilities.numpy(), believed.probabilities)


@pytest.mark.parametrize("record", ["evaluation", "training"])
@pytest.mark.parametrize("branches", ["networks", "heads"])
def test_stages(branches, record):
    options = DyGen(
        epochs=5, prior_epoch=1, distil_epochs=3, count=3, branches=branches, record=record, trajectory_dim=7
    )
    first, second = options.stages()
    assert (first.epochs, first.branches, first.views, first.shared) == (5, 3, 1, branches == "heads")
    assert first.trajectory is not None
    assert (first.trajectory.source, first.trajectory.dimension) == (record, 7)
    assert (second.epochs, second.branches, second.start, second.trajectory) == (3, 1, "fresh", None)


def test_distillation_by_hand():
    """Cross-entropy with the posterior of the batch's rows, and the audit is told that very posterior."""
    options = options_of()
    store, given = made(options)
    stages = options.stages()
    loss = stages[-1].loss
    assert isinstance(loss, Distillation)
    loss.begin(store, given, CLASSES, CPU)
    found = options.posterior(stages, store, given, np.full((ROWS, CLASSES), 1 / 3))
    np.testing.assert_array_equal(found.probabilities, denoise(store, given, CLASSES, options).probabilities)
    index = np.array([7, 2, 40])
    logits = np.random.default_rng(0).normal(size=(1, 3, CLASSES)).astype(np.float32)
    tensor = torch.tensor(logits, requires_grad=True)
    value = loss(batch_of(tensor, given[index], index))
    p, target = softmax(logits[0].astype(np.float64)), found.probabilities[index]
    wanted = -np.mean([sum(target[row] * np.log(p[row])) for row in range(3)])
    assert float(value.detach()) == pytest.approx(wanted, rel=1e-5)
    gradient = torch.autograd.grad(value, tensor)[0][0].numpy()
    np.testing.assert_allclose(gradient, (p - target) / 3, atol=1e-6)
    json.dumps(loss.state())  # everything it needs lies in the store
