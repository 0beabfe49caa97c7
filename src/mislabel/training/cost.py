"""What a method costs at least: the passes through networks that its stages demand."""

from dataclasses import dataclass

from mislabel.training.stages import Stage

FORWARD_SHARE = 1 / 3  # of a forward and backward pass: the backward one computes twice as many products


@dataclass(frozen=True)
class Passes:
    """Passes per row and epoch.

    Attributes
    ----------
    both : float
        Forward and backward.
    forward : float
        Forward alone.
    """

    both: float
    forward: float

    @property
    def floor(self) -> float:
        """In forward and backward passes, which are what an epoch of plain training makes of every row."""
        return self.both + FORWARD_SHARE * self.forward


def passes(stage: Stage, *, numeric: bool = False) -> Passes:
    """What an epoch of a stage demands.

    `numeric` inputs are mixed themselves where a stage mixes, texts are not; nor need they have an encoder that a stage
    could leave as it is. Of one that stays so, only forward passes count: beside them a head costs nothing.
    """
    networks = 1 if stage.shared else stage.branches
    both, forward = networks * stage.views * (1 - stage.validation), networks * stage.validation
    if stage.frozen and not numeric:
        both, forward = 0.0, forward + both
    if stage.mixes and numeric and stage.features:
        both += networks * stage.views
    elif stage.mixes and numeric:
        forward += networks * stage.views
    if stage.evaluates:
        forward += networks
    if stage.teacher:
        forward += networks * (1 - stage.validation)
    if stage.trajectory is not None and stage.trajectory.source == "evaluation":
        forward += networks
    return Passes(both, forward)


def passes_once(stage: Stage) -> Passes:
    """What a stage demands once; gradients of inputs are taken for those of weights."""
    return Passes(2 if stage.prunes else 0, (1 if stage.prunes else 0) + (1 if stage.waits else 0))


def cost(stages: list[Stage], *, numeric: bool = False) -> float:
    """Of all epochs, in forward and backward passes per row."""
    return sum(stage.epochs * passes(stage, numeric=numeric).floor + passes_once(stage).floor for stage in stages)
