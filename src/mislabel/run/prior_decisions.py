"""Decisions of an earlier run, taken as known by the next one: checked against its data, and taken over."""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from mislabel.data import Dataset
from mislabel.data.decided_labels import NONE_OF_THESE, code_finder, with_decisions
from mislabel.data.rows import FITS_NONE
from mislabel.decisions.events import Decision, Event
from mislabel.decisions.store import Store, read_history
from mislabel.errors import InputError, some_ids
from mislabel.modalities import modality
from mislabel.run.folder import RunFolder
from mislabel.run.kept_inputs import BY_PLACE_ALONE, comparable_column, read_by_id
from mislabel.run.reading import Run
from mislabel.run.trust_looks import TAKEN_OVER, look_weights
from mislabel.tables.formulas import neutralised


def apply_decisions(dataset: Dataset, earlier: Run) -> tuple[Dataset, dict[str, Any]]:
    """The data set with the decisions of an earlier run, and how many they are.

    An unsure row counts as undecided. Rows that fit no class may be missing from the data, as from a corrected file
    that leaves them out. Texts and labels may have the apostrophe that a CSV export puts before formulas.

    Parameters
    ----------
    dataset : Dataset
        The data of that run, or a corrected file made from them: ids must name the same rows. Where a row has a trusted
        label, the decision is newer and holds.
    earlier : Run

    Returns
    -------
    dataset : Dataset
        See `mislabel.data.decided_labels.with_decisions`.
    counts : dict
        Plain values: `run`, the folder of the earlier run; `rows`, the decided rows that are trained on or left out
        here, of which `changed` got another label and `none_of_these` none; `held_out`, the decided rows that are held
        out and stay so; `fingerprint`, a SHA-256 of all decisions; where rows were drawn with known probabilities,
        `drawn`, how many of the labelled ones; `random`, true where all of them were drawn at random, as likely as any
        other.

    Raises
    ------
    InputError
        If the run has no decisions, or the data seem to have other rows than those decided.
    """
    path = earlier.folder.path
    decided = {id: decision for id, decision in earlier.decisions().items() if decision.kind != "unsure"}
    if not decided:
        raise InputError(f"{path} has no decisions to take as known: mislabel review {path} makes some")
    position_of = {id: position for position, id in enumerate(dataset.ids.tolist())}
    _check_ids(dataset, decided, position_of)
    known = {id: decision for id, decision in decided.items() if id in position_of or decision.kind != "none"}
    spell = _spelling(dataset.labels.classes)
    with_decided = with_decisions(
        dataset,
        {id: NONE_OF_THESE if decision.kind == "none" else spell(decision.label) for id, decision in known.items()},
    )
    _check_given(dataset, known, position_of, earlier)
    if not _check_inputs(dataset, known, position_of, earlier):
        with_decided = replace(with_decided, notes=[*with_decided.notes, f"Decisions: {BY_PLACE_ALONE}."])
    assert with_decided.decided is not None
    weight = np.full(len(dataset), np.nan)
    drawn = {position_of[id]: value for id, value in look_weights(earlier).items() if id in known}
    weight[list(drawn)] = list(drawn.values())
    of_review = np.zeros(len(dataset), dtype=bool)  # others may have a trusted label
    of_review[[position_of[id] for id in known]] = True
    labelled, fits_none = of_review & (with_decided.decided >= 0), of_review & (with_decided.decided == FITS_NONE)
    weighted = int((labelled & np.isfinite(weight)).sum())
    if weighted:
        with_decided = replace(with_decided, decided_weight=weight)
    return with_decided, {
        "run": str(path),
        "rows": int((labelled | fits_none).sum()),
        "changed": int((labelled & (with_decided.decided != dataset.labels.codes)).sum()),
        "none_of_these": int(fits_none.sum()),
        "held_out": sum(str(dataset.split[position_of[id]]) != "train" for id in known),
        "fingerprint": _fingerprint(decided.values()),
        **({"drawn": weighted} if weighted else {}),
        **({"random": True} if all(decision.probe for decision in known.values()) else {}),
    }


def drawn_weights(dataset: Dataset) -> dict[Any, float]:
    """How much each decided label counts whose row was drawn with a known probability, by id."""
    if dataset.decided_weight is None:
        return {}
    known = np.flatnonzero(np.isfinite(dataset.decided_weight))
    return dict(zip(dataset.ids[known].tolist(), dataset.decided_weight[known].tolist(), strict=True))


def take_over(earlier: RunFolder, folder: RunFolder, dataset: Dataset) -> None:
    """Copy the decisions of an earlier run, with their times, into the store of `folder`, whose review goes on.

    With them goes how much each counts, as `apply_decisions` told it in the `dataset` of the new run, and labels are
    written as its classes are. A store that holds anything, as that of a resumed run, stays as it is.
    """
    spell, weights = _spelling(dataset.labels.classes), drawn_weights(dataset)

    def spelled(event: Event) -> Event:
        decision = event.decision
        return replace(event, decision=replace(decision, label=spell(decision.label), given=spell(decision.given)))

    with Store(folder.decisions) as store:
        if not store.last():
            if weights:
                store.remember(TAKEN_OVER, list(weights.items()))
            store.take_over(map(spelled, read_history(earlier.decisions)), earlier.path.resolve().name)


def _check_ids(dataset: Dataset, decided: Iterable[Any], position_of: dict[Any, int]) -> None:
    """Raise where ids have the apostrophe of a CSV export: under such ids the next review would not find them."""
    quoted = [id for id in decided if isinstance(id, str) and id not in position_of and neutralised(id) in position_of]
    if quoted:
        raise InputError(
            f"{dataset.name}: {len(quoted)} decided ids have an apostrophe in front, as a CSV export puts it before "
            f"formulas: {some_ids(map(neutralised, quoted))}. Export to .jsonl or .parquet, which keep ids as they are"
        )


def _check_given(dataset: Dataset, decided: dict[Any, Decision], position_of: dict[Any, int], earlier: Run) -> None:
    """Raise where the given label of a row is neither the one at the time of the decision nor the decided one."""
    code_of, codes = _code_or_missing(dataset.labels.classes), dataset.labels.codes
    changed = [
        id
        for id, decision in decided.items()
        if codes[position_of[id]] not in (code_of(decision.given), code_of(decision.label))
    ]
    if changed:
        decision = decided[changed[0]]
        now = dataset.labels.decode(codes[[position_of[changed[0]]]])[0]
        raise InputError(
            f"{dataset.name} is not what was decided in {earlier.folder.path}: {len(changed)} rows have another given "
            f"label than then, {some_ids(changed)}; the first was given {decision.given!r} and now {now!r}. {_FIX}"
        )


def _code_or_missing(classes: list[Any]) -> Callable[[Any], int | None]:
    find, spell = code_finder(classes), _spelling(classes)
    return lambda label: -1 if label is None else find(spell(label))


def _spelling(classes: list[Any]) -> Callable[[Any], Any]:
    """A function that writes a label as the data do: with the apostrophe of a CSV export where only that is a class."""
    find = code_finder(classes)

    def spell(label: Any) -> Any:
        other = isinstance(label, str) and find(label) is None and find(neutralised(label)) is not None
        return neutralised(label) if other else label

    return spell


def _check_inputs(dataset: Dataset, decided: dict[Any, Decision], position_of: dict[Any, int], earlier: Run) -> bool:
    """Raise where a row has another text than the earlier run kept, or, without ids, other features.

    Returns whether rows were matched by more than their position: by ids, or by the inputs compared here.
    """
    kind, kept = modality(dataset.inputs.modality), earlier.folder.inputs
    named = bool(earlier.columns.get("id")) or dataset.ids.dtype == object
    if not kind.comparable or earlier.modality != kind.name or not earlier.keeps_inputs:
        return named
    if kind.replaceable and named:
        return True
    column = comparable_column(kept)
    same = dataset.inputs.matcher(column)
    changed = [
        id
        for id, earlier_input in read_by_id(kept, decided, column).items()
        if not same(position_of[id], earlier_input)
    ]
    if changed:
        raise InputError(
            f"{dataset.name} is not what was decided in {earlier.folder.path}: {len(changed)} rows have "
            f"{kind.words.other} than then, {some_ids(changed)}. {_FIX}"
        )
    return True


def _fingerprint(decisions: Iterable[Decision]) -> str:
    """SHA-256 in hex over the sorted ids and labels; a row that fits no class has the label null."""
    lines = sorted(json.dumps([decision.id, decision.label], ensure_ascii=False) for decision in decisions)
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


_FIX = (
    "Give the data of that run, or a corrected file made from them, and the same --id and --label columns; without "
    "--id rows are named by their place, and none may have been added or left out"
)
