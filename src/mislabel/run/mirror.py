"""A folder for the processes of a machine that does not see that of the run: what training reads and writes, no more.

The first of them writes there what the main process writes into the run folder, and the others map its files. It begins
as a copy of what the run has so far, and goes when the run is over: what a run leaves is in the folder of the main
process.
"""

from collections.abc import Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, cast

import numpy as np
from accelerate import Accelerator

from mislabel.files import private_folder, remove_folder
from mislabel.run.folder import PROCESSES, RunFolder
from mislabel.training.device import as_main
from mislabel.training.parts import BLOCK, send


def copy_to_mirrors(accelerator: Accelerator, folder: RunFolder) -> None:
    """Copy what training reads of the run folder into the mirrors; all call it together, each with its own folder."""
    main = accelerator.is_main_process
    there = as_main(_needed(folder) if main else {})
    for name, size in there.items():
        _copy(accelerator, folder.path / name, size, takes=folder.is_mirror and folder.leads)
    accelerator.wait_for_everyone()


def remove_mirror(mirror: RunFolder, run: RunFolder, *, others_look: bool) -> None:
    """Remove a mirror, and what was read into the run folder of this machine, which is no run.

    Parameters
    ----------
    others_look : bool
        Whether others of this machine may still look who lives; small files stay then.
    """
    for path in mirror.path.iterdir():
        if not (others_look and path.name.startswith(PROCESSES)):
            remove_folder(path)
    run.drop_spool()
    with suppress(OSError):  # unless something lies there
        run.path.rmdir()
    with suppress(OSError):
        mirror.path.rmdir()


def _needed(folder: RunFolder) -> Mapping[str, int]:
    """Names and sizes of the files that training reads where a run goes on; none of a run that begins."""
    parts = (folder.checkpoints, folder.dynamics, folder.trajectory)
    files = [path for part in parts for path in sorted(part.rglob("*")) if path.is_file()]
    files += [path for path in (folder.embeddings, folder.pixels, folder.encoder, folder.digests) if path.is_file()]
    return {path.relative_to(folder.path).as_posix(): path.stat().st_size for path in files}


def _copy(accelerator: Accelerator, path: Path, size: int, *, takes: bool) -> None:
    """One file of the main process, block by block, to where `takes` says so."""
    main = accelerator.is_main_process
    if takes:
        private_folder(path.parent)
    with cast(Any, open(path, "rb" if main else "wb") if main or takes else nullcontext()) as file:
        for begin in range(0, size, BLOCK):
            block = np.empty(min(BLOCK, size - begin), dtype=np.uint8)
            if main:
                file.readinto(block)
            send(accelerator, [block], 0, with_all=True)
            if takes:
                file.write(block)
