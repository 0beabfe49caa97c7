"""The commands: parse, call, print. What they do lives in the rooms."""

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mislabel.cli.commands import app as app


def main() -> None:
    """Entry point of the `mislabel` command."""
    # Threads that wait give their core away: beside another heavy process spinning ones cost ten times the time.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from mislabel.cli import interrupts
    from mislabel.terminal import flush, guard_streams, tell

    interrupts.listen()  # before anything that takes time
    guard_streams()
    try:
        from mislabel.cli.commands import app

        app()
    except KeyboardInterrupt:
        tell("interrupted")
        end = SystemExit(interrupts.CODE)
    except SystemExit as exit:
        end = exit
    else:
        return
    if interrupts.asked():
        interrupts.leave()
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        # Threads of torch's process group can abort Python's own way out, and the launcher then kills the others.
        flush()
        os._exit(end.code if isinstance(end.code, int) else int(end.code is not None))
    sys.exit(end.code)


def __getattr__(name: str) -> Any:
    if name == "app":  # the commands take a moment to import, in which Ctrl-C is heard already
        from mislabel.cli.commands import app

        return app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
