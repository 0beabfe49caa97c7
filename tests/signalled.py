"""Ends a command by a signal at a moment of its own work, so that it does not matter how busy the machine is."""

import signal
import subprocess
import sys

from patience import PATIENCE

# The process sends the signal to itself: a parent that polls would come late on a busy machine.
SCRIPT = """
import os, sys

number, ending, times, events = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
del sys.argv[1:5]


def count(frame, event, argument):
    global events
    events -= 1
    if events == 0:
        sys.setprofile(None)
        os.kill(os.getpid(), number)


def watch(event, arguments):
    global times
    if event == "os.rename" and os.fspath(arguments[1]).endswith(ending):
        times -= 1
        if times == 0:
            sys.setprofile(count)


sys.addaudithook(watch)
from mislabel.cli import main
main()
"""


def run_until(
    words, environment: dict[str, str], number: signal.Signals, ending: str, *, times: int = 1, events: int = 4
) -> subprocess.CompletedProcess:
    """Run `mislabel ...`, which gets a signal soon after a file or folder has its name.

    Parameters
    ----------
    ending : str
        How the path ends that something is renamed to, as all that mislabel writes is once it is whole.
    times : int
        How often such a path must have come up.
    events : int
        Calls and returns of functions from then on; four of them end the renaming itself.

    Returns
    -------
    CompletedProcess
    """
    line = [sys.executable, "-c", SCRIPT, str(int(number)), ending, str(times), str(events), *map(str, words)]
    # In a session of its own, so that the signal reaches this process and nobody else.
    return subprocess.run(
        line, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False, start_new_session=True
    )
