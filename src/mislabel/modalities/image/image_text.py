"""Models that read images and words into one space, as CLIP does: how near each image is to a sentence."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mislabel.errors import InputError
from mislabel.modalities.image.batches import ImageInputs
from mislabel.modalities.image.models import FILES, SCRATCH_HINT, ImageNetwork, Preprocessor
from mislabel.modalities.pretrained import check_body, load_network
from mislabel.modalities.safe_loading import load_config
from mislabel.modalities.similarity import cosines
from mislabel.modalities.text.models import load_tokenizer
from mislabel.training.inference import outputs
from mislabel.training.progress import Quiet

KINDS = ("clip", "metaclip_2", "siglip", "siglip2")  # those that also are classifiers of images
SENTENCES_AT_ONCE = 64


class ImageTower(ImageNetwork):
    """The side of such a model that reads images: their projected features, (b, d) float32 of unit length."""

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        return _unit(cast(Any, self.classifier).get_image_features(pixel_values=self.normalised(inputs)))


def sentence_similarity(
    name: str, preprocessor: Preprocessor, inputs: ImageInputs, accelerator: Any, progress: Quiet
) -> Callable[[Sequence[str]], np.ndarray] | None:
    """What gives the cosine of every image with each sentence, (m, S) float32; None where a model does not read words.

    Nothing is loaded before it is asked, and the images are read once.

    Parameters
    ----------
    name : str
        Of the model: hub name or folder.
    inputs : ImageInputs
        m images.
    """
    tokenizer = find_tokenizer(name)
    if tokenizer is None:
        return None

    @cache
    def embed(dimension: int) -> np.ndarray:
        tower = ImageTower(load_towers(name), preprocessor.mean, preprocessor.scale)
        return outputs(tower, inputs, dimension, accelerator, low_precision=True, progress=progress)

    def similarity(sentences: Sequence[str]) -> np.ndarray:
        words = embed_sentences(load_towers(name), tokenizer, sentences, accelerator.device)
        return cosines(embed(words.shape[1]), words)

    return similarity


def find_tokenizer(name: str) -> Any:
    """The tokenizer of a model that reads images and words; None where the model does not, or only its images are here.

    A model that was trained here as a classifier has lost the side that reads words.
    """
    config = load_config(name, FILES, SCRATCH_HINT)
    whole = any(each.endswith("Model") for each in config.architectures or ["Model"])
    if config.model_type not in KINDS or not whole:
        return None
    try:
        return load_tokenizer(name)
    except InputError:
        return None


def load_towers(name: str) -> nn.Module:
    """Both sides of the model, frozen; training goes on with the random numbers that it would have had.

    Raises
    ------
    InputError
        If it cannot be loaded, or lacks weights.
    """
    import transformers

    with torch.random.fork_rng(devices=[]):
        network, report = load_network(transformers.AutoModel, name, FILES, SCRATCH_HINT, dtype=torch.float32)
    check_body(network, name, report)
    return network.eval()


def embed_sentences(network: nn.Module, tokenizer: Any, sentences: Sequence[str], device: torch.device) -> np.ndarray:
    """Projected features of sentences, (S, d) float32 of unit length; what is longer than the model reads is cut."""
    towers, parts = cast(Any, network.to(device)), []
    length = towers.config.text_config.max_position_embeddings
    for begin in range(0, len(sentences), SENTENCES_AT_ONCE):
        some = list(sentences[begin : begin + SENTENCES_AT_ONCE])
        # Padded to the full length, as SigLIP, which reads the last position, was trained; CLIP does not care.
        tokens = tokenizer(some, padding="max_length", truncation=True, max_length=length, return_tensors="pt")
        with torch.inference_mode():
            parts.append(_unit(towers.get_text_features(**tokens.to(device))).cpu().numpy())
    return np.concatenate(parts)


def _unit(features: Any) -> Tensor:
    """Of unit length; some versions of the library wrap features in an output with more."""
    return functional.normalize(getattr(features, "pooler_output", features).float(), dim=-1)
