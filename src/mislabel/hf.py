"""For those who train with transformers: `NoisyTrainer`."""

from mislabel.errors import lacks_training

try:
    from mislabel.doors.trainer import NoisyTrainer
except ModuleNotFoundError as error:
    raise ImportError(lacks_training(error) or str(error), name=error.name) from error

__all__ = ["NoisyTrainer"]
