"""`mislabel train` and `audit`: one run."""

import json
import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from mislabel.cli.answers import errors
from mislabel.cli.options import AUDIT, TRAIN, takes
from mislabel.errors import InputError
from mislabel.run.pairs import read_pairs


@takes(TRAIN)
def train(**given: Any) -> None:
    """Train a classifier on noisy labels and audit them.

    Example: mislabel train messages.csv --text text --label label --out runs/messages
    """
    _train(given)


@takes(AUDIT)
def audit(**given: Any) -> None:
    """List the labels that look wrong, the cheap way: a small head on frozen embeddings, or on the features themselves.

    Example: mislabel audit messages.csv --text text --label label --out runs/audit
    """
    # Random weights have nothing to freeze: with --scratch the whole network trains.
    _train({**given, "tune": "full" if given["scratch"] or given["recipe"] else "head", "keep_checkpoints": False})


def _train(given: dict[str, Any]) -> None:
    with errors():
        from mislabel.modalities import modality_names
        from mislabel.modalities.loading import load_dataset
        from mislabel.run.about import describe
        from mislabel.run.folder import RunFolder
        from mislabel.run.job import run
        from mislabel.run.prior_decisions import apply_decisions, carry_over
        from mislabel.run.reading import Run
        from mislabel.run.settings import RunConfig
        from mislabel.training.device import leave_processes
        from mislabel.training.progress import Quiet, Terminal

        columns = {name: given[name] for name in (*modality_names(), "label", "gold", "id", "split")}
        checks = {name: given[name] for name in ("missing", "on_bad", "holdout", "seed")}
        before, decisions = Run.open(given["decisions"]) if given["decisions"] else None, None
        held_out = None
        if before is not None and given["holdout"] and not before.columns.get("split"):
            # What was held out stays so: labels that were corrected would change the draw, and move rows into training.
            held_out = before.held_out() or None
        dataset = load_dataset(given["data"], **columns, **checks, held_out=held_out)
        settings = {name: given[name] for name in RunConfig.__dataclass_fields__ if name in given}
        config = RunConfig(**settings, options=_options(given))
        folder = RunFolder(given["out"]) if given["out"] else None
        if before is not None:
            if folder and folder.path.resolve() == before.folder.path.resolve():
                raise InputError(f"--decisions and --out are the same run, {before.folder.path}: choose another --out")
            dataset, decisions = apply_decisions(dataset, before)
        main = os.environ.get("RANK", "0") == "0"
        progress = Terminal() if main else Quiet()
        with folder.locked() if folder and main else nullcontext(), _interruptible(folder) as interrupted:
            if folder and main:
                about = describe(config, dataset, columns, decisions)
                folder.prepare(about, resume=given["resume"], overwrite=given["overwrite"])
            if folder and given["resume"] and folder.finished:
                progress.line(f"{folder.path} is finished: nothing to continue")
                found = Run.open(folder).result()
            else:
                found = run(
                    dataset, config, folder, resume=given["resume"], decisions=decisions,
                    content=not given["no_content"], keep_checkpoints=given["keep_checkpoints"],
                    progress=progress, interrupted=interrupted,
                ).audit  # fmt: skip
            leave_processes()
            if not main:
                return
            if before and folder:
                carry_over(before.folder, folder, dataset.labels.classes)
            path = None
            if folder:
                from mislabel.report import write_report

                path = write_report(folder)
        if given["as_json"]:
            print(json.dumps({**found.metrics, "out": str(folder.path) if folder else None}, indent=1))
        else:
            from mislabel.run.show import show_result

            show_result(found, dataset, folder, path)


def _options(given: dict[str, Any]) -> dict[str, Any]:
    """Those with a name of their own, and name=value pairs."""
    named = {name: given[name] for name in ("branches", "trajectory_dim") if given[name] is not None}
    return named | read_pairs(given["option"] or [])


@contextmanager
def _interruptible(folder: Any) -> Iterator[Callable[[], bool]]:
    """Ctrl-C once ends training after the running step; twice at once."""
    asked = False

    def ask(number: int, frame: Any) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    except KeyboardInterrupt:
        if folder and any(folder.checkpoints.glob("*/state.json")):
            words = [word for word in sys.argv[1:] if word not in ("--resume", "--overwrite")]
            print(
                f"\nevery finished epoch is safe; continue with: mislabel {shlex.join(words)} --resume", file=sys.stderr
            )
        raise
    finally:
        signal.signal(signal.SIGINT, before)
