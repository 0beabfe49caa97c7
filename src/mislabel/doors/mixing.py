"""Rows mixed with each other in somebody else's training, as our own loop mixes them (`training/mixing.py`)."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from mislabel.errors import InputError
from mislabel.training.branches import TappedLinear, tap
from mislabel.training.mixing import mix, mix_inputs, numeric


class Mixing:
    """`Batch.mixed` for one batch and a single model: inputs are mixed where they are numbers, else embeddings.

    Parameters
    ----------
    model
        As it is called, with m inputs by name.
    network : Module
        The same, unwrapped.
    inputs : dict
    logits_of : callable
        From what the model gives to its logits, (m, classes) float32.
    """

    def __init__(self, model: Any, network: nn.Module, inputs: dict[str, Any], logits_of: Callable[[Any], Tensor]):
        self.model: Any = model
        self.inputs: dict[str, Any] = inputs
        self.logits_of: Callable[[Any], Tensor] = logits_of
        tensors = {name: value for name, value in inputs.items() if isinstance(value, Tensor)}
        self.numeric: bool = numeric(tensors)
        self.last: TappedLinear | None = None if self.numeric else tap(network)
        self.embeddings: Tensor | None = None

    def unmixed(self) -> Any:
        """What the model gives for the inputs as they are; without gradients where inputs are mixed.

        Raises
        ------
        InputError
            If the model has no embedding of each row to mix.
        """
        if self.numeric:
            with torch.no_grad():
                return self.model(**self.inputs)
        outputs = self.model(**self.inputs)
        if self.last is None or self.last.seen is None or self.last.tokens:
            raise InputError(
                "the method mixes embeddings, and this model has none of each whole row before its last linear layer: "
                "choose another method, or a model that pools before it classifies"
            )
        self.embeddings, self.last.seen = self.last.seen, None
        return outputs

    def __call__(self, partner: Tensor, share: Tensor) -> Tensor:
        """Logits (1, m, classes) float32 of rows mixed with their partners; arguments (1, m) each, see `Batch`."""
        if self.embeddings is None or self.last is None:
            return self.logits_of(self.model(**self._mixed_inputs(partner[0], share[0])))[None]
        mixture = mix(self.embeddings, partner[0], share[0]).to(self.last.weight.dtype)
        return functional.linear(mixture, self.last.weight, self.last.bias).float()[None]

    def _mixed_inputs(self, partner: Tensor, share: Tensor) -> dict[str, Any]:
        tensors = {name: value for name, value in self.inputs.items() if isinstance(value, Tensor)}
        return {**self.inputs, **mix_inputs(tensors, partner, share)}
