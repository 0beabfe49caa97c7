"""The settings of published experiments, by name: `mislabel train --recipe NAME`."""

from dataclasses import dataclass
from typing import Any

from mislabel.errors import InputError, alternatives


@dataclass(frozen=True)
class Recipe:
    """Settings of a paper.

    Attributes
    ----------
    method : str
    settings : dict
        Fields of `RunConfig`.
    options : dict
        Of the method.
    """

    method: str
    settings: dict[str, Any]
    options: dict[str, Any]


# arXiv 2505.00812 and its code: stage 1 has a constant rate, stage 2 falls as a cosine; no warm-up, no clipping, every
# pass counts, one mixture per class.
_IDO: dict[str, Any] = {"warm_epochs": 5, "robust_epochs": 10, "scope": "class", "burn_in": 0}
_SHARED: dict[str, Any] = {
    "resolution": 224,
    "batch_size": 128,
    "schedule": "cosine",
    "warmup": 0.0,
    "momentum": 0.0,
    "clip": 1e6,
}

RECIPES: dict[str, Recipe] = {
    "ido-resnet50": Recipe(
        "ido",
        {**_SHARED, "optimizer": "adamw", "learning_rate": 1e-3, "weight_decay": 1e-5,
         "floor": 1e-4, "backbone": "microsoft/resnet-50"},
        _IDO,
    ),
    "ido-vit-b16": Recipe(
        "ido",
        {**_SHARED, "optimizer": "sgd", "learning_rate": 1e-2, "weight_decay": 1e-5, "floor": 1e-4,
         "backbone": "google/vit-base-patch16-224"},
        _IDO,
    ),
    "ido-convnext-b": Recipe(
        "ido",
        # The published floor of 1e-4 is the rate itself, which then never falls.
        {**_SHARED, "optimizer": "adamw", "learning_rate": 1e-4, "weight_decay": 1e-4, "floor": 1e-5,
         "backbone": "facebook/convnext-base-224"},
        _IDO,
    ),
}  # fmt: skip


def find_recipe(name: str) -> Recipe:
    """The recipe of this name; InputError with the known ones otherwise."""
    if name not in RECIPES:
        raise InputError(f"recipe {name!r} is not known{alternatives(name, RECIPES)}")
    return RECIPES[name]
