"""How long a text a network reads, and whether its tokenizer fits: told by one full-length text before all others."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mislabel.modalities.safe_loading import reason, refusal
from mislabel.modalities.text.batches import Layout, TextInputs

WORDS = "a sentence of plain words that is as long as a text may be, and no longer; " * 8
LONGEST_TRIED = 1024  # tokens: beyond, trying takes the memory that a text of that length would


def readable_length(network: nn.Module, encoder: Any, tokenizer: Any, asked: int, name: str, layout: Layout) -> int:
    """The tokens of a text that a network reads: those that were asked for, or as many as it has positions.

    Parameters
    ----------
    network : Module
        Takes a batch of texts.
    encoder
        The plain transformers model inside, which knows its positions.
    asked : int
        Tokens a text.
    name : str
        Of the model, for the message.
    layout : Layout

    Raises
    ------
    InputError
        If the tokenizer knows more tokens than the network, or the network reads no text or gives no numbers.
    """
    _check_vocabulary(encoder, tokenizer, name)
    length = min(asked, positions(encoder) or asked)
    tried = min(length, LONGEST_TRIED)
    fault = _fault(network, tokenizer, tried, layout)
    if fault is None:
        return length
    low, high = 0, tried  # a network that says nothing of its positions shows where they end
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _fault(network, tokenizer, middle, layout) else (middle, high)
    if low < 2:
        raise refusal(name, f"it cannot read a text of {tried} tokens ({fault})")
    return low


def _check_vocabulary(encoder: Any, tokenizer: Any, name: str) -> None:
    """Raise InputError where the tokenizer has tokens without a row in the network's table."""
    try:
        table = encoder.get_input_embeddings()
    except (NotImplementedError, AttributeError):  # it reads characters by their hash
        return
    known = max(tokenizer.get_vocab().values(), default=-1) + 1
    if isinstance(table, nn.Embedding) and known > table.num_embeddings:
        raise refusal(
            name,
            f"its tokenizer knows {known} tokens and its network {table.num_embeddings}: add the rows "
            f"(resize_token_embeddings({known})), or save the tokenizer that belongs to it",
        )


def positions(encoder: Any) -> int | None:
    """How many tokens have a position; None where positions are relative, or only trying tells.

    Networks of RoBERTa's kind count positions from the one after the padding's, and their table is so much longer.
    """
    config = encoder.config.get_text_config()
    many = getattr(config, "max_position_embeddings", None)
    if not isinstance(many, int) or many <= 0:
        return None
    if getattr(config, "relative_attention", False) and not getattr(config, "position_biased_input", True):
        return None
    for path, table in encoder.named_modules():
        if isinstance(table, nn.Embedding) and path.endswith(".position_embeddings"):
            return many if table.padding_idx is None else many - table.padding_idx - 1
    return many


def _fault(network: nn.Module, tokenizer: Any, length: int, layout: Layout) -> str | None:
    """What goes wrong when a network reads a text of so many tokens, and a short one beside it; None if nothing."""
    try:
        inputs = TextInputs([WORDS * (length // 16 + 1), "a"], tokenizer, length, layout)
        ordinary = next((k for k in range(len(tokenizer)) if k not in tokenizer.all_special_ids), 0)
        batch = _lengthened(inputs.batch(np.arange(2)), length, ordinary)
        with torch.inference_mode():
            result = network.eval()(batch)
    except Exception as error:  # of any kind: the library's models raise what they like
        return reason(error)
    return None if bool(torch.isfinite(result).all()) else "it gives NaN or infinity"


def _lengthened(batch: dict[str, Tensor], length: int, ordinary: int) -> dict[str, Tensor]:
    """The same where the first text has all its tokens: a tokenizer that knows no word of it gave too few."""
    tokens, attention = batch["input_ids"], batch["attention_mask"]
    short = length - int(attention[0].sum())
    if short <= 0:
        return batch
    filled = torch.cat([torch.full((short,), ordinary), tokens[0, attention[0] == 1]])
    more = max(0, length - tokens.shape[1])
    tokens = nn.functional.pad(tokens, (0, more), value=int(tokens[1, -1]))
    attention = nn.functional.pad(attention, (0, more))
    tokens[0, :length], attention[0, :length] = filled, 1
    return {**batch, "input_ids": tokens, "attention_mask": attention}
