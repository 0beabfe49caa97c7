"""What the losses of the methods do with weights of rows: what pulls to a label counts by them, the rest does not."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from helpers import log_softmax, numerical_gradient, opinion_for, softmax, worth_for

from mislabel.dynamics.store import DynamicsStore, Pass
from mislabel.methods import METHODS
from mislabel.methods._division import guess
from mislabel.methods._losses import CoRegularised, CrossEntropy, MixedCrossEntropy, PenalisedCrossEntropy
from mislabel.methods.co_teaching import CoTeaching, ExchangeLoss
from mislabel.methods.cosine import Cosine, SelfTrainingLoss
from mislabel.methods.disc import DISC, SortedLoss
from mislabel.methods.distillation import Distillation
from mislabel.methods.divide_mix import DividedLoss, DivideMix
from mislabel.methods.elr import EarlyLearningLoss
from mislabel.methods.forward import ForwardCorrection, RememberingCrossEntropy
from mislabel.methods.gce import GeneralisedCrossEntropy
from mislabel.methods.ido import IDO, DynamicLoss
from mislabel.methods.jocor import JoCoR, JointLoss
from mislabel.methods.lccn import LatentLabels
from mislabel.methods.m_correction import CorrectedLoss, MCorrection
from mislabel.methods.nmtune import NMTune, ReshapedLoss
from mislabel.methods.panel import OpinionCrossEntropy
from mislabel.methods.rlap import TunedCrossEntropy
from mislabel.methods.sce import SCE, SymmetricCrossEntropy
from mislabel.methods.sed import SED, SelectedLoss
from mislabel.methods.selfmix import SelfMix, SelfMixLoss
from mislabel.methods.sop import SOP, SparseErrorLoss
from mislabel.methods.turn import CleansedCrossEntropy
from mislabel.modalities.vectors import FeatureInputs, FeatureNetwork, standardisation
from mislabel.training.device import make_accelerator
from mislabel.training.inference import MeanProbabilities, outputs
from mislabel.training.loop import Loop
from mislabel.training.losses import Batch, Loss
from mislabel.training.training_settings import TrainingSettings

CPU = torch.device("cpu")
B, K, N = 6, 3, 12
INDEX, GIVEN = np.array([7, 2, 9, 0, 4, 5]), np.array([0, 2, 1, 1, 0, 2])
WEIGHT = np.array([2.0, 1.0, 0.25, 1.5, 1.0, 3.0])
SAID = np.random.default_rng(8).normal(0, 2, (2, 2, B, K))  # logits of the unmixed rows, where rows are mixed
READ = np.random.default_rng(7).normal(size=(2, 2, B, 4))  # by the last layer
TAUGHT = np.random.default_rng(6).normal(size=(2, B, K))
SOFT = softmax(np.random.default_rng(9).normal(0, 2, (N, K)))
T = np.array([[0.7, 0.2, 0.1], [0.0, 1.0, 0.0], [0.3, 0.3, 0.4]])


def own_terms(z):
    """Cross-entropy of the given labels, (..., b)."""
    return -np.take_along_axis(log_softmax(z), np.broadcast_to(GIVEN[:, None], (*z.shape[:-1], 1)), -1)[..., 0]


def plain(z, w, drawn):
    return np.mean(w * own_terms(z))


def of_soft(z, w, drawn):
    return np.mean(w * -(SOFT[INDEX] * log_softmax(z[0, 0])).sum(-1))


def of_powers(z, w, drawn):
    p = np.exp(-own_terms(z))
    return np.mean(w * (1 - p**0.7) / 0.7)


def symmetric(z, w, drawn):
    p = np.exp(-own_terms(z))
    return np.mean(w * (0.1 * -np.log(p) + 1.0 * 4 * (1 - p)))


def corrected_forward(z, w, drawn):
    return np.mean([-w[row] * np.log(softmax(z[0, 0, row]) @ T[:, GIVEN[row]]) for row in range(B)])


def dynamic(z, w, drawn):
    return np.mean(w * np.array([0.2, 0.5, 0.9])[GIVEN] * own_terms(z)[0].sum(0))


def cleansed(z, w, drawn):
    return np.mean(w * CLEAN[0, INDEX] * own_terms(z))


def of_drawn(z, w, drawn):
    """Cross-entropy of the labels that a flat matrix, told nothing of any row, lets be drawn."""
    numbers = np.random.default_rng([N, 0]).random(N)[INDEX]
    latent = (softmax(z[0, 0]).cumsum(1) <= numbers[:, None]).sum(1)
    return np.mean(w * -log_softmax(z[0, 0])[np.arange(B), latent])


KEPT = 4  # 6 less a third of them


def exchanged(z, w, drawn):
    losses = own_terms(z)[:, 0]
    chosen = [np.argsort(losses[1 - network])[:KEPT] for network in (0, 1)]
    return sum(np.mean(w[rows] * losses[network][rows]) for network, rows in enumerate(chosen))


def joint(z, w, drawn):
    losses, p = own_terms(z)[:, 0].sum(0), softmax(z[:, 0])
    apart = ((p[0] - p[1]) * np.log(p[0] / p[1])).sum(-1)
    rows = np.argsort(0.1 * losses + 0.9 * apart)[:KEPT]
    return np.mean(w[rows] * 0.1 * losses[rows])


def mixed(z, w, drawn):
    ((partner, share),) = drawn
    log_p, total = log_softmax(z[0]), 0.0
    for row in range(B):
        for part, one in ((share[0, row], row), (1 - share[0, row], partner[0, row])):
            total -= part * w[one] * log_p[row, GIVEN[one]]
    return total / B


def explained_away(z, w, drawn):
    """Where u and v of every row are .1, as they start."""
    total = 0.0
    for row in range(B):
        own = np.eye(K)[GIVEN[row]]
        q = np.maximum(softmax(z[0, 0, row]) + 0.01 * own - 0.01 * (1 - own), 1e-4)
        total -= w[row] * np.log(q[GIVEN[row]] / q.sum())
    return total / B


WRONG = np.linspace(0.1, 0.9, N)


def corrected(z, w, drawn):
    ((partner, share),) = drawn
    log_p, total = log_softmax(z[0]), 0.0
    for row in range(B):
        for part, one in ((share[0, row], row), (1 - share[0, row], partner[0, row])):
            doubt = WRONG[INDEX[one]]
            label, guessed = GIVEN[one], SAID[0, 0, one].argmax()
            total -= part * w[one] * ((1 - doubt) * log_p[row, label] + doubt * log_p[row, guessed])
    return total / B


CLEAN = np.array([np.linspace(0, 1, N), np.linspace(1, 0, N)])


def divided(z, w, drawn):
    """Rows without their label count as 1, also in mixtures of others."""
    ((partner, share),) = drawn
    kept = CLEAN[:, INDEX] > 0.5
    goals = guess(torch.tensor(softmax(SAID)), torch.tensor(GIVEN), torch.tensor(CLEAN[:, INDEX]), 0.5, 0.5).numpy()
    total = 0.0
    for network in (0, 1):
        log_p, fits = log_softmax(z[network]), []
        for place in range(2 * B):
            if kept[network, place % B]:
                fit = 0.0
                for part, one in ((share[network, place], place), (1 - share[network, place], partner[network, place])):
                    row = one % B
                    fit -= part * (w[row] if kept[network, row] else 1.0) * goals[network, row] @ log_p[place]
                fits.append(fit)
        total += np.mean(fits)
    return total


def self_mixed(z, w, drawn):
    """The weak views alone are mixed with each other; rows without their label count as 1."""
    ((partner, share),) = drawn
    sharp = softmax(SAID[0]).mean(0) ** 2
    log_p, total = log_softmax(z[0]), 0.0
    for row in range(B):
        for part, one in ((share[0, row], row), (1 - share[0, row], partner[0, row])):
            keeps = CLEAN[0, INDEX[one]] > 0.5
            goal = np.eye(K)[GIVEN[one]] if keeps else sharp[one] / sharp[one].sum()
            total -= part * (w[one] if keeps else 1.0) * goal @ log_p[row]
    return total / B


SURE = np.linspace(0.1, 0.9, N)


def self_taught(z, w, drawn):
    """The mean over the rows that the teacher is surer of than 0.2."""
    each = [
        w[row] * SURE[one] * SOFT[one] @ (np.log(SOFT[one]) - log_softmax(z[0, 0, row]))
        for row, one in enumerate(INDEX)
        if SURE[one] > 0.2
    ]
    return np.mean(each)


def selected(z, w, drawn):
    """The mean over the rows above a threshold of 0.3, where all classes are predicted alike."""
    log_p = log_softmax(z[0, 0])[np.arange(B), GIVEN]
    clean = np.exp(log_p) >= 0.3
    assert 0 < clean.sum() < B
    return -(w * log_p)[clean].sum() / clean.sum()


def sorted_rows(z, w, drawn):
    """Of 0.4 as threshold: what is learnt as it is, and mixtures, where new labels count as 1."""
    ((partner, share),) = drawn
    p, total = softmax(SAID[0]), 0.0
    above = p[:, np.arange(B), GIVEN] > 0.4
    sure, said = p.mean(0).max(1), p.mean(0).argmax(1)
    purified = ~above.any(0) & (sure > 0.9)
    rows = above.any(0) | purified
    for view in range(2):
        log_p = np.log(p[view])[np.arange(B), GIVEN]
        hard = above.any(0) & ~above.all(0)
        total += (w * (hard * (1 - np.exp(0.7 * log_p)) / 0.7 - above.all(0) * log_p)).sum() / B
        for row in np.flatnonzero(rows):
            at = view * B + row
            for part, one in ((share[0, at], row), (1 - share[0, at], partner[0, at] - view * B)):
                label = said[one] if purified[one] else GIVEN[one]
                total -= part * (1.0 if purified[one] else w[one]) * log_softmax(z[0, at])[label] / rows.sum()
    return total


def started(loss: Loss, **values: Any) -> Loss:
    """A loss that has begun, and what it knows then."""
    store = DynamicsStore([Pass("a", k, 0) for k in range(7)], N)
    for k in range(5):
        prediction = np.random.default_rng(k).integers(0, K, N)
        store.write(k, {"prediction": prediction, "loss": np.ones(N), "margin": np.zeros(N)})
    store.evaluation = np.random.default_rng(0).random((2, N)).astype(np.float32)
    store.probabilities = SOFT[None]
    target = np.zeros(N, dtype=np.int64)
    target[INDEX] = GIVEN
    loss.begin(store, target, K, CPU)
    return with_values(loss, **values)


def with_values(loss: Loss, **values: Any) -> Loss:
    """A loss that knows these."""
    for name, value in values.items():
        setattr(loss, name, value)
    return loss


def distillation() -> Loss:
    loss = Distillation(lambda *_: pytest.fail("not asked"))
    loss.probabilities = torch.tensor(SOFT)
    return loss


def forward() -> Loss:
    loss = started(ForwardCorrection(RememberingCrossEntropy(), 97.0))
    loss.load_state({"transition": T.tolist()})
    return loss


def ido() -> Loss:
    clean = torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64)[:, None, None].expand(K, 8, 8)
    return started(DynamicLoss(IDO(burn_in=0)), clean_weight=clean)


def self_training() -> Loss:
    loss = SelfTrainingLoss(Cosine())
    loss.sure, loss.soft = torch.tensor(SURE), torch.tensor(SOFT)
    return loss


def selecting() -> Loss:
    loss = started(SelectedLoss(SED()), threshold=0.3, mean=np.zeros(K))
    loss.share = np.full(K, 1 / K)
    return loss


def sorting() -> Loss:
    loss = started(SortedLoss(DISC()))
    loss.tables = {"threshold": torch.full((2, N, 1), 0.4)}
    return loss


def tuning() -> Loss:
    loss = TunedCrossEntropy(0.05)
    loss.tables = {"weight": torch.tensor(CLEAN[0])[:, None]}
    return loss


def small(kind: type, options: Any) -> Loss:
    return started(kind(options), epoch=1, rate=1 / 3)


@dataclass(frozen=True)
class Case:
    """A loss, the shape of the logits that carry gradients, and what pulls to labels in it, times weights."""

    make: Callable[[], Loss]
    shape: tuple[int, ...]
    labels: Callable[[np.ndarray, np.ndarray, list], float]
    views: int = 1  # of the unmixed rows

    @property
    def mixes(self) -> bool:
        return len(self.shape) == 3


SINGLE, PAIR = (1, 1, B, K), (2, 1, B, K)
CASES = {
    "ce": Case(CrossEntropy, (2, 2, B, K), plain),
    "forward, stage 1": Case(lambda: started(RememberingCrossEntropy()), SINGLE, plain),
    "co_regularization": Case(lambda: started(CoRegularised(5.0, warmup=0)), PAIR, plain),
    "divide_mix, warm-up": Case(PenalisedCrossEntropy, PAIR, plain),
    "elr": Case(lambda: started(EarlyLearningLoss(0.7, 3.0)), SINGLE, plain),
    "lccn, warm-up": Case(lambda: started(LatentLabels(1, 1.0)), SINGLE, plain),
    "lccn": Case(lambda: started(LatentLabels(0, 1.0)), SINGLE, of_drawn),
    "turn": Case(
        lambda: with_values(CleansedCrossEntropy(0.7, 0.6), weight=torch.tensor(CLEAN[0])), SINGLE, cleansed
    ),
    "panel": Case(OpinionCrossEntropy, SINGLE, of_soft),
    "npc and dygen, last": Case(distillation, SINGLE, of_soft),
    "gce": Case(lambda: GeneralisedCrossEntropy(0.7), SINGLE, of_powers),
    "sce": Case(lambda: SymmetricCrossEntropy(SCE()), SINGLE, symmetric),
    "forward": Case(forward, SINGLE, corrected_forward),
    "ido": Case(ido, (1, 2, B, K), dynamic),
    "co_teaching": Case(lambda: small(ExchangeLoss, CoTeaching()), PAIR, exchanged),
    "jocor": Case(lambda: small(JointLoss, JoCoR()), PAIR, joint),
    "mixup": Case(lambda: MixedCrossEntropy(1.0), (1, B, K), mixed),
    "m_correction": Case(
        lambda: started(CorrectedLoss(MCorrection()), wrong=torch.tensor(WRONG)), (1, B, K), corrected
    ),
    "sop": Case(lambda: started(SparseErrorLoss(SOP())), (1, 2, B, K), explained_away),
    "divide_mix": Case(
        lambda: started(DividedLoss(DivideMix(unlabelled_weight=25)), clean=torch.tensor(CLEAN), epoch=1),
        (2, 2 * B, K), divided, views=2,
    ),
    "selfmix": Case(
        lambda: started(SelfMixLoss(SelfMix()), clean=torch.tensor(CLEAN[0])), (1, 2 * B, K), self_mixed, views=2
    ),
    "sed": Case(selecting, (1, 2, B, K), selected),
    "disc": Case(sorting, (1, 2 * B, K), sorted_rows, views=2),
    "cosine": Case(self_training, SINGLE, self_taught),
    "rlap": Case(tuning, SINGLE, cleansed),
    "nmtune": Case(lambda: ReshapedLoss(NMTune()), (1, 2, B, K), plain),
}  # fmt: skip


def evaluated(case, z, weight):
    """The loss of a fresh one with fixed draws, its gradient, and what it drew."""
    torch.manual_seed(0)
    point, drawn = torch.tensor(z, requires_grad=True), []

    def give(partner, share):
        drawn.append((partner.numpy(), share.numpy().astype(np.float64)))
        return point

    seen = torch.tensor(SAID[: len(z), : case.views]) if case.mixes else point
    batch = Batch(
        torch.tensor(INDEX),
        torch.tensor(GIVEN),
        seen,
        give,
        weight=None if weight is None else torch.tensor(weight),
        opinion=torch.tensor(SOFT[INDEX]),
        features=torch.tensor(READ[: len(z)]),
        unshaped=torch.tensor(READ[: len(z)] ** 3),
        teacher=torch.tensor(TAUGHT[: len(z)]),
    )
    value = case.make()(batch)
    (gradient,) = torch.autograd.grad(value, point)
    return float(value.detach()), gradient.numpy(), drawn


@pytest.mark.parametrize("name", CASES)
def test_weights_change_what_pulls_to_labels_and_nothing_else(name):
    """With weights less without: what the labels' part, written by loops, says of the weights less 1."""
    case = CASES[name]
    z = np.random.default_rng(1).normal(0, 1.5, case.shape)
    bare, slope, drawn = evaluated(case, z, None)
    value, gradient, again = evaluated(case, z, WEIGHT)
    np.testing.assert_equal(again, drawn)

    def added(point):
        return case.labels(point, WEIGHT, drawn) - case.labels(point, np.ones(B), drawn)

    assert abs(added(z)) > 0.01
    assert value - bare == pytest.approx(added(z), rel=1e-5, abs=1e-6)
    np.testing.assert_allclose(gradient - slope, numerical_gradient(added, z), atol=2e-6)


@pytest.mark.parametrize("name", CASES)
def test_weights_of_one_are_no_weights(name):
    case = CASES[name]
    z = np.random.default_rng(2).normal(0, 1.5, case.shape)
    bare, slope, _ = evaluated(case, z, None)
    value, gradient, _ = evaluated(case, z, np.ones(B))
    assert value == pytest.approx(bare, rel=1e-12)
    np.testing.assert_allclose(gradient, slope, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ["ce", "panel", "npc and dygen, last", "gce", "sce", "forward"])
def test_a_row_of_weight_two_is_that_row_twice(name):
    """Of losses that are a mean over rows and nothing else."""
    case, twice = CASES[name], [0, 1, 1, 2, 3, 4, 5]
    z = np.random.default_rng(3).normal(0, 1.5, case.shape)
    value, gradient, _ = evaluated(case, z, np.array([1.0, 2.0, 1.0, 1.0, 1.0, 1.0]))
    point = torch.tensor(z, requires_grad=True)
    repeated = Batch(
        torch.tensor(INDEX[twice]), torch.tensor(GIVEN[twice]), point[:, :, twice],
        opinion=torch.tensor(SOFT[INDEX[twice]]),
    )  # fmt: skip
    wanted = case.make()(repeated) * 7 / 6
    assert value == pytest.approx(float(wanted.detach()), rel=1e-6)
    np.testing.assert_allclose(gradient, torch.autograd.grad(wanted, point)[0].numpy(), rtol=1e-5, atol=1e-8)


ROWS, FEATURES = 600, 6


def one_sided(seed=0):
    """Features of three clouds of one size, their classes, and labels of which a rule gave 60 % of two classes to one.

    Class 0 then has 73 % of the labels, and most rows of every class are labelled so.
    """
    random = np.random.default_rng(seed)
    true = np.arange(ROWS) % 3
    centres = random.normal(0, 1.5, (3, FEATURES))
    matrix = (centres[true] + random.normal(size=(ROWS, FEATURES))).astype(np.float32)
    return matrix, true, np.where(random.random(ROWS) < 0.6, 0, true)


def learnt(name, balance):
    """The share of rows whose true class the network of a method predicts."""
    matrix, true, labels = one_sided()
    settings = TrainingSettings(batch_size=32, learning_rate=0.01, precision="fp32", device="cpu", balance=balance)
    inputs, scale = FeatureInputs(matrix), standardisation(matrix)
    method = METHODS[name].make()
    asked = {"opinion": opinion_for(method, matrix, labels, 3), "worth": worth_for(method, matrix, labels, 3)}
    loop = Loop(lambda: FeatureNetwork(*scale, 3), inputs, labels, np.arange(ROWS), 3, settings, **asked)
    network, _ = loop.run(method.stages())
    found = outputs(MeanProbabilities(network), inputs, 3, make_accelerator("cpu", "fp32"))
    return np.mean(found.argmax(1) == true)


FEW = {"ce", "ido"}
SEE_THROUGH_IT = {
    "panel",
    "dygen",
    "npc",
    "forward",
    "m_correction",
    "divide_mix",
    "lccn",
    "divide_lccn",
    "turn",  # which balances in any case
    "selfmix",
    "cosine",
    "unicon",
    "osa",
    "rlap",
    "sed",  # in part
}  # by themselves, on clouds as clear as these


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in FEW else pytest.mark.sweep) for name in METHODS]
)
def test_a_class_that_swallows_the_others_is_not_learnt_where_classes_are_balanced(name):
    plain, balanced = learnt(name, "none"), learnt(name, "classes")
    assert balanced > 0.85
    if name not in SEE_THROUGH_IT:
        assert plain < 0.6
