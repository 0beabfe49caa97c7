"""The quick tests on the oldest versions that pyproject.toml allows: `make oldest`, or with what to test behind it.

uv resolves to the lowest direct dependencies, in an environment of its own, build/oldest. What these need is the newest
that there is, and calls some of what they do deprecated: that is not ours, and no error. uv reads its settings from
the environment: UV_TORCH_BACKEND=cpu spares gigabytes where there is no GPU.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / "build" / "oldest"
QUICK = ["-m", "not sweep and not slow and not readme", "-n", "2", "--dist", "loadfile"]
OTHERS = ["-W", "ignore::DeprecationWarning"]


def main() -> None:
    bin = PLACE / ("Scripts" if os.name == "nt" else "bin")
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--allow-existing", str(PLACE)], check=True)
    python = str(bin / "python")
    words = ["pip", "install", "--python", python, "--resolution", "lowest-direct", "-e", f"{ROOT}[dev]"]
    subprocess.run([*uv, *words], check=True)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    tests = [python, "-m", "pytest", *OTHERS, *(sys.argv[1:] or QUICK)]
    done = subprocess.run(tests, cwd=ROOT, env=environment, check=False)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
