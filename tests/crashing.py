"""Kills a command at each of its writes in turn, starts it again, and compares what it leaves with an undisturbed run.

`python tests/crashing.py [--most N] [SCENARIO ...]` prints a line of JSON for each scenario: how many writes there are,
at how many of them a process was killed, how many of those ended well, and what was wrong with the others. Everything
happens in one process that has imported what it needs and forks: a start costs milliseconds, not seconds.
"""

import argparse
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import traceback
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))


class Writes:
    """Counts the moments at which a file system changes, and ends the process before the one of a given number.

    Renames, removals, new folders and files come as audit events; syncs, flushes of maps, tensors and what SQLite is
    told are wrapped. A file of tensors is also cut in the middle: its first half is there when the process dies.
    """

    def __init__(self, fatal: int | None):
        self.left, self.count, self.kinds = fatal, 0, {}

    def tick(self, kind: str) -> None:
        self.count += 1
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if self.left is not None and self.count > self.left:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        import numpy as np
        import safetensors.torch

        home = str(Path.cwd())

        def heard(event: str, arguments: tuple) -> None:
            if event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod"):
                self.tick(event)
            elif event == "open" and isinstance(arguments[0], str) and isinstance(arguments[2], int):
                writes = arguments[2] & (os.O_WRONLY | os.O_RDWR) and arguments[2] & (os.O_CREAT | os.O_TRUNC)
                if writes and os.path.abspath(arguments[0]).startswith(home):
                    self.tick("open")

        sys.addaudithook(heard)
        os.fsync = self._ticking(os.fsync, "fsync")
        np.memmap.flush = self._ticking(np.memmap.flush, "flush")
        whole = safetensors.torch.serialize_file

        def cut(tensors: Any, path: Any, *rest: Any, **more: Any) -> None:
            self.tick("tensors")
            whole(tensors, path, *rest, **more)
            if self.left is not None and self.count + 1 > self.left:
                os.truncate(path, os.path.getsize(path) // 2)
            self.tick("half of the tensors")

        safetensors.torch.serialize_file = cut
        ticks = self.tick

        class Connection(sqlite3.Connection):
            def execute(self, *words: Any) -> sqlite3.Cursor:
                ticks("sqlite")
                return super().execute(*words)

            def __exit__(self, *words: Any) -> Any:
                ticks("commit")
                return super().__exit__(*words)

        connect = sqlite3.connect
        sqlite3.connect = lambda *words, **more: connect(*words, factory=Connection, **more)

    def _ticking(self, real: Callable, kind: str) -> Callable:
        def ticking(*words: Any, **more: Any) -> Any:
            self.tick(kind)
            return real(*words, **more)

        return ticking


def forked(act: Callable[[Writes], Any], fatal: int | None = None) -> tuple[int, Any, str]:
    """Do something in a process of its own: its status, what it gave (as JSON), what it said."""
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as said:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.dup2(said.fileno(), 1)
                os.dup2(said.fileno(), 2)
                writes = Writes(fatal)
                writes.watch()
                result = act(writes)
                os.write(answer.fileno(), json.dumps([result, writes.count, writes.kinds]).encode())
                status = 0
            except SystemExit as end:
                status = end.code if isinstance(end.code, int) else 1
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        status = os.waitpid(child, 0)[1]
        answer.seek(0)
        said.seek(0)
        text = answer.read()
        return status, json.loads(text) if text else None, said.read().decode(errors="replace")


def command(*words: Any) -> Callable[[Writes], None]:
    """`mislabel ...`, to be done in a fork."""

    def act(writes: Writes) -> None:
        import typer

        from mislabel.cli import app

        code = typer.main.get_command(app).main([str(word) for word in words], standalone_mode=False)
        if code:
            raise SystemExit(code)

    return act


# What is compared: bytes, but for times and what tells of the machine.

REPORTS = ("report.html", "report.json", "report.md")
FREE = (".lock", ".owner", "digests.json", *REPORTS)  # the process, times, and digests of what is not compared
TIMED = {"seconds", "seconds_by_stage", "rows_per_second", "peak_memory_mb", "epochs", "command", "when"}


def contents(folder: Path) -> dict[str, str]:
    """A digest of every file below a folder, without times."""
    files = sorted(folder.rglob("*"))
    return {path.relative_to(folder).as_posix(): _digest(path) if path.is_file() else "folder" for path in files}


def _digest(path: Path) -> str:
    data = path.read_bytes()
    if path.name in FREE:
        data = b"there"
    elif path.name in ("metrics.json", "config.json") and path.parent.name != "model":
        data = json.dumps(_timeless(json.loads(data)), sort_keys=True).encode()
    elif path.suffix == ".sqlite":
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as connection:
            columns = "number, action, id, kind, label, given, probe, source, undoes"
            data = repr(connection.execute(f"SELECT {columns} FROM events ORDER BY number").fetchall()).encode()
    elif path.suffix == ".xlsx":
        with zipfile.ZipFile(path) as parts:
            data = b"".join(parts.read(name) for name in sorted(parts.namelist()) if not name.startswith("docProps"))
    return hashlib.sha256(data).hexdigest()


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _timeless(part) for name, part in value.items() if name not in TIMED}
    return [_timeless(part) for part in value] if isinstance(value, list) else value


def differences(one: dict[str, str], other: dict[str, str]) -> list[str]:
    return [f"{name}: {one.get(name, 'missing')[:12]} and {other.get(name, 'missing')[:12]}"
            for name in sorted({*one, *other}) if one.get(name) != other.get(name)]  # fmt: skip


class Scenario:
    """A command that is killed.

    Parameters
    ----------
    name : str
    prepare : callable
        Makes a folder what it is before the command; gets the folder.
    line : callable
        The words of the command, of the folder.
    again : callable
        The words with which it is started again.
    """

    def __init__(self, name: str, prepare: Callable, line: Callable, again: Callable):
        self.name, self.prepare, self.line, self.again = name, prepare, line, again

    def sweep(self, home: Path, most: int) -> dict[str, Any]:
        """Kill it at no more than so many of its writes, evenly spread."""
        began, folder = os.times().children_user, home / self.name / "here"
        status, told, said = self._fresh(folder, self.line)
        if status:
            return {"scenario": self.name, "writes": 0, "injected": 0, "held": 0, "faults": [f"undisturbed: {said}"]}
        wanted, count, kinds = contents(folder), told[1], told[2]
        numbers = sorted({round(k * (count - 1) / max(1, min(most, count) - 1)) for k in range(min(most, count))})
        held, faults = 0, []
        for number in numbers:
            status, _, said = self._fresh(folder, self.line, number)
            if status != signal.SIGKILL:
                faults.append(f"{number}: not killed, status {status}: {said[-500:]}")
                continue
            fault = self._start_again(folder, wanted)
            held += fault is None
            if fault is not None:
                faults.append(f"{number}: {fault}")
        shutil.rmtree(folder.parent)
        return {"scenario": self.name, "writes": count, "kinds": kinds, "injected": len(numbers), "held": held,
                "seconds": round(os.times().children_user - began, 1), "faults": faults}  # fmt: skip

    def _fresh(self, folder: Path, line: Callable, fatal: int | None = None) -> tuple[int, Any, str]:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.prepare(folder)
        os.chdir(folder)
        return forked(command(*line(folder)), fatal)

    def _start_again(self, folder: Path, wanted: dict[str, str]) -> str | None:
        status, _, said = forked(command(*self.again(folder)))
        if status:
            return f"start again, status {status}: {said[-1500:]}"
        different = differences(wanted, contents(folder))
        return f"differs: {different[:6]}" if different else None


# What is swept.

FEW = {
    "ido": ["warm_epochs=2", "robust_epochs=1"],
    "dygen": ["epochs=2", "distil_epochs=1"],
    "npc": ["epochs=2", "distil_epochs=1"],
    "divide_mix": ["warm_epochs=1", "epochs=1"],
    "co_teaching": ["epochs=2"],
    "lccn": ["warm_epochs=1", "epochs=2"],
    "turn": ["probe_epochs=1", "epochs=1"],
}
QUICK = ["--precision", "fp32", "--device", "cpu", "--batch-size", "32", "--label", "label", "--id", "id"]


def method(name: str) -> list[str]:
    return ["--method", name, *(word for option in FEW[name] for word in ("--option", option))]


def nothing(folder: Path) -> None:
    """A folder in which nothing lies yet."""


def trainings(data: dict[str, Any]) -> list[Scenario]:
    """A run on each modality with each method, continued."""
    inputs = {"features": ["audit", data["features"], "--features", "f*"]}
    if "texts" in data:
        inputs |= {
            "text-head": ["audit", data["texts"], "--text", "text", "--backbone", data["encoder"]],
            "text-full": ["train", data["texts"], "--text", "text", "--backbone", data["encoder"]],
            "images": ["train", data["images"], "--image", "path", "--backbone", data["image_model"]],
        }

    def scenario(modality: str, name: str) -> Scenario:
        line = [*inputs[modality], *QUICK, *method(name), "--out"]
        return Scenario(
            f"{modality}-{name}", nothing, lambda folder: [*line, folder / "run"],
            lambda folder: [*line, folder / "run", "--resume"],
        )  # fmt: skip

    return [scenario(modality, name) for modality in inputs for name in FEW]


def afterwards(data: dict[str, Any], home: Path) -> list[Scenario]:
    """What is done with a finished run, done again."""
    finished = home / "finished" / "run"
    audit = ["audit", data["features"], "--features", "f*", *QUICK]
    status, _, said = forked(command(*audit, *method("npc"), "--out", finished))
    assert status == 0, said
    reviewed = home / "reviewed.csv"
    status, _, said = forked(command("export", finished, "-o", reviewed))
    assert status == 0, said
    lines = reviewed.read_text().splitlines()
    other = lines[0].replace("label_before", "before").split(",")
    place, by = other.index("label"), other.index("decided_by")
    rows = [line.split(",") for line in lines[1:8]]
    for row in rows:
        row[place], row[by] = rows[0][place], "person"
    reviewed.write_text("\n".join([lines[0], *(",".join(row) for row in rows)]) + "\n")

    def prepare(folder: Path) -> None:
        shutil.copytree(finished, folder / "run")

    def linked(folder: Path) -> None:
        prepare(folder)
        (folder / "precious").mkdir()
        (folder / "precious" / "a").write_text("precious")
        (folder / "run" / "link").symlink_to(folder / "precious")

    lines_of: dict[str, tuple[Callable, Callable]] = {
        "overwrite": (linked, lambda folder: [*audit, *method("ido"), "--out", folder / "run", "--overwrite"]),
        "report": (prepare, lambda folder: ["report", folder / "run"]),
        "import": (prepare, lambda folder: ["import-decisions", folder / "run", reviewed]),
        "predict": (prepare, lambda folder: ["predict", folder / "run", data["features"], "-o", folder / "out.csv"]),
    }
    for ending in ("csv", "jsonl", "parquet", "xlsx", "csv.gz"):
        lines_of[f"export-{ending}"] = (
            prepare,
            lambda folder, ending=ending: ["export", folder / "run", "-o", folder / f"out.{ending}"],
        )
    lines_of["export-label-studio"] = (
        prepare,
        lambda folder: ["export", folder / "run", "--as", "label-studio", "-o", folder / "out.json"],
    )
    return [Scenario(name, before, line, line) for name, (before, line) in lines_of.items()]


def import_everything() -> None:
    """What the commands import, once for all."""
    from functools import partial

    import mislabel.cli
    import mislabel.decisions.store
    import mislabel.exchange.cleanlab
    import mislabel.exchange.export
    import mislabel.exchange.importing
    import mislabel.exchange.label_studio
    import mislabel.exchange.table
    import mislabel.modalities.features.reader
    import mislabel.modalities.image.reader
    import mislabel.modalities.text.reader
    import mislabel.report
    import mislabel.run.predict
    import mislabel.run.train
    from mislabel.methods import dygen, npc

    for module in (dygen, npc):
        module.Fitting = partial(module.Fitting, fewest_steps=20)
    import openpyxl
    import transformers  # noqa: F401

    assert mislabel.cli
    assert openpyxl


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "data", help="JSON: the paths of features and, for other inputs, texts, images, encoder, image_model"
    )
    parser.add_argument("scenarios", nargs="*", help="names or their beginnings; all without them")
    parser.add_argument("--most", type=int, default=12, help="writes of a scenario at which it is killed")
    chosen = parser.parse_args()
    data = json.loads(chosen.data)
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary).resolve()
        import_everything()
        wanted = tuple(chosen.scenarios)
        after = ("overwrite", "report", "import", "export", "predict")
        every = trainings(data)
        if not wanted or any(name.startswith(after) for name in wanted):
            every += afterwards(data, home)
        for scenario in every:
            if not wanted or scenario.name.startswith(wanted):
                print(json.dumps(scenario.sweep(home, chosen.most)), flush=True)


if __name__ == "__main__":
    main()
