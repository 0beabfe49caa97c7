"""How long a test waits for another process, thread or page: only what hangs takes so long."""

PATIENCE = 600.0  # seconds, below the limit of a test (pyproject.toml)
