"""Parts of the sweeps (`make test-all PART=K/N`): together all of them, each in one, and what is no sweep in each."""

import subprocess
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).parent / "methods" / "test_balance.py"


def collected(*words: str) -> set[str]:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", str(FILE), *words]
    done = subprocess.run(command, cwd=FILE.parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return {line for line in done.stdout.splitlines() if "::" in line}


@pytest.mark.slow
def test_parts_are_the_whole():
    every, swept = collected(), collected("-m", "sweep")
    parts = [collected("--part", f"{place}/3") for place in range(3)]
    assert set.union(*parts) == every
    assert set.intersection(*parts) == every - swept
    assert sum(len(part & swept) for part in parts) == len(swept)
    assert all(0 < len(part & swept) < len(swept) for part in parts)
    assert collected("--part", "4/3") == parts[1]
