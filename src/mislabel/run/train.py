"""The whole job: what an earlier review decided, the folder and its lock, training, and what the next review needs."""

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mislabel.audit import Audit
from mislabel.data import Dataset
from mislabel.disk import DiskFull, telling_full_disk
from mislabel.errors import InputError
from mislabel.run.about import describe
from mislabel.run.folder import RunFolder, is_main_process
from mislabel.run.predictor import Predictor
from mislabel.run.prior_decisions import apply_decisions, take_over
from mislabel.run.reading import Run
from mislabel.run.settings import RunConfig
from mislabel.run.tracking import check_tracker
from mislabel.run.train_and_judge import run
from mislabel.training.device import as_main, leave_processes, make_accelerator, several_processes
from mislabel.training.progress import Quiet

Watch = Callable[[RunFolder | None], AbstractContextManager[Callable[[], bool]]]


@dataclass(frozen=True)
class Trained:
    """What the job leaves.

    Attributes
    ----------
    audit : Audit
    predictor : Predictor or None
        None where the run in the folder was finished already.
    dataset : Dataset
        With the decisions that were taken as known.
    decisions : dict or None
        What `apply_decisions` counts of them.
    report : Path or None
        The report that was written.
    """

    audit: Audit
    predictor: Predictor | None
    dataset: Dataset
    decisions: dict[str, Any] | None = None
    report: Path | None = None


@contextmanager
def never_interrupted(folder: RunFolder | None) -> Iterator[Callable[[], bool]]:
    """A training that nobody stops."""
    yield lambda: False


def train(
    dataset: Dataset,
    config: RunConfig,
    folder: RunFolder | None = None,
    *,
    columns: dict[str, Any] | None = None,
    earlier: Run | None = None,
    resume: bool = False,
    overwrite: bool = False,
    content: bool = True,
    keep_checkpoints: bool = False,
    track: str | None = None,
    report: Callable[[RunFolder], Path] | None = None,
    progress: Quiet | None = None,
    watch: Watch = never_interrupted,
) -> Trained:
    """Train, judge every row, and leave a run folder that a report and a review can read.

    Parameters
    ----------
    dataset : Dataset
        Without decisions.
    config : RunConfig
    folder : RunFolder, optional
        Where the run goes; without it everything stays in memory.
    columns : dict, optional
        Which column of the data is what, for config.json.
    earlier : Run, optional
        What was decided in its review is taken as known, and taken over into the folder.
    resume, overwrite : bool
        Go on with the run in the folder, or replace it.
    content : bool
        Whether the inputs go into the folder.
    keep_checkpoints : bool
    track : str, optional
        Which tracker is told of the run, one of `mislabel.run.tracking.TRACKERS`.
    report : callable, optional
        Writes the report of a finished folder and gives its path.
    watch : callable
        From the folder to a context that is entered when the folder is ready and left when training is over; it gives
        what is asked after every step, whether to stop.

    Raises
    ------
    InputError
        If the data cannot train a classifier, the folder holds something else, the decisions are of other rows, or the
        tracker cannot begin.
    RunError
        If training fails, the folder is in use, or its run cannot be continued.
    KeyboardInterrupt
        If `watch` said so; what the last epoch left is on disk.
    """
    progress, main, decisions = progress or Quiet(), is_main_process(), None
    if track is not None:
        check_tracker(track, folder)
    if earlier is not None:
        if folder is not None and folder.path.resolve() == earlier.folder.path.resolve():
            raise InputError(f"--decisions and --out are the same run, {earlier.folder.path}: choose another --out")
        dataset, decisions = apply_decisions(dataset, earlier)
    config, finished = _as_begun(config, folder) if folder and resume else (config, False)
    with folder.locked() if folder and main else nullcontext():
        if folder and main:
            about = describe(config, dataset, columns or {}, decisions) | {"keep_checkpoints": keep_checkpoints}
            notes = folder.prepare(about, resume=resume, overwrite=overwrite)
            dataset = replace(dataset, notes=[*dataset.notes, *notes])
        with watch(folder) as interrupted, _telling_how_to_go_on(folder):
            if folder and finished:
                progress.line(f"{folder.path} is finished: nothing to continue")
                audit, predictor = _finished_audit(folder), None
                if main and not folder.read_config().get("keep_checkpoints", True):
                    folder.drop_checkpoints()  # the run was killed when it was all but over
            else:
                result = run(
                    dataset, config, folder, resume=resume, decisions=decisions, content=content,
                    keep_checkpoints=keep_checkpoints, track=track if main else None, progress=progress,
                    interrupted=interrupted,
                )  # fmt: skip
                audit, predictor = result.audit, result.predictor
            if folder is None or not main:
                return Trained(audit, predictor, dataset, decisions)
            leave_processes()
            if earlier is not None:
                take_over(earlier.folder, folder, dataset)
            path = report(folder) if report is not None else None
    return Trained(audit, predictor, dataset, decisions, path)


def _as_begun(config: RunConfig, folder: RunFolder) -> tuple[RunConfig, bool]:
    """Settings with the method that a run was begun with, where none is named, and whether it is finished.

    The default may be another by now. All processes have it from the main one: some may not see the folder.
    """
    method, finished = config.method, folder.finished
    if method is None and config.recipe is None and folder.config.is_file():
        method = folder.read_config().get("settings", {}).get("method")
    if several_processes():
        make_accelerator(config.device, config.precision)
        method, finished = as_main((method, finished))
    return replace(config, method=method), finished


def _finished_audit(folder: RunFolder) -> Audit:
    """What a finished run says, on all processes of a launch."""
    audit = Run.open(folder).result() if folder.finished else None
    if several_processes():
        audit = as_main(audit)
    assert audit is not None
    return audit


@contextmanager
def _telling_how_to_go_on(folder: RunFolder | None) -> Iterator[None]:
    """A full disk is told with the way to continue."""
    if folder is None:
        yield
        return
    try:
        with telling_full_disk(folder.path):
            yield
    except DiskFull as error:
        raise DiskFull(f"{error}; --resume continues from the last epoch that was finished") from error


def held_out_before(earlier: Run | None, holdout: float) -> Collection[Any] | None:
    """The ids to hold out again in place of a draw; None where there is nothing to repeat.

    What was held out stays so: labels that were corrected would change the draw, and move rows into training.
    """
    if earlier is None or not holdout or earlier.columns.get("split"):
        return None
    return earlier.held_out() or None
