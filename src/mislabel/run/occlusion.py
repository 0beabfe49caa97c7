"""Which words of a text speak for one label and against another: the model is asked again without each of them.

This is occlusion: Zeiler and Fergus, ECCV 2014, and for texts Li, Monroe and Jurafsky, arXiv 1612.08220.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

MOST_PARTS = 48  # of a text, each left out once; a longer text is told by runs of words
LEAST = 1e-6  # probability: single precision tells no less apart
# A run of what is no space; of writing that has no spaces, a character.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\s\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")


@dataclass(frozen=True)
class Part:
    """A piece of a text. All pieces, one after the other, are the text.

    Attributes
    ----------
    text : str
    weight : float or None
        How much the log odds of the one label over the other fall without it; None for what lies between words.
    """

    text: str
    weight: float | None


def word_spans(text: str) -> list[tuple[int, int]]:
    """Where the words of a text begin and end; several words together where there are more than `MOST_PARTS`."""
    words = [match.span() for match in _WORD.finditer(text)]
    groups = np.array_split(np.arange(len(words)), min(MOST_PARTS, len(words))) if words else []
    return [(words[group[0]][0], words[group[-1]][1]) for group in groups]


def word_weights(
    text: str, ask: Callable[[list[str]], np.ndarray], toward: int, against: int | None
) -> list[Part]:  # fmt: skip
    """The pieces of a text, with what each word does for one class over another.

    Parameters
    ----------
    ask : callable
        Gives class probabilities (m, K) of m texts.
    toward, against : int
        Columns of these; without `against` the odds are those over all other classes together.
    """
    spans = word_spans(text)
    if not spans:
        return [Part(text, None)]
    answers = np.asarray(ask([text, *(text[:begin] + text[end:] for begin, end in spans)]), dtype=np.float64)
    one = answers[:, toward]
    other = 1 - one if against is None else answers[:, against]
    odds = np.log(one.clip(LEAST)) - np.log(other.clip(LEAST))
    parts, at = [], 0
    for (begin, end), without in zip(spans, odds[1:], strict=True):
        parts += [Part(text[at:begin], None)] if begin > at else []
        parts.append(Part(text[begin:end], float(odds[0] - without)))
        at = end
    return parts + ([Part(text[at:], None)] if at < len(text) else [])
