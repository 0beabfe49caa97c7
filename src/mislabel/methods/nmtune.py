"""NMTune: a head reshapes the features of a frozen encoder that learnt from noisy data.

Chen et al., "Understanding and Mitigating the Label Noise in Pre-training on Downstream Tasks", ICLR 2024,
arXiv 2309.17002; "Learning with Noisy Foundation Models", arXiv 2403.06869.

Labels that were wrong in pre-training leave features whose spectrum is flat: directions that matter stand out too
little. A residual network (`training/reshaping.py`) turns them before a linear layer reads them, and two terms ask for
few strong directions and for features that do not repeat each other; a third keeps what the encoder knew.

    z = f + a * g(f)
    L = CE(z_w, y) + CE(z_s, y), halved
        + lambda_m mean_i mean_j (z_s,ij / |z_s,i| - f_w,ij / |f_w,i|)^2
        + lambda_c (1/D) sum_{j != k} C_jk^2
        - lambda_s (sum of the 5 largest sigma) / (5 sum of all sigma)

========  ====================================================================
symbol    meaning
========  ====================================================================
f, z      features before and after they are reshaped, (D,); no gradient goes through f
w, s      weak and strong view
y         given label
C         covariance of the features z of both views, over the rows of a batch
sigma     singular values of the matrix of these z
========  ====================================================================

The labels of the rows may be right: this is **no defence against wrong given labels**, which it learns as plain
training does. Of the weights of rows only the cross-entropy takes notice.

What differs from the published code: a layer norm stands in g for the batch norm, since a part of a step may be a
single row; features are standardised first, so that lambda_c means the same for every encoder; the hidden layer has 256
to 8192 units. The text has the largest singular value alone where the code has five, as here; the default weights
are the code's. Views are those of vectors (`modalities/vectors.py`), where the code looks at two pictures.

C has the rank of a batch, and with far fewer rows than D / 4 it is mostly chance. The code has batches of 128 and 10
epochs. On TREC with right labels, 384 features, one seed, batches of 32 and of 128 came to the same (94.8 %, plain
training 92.8 and 92.6 %), and 10 epochs to less than 5 (93.8 %); with 40 % of the labels wrong at random it loses to
plain training (72.8 against 81.4 %).

A whole network has no features that stay as they are: the method asks for `--tune head`.
"""

# Some of torch's functions have no types.
# pyright: reportUnknownMemberType=false

from dataclasses import dataclass
from typing import Annotated, cast

import torch
from torch import Tensor
from torch.nn import functional

from mislabel.methods._losses import cross_entropy
from mislabel.methods.default_posterior import DefaultPosterior
from mislabel.methods.registry import register
from mislabel.settings import Setting, check_settings
from mislabel.training.losses import Batch, Loss
from mislabel.training.stages import Stage

LARGEST = 5  # singular values that are asked to stand out


@register(
    "nmtune",
    paper="Chen et al., ICLR 2024, arXiv 2309.17002",
    when="the encoder learnt from noisy data and stays as it is (--tune head)",
    group="right",
)
@dataclass(frozen=True)
class NMTune(DefaultPosterior):
    """Options of the method."""

    epochs: Annotated[int, Setting("Passes over the rows.", 1, 10_000)] = 5
    consistency_weight: Annotated[float, Setting("lambda_m, the pull to what the encoder knew.", 0, 1e6)] = 1.0
    covariance_weight: Annotated[float, Setting("lambda_c, against features that repeat each other.", 0, 1e6)] = 0.04
    spectrum_weight: Annotated[float, Setting("lambda_s, for few strong directions.", 0, 1e6)] = 0.001

    def __post_init__(self) -> None:
        check_settings(self)

    def stages(self) -> list[Stage]:
        return [Stage("train", self.epochs, ReshapedLoss(self), views=2, features=True, reshapes=True)]


class ReshapedLoss(Loss):
    """L, for one branch."""

    def __init__(self, options: NMTune):
        super().__init__()
        self.options = options

    def __call__(self, batch: Batch) -> Tensor:
        assert batch.features is not None
        assert batch.unshaped is not None
        options, z, f = self.options, batch.features[0].float(), batch.unshaped[0].float()
        both = z.flatten(0, 1)
        return (
            cross_entropy(batch, batch.logits, batch.target)
            + options.consistency_weight * apart(z[1], f[0])
            + options.covariance_weight * covariance(both)
            - options.spectrum_weight * strongest(both)
        )


def apart(z: Tensor, f: Tensor) -> Tensor:
    """The mean squared difference of the directions of rows, (m, D) each."""
    return functional.mse_loss(functional.normalize(z, dim=-1), functional.normalize(f, dim=-1))


def covariance(z: Tensor) -> Tensor:
    """(1/D) sum over j != k of C_jk^2, from m >= 1 rows (m, D)."""
    rows, dimension = z.shape
    centred = z - z.mean(0)
    # The squares of C sum up to those of the rows' products, whichever matrix is the smaller.
    products = centred.T @ centred if dimension <= rows else centred @ centred.T
    own = centred.square().sum(0).square().sum()
    return (products.square().sum() - own) / (dimension * max(1, rows - 1) ** 2)


def strongest(z: Tensor) -> Tensor:
    """The largest singular values' mean share in the sum of all, of (m, D)."""
    # A number that is none is found in the cross-entropy, and told there.
    sigma = cast("Tensor", torch.linalg.svdvals(torch.nan_to_num(z)))
    return sigma[:LARGEST].mean() / sigma.sum().clamp_min(torch.finfo(z.dtype).tiny)
