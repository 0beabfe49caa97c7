"""`mislabel export`: the data of a run with the labels after its review."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from mislabel.errors import InputError, in_range
from mislabel.exchange.corrected import correct
from mislabel.exchange.expected import expected_wrong
from mislabel.exchange.inputs import only_position_tells
from mislabel.exchange.known import known_labels
from mislabel.exchange.notes import notes_of
from mislabel.exchange.reviewers import reviewers_of
from mislabel.exchange.source_table import open_original
from mislabel.exchange.targets import target
from mislabel.run.folder import RunFolder
from mislabel.run.headline import check_command, check_words
from mislabel.run.reading import Run
from mislabel.tables.location import locate
from mislabel.tables.sources import becomes_part


def export(
    folder: RunFolder,
    output: Path,
    *,
    kind: str = "table",
    data: str | None = None,
    take_suggestions: float | None = None,
    unchecked: bool = False,
    reviewers: bool = False,
) -> dict[str, Any]:
    """Write the corrected data, at once, with mode 0600.

    A table has the original columns, order and types. The label column holds the decided label: of a person, who
    decided it in a review or had checked it before (a trusted label); the suggested one where `take_suggestions` says
    so and no person looked at the row; else what the data say. Where a person said that no class fits there is no
    label. Two columns are added: `label_before`, what the data say, and `decided_by`: person, suggestion or kept (a row
    that a person was unsure of is kept). Where somebody wrote notes, `decision_note` holds them. Data that are an
    export themselves keep their `label_before`, the first label of all; `decided_by` changes for rows decided since.

    Other targets are described where they are: `exchange/cleanlab.py`, `exchange/label_studio.py`.

    Parameters
    ----------
    folder : RunFolder
        A finished run.
    output : Path
        .csv, .tsv, .jsonl, .parquet or .xlsx; .json for Label Studio.
    kind : str
        A target, see `mislabel.exchange.targets`: "table", "label-studio", "cleanlab", or one that was registered.
    data : str, optional
        Where the data are now, if not where the run read them.
    take_suggestions : float, optional
        Take the suggested label where p_mislabeled is at least this.
    unchecked : bool
        Take suggestions although no rows were checked at random that would tell how many of them are wrong.
    reviewers : bool
        Tell in a table who decided each row, in a column `reviewer`, which else is there for two names or more.

    Returns
    -------
    dict
        rows, person, suggestion, kept, changed, unsure, none: counts, of this review; output; formulas: how many cells
        were made plain text for spreadsheets; config: for Label Studio, the file of its labeling interface;
        by_place_alone: True for a run without ids that keeps nothing to check the positions of rows against;
        expected_wrong: where suggestions were taken, how many of them are expected to be wrong, None without checks.

    Raises
    ------
    InputError
        If the run is not finished, the data are not there or not those of the run, a column has a name that the export
        adds, the format cannot hold the data, the output is one of the run's own files, or suggestions are to be
        taken that nobody checked.
    """
    chosen, output = target(kind), Path(output)
    if take_suggestions is not None:
        in_range("take_suggestions", take_suggestions, 0, 1)
    _refuse_own_file(folder, output)
    folder.check_output(output)
    chosen.check(output, take_suggestions)
    run, original = Run.open(folder), open_original(folder, data)
    rows = run.rows
    source = locate(original.source).path
    if output.exists() and source.exists() and output.samefile(source):
        raise InputError(f"{output} holds the data of the run, which a later export needs: choose another output")
    if becomes_part(output, original.source):
        raise InputError(f"{output} would be read as a part of {original.source}, the data of the run: choose another")
    corrected = correct(original, rows, known_labels(run), take_suggestions)
    if kind == "table":
        corrected = replace(
            corrected, reviewers=reviewers_of(corrected, run.history(), asked=reviewers), notes=notes_of(corrected)
        )
    result: dict[str, Any] = {**corrected.counts(), "output": str(output), "formulas": 0}
    if result["suggestion"]:
        expected = expected_wrong(run, corrected.taken)
        if expected is None and not unchecked:
            raise InputError(_ask_for_checks(result["suggestion"], folder))
        result["expected_wrong"] = expected
    if only_position_tells(original, rows):
        result["by_place_alone"] = True
    return {**result, **chosen.write(corrected, folder, output)}


def _ask_for_checks(taken: int, folder: RunFolder) -> str:
    return (
        f"{taken} suggested labels would be taken, and nobody knows how many of them are wrong: {check_words()}: "
        f"{check_command(str(folder.path))}, then export again; or take them as they are with --unchecked"
    )


def _refuse_own_file(folder: RunFolder, output: Path) -> None:
    resolved = output.resolve()
    if any(resolved.is_relative_to(path.resolve()) for path in folder.own_paths):
        raise InputError(
            f"{output} belongs to the run itself: choose another name, such as {folder.path}/corrected.csv"
        )
