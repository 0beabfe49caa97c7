"""Collects what one epoch shows of every row, from the training passes themselves."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from mislabel.dynamics.store import UNSEEN

COLUMNS = ("loss", "margin")


class PassRecorder:
    """Buffers for one epoch, on the training device, so that recording never waits for it.

    Parameters
    ----------
    views, rows : int
        Passes per epoch, and training rows.
    device : torch.device
    """

    def __init__(self, views: int, rows: int, device: torch.device):
        self.views: int = views
        self.rows: int = rows
        self.device: torch.device = device
        self.prediction: Tensor = torch.full((views, rows), -1, dtype=torch.int32, device=device)
        self.scalars: Tensor = torch.full((len(COLUMNS), views, rows), torch.nan, device=device)

    @torch.no_grad()
    def record(self, index: Tensor | slice, given: Tensor, logits: Tensor) -> None:
        """Keep what a batch shows.

        Parameters
        ----------
        index, given : (b,) int64
            Where the rows stand, and their labels.
        logits : (branches, views, b, classes) float32
            Several branches are averaged in probability.
        """
        logits = logits.detach()
        log_p = logits[0] if len(logits) == 1 else logits.log_softmax(-1).logsumexp(0)
        log_p = log_p.log_softmax(-1)  # (views, b, classes)
        top, classes = log_p.topk(2, dim=-1)
        of_given = log_p.gather(-1, given.expand(len(log_p), -1).unsqueeze(-1)).squeeze(-1)
        other = torch.where(classes[..., 0] == given, top[..., 1], top[..., 0])
        self.prediction[:, index] = classes[..., 0].int()
        self.scalars[:, :, index] = torch.stack([-of_given, of_given - other])

    def finish(self, reduce: Callable[[Tensor], Tensor] | None = None) -> list[dict[str, np.ndarray]]:
        """The epoch's passes, one per view, and empty buffers for the next.

        Parameters
        ----------
        reduce : callable, optional
            Sums a tensor over processes. Each row is seen by exactly one of them, so sums put the parts together.
        """
        prediction, scalars = self.prediction, self.scalars
        if reduce is not None:
            seen = reduce((prediction >= 0).int())
            prediction = reduce(prediction + 1) - 1
            scalars = torch.where(seen > 0, reduce(scalars.nan_to_num(nan=0.0)), torch.nan)
        loss, margin = scalars.cpu().numpy()
        views = [
            {"prediction": of_view.copy(), "loss": loss[view].copy(), "margin": margin[view].copy()}
            for view, of_view in enumerate(prediction.cpu().numpy())
        ]
        self.prediction.fill_(UNSEEN["prediction"])
        self.scalars.fill_(torch.nan)
        return views
