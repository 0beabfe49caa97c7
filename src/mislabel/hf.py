"""For those who train with transformers: `NoisyTrainer`."""

from mislabel.doors.trainer import NoisyTrainer

__all__ = ["NoisyTrainer"]
