"""Help for a name that is not there: the nearest one, and what there is."""

import difflib
from collections.abc import Iterable, Mapping

from mislabel.errors import InputError


def nearest(name: object, options: Iterable[object]) -> str:
    """``' (did you mean "label"?)'``, or nothing where no option is near; capitals do not count."""
    by_folded = {str(option).casefold(): str(option) for option in options}
    found = difflib.get_close_matches(str(name).casefold(), list(by_folded), n=1, cutoff=0.6)
    return f' (did you mean "{by_folded[found[0]]}"?)' if found else ""


def one_of(value: object, options: Mapping[str, object] | Iterable[str], what: str) -> None:
    """Raise `InputError` unless `value` is one of `options`; the message names the nearest and lists all."""
    known = list(options)
    if value not in known:
        raise InputError(f"{what} is {value!r}{nearest(value, known)}; it must be one of {', '.join(known)}")
