"""The generative model of DyGen: a conditional autoencoder whose latent is the true label, Dirichlet distributed.

Zhuang et al., "DyGen: Learning from Noisy Labels via Dynamics-Enhanced Generative Modeling", KDD 2023,
arXiv 2305.19395; after NPC, arXiv 2205.00690. One model per branch, both parts a single linear layer:

    q(z | yh, w) = Dirichlet(a),  a = softplus(W [w; onehot(yh)] + b) + 1 + 1/C        the encoder
    p(yh | z, w) = softmax(V [w; z] + c)                                                the decoder
    -ELBO        = -E_q log p(yh | z, w) + beta KL(Dirichlet(a) || Dirichlet(a_prior))

w is a row's trajectory, yh its label as the classifier sees it, z a point of the simplex that says what the true label
may be, C the number of classes. Everything is float32: a few thousand weights, and digamma needs the digits.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from mislabel.posterior.dirichlet import divergence, mode, sample


class DirichletAutoencoder(nn.Module):
    """Encoder and decoder of one branch.

    Parameters
    ----------
    mean, scale : (D,) float32
        Trajectories are standardised by these.
    classes : int
    """

    def __init__(self, mean: Tensor, scale: Tensor, classes: int):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.encoder: nn.Linear = nn.Linear(len(mean) + classes, classes)
        self.decoder: nn.Linear = nn.Linear(len(mean) + classes, classes)
        self.classes = classes

    mean: Tensor
    scale: Tensor

    def standardise(self, trajectory: Tensor) -> Tensor:
        """(b, D) float32 with mean 0 and variance 1 / D, so that a row has length 1 whatever D is."""
        return (trajectory - self.mean) / self.scale

    def concentration(self, w: Tensor, label: Tensor) -> Tensor:
        """a of q(z | yh, w), (b, C), all above 1, from standardised trajectories (b, D) and labels (b, C) one-hot."""
        return functional.softplus(self.encoder(torch.cat([w, label], dim=-1))) + 1 + 1 / self.classes

    def decode(self, w: Tensor, z: Tensor) -> Tensor:
        """Logits of p(yh | z, w), (b, C)."""
        return self.decoder(torch.cat([w, z], dim=-1))

    def per_label(self, w: Tensor) -> Tensor:
        """P(true = k | yh = j, w), the Dirichlet's mode, (b, C of yh, C of the true label); one product for all yh."""
        weight = self.encoder.weight
        split = weight.shape[1] - self.classes
        of_row = functional.linear(w, weight[:, :split], self.encoder.bias)
        a = functional.softplus(of_row.unsqueeze(1) + weight[:, split:].T) + 1 + 1 / self.classes
        return mode(a)


def negative_elbo(
    model: DirichletAutoencoder, w: Tensor, label: Tensor, prior: Tensor, sampler: str, beta: float = 1.0
) -> tuple[Tensor, Tensor]:
    """-ELBO per row by one draw of z, (b,), and the concentrations (b, C).

    Parameters
    ----------
    w : (b, D) float32
        Standardised.
    label : (b, C) float32
        One-hot.
    prior : (b, C) float32
        Concentration of the prior.
    sampler : "dirichlet" or "gamma"
        See `mislabel.posterior.dirichlet`.
    beta : float
        Weight of the KL term.
    """
    a = model.concentration(w, label)
    logits = model.decode(w, sample(a, sampler))
    reconstruction = -(label * logits.log_softmax(-1)).sum(-1)
    return reconstruction + beta * divergence(a, prior, sampler), a
