"""Which rows to look at first because the model's answers to them change most when its weights change.

After Li et al., "Deep Active Learning with Noise Stability", AAAI 2024 (arXiv 2205.13340).

A little noise in all weights changes the answer most for rows that the model is least settled about. Rows that are
far from the origin and from each other in the space of these changes are both unsettled and different.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor, nn

from mislabel.data.inputs import RawInputs
from mislabel.errors import InputError
from mislabel.modalities import modality, modality_names
from mislabel.review.orders import farthest
from mislabel.run.folder import RunFolder
from mislabel.run.kept_inputs import read_inputs
from mislabel.run.predictor import load_predictor
from mislabel.run.rows import Rows
from mislabel.training.device import make_accelerator
from mislabel.training.inference import MeanProbabilities, outputs
from mislabel.training.progress import Quiet

REPEATS, SCALE = 30, 1e-3  # the paper's K and s
POOL = 2_000  # rows among which to choose; the paper takes a part of the unlabeled rows as well


def stability_order(
    folder: RunFolder, rows: Rows, count: int, seed: int = 0, *, device: str = "cpu", progress: Quiet | None = None
) -> np.ndarray:
    """The judged rows that a person should see first, by the stability of the run's own model, (min(count, m),) int64.

    They are chosen among all m judged rows, or where there are more than 2,000 among those of which the model is least
    confident: the answer to a row of which it is sure hardly moves.

    Parameters
    ----------
    rows : Rows
        Of the run; the result holds ranks in it.

    Raises
    ------
    InputError
        If the run is on features, or keeps no inputs.
    RunError
        If its inputs cannot be read.
    """
    kind = modality(rows.modality)
    if kind.from_kept(()) is None:
        able = " and ".join(name for name in modality_names() if modality(name).from_kept(()) is not None)
        raise InputError(
            f"the order stability is for {able} runs, and {folder.path} is one on {kind.name}: choose another --order"
        )
    if rows.position is None or not folder.inputs.is_file():
        raise InputError(
            f"the order stability asks the model about the inputs, and {folder.path} keeps none: choose another "
            "--order, or make the run again without --no-content"
        )
    pool = np.flatnonzero(rows.judged)
    if len(pool) > POOL:
        doubt = np.nan_to_num(rows.numbers["confidence"][pool], nan=np.inf)
        pool = np.sort(pool[np.argsort(doubt, kind="stable")[:POOL]])
    raw = kind.from_kept(read_inputs(folder.inputs, rows.position[pool]))
    assert raw is not None
    moves = deviations(folder, raw, seed=seed, device=device, progress=progress)
    return pool[farthest(moves, count)]


def deviations(
    folder: RunFolder,
    raw: RawInputs,
    *,
    repeats: int = REPEATS,
    scale: float = SCALE,
    seed: int = 0,
    device: str = "cpu",
    progress: Quiet | None = None,
) -> np.ndarray:
    """How the answers to some inputs change under noise in the weights: d_i = concat_k (o_ki - o_i) / ||o_i||.

    o_i are the class probabilities of row i, the mean over the branches where there are several, and o_ki those after
    the k-th noise: to the weight W of every layer is added a normal sample of the length `scale` * ||W||. In a run with
    a frozen encoder the noise goes into the head alone: the encoder was not trained on these labels, and each text is
    embedded but once. Texts are tokenised and images decoded once as well.

    Parameters
    ----------
    folder : RunFolder
        With a model.
    raw : RawInputs
        m texts or images.

    Returns
    -------
    (m, repeats * K) float32
    """
    predictor, progress = load_predictor(folder.model), progress or Quiet()
    accelerator = make_accelerator(device, "fp32")
    network, n_classes = MeanProbabilities(predictor.network).to(accelerator.device), len(predictor.classes)
    random = torch.Generator().manual_seed(seed)
    moves = np.empty((len(raw), repeats, n_classes), dtype=np.float32)
    with TemporaryDirectory(prefix=".review-", dir=folder.path) as temporary:
        inputs = predictor.reader.inputs(raw, accelerator, progress)
        inputs = modality(raw.modality).for_many_passes(inputs, Path(temporary) / "inputs.npy")
        quiet = outputs(network, inputs, n_classes, accelerator)
        progress.begin("noise in the weights", repeats)
        for k in range(repeats):
            with disturbed(network, scale, random):
                moves[:, k] = outputs(network, inputs, n_classes, accelerator) - quiet
            progress.advance()
        progress.end()
    moves /= np.linalg.norm(quiet, axis=1)[:, None, None]
    return moves.reshape(len(moves), -1)


@contextmanager
def disturbed(network: nn.Module, scale: float, random: torch.Generator) -> Iterator[None]:
    """Noise in the weight of every layer, of the length `scale` times the weight's own; gone afterwards, to the bit."""
    weights = {id(weight): weight for weight in _weights(network)}  # once each, where layers share them
    before = [weight.detach().clone() for weight in weights.values()]
    try:
        with torch.no_grad():
            for weight in weights.values():
                # On the CPU, so that every device gets the same.
                noise = torch.randn(weight.shape, generator=random).to(weight)
                length = torch.linalg.vector_norm(noise).clamp_min(1e-30)
                weight.add_(noise * (scale * torch.linalg.vector_norm(weight) / length))
        yield
    finally:
        with torch.no_grad():
            for weight, value in zip(weights.values(), before, strict=True):
                weight.copy_(value)


def _weights(network: nn.Module) -> Iterator[Tensor]:
    for module in network.modules():
        weight = getattr(module, "weight", None)
        if isinstance(weight, Tensor) and weight.is_floating_point():
            yield weight
