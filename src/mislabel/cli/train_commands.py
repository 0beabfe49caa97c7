"""`mislabel train` and `audit`: one run."""

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mislabel.cli import interrupts
from mislabel.cli.exit_codes import errors, finished_run, say
from mislabel.cli.options import AUDIT, TRAIN, in_panels, takes
from mislabel.run.option_pairs import read_pairs

if TYPE_CHECKING:
    from mislabel.run.folder import RunFolder


@takes(in_panels(TRAIN))
def train(**given: Any) -> None:
    """Train a classifier on noisy labels and audit them.

    Example: mislabel train messages.csv --text text --label label --out runs/messages
    """
    _train(given)


@takes(in_panels(AUDIT))
def audit(**given: Any) -> None:
    """List the labels that look wrong, the cheap way: a small head on frozen embeddings, or on the features themselves.

    Example: mislabel audit messages.csv --text text --label label --out runs/audit
    """
    # Random weights have nothing to freeze: with --scratch the whole network trains.
    _train({**given, "tune": "full" if given["scratch"] or given["recipe"] else "head", "keep_checkpoints": False})


def _train(given: dict[str, Any]) -> None:
    with errors():
        from mislabel.data.plan import Plan
        from mislabel.modalities import modality_names
        from mislabel.modalities.early import ROLES, SEVERAL, check_columns
        from mislabel.run.folder import RunFolder, is_main_process
        from mislabel.run.settings import RunConfig

        columns = {name: given[name] for name in (*modality_names(), *ROLES, *SEVERAL)}
        checks = {name: given[name] for name in Plan.__dataclass_fields__ if name in given}
        settings = {name: given[name] for name in RunConfig.__dataclass_fields__ if name in given}
        settings["describe"] = _described(given["describe"])
        config = RunConfig(**settings, options=_options(given))
        folder = RunFolder(given["out"]) if given["out"] else None
        same = folder and given["decisions"] and folder.path.resolve() == given["decisions"].resolve()
        if folder is not None and is_main_process() and not same:
            folder.check_free(resume=given["resume"], overwrite=given["overwrite"])
        check_columns(given["data"], columns)
        # What is wrong up to here is told at once; pandas and torch, which all the rest needs, take seconds to import.
        from mislabel.cli.summary import in_folder, show_result
        from mislabel.modalities.loading import load_dataset
        from mislabel.report import write_report
        from mislabel.run.reading import Run
        from mislabel.run.suggestions import shown_by_audit, suggestions
        from mislabel.run.train import held_out_before, train
        from mislabel.tables.spool import Spool
        from mislabel.training.device import leave_processes
        from mislabel.training.progress import Quiet, Terminal

        earlier = Run.open(finished_run(given["decisions"])) if given["decisions"] else None
        progress = Terminal() if is_main_process() else Quiet()
        dataset = load_dataset(
            given["data"], **columns, **checks, held_out=held_out_before(earlier, given["holdout"]),
            spool=Spool(folder.spool, progress) if folder and not given["no_content"] else None,
        )  # fmt: skip
        trained = train(
            dataset, config, folder, columns=columns, earlier=earlier, resume=given["resume"],
            overwrite=given["overwrite"], content=not given["no_content"], keep_checkpoints=given["keep_checkpoints"],
            track=given["track"], report=write_report, progress=progress,
            watch=_interruptible,
        )  # fmt: skip
        leave_processes()
        if not is_main_process():
            return
        if folder is not None:
            folder.drop_spool()
        shown = shown_by_audit(trained.audit, config.plain(), trained.dataset.inputs.modality)
        next_steps = in_folder(suggestions(shown), folder)
        if given["as_json"]:
            out = {"out": str(folder.path) if folder else None, "suggestions": [asdict(step) for step in next_steps]}
            say(True, {**trained.audit.metrics, **out}, "")
        else:
            show_result(trained.audit, trained.dataset, folder, trained.report, next_steps)


def _described(path: Path | None) -> dict[str, list[str]] | None:
    if path is None:
        return None
    from mislabel.data.descriptions import read_descriptions

    return read_descriptions(path)


def _options(given: dict[str, Any]) -> dict[str, Any]:
    """Those with a name of their own, and name=value pairs."""
    named = {name: given[name] for name in ("branches", "trajectory_dim") if given[name] is not None}
    return named | read_pairs(given["option"] or [])


@contextmanager
def _interruptible(folder: "RunFolder | None") -> Iterator[Callable[[], bool]]:
    """While training runs, Ctrl-C says how to go on."""
    with interrupts.going_on(lambda: _how_to_go_on(folder)):
        yield interrupts.asked


def _how_to_go_on(folder: "RunFolder | None") -> str:
    if folder is None:
        return ""
    if folder.finished:
        return f"the run is whole; write its report with: mislabel report {shlex.quote(str(folder.path))}"
    words = [word for word in sys.argv[1:] if word not in ("--resume", "--overwrite")]
    saved = any(folder.checkpoints.glob("*/state.json"))
    begin = "every finished epoch is safe" if saved else "no epoch was finished"
    return f"{begin}; continue with: mislabel {shlex.join(words)} --resume"
