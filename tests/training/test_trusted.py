"""Rows whose label is trusted: their part of the loss by hand, and nothing of them in the method's."""

import numpy as np
import pytest
import torch
from helpers import log_softmax, numerical_gradient
from small_loop import CLASSES, IDS, ROWS, Plain, assert_same_weights, data, make_loop, watch_held, weights
from torch import nn

from mislabel.methods.ce import CE, CrossEntropy
from mislabel.methods.elr import ELR
from mislabel.methods.mixup import MixedCrossEntropy
from mislabel.modalities.vectors import FeatureInputs
from mislabel.training.evaluation import held_back
from mislabel.training.loop import Loop
from mislabel.training.losses import Batch, Loss
from mislabel.training.mixing import mixer
from mislabel.training.stages import Stage
from mislabel.training.training_settings import TrainingSettings
from mislabel.training.trusted import loss_with_trusted

BRANCHES, VIEWS, B, K = 2, 2, 5, 3
TRUSTED = np.array([False, True, False, True, True])


def batch_of(logits, mixed=None):
    target = torch.tensor([0, 2, 1, 1, 0])
    more = {} if mixed is None else {"mixed": mixed}
    return Batch(index=torch.arange(10, 15), target=target, logits=logits, **more)


def by_hand(z, loss_of_others):
    """(2 x the others' mean + every branch's and view's cross-entropy of the three trusted rows) / 5."""
    log_p, given = log_softmax(z), [0, 2, 1, 1, 0]
    fit = -sum(
        log_p[branch, view, row, given[row]] for branch in range(BRANCHES) for view in range(VIEWS) for row in (1, 3, 4)
    )
    return (2 * loss_of_others(z[:, :, [0, 2]]) + fit) / 5


class Squares(Loss):
    """A loss that is no cross-entropy: the mean over rows of all squared logits, and of which rows it was told."""

    def __call__(self, batch):
        self.seen = batch.index.tolist(), batch.target.tolist(), tuple(batch.logits.shape)
        return batch.logits.square().sum((0, 1, 3)).mean()


def test_the_loss_by_hand():
    z = np.random.default_rng(0).normal(size=(BRANCHES, VIEWS, B, K))
    loss = Squares()
    found = loss_with_trusted(loss, batch_of(torch.tensor(z)), TRUSTED, mixes=False)
    assert loss.seen == ([10, 12], [0, 1], (BRANCHES, VIEWS, 2, K))
    assert float(found) == pytest.approx(by_hand(z, lambda own: np.square(own).sum((0, 1, 3)).mean()), abs=1e-12)


def test_its_gradient_by_differences():
    z = np.random.default_rng(1).normal(size=(BRANCHES, VIEWS, B, K))
    logits = torch.tensor(z, requires_grad=True)
    loss_with_trusted(Squares(), batch_of(logits), TRUSTED, mixes=False).backward()
    wanted = numerical_gradient(lambda at: by_hand(at, lambda own: np.square(own).sum((0, 1, 3)).mean()), z)
    np.testing.assert_allclose(logits.grad.numpy(), wanted, atol=1e-8)


def test_only_trusted_rows_never_ask_the_method():
    def never(batch):
        raise AssertionError

    z = np.random.default_rng(2).normal(size=(BRANCHES, VIEWS, B, K))
    log_p = log_softmax(z)
    fit = -log_p[:, :, np.arange(B), [0, 2, 1, 1, 0]].sum() / B
    found = loss_with_trusted(never, batch_of(torch.tensor(z)), np.ones(B, bool), mixes=False)
    assert float(found) == pytest.approx(fit, abs=1e-12)


def test_without_trusted_rows_the_loss_gets_the_batch_itself():
    batch, seen = batch_of(torch.zeros(1, 1, B, K)), []
    loss_with_trusted(lambda one: seen.append(one) or torch.zeros(()), batch, np.zeros(B, bool), mixes=False)
    assert seen[0] is batch


class Sized(Loss):
    """Mixes every row with the one after it among those that it sees, half and half, and learns the given label."""

    def __call__(self, batch):
        branches, views, b, _ = batch.logits.shape
        partner = torch.arange(views * b).roll(-1).expand(branches, -1)
        log_p = batch.mixed(partner, torch.full(partner.shape, 0.25)).log_softmax(-1)
        target = batch.target.repeat(views).expand(branches, -1)
        return -log_p.gather(-1, target[..., None]).sum((0, 2)).mean()


def linear_mixture(matrices, x, trusted):
    """The same by numpy: networks are matrices (branches, K, F), x is (views, b, F)."""
    given, others = np.array([0, 2, 1, 1, 0]), np.flatnonzero(~trusted)
    own = np.concatenate([x[0][others], x[1][others]])
    mixed = 0.25 * own + 0.75 * np.roll(own, -1, axis=0)
    target = np.tile(given[others], VIEWS)
    total = 0.0
    for matrix in matrices:
        log_p = log_softmax(mixed @ matrix.T)
        total += -log_p[np.arange(len(own)), target].mean() * len(others) if len(others) else 0.0
        for view in x:
            log_p = log_softmax(view @ matrix.T)
            total -= log_p[np.flatnonzero(trusted), given[trusted]].sum()
    return total / len(trusted)


@pytest.mark.parametrize("trusted", [TRUSTED, np.ones(B, bool)])
@pytest.mark.parametrize("kind", ["numbers", "tokens"])
def test_rows_mix_among_themselves_and_trusted_ones_are_not_mixed(kind, trusted):
    """Of numbers the inputs are mixed, and `logits` carry no gradients; of tokens the embeddings. One pass for all."""
    random = np.random.default_rng(3)
    x, matrices = random.normal(size=(VIEWS, B, 4)), random.normal(size=(BRANCHES, K, 4))
    network = nn.ParameterList([nn.Parameter(torch.tensor(matrix)) for matrix in matrices])
    flat, passes = torch.tensor(x).flatten(0, 1), []

    def model(inputs):
        passes.append(inputs)
        logits = [one["features"] @ matrix.T for one, matrix in zip(inputs, network, strict=True)]
        return torch.stack(logits), None

    def classify(embeddings):
        passes.append(embeddings)
        return torch.stack([values @ matrix.T for values, matrix in zip(embeddings, network, strict=True)])

    inputs = {"features": flat} if kind == "numbers" else {"input_ids": torch.zeros(len(flat), dtype=torch.int64)}
    mixed = mixer(model, classify, inputs, flat.expand(BRANCHES, -1, -1))
    batch = batch_of(torch.zeros(BRANCHES, VIEWS, B, K, dtype=torch.float64), mixed)
    found = loss_with_trusted(Sized(), batch, trusted, mixes=True)
    assert len(passes) == 1
    assert float(found.detach()) == pytest.approx(linear_mixture(matrices, x, trusted), abs=1e-6)
    found.backward()
    wanted = numerical_gradient(lambda at: linear_mixture(at, x, trusted), matrices)
    np.testing.assert_allclose(np.stack([one.grad.numpy() for one in network]), wanted, atol=1e-6)


def looped(stages, trusted, *, given=None, folder=None, **settings):
    """The small loop with trusted rows."""
    matrix, labels = data()
    chosen = {"batch_size": 8, "learning_rate": 0.01, "precision": "fp32", "device": "cpu"} | settings
    loop = Loop(
        Plain, FeatureInputs(matrix), labels if given is None else given, IDS, CLASSES, TrainingSettings(**chosen),
        trusted=trusted, folder=folder,
    )  # fmt: skip
    return loop, *loop.run(stages)


TRUSTED_ROWS = np.arange(ROWS) % 3 == 0


@pytest.mark.parametrize("trusted", [None, np.zeros(ROWS, bool)])
def test_a_run_without_trusted_rows_is_the_old_one(trusted):
    stages = [Stage("a", 2, CrossEntropy()), Stage("b", 1, MixedCrossEntropy(1.0), mixes=True, start="last")]
    _, network, dynamics = looped(stages, trusted)
    old, record = make_loop().run(stages)
    assert_same_weights(weights(old), weights(network))
    np.testing.assert_array_equal(dynamics.loss, record.loss)


def test_trusted_rows_of_plain_training_change_nothing():
    """With one branch and view the sum is what the mean over all rows was."""
    _, network, _ = looped([Stage("a", 2, CrossEntropy())], TRUSTED_ROWS)
    plain, _ = make_loop().run([Stage("a", 2, CrossEntropy())])
    assert_same_weights(weights(plain), weights(network), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("accumulate", [2, 64])
def test_parts_of_a_step_add_up(accumulate):
    """64: parts of one row, trusted ones among them."""
    stages = [Stage("a", 2, CrossEntropy(), branches=2)]
    _, whole, record = looped(stages, TRUSTED_ROWS)
    _, parts, again = looped(stages, TRUSTED_ROWS, accumulate=accumulate)
    assert_same_weights(weights(whole), weights(parts), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(record.prediction, again.prediction)


def test_what_a_loss_keeps_by_row_is_not_written_for_trusted_rows():
    stages = ELR(epochs=1).stages()
    looped(stages, TRUSTED_ROWS)
    targets = stages[0].loss.tables["targets"].numpy()
    assert (targets[TRUSTED_ROWS] == 0).all()
    assert (targets[~TRUSTED_ROWS].sum(1) > 0.1).all()


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_trusted_rows_are_not_held_back(share, monkeypatch):
    labels = np.random.default_rng(0).integers(0, 3, 90)
    trusted = np.arange(90) < 40
    held = held_back(labels, share, [0, 0], trusted)
    assert held.sum() == round(share * 50)
    assert not held[trusted].any()
    np.testing.assert_array_equal(held[~trusted], held_back(labels[~trusted], share, [0, 0]))
    held_by_stage = watch_held(monkeypatch)
    _, _, dynamics = looped([Stage("a", 1, CrossEntropy(), validation=0.5)], TRUSTED_ROWS)
    (held,) = held_by_stage
    assert not held[TRUSTED_ROWS].any()
    assert held.sum() == round(0.5 * (~TRUSTED_ROWS).sum())
    assert (dynamics.prediction >= 0).all()


def test_where_all_is_trusted_there_is_nothing_to_select_by():
    _, network, _ = looped(CE(epochs=1, stop="validation").stages(), np.ones(ROWS, bool))
    last, _ = make_loop().run([Stage("train", 1, CrossEntropy())])
    assert_same_weights(weights(last), weights(network), rtol=1e-5, atol=1e-6)


def test_trusted_rows_are_learnt_against_a_method_that_learns_nothing():
    """Labels turned by one for trusted rows: a loss that is always zero leaves the network to them alone."""

    class Nothing(Loss):
        def __call__(self, batch):
            return 0.0 * batch.logits.sum()

    _, labels = data()
    turned = np.where(TRUSTED_ROWS, (labels + 1) % CLASSES, labels)
    _, network, _ = looped([Stage("a", 30, Nothing())], TRUSTED_ROWS, given=turned)
    with torch.no_grad():
        predicted = network({"features": torch.from_numpy(data()[0])})[0][0].argmax(-1).numpy()
    assert (predicted[TRUSTED_ROWS] == turned[TRUSTED_ROWS]).all()
    assert (predicted[~TRUSTED_ROWS] == labels[~TRUSTED_ROWS]).mean() < 0.3


def waiting_loop(target, waiting, epochs=3, waits=2):
    """Trained weights, dynamics, and what the loss was shown when rows no longer wait."""
    matrix, _ = data()
    loss = Asked()
    loop = Loop(
        Plain, FeatureInputs(matrix), target, IDS, CLASSES,
        TrainingSettings(batch_size=8, learning_rate=0.01, precision="fp32"), waiting=waiting,
    )  # fmt: skip
    network, dynamics = loop.run([Stage("one", epochs, loss, waits=waits, decay=False)])
    return weights(network), dynamics, loss, loop


class Asked(CrossEntropy):
    """Plain training that keeps what it was shown at the end of each epoch."""

    def begin(self, *arguments):
        self.shown = []

    def epoch_end(self, dynamics):
        self.shown.append(dynamics.asked)


def test_rows_that_wait_teach_nothing_until_they_no_longer_do():
    _, labels = data()
    waiting = np.arange(ROWS) % 5 == 0
    other = np.where(waiting, (labels + 1) % CLASSES, labels)
    assert_same_weights(*(waiting_loop(target, waiting, epochs=2)[0] for target in (labels, other)))
    one, two = (waiting_loop(target, waiting, epochs=3)[0] for target in (labels, other))
    assert any(not torch.equal(one[name], two[name]) for name in one)


def test_all_rows_are_asked_once_when_none_waits_any_more():
    _, labels = data()
    waiting = np.arange(ROWS) % 5 == 0
    _, dynamics, loss, loop = waiting_loop(labels, waiting)
    assert [each is None for each in loss.shown] == [True, False, True]
    assert dynamics.asked is None
    after_two, *_ = waiting_loop(labels, waiting, epochs=2)
    network = Plain()
    network.load_state_dict({name.split(".", 2)[2]: value for name, value in after_two.items()})
    with torch.no_grad():
        expected = network.eval()({"features": torch.tensor(data()[0])}).softmax(-1).numpy()
    said, embeddings = loss.shown[1]
    np.testing.assert_allclose(said, expected, atol=1e-6)
    assert len(embeddings) == ROWS
    assert dynamics.prediction.shape == (3, ROWS)
    assert loop.history.rows == 2 * (ROWS - waiting.sum()) + ROWS
