"""The strong view of a batch in somebody else's training, for methods that compare two views of a row."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mislabel.errors import InputError
from mislabel.modalities.text.batches import masked

View = Callable[[dict[str, Any]], dict[str, Any]]


def strong_view_of(tokenizer: Any) -> View:
    """A function that masks some of a batch's `input_ids` at random, as our own loop does with texts.

    Raises
    ------
    InputError
        If this is no tokenizer.
    """
    special = getattr(tokenizer, "all_special_ids", None)
    if special is None:
        raise InputError(
            "the method compares two views of each row, and without a tokenizer as processing_class nobody knows a "
            "strong one: give strong_view=, from a batch (a dict of tensors) to a changed one"
        )
    kept = torch.tensor(sorted(token for token in special if token != tokenizer.unk_token_id), dtype=torch.int64)
    fill = tokenizer.mask_token_id if tokenizer.mask_token_id is not None else tokenizer.pad_token_id or 0

    def strong(inputs: dict[str, Any]) -> dict[str, Any]:
        tokens = inputs.get("input_ids")
        if not isinstance(tokens, Tensor):
            raise InputError("a batch has no input_ids to mask for the strong view: give strong_view=")
        attended = inputs.get("attention_mask", torch.ones_like(tokens))
        return {**inputs, "input_ids": masked(tokens, attended, kept, fill)}

    return strong


def both(weak: dict[str, Any], strong: dict[str, Any]) -> dict[str, Any]:
    """Two views of b rows as one batch of 2 b rows, weak ones first; what is no tensor must be the same in both."""
    return {
        name: torch.cat([value, strong[name]]) if isinstance(value, Tensor) and value.ndim else value
        for name, value in weak.items()
    }
