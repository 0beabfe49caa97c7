"""Every method through the loop: planted flips are found, and a run that was stopped goes on as if it had not been."""

import numpy as np
import pytest
import torch
from helpers import StopAfter, opinion_for, worth_for
from sklearn.metrics import roc_auc_score

from mislabel.methods import METHODS
from mislabel.modalities.vectors import FeatureInputs, FeatureNetwork, standardisation
from mislabel.training.device import make_accelerator
from mislabel.training.inference import MeanProbabilities, outputs
from mislabel.training.loop import Loop
from mislabel.training.training_settings import TrainingSettings

ROWS, FEATURES, CLASSES, BATCH, FLIPPED = 400, 8, 3, 16, 0.3
SETTINGS = TrainingSettings(batch_size=BATCH, learning_rate=0.01, precision="fp32", device="cpu")


def planted():
    """Features of three clouds, labels of which 30 % are another class at random, and which."""
    random = np.random.default_rng(0)
    true = random.integers(0, CLASSES, ROWS)
    centres = random.normal(0, 1.5, (CLASSES, FEATURES))
    matrix = (centres[true] + random.normal(size=(ROWS, FEATURES))).astype(np.float32)
    flipped = np.zeros(ROWS, bool)
    flipped[random.permutation(ROWS)[: int(FLIPPED * ROWS)]] = True
    given = np.where(flipped, (true + random.integers(1, CLASSES, ROWS)) % CLASSES, true)
    return matrix, given, flipped


def trained(name, folder=None, interrupted=lambda: False, resume=False):
    """Weights and the posterior."""
    matrix, given, _ = planted()
    method, inputs = METHODS[name].make(), FeatureInputs(matrix, *standardisation(matrix))
    loop = Loop(
        lambda: FeatureNetwork(*standardisation(matrix), CLASSES), inputs, given, np.arange(ROWS), CLASSES, SETTINGS,
        folder=folder, weights=folder / "weights" if folder else None, interrupted=interrupted,
        opinion=opinion_for(method, matrix, given, CLASSES), worth=worth_for(method, matrix, given, CLASSES),
    )  # fmt: skip
    stages = method.stages()
    network, dynamics = loop.run(stages, resume=resume)
    weights = {key: value.clone() for key, value in network.state_dict().items()}
    found = outputs(MeanProbabilities(network), inputs, CLASSES, make_accelerator("cpu", "fp32"))
    return weights, method.posterior(stages, dynamics, given, found).probabilities


@pytest.fixture(scope="module")
def whole():
    """Trained once by name, however many tests ask."""
    done = {}

    def get(name):
        if name not in done:
            done[name] = trained(name)
        return done[name]

    return get


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_planted_flips_are_found(name, whole):
    _, given, flipped = planted()
    _, posterior = whole(name)
    assert posterior.shape == (ROWS, CLASSES)
    assert np.isfinite(posterior).all()
    np.testing.assert_allclose(posterior.sum(1), 1, atol=1e-5)
    assert roc_auc_score(flipped, 1 - posterior[np.arange(ROWS), given]) > 0.8


GRID = [(name, part) for name in METHODS for part in (0.5, 0.8)]
DIAGONAL = {("ido", 0.5), ("elr", 0.8), ("divide_mix", 0.5)}


@pytest.mark.parametrize(
    ("name", "part"), [pytest.param(*one, marks=[] if one in DIAGONAL else pytest.mark.sweep) for one in GRID]
)
def test_stopped_and_continued_is_as_never_stopped(name, part, whole, tmp_path):
    steps = -(-ROWS // BATCH) * sum(stage.epochs for stage in METHODS[name].make().stages())
    with pytest.raises(KeyboardInterrupt):
        trained(name, tmp_path, StopAfter(int(part * steps)))
    weights, posterior = trained(name, tmp_path, resume=True)
    wanted, other = whole(name)
    assert weights.keys() == wanted.keys()
    for key, value in wanted.items():
        assert torch.equal(weights[key], value), key
    np.testing.assert_array_equal(posterior, other)
