"""The learning rate of a course: it falls in the stages that let it fall, and stays where epochs are compared."""

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from transformers import get_scheduler

from mislabel.errors import InputError
from mislabel.training.stages import Stage

CONSTANT = "constant_with_warmup"


def follows_trainer(stages: list[Stage]) -> bool:
    """Whether the Trainer's own schedule does: a single stage over which the rate may fall."""
    trained = [stage for stage in stages if stage.epochs]
    return len(trained) == 1 and trained[0].decay


def schedule_of(
    stages: list[Stage], optimizer: Optimizer, name: str, warmup: int, steps: int, options: dict[str, Any] | None = None
) -> LambdaLR:
    """The Trainer's schedule over each stage that lets the rate fall, and a constant rate in the others.

    Parameters
    ----------
    stages : list of Stage
    optimizer : Optimizer
    name : str
        Of the schedule, as in `TrainingArguments.lr_scheduler_type`.
    warmup : int
        Steps of the first stage over which the rate rises.
    steps : int
        Of the whole training.
    options : dict, optional
        As in `TrainingArguments.lr_scheduler_kwargs`.

    Raises
    ------
    InputError
        If the rate at a step does not follow from the step alone.
    """
    trained = [stage for stage in stages if stage.epochs]
    epochs, done = sum(stage.epochs for stage in trained), 0
    begins, factors = [], []
    for stage in trained:
        begin, done = round(steps * done / epochs), done + stage.epochs
        length, rising = round(steps * done / epochs) - begin, 0 if begins else warmup
        factors.append(_factor(name, rising, length, options) if stage.decay else _factor(CONSTANT, rising, length))
        begins.append(begin)

    def factor(step: int) -> float:
        number = max(k for k, begin in enumerate(begins) if begin <= step)
        return factors[number](step - begins[number])

    return LambdaLR(optimizer, factor)


def _factor(name: str, warmup: int, steps: int, options: dict[str, Any] | None = None) -> Callable[[int], float]:
    """From a step to the share of the peak rate, as transformers has it."""
    alone = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = get_scheduler(name, alone, warmup, steps, scheduler_specific_kwargs=options)
    if not isinstance(schedule, LambdaLR):
        raise InputError(
            f"args.lr_scheduler_type is {name!r}, which goes by losses, and the method has stages with rates of their "
            "own: choose another, such as linear or cosine"
        )
    return schedule.lr_lambdas[0]
