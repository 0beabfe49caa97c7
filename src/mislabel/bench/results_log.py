"""The folder of a bench: what was asked, on which machine, and one line of results per cell, appended as they come."""

import json
import os
import platform
import shlex
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from mislabel.bench.cells import LINE, Cell
from mislabel.bench.suites import Suite
from mislabel.errors import InputError
from mislabel.files import atomic_write
from mislabel.run.about import typed_command, versions

PACKAGES = ("torch", "transformers", "numpy", "scikit-learn", "cleanlab")
Key = tuple[str, int, str]


@dataclass(frozen=True)
class Book:
    """Paths and rules of a bench's folder."""

    out: Path

    @property
    def results(self) -> Path:
        return self.out / "results.jsonl"

    @property
    def about(self) -> Path:
        return self.out / "bench.json"

    def open(self, suite: Suite, command: str) -> None:
        """Note this start.

        Raises
        ------
        InputError
            If the folder holds the results of another suite, or of other settings.
        """
        known = self.read_about() if self.about.is_file() else {}
        if known and known["fingerprint"] != suite.fingerprint:
            what = "another suite" if known["suite"] != suite.name else "other settings of this suite"
            raise InputError(f"{self.out} holds results of {what} ({known['suite']}): choose another --out")
        start = {"command": command, "at": now(), "machine": machine(), "versions": versions(*PACKAGES)}
        same = {"suite": suite.name, "title": suite.title, "fingerprint": suite.fingerprint, "run": suite.run}
        starts = [*known.get("starts", []), start]
        atomic_write(self.about, json.dumps({"schema": 1, **same, "starts": starts}, indent=1))
        if self.results.is_file() and not self.results.read_bytes().endswith(b"\n") and self.results.stat().st_size:
            with self.results.open("ab") as file:  # a line that was being written when the process ended
                file.write(b"\n")

    def read_about(self) -> dict[str, Any]:
        return json.loads(self.about.read_text(encoding="utf-8"))

    def lines(self) -> dict[Key, dict[str, Any]]:
        """The last line of each cell."""
        last: dict[Key, dict[str, Any]] = {}
        text = self.results.read_text(encoding="utf-8") if self.results.is_file() else ""
        for text_line in text.splitlines():
            try:
                line = json.loads(text_line)
            except ValueError:
                continue  # cut off by a kill
            last[line["data"], line["seed"], line["method"]] = line
        return last

    def append(self, line: dict[str, Any]) -> None:
        with self.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def left(self, cells: list[Cell]) -> list[Cell]:
        """The cells that are still to be run: those without results, and those that failed."""
        known, left = self.lines(), []
        for cell in cells:
            line = known.get(cell.key)
            if line is None and (cell.folder / LINE).is_file():  # done, but nobody was left to write it down
                line = json.loads((cell.folder / LINE).read_text(encoding="utf-8"))
                self.append(line)
            if line is None or line["status"] != "done":
                left.append(cell)
        return left


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def machine() -> dict[str, Any]:
    """What the seconds depend on; no names of hosts or people."""
    import torch

    known: dict[str, Any] = {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_gb": _memory_gb(),
    }
    if torch.cuda.is_available():
        known["gpu"] = torch.cuda.get_device_name()
    return known


def command_line() -> str:
    """How this process was called, for a person to repeat it: by a command of this program, or a script."""
    return typed_command() or shlex.join(["python", *sys.argv])


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


def _memory_gb() -> float:
    return round(psutil.virtual_memory().total / 1e9, 1)
