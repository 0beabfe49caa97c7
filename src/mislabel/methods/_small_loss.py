"""What co-teaching and JoCoR share: of each batch the rows with the smallest losses are learnt, ever fewer of them."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from mislabel.dynamics.store import DynamicsStore
from mislabel.methods._losses import EpochLoss
from mislabel.methods.default_posterior import DefaultPosterior
from mislabel.posterior.estimated_rate import estimated_rate
from mislabel.settings import Setting, check_settings

LARGEST_ESTIMATE = 0.5


@dataclass(frozen=True)
class SmallLossOptions(DefaultPosterior):
    """How many rows are kept; see `co_teaching.py`."""

    many_classes: ClassVar[bool] = True

    epochs: Annotated[int, Setting("Passes over the rows.", 1, 10_000)] = 5
    noise_rate: Annotated[
        float | None, Setting("Share of wrong labels, where it is known.", 0, 0.99, default="estimated")
    ] = None
    ramp_share: Annotated[float, Setting("Share of the epochs over which the share of kept rows falls.", 0, 1)] = 0.05
    exponent: Annotated[float, Setting("How it falls: 1 in a straight line.", 0.01, 100)] = 1.0

    def __post_init__(self) -> None:
        check_settings(self)


class SmallLoss(EpochLoss):
    """How many rows of a batch are kept, by the epoch and the share of wrong labels.

    An estimate above a half is not believed: what is not kept is not learnt, and would be counted as wrong for good.
    """

    def __init__(self, options: SmallLossOptions):
        super().__init__()
        self.options: SmallLossOptions = options
        self.rate = options.noise_rate or 0.0
        self.target = np.empty(0, dtype=np.int64)

    def begin(self, dynamics: DynamicsStore, target: np.ndarray, n_classes: int, device: torch.device) -> None:
        super().begin(dynamics, target, n_classes, device)
        self.target: np.ndarray = target
        self.rate = self.options.noise_rate or 0.0

    def epoch_end(self, dynamics: DynamicsStore) -> None:
        super().epoch_end(dynamics)
        if self.options.noise_rate is None:
            self.rate = min(estimated_rate(dynamics.prediction, self.target), LARGEST_ESTIMATE)

    def state(self) -> dict[str, Any]:
        return {**super().state(), "rate": self.rate}

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self.rate: Any = state["rate"]

    @property
    def share(self) -> float:
        """R(t), the share of rows to keep."""
        ramp = max(1, round(self.options.ramp_share * self.options.epochs))
        return 1 - self.rate * min((self.epoch / ramp) ** self.options.exponent, 1)

    def smallest(self, losses: Tensor) -> Tensor:
        """Positions of the rows to keep, at least one: (..., kept) from losses (..., b)."""
        kept = max(1, round(self.share * losses.shape[-1]))
        return losses.detach().argsort(dim=-1, stable=True)[..., :kept]
