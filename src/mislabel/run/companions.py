"""The processes of one launch: where they have the run folder, and where one is lost the others say which.

Each holds a lock on a file of its own in the run folder for as long as it lives, however it ends. Whoever loses contact
with the others looks whose lock is free. Processes of a machine that does not see the run folder have a mirror of it
(`mirror.py`), and their files there.
"""

import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NoReturn
from uuid import uuid4

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from filelock import FileLock, Timeout

from mislabel.errors import InputError, ProcessLost, RunError
from mislabel.files import remove_folder
from mislabel.run.folder import PROCESSES, RunFolder
from mislabel.run.mirror import copy_to_mirrors, remove_mirror
from mislabel.training.device import as_main

LONGEST = 20.0  # seconds in which the system gives back what a process held that was killed
EVERY = 0.05
ENDED = 143  # as a shell tells of SIGTERM
CONTACT = re.compile(r"gloo|nccl|connection (closed|reset)|broken pipe|timed out waiting", re.IGNORECASE)


class _Ended(BaseException):
    """This process is told to end, as a launcher does when another one is gone."""


@contextmanager
def together(accelerator: Accelerator, folder: RunFolder | None) -> Iterator[RunFolder | None]:
    """While the block runs, the loss of another process is told by its name, once; with one process nothing happens.

    All processes of a launch enter it together. It gives the folder that this process works in: that of the run, or
    where the machine does not see it a mirror.

    Raises
    ------
    ProcessLost
        If one of the others is gone, or does not answer.
    """
    if folder is not None and accelerator.is_main_process:
        _clear(folder.path)
    if accelerator.num_processes == 1:
        yield folder
        return
    known, whole = None if folder is None else _Companions(accelerator, folder), False
    try:
        with _told_to_end():
            try:
                yield folder if known is None else known.begin(accelerator)
                whole = True
            except _Ended:
                if known is None or not known.gone():
                    raise SystemExit(ENDED) from None
                _tell_lost(known, accelerator, None)
            except BaseException as error:
                if not _lost_contact(error):
                    if known is not None:
                        known.leave(str(error) or type(error).__name__)
                    raise
                _tell_lost(known, accelerator, error)
    except _Ended:  # was told so while it noticed the loss itself
        _tell_lost(known, accelerator, None)
    finally:
        if known is not None:
            known.close(whole=whole)


class _Companions:
    """A file and a lock of every process.

    Attributes
    ----------
    place : RunFolder
        Where this process works.
    unseen : list of int
        Ranks whose files are on machines that cannot be looked at from here.
    """

    def __init__(self, accelerator: Accelerator, folder: RunFolder):
        self.rank: int = accelerator.process_index
        self.count: int = accelerator.num_processes
        self.run: RunFolder = folder
        self.place: RunFolder = folder
        self.main: bool = accelerator.is_main_process
        self.name: str = as_main(f"{PROCESSES}{uuid4().hex}")
        self._lock: FileLock = FileLock(self._file(self.rank), timeout=0, mode=0o600)
        if self.main:
            self._take()
        accelerator.wait_for_everyone()
        self._find_place()
        if not self.main:
            self._take()
        accelerator.wait_for_everyone()
        self.unseen: list[int] = [rank for rank in range(self.count) if not self._file(rank).is_file()]

    def _find_place(self) -> None:
        """The run folder, or a mirror that the first process makes of those on this machine that do not see it."""
        host = socket.gethostname()
        told = gather_object([(self.rank, host, self._file(0).is_file())])
        blind = {rank: where for rank, where, sees in told if not sees}
        if not blind:
            return
        leads = self.rank in blind and self.rank == min(rank for rank, where in blind.items() if where == host)
        made = gather_object([(host, mkdtemp(prefix="mislabel-") if leads else "")])
        self.run.mirrored = True
        if self.rank in blind:
            mirror = next(path for where, path in made if path and where == host)
            self.place: RunFolder = RunFolder(mirror, mirror_led=leads)
            self._lock = FileLock(self._file(self.rank), timeout=0, mode=0o600)

    def begin(self, accelerator: Accelerator) -> RunFolder:
        """The folder to work in, once it holds what the run has so far."""
        if self.place.mirrored:
            copy_to_mirrors(accelerator, self.place)
        return self.place

    def leave(self, why: str) -> None:
        """Say why this process ends, to those that will miss it."""
        with suppress(OSError):
            self._write(why)

    def gone(self) -> dict[int, dict[str, Any]]:
        """What the files say of those that live no more, by rank."""
        return {rank: self._read(rank) for rank in range(self.count) if rank != self.rank and self._is_free(rank)}

    def missed(self) -> dict[int, dict[str, Any]]:
        """The same, once there is one; empty where all live on after a while."""
        begin = time.monotonic()
        while not (found := self.gone()) and time.monotonic() - begin < LONGEST:
            time.sleep(EVERY)
        return found

    def first_to_say(self) -> bool:
        """Whether nobody else has told the loss."""
        try:
            with open(self.place.path / f"{self.name}-said", "x"):
                return True
        except OSError:
            return False

    def close(self, *, whole: bool) -> None:
        """This process leaves, its work done or not; a file that says why stays for the others until the next start."""
        self._lock.release()
        if not self._read(self.rank).get("why"):
            with suppress(OSError):
                self._file(self.rank).unlink()
        if self.place.is_mirror and self.place.leads:
            remove_mirror(self.place, self.run, others_look=not whole)

    def _take(self) -> None:
        self._lock.acquire()
        self._write("")

    def _write(self, why: str) -> None:
        about = {"pid": os.getpid(), "host": socket.gethostname(), "why": why}
        self._file(self.rank).write_text(json.dumps(about), encoding="utf-8")  # in place: the lock is on this file

    def _read(self, rank: int) -> dict[str, Any]:
        try:
            return json.loads(self._file(rank).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}

    def _is_free(self, rank: int) -> bool:
        path = self._file(rank)
        if not path.is_file():
            return False  # it went in order
        try:
            with FileLock(path, timeout=0, mode=0o600):
                return True
        except (Timeout, OSError):
            return False

    def _file(self, rank: int) -> Path:
        return self.place.path / f"{self.name}-{rank}"


def _clear(folder: Path) -> None:
    """Remove what was left by processes that were lost."""
    for left in folder.glob(f"{PROCESSES}*"):
        remove_folder(left)


def _tell_lost(known: _Companions | None, accelerator: Accelerator, error: BaseException | None) -> NoReturn:
    """Raise ProcessLost, with whom and why as far as it is known; one that knew why has told it, where it was."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    count, reason = accelerator.num_processes, "" if error is None else f" ({str(error).splitlines()[0]})"
    if known is None:
        raise ProcessLost(
            f"another one of the {count} processes was lost or does not answer{reason}: start again; a run with --out "
            "can be continued"
        ) from None
    missed = known.missed()
    # One that has told why it left is no loss of its own, unless there is no other.
    lost = {rank: about for rank, about in missed.items() if not about.get("why")} or missed
    onwards = "--resume continues from the last epoch that was finished, with as many processes or another number"
    if not lost:
        sentence = f"one of the {count} processes does not answer, though all live{reason}"
        if known.unseen:
            away = ", ".join(map(str, known.unseen[:5]))
            sentence = f"one of {count} processes was lost or does not answer{reason}; unseen from here: rank {away}"
    else:
        named = [
            f"rank {rank} of {count} processes (process {about.get('pid', '?')} on {about.get('host', '?')})"
            for rank, about in lost.items()
        ]
        whys = {about["why"] for about in lost.values() if about.get("why")}
        how = f"ended: {'; '.join(sorted(whys))}" if whys else "was lost: it was killed, or its machine is gone"
        sentence = f"{' and '.join(named[:5])} {how}"
    known.leave(sentence)
    here = {about.get("host") for about in lost.values() if about.get("why")} == {socket.gethostname()}
    raise ProcessLost(f"{sentence}; {onwards}", said=here or not known.first_to_say()) from None


def _lost_contact(error: BaseException) -> bool:
    """Whether an exception is what torch makes of a process that does not answer."""
    if isinstance(error, InputError | RunError):
        return False
    kinds = (torch.distributed.DistBackendError, torch.distributed.DistNetworkError)
    return isinstance(error, kinds) or (isinstance(error, RuntimeError) and bool(CONTACT.search(str(error))))


@contextmanager
def _told_to_end() -> Iterator[None]:
    """While the block runs, SIGTERM raises `_Ended`, so that whoever is told to end can say why."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def hear(number: int, frame: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
        raise _Ended

    before = signal.signal(signal.SIGTERM, hear)
    try:
        yield
    except ProcessLost:
        raise  # and hears it no more: the launcher would end this process before it has spoken
    except BaseException:
        signal.signal(signal.SIGTERM, before)
        raise
    signal.signal(signal.SIGTERM, before)
