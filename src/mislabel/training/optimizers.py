"""Which optimiser a stage gets, and its learning rate at every step."""

import math
from typing import Any

import torch
from torch import nn

from mislabel.training.stages import Stage
from mislabel.training.training_settings import TrainingSettings


def make_optimizer(model: nn.Module, settings: TrainingSettings, device: torch.device) -> torch.optim.Optimizer:
    """AdamW or SGD over the weights that are trained, fused where the device can."""
    groups, fused = decayed_groups(model, settings.weight_decay), device.type in ("cpu", "cuda")
    if settings.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=settings.learning_rate, momentum=settings.momentum, fused=fused)
    return torch.optim.AdamW(groups, lr=settings.learning_rate, fused=fused)


def learning_rate(settings: TrainingSettings, stage: Stage, epoch: int, step: int, steps: int) -> float:
    """The rate of one step, both counted from 0, of a stage with `steps` steps an epoch."""
    done, total = epoch * steps + step, stage.epochs * steps
    warmup = max(1, int(settings.warmup * total)) if stage.start == "fresh" else 0
    if done < warmup:
        return settings.learning_rate * (done + 1) / warmup
    if not stage.decay:
        return settings.learning_rate
    left = (total - done) / max(1, total - warmup)
    share = left if settings.schedule == "linear" else (1 - math.cos(math.pi * left)) / 2
    floor = min(settings.floor, settings.learning_rate)  # a recipe's floor can lie above a user's rate
    return floor + (settings.learning_rate - floor) * share


def decayed_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay for matrices only: biases and normalisation weights have one dimension."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
