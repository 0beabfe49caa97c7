"""The quick tests on the oldest versions that pyproject.toml allows: `make oldest`, or with what to test behind it.

uv resolves to the lowest direct dependencies, in an environment of its own, build/oldest.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / "build" / "oldest"
QUICK = ["-m", "not sweep and not slow and not readme", "-n", "2", "--dist", "loadfile"]


def main() -> None:
    bin = PLACE / ("Scripts" if os.name == "nt" else "bin")
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--allow-existing", str(PLACE)], check=True)
    python = str(bin / "python")
    words = ["pip", "install", "--python", python, "--resolution", "lowest-direct", "-e", f"{ROOT}[dev]"]
    subprocess.run([*uv, *words], check=True)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([python, "-m", "pytest", *(sys.argv[1:] or QUICK)], cwd=ROOT, env=environment, check=False)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
