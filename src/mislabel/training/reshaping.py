"""A residual network that reshapes features which stay as they are, for stages that ask for one.

    z = f + a * g(f),    g: linear, d to h; layer norm; ReLU; linear, h to d

======  ====================================================================
symbol  meaning
======  ====================================================================
f, z    features of a row, (d,), before and after
a       how much is added to each feature, (d,), learnt; 1 at the start
h       4 d; at least NARROWEST, since few units learn slowly; at most WIDEST
======  ====================================================================

A network that can take one before its only other layer has `reshape()`, which puts it there.
"""

import torch
from torch import Tensor, nn

from mislabel.errors import RunError

WIDENED, NARROWEST, WIDEST = 4, 256, 8192


class Reshaping(nn.Module):
    """From f to z, (m, d) each; what it read last lies in `seen`, without gradients."""

    seen: Tensor | None = None

    def __init__(self, dimension: int):
        super().__init__()
        hidden = min(max(WIDENED * dimension, NARROWEST), WIDEST)
        self.layers = nn.Sequential(
            nn.Linear(dimension, hidden), nn.LayerNorm(hidden), nn.ReLU(), nn.Linear(hidden, dimension)
        )
        self.amount = nn.Parameter(torch.ones(dimension))

    def forward(self, features: Tensor) -> Tensor:
        self.seen = features.detach()
        return features + self.amount * self.layers(features)


def reshape(network: nn.Module) -> nn.Module:
    """The same network, with one that reshapes its features.

    Raises
    ------
    RunError
        If it cannot take one.
    """
    change = getattr(network, "reshape", None)
    if change is None:
        raise RunError(
            f"the method reshapes features, and {type(network).__name__} has no reshape() that says where: choose "
            "another method"
        )
    change()
    return network


def unshaped(networks: nn.ModuleList) -> Tensor:
    """What each network read before it reshaped it in the last forward pass, (networks, m, d), and is forgotten."""
    read = []
    for module in networks.modules():
        if isinstance(module, Reshaping):
            assert module.seen is not None
            read.append(module.seen)
            module.seen = None
    return torch.stack(read)
