"""What every command does: exit codes, and an answer for a person or as JSON."""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mislabel.cli import interrupts
from mislabel.cli.last_word import say_last
from mislabel.errors import InputError, NotAssessed, ProcessLost, RunError, lacks_training
from mislabel.terminal import answer, tell

if TYPE_CHECKING:
    from mislabel.run.folder import RunFolder


@contextmanager
def errors() -> Iterator[None]:
    """Exit codes: 2 where the input is wrong, 130 after Ctrl-C, 1 for anything else."""
    try:
        yield
    except typer.Exit:
        raise
    except KeyboardInterrupt:
        raise interrupted() from None
    except Exception as error:
        if interrupts.asked():  # what a library made of KeyboardInterrupt
            raise interrupted() from None
        if isinstance(error, ModuleNotFoundError) and (lacking := lacks_training(error)):
            error = InputError(lacking)
        if not isinstance(error, InputError | RunError | OSError):
            raise
        if isinstance(error, BrokenPipeError):  # whoever read our answer has enough, as `head` does
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
            raise typer.Exit(1) from None
        if isinstance(error, ProcessLost) and error.said:
            raise typer.Exit(1) from None
        tell(f"{'not assessed' if isinstance(error, NotAssessed) else 'error'}: {error}")
        if isinstance(error, ProcessLost):
            say_last(f"error: {error}")
        raise typer.Exit(2 if isinstance(error, InputError) else 1) from None


def finished_run(path: Path) -> "RunFolder":
    """The folder of a finished run; what whoever uses it has to know is said on standard error."""
    from mislabel.run.folder import NO_DIGESTS, RunFolder

    folder = RunFolder(path)
    folder.read_metrics()
    if not folder.digests.is_file():
        notes([NO_DIGESTS])
    return folder


def interrupted() -> typer.Exit:
    """Say that Ctrl-C ended the command, and how to go on."""
    how = interrupts.how_to_go_on()
    tell(f"interrupted. {how}" if how else "interrupted")
    return typer.Exit(interrupts.CODE)


def say(as_json: bool, plain: dict[str, Any], lines: str | Iterable[str]) -> None:
    """Print the answer: JSON, or lines for a person."""
    if as_json:
        answer(json.dumps(plain, indent=1, ensure_ascii=False, default=str).split("\n"))
    else:
        answer([lines] if isinstance(lines, str) else lines)


def notes(sentences: Iterable[str]) -> None:
    """Print what is worth telling."""
    for sentence in sentences:
        tell(f"note: {sentence}")
