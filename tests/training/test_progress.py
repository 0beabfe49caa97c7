"""What a terminal shows while a network trains, and what goes into a file."""

import io
import sys
import time
import types

import pytest

from mislabel.training.progress import Notebook, Terminal, shown


class Screen(io.StringIO):
    """A stderr that is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def on_screen(monkeypatch):
    """To be called in the test itself: pytest sets stderr anew after fixtures are made."""

    def start():
        for name, value in {"TERM": "xterm", "COLUMNS": "200"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "stderr", Screen())
        return sys.stderr

    return start


def test_a_bar_with_the_steps_and_the_last_loss(on_screen):
    screen = on_screen()
    terminal, streams = Terminal(), (sys.stdout, sys.stderr)
    terminal.begin("warm 1/3", 9)
    assert (sys.stdout, sys.stderr) == streams  # others print as before
    terminal.advance(0.75)
    terminal.advance()
    terminal.advance(0.5, by=4)
    terminal.end()
    shown = screen.getvalue()
    assert "warm 1/3" in shown
    assert "6/9" in shown
    assert "loss 0.500" in shown
    terminal.advance(0.1)  # no bar any more
    terminal.end()
    assert screen.getvalue() == shown


def test_names_neither_drive_the_terminal_nor_are_taken_for_markup(on_screen):
    screen, terminal = on_screen(), Terminal()
    terminal.begin("[red]\x1b]0;title", 2)
    terminal.line("above\x1b[2J [bold]it")
    terminal.end()
    shown = screen.getvalue()
    assert "[red]\\u001b]0;title" in shown
    assert "above\\u001b[2J [bold]it" in shown
    assert "\x1b]0;" not in shown
    assert "\x1b[2J" not in shown


def test_where_there_is_no_terminal_there_are_lines_alone(capsys):
    terminal = Terminal()
    terminal.begin("warm 1/3", 9)
    terminal.advance(0.75)
    terminal.line("warm 1/3: loss 0.7")
    terminal.end()
    assert capsys.readouterr().err == "warm 1/3: loss 0.7\n"


def test_the_time_left_of_all_epochs(on_screen):
    """Two of four steps are done, and eight come in later epochs: ten are left, at the speed of those two."""
    screen, terminal = on_screen(), Terminal()
    terminal.begin("warm 1/3", 4, later=8)
    now = [100.0]
    terminal._bar.get_time = lambda: now[0]
    for _ in range(3):  # ten seconds each: what is told with the third is known from two
        now[0] += 10
        terminal.advance()
    assert terminal._bar.tasks[0].fields["all_left"] == "all epochs 0:01:40"
    terminal.begin("judge", 0)  # a phase without steps, which ends the one before
    terminal.end()
    shown = screen.getvalue()
    assert "judge" in shown


@pytest.fixture
def notebook(monkeypatch):
    """A stand-in for IPython in a kernel; gives what the cell showed, drawing after drawing."""
    drawn: list[str] = []

    class Handle:
        def update(self, html):
            drawn.append(html)

    def display(html, display_id):
        assert display_id is True
        drawn.append(html)
        return Handle()

    ipython, shell = types.ModuleType("IPython"), types.SimpleNamespace(kernel=object())
    ipython.get_ipython = lambda: shell
    ipython.display = types.ModuleType("IPython.display")
    ipython.display.HTML, ipython.display.display = str, display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", ipython.display)
    return types.SimpleNamespace(drawn=drawn, shell=shell)


def test_a_bar_in_a_notebook(notebook, monkeypatch, capsys):
    monkeypatch.setattr(Notebook, "EVERY", 0.0)
    progress = shown()
    progress.begin("<b>warm</b> 1/3", 9)
    progress.advance(0.75)
    progress.advance(by=3)
    progress.line("warm 1/3: loss 0.5")
    progress.end()
    progress.advance(0.1)  # of nothing
    first, second, third, last = notebook.drawn
    assert '<progress value="0" max="9">' in first
    assert "&lt;b&gt;warm&lt;/b&gt; 1/3 · 0/9" in first
    assert "1/9 · loss 0.750 · 0 s left" in second
    assert '<progress value="4" max="9">' in third
    assert "4/9 · loss 0.750" in third
    assert last == ""
    assert capsys.readouterr().err == "warm 1/3: loss 0.5\n"


def test_a_notebook_is_not_drawn_on_with_every_step(notebook, monkeypatch):
    monkeypatch.setattr(Notebook, "EVERY", 1e9)
    progress = shown()
    progress.begin("warm 1/3", 900)
    for _ in range(900):
        progress.advance(0.5)
    assert len(notebook.drawn) == 1


def test_where_no_kernel_answers_the_terminal_is_shown_on(notebook):
    del notebook.shell.kernel  # IPython in a terminal
    assert isinstance(shown(), Terminal)


def test_a_notebook_tells_the_time_of_all_epochs_and_a_phase_without_steps(notebook, monkeypatch):
    monkeypatch.setattr(Notebook, "EVERY", 0.0)
    now = iter([0.0, 0.0, 10.0, 10.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(now, 10.0))
    progress = shown()
    progress.begin("warm 1/3", 4, later=8)
    progress.advance()
    progress.begin("judge", 0)
    assert "30 s left · all epochs 0:01:50" in notebook.drawn[1]
    assert notebook.drawn[2:] == ["", "<div><progress></progress> judge</div>"]
