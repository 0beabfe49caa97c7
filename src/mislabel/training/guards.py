"""What stops a run early, with a way out: stages that cannot be, full memory, a loss that is no number."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from mislabel.errors import RunError, some_ids
from mislabel.training.stages import Stage
from mislabel.training.training_settings import TrainingSettings


def check_stages(stages: list[Stage], settings: TrainingSettings, rows: int, processes: int) -> None:
    """Raise where these stages cannot be trained on so many rows.

    Raises
    ------
    RunError
        If there are fewer rows than processes.
    ValueError
        If a method asks for what contradicts itself.
    """
    if rows < processes:
        raise RunError(f"{rows} training rows cannot be shared by {processes} processes: use fewer")
    if len({stage.name for stage in stages}) != len(stages):
        raise ValueError("stages of a run need different names")
    for before, stage in pairwise(stages):
        if stage.start != "fresh" and stage.reshapes != before.reshapes:
            raise ValueError(f"stage {stage.name} goes on from stage {before.name}: both reshape features, or neither")
    for stage in stages:
        if stage.mixes and stage.shared:
            raise ValueError(f"stage {stage.name} mixes rows: its branches need networks of their own")
        if stage.reshapes and stage.shared:
            raise ValueError(f"stage {stage.name} reshapes features: its branches need networks of their own")
        if stage.prunes and stage.branches > 1:
            raise ValueError(f"stage {stage.name} prunes: it trains one branch")
        if (stage.select or stage.validation) and not settings.record:
            raise ValueError(f"stage {stage.name} selects an epoch by its dynamics, which are not recorded")


@contextmanager
def memory_explained(lengths: np.ndarray, rows: np.ndarray, views: int, accumulate: int) -> Iterator[None]:
    """Turn a device's "out of memory" into a RunError that says what helps.

    Parameters
    ----------
    lengths : (n,) int
        Of all inputs.
    rows : (b,) int64
        Those of the batch.
    """
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        raise RunError(
            f"the device ran out of memory on a batch of {len(rows)} rows x {views} views, longest input "
            f"{int(lengths[rows].max())}: try --accumulate {2 * accumulate} (same result, less memory), a smaller "
            "--batch-size or --max-length"
        ) from error


class FiniteLoss:
    """Collects losses, and looks at them when asked: each look makes a GPU wait.

    Parameters
    ----------
    ids : (n,) array
        Names of the training rows.
    """

    def __init__(self, ids: np.ndarray):
        self.ids = ids
        self._unchecked: list[tuple[Tensor, np.ndarray]] = []

    def add(self, loss: Tensor, rows: np.ndarray) -> None:
        """Keep the loss of these rows, without gradients, until the next look."""
        self._unchecked.append((loss, rows))

    def check(self) -> float:
        """The last loss.

        Raises
        ------
        RunError
            If one of those collected is not finite.
        """
        collected, self._unchecked = self._unchecked, []
        for loss, rows in collected:
            if not torch.isfinite(loss):
                raise RunError(
                    f"the loss is {float(loss)} on the batch with ids {some_ids(self.ids[rows])}; training stopped "
                    "and the last epoch's checkpoint is intact: look at these inputs, lower --learning-rate, or use "
                    "--precision fp32, and continue with --resume"
                )
        return float(collected[-1][0])
