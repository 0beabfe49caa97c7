"""Distributions over the simplex: Dirichlet's, and the independent gamma variables that the paper's code has instead.

Of a concentration a, (..., C) with all above 1; C is the number of classes.
"""

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Dirichlet, kl_divergence


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
