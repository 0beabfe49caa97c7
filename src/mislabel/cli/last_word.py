"""What stays on the screen when a launcher of several processes has ended: our sentence, below its own traceback.

A launcher (torchrun, `accelerate launch`) answers a process that failed with thirty lines of its own, after all
processes are gone. A process of its own, which nothing else waits for, says the sentence once the launcher has ended.
"""

import os
import subprocess
import sys
from contextlib import suppress

from mislabel.terminal import visible

_LAUNCHED = "TORCHELASTIC_RUN_ID"  # in the environment of what such a launcher starts
_WAIT = """
import os, select, sys
try:
    ended = select.poll()
    ended.register(os.pidfd_open(int(sys.argv[1])), select.POLLIN)
    ended.poll(120_000)
except OSError:
    pass  # it is gone already
os.write(2, (sys.argv[2] + "\\n").encode(errors="backslashreplace"))
"""


def say_last(sentence: str) -> None:
    """Say a sentence again when the launcher of this process has ended.

    Nothing is said where there is none, nor where the system (other than Linux) does not tell of its end.
    """
    if _LAUNCHED not in os.environ or not hasattr(os, "pidfd_open"):
        return
    with suppress(OSError):
        subprocess.Popen(
            [sys.executable, "-S", "-E", "-c", _WAIT, str(os.getppid()), visible(sentence)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
