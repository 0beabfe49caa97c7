"""Stops a command at a chosen function for ever, so that Ctrl-C can be pressed at that very moment."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

from patience import PATIENCE

# The function says that it was reached, and stays: in Python, in C code that hears no signal, or deaf to exceptions.
SCRIPT = """
import hashlib, importlib.util, os, sys, threading, time

module, name, how = sys.argv[1:4]
del sys.argv[1:4]


def stay(*_, **__):
    if how == "in C":
        # Said by another thread, which can speak because and when this one is in there.
        threading.Timer(0.3, os.write, (2, b"reached\\n")).start()
        hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)
    said = 0
    while True:
        try:
            said = said or os.write(2, b"reached\\n")
            time.sleep(0.01)
        except BaseException:
            if how != "deaf":
                raise


class Finder:
    def find_spec(self, wanted, path=None, target=None):
        if wanted != module:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(wanted)
        execute = spec.loader.exec_module

        def exec_module(loaded):
            execute(loaded)
            holder = loaded
            *within, last = name.split(".")
            for part in within:
                holder = getattr(holder, part)
            setattr(holder, last, stay)

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, Finder())
from mislabel.cli import main
main()
"""


@dataclass(frozen=True)
class Ended:
    code: int
    said: str
    seconds: float  # from Ctrl-C to the end


def interrupt_at(
    words, environment: dict[str, str], module: str, name: str, how: str = "in Python", *, times: int = 1
) -> Ended:
    """Run `mislabel ...`, press Ctrl-C where it reaches a function, and wait for its end.

    Parameters
    ----------
    module, name : str
        The function, which stays: `name` in `module`.
    how : str
        "in Python", "in C" or "deaf".
    times : int
        How often Ctrl-C is pressed.
    """
    line = [sys.executable, "-c", SCRIPT, module, name, how, *map(str, words)]
    with subprocess.Popen(
        line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        said = ""
        assert process.stderr is not None
        while "reached" not in said:
            part = process.stderr.readline()
            assert part, f"it never came to {module}.{name}: {said}"
            said += part
        began = time.monotonic()
        for _ in range(times):
            os.kill(process.pid, signal.SIGINT)
            time.sleep(0.05)
        try:
            _, rest = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return Ended(process.returncode, said + rest, time.monotonic() - began)
