"""Autoencoders with random weights, and their formulas by numpy, for tests of what they are and of what they say."""

import numpy as np
import torch

from mislabel.posterior.autoencoder import DirichletAutoencoder
from mislabel.posterior.dirichlet import divergence


def make_model(dimension=4, classes=3, seed=0):
    """Random weights, mean and scale, in float64."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    mean, scale = torch.from_numpy(random.normal(size=dimension)), torch.from_numpy(random.uniform(1, 3, dimension))
    model = DirichletAutoencoder(mean, scale, classes).double()
    for parameter in model.parameters():
        parameter.data.normal_(0, 1.5)
    return model


def softplus(x):
    return np.logaddexp(0, x)


def concentration_by_hand(model, trajectory, label):
    """From one raw trajectory and a label's code."""
    w = (trajectory - model.mean.numpy()) / model.scale.numpy()
    read = np.concatenate([w, np.eye(model.classes)[label]])
    weight, bias = (part.detach().numpy() for part in (model.encoder.weight, model.encoder.bias))
    return softplus(weight @ read + bias) + 1 + 1 / model.classes


def kl(one, other, sampler):
    a, b = (torch.as_tensor(part, dtype=torch.float64)[None] for part in (one, other))
    return float(divergence(a, b, sampler)[0])


def close_to_mean(values, wanted):
    """Within five standard errors."""
    error = values.std(0, ddof=1) / np.sqrt(len(values))
    np.testing.assert_array_less(np.abs(values.mean(0) - wanted), 5 * error + 1e-12)
