"""What this package raises. Every message says what was given, what is needed, where, and how to fix it."""

import difflib
from collections.abc import Iterable, Mapping


class InputError(ValueError):
    """The input cannot be used as it is; the command line answers it with exit code 2."""


class NotAssessed(InputError):
    """The data can neither train a classifier nor be judged: never to be read as "no wrong labels"."""


class RunError(RuntimeError):
    """A run folder cannot be used as asked: locked, unfinished, or made from other data."""


def some_ids(ids: Iterable[object], limit: int = 5) -> str:
    """At most `limit` ids as text, and how many more there are: ``"a, b, c (and 9 more)"``."""
    listed = list(ids)
    text = ", ".join(repr(item) if isinstance(item, str) else str(item) for item in listed[:limit])
    return text + (f" (and {len(listed) - limit} more)" if len(listed) > limit else "")


def nearest(name: str, known: Iterable[str], otherwise: str = "there are ") -> str:
    """The end of a message about a name that is not known: the one that was perhaps meant, or all there are."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; {otherwise}{', '.join(names)}"


def one_of(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Raise InputError unless `value` is one of the choices."""
    if value not in choices:
        raise InputError(f"{name} is {value!r}, needed one of {', '.join(choices)}")


def in_range(name: str, value: object, low: float, high: float) -> None:
    """Raise InputError unless `value` is a number in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InputError(f"{name} is {value!r}, needed {low:g} to {high:g}")


def did_you_mean(name: object, options: Iterable[object]) -> str:
    """``' (did you mean "label"?)'``, or nothing where no option is near; capitals do not count."""
    by_folded = {str(option).casefold(): str(option) for option in options}
    found = difflib.get_close_matches(str(name).casefold(), list(by_folded), n=1, cutoff=0.6)
    return f' (did you mean "{by_folded[found[0]]}"?)' if found else ""


def check_choice(value: object, options: Mapping[str, object] | Iterable[str], what: str) -> None:
    """Raise `InputError` unless `value` is one of `options`; the message names the nearest and lists all."""
    known = list(options)
    if value not in known:
        raise InputError(f"{what} is {value!r}{did_you_mean(value, known)}; it must be one of {', '.join(known)}")
