"""Every setting of a run, with its default."""

import difflib
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, get_args

from mislabel.backbones import DEFAULT_ENCODER
from mislabel.errors import InputError, in_range, one_of

HEAD_LEARNING_RATE, FULL_LEARNING_RATE = 1e-3, 3e-5
SMALLEST_BATCH, LARGEST_BATCH, STEPS_AN_EPOCH = 8, 32, 40


@dataclass(frozen=True)
class RunConfig:
    """What a run does. The same defaults for all data; every value is stored in config.json.

    Attributes
    ----------
    method : str
        A name from `mislabel methods`.
    options : dict
        Options of the method; those not named keep its defaults.
    backbone : str
        Hub name or folder of a Hugging Face encoder.
    tune : "full" or "head"
        Train the whole encoder, or a small network on its frozen embeddings.
    max_length : int
        Tokens kept per text, counted from the start.
    batch_size, accumulate, learning_rate, weight_decay, warmup, clip, precision, device, seed
        See `mislabel.training.stages.TrainingSettings`. A learning rate of None takes the default of `tune`; a batch
        size of None takes 32, or less where that would leave fewer than 40 steps an epoch, but never under 8.
    """

    method: str = "ido"
    options: dict[str, Any] = field(default_factory=dict)
    backbone: str = DEFAULT_ENCODER
    tune: Literal["full", "head"] = "full"
    max_length: int = 128
    batch_size: int | None = None
    accumulate: int = 1
    learning_rate: float | None = None
    weight_decay: float = 0.01
    warmup: float = 0.06
    clip: float = 1.0
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        one_of("tune", self.tune, ("full", "head"))
        one_of("precision", self.precision, ("auto", "bf16", "fp32"))
        one_of("device", self.device, ("auto", "cpu", "cuda", "mps"))
        for one in fields(self):
            _check_kind(one.name, getattr(self, one.name), one.type)
        for name, low, high in _RANGES:
            if getattr(self, name) is not None:
                in_range(name, getattr(self, name), low, high)

    def plain(self) -> dict[str, Any]:
        return asdict(self)

    def effective(self, rows: int) -> "RunConfig":
        """The settings with every default that depends on the run filled in, for `rows` training rows."""
        rate = HEAD_LEARNING_RATE if self.tune == "head" else FULL_LEARNING_RATE
        batch = min(LARGEST_BATCH, max(SMALLEST_BATCH, rows // STEPS_AN_EPOCH))
        return replace(self, learning_rate=self.learning_rate or rate, batch_size=self.batch_size or batch)


_RANGES: tuple[tuple[str, float, float], ...] = (
    ("max_length", 4, 100_000),
    ("batch_size", 1, 100_000),
    ("accumulate", 1, 100_000),
    ("learning_rate", 1e-9, 10),
    ("weight_decay", 0, 10),
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
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"
            raise InputError(f"{cls.__name__} has no option {name!r}{hint}")
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
