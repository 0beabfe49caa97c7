"""Rows mixed with others (mixup, arXiv 1710.09412): inputs where they are numbers, embeddings where they are tokens."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


def numeric(inputs: dict[str, Tensor]) -> bool:
    """Whether the inputs are numbers that can be mixed: pixels and features are, tokens are not."""
    return any(value.is_floating_point() for value in inputs.values())


def mix(values: Tensor, partner: Tensor, share: Tensor) -> Tensor:
    """share x row + (1 - share) x partner's row.

    Parameters
    ----------
    values : (m, ...) float
    partner : (m,) int64
    share : (m,) float32
    """
    share = share.to(values.dtype).view(-1, *[1] * (values.ndim - 1))
    return share * values + (1 - share) * values[partner]


def mix_inputs(inputs: dict[str, Tensor], partner: Tensor, share: Tensor) -> dict[str, Tensor]:
    """Mix all that is a number in a batch of inputs."""
    return {name: mix(value, partner, share) if value.is_floating_point() else value for name, value in inputs.items()}


def mixer(
    model: nn.Module, classify: Callable[[Tensor], Tensor], inputs: dict[str, Tensor], embeddings: Tensor
) -> Callable[[Tensor, Tensor], Tensor]:
    """`Batch.mixed` for one batch.

    Parameters
    ----------
    model
        Gives logits (branches, m, classes) and embeddings for one batch of inputs per branch.
    classify : callable
        From embeddings (branches, m, d) to logits.
    inputs : dict of (m, ...) Tensor
    embeddings : (branches, m, d)
        Of these inputs.
    """

    def of_inputs(partner: Tensor, share: Tensor) -> Tensor:
        return model([mix_inputs(inputs, partners, part) for partners, part in zip(partner, share, strict=True)])[0]

    def of_embeddings(partner: Tensor, share: Tensor) -> Tensor:
        each = zip(embeddings, partner, share, strict=True)
        return classify(torch.stack([mix(values, partners, part) for values, partners, part in each]))

    return of_inputs if numeric(inputs) else of_embeddings
