"""Before a stage that prunes: what a network answers to, row by row, and which inputs of its last layer are cut off.

    g = e * d z_y / d e        gradient times input (arXiv 1605.01713)

======  ====================================================================
symbol  meaning
======  ====================================================================
e       what the first layer gives: word embeddings of a text, pixels as the network reads them, standardised features
z_y     logit of the target, in evaluation mode
======  ====================================================================

Of a text g is the mean over tokens, of an image that over each of 8 x 8 fields: every row then has as many numbers, and
texts of any length and images of any size can be compared. A look shows them a batch at a time and keeps none.
"""

import time
from collections.abc import Callable, Iterator
from typing import Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mislabel.errors import RunError
from mislabel.training.batches import sorted_batches
from mislabel.training.branches import last_linear, mean_state
from mislabel.training.checkpoints import Checkpoint
from mislabel.training.history import History
from mislabel.training.losses import Loss
from mislabel.training.prefetch import prefetched
from mislabel.training.stage_run import StageRun
from mislabel.training.watchers import Watcher

FIELDS = 8  # along each side of an image


class Changeable(Protocol):
    """A network that lets what its first layer gives be changed."""

    def changed_logits(self, inputs: dict[str, Tensor], change: Callable[[Tensor], Tensor]) -> Tensor:
        """Logits (m, classes), where `change` takes what the first layer gives, (m, ...)."""
        ...


class Look:
    """What a network shows of all n rows before a stage. Each process goes through rows of its own.

    Attributes
    ----------
    target : (n,) int64
    n_classes : int
    """

    def __init__(self, run: StageRun):
        self._run = run
        self.target: np.ndarray = run.rows.target
        self.n_classes: int = run.rows.n_classes

    def attributions(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """By a pass forward and back: rows (b,) int64, their g (b, w) and cross-entropies (b,) float64.

        Raises
        ------
        RunError
            If the network does not show what its first layer gives.
        """
        run = self._run
        for rows, inputs in self._batches("attribute"):
            with run.accelerator.autocast():
                shown = attribution(run.branches.networks[0], inputs, run.target[torch.as_tensor(rows).to(run.device)])
            values, losses = (each.cpu().double().numpy() for each in shown)
            yield rows, values, losses

    def read(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """By a pass forward: rows (b,) int64, and what the last layer reads of them, (b, d) float64."""
        run = self._run
        for rows, inputs in self._batches("read"):
            with torch.no_grad(), run.accelerator.autocast():
                _, embeddings = run.branches(inputs)
            yield rows, embeddings[0].cpu().double().numpy()

    def sum(self, values: np.ndarray) -> np.ndarray:
        """The sum over processes."""
        if self._run.accelerator.num_processes == 1:
            return values
        return self._run.sum(torch.as_tensor(values, device=self._run.device)).cpu().numpy()

    def _batches(self, doing: str) -> Iterator[tuple[np.ndarray, dict[str, Tensor]]]:
        """Rows of this process with their tensors, no more at once than a step takes; the network is in evaluation."""
        run, settings = self._run, self._run.settings
        processes, rank = run.accelerator.num_processes, run.accelerator.process_index
        # Each process gets a batch at least.
        size = max(1, min(settings.batch_size // settings.accumulate, len(run.rows)) // processes)
        mine = sorted_batches(run.rows.inputs.lengths, size)[rank::processes]
        run.branches.eval()
        run.progress.begin(doing, len(mine))
        for rows, inputs in prefetched(run.rows.inputs, mine, run.device):
            yield rows, inputs
            run.progress.advance()
        run.progress.end()


def attribution(network: nn.Module, inputs: dict[str, Tensor], target: Tensor) -> tuple[Tensor, Tensor]:
    """g (m, w) and the cross-entropies of the targets (m,), float32, of m rows.

    Raises
    ------
    RunError
        If the network does not show what its first layer gives.
    """
    if not hasattr(network, "changed_logits"):
        raise RunError(
            f"the method looks at what a network answers to, and {type(network).__name__} does not show what its first "
            "layer gives: choose another --backbone, or another method"
        )
    given: list[Tensor] = []

    def leaf(values: Tensor) -> Tensor:
        given.append(values.detach().requires_grad_())
        return given[-1]

    logits = cast(Changeable, network).changed_logits(inputs, leaf).float()
    (slope,) = torch.autograd.grad(logits.gather(1, target[:, None]).sum(), given)
    product = given[0].detach().float() * slope.float()
    losses = functional.cross_entropy(logits.detach(), target, reduction="none")
    return of_equal_width(product, inputs.get("attention_mask")), losses


def of_equal_width(product: Tensor, mask: Tensor | None) -> Tensor:
    """(m, w) of features (m, w), of tokens (m, length, w) where a mask (m, length) says so, of images (m, 3, h, w)."""
    if product.ndim == 4:
        return functional.adaptive_avg_pool2d(product, FIELDS).flatten(1)
    if product.ndim == 3:
        return mean_state(product, product.new_ones(product.shape[:2]) if mask is None else mask)
    return product


class Pruning(Watcher):
    """Lets the loss look, and holds at 0 what it names; what that is lies in the checkpoint.

    Parameters
    ----------
    loss : Loss
    history : History
        Counts the time of the look.

    Attributes
    ----------
    columns : (k,) int64 Tensor
        Of the last linear layer, whose weights are 0.
    """

    def __init__(self, loss: Loss, history: History):
        self.loss: Loss = loss
        self.history: History = history
        self.weight, self.columns = torch.empty(0, 0), torch.empty(0, dtype=torch.int64)

    def start(self, run: StageRun, checkpoint: Checkpoint | None) -> None:
        began = time.perf_counter()
        last = last_linear(run.branches.networks[0])
        if last is None:
            raise RunError(
                f"the method prunes the last linear layer, and {type(run.branches.networks[0]).__name__} has none: "
                "choose another --backbone, or another method"
            )
        self.weight: Tensor = last.weight
        if checkpoint is not None:
            columns = checkpoint.state["pruned"]
        else:
            columns = np.flatnonzero(self.loss.prune(Look(run))).tolist()
        self.columns: Tensor = torch.tensor(columns, dtype=torch.int64, device=run.device)
        self.step()
        self.history.add_seconds(f"{run.stage.name}.start", time.perf_counter() - began)

    @torch.no_grad()
    def step(self) -> None:
        """The optimiser has taken a step."""
        self.weight[:, self.columns] = 0

    def state(self, run: StageRun, checkpoint: Checkpoint) -> None:
        checkpoint.state["pruned"] = self.columns.tolist()
