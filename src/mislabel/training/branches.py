"""Networks trained side by side, as one module that also shows the embedding that each of them classifies."""

from collections.abc import Callable, Sequence
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from mislabel.errors import RunError

HEAD_DROPOUT = 0.1


class Branches(nn.Module):
    """Networks trained side by side.

    `forward` takes the inputs of m rows, the same for all networks or a list with those of each, and gives logits,
    (branches, m, classes) float32, and embeddings, (networks, m, d): what the last linear layer of each network reads.

    Parameters
    ----------
    networks : list of Module
        Each gives logits (m, classes).
    heads : sequence of Module
        More branches on the embedding of the only network: each takes (m, d) and gives logits.

    Attributes
    ----------
    frozen : bool
        Whether there are encoders, and they stay as they are.
    """

    def __init__(self, networks: list[nn.Module], heads: Sequence[nn.Module] = ()):
        super().__init__()
        self.networks: nn.ModuleList = nn.ModuleList(networks)
        self.heads: nn.ModuleList = nn.ModuleList(heads)
        self.frozen = False

    def __len__(self) -> int:
        return len(self.networks) + len(self.heads)

    @property
    def dimension(self) -> int | None:
        """Size of an embedding; None where a network has no linear layer and its logits stand for it."""
        last = last_linear(self.networks[0])
        return None if last is None else last.in_features

    @property
    def encoders(self) -> list[nn.Module]:
        """What is pretrained, of each network that says so in `encoder`."""
        named = [getattr(network, "encoder", None) for network in self.networks]
        return [encoder for encoder in named if encoder is not None]

    def freeze(self) -> None:
        """Leave the encoders as they are from here on, and in evaluation mode; all else trains, and the last layers."""
        self.frozen: bool = bool(self.encoders)
        for encoder in self.encoders:
            encoder.requires_grad_(False)
        for network in self.networks:
            last = last_linear(network)
            if last is not None:  # it lies in the encoder where the network is all that was pretrained
                last.requires_grad_(True)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        for encoder in self.encoders if self.frozen else []:
            encoder.eval()
        return self

    def forward(self, inputs: dict[str, Tensor] | list[dict[str, Tensor]]) -> tuple[Tensor, Tensor]:
        each = inputs if isinstance(inputs, list) else [inputs] * len(self.networks)
        both = [classify_and_embed(network, own) for network, own in zip(self.networks, each, strict=True)]
        logits, embeddings = [network_logits for network_logits, _ in both], [embedding for _, embedding in both]
        logits += [head(embeddings[0]).float() for head in self.heads]
        return torch.stack(logits), torch.stack(embeddings)

    def classify(self, embeddings: Tensor) -> Tensor:
        """Logits (networks, m, classes) float32 of embeddings, (networks, m, d).

        Raises
        ------
        RunError
            If a network judges tokens instead of whole inputs.
        """
        logits = []
        for network, values in zip(self.networks, embeddings, strict=True):
            last = tap(network)
            if last is not None and last.tokens:
                raise RunError(
                    "the method mixes embeddings, and this model judges every token by itself: choose an encoder "
                    "that gives one embedding per text, such as the default, or another method"
                )
            logits.append(values if last is None else functional.linear(values, last.weight, last.bias).float())
        return torch.stack(logits)


class TappedLinear(nn.Linear):
    """A linear layer that leaves what it read in `seen`: unlike a hook, torch.compile follows it.

    `tokens` says whether the last it read were rows of tokens.
    """

    seen: Tensor | None = None
    tokens: bool = False

    def forward(self, input: Tensor) -> Tensor:
        self.seen, self.tokens = input, input.ndim > 2
        return super().forward(input)


def tap(network: nn.Module) -> TappedLinear | None:
    """Make the last linear layer a `TappedLinear`, weights and name unchanged; None where there is no such layer."""
    last = last_linear(network)
    if type(last) is nn.Linear:
        last.__class__ = TappedLinear
    return last if isinstance(last, TappedLinear) else None


def classify_and_embed(network: nn.Module, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Logits (m, classes) float32 and what the last linear layer read, (m, d); the logits where there is none."""
    last = tap(network)
    logits = network(inputs).float()
    if last is None or last.seen is None:
        return logits, logits
    seen, last.seen = last.seen, None
    if seen.ndim == 2:
        return logits, seen
    # Decoders classify every token and take the last one's logits; the mean over its tokens stands for the text.
    mask = inputs.get("attention_mask")
    return logits, mean_state(seen, seen.new_ones(seen.shape[:2]) if mask is None else mask)


def mean_state(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """The mean of (b, length, d) states over the tokens of each text, (b, d)."""
    weight = attention_mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weight).sum(1) / weight.sum(1).clamp(min=1)


def last_linear(network: nn.Module) -> nn.Linear | None:
    """The linear layer registered last, in every classifier of transformers the one that gives the logits."""
    layers = [module for module in network.modules() if isinstance(module, nn.Linear)]
    return layers[-1] if layers else None


def make_branches(build: Callable[[], nn.Module], count: int, shared: bool) -> Branches:
    """New branches: as many networks, or one network with as many heads."""
    if not shared or count == 1:
        return Branches([build() for _ in range(count)])
    network = build()
    last = last_linear(network)
    if last is None:
        raise ValueError("branches can share a network only where it ends in a linear layer")
    heads = [
        nn.Sequential(nn.Dropout(HEAD_DROPOUT), nn.Linear(last.in_features, last.out_features))
        for _ in range(count - 1)
    ]
    return Branches([network], heads)
