"""The run folder: what a run leaves on disk, and who may write to it."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from mislabel.decisions.opening import check_deletable
from mislabel.disk import nearest_existing
from mislabel.errors import InputError, RunError
from mislabel.files import atomic_write, private_folder, remove_folder, write_json
from mislabel.integrity import NAME as DIGESTS
from mislabel.integrity import add_digests, read_object
from mislabel.run.clearing import half_cleared, put_aside, remove_aside
from mislabel.run.entries import check_plain
from mislabel.run.forms import Config, Metrics
from mislabel.run.settings import with_later_settings

SCHEMA = 1
SCHEMA_KEY = b"mislabel.schema"  # in the metadata of the tables of a run
PIXELS = "pixels.npy"
PROCESSES = ".process-"  # begins the names of the files that tell which processes of a launch live
NO_DIGESTS = "This run has no digests of its files, as those of mislabel 0.1.0: damage to one of them may go unnoticed."
MAY_MOVE = {"name", "source"}  # of the data: their fingerprint tells whether they are the same


def check_folder(path: Path) -> None:
    """Look whether a folder can be made or written there.

    Raises
    ------
    InputError
        If it cannot, or a file has that name.
    """
    if path.is_symlink() and not path.exists():
        raise InputError(f"cannot write the folder {path}: it is a link to {os.readlink(path)}, which does not exist")
    there = nearest_existing(path)
    if not there.is_dir():
        raise InputError(f"cannot write the folder {path}: {there} is a file; choose another name")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"cannot write the folder {path}: {there} cannot be written into; choose another folder")


def is_main_process() -> bool:
    """Whether this process writes and speaks, where a launch made several."""
    return os.environ.get("RANK", "0") == "0"


class RunFolder:
    """Paths of a run and the rules for using them. `metrics.json` is written last: where it is, the run is whole.

    Attributes
    ----------
    leads : bool
        Whether this process writes here what training leaves; others of a launch map it.
    is_mirror, mirrored : bool
        Whether this is no run folder but a mirror of one (`mislabel.run.mirror`), and whether there are such.
    """

    def __init__(self, path: str | Path, *, mirror_led: bool | None = None):
        self.path: Path = Path(path)
        self.is_mirror: bool = mirror_led is not None
        self.mirrored: bool = self.is_mirror
        self.leads: bool = is_main_process() if mirror_led is None else mirror_led
        self.config: Path = self.path / "config.json"
        self.model: Path = self.path / "model"
        self.audit: Path = self.path / "audit.parquet"
        self.posterior: Path = self.path / "posterior.npy"
        self.likeliest: Path = self.path / "likeliest.npy"  # in its place, of very many rows and classes
        self.inputs: Path = self.path / "inputs.parquet"
        self.transition: Path = self.path / "transition.parquet"
        self.sources: Path = self.path / "sources.parquet"
        self.votes: Path = self.path / "votes.parquet"
        self.metrics: Path = self.path / "metrics.json"
        self.report: Path = self.path / "report.html"
        self.report_json: Path = self.report.with_suffix(".json")
        self.report_md: Path = self.report.with_suffix(".md")
        self.dynamics: Path = self.path / "dynamics"
        self.trained_ids: Path = self.dynamics / "ids.parquet"  # of the rows of the dynamics, in their order
        self.checkpoints: Path = self.path / "checkpoints"
        self.embeddings: Path = self.path / "embeddings.npy"
        self.pixels: Path = self.path / PIXELS
        self.trajectory: Path = self.path / "trajectory"
        self.tracking: Path = self.path / "tracking"
        self.spool: Path = self.path / "spool"  # of data that are read once
        self.decisions: Path = self.path / "decisions.sqlite"
        self.encoder: Path = self.path / "encoder.json"
        self.digests: Path = self.path / DIGESTS
        self.lock: Path = self.path / ".lock"
        self.owner: Path = self.path / ".owner"
        self._lock = FileLock(self.lock, timeout=0, mode=0o600)

    @property
    def own_paths(self) -> list[Path]:
        """The files and folders that belong to the run itself."""
        paths = [path for path in vars(self).values() if isinstance(path, Path) and path != self.path]
        return paths + self._beside_decisions

    @property
    def _beside_decisions(self) -> list[Path]:
        """What SQLite writes beside its file."""
        return [self.decisions.with_name(self.decisions.name + end) for end in ("-wal", "-shm", "-journal")]

    def read_back(self) -> list[Path]:
        """The files here that are read again once the run is finished, but for those that change after it."""
        reports = {self.report.name, self.report_json.name, self.report_md.name}
        changing = reports | {self.decisions.name, self.digests.name, self.tracking.name}
        changing |= {self.checkpoints.name, self.spool.name}
        files = (path for path in sorted(self.path.rglob("*")) if path.is_file())
        kept = ((path, path.relative_to(self.path).parts) for path in files)
        return [
            path for path, parts in kept
            if parts[0] not in changing and not parts[0].startswith(f"{self.decisions.name}-")
            and not any(part.startswith(".") for part in parts)
        ]  # fmt: skip

    @property
    def finished(self) -> bool:
        return self.metrics.is_file()

    def prepare(self, config: dict[str, Any], *, resume: bool, overwrite: bool) -> list[str]:
        """Make the folder ready for a run with this configuration.

        Returns
        -------
        list of str
            Notes for the result of a run that is resumed; see `check_same`.

        Raises
        ------
        InputError
            If the folder holds another run and neither `resume` nor `overwrite` was asked for, or it would be
            overwritten and holds decisions that a person made.
        RunError
            If a run is to be resumed with other settings or other data, or a link lies in the folder.
        """
        self.check_free(resume=resume, overwrite=overwrite)
        if self._used and resume:
            return self.check_same(config)
        if self._used or self._half_cleared:
            self._clear()
        private_folder(self.path)  # it may have been there, for all to read
        remove_aside(self.path)
        check_plain(self.own_paths)
        self.write_config(config)
        return []

    def check_free(self, *, resume: bool, overwrite: bool) -> None:
        """Look whether a run may be written here, before the work that is to fill it.

        Raises
        ------
        InputError
            If the folder cannot be written, or holds something and neither `resume` nor `overwrite` was asked for.
        RunError
            If a link lies where data are read to.
        """
        check_folder(self.path)
        check_plain([self.spool])
        if self._used and not resume and not overwrite:
            hint = "" if self.finished else "--resume to continue it, "
            raise InputError(f"{self.path} is not empty: choose another --out, {hint}or --overwrite to replace it")

    @property
    def _used(self) -> bool:
        """Whether something lies here; what a start leaves that failed before any work does not count."""
        early = (self.config.name, self.digests.name, self.tracking.name, self.spool.name)
        return (
            self.path.exists()
            and not self._half_cleared
            and any(not item.name.startswith(".") and item.name not in early for item in self.path.iterdir())
        )

    @property
    def _half_cleared(self) -> bool:
        """Whether a run was to be overwritten and is half removed."""
        return not self.finished and half_cleared(self.path)

    def write_config(self, config: dict[str, Any]) -> None:
        write_json(self.config, {"schema": SCHEMA, **config})
        add_digests(self.path, self.config)

    def read_config(self) -> dict[str, Any]:
        """config.json of a run.

        Raises
        ------
        InputError
            If there is none, or a newer version wrote it.
        RunError
            If it cannot be read, or a link lies in the folder.
        """
        check_plain(self.own_paths)
        if not self.config.is_file():
            raise InputError(f"{self.path} is no run folder: it has no config.json")
        config = read_object(self.config, Config)
        if config.get("schema") != SCHEMA:
            raise InputError(f"{self.config} has schema {config.get('schema')}, this version reads {SCHEMA}")
        return config

    def read_metrics(self) -> dict[str, Any]:
        """metrics.json of a run.

        Raises
        ------
        InputError
            If the run is not finished, or the folder is none.
        RunError
            If it cannot be read.
        """
        self.read_config()
        if not self.finished:
            raise InputError(f"the run in {self.path} is not finished: continue it with --resume")
        metrics = read_object(self.metrics, Metrics)
        if metrics.get("schema", SCHEMA) != SCHEMA:  # runs of 0.1.0 have none
            raise InputError(f"{self.metrics} has schema {metrics['schema']}, this version reads {SCHEMA}")
        return metrics

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Only one process may write to a run; the lock goes when the process does, however it ends.

        Whoever holds it through this object may ask again.
        """
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        check_plain([self.lock, self.owner])
        try:
            with self._lock:
                atomic_write(self.owner, str(os.getpid()))
                yield
        except Timeout:
            pid = self.owner.read_text(encoding="utf-8") if self.owner.is_file() else "unknown"
            raise RunError(f"{self.path} is in use by process {pid}: wait for it, or choose another --out") from None

    def check_same(self, config: dict[str, Any]) -> list[str]:
        """Whether the run in the folder may go on with this configuration.

        Returns
        -------
        list of str
            What a reader of the result has to know: the versions of packages that are others now.

        Raises
        ------
        RunError
            If the run in the folder has other settings or other data.
        """
        before = {"settings": {}, "data": {}} | self.read_config()
        if "order" not in before["data"] and not self.finished:
            raise RunError(
                f"{self.path} cannot be resumed: an earlier version began it, which took rows in the order of the "
                "table; start a new run"
            )
        before["data"].setdefault("order", config["data"].get("order"))  # of a finished run nothing is done again
        for part in ("settings", "data"):
            then, now = _comparable(before[part], part), _comparable(json.loads(json.dumps(config[part])), part)
            for key in {**then, **now}:
                if key not in MAY_MOVE and then.get(key) != now.get(key):
                    raise RunError(
                        f"{self.path} cannot be resumed: {part}.{key} was {_short(then.get(key))} and is now "
                        f"{_short(now.get(key))}; give the same data and options, or start a new run"
                    )
        versions = before.get("versions") or {}
        other = [
            f"{name} {then} and now {now}" for name, now in config.get("versions", {}).items()
            if (then := versions.get(name, now)) != now
        ]  # fmt: skip
        if not other:
            return []
        return [f"This run was begun with {', '.join(other)}: in one go with either its numbers may be others."]

    def check_output(self, path: Path) -> None:
        """Raise RunError where a file to be written lies in the folder and is a link, as in a folder from elsewhere."""
        if path.absolute().parent.resolve().is_relative_to(self.path.resolve()):
            check_plain([path])

    def drop_spool(self) -> None:
        """Remove the data that were read into the folder; where a system holds on to mapped files, they stay."""
        with suppress(OSError):
            remove_folder(self.spool)

    def drop_checkpoints(self) -> None:
        """Remove what only a run that is not finished needs."""
        remove_folder(self.checkpoints)
        self.pixels.unlink(missing_ok=True)

    def _clear(self) -> None:
        if self._used and not self.config.is_file():
            raise InputError(f"{self.path} holds files but no run: it is not overwritten, choose another --out")
        check_plain([self.decisions, *self._beside_decisions])
        check_deletable(self.decisions)
        put_aside(self.path, self.metrics, self.config, stays=(self.lock.name, self.owner.name, self.spool.name))


def _comparable(values: dict[str, Any], part: str) -> dict[str, Any]:
    """Settings or data of a run, of this version or an earlier one, which did not know all that there is now."""
    if part == "settings":
        return with_later_settings(values)
    columns = values.get("columns") or {}
    return {**values, "columns": {what: name for what, name in columns.items() if name is not None}}


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 80 else text[:77] + "..."
