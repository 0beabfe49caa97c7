"""Shows how training goes: a bar with the loss and the time left, and a line per epoch."""

import sys
import time
from datetime import timedelta
from html import escape as escape_html
from typing import Any

from mislabel.terminal import drawing_on, one_line, tell


class Quiet:
    """Shows nothing; what the others build on."""

    def begin(self, description: str, total: int, later: float = 0) -> None:
        """A phase of the run begins, and ends the one before.

        Parameters
        ----------
        total : int
            Its steps; 0 where they are not counted.
        later : float
            How many steps of the same kind come after it in phases of their own, such as those of later epochs.
        """

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

        self.console: Console = Console(file=drawing_on(sys.stderr), highlight=False)
        self._bar: Any = None
        self._task: Any = None
        self._later = 0.0

    def begin(self, description: str, total: int, later: float = 0) -> None:
        if not sys.stderr.isatty():
            return
        from rich.markup import escape
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.end()
        self._later = later
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            TextColumn("{task.fields[loss]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[all_left]}"),
            console=self.console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        shown = escape(one_line(description))
        self._task = self._bar.add_task(shown, total=total or None, loss="", all_left="")
        self._bar.start()

    def advance(self, loss: float | None = None, by: int = 1) -> None:
        if self._bar is not None:
            shown = {} if loss is None else {"loss": f"loss {loss:.3f}"}
            self._bar.update(self._task, advance=by, **shown, **self._all_left())

    def _all_left(self) -> dict[str, str]:
        """The time left of this phase and of those like it that come later."""
        task = self._bar.tasks[0]
        if not self._later or not task.speed or task.remaining is None:
            return {}
        left = timedelta(seconds=round((task.remaining + self._later) / task.speed))
        return {"all_left": f"all epochs {left}"}

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
        self._html: Any = None
        self._what, self._total, self._later = "", 0, 0.0
        self._done, self._loss = 0, None
        self._started = self._drawn = 0.0

    def begin(self, description: str, total: int, later: float = 0) -> None:
        from IPython.display import HTML, display  # pyright: ignore[reportMissingImports]

        self.end()
        self._html, self._what, self._total, self._later = HTML, one_line(description), total, later
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
        words = [self._what, *([f"{self._done}/{self._total}"] if self._total else [])]
        if self._loss is not None:
            words.append(f"loss {self._loss:.3f}")
        if self._done:
            left = max(self._total - self._done, 0)
            words.append(f"{passed * left / self._done:.0f} s left")
            if self._later:
                words.append(f"all epochs {timedelta(seconds=round(passed * (left + self._later) / self._done))}")
        how_far = f' value="{self._done}" max="{self._total}"' if self._total else ""
        bar = f"<progress{how_far}></progress>"
        return f"<div>{bar} {escape_html(' · '.join(words))}</div>"
