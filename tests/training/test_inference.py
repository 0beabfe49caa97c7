"""What a network gives for every row: in which precision, in which batches, and what is said of it meanwhile."""

import numpy as np
import pytest
import torch
from small_loop import CLASSES, ROWS, data, with_dropout

from mislabel.modalities.vectors import FeatureInputs, FeatureNetwork, standardisation
from mislabel.posterior.likeliest import KEPT
from mislabel.training.branches import last_linear, make_branches
from mislabel.training.device import make_accelerator
from mislabel.training.inference import (
    Final,
    MeanProbabilities,
    likeliest_outputs,
    outputs,
    probabilities_and_embeddings,
)
from mislabel.training.progress import Quiet

MATRIX = torch.from_numpy(data()[0])
INPUTS = FeatureInputs(MATRIX.numpy())


class Heard(Quiet):
    """Keeps what it is told."""

    def __init__(self):
        self.told = []

    def begin(self, description, total):
        self.told.append((description, total))

    def advance(self, loss=None, by=1):
        self.told.append(by)

    def end(self):
        self.told.append("end")


@pytest.fixture
def branches():
    torch.manual_seed(0)
    return make_branches(with_dropout, 2, shared=False)


def mean_of_softmax(branches):
    """In evaluation mode, (ROWS, CLASSES)."""
    with torch.no_grad():
        logits = [network.eval()({"features": MATRIX}).float() for network in branches.networks]
    return np.mean([z.softmax(-1).numpy() for z in logits], axis=0)


def test_full_precision_unless_it_is_said_otherwise(branches):
    """Also where training multiplies in half."""
    accelerator, network = make_accelerator("cpu", "bf16"), MeanProbabilities(branches)
    exact = mean_of_softmax(branches)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = mean_of_softmax(branches)
    assert np.abs(exact - half).max() > 1e-4  # or the test shows nothing
    found = outputs(network.train(), INPUTS, CLASSES, accelerator)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, exact, atol=1e-6)
    np.testing.assert_allclose(outputs(network, INPUTS, CLASSES, accelerator, low_precision=True), half, atol=1e-6)


def test_batches_are_told_one_by_one(branches):
    heard, accelerator = Heard(), make_accelerator("cpu", "fp32")
    found = outputs(MeanProbabilities(branches), INPUTS, CLASSES, accelerator, batch_size=7, progress=heard)
    np.testing.assert_allclose(found, mean_of_softmax(branches), atol=1e-6)
    assert heard.told == [("predict", 6), 1, 1, 1, 1, 1, 1, "end"]  # forty rows


def test_probabilities_and_embeddings_from_one_pass(branches):
    """The embedding is the first network's, and what half precision cannot hold becomes its largest number."""
    accelerator, first = make_accelerator("cpu", "bf16"), branches.networks[0]
    last = last_linear(first)
    with torch.no_grad():
        first.layers[1].bias[:2] += torch.tensor([1e6, 0.0])
        last.weight[:, 0] = 0
    probabilities, embeddings = probabilities_and_embeddings(
        branches, INPUTS, CLASSES, last.in_features, accelerator, progress=Quiet()
    )
    np.testing.assert_allclose(probabilities, mean_of_softmax(branches), atol=1e-6)
    with torch.no_grad():
        standard = (MATRIX - first.mean) / first.scale
        wanted = torch.nn.functional.gelu(first.layers[1](standard)).numpy()
    assert embeddings.dtype == np.float16
    assert embeddings.shape == (ROWS, last.in_features)
    assert (embeddings[:, 0] == 65504).all()
    np.testing.assert_allclose(embeddings[:, 1:], wanted[:, 1:], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("embedded", [False, True])
def test_of_many_classes_the_likeliest_and_the_given_one(embedded):
    """Beside the whole array: 50 classes, of which 32 are kept, rows of several batches, some without a label."""
    torch.manual_seed(0)
    classes, random = 50, np.random.default_rng(0)
    matrix = random.normal(size=(300, 5)).astype(np.float32)
    given = np.where(np.arange(300) % 7 == 0, -1, random.integers(0, classes, 300))
    branches = make_branches(lambda: FeatureNetwork(*standardisation(matrix), classes), 2, shared=False)
    dimension = last_linear(branches.networks[0]).in_features
    accelerator, inputs = make_accelerator("cpu", "fp32"), FeatureInputs(matrix)
    whole, embeddings = probabilities_and_embeddings(
        branches, inputs, classes, dimension, accelerator, progress=Quiet()
    )
    network, width = (Final(branches), dimension) if embedded else (MeanProbabilities(branches), 0)
    kept, beside = likeliest_outputs(network, inputs, classes, given, width, accelerator, progress=Quiet())
    assert kept.shape == whole.shape
    codes = kept.kept["codes"].astype(np.int64)
    assert all(len(set(line)) == KEPT for line in codes.tolist())
    np.testing.assert_allclose(kept.kept["values"], np.take_along_axis(whole, codes, axis=1), atol=1e-6)
    np.testing.assert_allclose(kept.kept["rest"], 1 - kept.kept["values"].sum(1), atol=1e-6)
    for row, label in enumerate(given.tolist()):
        likeliest = set(np.argsort(-whole[row])[: KEPT if label < 0 else KEPT - 1].tolist())
        assert likeliest | ({label} - {-1}) <= set(codes[row].tolist())
    if embedded:
        np.testing.assert_array_equal(beside, embeddings)
    else:
        assert beside is None
