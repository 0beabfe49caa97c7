"""Values as text: short numbers, and strings that are safe on the page."""

import math
import re
from typing import Any, TypeGuard

from markupsafe import Markup, escape

from mislabel.tables.characters import short, utf8_safe

# Control characters become their pictures (NUL is shown as U+2400), but tab and line ends stay. HTML allows none of
# the others, nor C1 controls and the two noncharacters.
_PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n\r"}
_PICTURES |= {0x7F: 0x2421, 0xFFFE: 0xFFFD, 0xFFFF: 0xFFFD} | dict.fromkeys(range(0x80, 0xA0), 0xFFFD)
# Characters that turn the reading direction would turn the words around a label as well.
_OPTION = re.compile(r"((?<![\w-])--[a-z][a-z-]*(?: [A-Z]{3,}\b)?)")
_DIRECTIONS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F])


def clean(text: str) -> str:
    """`text` without what HTML cannot hold: lone surrogates, control characters. Escaping is left to the template."""
    return utf8_safe(text).translate(_PICTURES)


def label_text(value: Any) -> str:
    """A class as a reader sees it; a blank one in quotes, so that there is something to see."""
    text = clean(str(value))
    return text if text.strip() else repr(text)


def breakable(text: str) -> Markup:
    """`text` for the page, with a place for a line break after each slash: ids may be paths in a narrow column."""
    return escape(clean(text)).replace("/", Markup("/<wbr>"))


def with_options(text: str) -> Markup:
    """`text` for the page, its options of the command line as code, which no line break parts."""
    parts = _OPTION.split(clean(text))  # every second one is an option
    return Markup("").join(Markup("<code>{}</code>").format(part) if k % 2 else part for k, part in enumerate(parts))


def chart_label(value: Any, limit: int) -> str:
    """A class for the axis of a chart: one line, cut, without characters that change the direction."""
    text = " ".join(label_text(value).translate(_DIRECTIONS).split())
    return short(text, limit)


def is_number(value: Any) -> TypeGuard[float]:
    """Whether there is a finite number to show."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def percent(share: Any, digits: int | None = None) -> str:
    """``39%``, ``3.9%`` under ten or over ninety per cent, a dash for no number."""
    if not is_number(share):
        return "–"
    if digits is None:
        digits = 0 if 0.0995 <= share <= 0.9 or share in (0, 1) else 1
    return f"{share:.{digits}%}"


def interval(low: Any, high: Any, digits: int | None = None) -> str:
    """``36–42%``, nothing where an end is unknown."""
    if not (is_number(low) and is_number(high)):
        return ""
    if digits is None:
        digits = 0 if low >= 0.0995 or high - low > 0.1 else 1
    return f"{low * 100:.{digits}f}–{high:.{digits}%}"


def count(number: Any) -> str:
    """``5,452``; a dash for no number."""
    return f"{number:,.0f}" if is_number(number) else "–"


def decimal(number: Any, digits: int = 3) -> str:
    """``0.934``; a dash for no number."""
    return f"{number:.{digits}f}" if is_number(number) else "–"


def duration(seconds: Any) -> str:
    """``8.2 s``, ``3 min 12 s``, ``2 h 05 min``; a dash for no number."""
    if not is_number(seconds):
        return "–"
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    if round(seconds) < 3600:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min"


def rows(number: int) -> str:
    """``1 row``, ``5,452 rows``."""
    return f"{count(number)} row" + ("" if number == 1 else "s")
