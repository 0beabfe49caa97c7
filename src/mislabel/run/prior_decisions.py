"""Decisions of one run, taken as known by the next: found in its review, checked against the data, carried over."""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from mislabel.data import Dataset
from mislabel.data.decided_labels import NONE_OF_THESE, code_finder, with_decisions
from mislabel.data.rows import FITS_NONE
from mislabel.decisions.events import Decision, Event
from mislabel.decisions.store import Store, read_history
from mislabel.errors import InputError, some_ids
from mislabel.modalities import modality
from mislabel.run.folder import RunFolder
from mislabel.run.kept_inputs import BY_PLACE_ALONE, read_by_id, told_by
from mislabel.run.reading import Run
from mislabel.tables.formulas import neutralised


def apply_decisions(dataset: Dataset, before: Run) -> tuple[Dataset, dict[str, Any]]:
    """The data set with what was decided in the review of a run, and what to tell of that.

    Rows of which a person could not tell are as if nobody had looked. Rows that fit no class may be missing from the
    data, as from a corrected file that leaves them out. Texts and labels may have the apostrophe that a CSV export puts
    before formulas.

    Parameters
    ----------
    dataset : Dataset
        The data of that run, or a corrected file made from them: what matters is that ids name the same rows.
    before : Run

    Returns
    -------
    dataset : Dataset
        See `mislabel.data.decided_labels.with_decisions`.
    told : dict
        Plain values: `run`, its folder; `rows` with a decision that counts here, of which `changed` got another label
        and `none_of_these` none; decided rows that are `held_out` and stay so; `fingerprint`, a SHA-256 of all
        decisions.

    Raises
    ------
    InputError
        If the run has no decisions, or the data seem to have other rows than those decided.
    """
    path = before.folder.path
    made = {id: one for id, one in before.decisions().items() if one.kind != "unsure"}
    if not made:
        raise InputError(f"{path} has no decisions to take as known: mislabel review {path} makes some")
    places = {id: place for place, id in enumerate(dataset.ids.tolist())}
    _check_ids(dataset, made, places)
    here = {id: one for id, one in made.items() if id in places or one.kind != "none"}
    spell = _spelling(dataset.labels.classes)
    found = with_decisions(
        dataset, {id: NONE_OF_THESE if one.kind == "none" else spell(one.label) for id, one in here.items()}
    )
    _check_given(dataset, here, places, before)
    if not _check_inputs(dataset, here, places, before):
        found = replace(found, notes=[*found.notes, f"Decisions: {BY_PLACE_ALONE}."])
    assert found.decided is not None
    labelled, fits_none = found.decided >= 0, found.decided == FITS_NONE
    return found, {
        "run": str(path),
        "rows": int((labelled | fits_none).sum()),
        "changed": int((labelled & (found.decided != dataset.labels.codes)).sum()),
        "none_of_these": int(fits_none.sum()),
        "held_out": sum(str(dataset.split[places[id]]) != "train" for id in here),
        "fingerprint": _fingerprint(made.values()),
    }


def carry_over(before: RunFolder, after: RunFolder, classes: list) -> None:
    """Put the decisions of one run into the store of the next, with their times: its review goes on from there.

    Once only: a store that holds anything, as after a run that was continued, stays as it is. Labels are written as
    the `classes` of the next run are.
    """
    spell = _spelling(classes)

    def spelled(event: Event) -> Event:
        one = event.decision
        return replace(event, decision=replace(one, label=spell(one.label), given=spell(one.given)))

    with Store(after.decisions) as taking:
        if not taking.last():
            taking.take_over(map(spelled, read_history(before.decisions)), before.path.resolve().name)


def _check_ids(dataset: Dataset, made: Iterable[Any], places: dict[Any, int]) -> None:
    """Raise where ids have the apostrophe of a CSV export: under such a name the next review would not find them."""
    other = [id for id in made if isinstance(id, str) and id not in places and neutralised(id) in places]
    if other:
        raise InputError(
            f"{dataset.name}: {len(other)} decided ids have an apostrophe in front, as a CSV export puts it before "
            f"formulas: {some_ids(map(neutralised, other))}. Export to .jsonl or .parquet, which keep ids as they are"
        )


def _check_given(dataset: Dataset, made: dict[Any, Decision], places: dict[Any, int], before: Run) -> None:
    """Raise where a row's given label is neither what it was when it was decided nor what was decided."""
    code_of, codes = _code_or_missing(dataset.labels.classes), dataset.labels.codes
    other = [id for id, one in made.items() if codes[places[id]] not in (code_of(one.given), code_of(one.label))]
    if other:
        one = made[other[0]]
        now = dataset.labels.decode(codes[[places[other[0]]]])[0]
        raise InputError(
            f"{dataset.name} is not what was decided in {before.folder.path}: {len(other)} rows have another given "
            f"label than then, {some_ids(other)}; the first was given {one.given!r} and now {now!r}. {_FIX}"
        )


def _code_or_missing(classes: list) -> Callable[[Any], int | None]:
    find, spell = code_finder(classes), _spelling(classes)
    return lambda label: -1 if label is None else find(spell(label))


def _spelling(classes: list) -> Callable[[Any], Any]:
    """Gives a label as the data write it: with the apostrophe of a CSV export, where only so it is a class."""
    find = code_finder(classes)

    def spell(label: Any) -> Any:
        other = isinstance(label, str) and find(label) is None and find(neutralised(label)) is not None
        return neutralised(label) if other else label

    return spell


def _check_inputs(dataset: Dataset, made: dict[Any, Decision], places: dict[Any, int], before: Run) -> bool:
    """Raise where a row has another text than the run kept of it, or, without an id, other features.

    Gives whether something beside the place in the data tells which row is which: an id, or what was compared.
    """
    kind, kept = modality(dataset.inputs.modality), before.folder.inputs
    named = bool(before.columns.get("id")) or dataset.ids.dtype == object
    if not kind.comparable or before.modality != kind.name or not before.keeps_inputs:
        return named
    if kind.replaceable and named:
        return True
    column = told_by(kept)
    same = dataset.inputs.matcher(column)
    other = [id for id, then in read_by_id(kept, made, column).items() if not same(places[id], then)]
    if other:
        raise InputError(
            f"{dataset.name} is not what was decided in {before.folder.path}: {len(other)} rows have "
            f"{kind.words.other} than then, {some_ids(other)}. {_FIX}"
        )
    return True


def _fingerprint(made: Iterable[Decision]) -> str:
    """SHA-256 in hex over the sorted ids and labels; a row that fits no class has the label null."""
    lines = sorted(json.dumps([one.id, one.label], ensure_ascii=False) for one in made)
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


_FIX = (
    "Give the data of that run, or a corrected file made from them, and the same --id and --label columns; without "
    "--id rows are named by their place, and none may have been added or left out"
)
