"""What the classes of a data set mean in words: as somebody described them, or by their names where these are words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal

from mislabel.data.decided_labels import code_finder
from mislabel.data.numerals import label_text
from mislabel.errors import InputError, alternatives, some_ids
from mislabel.tables.characters import is_letter

LONGEST_CODE = 5  # capitals: DESC and ENTY are codes, SPORTS is a word
APOSTROPHES = "'’"


@dataclass(frozen=True)
class Meanings:
    """What classes mean.

    Attributes
    ----------
    sentences : dict
        A list of sentences by the code of the class; a class without one is not in it.
    source : "descriptions" or "names", optional
        Who says so; None where nothing is known.
    notes : list of str
    """

    sentences: dict[int, list[str]]
    source: Literal["descriptions", "names"] | None
    notes: list[str] = field(default_factory=list)


def sentences_of(describe: Mapping[str, Sequence[str]] | None, classes: list[Any]) -> Meanings:
    """The sentences of each class.

    Parameters
    ----------
    describe : mapping, optional
        Sentences by the text of a class; see `mislabel.data.descriptions`. Without it the names of the classes stand
        for what they mean, where all of them are words and no two the same ones.
    classes : list
        The K classes.

    Raises
    ------
    InputError
        If what is described is no class.
    """
    if describe is None:
        names = [class_words(value) for value in classes]
        told_apart = len(classes) > 1 and None not in names and len(set(names)) == len(names)
        sentences = {code: [name] for code, name in enumerate(names) if name is not None}
        return Meanings(sentences, "names") if told_apart else Meanings({}, None)
    code_of = code_finder(classes)
    codes = {label: code_of(label) for label in describe}
    unknown = [label for label, code in codes.items() if code is None]
    if unknown:
        raise InputError(
            f"{len(unknown)} of the {len(codes)} described classes are no classes of the data, such as "
            f"{some_ids(unknown[:1])}{alternatives(unknown[0], map(label_text, classes))}"
        )
    sentences = {code: list(describe[label]) for label, code in codes.items() if code is not None}
    lacking = [value for code, value in enumerate(classes) if code not in sentences]
    note = f"Classes without a description, of which it is not known what they mean: {len(lacking)}; "
    return Meanings(sentences, "descriptions", [f"{note}{some_ids(lacking)}."] if lacking else [])


def class_words(label: object) -> str | None:
    """The words in the name of a class, in small letters; None where it is a number or a code.

    Words are what capitals, hyphens, slashes, dots and the like leave: ``"Cause-Effect(e1,e2)"`` is "cause effect",
    ``"sci.space"`` "sci space". What holds digits is no word, nor are one letter and up to five capitals by themselves.
    """
    if not isinstance(label, str):
        return None
    runs = ("".join(run).strip(APOSTROPHES) for wordlike, run in groupby(label, _in_word) if wordlike)
    words = [word for run in runs if run and not any(map(str.isdigit, run)) for word in _humps(run)]
    is_word = any(len(word) > 1 and not (word.isupper() and len(word) <= LONGEST_CODE) for word in words)
    return " ".join(words).lower() if is_word else None


def _in_word(character: str) -> bool:
    return is_letter(character) or character.isdigit() or character in APOSTROPHES


def _humps(piece: str) -> list[str]:
    """``"SportsNews"`` in its two words, ``"HTTPServer"`` too."""
    begins = [
        k for k in range(1, len(piece))
        if piece[k].isupper() and (piece[k - 1].islower() or (len(piece) > k + 2 and piece[k + 1 : k + 3].islower()))
    ]  # fmt: skip
    return [piece[begin:end] for begin, end in zip([0, *begins], [*begins, len(piece)], strict=True)]
