"""The exponential mean of a stage's weights, as a teacher that is steadier than the network (arXiv 1703.01780).

    mean <- decay mean + (1 - decay) weights        after each step; it starts with the weights of the stage's start

All processes of a launch hold the same weights after a step, and so the same mean. Buffers, such as those of a batch
norm, are the network's own.
"""

import torch
from torch import Tensor
from torch.func import functional_call

from mislabel.training.checkpoints import Checkpoint
from mislabel.training.stage_run import StageRun
from mislabel.training.watchers import Watcher


class MeanWeights(Watcher):
    """Follows the network, and predicts with the mean of its weights.

    Attributes
    ----------
    values : dict of Tensor
        The mean of each weight that trains, by name.
    """

    def __init__(self, run: StageRun):
        self.decay, self.branches = run.stage.teacher, run.branches
        self.values: dict[str, Tensor] = {}

    def start(self, run: StageRun, checkpoint: Checkpoint | None) -> None:
        saved = checkpoint.mean if checkpoint is not None else {}
        for name, weight in self._trained().items():
            self.values[name] = weight.detach().clone()
            if name in saved:
                self.values[name].copy_(saved[name])  # in the memory layout of the weight

    @torch.no_grad()
    def step(self) -> None:
        """The optimiser has taken a step."""
        for name, weight in self._trained().items():
            self.values[name].lerp_(weight.detach(), 1 - self.decay)

    @torch.no_grad()
    def logits(self, inputs: dict[str, Tensor]) -> Tensor:
        """Of some rows in evaluation mode, (branches, m, classes) float32."""
        training = self.branches.training
        self.branches.eval()
        logits, _ = functional_call(self.branches, self.values, (inputs,))
        self.branches.train(training)
        return logits

    def state(self, run: StageRun, checkpoint: Checkpoint) -> None:
        checkpoint.mean = self.values

    def _trained(self) -> dict[str, Tensor]:
        return {name: weight for name, weight in self.branches.named_parameters() if weight.requires_grad}
