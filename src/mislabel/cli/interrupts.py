"""Ctrl-C ends every command, within two seconds and with a word on how to go on.

The first one raises KeyboardInterrupt wherever Python is: whatever is written is written at once or not at all, so that
there is no bad moment. A second one ends the process on the spot. Where neither is heard, because a library computes
for long without coming back or swallows the exception, a thread that only waits ends the process.
"""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, NoReturn

from mislabel.terminal import flush, visible

PATIENCE = 1.3  # seconds for a way out in good order
_LONGEST = 10.0  # seconds for it beside neighbours who take the processor away
CODE = 130


@dataclass
class _State:
    asked: bool = False  # whether Ctrl-C was pressed
    heard: bool = False  # whether Python has noticed
    how_to_go_on: Callable[[], str] | None = None


_state = _State()


def asked() -> bool:
    """Whether Ctrl-C was pressed."""
    return _state.asked


def how_to_go_on() -> str:
    """What to tell after the word "interrupted"; empty where the same command just starts again."""
    with suppress(Exception):  # a folder that is gone meanwhile is no reason to stay
        return _state.how_to_go_on() if _state.how_to_go_on else ""
    return ""


@contextmanager
def going_on(how: Callable[[], str]) -> Iterator[None]:
    """While the block runs, `how` gives the sentence that says how to go on after Ctrl-C.

    After Ctrl-C it stays, for whoever tells.
    """
    before, _state.how_to_go_on = _state.how_to_go_on, how
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException:
        _state.how_to_go_on = how if _state.asked else before
        raise
    _state.how_to_go_on = before


@contextmanager
def ended_elsewhere() -> Iterator[None]:
    """While the block runs, something else hears Ctrl-C, such as a server with its own way out."""
    heard, _state.heard = _state.heard, True
    try:
        yield
    finally:
        _state.heard = heard or _state.asked


def listen() -> None:
    """Take Ctrl-C over for the whole process, as one that a shell started in the background would ignore it."""
    if threading.current_thread() is not threading.main_thread():
        return
    signal.signal(signal.SIGINT, _hear)
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    # Python's own handlers wait until the main thread is back from a library; this reaches the thread at once.
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_wait, args=(reader, writer), daemon=True, name="ctrl-c").start()


def _hear(number: int, frame: Any) -> None:
    if _state.heard and _state.asked:
        _end()
    _state.asked = _state.heard = True
    raise KeyboardInterrupt


def _wait(reader: socket.socket, writer: socket.socket) -> None:
    """Wait for Ctrl-C, and then for the end of the process."""
    while (number := reader.recv(1)) and number[0] != signal.SIGINT:
        pass
    began, used = time.monotonic(), time.process_time()
    while True:
        time.sleep(0.1)
        waited = time.monotonic() - began
        # Where Python knows, and gets to its end slowly because others take the processor, it may take its time.
        starved = _state.heard and time.process_time() - used < PATIENCE / 2 and _is_busy()
        if waited > (_LONGEST if starved else PATIENCE):
            _state.asked = True
            _end()


def _is_busy() -> bool:
    """Whether more processes want to run than there are processors."""
    return hasattr(os, "getloadavg") and os.getloadavg()[0] > (os.cpu_count() or 1)


def leave() -> NoReturn:
    """End the process without the seconds that large libraries take for it, and the processes that it started."""
    flush()
    _kill_children()
    os._exit(CODE)


def _end() -> NoReturn:
    """Say that the process ends, and end it, whatever the main thread is at."""
    sentence = ". ".join(filter(None, ["interrupted", how_to_go_on()]))
    with suppress(OSError, ValueError, AttributeError):
        if sys.stderr.isatty():
            os.write(2, b"\x1b[?25h")  # a progress bar may have hidden the cursor
        os.write(2, f"\n{visible(sentence)}\n".encode(errors="backslashreplace"))
    _kill_children()
    os._exit(CODE)


def _kill_children() -> None:
    if "joblib" in sys.modules:  # workers would go on with their cells
        with suppress(Exception):
            import psutil

            for child in psutil.Process().children(recursive=True):
                child.kill()
