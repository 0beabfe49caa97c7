"""What classes mean, as a person says it: sentences by class, from a TOML file or a mapping."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mislabel.data.numerals import label_text
from mislabel.errors import InputError, listed, some_ids
from mislabel.tables.characters import is_blank, utf8_safe

LARGEST = 1_000_000  # bytes of a file: a hundred thousand words
EXAMPLE = '"Sci/Tech" = "news about science and computers"'


def read_descriptions(path: str | Path) -> dict[str, list[str]]:
    """Sentences by the text of a class, from a TOML file with a line for each class.

        Sports = "news about games, players and teams"
        "Sci/Tech" = ["news about science", "news about computers and the internet"]

    Raises
    ------
    InputError
        If there is no such file, it is larger than a megabyte or no TOML, or a class has no sentence.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise InputError(
            f"there is no file {path} of what classes mean; needed is a TOML file with lines such as {EXAMPLE}"
        ) from None
    except OSError as error:
        raise InputError(f"{path}, what classes mean, cannot be read: {error.strerror or error}") from error
    if len(content) > LARGEST:
        raise InputError(f"{path.name} has more than {LARGEST:,} bytes; needed are a few sentences a class")
    try:
        described = tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # of characters, of TOML, or of a number that is too long
        raise InputError(f"{path.name} is no TOML file ({error}); needed are lines such as {EXAMPLE}") from error
    return checked_descriptions(described, path.name)


def checked_descriptions(described: Any, name: str = "describe") -> dict[str, list[str]]:
    """Sentences by the text of a class, from a mapping to a sentence or several.

    Parameters
    ----------
    described : mapping
    name : str
        What it is called, for the messages.

    Raises
    ------
    InputError
        If it is no mapping, is empty, or a class has anything but sentences.
    """
    if not isinstance(described, Mapping):
        raise InputError(f"{name} is a {type(described).__name__}; needed is a mapping from classes to sentences")
    if not described:
        raise InputError(f"{name} describes no class; needed is a sentence for each, such as {EXAMPLE}")
    result: dict[str, list[str]] = {}
    for label, sentences in described.items():
        text = utf8_safe(label_text(label))
        if text in result:
            raise InputError(f"{name} describes the class {some_ids([text])} twice: give all its sentences in one list")
        result[text] = _sentences(sentences, f"{name}, class {some_ids([text])}", text)
    return result


def _sentences(value: Any, where: str, label: str) -> list[str]:
    if isinstance(value, Mapping):  # what TOML makes of a dot that is not quoted
        quoted = listed([f"{label}.{next(iter(value), '...')}"])
        raise InputError(
            f"{where}: a table was given, needed is a sentence or a list of sentences; a class with a dot in its name "
            f'stands in quotation marks, as in "{quoted}" = "..."'
        )
    sentences = list(value) if isinstance(value, list | tuple) else [value]
    wrong = [sentence for sentence in sentences if not isinstance(sentence, str)]
    if wrong:
        raise InputError(
            f"{where}: {listed([repr(wrong[0])])} was given, needed is a sentence in quotes or a list of them"
        )
    if not sentences or any(map(is_blank, sentences)):
        what = "an empty sentence" if sentences else "an empty list"
        raise InputError(f"{where}: {what} was given; say what the class means, or leave the class out")
    return [utf8_safe(str(sentence)) for sentence in sentences]
