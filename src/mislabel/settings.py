"""A setting is declared once, as a field of a frozen dataclass: its type, default, choices or bounds, and what it does.

    epochs: Annotated[int, Setting("Epochs of stage 1.", 1, 10_000)] = 4
    rate: Annotated[float | None, Setting("Share of wrong labels.", 0, 1, default="estimated")] = None
    scope: Annotated[Literal["global", "class"], Setting("One mixture, or one per given class.")] = "global"
    calibrate: Annotated[bool, Setting("Whether the posterior is sharpened.")] = True

What several dataclasses take is named once, as in ``Seed = Annotated[int, Setting(...)]``. Where one of them leaves it
open, that is said with what it then becomes:

    batch_size: BatchSize | None = left_open(TrainingSettings.batch_size)

`check_settings(self)` in its `__post_init__` refuses what does not fit. The command line, the estimators' checks and
the lists of options are made from `declarations`.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from mislabel.errors import InputError, alternatives, in_range, one_of

T = TypeVar("T")
WORDS: dict[object, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


@dataclass(frozen=True)
class Setting:
    """What an annotation says of a setting beside its type.

    Attributes
    ----------
    help : str
        One or two plain sentences, for a person who has to choose a value.
    low, high : number, optional
        The smallest and the largest value allowed.
    default : str
        What None means, in words.
    """

    help: str
    low: float | None = None
    high: float | None = None
    default: str = ""


@dataclass(frozen=True)
class Declaration:
    """All that is known of one setting.

    Attributes
    ----------
    name : str
    type : type
        bool, int, float or str; `object` for anything else, which is not checked.
    choices : tuple of str
        Of a Literal; empty otherwise.
    optional : bool
        Whether None is allowed.
    default
        MISSING where it has to be given.
    setting : Setting
    """

    name: str
    type: type[Any]
    choices: tuple[str, ...]
    optional: bool
    default: Any
    setting: Setting

    def check(self, value: Any) -> None:
        """Raise InputError unless this is a value of the setting."""
        if value is None and self.optional:
            return
        if self.choices:
            one_of(self.name, value, self.choices)
            return
        allowed = (int, float) if self.type is float else self.type
        if not isinstance(value, allowed) or (isinstance(value, bool) and self.type in (int, float)):
            raise InputError(f"{self.name} is {value!r}, needed {self.allowed}")
        if self.setting.low is not None and self.setting.high is not None:
            in_range(self.name, value, self.setting.low, self.setting.high)

    @property
    def allowed(self) -> str:
        """The values in words: ``"a whole number, 1 to 10000"`` or ``"full or head"``."""
        if self.choices:
            *most, last = self.choices
            return f"{', '.join(most)} or {last}" if most else last
        bounds = f", {self.setting.low:g} to {self.setting.high:g}" if self.setting.low is not None else ""
        return WORDS.get(self.type, "anything") + bounds

    @property
    def shown_default(self) -> str:
        """The default in words; empty where there is none."""
        if self.default is MISSING:
            return ""
        if self.default is None:
            return self.setting.default or "none"
        if isinstance(self.default, bool):
            return "true" if self.default else "false"
        return f"{self.default:g}" if isinstance(self.default, float) else str(self.default)

    def plain(self) -> dict[str, Any]:
        """What there is to know, as JSON holds it."""
        return {
            "type": "choice" if self.choices else self.type.__name__,
            "choices": list(self.choices),
            "low": self.setting.low,
            "high": self.setting.high,
            "default": None if self.default is MISSING else self.default,
            "help": self.setting.help,
        }


@cache
def declarations(cls: type[Any]) -> dict[str, Declaration]:
    """The settings that a dataclass declares, by name, in its order."""
    hints = get_type_hints(cls, include_extras=True)
    return {item.name: _declaration(item, hints[item.name]) for item in fields(cls)}


def left_open(meaning: float | str) -> Any:
    """A field of a dataclass that is None by default, which then means this, shown as the default."""
    return field(default=None, metadata={"meaning": meaning if isinstance(meaning, str) else f"{meaning:g}"})


def check_settings(settings: Any) -> None:
    """Raise InputError unless every field of a dataclass holds what is declared."""
    for name, declaration in declarations(type(settings)).items():
        declaration.check(getattr(settings, name))


def make_settings(cls: type[T], values: Mapping[str, Any], what: str = "option") -> T:
    """A dataclass from plain values by name.

    Raises
    ------
    InputError
        For an unknown name (with the nearest known one), or a value that is not what is declared.
    """
    known = declarations(cls)
    for name, value in values.items():
        if name not in known:
            raise InputError(f"{cls.__name__} has no {what} {name!r}{alternatives(name, known)}")
        known[name].check(value)
    return cls(**values)


def _declaration(item: Any, hint: Any) -> Declaration:
    """One setting from a dataclass field and its annotation."""
    hint, outer = _parts(hint)
    kinds = [_parts(kind) for kind in (get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,))]
    plain = [kind for kind, _ in kinds if kind is not NoneType]
    setting = next(
        (annotated for annotated in (outer, *(inner for _, inner in kinds)) if annotated is not None), Setting("")
    )
    if "meaning" in item.metadata:
        setting = replace(setting, default=item.metadata["meaning"])
    choices = get_args(plain[0]) if len(plain) == 1 and get_origin(plain[0]) is Literal else ()
    kind = str if choices else plain[0] if len(plain) == 1 and plain[0] in WORDS else object
    default = item.default if item.default_factory is MISSING else item.default_factory()
    return Declaration(item.name, kind, choices, len(plain) < len(kinds), default, setting)


def _parts(hint: Any) -> tuple[Any, Setting | None]:
    """An annotation without what it says beside the type, and that."""
    if get_origin(hint) is not Annotated:
        return hint, None
    plain, *extras = get_args(hint)
    return plain, next((extra for extra in extras if isinstance(extra, Setting)), None)
