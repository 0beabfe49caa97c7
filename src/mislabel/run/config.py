"""Every setting of a run, with its default."""

import difflib
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from mislabel.errors import InputError, in_range, one_of

DEFAULT_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"


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
        See `mislabel.training.stages.TrainingSettings`. A learning rate of None takes the default of `tune`.
    """

    method: str = "ido"
    options: dict[str, Any] = field(default_factory=dict)
    backbone: str = DEFAULT_ENCODER
    tune: Literal["full", "head"] = "full"
    max_length: int = 128
    batch_size: int = 32
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
        for name, low, high in _RANGES:
            if getattr(self, name) is not None:
                in_range(name, getattr(self, name), low, high)

    def plain(self) -> dict[str, Any]:
        return asdict(self)


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
    return cls(**options)
