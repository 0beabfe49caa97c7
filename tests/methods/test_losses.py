"""Parts of losses that several methods share: what they draw, and a divergence."""

import numpy as np
import pytest
import torch
from scipy.special import rel_entr

from mislabel.methods._losses import draw_partners, from_uniform

CLASSES = 4


@pytest.mark.slow
def test_shares_follow_the_beta_distribution():
    torch.manual_seed(0)
    for alpha in (0.5, 1.0, 32.0):
        drawn = torch.stack([draw_partners(torch.zeros(2, 3, 4), alpha)[1][:, 0] for _ in range(4000)]).double()
        assert drawn.mean() == pytest.approx(0.5, abs=0.02)
        assert drawn.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.1)  # of Beta(alpha, alpha)
        assert abs(float(torch.corrcoef(drawn.T)[0, 1])) < 0.06  # branches draw apart


def test_distance_from_uniform_is_the_divergence():
    logits = torch.randn(8, CLASSES, dtype=torch.float64)
    mean = logits.softmax(-1).mean(0).numpy()
    wanted = rel_entr(np.full(CLASSES, 1 / CLASSES), mean).sum()
    assert float(from_uniform(logits.log_softmax(-1))) == pytest.approx(wanted, rel=1e-9)
    assert float(from_uniform(torch.zeros(3, 5).log_softmax(-1))) == pytest.approx(0, abs=1e-6)
