"""Whether an encoder's tokenizer knows the language of the texts: told by how finely it cuts their words.

A tokenizer keeps the words of a language that it was made for in one piece or two, and cuts those of others into
shreds, or knows nothing of them. It is held against a passage of English, by the tokens that a word takes and by the
letters that a token holds: chemistry takes more tokens, slang has fewer letters, only a foreign language does both.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from mislabel.posterior.derived import evenly
from mislabel.tables.characters import is_letter

SAMPLED = 300  # texts that stand for all
LONGEST = 600  # characters of a text that are looked at
FEWEST_WORDS = 50  # fewer say nothing about a language
# Of MiniLM: English 0.94 to 1.09 and, of chemistry, 1.5; other languages at most 0.6, and 1.6 or more. Chinese and
# Japanese, of which a word here is a character: 69 and 21 % unknown.
FEWEST_LETTERS = 0.72  # letters in a token, as a share of those in a token of English
MOST_TOKENS = 1.5  # tokens that a word takes, as a multiple of those that one of English takes
MOST_UNKNOWN = 0.1  # share of the tokens
BETWEEN_WORDS = "-'’"
ENGLISH = (
    "She had written the letter before breakfast, but nobody found time to bring it to the post office until the rain "
    "stopped. Most people in the village knew that the old bridge would be closed for another week, and that whoever "
    "wanted to reach the station had to take the longer road along the river. Her brother thought it was not worth the "
    "trouble; he said that good news could wait, and bad news usually found its own way."
)

# As how many letters a character counts: scripts that leave out vowels, or write syllables or words, need fewer.
_ABJAD, _HANGUL, _KANA, _IDEOGRAPH = 1.5, 2.5, 2.0, 3.0
_DENSE = (
    (0x0590, 0x077F, _ABJAD), (0x0900, 0x109F, _ABJAD), (0x1780, 0x17FF, _ABJAD), (0x3040, 0x30FF, _KANA),
    (0x3400, 0x4DBF, _IDEOGRAPH), (0x4E00, 0x9FFF, _IDEOGRAPH), (0xAC00, 0xD7A3, _HANGUL),
    (0xF900, 0xFAFF, _IDEOGRAPH), (0x20000, 0x323AF, _IDEOGRAPH),
)  # fmt: skip


@dataclass(frozen=True)
class Cut:
    """How a tokenizer cuts words.

    Attributes
    ----------
    words, tokens, unknown : int
        How many; unknown ones are among the tokens.
    letters : float
        A character of a dense script counts as several.
    """

    words: int
    tokens: int
    unknown: int
    letters: float

    @property
    def tokens_a_word(self) -> float:
        return self.tokens / max(1, self.words)

    @property
    def letters_a_token(self) -> float:
        return self.letters / max(1, self.tokens)

    @property
    def unknown_share(self) -> float:
        return self.unknown / max(1, self.tokens)


def unknown_language(texts: Sequence[str], order: np.ndarray, tokenizer: Any) -> str | None:
    """A note where the encoder does not seem to know the language of most texts; None where it does.

    Parameters
    ----------
    texts : sequence of str
        n texts.
    order : (m,) int64
        Positions of the texts to look at, of which some that are evenly spaced are taken.
    tokenizer
        Of transformers.
    """
    some = order[evenly(len(order), SAMPLED)]
    chosen = [str(texts[row]) for row in some.tolist()]
    cut, english = how_cut(chosen, tokenizer), how_cut([ENGLISH], tokenizer)
    if cut.words < FEWEST_WORDS:
        return None
    shredded = (
        cut.letters_a_token < FEWEST_LETTERS * english.letters_a_token
        and cut.tokens_a_word > MOST_TOKENS * english.tokens_a_word
    )
    if not shredded and cut.unknown_share <= MOST_UNKNOWN:
        return None
    return (
        f"The texts seem to be in a language that the encoder does not know ({cut.tokens_a_word:.1f} tokens a word, "
        f"where English takes {english.tokens_a_word:.1f}; {cut.unknown_share:.0%} unknown): name a multilingual "
        "--backbone, such as sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2."
    )


def how_cut(texts: Iterable[str], tokenizer: Any) -> Cut:
    """How a tokenizer cuts the plain words of some texts."""
    runs = [found for text in texts if (found := plain_runs(text[:LONGEST]))]
    if not runs:
        return Cut(0, 0, 0, 0.0)
    encoded = tokenizer([" ".join(found) for found in runs], add_special_tokens=False, verbose=False)["input_ids"]
    tokens = np.fromiter((token for row in encoded for token in row), dtype=np.int64)
    unknown = tokenizer.unk_token_id
    return Cut(
        sum(_words(run) for found in runs for run in found),
        len(tokens),
        0 if unknown is None else int(np.count_nonzero(tokens == unknown)),
        sum(_letters(run) for found in runs for run in found),
    )


def plain_runs(text: str) -> list[str]:
    """The letters in a row of a text that are language: no numbers, codes, addresses, markup or capitals alone."""
    runs: list[str] = []
    for chunk in text.split():
        inner = chunk.strip("\"'`.,;:!?()[]…“”‘’«»„")
        if inner.isalpha():  # as most are
            runs.append(inner)
        elif all(is_letter(letter) or not letter.isascii() or letter in BETWEEN_WORDS for letter in inner):
            runs += ["".join(run) for letters, run in groupby(inner, is_letter) if letters]
    return [run for run in runs if len(run) == 1 or not run.isupper()]


def _words(run: str) -> int:
    """How many words letters in a row are: Chinese characters and kana, between which nothing stands, are one each."""
    if run.isascii():
        return 1
    parts = groupby(run, lambda letter: _weight(letter) in (_KANA, _IDEOGRAPH))
    return sum(len([*part]) if dense else 1 for dense, part in parts)


def _letters(run: str) -> float:
    """How many letters a run counts for."""
    return float(len(run)) if run.isascii() else sum(map(_weight, run))


def _weight(letter: str) -> float:
    code = ord(letter)
    return (
        1.0 if code < _DENSE[0][0] else next((weight for first, last, weight in _DENSE if first <= code <= last), 1.0)
    )
