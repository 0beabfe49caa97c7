"""The largest memory of one piece of work, where several share a process."""

from pathlib import Path

from mislabel.run.about import process_peak_mb

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def forget_peak() -> bool:
    """Let the process's record of its peak begin anew; False where the system cannot (not Linux)."""
    try:
        CLEAR.write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def peak_mb() -> float:
    """The process's peak since then, in MB; since its start where `forget_peak` gave False."""
    try:
        lines = STATUS.read_text(encoding="ascii", errors="replace").splitlines()
        return round(next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e6, 1)
    except (OSError, StopIteration):
        return process_peak_mb()
