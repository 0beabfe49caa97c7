"""Shows how training goes: a bar with the loss and the time left, and a line per epoch."""

import sys
from typing import Any

from mislabel.terminal import drawing_on, one_line, tell


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

        self.console: Console = Console(file=drawing_on(sys.stderr), highlight=False)
        self._bar: Any = None
        self._task: Any = None

    def begin(self, description: str, total: int) -> None:
        if not sys.stderr.isatty():
            return
        from rich.markup import escape
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            TextColumn("{task.fields[loss]}"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bar.add_task(escape(one_line(description)), total=total, loss="")
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
        if self._bar is None:
            tell(text)
        else:  # above the bar
            self.console.print(one_line(text), markup=False, soft_wrap=True)
