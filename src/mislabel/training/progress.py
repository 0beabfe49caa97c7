"""Shows how training goes: a bar with the loss and the time left, and a line per epoch."""

import sys
from typing import Any


class Quiet:
    """Shows nothing; what the others build on."""

    def begin(self, description: str, total: int) -> None:
        pass

    def advance(self, loss: float | None = None, by: int = 1) -> None:
        pass

    def end(self) -> None:
        pass

    def line(self, text: str) -> None:
        pass


class Terminal(Quiet):
    """A rich progress bar on stderr where it is a terminal; epoch lines on stderr in any case."""

    def __init__(self) -> None:
        from rich.console import Console

        self.console = Console(stderr=True, highlight=False)
        self._bar: Any = None
        self._task: Any = None

    def begin(self, description: str, total: int) -> None:
        if not sys.stderr.isatty():
            return
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            TextColumn("{task.fields[loss]}"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
        )
        self._task = self._bar.add_task(description, total=total, loss="")
        self._bar.start()

    def advance(self, loss: float | None = None, by: int = 1) -> None:
        if self._bar is not None:
            shown = {} if loss is None else {"loss": f"loss {loss:.3f}"}
            self._bar.update(self._task, advance=by, **shown)

    def end(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def line(self, text: str) -> None:
        self.console.print(text, markup=False, soft_wrap=True)
