"""Texts, tokenised once and batched by length."""

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mislabel.modalities.text.texts import SEPARATOR
from mislabel.modalities.text.tokens import CHARACTERS_PER_TOKEN, Rows, tokenised
from mislabel.training.inputs import PAD_TO

MASKED_SHARE = 0.15


@dataclass(frozen=True)
class Layout:
    """How a network wants the tokens of a text.

    Attributes
    ----------
    end : int, optional
        A token that must stand at the end of every text and nowhere else.
    left : bool
        Whether the padding stands before the text, for a network that judges what stands last.
    """

    end: int | None = None
    left: bool = False


PLAIN = Layout()


class TextInputs:
    """Tokenised texts, kept as one flat array.

    Parameters
    ----------
    texts : iterable of n str
    tokenizer
        Of transformers.
    max_length : int
        Longer texts keep their first `max_length` tokens.
    layout : Layout
    pair : bool
        Whether each text is two, of which the first ends at its first line break: the tokenizer's pair.
    folder, told
        See `tokenised`.

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

    def __init__(
        self,
        texts: Iterable[str],
        tokenizer: Any,
        max_length: int = 128,
        layout: Layout = PLAIN,
        pair: bool = False,
        *,
        folder: Path | None = None,
        told: Callable[[int], None] = lambda texts: None,
    ):
        self.pad: int = tokenizer.pad_token_id or 0
        self.mask: int | None = tokenizer.mask_token_id
        self.max_length: int = max_length
        self.left: bool = layout.left
        special = [token for token in tokenizer.all_special_ids if token != tokenizer.unk_token_id]
        self.special: Tensor = torch.tensor(sorted(special), dtype=torch.int64)
        unread = self.special.tolist() + ([tokenizer.unk_token_id] if tokenizer.unk_token_id is not None else [])

        def finish(row: list[int]) -> list[int]:
            row = row if layout.end is None else _ended(row, layout.end, max_length)
            return row or [self.pad]  # a decoder's tokenizer adds nothing to an empty text

        tokens_of = partial(_pairs if pair else _tokens, tokenizer, max_length)
        # A text of 10 MB costs no more than a long one.
        most = CHARACTERS_PER_TOKEN * max_length
        tokens = tokenised(texts, most, tokens_of, finish, np.array(unread, dtype=np.int64), folder, told)
        self.truncated: int = tokens.truncated
        self.empty: np.ndarray = tokens.empty
        self.lengths: np.ndarray = tokens.lengths
        self._tokens, self._begins = tokens.flat, np.cumsum(tokens.lengths) - tokens.lengths
        self.separator: int | None = tokenizer.sep_token_id
        self.typed: bool = pair and self._numbers_as(tokenizer("a", "b"))

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, index: np.ndarray) -> "TextInputs":
        """These rows, in this order; the tokens are shared."""
        part = copy.copy(self)
        part.lengths, part.empty, part._begins = self.lengths[index], self.empty[index], self._begins[index]
        return part

    @property
    def alike(self) -> bool:
        """Whether all texts have the same tokens; looks no further than to the first that differs."""
        if np.ptp(self.lengths) > 0:
            return False
        rows = (self._tokens[begin : begin + self.lengths[0]] for begin in self._begins)
        first = next(rows)
        return all(np.array_equal(row, first) for row in rows)

    def batch(self, index: np.ndarray) -> dict[str, Tensor]:
        """`input_ids` and `attention_mask` of these rows, (b, longest) int64."""
        longest = int(self.lengths[index].max())
        longest = max(longest, min(-(-longest // PAD_TO) * PAD_TO, self.max_length))  # there may be no more positions
        tokens = np.full((len(index), longest), self.pad, dtype=np.int64)
        attention = np.zeros((len(index), longest), dtype=np.int64)
        for line, row in enumerate(index):
            begin, length = self._begins[row], self.lengths[row]
            part = slice(longest - length, longest) if self.left else slice(length)
            tokens[line, part] = self._tokens[begin : begin + length]
            attention[line, part] = 1
        batch = {"input_ids": torch.from_numpy(tokens), "attention_mask": torch.from_numpy(attention)}
        return batch | {"token_type_ids": torch.from_numpy(self._types(tokens, attention))} if self.typed else batch

    def _numbers_as(self, probe: Any) -> bool:
        """Whether `_types` gives what a tokenizer gave for a pair; some number otherwise, most others not at all."""
        tokens, attention = (np.array([probe[name]]) for name in ("input_ids", "attention_mask"))
        return probe.get("token_type_ids") == self._types(tokens, attention)[0].tolist()

    def _types(self, tokens: np.ndarray, attention: np.ndarray) -> np.ndarray:
        """0 up to the first separator of each row and 1 behind it, (b, longest) int64, as tokenizers number a pair."""
        ended = np.cumsum(tokens == self.separator, axis=1) - (tokens == self.separator)
        return ((ended > 0) & (attention == 1)).astype(np.int64)

    def weak_view(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The batch itself: the network's dropout is the weak view."""
        return batch

    def strong_view(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The batch with 15 % of its ordinary tokens masked at random."""
        fill = self.mask if self.mask is not None else self.pad
        return {**batch, "input_ids": masked(batch["input_ids"], batch["attention_mask"], self.special, fill)}


def masked(tokens: Tensor, attended: Tensor, special: Tensor, fill: int) -> Tensor:
    """Tokens (b, length) int64 with 15 % of the ordinary ones replaced by `fill`, drawn at random.

    Parameters
    ----------
    attended : (b, length) int
        1 for what belongs to the text.
    special : (s,) int64
        Tokens that are not ordinary.
    """
    ordinary = ~torch.isin(tokens, special.to(tokens.device)) & (attended == 1)
    chosen = (torch.rand(tokens.shape, device=tokens.device) < MASKED_SHARE) & ordinary
    return tokens.masked_fill(chosen, fill)


def _ended(row: list[int], end: int, max_length: int) -> list[int]:
    """The tokens with one end token, at their end."""
    return [*[token for token in row if token != end][: max_length - 1], end]


def _pairs(tokenizer: Any, max_length: int, texts: list[str]) -> Rows:
    """As `_tokens`, of texts whose first line is one and the rest another; the longer of the two is cut."""
    first, second = ([*part] for part in zip(*(text.partition(SEPARATOR)[::2] for text in texts), strict=True))
    rows = tokenizer(first, second, truncation="longest_first", max_length=max_length)["input_ids"]
    whole = tokenizer(first, second, verbose=False)["input_ids"]
    return rows, np.array([len(row) < len(every) for row, every in zip(rows, whole, strict=True)], dtype=bool)


def _tokens(tokenizer: Any, max_length: int, texts: list[str]) -> Rows:
    """The tokens of each text, at most `max_length`, and which texts had more, (c,) bool."""
    if not tokenizer.is_fast:  # it does not say what it cut
        rows = tokenizer(texts, truncation=True, max_length=max_length)["input_ids"]
        whole = tokenizer(texts, verbose=False)["input_ids"]
        return rows, np.array([len(row) < len(every) for row, every in zip(rows, whole, strict=True)], dtype=bool)
    encoded = tokenizer(texts, truncation=True, max_length=max_length, return_overflowing_tokens=True)
    first = np.unique(encoded["overflow_to_sample_mapping"], return_index=True)[1]
    over = np.bincount(encoded["overflow_to_sample_mapping"], minlength=len(texts)) > 1
    return [encoded["input_ids"][k] for k in first], over
