"""What a kind and a rate mean: the rules of this package and of published codes, and the draws that follow them.

The codes are those of DyGen, IDO, DivideMix, SED, NPC and M-correction, whose "40 per cent" differ. Their laws are
reproduced, not their streams of random numbers.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from mislabel.errors import InputError, one_of
from mislabel.noise.idn import choose, idn_convention

Compat = Literal["raw", "dygen", "ido", "dividemix", "sed", "npc", "m-correction"]


@dataclass(frozen=True)
class Recipe:
    """The settings in effect.

    Attributes
    ----------
    convention : str
        "transition": a chosen label becomes a wrong class. "replace_incl_own": any class, its own included.
    count : str
        "free": each row is chosen with its probability. "round" or "int": exactly round(r N) or int(r N) rows.
    boosted : bool
        Rows are chosen with probability min(1, r C / (C - 1)), so that the realised rate with the own class included
        is r, and (C - 1) / C at most.
    flips : str or None
        The map that is flipped along, or "custom".
    raw : bool
        For "idn": features as they are, neither standardised nor scaled.
    center : bool
        For "idn": the mean of the flip probabilities is r, not just near it.
    """

    convention: str = "transition"
    count: Literal["free", "round", "int"] = "free"
    boosted: bool = False
    flips: str | None = None
    raw: bool = False
    center: bool = True


_ANY, _RAW = "replace_incl_own", Recipe(raw=True, center=False)
# IDO as it was meant: as released, its CIFAR loader draws from C + 1 labels, one of which is not a class.
COMPAT: dict[str, dict[str, Recipe]] = {
    "raw": {"idn": Recipe(raw=True)},
    "dygen": {"sym": Recipe(_ANY, boosted=True), "asym": Recipe(flips="next"), "idn": _RAW},
    "ido": {
        "sym": Recipe(_ANY, "int"),
        "asym": Recipe(count="int", flips="next"),
        "idn": _RAW,
        "str": Recipe(_ANY, "int"),
    },
    "dividemix": {"sym": Recipe(_ANY, "int")},
    "sed": {"sym": Recipe(), "asym": Recipe(flips="next")},
    "npc": {"sym": Recipe(_ANY, boosted=True)},
    "m-correction": {"sym": Recipe(_ANY)},
}
# IDO's loaders differ by data set, which the number of classes tells: CIFAR-100 and Tiny-ImageNet.
_BY_CLASSES = {
    ("ido", "asym", 100): Recipe(count="int", flips="block5"),
    ("ido", "str", 200): Recipe(count="int", flips="next"),
}


def recipe_for(
    kind: str, n_classes: int, compat: str | None, convention: str, exact: bool, flips: Any, center: bool
) -> Recipe:
    """The settings in effect, after those of a published code; the arguments are those of `mislabel.data.corrupt`.

    Raises
    ------
    InputError
        If the code has no such kind, or settings were given that contradict it.
    """
    name = flips if isinstance(flips, str) else "custom"
    if kind != "asym" and name != "next":
        raise InputError(f"flips is for kind asym only, not {kind}: leave it out")
    own = Recipe(convention, "round" if exact else "free", flips=name if kind == "asym" else None, center=center)
    if compat is None:
        if kind == "str":
            raise InputError('kind str is the structured noise of one published code only: add compat="ido"')
        return own
    one_of("compat", compat, COMPAT)
    if kind not in COMPAT[compat]:
        raise InputError(f'compat="{compat}" is for kind {" or ".join(COMPAT[compat])} only, not {kind}')
    if compat == "raw":
        return replace(own, raw=True)
    recipe = _BY_CLASSES.get((compat, kind, n_classes), COMPAT[compat][kind])
    for what, given, default, ruled in (
        ("convention", convention, "transition", recipe.convention),
        ("exact", exact, False, recipe.count != "free"),
        ("flips", name, "next", recipe.flips),
    ):
        if given not in (default, ruled):
            raise InputError(f'{what}={given!r} contradicts compat="{compat}", which means {ruled!r}: leave it out')
    return recipe


def refuse_unused(kind: str, exact: bool, superclass: Any, transition: Any) -> None:
    """Raise `InputError` if a setting was given that this kind does not have."""
    given = {"superclass": ("asym", superclass is not None), "transition": ("matrix", transition is not None)}
    for name, (owner, there) in given.items():
        if there and kind != owner:
            raise InputError(f"{name} is for kind {owner} only, not {kind}: leave it out")
    if exact and kind == "matrix":
        raise InputError("exact needs a rate, which kind matrix does not have: leave it out")


def class_dependent(
    true: np.ndarray, kind: str, rate: float, n_classes: int, rng: np.random.Generator, recipe: Recipe,
    targets: np.ndarray | None,
) -> np.ndarray:  # fmt: skip
    """Noisy codes (m,) of kind "sym", "asym" (along `targets`, (C,)) or "str", for rows that all have a code."""
    # Only rows that the map can flip are drawn from, so that exact counts are counts of flipped rows.
    rows = np.arange(len(true)) if targets is None else np.flatnonzero(targets[true] != true)
    share = min(1.0, rate * n_classes / max(n_classes - 1, 1)) if recipe.boosted else rate
    count = int(rate * len(rows)) if recipe.count == "int" else None
    chosen = rows[choose(np.full(len(rows), share), share, recipe.count != "free", rng, count)]
    if kind == "str":  # chosen among all rows, but only those of a random half of the classes change
        half = rng.permutation(n_classes)[: n_classes // 2]
        chosen = chosen[np.isin(true[chosen], half)]
    new = true.copy()
    if targets is not None:
        new[chosen] = targets[true[chosen]]
    elif recipe.convention == "transition":
        # A step of 1..C-1 round the circle of classes reaches each wrong class with the same probability.
        new[chosen] = (true[chosen] + rng.integers(1, max(n_classes, 2), size=len(chosen))) % n_classes
    else:
        new[chosen] = rng.integers(0, n_classes, size=len(chosen))
    return new


def convention_text(kind: str, recipe: Recipe, temperature: float, compat: str | None) -> str:
    """What the rate means, for the record, such as "transition, block5, exactly int(r N) rows, as ido"."""
    if kind == "matrix":
        return "matrix"
    if kind == "idn":
        words = idn_convention(temperature, recipe.center, recipe.raw)
    else:
        parts = ["structured"] if kind == "str" else []
        parts += [recipe.convention]
        if recipe.flips and (recipe.flips != "next" or compat):  # without a name, "transition" means the next class
            parts += [recipe.flips]
        parts += ["probability r C / (C - 1)"] if recipe.boosted else []
        parts += ["exactly int(r N) rows"] if recipe.count == "int" else []
        words = ", ".join(parts)
    return words if compat in (None, "raw") else f"{words}, as {compat}"
