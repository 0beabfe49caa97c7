"""What a run records beside its results: settings, versions, time and memory."""

import platform
import shlex
import sys
import time
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mislabel import __version__
from mislabel.data import Dataset
from mislabel.run.defaults import effective_for, method_of
from mislabel.run.settings import RunConfig
from mislabel.settings import make_settings
from mislabel.tables.remote import is_remote, shown

if TYPE_CHECKING:
    import torch

PACKAGES = ("torch", "transformers", "accelerate", "numpy", "scipy", "pandas")


def describe(
    config: RunConfig, dataset: Dataset, columns: dict[str, Any], decisions: dict[str, Any] | None = None
) -> dict[str, Any]:
    """What config.json says of a run: every effective setting, the data, versions.

    Parameters
    ----------
    columns : dict
        Which column is what.
    decisions : dict, optional
        Whose decisions are taken as known, as `mislabel.run.prior_decisions.apply_decisions` counts them.
    """
    return describe_run(every_setting(effective_for(config, dataset)), dataset, columns, decisions)


def describe_run(
    settings: dict[str, Any], dataset: Dataset, columns: dict[str, Any], decisions: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The same from settings as config.json shows them, which need not be those of a training of ours."""
    import torch

    known = None if decisions is None else {name: decisions[name] for name in ("rows", "fingerprint", "run")}
    return {
        "settings": settings,
        "data": {
            "name": dataset.name,
            "source": dataset.source,
            "modality": dataset.inputs.modality,
            "fingerprint": dataset.fingerprint,
            "order": "id" if dataset.named else "content",
            "rows": len(dataset),
            "columns": columns,
            "classes": [_plain(value) for value in dataset.labels.classes],
            "decisions": known,
        },
        "versions": versions(*PACKAGES),
        "threads": torch.get_num_threads(),
        "command": typed_command(),
        "notes": dataset.notes,
    }


def typed_command() -> str:
    """What was typed, where that was a command of this program; empty in a script, a notebook or a test."""
    program = Path(sys.argv[0] if sys.argv else "")
    # `mislabel` in any directory, with the endings that Windows gives it, or `python -m mislabel`.
    ours = program.stem in ("mislabel", "mislabel-script") or program.parts[-2:] == ("mislabel", "__main__.py")
    return shlex.join(["mislabel", *map(_without_keys, sys.argv[1:])]) if ours else ""


def _without_keys(word: str) -> str:
    """A word of a command line; addresses lose what opens them."""
    return shown(word) if is_remote(word) else word


def versions(*packages: str) -> dict[str, str]:
    """Those of Python, of this package and of others, which may not be installed."""
    known = {"python": platform.python_version(), "mislabel": __version__}
    for name in packages:
        try:
            known[name] = version(name)
        except PackageNotFoundError:
            known[name] = "not installed"
    return known


def every_setting(config: RunConfig) -> dict[str, Any]:
    """All settings of an effective configuration, with every option of the method."""
    return config.plain() | {"options": asdict(make_settings(method_of(config).make, config.options))}


def peak_memory_mb(device: "torch.device") -> dict[str, float]:
    """Largest memory of this process, and of the device where it has its own, in MB."""
    peak = {"process": process_peak_mb()}
    if device.type == "cuda":
        import torch

        peak["device"] = round(torch.cuda.max_memory_allocated(device) / 1e6, 1)
    return peak


def process_peak_mb() -> float:
    """Largest memory of this process since its start, in MB."""
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        memory = psutil.Process().memory_info()
        return round(getattr(memory, "peak_wset", memory.rss) / 1e6, 1)
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)


class Clock:
    """Seconds by phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.perf_counter()

    def restart(self) -> None:
        self._since = time.perf_counter()

    def stop(self, phase: str) -> None:
        self.seconds[phase] = round(time.perf_counter() - self._since, 2)
        self.restart()

    def all(self) -> dict[str, float]:
        return {**self.seconds, "total": round(sum(self.seconds.values()), 2)}


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool) else str(value)
