"""What this package raises. Every message says what was given, what is needed, where, and how to fix it."""

import difflib
import heapq
import os
import re
from collections.abc import Iterable
from os.path import commonprefix

TRAINING = ("torch", "transformers", "accelerate", "safetensors", "huggingface_hub")  # of the extra `train`
_LONGEST = 200  # characters of a name that a message shows
_CANDIDATES = 200  # names that are compared in full with one that is misspelt
_SECRET = re.compile("TOKEN|KEY|SECRET|PASSW", re.IGNORECASE)  # in the name of a variable of the environment


class InputError(ValueError):
    """The input cannot be used as it is; the command line answers it with exit code 2."""


class NotAssessed(InputError):
    """The data can neither train a classifier nor be judged: never to be read as "no wrong labels"."""


class RunError(RuntimeError):
    """A run folder cannot be used as asked: locked, unfinished, or made from other data."""


class ProcessLost(RunError):
    """Another process of a launch is gone.

    Attributes
    ----------
    said : bool
        Whether another process tells the user.
    """

    def __init__(self, message: str, *, said: bool = False):
        super().__init__(message)
        self.said: bool = said


def lacks_training(error: ImportError) -> str | None:
    """What to install where a package is missing that training and predictions need; None for any other error."""
    package = (error.name or "").partition(".")[0]
    if package not in TRAINING:
        return None
    return f'this needs {package}, which is not installed: pip install "mislabel[train]"'


def some_ids(ids: Iterable[object], limit: int = 5) -> str:
    """At most `limit` ids as text, and how many more there are: ``"a, b, c (and 9 more)"``."""
    listed = list(ids)
    text = ", ".join(repr(_cut(item)) if isinstance(item, str) else _cut(str(item)) for item in listed[:limit])
    return text + (f" (and {len(listed) - limit} more)" if len(listed) > limit else "")


def did_you_mean(name: object, known: Iterable[object]) -> str:
    """``' (did you mean "label"?)'``, or nothing where no known name is near; capitals do not count."""
    wanted = str(name).casefold()
    by_folded = {text.casefold(): text for text in map(str, known) if len(text) <= _LONGEST}
    if len(wanted) > _LONGEST:
        return ""
    # To compare all of a hundred thousand names takes minutes: those that begin and end alike are the nearest.
    likely = heapq.nlargest(_CANDIDATES, by_folded, key=lambda other: _same_ends(wanted, other))
    near = difflib.get_close_matches(wanted, likely, n=1, cutoff=0.6)
    return f' (did you mean "{by_folded[near[0]]}"?)' if near else ""


def listed(names: Iterable[object], limit: int = 20) -> str:
    """Names one after the other, and how many more there are than `limit`: ``"a, b, c (and 9 more)"``."""
    texts = [str(name) for name in names]
    return ", ".join(map(_cut, texts[:limit])) + (f" (and {len(texts) - limit} more)" if len(texts) > limit else "")


def alternatives(name: object, known: Iterable[object]) -> str:
    """The end of a message about a name that does not exist: the nearest one, and what there is to choose from."""
    names = list(known)
    return f"{did_you_mean(name, names)}; choose one of {listed(names)}"


def one_of(name: str, value: object, choices: Iterable[str]) -> None:
    """Raise InputError unless `value` is one of the choices; the message tells the nearest and lists them."""
    known = list(choices)
    if value not in known:
        raise InputError(f"{name} is {value!r}{did_you_mean(value, known)}, needed one of {listed(known)}")


def in_range(name: str, value: object, low: float, high: float) -> None:
    """Raise InputError unless `value` is a number in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InputError(f"{name} is {value!r}, needed {low:g} to {high:g}")


def without_secrets(text: str) -> str:
    """What another library or machine said, without the secrets of this process.

    Those are names and passwords in addresses, and what the environment holds under names that speak of secrets.
    """
    text = re.sub(r"(?<=://)[^/\s@]*@", "", text)
    secrets = {value for name, value in os.environ.items() if _SECRET.search(name) and len(value) >= 8}
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _same_ends(one: str, other: str) -> int:
    return len(commonprefix([one, other])) + len(commonprefix([one[::-1], other[::-1]]))  # noqa: RUF071


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
