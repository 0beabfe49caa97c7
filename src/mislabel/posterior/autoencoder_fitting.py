"""Fits the generative models of all branches together, on mini-batches, with Adam."""

# Some of torch's functions have no types.
# pyright: reportUnknownMemberType=false
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mislabel.posterior.autoencoder import DirichletAutoencoder, negative_elbo
from mislabel.posterior.dirichlet import mode
from mislabel.posterior.disagreement import disagreement

NUMBERS_AT_ONCE = 2**20  # of float32 values that one step of a long sum holds: 4 MB
HELD_OUT = 0.1

Features = Callable[[int, np.ndarray], np.ndarray]  # from a branch and positions (b,) int64 to (b, D) float32


@dataclass(frozen=True)
class Fitting:
    """How generative models are fitted.

    Attributes
    ----------
    passes : int
        Over the rows; more where they make fewer than `fewest_steps` of Adam, since ten passes leave a few hundred rows
        undecided.
    fewest_steps : int
    select : bool
        Whether to keep the weights of the pass with the largest ELBO on a tenth of the rows that is held out, instead
        of those of the last pass. No gold label is needed: the ELBO speaks of the labels fed.
    beta : float
        Weight of the KL term.
    co_regularisation : float
        lambda_2, weight of the agreement between branches; zero over the first `warmup` of the passes.
    warmup : float
    sampler : "dirichlet" or "gamma"
        Exact reparameterisation and KL of the Dirichlet distribution, or the paper's code: independent Gamma(a, 1)
        variables by an approximate inverse of their distribution, not brought to the simplex, and their KL.
    learning_rate : float
        Of Adam.
    batch_size : int
    seed : int
    """

    passes: int = 10
    fewest_steps: int = 500
    select: bool = False
    beta: float = 1.0
    co_regularisation: float = 1.0
    warmup: float = 0.1
    sampler: Literal["dirichlet", "gamma"] = "dirichlet"
    learning_rate: float = 1e-3
    batch_size: int = 64
    seed: int = 0


@dataclass(frozen=True)
class FittingRows:
    """What n rows show the generative models.

    Attributes
    ----------
    features : callable
        From a branch and positions (b,) int64 to trajectories (b, D) float32.
    labels : (branches, n) int64
        What is fed as yh.
    priors : (branches, n, C) float32
        Concentrations of the prior.
    """

    features: Features
    labels: np.ndarray
    priors: np.ndarray


def fit_generative(
    features: Features, labels: np.ndarray, priors: np.ndarray, fitting: Fitting
) -> list[DirichletAutoencoder]:
    """Fit one model per branch, together.

    Parameters
    ----------
    features, labels, priors
        See `FittingRows`.
    fitting : Fitting

    Returns
    -------
    list of DirichletAutoencoder
        In evaluation mode.
    """
    rows, (branches, n, _) = FittingRows(features, labels, priors), priors.shape
    random = np.random.default_rng([fitting.seed, branches, n])
    order = random.permutation(n)
    held = np.sort(order[: int(HELD_OUT * n)] if fitting.select else order[:0])
    training = np.sort(order[len(held) :])
    passes = max(fitting.passes, -(-fitting.fewest_steps // -(-len(training) // fitting.batch_size)))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(fitting.seed)
        models = _new_models(rows)
        optimizer = torch.optim.Adam([p for model in models for p in model.parameters()], lr=fitting.learning_rate)
        best, kept = np.inf, [model.state_dict() for model in models]
        for number in range(passes):
            weight = fitting.co_regularisation if number >= fitting.warmup * passes else 0.0
            _fit_pass(models, optimizer, rows, random.permutation(training), weight, fitting)
            if len(held):
                with torch.no_grad():
                    loss = float(_losses(models, rows, held, fitting)[0].mean())
                if loss < best:
                    best = loss
                    kept = [{name: value.clone() for name, value in model.state_dict().items()} for model in models]
    if len(held):
        for model, state in zip(models, kept, strict=True):
            model.load_state_dict(state)
    return [model.eval() for model in models]


def _new_models(rows: FittingRows) -> list[DirichletAutoencoder]:
    """A model per branch, whose q starts at the prior's size: from 0, many classes stay undecided long."""
    branches, n, classes = rows.priors.shape
    models = [DirichletAutoencoder(*standardisation(rows.features, k, n), classes) for k in range(branches)]
    for model, prior in zip(models, rows.priors, strict=True):
        mean = max(float((prior - 1 - 1 / classes).mean()), 1e-3)
        nn.init.constant_(model.encoder.bias, float(np.log(np.expm1(mean))))
    return models


def _fit_pass(
    models: list[DirichletAutoencoder],
    optimizer: torch.optim.Optimizer,
    rows: FittingRows,
    order: np.ndarray,
    weight: float,
    fitting: Fitting,
) -> None:
    """One pass over the rows at these positions (m,), in this order; `weight` is that of the branches' agreement."""
    for begin in range(0, len(order), fitting.batch_size):
        index = np.sort(order[begin : begin + fitting.batch_size])
        loss, concentrations = _losses(models, rows, index, fitting)
        total = loss.mean()
        if weight and len(models) > 1:
            total = total + weight * agreement(concentrations).mean()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()


def _losses(
    models: list[DirichletAutoencoder], rows: FittingRows, index: np.ndarray, fitting: Fitting
) -> tuple[Tensor, Tensor]:
    """-ELBO, mean over branches, (b,), and all concentrations, (branches, b, C)."""
    losses: list[Tensor] = []
    concentrations: list[Tensor] = []
    for branch, model in enumerate(models):
        w = model.standardise(torch.from_numpy(rows.features(branch, index)))
        label = functional.one_hot(torch.from_numpy(rows.labels[branch, index]), model.classes).float()
        prior = torch.from_numpy(rows.priors[branch, index])
        loss, a = negative_elbo(model, w, label, prior, fitting.sampler, fitting.beta)
        losses.append(loss)
        concentrations.append(a)
    return torch.stack(losses).mean(0), torch.stack(concentrations)


def agreement(concentrations: Tensor) -> Tensor:
    """l_cr2: mean over branches of KL(abar || a_m), a_m the modes of (branches, b, C) concentrations, per row (b,)."""
    return disagreement(mode(concentrations))


def standardisation(features: Features, branch: int, n: int) -> tuple[Tensor, Tensor]:
    """Mean of each feature, and its standard deviation times the root of their number, (D,) float32 each."""
    width = features(branch, np.arange(1)).shape[1]
    total, square, step = np.zeros(width), np.zeros(width), max(1, NUMBERS_AT_ONCE // width)
    for begin in range(0, n, step):
        part = features(branch, np.arange(begin, min(n, begin + step))).astype(np.float64)
        total, square = total + part.sum(0), square + (part**2).sum(0)
    mean = total / n
    deviation = np.sqrt(np.clip(square / n - mean**2, 0.0, None))
    scale = np.where(deviation > 1e-6, deviation, 1.0) * np.sqrt(len(mean))
    return torch.tensor(mean, dtype=torch.float32), torch.tensor(scale, dtype=torch.float32)
