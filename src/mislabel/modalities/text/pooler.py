"""A better start for the pooler of a sentence encoder.

Encoders such as MiniLM were trained with the mean of their token states as the embedding, while the pooler that a
plain `AutoModelForSequenceClassification` reads, tanh(W h_first + b), was left as an earlier training made it. A start
from there wastes the first epoch, which is the one that shows best which labels are wrong. So W and b are fitted by
ridge regression, without any label, so that the pooler gives the mean of the token states.
"""

import numpy as np
import torch
from torch import Tensor, nn

from mislabel.training.branches import mean_state

SPREAD = 0.5  # standard deviation that the pooled features start with, where tanh still is nearly straight
RIDGE = 1e-2  # in units of the states' variance
LARGEST = 0.98


def find_pooler(classifier: nn.Module) -> nn.Linear | None:
    """The dense layer of a tanh pooler of BERT's form, or None where the model has no such thing."""
    base = getattr(classifier, "base_model", None)
    pooler = getattr(base, "pooler", None)
    dense, activation = getattr(pooler, "dense", None), getattr(pooler, "activation", None)
    fits = isinstance(dense, nn.Linear) and isinstance(activation, nn.Tanh) and dense.in_features == dense.out_features
    return dense if fits else None


class FirstAndMean(nn.Module):
    """The first token's last state and the mean over tokens, side by side, (b, 2 d) float32."""

    def __init__(self, encoder: nn.Module):
        super().__init__()
        self.encoder = encoder

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        hidden = self.encoder(**inputs).last_hidden_state.float()
        return torch.cat([hidden[:, 0], mean_state(hidden, inputs["attention_mask"])], dim=-1)


def fit_pooler(states: np.ndarray) -> tuple[Tensor, Tensor]:
    """Weight (d, d) and bias (d,) of the pooler, from what `FirstAndMean` gave for m texts.

    Parameters
    ----------
    states : (m, 2 d) float32
    """
    first, mean = np.split(states.astype(np.float64), 2, axis=1)
    target = mean - mean.mean(0)
    target = np.arctanh(np.clip(target / max(float(target.std()), 1e-12) * SPREAD, -LARGEST, LARGEST))
    centre, middle = first.mean(0), target.mean(0)
    first = first - centre
    square = first.T @ first
    square[np.diag_indices_from(square)] += RIDGE * len(first) * max(float(first.var()), 1e-12)
    weight = np.linalg.solve(square, first.T @ (target - middle)).T
    return (
        torch.tensor(weight, dtype=torch.float32),
        torch.tensor(middle - weight @ centre, dtype=torch.float32),
    )
