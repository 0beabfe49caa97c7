"""The generative model of DyGen: a conditional autoencoder whose latent is the true label, Dirichlet distributed.

Zhuang et al., "DyGen: Learning from Noisy Labels via Dynamics-Enhanced Generative Modeling", KDD 2023,
arXiv 2305.19395; after NPC, arXiv 2205.00690. One model per branch, both parts a single linear layer:

    q(z | yh, w) = Dirichlet(a),  a = softplus(W [w; onehot(yh)] + b) + 1 + 1/C        the encoder
    p(yh | z, w) = softmax(V [w; z] + c)                                                the decoder
    -ELBO        = -E_q log p(yh | z, w) + beta KL(Dirichlet(a) || Dirichlet(a_prior))

w is a row's trajectory, yh its label as the classifier sees it, z a point of the simplex that says what the true label
may be, C the number of classes. Everything is float32: a few thousand weights, and digamma needs the digits.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Dirichlet, kl_divergence
from torch.nn import functional

from mislabel.dynamics.trajectory import Trajectory
from mislabel.posterior.temperature import best_power, sharpen

SMALLEST = 1e-5  # inside the logarithms of the co-regularisation, as in the paper's code
NUMBERS_AT_ONCE = 2**20  # of float32 values that one step of a long sum holds: 4 MB
HELD_OUT = 0.1


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


class DirichletAutoencoder(nn.Module):
    """Encoder and decoder of one branch.

    Parameters
    ----------
    mean, scale : (D,) float32
        Trajectories are standardised by these.
    classes : int
    """

    def __init__(self, mean: Tensor, scale: Tensor, classes: int):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.encoder = nn.Linear(len(mean) + classes, classes)
        self.decoder = nn.Linear(len(mean) + classes, classes)
        self.classes = classes

    mean: Tensor
    scale: Tensor

    def standardise(self, trajectory: Tensor) -> Tensor:
        """(b, D) float32 with mean 0 and variance 1 / D, so that a row has length 1 whatever D is."""
        return (trajectory - self.mean) / self.scale

    def concentration(self, w: Tensor, label: Tensor) -> Tensor:
        """a of q(z | yh, w), (b, C), all above 1, from standardised trajectories (b, D) and labels (b, C) one-hot."""
        return functional.softplus(self.encoder(torch.cat([w, label], dim=-1))) + 1 + 1 / self.classes

    def decode(self, w: Tensor, z: Tensor) -> Tensor:
        """Logits of p(yh | z, w), (b, C)."""
        return self.decoder(torch.cat([w, z], dim=-1))

    def per_label(self, w: Tensor) -> Tensor:
        """P(true = k | yh = j, w), the Dirichlet's mode, (b, C of yh, C of the true label); one product for all yh."""
        weight = self.encoder.weight
        split = weight.shape[1] - self.classes
        of_row = functional.linear(w, weight[:, :split], self.encoder.bias)
        a = functional.softplus(of_row.unsqueeze(1) + weight[:, split:].T) + 1 + 1 / self.classes
        return mode(a)


def mode(concentration: Tensor) -> Tensor:
    """(a - 1) / sum(a - 1) along the last axis; all a are above 1."""
    above = concentration - 1
    return above / above.sum(-1, keepdim=True)


def prior_concentration(probabilities: np.ndarray, strength: float) -> np.ndarray:
    """Concentration of the prior, strength x P(true = k) + 1 + 1 / C, of the same shape, float32."""
    return (strength * probabilities + 1 + 1 / probabilities.shape[-1]).astype(np.float32)


def sample(concentration: Tensor, sampler: str) -> Tensor:
    """A differentiable draw of z, of the shape of `concentration`."""
    if sampler == "dirichlet":
        return Dirichlet(concentration).rsample()
    u = torch.rand_like(concentration).clamp_min(1e-6)
    return torch.exp((u.log() + concentration.log() + concentration.lgamma()) / concentration)


def divergence(concentration: Tensor, prior: Tensor, sampler: str) -> Tensor:
    """KL(q || prior) per row, (b,): of Dirichlet distributions, or of products of Gamma(a, 1)."""
    if sampler == "dirichlet":
        return kl_divergence(Dirichlet(concentration), Dirichlet(prior))
    difference = (concentration - prior) * concentration.digamma()
    return (prior.lgamma() - concentration.lgamma() + difference).sum(-1)


def agreement(concentrations: Tensor) -> Tensor:
    """l_cr2: mean over branches of KL(abar || a_m), a_m the modes of (branches, b, C) concentrations, per row (b,)."""
    return disagreement(mode(concentrations))


def disagreement(probabilities: Tensor) -> Tensor:
    """Mean over branches of KL(pbar || p_m) per row, (b,), from probabilities p_m (branches, b, C); pbar is their mean.

    The co-regularisation of both stages: l_cr1 of the classifiers, l_cr2 of the generative models.
    """
    mean = probabilities.mean(0)
    return (mean * ((mean + SMALLEST).log() - (probabilities + SMALLEST).log())).sum(-1).mean(0)


def negative_elbo(
    model: DirichletAutoencoder, w: Tensor, label: Tensor, prior: Tensor, fitting: Fitting
) -> tuple[Tensor, Tensor]:
    """-ELBO per row by one draw of z, (b,), and the concentrations (b, C).

    Parameters
    ----------
    w : (b, D) float32
        Standardised.
    label : (b, C) float32
        One-hot.
    prior : (b, C) float32
        Concentration of the prior.
    """
    a = model.concentration(w, label)
    logits = model.decode(w, sample(a, fitting.sampler))
    reconstruction = -(label * logits.log_softmax(-1)).sum(-1)
    return reconstruction + fitting.beta * divergence(a, prior, fitting.sampler), a


def fit_generative(
    features: Callable[[int, np.ndarray], np.ndarray], labels: np.ndarray, priors: np.ndarray, fitting: Fitting
) -> list[DirichletAutoencoder]:
    """Fit one model per branch, together.

    Parameters
    ----------
    features : callable
        From a branch and positions (b,) int64 to trajectories (b, D) float32.
    labels : (branches, n) int64
        What is fed as yh.
    priors : (branches, n, C) float32
        Concentrations of the prior.
    fitting : Fitting

    Returns
    -------
    list of DirichletAutoencoder
        In evaluation mode.
    """
    branches, n, classes = priors.shape
    random = np.random.default_rng([fitting.seed, branches, n])
    order = random.permutation(n)
    held = order[: int(HELD_OUT * n)] if fitting.select else order[:0]
    rows = np.sort(order[len(held) :])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(fitting.seed)
        models = [DirichletAutoencoder(*standardisation(features, k, n), classes) for k in range(branches)]
        for branch, one in enumerate(models):  # q starts at the prior's size: from 0, many classes stay undecided long
            mean = max(float(np.mean(priors[branch] - 1 - 1 / classes)), 1e-3)
            nn.init.constant_(one.encoder.bias, float(np.log(np.expm1(mean))))
        optimizer = torch.optim.Adam([p for one in models for p in one.parameters()], lr=fitting.learning_rate)
        best, kept = np.inf, [one.state_dict() for one in models]
        passes = max(fitting.passes, -(-fitting.fewest_steps // -(-len(rows) // fitting.batch_size)))
        for number in range(passes):
            weight = fitting.co_regularisation if number >= fitting.warmup * passes else 0.0
            shuffled = random.permutation(rows)
            for begin in range(0, len(shuffled), fitting.batch_size):
                index = np.sort(shuffled[begin : begin + fitting.batch_size])
                loss, a = _losses(models, features, labels, priors, index, fitting)
                total = loss.mean()
                if weight and branches > 1:
                    total = total + weight * agreement(a).mean()
                optimizer.zero_grad()
                total.backward()
                optimizer.step()
            if len(held):
                with torch.no_grad():
                    score = float(_losses(models, features, labels, priors, np.sort(held), fitting)[0].mean())
                if score < best:
                    best = score
                    kept = [{name: value.clone() for name, value in one.state_dict().items()} for one in models]
    if len(held):
        for one, state in zip(models, kept, strict=True):
            one.load_state_dict(state)
    return [one.eval() for one in models]


def _losses(
    models: list[DirichletAutoencoder],
    features: Callable[[int, np.ndarray], np.ndarray],
    labels: np.ndarray,
    priors: np.ndarray,
    index: np.ndarray,
    fitting: Fitting,
) -> tuple[Tensor, Tensor]:
    """-ELBO, mean over branches, (b,), and all concentrations, (branches, b, C)."""
    losses, concentrations = [], []
    for branch, model in enumerate(models):
        w = model.standardise(torch.from_numpy(features(branch, index)))
        label = functional.one_hot(torch.from_numpy(labels[branch, index]), model.classes).float()
        loss, a = negative_elbo(model, w, label, torch.from_numpy(priors[branch, index]), fitting)
        losses.append(loss)
        concentrations.append(a)
    return torch.stack(losses).mean(0), torch.stack(concentrations)


def marginal(
    models: list[DirichletAutoencoder],
    features: Callable[[int, np.ndarray], np.ndarray],
    probabilities: np.ndarray,
) -> np.ndarray:
    """P(true = k | x), the classifiers' predictions marginalised, (n, C) float32, rows sum to 1 (DyGen, section 6).

        p(y | x) = (1 / M) sum_m sum_k p_m(yh = k | x) q_m(y | yh = k, w)

    Parameters
    ----------
    features : callable
        As in `fit_generative`, of n rows that need not be those it was fitted to.
    probabilities : (branches, n, C) float32
        p_m, the classifiers'.
    """
    _, n, classes = probabilities.shape
    result = np.zeros((n, classes), dtype=np.float32)
    with torch.inference_mode():
        step = max(1, NUMBERS_AT_ONCE // max(classes**2, len(models[0].mean)))
        for begin in range(0, n, step):
            index = np.arange(begin, min(n, begin + step))
            for branch, model in enumerate(models):
                w = model.standardise(torch.from_numpy(features(branch, index)))
                p = torch.from_numpy(probabilities[branch, index]).unsqueeze(1)
                result[index] += torch.bmm(p, model.per_label(w)).squeeze(1).numpy()
    return result / result.sum(1, keepdims=True)


@dataclass(frozen=True)
class Generative:
    """Fitted models and what of a trajectory they read; answers for any rows whose trajectories are known.

    Attributes
    ----------
    models : list of DirichletAutoencoder
        One per branch.
    epochs : list of int
        The epochs they read, 0-based.
    power : float
        What the marginal is raised to, see `mislabel.posterior.temperature`; 1 leaves it as it is.
    """

    models: list[DirichletAutoencoder]
    epochs: list[int]
    power: float = 1.0

    def probabilities(self, trajectory: Trajectory) -> np.ndarray:
        """P(true = k | x) of every row of the store, (n, C) float32."""
        plain = marginal(self.models, reader(trajectory, self.epochs), last_probabilities(trajectory))
        return sharpen(plain, self.power).astype(np.float32)

    def calibrated(self, trajectory: Trajectory, given: np.ndarray) -> "Generative":
        """The same models with the power that makes given labels (n,) most likely."""
        return replace(self, power=best_power(replace(self, power=1.0).probabilities(trajectory), given))


def reader(trajectory: Trajectory, epochs: list[int]) -> Callable[[int, np.ndarray], np.ndarray]:
    """What the model of a branch reads of some rows, (b, len(epochs) x dimension) float32; branches may share it."""
    last = trajectory.shape.networks - 1
    return lambda branch, index: trajectory.of_rows(index, min(branch, last), epochs)


def last_probabilities(trajectory: Trajectory) -> np.ndarray:
    """The classifiers' predictions after the last epoch, (branches, n, C) float32."""
    return np.stack(
        [trajectory.probability(trajectory.done - 1, branch) for branch in range(trajectory.shape.branches)]
    )


def standardisation(features: Callable[[int, np.ndarray], np.ndarray], branch: int, n: int) -> tuple[Tensor, Tensor]:
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
