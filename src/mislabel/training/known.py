"""Rows whose label is known: they are taught it by plain cross-entropy, and the method's loss never sees them.

Of a batch of b rows, u of which are not known:

    L = (u loss(those u rows) + sum over known rows, branches and views of CE(y, p)) / b

A method doubts labels, and has no way of being told that one is beyond doubt; so it is not asked. The other rows are
what they would be in a batch of their own. Branches and views are summed, as IDO sums its views and co-teaching its
networks: a known row pulls at least as hard as a row that the method trusts fully, and harder where a method takes
means. There are three exceptions: co-teaching gives the rows that it keeps the weight of those that it drops too, and
ELR and SCE go on pulling at rows that are nearly learnt.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mislabel.training.stages import Batch


def loss_with_known(loss: Callable[[Batch], Tensor], batch: Batch, known: np.ndarray, *, mixes: bool) -> Tensor:
    """L; without known rows the loss itself, and with no others the cross-entropy alone.

    Parameters
    ----------
    loss : callable
        The method's: the mean over the rows of a batch.
    batch : Batch
    known : (b,) bool
    mixes : bool
        Whether the stage mixes: gradients then go through `Batch.mixed` alone.
    """
    if not known.any():
        return loss(batch)
    device = batch.given.device
    told, others = (torch.as_tensor(np.flatnonzero(rows), device=device) for rows in (known, ~known))
    apart = MixedApart(batch, others) if mixes else None
    total = batch.logits.new_zeros(())
    if len(others):
        part = replace(
            batch, index=batch.index[others], given=batch.given[others], logits=batch.logits[:, :, others],
            mixed=apart or batch.mixed,
        )  # fmt: skip
        total = len(others) * loss(part)
    logits = (batch.logits if apart is None else apart.logits())[:, :, told]
    target = batch.given[told].expand(logits.shape[:-1])
    fit = functional.cross_entropy(logits.flatten(0, -2), target.flatten(), reduction="sum")
    return (total + fit) / len(known)


class MixedApart:
    """`Batch.mixed` for some rows of a batch among themselves. The others go along unmixed, in the same pass.

    Parameters
    ----------
    batch : Batch
        The whole one.
    rows : (u,) int64
        Places of those that are mixed.
    """

    def __init__(self, batch: Batch, rows: Tensor):
        self.mixed, self.shape = batch.mixed, batch.logits.shape
        branches, views, b, _ = self.shape
        self.places = (torch.arange(views, device=rows.device)[:, None] * b + rows).flatten()
        self.itself = torch.arange(views * b, device=rows.device).expand(branches, -1)
        self.seen: Tensor | None = None

    def __call__(self, partner: Tensor, share: Tensor) -> Tensor:
        """See `Batch`: (branches, views x u) each, and logits (branches, views x u, classes)."""
        with_whom, own = self.itself.clone(), torch.ones(self.itself.shape, device=share.device)
        with_whom[:, self.places], own[:, self.places] = self.places[partner], share
        self.seen = self.mixed(with_whom, own)
        return self.seen[:, self.places]

    def logits(self) -> Tensor:
        """Of the whole batch, with gradients, (branches, views, b, classes); those of mixed rows mean nothing."""
        if self.seen is None:  # no row was mixed
            self.seen = self.mixed(self.itself, torch.ones(self.itself.shape, device=self.itself.device))
        return self.seen.reshape(self.shape)
