"""Class weights by hand and by their laws, and the loop that hands them to losses and to trusted rows."""

import numpy as np
import pytest
import torch
from helpers import log_softmax
from hypothesis import given
from hypothesis import strategies as st
from small_loop import CLASSES, IDS, ROWS, Plain, assert_same_weights, data, make_loop, weights

from mislabel.methods.ce import CrossEntropy
from mislabel.modalities.vectors import FeatureInputs
from mislabel.training.balance import class_weights, row_weights
from mislabel.training.loop import Loop
from mislabel.training.losses import OPINION, Batch, Loss
from mislabel.training.stages import Stage
from mislabel.training.training_settings import TrainingSettings
from mislabel.training.trusted import loss_with_trusted

TARGETS = st.lists(st.integers(0, 6), min_size=1, max_size=200).map(np.array)


def test_by_hand():
    """Of 100 rows 64 are of class 0, 36 of class 2, none of class 1; class 3 lies behind the last."""
    target = np.repeat([0, 2], [64, 36])
    np.testing.assert_allclose(row_weights(target, "classes"), np.repeat([50 / 64, 50 / 36], [64, 36]), rtol=1e-6)
    scale = 100 / (8 + 6)  # the roots of 64 and 36
    np.testing.assert_allclose(row_weights(target, "half"), np.repeat([scale / 8, scale / 6], [64, 36]), rtol=1e-6)
    assert row_weights(target, "none") is None
    np.testing.assert_allclose(class_weights(np.array([64, 0, 36, 0]), "classes"), [50 / 64, 0, 50 / 36, 0])
    np.testing.assert_allclose(class_weights(np.array([0.5, 2.0]), "classes"), [2.5, 0.625])  # shares of soft labels
    assert class_weights(np.zeros(2), "half").tolist() == [0, 0]


@given(TARGETS)
def test_each_class_has_the_same_total(target):
    found = row_weights(target, "classes")
    totals = [found[target == label].sum() for label in np.unique(target)]
    np.testing.assert_allclose(totals, len(target) / len(totals), rtol=1e-5)


@given(TARGETS, st.sampled_from(["half", "classes"]))
def test_the_mean_is_one_and_large_classes_weigh_less(target, balance):
    found = row_weights(target, balance)
    assert found.dtype == np.float32
    assert found.mean(dtype=np.float64) == pytest.approx(1, rel=1e-5)
    size = np.bincount(target)[target]
    order = np.argsort(size, kind="stable")
    assert (np.diff(found[order]) <= 0).all()
    assert all(np.ptp(found[size == one]) == 0 for one in np.unique(size))


@given(TARGETS)
def test_half_is_between(target):
    """The root of the whole weights, but for a factor."""
    ratio = row_weights(target, "half") / np.sqrt(row_weights(target, "classes"))
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)


def batch_of(weight=None, rows=37):
    return Batch(torch.arange(rows), torch.zeros(rows, dtype=torch.int64), torch.zeros(1, 1, rows, 2), weight=weight)


@pytest.mark.parametrize("shape", [(37,), (2, 37), (2, 3, 37)])
def test_without_weights_and_with_ones_it_is_the_mean_to_the_bit(shape):
    values = torch.randn(*shape)
    for weight in (None, torch.ones(37)):
        assert torch.equal(batch_of(weight).mean(values), values.mean())
    assert batch_of().weigh(values) is values


def test_a_row_of_weight_two_is_there_twice():
    """The sum over rows divided by their number: weights of a batch need not have a mean of 1."""
    values, weight = torch.randn(2, 5, dtype=torch.float64), torch.tensor([2.0, 1.0, 1.0, 0.5, 1.0])
    twice = values[:, [0, 0, 1, 2, 4]].sum() + values[:, 3].sum() / 2
    torch.testing.assert_close(batch_of(weight, 5).mean(values), twice / 10)


def test_where_nothing_is_mixed_a_loss_that_mixes_is_told():
    with pytest.raises(ValueError, match=r"does not mix: say Stage\(\.\.\., mixes=True\)"):
        batch_of().mixed(torch.zeros(1, 37, dtype=torch.int64), torch.ones(1, 37))


class Weights(CrossEntropy):
    """Keeps what it was told."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __call__(self, batch):
        self.seen.append((batch.index, batch.weight))
        return super().__call__(batch)


def uneven():
    """The inputs of the small loop, and labels of which class 0 has most."""
    matrix, labels = data()
    return matrix, np.where(np.arange(ROWS) % 3 > 0, 0, labels)


def looped(stages, *, trusted=None, opinion=None, worth=None, **settings):
    matrix, labels = uneven()
    chosen = {"batch_size": 8, "learning_rate": 0.01, "precision": "fp32", "device": "cpu"} | settings
    loop = Loop(
        Plain, FeatureInputs(matrix), labels, IDS, CLASSES, TrainingSettings(**chosen),
        trusted=trusted, opinion=opinion, worth=worth,
    )  # fmt: skip
    return loop.run(stages)


def test_the_loop_hands_every_row_its_weight_and_a_stage_may_say_otherwise():
    _, labels = uneven()
    as_set, own, off = Weights(), Weights(), Weights()
    stages = [
        Stage("a", 1, as_set),
        Stage("b", 1, own, balance="half", start="last"),
        Stage("c", 1, off, balance="none", start="last"),
    ]
    looped(stages, balance="classes", accumulate=2)
    for loss, balance in ((as_set, "classes"), (own, "half")):
        wanted = row_weights(labels, balance)
        assert sorted(torch.cat([index for index, _ in loss.seen]).tolist()) == list(range(ROWS))
        for index, weight in loss.seen:
            np.testing.assert_array_equal(weight.numpy(), wanted[index.numpy()])
    assert all(weight is None for _, weight in off.seen)


class Revising(Weights):
    """Has an opinion of its own when an epoch is over."""

    def __init__(self, opinion):
        super().__init__()
        self.opinion, self.taught = opinion, []

    def __call__(self, batch):
        self.taught.append(batch.opinion)
        return super().__call__(batch)

    def epoch_end(self, dynamics):
        if self.opinion is not None:
            self.tables[OPINION] = self.opinion


def test_opinion_and_worth_reach_every_row():
    random, (_, labels) = np.random.default_rng(2), uneven()
    opinion = random.dirichlet([4, 2, 1], ROWS).astype(np.float32)
    worth = random.uniform(0.5, 1.5, ROWS)
    worth /= worth.mean()
    of_class = opinion.sum(0, dtype=np.float64) ** -1.0
    balanced = opinion @ of_class / (opinion @ of_class).mean()
    mass = np.array([worth[labels == label].sum() for label in range(CLASSES)])
    for told, wanted in (
        ({"opinion": opinion}, balanced),
        ({"worth": worth}, worth / mass[labels] * ROWS / CLASSES),
        ({"worth": worth, "opinion": opinion}, worth / mass[labels] * ROWS / CLASSES),
    ):
        loss = Revising(None)
        looped([Stage("a", 1, loss)], balance="classes", **told)
        for (index, weight), taught in zip(loss.seen, loss.taught, strict=True):
            np.testing.assert_allclose(weight.numpy(), wanted[index.numpy()], rtol=1e-5)
            assert (taught is None) == ("opinion" not in told)
            if taught is not None:
                np.testing.assert_array_equal(taught.numpy(), opinion[index.numpy()])


@pytest.mark.parametrize("balance", ["none", "half", "classes"])
def test_an_opinion_that_a_loss_makes_goes_on_in_its_place(balance):
    """From the second epoch on a row has the mean weight of the classes that the opinion sees in it."""
    opinion = np.random.default_rng(1).dirichlet([4, 2, 1], ROWS)
    loss = Revising(torch.from_numpy(opinion).float())
    looped([Stage("a", 2, loss)], balance=balance)
    power = {"none": 0, "half": 0.5, "classes": 1}[balance]
    of_class = opinion.sum(0) ** -power
    wanted = opinion @ of_class / (opinion @ of_class).mean()
    before = row_weights(uneven()[1], balance)
    assert len(loss.seen) == len(loss.taught) == 10
    for number, ((index, weight), taught) in enumerate(zip(loss.seen, loss.taught, strict=True)):
        if number < 5:
            assert taught is None
        else:
            np.testing.assert_array_equal(taught.numpy(), loss.opinion[index].numpy())
        if balance == "none":
            assert weight is None
        else:
            np.testing.assert_allclose(weight.numpy(), (before if number < 5 else wanted)[index.numpy()], rtol=1e-5)


def test_unless_it_is_asked_for_nothing_is_weighed():
    default, plain = Weights(), TrainingSettings()
    make_loop().run([Stage("a", 1, default)])
    assert plain.balance == "none"
    assert all(weight is None for _, weight in default.seen)


@pytest.mark.parametrize("trusted", [None, np.arange(ROWS) % 4 == 0])
@pytest.mark.parametrize("accumulate", [2, 64])
def test_parts_of_a_step_add_up(accumulate, trusted):
    """Weights are those of the run: a part of one row has no others to be balanced with."""
    stages = [Stage("a", 2, CrossEntropy(), branches=2)]
    whole, record = looped(stages, trusted=trusted, balance="classes")
    parts, again = looped(stages, trusted=trusted, balance="classes", accumulate=accumulate)
    assert_same_weights(weights(whole), weights(parts), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(record.prediction, again.prediction)
    plain, _ = looped(stages, trusted=trusted)
    assert any(not torch.allclose(weights(plain)[name], value) for name, value in weights(whole).items())


def test_classes_of_one_size_change_nothing():
    """The weights are then all 1, though the sums go another way."""
    matrix, labels = uneven()[0], np.arange(ROWS - 1) % CLASSES
    chosen = {"batch_size": 8, "learning_rate": 0.01, "precision": "fp32", "device": "cpu"}
    found = [
        Loop(
            Plain, FeatureInputs(matrix[:-1]), labels, IDS[:-1], CLASSES, TrainingSettings(**chosen, balance=balance)
        ).run([Stage("a", 2, CrossEntropy())])[0]
        for balance in ("none", "half", "classes")
    ]
    for other in found[1:]:
        assert_same_weights(weights(found[0]), weights(other), rtol=1e-5, atol=1e-6)


class Squares(Loss):
    """A loss that weighs nothing, and keeps the weights that it was given."""

    def __call__(self, batch):
        self.weight = batch.weight
        return batch.logits.square().sum((0, 1, 3)).mean()


def test_trusted_rows_by_hand():
    z = np.random.default_rng(0).normal(size=(2, 2, 5, 3))
    trusted, given, weight = np.array([False, True, False, True, True]), [0, 2, 1, 1, 0], [0.5, 2.0, 1.5, 1.5, 0.5]
    log_p = log_softmax(z)
    fit = -sum(
        weight[row] * log_p[branch, view, row, given[row]]
        for branch in (0, 1) for view in (0, 1) for row in (1, 3, 4)
    )  # fmt: skip
    wanted = (2 * np.square(z[:, :, [0, 2]]).sum((0, 1, 3)).mean() + fit) / 5
    loss, logits = Squares(), torch.tensor(z, requires_grad=True)
    batch = Batch(torch.arange(5), torch.tensor(given), logits, weight=torch.tensor(weight))
    found = loss_with_trusted(loss, batch, trusted, mixes=False)
    assert loss.weight.tolist() == [0.5, 1.5]
    assert float(found.detach()) == pytest.approx(wanted, rel=1e-6)
