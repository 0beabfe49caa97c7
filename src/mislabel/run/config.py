"""Every setting of a run, with its default."""

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, get_args

from mislabel.errors import InputError, alternatives, in_range, one_of
from mislabel.methods import method_entry
from mislabel.modalities import modality as find_modality
from mislabel.modalities import modality_names
from mislabel.posterior.detection import find_score
from mislabel.run.recipes import find_recipe

HEAD_RATE, SCRATCH_RATE = 1e-3, 1e-3
SMALLEST_BATCH, STEPS_AN_EPOCH = 8, 40
SMALL_HEAD_BATCH = 32
HEAD_BATCH, HEAD_STEPS_AN_EPOCH = 256, 400  # a head on very many rows: a step costs next to nothing but its overhead
SCRATCH_LENGTHEN = 8.0  # fine-tuning takes a few epochs, random weights some dozens


@dataclass(frozen=True)
class RunConfig:
    """What a run does. The same defaults for all data; every value is stored in config.json.

    Where a default is None, it depends on what is trained; `effective` fills it in.

    Attributes
    ----------
    method : str
        A name from `mislabel methods`.
    options : dict
        Options of the method; those not named keep its defaults.
    score : str, optional
        A name from `mislabel methods --scores`: orders the audit instead of the method's posterior.
    recipe : str, optional
        A name from `mislabel.run.recipes`: the published settings of a paper. What is given beside it wins.
    backbone : str, optional
        Hub name or folder of a Hugging Face encoder; for images a classifier. Features need none.
    scratch : str, optional
        Images: train from random weights, "resnet-small", "resnet-18", or the architecture of a model.
    tune : "full" or "head"
        Train the whole encoder, or a small network on its frozen embeddings. Features train that network.
    max_length : int
        Tokens kept per text, counted from the start.
    resolution : int, optional
        Side of images in pixels; the model's own without it, 32 for the two ResNets.
    image_cache : int
        Megabytes that decoded images may take; where they do not fit, they are decoded as they are needed.
    lengthen : float, optional
        Factor on the epochs of every stage that `options` does not name: 1, and 8 for a network from random weights.
    batch_size : int, optional
        32 for texts and heads, 128 for images, or less where that would leave fewer than 40 steps an epoch, but never
        under 8; heads on more than 12,800 rows take more, up to 256, for 400 steps an epoch.
    learning_rate : float, optional
        3e-5, 1e-4 for images, 1e-3 for heads and from random weights.
    accumulate, optimizer, weight_decay, momentum, schedule, floor, warmup, clip, compile, precision, device, seed
        See `mislabel.training.stages.TrainingSettings`.
    """

    method: str = "ido"
    options: dict[str, Any] = field(default_factory=dict)
    score: str | None = None
    recipe: str | None = None
    backbone: str | None = None
    scratch: str | None = None
    tune: Literal["full", "head"] = "full"
    max_length: int = 128
    resolution: int | None = None
    image_cache: int = 2000
    lengthen: float | None = None
    batch_size: int | None = None
    accumulate: int = 1
    optimizer: Literal["adamw", "sgd"] | None = None
    learning_rate: float | None = None
    weight_decay: float | None = None
    momentum: float | None = None
    schedule: Literal["linear", "cosine"] | None = None
    floor: float | None = None
    warmup: float | None = None
    clip: float | None = None
    compile: bool = False
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.score is not None:
            find_score(self.score)
        one_of("tune", self.tune, ("full", "head"))
        one_of("precision", self.precision, ("auto", "bf16", "fp32"))
        one_of("device", self.device, ("auto", "cpu", "cuda", "mps"))
        for name, choices in (("optimizer", ("adamw", "sgd")), ("schedule", ("linear", "cosine"))):
            if getattr(self, name) is not None:
                one_of(name, getattr(self, name), choices)
        for one in fields(self):
            _check_kind(one.name, getattr(self, one.name), one.type)
        for name, low, high in _RANGES:
            if getattr(self, name) is not None:
                in_range(name, getattr(self, name), low, high)

    def plain(self) -> dict[str, Any]:
        return asdict(self)

    def effective(self, modality: str, rows: int) -> "RunConfig":
        """The settings with every default that depends on the run filled in, for `rows` training rows.

        Raises
        ------
        InputError
            If settings contradict each other or do not fit the inputs.
        """
        _check_together(self, modality)
        chosen = with_recipe(self)
        if find_modality(modality).encoder is None:
            chosen = replace(chosen, tune="head")
        defaults = _defaults(chosen, modality, rows)
        chosen = replace(chosen, **{name: value for name, value in defaults.items() if getattr(chosen, name) is None})
        method, factor = method_entry(chosen.method).make, chosen.lengthen or 1.0
        longer = {
            one.name: max(1, round(one.default * factor))  # pyright: ignore[reportOperatorIssue, reportArgumentType]
            for one in fields(method)
            if one.name.endswith("epochs")
        }
        return replace(chosen, options=longer | chosen.options if factor != 1 else chosen.options)


def with_recipe(config: RunConfig) -> RunConfig:
    """The recipe's settings where the user gave none."""
    if config.recipe is None:
        return config
    recipe = find_recipe(config.recipe)
    if config.method != recipe.method:
        raise InputError(f"recipe {config.recipe!r} is for method {recipe.method}, not {config.method}: leave one out")
    settings = {name: value for name, value in recipe.settings.items() if getattr(config, name) is None}
    if config.scratch is not None:
        settings.pop("backbone", None)
    return replace(config, **settings, options={**recipe.options, **config.options})


def _defaults(config: RunConfig, modality: str, rows: int) -> dict[str, Any]:
    """What settings are where neither user nor recipe gave any."""
    head, scratch, kind = config.tune == "head", config.scratch is not None, find_modality(modality)
    largest = SMALL_HEAD_BATCH if head else kind.batch_size
    batch = min(largest, max(SMALLEST_BATCH, rows // STEPS_AN_EPOCH))
    if head:
        batch = max(batch, min(HEAD_BATCH, rows // HEAD_STEPS_AN_EPOCH))
    return {
        "backbone": None if scratch else kind.encoder,
        "batch_size": batch,
        "learning_rate": HEAD_RATE if head else SCRATCH_RATE if scratch else kind.learning_rate,
        "lengthen": SCRATCH_LENGTHEN if scratch else 1.0,
        "optimizer": "adamw",
        "weight_decay": 0.01,
        "momentum": 0.0,
        "schedule": "linear",
        "floor": 0.0,
        "warmup": 0.06,
        "clip": 1.0,
    }


def _check_together(config: RunConfig, modality: str) -> None:
    kind = find_modality(modality)
    for other in map(find_modality, modality_names()):
        for name in other.own_settings:
            if name not in kind.own_settings and getattr(config, name) is not None:
                raise InputError(f"{name} is for {other.words.plural}; the inputs are {modality}: leave it out")
    if config.scratch is not None and config.backbone is not None:
        raise InputError("backbone and scratch were both given: random weights, or those of a model? Leave one out")
    if config.scratch is not None and config.tune == "head":
        raise InputError("tune=head keeps an encoder as it is, scratch has random weights: use tune=full")
    if kind.encoder is None and config.backbone is not None:
        raise InputError(f"{kind.words.plural} need no backbone: leave it out")


_RANGES: tuple[tuple[str, float, float], ...] = (
    ("max_length", 4, 100_000),
    ("resolution", 8, 4096),
    ("image_cache", 0, 10_000_000),
    ("lengthen", 0.01, 1000),
    ("batch_size", 1, 100_000),
    ("accumulate", 1, 100_000),
    ("learning_rate", 1e-9, 10),
    ("weight_decay", 0, 10),
    ("momentum", 0, 0.9999),
    ("floor", 0, 10),
    ("warmup", 0, 0.99),
    ("clip", 1e-6, 1e6),
    ("seed", 0, 2**32 - 1),
)


def read_options(cls: type, options: dict[str, Any]) -> Any:
    """An options dataclass from a plain dictionary, types checked.

    Raises
    ------
    InputError
        For an unknown name (with the nearest known one) or a value of the wrong kind.
    """
    known = {one.name: one for one in fields(cls)}
    for name in options:
        if name not in known:
            raise InputError(f"{cls.__name__} has no option {name!r}{alternatives(name, known)}")
        _check_kind(name, options[name], known[name].type)
    return cls(**options)


def _check_kind(name: str, value: object, kind: object) -> None:
    """Raise InputError where a whole number, a number or true/false is needed and something else is there."""
    if value is None and type(None) in get_args(kind):
        return
    kind = next((one for one in get_args(kind) if one in _KINDS), kind)  # of `int | None`, int
    allowed, words = _KINDS.get(kind, ((object,), ""))
    if not isinstance(value, allowed) or (isinstance(value, bool) and kind in (int, float)):
        raise InputError(f"{name} is {value!r}, needed {words}")


_KINDS: dict[object, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
}
