"""From arrays to a Dataset: inputs of any modality are checked here, once."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mislabel.data.alignment import refuse_misaligned
from mislabel.data.dataset import Columns, Names, assemble_dataset
from mislabel.data.ids import check_ids
from mislabel.data.plan import Plan
from mislabel.data.rows import Dataset
from mislabel.errors import InputError
from mislabel.modalities.registry import modality as find_modality
from mislabel.modalities.registry import modality_names
from mislabel.tables.foreign import native


def make_dataset(
    inputs: Any,
    labels: Any = None,
    *,
    modality: str = "text",
    ids: Any = None,
    gold: Any = None,
    trusted: Any = None,
    split: Any = None,
    sources: Any = None,
    votes: Any = None,
    root: Path | None = None,
    checks: Mapping[str, Any] | None = None,
    names: Names | None = None,
    notes: Sequence[str] = (),
    **settings: Any,
) -> Dataset:
    """Check arrays and make a Dataset of them.

    Parameters
    ----------
    inputs
        n texts (an empty one is kept and marked), or what `check_images` or `check_features` take.
    labels, gold, trusted, split, sources, votes
        See `mislabel.data.dataset.Columns`.
    modality : str
        The name of a modality, such as "text", "image" or "features".
    ids
        n whole numbers or strings; without them the rows are called 0..n-1.
    root
        Where relative image paths start.
    checks
        What `Reader.checks` says of a run that new rows are read for.
    names : Names, optional
    notes
        What the user should know of the data already, as sentences; they come first.
    settings
        Those of `mislabel.data.plan.Plan`.

    Raises
    ------
    InputError
        If there are no rows, lengths or the indexes of pandas objects differ, or inputs, labels, ids, splits or
        settings are not what they should be.
    """
    inputs, labels, ids, gold, trusted, split = map(native, (inputs, labels, ids, gold, trusted, split))
    plan, columns, names = Plan(**settings), Columns(labels, gold, split, trusted, sources, votes), names or Names()
    plan.check_split(split)
    kind = find_modality(modality)
    inputs_name = names.inputs or kind.words.plural
    checks = {name: getattr(plan, name) for name in kind.own_plan} | dict(checks or {})
    for other in modality_names():
        for name in find_modality(other).own_plan:
            if name not in kind.own_plan and getattr(plan, name) != getattr(Plan, name):
                raise InputError(
                    f"{name} is {getattr(plan, name)!r}, which is for {find_modality(other).words.plural}; leave it "
                    f"out for {kind.words.plural}"
                )
    refuse_misaligned(
        [
            (inputs_name, inputs), (names.label, labels), (names.id, ids), (names.gold, gold),
            (names.trusted, trusted), (names.split, split), (names.sources, sources),
        ]
    )  # fmt: skip
    n = kind.count(inputs, inputs_name)
    if n == 0:
        raise InputError(f"{names.data} has no rows; at least one is needed")
    row_ids, id_notes = check_ids(ids, n, names.id)
    checked = kind.check(inputs, row_ids, inputs_name, root=root, on_bad=plan.on_bad, **checks)
    named, notes = ids is not None, [*notes, *id_notes]
    return assemble_dataset(checked, row_ids, columns, plan, names=names, named=named, notes=notes)
