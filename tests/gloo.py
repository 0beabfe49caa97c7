"""A script run by one process and by two (gloo on the CPU), and what each of them left."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from patience import PATIENCE

LAUNCH = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]


def run_by_one_and_two(source: str, folder: Path, environment: dict[str, str]) -> dict[str, np.lib.npyio.NpzFile]:
    """What a script saved as `{processes}-{rank}.npz` in the folder, its argument: "1-0", "2-0" and "2-1"."""
    script = folder / "train.py"
    script.write_text(source, encoding="utf-8")
    for start in ([], LAUNCH):
        done = subprocess.run(
            [sys.executable, *start, str(script), str(folder)],
            env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    return {name: np.load(folder / f"{name}.npz") for name in ("1-0", "2-0", "2-1")}
