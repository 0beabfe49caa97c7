"""How long a test waits for another process, thread or page: only what hangs takes so long."""

import os

PATIENCE = 600.0  # seconds, below the limit of a test (pyproject.toml)
# How soon a command ends after Ctrl-C. The promise is two seconds, which can be asked for only where nothing else runs:
# MISLABEL_IDLE=1 says so. Beside busy neighbours a process waits for its turn.
PROMPT = 2.0 if os.environ.get("MISLABEL_IDLE") == "1" else 20.0
