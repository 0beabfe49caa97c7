"""Rows with a trusted label: they learn it by plain cross-entropy, and the method's loss never sees them.

Of a batch of b rows, u of which have no trusted label:

    L = (u loss(those u rows) + sum over trusted rows, branches and views of w CE(y, p)) / b

w is the row's weight (`training/balance.py`), 1 where classes are not balanced.

A method doubts every label that it gets, so it gets only labels that may be doubted: the other rows, as a batch of
their own. Branches and views are summed, as IDO sums its views and co-teaching its networks: a trusted row pulls at
least as hard as a row that the method believes fully, and harder where a method takes means. There are three
exceptions: co-teaching gives the rows that it keeps the weight of those that it drops too, and ELR and SCE go on
pulling at rows that are nearly learnt.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mislabel.training.losses import Batch


def loss_with_trusted(loss: Callable[[Batch], Tensor], batch: Batch, trusted: np.ndarray, *, mixes: bool) -> Tensor:
    """L; without trusted rows the loss itself, and with no others the cross-entropy alone.

    Parameters
    ----------
    loss : callable
        The method's: the mean over the rows of a batch.
    batch : Batch
    trusted : (b,) bool
    mixes : bool
        Whether the stage mixes: gradients then go through `Batch.mixed` alone.
    """
    if not trusted.any():
        return loss(batch)
    device = batch.target.device
    taught, others = (torch.as_tensor(np.flatnonzero(rows), device=device) for rows in (trusted, ~trusted))
    apart = MixedApart(batch.mixed, batch.logits.shape, others) if mixes else None
    total = batch.logits.new_zeros(())
    if len(others):
        part = replace(
            batch, index=batch.index[others], target=batch.target[others], logits=batch.logits[:, :, others],
            mixed=apart or batch.mixed, weight=None if batch.weight is None else batch.weight[others],
            opinion=None if batch.opinion is None else batch.opinion[others],
            features=None if batch.features is None else batch.features[:, :, others],
            unshaped=None if batch.unshaped is None else batch.unshaped[:, :, others],
            teacher=None if batch.teacher is None else batch.teacher[:, others],
        )  # fmt: skip
        total = len(others) * loss(part)
    logits = (batch.logits if apart is None else apart.logits())[:, :, taught]
    target = batch.target[taught].expand(logits.shape[:-1])
    if batch.weight is None:
        fit = functional.cross_entropy(logits.flatten(0, -2), target.flatten(), reduction="sum")
    else:
        each = functional.cross_entropy(logits.flatten(0, -2), target.flatten(), reduction="none")
        fit = (each.view(target.shape) * batch.weight[taught]).sum()
    return (total + fit) / len(trusted)


class MixedApart:
    """`Batch.mixed` for some rows of a batch among themselves; the others pass through unmixed, in the same pass.

    Parameters
    ----------
    mixed : callable
        `Batch.mixed` of the whole batch.
    shape : branches, views, b, classes
        Of its logits.
    rows : (u,) int64
        Positions of those that are mixed.
    """

    def __init__(self, mixed: Callable[[Tensor, Tensor], Tensor], shape: torch.Size, rows: Tensor):
        self.mixed, self.shape = mixed, shape
        branches, views, b, _ = self.shape
        self.positions: Tensor = (torch.arange(views, device=rows.device)[:, None] * b + rows).flatten()
        self.unmixed: Tensor = torch.arange(views * b, device=rows.device).expand(branches, -1)
        self.mixture: Tensor | None = None

    def __call__(self, partner: Tensor, share: Tensor) -> Tensor:
        """See `Batch`: (branches, views x u) each, and logits (branches, views x u, classes)."""
        partners, shares = self.unmixed.clone(), torch.ones(self.unmixed.shape, device=share.device)
        partners[:, self.positions], shares[:, self.positions] = self.positions[partner], share
        self.mixture = self.mixed(partners, shares)
        return self.mixture[:, self.positions]

    def logits(self) -> Tensor:
        """Of the whole batch, with gradients, (branches, views, b, classes); those of mixed rows mean nothing."""
        if self.mixture is None:  # no row was mixed
            self.mixture = self.mixed(self.unmixed, torch.ones(self.unmixed.shape, device=self.unmixed.device))
        return self.mixture.reshape(self.shape)
