"""How far the probabilities of branches differ: the co-regularisation of classifiers and of generative models."""

from torch import Tensor

SMALLEST = 1e-5  # inside the logarithms, as in the code of DyGen


def disagreement(probabilities: Tensor) -> Tensor:
    """Mean over branches of KL(pbar || p_m) per row, (b,), from probabilities p_m (branches, b, C); pbar is their mean.

    The co-regularisation of both stages: l_cr1 of the classifiers, l_cr2 of the generative models.
    """
    mean = probabilities.mean(0)
    return (mean * ((mean + SMALLEST).log() - (probabilities + SMALLEST).log())).sum(-1).mean(0)
