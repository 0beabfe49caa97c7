"""What a row of the table stands for: a method with its options, or a yardstick."""

import re
import zlib
from dataclasses import dataclass, field
from typing import Any

from mislabel.errors import InputError, alternatives
from mislabel.methods import METHODS
from mislabel.run.option_pairs import read_pairs

GOLD, PEER, ORACLE = "gold", "cleanlab", "oracle"
CE = "ce"
STOPS = ("ce:stop=label_wave", "ce:stop=validation")


@dataclass(frozen=True)
class Spec:
    """A method as the command line names it: ``ido``, ``ce:stop=label_wave``, ``co_teaching:noise_rate=oracle``.

    Attributes
    ----------
    text : str
        As it was written; the name of the row.
    method : str
        A name from `mislabel methods`; "gold", plain training on the gold labels; or "cleanlab".
    options : dict
        Of the method; the value "oracle" stands for the true noise rate.
    """

    text: str
    method: str
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def oracle(self) -> bool:
        return ORACLE in self.options.values()

    @property
    def file_name(self) -> str:
        """The same as the name of a folder, on any system."""
        plain = re.sub(r"[^A-Za-z0-9_=.-]", ".", self.text)
        clear = plain == self.text.replace(":", ".") and "." not in self.text
        return plain if clear else f"{plain}.{zlib.crc32(self.text.encode()):08x}"

    def with_rate(self, rate: float) -> dict[str, Any]:
        """The options with the true noise rate where they ask for it."""
        return {name: rate if value == ORACLE else value for name, value in self.options.items()}


def read_spec(text: str) -> Spec:
    """From ``method:option=value;option=value``.

    Raises
    ------
    InputError
        For a method that is not known. Options are looked at where the method runs.
    """
    name, _, rest = text.strip().partition(":")
    known = [*METHODS, GOLD, PEER]
    if name not in known:
        raise InputError(f"method {name!r} is not known{alternatives(name, known)}")
    pairs = [part for part in rest.split(";") if part]
    if name == PEER and pairs:
        raise InputError(f"{PEER} takes no options, {rest!r} was given")
    return Spec(text.strip(), name, read_pairs(pairs, "method option"))


def read_specs(texts: list[str]) -> list[Spec]:
    """Each once, in their order; "all" stands for every method, plain training in its variants, and the yardsticks."""
    expanded = [name for text in texts for name in (all_methods() if text.strip() == "all" else [text])]
    return [read_spec(name) for name in dict.fromkeys(name.strip() for name in expanded)]


def all_methods() -> list[str]:
    return [GOLD, PEER, CE, *STOPS, *(name for name in METHODS if name != CE)]
