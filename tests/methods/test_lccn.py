"""LCCN: counts and posteriors by hand, draws against their frequencies, and what a run keeps of them."""

import numpy as np
import pytest
import torch
from helpers import log_softmax, numerical_gradient, softmax

from mislabel.dynamics.store import DynamicsStore, Pass
from mislabel.errors import InputError
from mislabel.methods.lccn import LCCN, UNSEEN, DividedLatentLabels, DivideLCCN, LatentLabels, drawn, transition
from mislabel.modalities.vectors import FeatureInputs, FeatureNetwork, standardisation
from mislabel.posterior.balanced_transition import through
from mislabel.posterior.loss_mixture import lower_component
from mislabel.training.loop import Loop
from mislabel.training.losses import Batch
from mislabel.training.stages import Stage
from mislabel.training.training_settings import TrainingSettings

ROWS, CLASSES = 8, 3
GIVEN = np.array([0, 2, 1, 1, 2, 0, 1, 0])
N = np.array([[5, 1, 0], [1, 4, 1], [0, 2, 6]])


def begun(warm_epochs=1, alpha=1.0, epoch=0):
    loss = LatentLabels(warm_epochs, alpha)
    loss.begin(DynamicsStore([], ROWS), GIVEN, CLASSES, torch.device("cpu"))
    loss.load_state({"epoch": epoch, "counts": N.tolist()})
    return loss


def batch_of(logits, index, weight=None):
    weight = None if weight is None else torch.as_tensor(weight)
    return Batch(torch.tensor(index), torch.as_tensor(GIVEN[index]), logits, weight=weight)


def test_worked_values():
    wanted = [[0.667, 0.222, 0.111], [0.222, 0.556, 0.222], [0.091, 0.273, 0.636]]
    t = transition(N, 1.0)
    np.testing.assert_allclose(t, wanted, atol=5e-4)
    f = np.array([[0.2, 0.5, 0.3]] * 2)
    posterior = [[0.110, 0.688, 0.203], [0.069, 0.343, 0.589]]
    np.testing.assert_allclose(through(f, t, np.array([1, 2])), posterior, atol=5e-4)


def test_rows_are_drawn_as_often_as_they_are_likely():
    mass = torch.tensor([[0.110, 0.688, 0.203]]).expand(20_000, 3) * 7  # nobody has to normalise it
    uniform = torch.as_tensor(np.random.default_rng(1).random(20_000), dtype=torch.float32)
    shares = np.bincount(drawn(mass, uniform).numpy(), minlength=3) / 20_000
    np.testing.assert_allclose(shares, mass[0].numpy() / 7, atol=0.015)


def test_a_class_without_mass_is_not_drawn():
    mass = torch.tensor([[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0], [1e-30, 0.0, 0.0]])
    assert drawn(mass, torch.zeros(4)).tolist() == [1, 0, 0, 0]
    assert drawn(mass, torch.full((4,), 0.9999)).tolist() == [2, 2, 1, 0]
    assert drawn(mass[:2], torch.ones(2)).tolist() == [2, 2]


@pytest.mark.parametrize("weight", [None, [2.0, 0.5, 1.0, 3.0]])
def test_the_warm_up_learns_given_labels_and_notes_what_is_predicted(weight):
    loss, index = begun(), [5, 0, 3, 2]
    logits = np.random.default_rng(2).normal(0, 2, (1, 1, 4, CLASSES))
    counts = np.ones(4) if weight is None else np.array(weight)

    def by_hand(z):
        return -np.mean([counts[k] * log_softmax(z[0, 0, k])[GIVEN[row]] for k, row in enumerate(index)])

    tensor = torch.tensor(logits, requires_grad=True)
    value = loss(batch_of(tensor, index, weight))
    assert float(value.detach()) == pytest.approx(by_hand(logits))
    (gradient,) = torch.autograd.grad(value, tensor)
    np.testing.assert_allclose(gradient.numpy(), numerical_gradient(by_hand, logits), atol=1e-7)
    latent = loss.tables["latent"][:, 0].numpy()
    np.testing.assert_array_equal(latent[index], logits[0, 0].argmax(-1))
    assert (np.delete(latent, index) == UNSEEN).all()


@pytest.mark.parametrize("weight", [None, [2.0, 0.5, 1.0, 3.0]])
def test_then_drawn_labels_are_learnt(weight):
    """z by a loop over classes with the epoch's own numbers; the gradient is that of cross-entropy with z held."""
    loss, index = begun(epoch=2), [5, 0, 3, 2]
    logits = np.random.default_rng(3).normal(0, 1, (1, 1, 4, CLASSES))
    counts = np.ones(4) if weight is None else np.array(weight)
    t = (N + 1) / (N + 1).sum(1, keepdims=True)
    numbers = np.random.default_rng([ROWS, 2]).random(ROWS)
    z = []
    for k, row in enumerate(index):
        posterior = softmax(logits[0, 0, k]) * t[:, GIVEN[row]]
        posterior, so_far = posterior / posterior.sum(), 0.0
        for label in range(CLASSES):
            so_far += posterior[label]
            if numbers[row] < so_far:
                z.append(label)
                break
    assert z != GIVEN[index].tolist()

    def by_hand(points):
        return -np.mean([counts[k] * log_softmax(points[0, 0, k])[label] for k, label in enumerate(z)])

    tensor = torch.tensor(logits, requires_grad=True)
    value = loss(batch_of(tensor, index, weight))
    assert loss.tables["latent"][index, 0].tolist() == z
    assert float(value.detach()) == pytest.approx(by_hand(logits))
    (gradient,) = torch.autograd.grad(value, tensor)
    np.testing.assert_allclose(gradient.numpy(), numerical_gradient(by_hand, logits), atol=1e-7)


def test_an_epoch_ends_with_counts_of_the_rows_that_came():
    loss = begun()
    loss.tables["latent"][:, 0] = torch.tensor([0, 2, UNSEEN, 0, 2, 1, 1, UNSEEN])
    loss.epoch_end(DynamicsStore([], ROWS))
    wanted = np.zeros((CLASSES, CLASSES), dtype=int)
    for true, given in ((0, 0), (2, 2), (0, 1), (2, 2), (1, 0), (1, 1)):
        wanted[true, given] += 1
    assert loss.state() == {"epoch": 1, "counts": wanted.tolist()}
    np.testing.assert_allclose(loss.transition, [[2 / 5, 2 / 5, 1 / 5], [2 / 5, 2 / 5, 1 / 5], [1 / 5, 1 / 5, 3 / 5]])


def test_draws_do_not_depend_on_batches_and_differ_by_epoch():
    logits = torch.randn(1, 1, ROWS, CLASSES)

    def labels(loss, *parts):
        for part in parts:
            loss(batch_of(logits[:, :, part], part))
        return loss.tables["latent"][:, 0].tolist()

    every = list(range(ROWS))
    whole = labels(begun(epoch=2), every)
    torch.rand(7)
    assert labels(begun(epoch=2), every[::-2], every[::2]) == whole
    assert any(labels(begun(epoch=epoch), every) != whole for epoch in (3, 4, 5))


def test_a_state_that_was_saved_goes_on():
    loss, other = begun(epoch=3), begun(alpha=1.0)
    other.load_state(loss.state())
    np.testing.assert_array_equal(other.transition, loss.transition)
    logits = torch.randn(1, 1, ROWS, CLASSES)
    values = [float(each(batch_of(logits, list(range(ROWS))))) for each in (loss, other)]
    assert values[0] == values[1]


def test_rows_that_nobody_saw_leave_a_flat_matrix():
    """As where every label is trusted: no row comes to the loss."""
    loss = begun()
    loss.epoch_end(DynamicsStore([], ROWS))
    np.testing.assert_array_equal(loss.transition, np.full((CLASSES, CLASSES), 1 / CLASSES))


def test_extreme_logits_stay_finite():
    loss = begun(epoch=1)
    logits = torch.zeros(1, 1, ROWS, CLASSES)
    logits[..., 1] = 300.0
    logits.requires_grad_()
    value = loss(batch_of(logits, list(range(ROWS))))
    (gradient,) = torch.autograd.grad(value, logits)
    assert torch.isfinite(value)
    assert torch.isfinite(gradient).all()
    assert loss.tables["latent"][:, 0].tolist() == [1] * ROWS


def test_the_posterior_is_that_of_the_last_model_and_matrix():
    (stage,), given = LCCN().stages(), GIVEN[:4]
    stage.loss.begin(DynamicsStore([], ROWS), GIVEN, CLASSES, torch.device("cpu"))
    stage.loss.load_state({"epoch": 7, "counts": N.tolist()})
    store, f = DynamicsStore([Pass("train", 0, 0)], 4), softmax(np.random.default_rng(4).normal(size=(4, CLASSES)))
    store.write(0, {"prediction": given, "loss": np.ones(4), "margin": np.zeros(4)})
    found = LCCN().posterior([stage], store, given, f.astype(np.float32))
    t = (N + 1) / (N + 1).sum(1, keepdims=True)
    for row, label in enumerate(given):
        joint = [f[row, k] * t[k, label] for k in range(CLASSES)]
        np.testing.assert_allclose(found.probabilities[row], joint / np.sum(joint), atol=1e-6)
    assert set(found.evidence) == {"wrong_events", "observations", "mean_margin"}


def test_the_matrix_of_planted_flips_is_found():
    """40 % of class 0 is called 1, a fifth of class 2 is called 0; rows of class 1 are all called so."""
    random, n = np.random.default_rng(0), 450
    true = np.arange(n) % 3
    matrix = (3 * np.eye(3)[true] + random.normal(size=(n, 3))).astype(np.float32)
    wanted = np.array([[0.6, 0.4, 0.0], [0.0, 1.0, 0.0], [0.2, 0.0, 0.8]])
    given = np.array([random.choice(3, p=wanted[label]) for label in true])
    settings = TrainingSettings(batch_size=32, learning_rate=0.01, precision="fp32", device="cpu")
    scale = standardisation(matrix)
    loop = Loop(lambda: FeatureNetwork(*scale, 3), FeatureInputs(matrix), given, np.arange(n), 3, settings)
    (stage,) = LCCN().stages()
    loop.run([stage])
    assert isinstance(stage.loss, LatentLabels)
    np.testing.assert_allclose(stage.loss.transition, wanted, atol=0.12)
    drawn_right = np.mean(stage.loss.tables["latent"][:, 0].numpy() == true)
    assert drawn_right > np.mean(given == true) + 0.1


def test_options():
    (stage,) = LCCN(warm_epochs=1, epochs=3).stages()
    assert (stage.epochs, stage.views, stage.branches) == (4, 1, 1)
    for bad in ({"epochs": 0}, {"warm_epochs": 0}, {"alpha": 0}):
        with pytest.raises(InputError, match=next(iter(bad))):
            LCCN(**bad)


def divided(**options):
    """DivideLCCN's loss over eight rows, begun with what two networks say of them, and that."""
    random = np.random.default_rng(4)
    said = softmax(random.normal(0, 2, (2, ROWS, CLASSES))).astype(np.float32)
    dynamics = DynamicsStore([Pass("warm", 0, 0)], ROWS)
    dynamics.probabilities = said
    loss = DividedLatentLabels(DivideLCCN(**options))
    loss.begin(dynamics, GIVEN, CLASSES, torch.device("cpu"))
    return loss, dynamics, said.astype(np.float64)


def counted(latent):
    counts = np.zeros((CLASSES, CLASSES), dtype=np.int64)
    for z, y in zip(latent, GIVEN, strict=True):
        counts[z, y] += 1
    return counts


def losses_by_hand(said, t):
    found = []
    for p, y in zip(said, GIVEN, strict=True):
        joint = [p[k] * t[k, y] for k in range(CLASSES)]
        found.append(-np.log(joint[y] / sum(joint)))
    return np.array(found, dtype=np.float32)


def test_two_networks_divide_by_the_posterior_of_each_others_matrices():
    loss, dynamics, said = divided()
    for network in range(2):
        np.testing.assert_array_equal(loss.counts[network], counted(said[network].argmax(1)))
        np.testing.assert_allclose(loss.transition[network], transition(loss.counts[network], 1.0))
    wanted = [lower_component(losses_by_hand(said[k], loss.transition[k])) for k in (1, 0)]
    np.testing.assert_allclose(loss.clean, wanted, atol=1e-6)
    before = loss.transition.copy()
    loss.epoch_end(dynamics)
    uniform = np.random.default_rng([ROWS, 1]).random((2, ROWS))
    for network in range(2):
        joint = through(said[network], before[network], GIVEN)
        latent = [
            int(np.searchsorted(np.cumsum(p), u, side="right")) for p, u in zip(joint, uniform[network], strict=True)
        ]
        np.testing.assert_array_equal(loss.counts[network], counted(latent))


def test_a_label_that_is_kept_is_mixed_with_the_posterior_and_others_get_what_both_say():
    loss, _, _ = divided()
    random, index = np.random.default_rng(5), [1, 4, 6]
    logits = random.normal(0, 1, (2, 2, 3, CLASSES))
    w = np.array([[0.9, 0.2, 0.6], [0.1, 0.8, 0.7]])
    found = loss.targets(batch_of(torch.tensor(logits), index), torch.tensor(w)).numpy()
    p = softmax(logits)
    for network in range(2):
        for row, at in enumerate(index):
            y = GIVEN[at]
            if w[network, row] > 0.5:
                own = p[network, :, row].mean(0) * loss.transition[network][:, y]
                target = w[network, row] * np.eye(CLASSES)[y] + (1 - w[network, row]) * own / own.sum()
            else:
                target = p[:, :, row].mean((0, 1))
            target = target**2 / (target**2).sum()
            np.testing.assert_allclose(found[network, row], target, atol=1e-6)


def test_a_divided_state_that_was_saved_goes_on():
    loss, dynamics, _ = divided()
    loss.epoch_end(dynamics)
    again, _, _ = divided()
    again.load_state(loss.state())
    assert again.epoch == 1
    for each in ("counts", "transition"):
        np.testing.assert_array_equal(getattr(again, each), getattr(loss, each))
    assert torch.equal(again.clean, loss.clean)
    for one in (loss, again):
        one.epoch_end(dynamics)
    np.testing.assert_array_equal(again.counts, loss.counts)


def test_stages_and_the_posterior_of_two_networks():
    warm, divide = DivideLCCN(warm_epochs=2, epochs=3).stages()
    assert (warm.epochs, divide.epochs, divide.views, divide.branches, divide.mixes) == (2, 3, 2, 2, True)
    loss, dynamics, said = divided()
    dynamics.write(0, {"prediction": GIVEN, "loss": np.ones(ROWS), "margin": np.zeros(ROWS)})
    found = DivideLCCN().posterior([Stage("divide", 1, loss)], dynamics, GIVEN, said.mean(0)).probabilities
    np.testing.assert_allclose(found[np.arange(ROWS), GIVEN], loss.clean.mean(0), atol=1e-6)
    with pytest.raises(InputError, match="threshold"):
        DivideLCCN(threshold=2)
