"""What every command does: exit codes, and an answer for a person or as JSON."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mislabel.errors import InputError, NotAssessed, RunError

if TYPE_CHECKING:
    from mislabel.run.folder import RunFolder


@contextmanager
def errors() -> Iterator[None]:
    """Exit codes: 2 where the input is wrong, 130 after Ctrl-C, 1 for anything else."""
    try:
        yield
    except InputError as error:
        word = "not assessed" if isinstance(error, NotAssessed) else "error"
        print(f"{word}: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    except RunError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise typer.Exit(130) from None


def finished_run(path: Path) -> "RunFolder":
    """The folder of a finished run; what whoever uses it has to know is said on standard error."""
    from mislabel.run.folder import NO_DIGESTS, RunFolder

    folder = RunFolder(path)
    folder.read_metrics()
    if not folder.digests.is_file():
        print(f"note: {NO_DIGESTS}", file=sys.stderr)
    return folder


def say(as_json: bool, plain: dict[str, Any], text: str) -> None:
    print(json.dumps(plain, indent=1, ensure_ascii=False, default=str) if as_json else text)
