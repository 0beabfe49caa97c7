"""Shows how training goes: a bar with the loss and the time left, and a line per epoch."""

import sys
import time
from html import escape as escape_html
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


def shown() -> Quiet:
    """Where the person looks: in the cell of a notebook, or on stderr."""
    return Notebook() if in_notebook() else Terminal()


def in_notebook() -> bool:
    """Whether this process answers the cells of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and hasattr(shell, "kernel")


class Terminal(Quiet):
    """A rich progress bar on stderr where it is a terminal; epoch lines on stderr in any case."""

    def __init__(self) -> None:
        from rich.console import Console

        self.console = Console(file=drawing_on(sys.stderr), highlight=False)
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


class Notebook(Quiet):
    """A bar in the output of a cell; epoch lines on its stderr."""

    EVERY = 0.2  # seconds; each drawing is a message to the browser

    def __init__(self) -> None:
        self._handle: Any = None

    def begin(self, description: str, total: int) -> None:
        from IPython.display import HTML, display  # pyright: ignore[reportMissingImports]

        self._html, self._what, self._total = HTML, one_line(description), total
        self._done, self._loss, self._started = 0, None, time.monotonic()
        self._drawn = self._started
        self._handle = display(HTML(self._bar()), display_id=True)

    def advance(self, loss: float | None = None, by: int = 1) -> None:
        if self._handle is None:
            return
        self._done += by
        self._loss = self._loss if loss is None else loss
        now = time.monotonic()
        if now - self._drawn >= self.EVERY:
            self._drawn = now
            self._handle.update(self._html(self._bar()))

    def end(self) -> None:
        if self._handle is not None:
            self._handle.update(self._html(""))  # lines of the epochs stay
            self._handle = None

    def line(self, text: str) -> None:
        tell(text)

    def _bar(self) -> str:
        passed = time.monotonic() - self._started
        words = [self._what, f"{self._done}/{self._total}"]
        if self._loss is not None:
            words.append(f"loss {self._loss:.3f}")
        if self._done:
            words.append(f"{passed * max(self._total - self._done, 0) / self._done:.0f} s left")
        bar = f'<progress value="{self._done}" max="{self._total}"></progress>'
        return f"<div>{bar} {escape_html(' · '.join(words))}</div>"
