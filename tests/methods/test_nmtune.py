"""NMTune: each term by loops, its gradient by differences, the published terms by another library, and a whole run."""

import numpy as np
import pytest
import torch
from helpers import log_softmax, numerical_gradient
from safetensors.numpy import load_file
from small_loop import CLASSES, FEATURES, ROWS, Plain, data, make_loop, weights

from mislabel import FeatureClassifier, ImageClassifier, InputError, RunError
from mislabel.methods._losses import CrossEntropy
from mislabel.methods.nmtune import NMTune, ReshapedLoss, apart, covariance, strongest
from mislabel.modalities.vectors import FeatureNetwork, standardisation
from mislabel.training.losses import Batch
from mislabel.training.reshaping import Reshaping
from mislabel.training.stages import Stage

B, D = 4, 6
GIVEN = np.array([0, 2, 1, 1])
WEIGHT = np.array([2.0, 1.0, 0.25, 0.75])
HEAD = np.random.default_rng(5).normal(size=(D, CLASSES))
BEFORE = np.random.default_rng(6).normal(size=(2, B, D))


def by_loops(z, options, weight):
    """L of reshaped features (2, b, D), of which a fixed linear layer makes logits."""
    log_p, (views, rows, dimension) = log_softmax(z @ HEAD), z.shape
    fit = -sum(weight[i] * log_p[v, i, GIVEN[i]] for v in range(views) for i in range(rows)) / (views * rows)
    pull = 0.0
    for i in range(rows):
        now, once = z[1, i] / np.linalg.norm(z[1, i]), BEFORE[0, i] / np.linalg.norm(BEFORE[0, i])
        pull += sum((now[j] - once[j]) ** 2 for j in range(dimension)) / (rows * dimension)
    both = z.reshape(-1, dimension)
    c = np.cov(both, rowvar=False)
    repeated = sum(c[j, k] ** 2 for j in range(dimension) for k in range(dimension) if j != k) / dimension
    sigma = np.linalg.svd(both, compute_uv=False)
    largest = sum(sorted(sigma)[-5:]) / (min(5, len(sigma)) * sum(sigma))
    return (
        fit + options.consistency_weight * pull + options.covariance_weight * repeated
        - options.spectrum_weight * largest
    )  # fmt: skip


@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("options", [NMTune(), NMTune(consistency_weight=3, covariance_weight=0.7, spectrum_weight=2)])
def test_loss_and_gradient_by_loops(options, weight):
    z = np.random.default_rng(1).normal(size=(2, B, D))
    point = torch.tensor(z, requires_grad=True)
    loss = ReshapedLoss(options)
    # Terms are computed in single precision; a loss of double precision would hide nothing of it.
    batch = Batch(
        torch.arange(B), torch.tensor(GIVEN), (point @ torch.tensor(HEAD))[None], features=point[None],
        unshaped=torch.tensor(BEFORE)[None], weight=None if weight is None else torch.tensor(weight),
    )  # fmt: skip
    value = loss(batch)
    (gradient,) = torch.autograd.grad(value, point)
    of = np.ones(B) if weight is None else weight
    assert float(value.detach()) == pytest.approx(by_loops(z, options, of), rel=1e-6)
    np.testing.assert_allclose(gradient.numpy(), numerical_gradient(lambda x: by_loops(x, options, of), z), atol=2e-6)


@pytest.mark.parametrize("shape", [(3, 7), (7, 3), (2, 2), (9, 1)])
def test_covariance_of_many_and_of_few_rows(shape):
    """Either way the products are taken, the sum is that over the matrix of covariances."""
    z = np.random.default_rng(2).normal(size=shape)
    c = np.atleast_2d(np.cov(z, rowvar=False))
    wanted = (np.sum(c**2) - np.sum(np.diag(c) ** 2)) / shape[1]
    assert float(covariance(torch.tensor(z))) == pytest.approx(wanted, abs=1e-12)


def test_terms_by_hand():
    """Two features that say the same have a covariance of 2; a row that turned by a right angle is two units off."""
    assert float(covariance(torch.tensor([[1.0, 1.0], [-1.0, -1.0]]))) == pytest.approx(2**2 * 2 / 2)
    assert float(covariance(torch.tensor([[1.0, 2.0]]))) == 0  # a single row varies in nothing
    assert float(apart(torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 5.0]]))) == pytest.approx(1)
    assert float(strongest(torch.diag(torch.tensor([6.0, 2, 1, 1, 0, 0, 0])))) == pytest.approx(10 / 5 / 10)
    assert float(strongest(torch.diag(torch.tensor([3.0, 1.0])))) == pytest.approx(1 / 2)
    assert float(strongest(torch.zeros(4, 3))) == 0


def test_rows_that_stand_in_for_nothing_give_a_gradient():
    """Equal rows, and rows of zeros, as a network may make them: every term has a finite slope there."""
    for z in (torch.ones(2, 3, 4), torch.zeros(2, 3, 4)):
        point = z.requires_grad_()
        value = apart(point[1], torch.zeros(3, 4)) + covariance(point.flatten(0, 1)) - strongest(point.flatten(0, 1))
        (gradient,) = torch.autograd.grad(value, point)
        assert torch.isfinite(gradient).all()


def test_reshaping_by_hand():
    """z = f + a g(f), and a = 0 changes nothing."""
    torch.manual_seed(0)
    module, f = Reshaping(3), torch.randn(5, 3)
    assert [Reshaping(d).layers[0].out_features for d in (3, 384, 4000)] == [256, 1536, 8192]
    first, norm, _, last = module.layers
    hidden = f.numpy() @ first.weight.detach().numpy().T + first.bias.detach().numpy()
    hidden = (hidden - hidden.mean(1, keepdims=True)) / np.sqrt(hidden.var(1, keepdims=True) + norm.eps)
    g = np.maximum(hidden, 0) @ last.weight.detach().numpy().T + last.bias.detach().numpy()
    np.testing.assert_allclose(module(f).detach().numpy(), f.numpy() + g, atol=1e-5)
    with torch.no_grad():
        module.amount.zero_()
    torch.testing.assert_close(module(f), f, rtol=0, atol=0)


class Watching(ReshapedLoss):
    """Keeps what it was given."""

    def __init__(self):
        super().__init__(NMTune())
        self.seen = []

    def __call__(self, batch):
        self.seen.append(batch)
        return super().__call__(batch)


def test_the_loss_sees_standardised_features_that_stay_as_they_are():
    matrix, _ = data()
    loss = Watching()
    make_loop(lambda: FeatureNetwork(*standardisation(matrix), CLASSES)).run(
        [Stage("train", 2, loss, views=2, features=True, reshapes=True)]
    )
    standard = (matrix - matrix.mean(0)) / matrix.std(0)
    for batch in loss.seen:
        assert not batch.unshaped.requires_grad
        assert batch.features.shape == batch.unshaped.shape == (1, 2, len(batch.index), FEATURES)
        np.testing.assert_allclose(batch.unshaped[0, 0].numpy(), standard[batch.index.numpy()], atol=1e-5)
        assert not torch.equal(batch.unshaped[0, 0], batch.unshaped[0, 1])
    assert sum(len(batch.index) for batch in loss.seen) == 2 * ROWS


def test_a_network_is_changed_where_a_stage_asks_alone():
    def build():
        return FeatureNetwork(*standardisation(data()[0]), CLASSES)

    plain, _ = make_loop(build).run([Stage("a", 1, CrossEntropy())])
    assert weights(plain.networks[0]).keys() == build().state_dict().keys()
    stages = [Stage("a", 1, CrossEntropy()), Stage("b", 1, ReshapedLoss(NMTune()), 2, features=True, reshapes=True)]
    changed, _ = make_loop(build).run(stages)
    assert "layers.0.amount" in changed.networks[0].state_dict()


def test_stages_that_cannot_be_are_refused():
    whole = Stage("b", 1, ReshapedLoss(NMTune()), views=2, features=True, reshapes=True, start="last")
    with pytest.raises(ValueError, match="stage b goes on from stage a: both reshape features, or neither"):
        make_loop().run([Stage("a", 1, CrossEntropy()), whole])
    with pytest.raises(ValueError, match="stage c reshapes features: its branches need networks of their own"):
        make_loop().run([Stage("c", 1, CrossEntropy(), branches=2, shared=True, reshapes=True)])

    class Fixed(Plain):
        reshape = None

    with pytest.raises(RunError, match=r"Fixed has no reshape\(\) that says where: choose another method"):
        make_loop(Fixed).run(NMTune(epochs=1).stages())


@pytest.mark.slow
def test_a_saved_head_predicts_as_it_did(tmp_path):
    points, labels = data()
    fitted = FeatureClassifier(method="nmtune", options={"epochs": 3}, device="cpu").fit(points, labels)
    wanted = fitted.predict_proba(points)
    fitted.save(tmp_path / "run")
    assert "layers.0.amount" in load_file(tmp_path / "run" / "model" / "head.safetensors")
    np.testing.assert_array_equal(FeatureClassifier.load(tmp_path / "run").predict_proba(points), wanted)


@pytest.mark.parametrize(("how", "fix"), [
    ({"scratch": "resnet-small"}, "give a pretrained --backbone in place of --scratch, with --tune head, or another"),
    ({}, "use --tune head, or another --method"),
])  # fmt: skip
def test_whole_networks_are_refused(how, fix, make_images):
    pixels, frame = make_images(20)
    with pytest.raises(
        InputError, match="--method nmtune reshapes the features of an encoder that stays as it is.*" + fix
    ):
        ImageClassifier(method="nmtune", resolution=16, **how).fit(pixels, frame["label"])
