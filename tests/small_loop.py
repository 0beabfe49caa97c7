"""A small problem and a loop to train on it, for tests of the loop and of the methods."""

import numpy as np
import torch
from torch import nn

from mislabel.modalities.vectors import FeatureInputs, FeatureNetwork, standardisation
from mislabel.training import evaluation
from mislabel.training.loop import Loop
from mislabel.training.training_settings import TrainingSettings

ROWS, FEATURES, CLASSES = 40, 5, 3
IDS = np.array([f"id{k}" for k in range(ROWS)], dtype=object)


class Plain(nn.Module):
    """Two layers with a norm between, and no dropout."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(FEATURES, 8), nn.LayerNorm(8), nn.Tanh(), nn.Linear(8, CLASSES))

    def forward(self, inputs):
        return self.layers(inputs["features"])


class WithEncoder(nn.Module):
    """What says which part of it is pretrained; that part has dropout, and a norm that counts the batches."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(FEATURES, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.5))
        self.head = nn.Linear(8, CLASSES)

    def forward(self, inputs):
        return self.head(self.encoder(inputs["features"]))


def data(seed=0):
    random = np.random.default_rng(seed)
    labels = random.integers(0, CLASSES, ROWS)
    centres = random.normal(0, 2, (CLASSES, FEATURES))
    return (centres[labels] + random.normal(size=(ROWS, FEATURES))).astype(np.float32), labels


def make_loop(build=Plain, *, folder=None, beside=None, interrupted=lambda: False, **settings):
    matrix, labels = data()
    chosen = TrainingSettings(**({"batch_size": 8, "learning_rate": 0.01, "precision": "fp32"} | settings))
    return Loop(
        build, FeatureInputs(matrix), labels, IDS, CLASSES, chosen,
        folder=folder, beside=beside, interrupted=interrupted,
    )  # fmt: skip


def with_dropout():
    return FeatureNetwork(*standardisation(data()[0]), CLASSES)


def weights(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def assert_same_weights(one, other, **tolerance):
    for name, value in one.items():
        torch.testing.assert_close(other[name], value, **(tolerance or {"rtol": 0, "atol": 0}))


def watch_held(monkeypatch):
    """The rows that each stage of a loop holds back from training, (ROWS,) bool each, as they are drawn."""
    drawn = []

    def held_back(*arguments):
        drawn.append(evaluation.held_back(*arguments))
        return drawn[-1]

    monkeypatch.setattr("mislabel.training.loop.held_back", held_back)
    return drawn
