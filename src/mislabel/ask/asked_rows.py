"""The rows that a model is asked about, in words, out of data or of a run that keeps its inputs."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from mislabel.data.inputs import RawInputs
from mislabel.errors import InputError, one_of
from mislabel.modalities import modality
from mislabel.modalities.loading import load_dataset
from mislabel.run.folder import RunFolder
from mislabel.run.reading import Run
from mislabel.training.progress import Quiet

RANDOM_SEED = 0
OF_DATA = ("random",)


@dataclass(frozen=True, eq=False)
class AskedRows:
    """n rows, of which some are asked about.

    Attributes
    ----------
    ids : list
        n names.
    texts : dict
        The rows to ask about, in words, by their place among the n, in the order of asking.
    classes : list
        The K classes.
    describe : mapping or None
        What the run that they are from knows of what the classes mean.
    notes : list of str
    """

    ids: list[Any]
    texts: dict[int, str]
    classes: list[Any]
    describe: Mapping[str, Sequence[str]] | None = None
    notes: list[str] = field(default_factory=list)


def is_run(source: str) -> bool:
    """Whether a path is a run folder and no data."""
    return Path(source).is_dir() and RunFolder(source).config.is_file()


def rows_of_data(
    source: str,
    inputs: Mapping[str, Any],
    *,
    label: str | None,
    id: str | None,
    describe: Mapping[str, Sequence[str]] | None,
    order: str | None,
    budget: int | None,
) -> AskedRows:
    """The rows of a table: all, the first `budget`, or so many at random.

    Raises
    ------
    InputError
        If the data cannot be read, an order needs a run, or words cannot tell what a row is.
    """
    if order is not None and order not in OF_DATA:
        raise InputError(f"the order {order} is that of a review: give a run folder, or --order {', '.join(OF_DATA)}")
    gaps: Any = (
        {"missing_values": "impute"}
        if any("missing_values" in modality(each).own_plan for each in inputs if inputs[each])
        else {}
    )
    dataset = load_dataset(source, **inputs, label=label, id=id, missing="unlabeled", need_labels=False, **gaps)
    texts = _told(dataset.inputs)
    places = np.array(list(texts), dtype=np.int64)
    if order == "random":
        places = np.random.default_rng(RANDOM_SEED).permutation(places)
    asked = {place: texts[place] for place in places[:budget].tolist()}
    return AskedRows(dataset.ids.tolist(), asked, dataset.labels.classes or list(describe or {}), notes=dataset.notes)


def rows_of_run(folder: RunFolder, order: str | None, budget: int | None, progress: Quiet) -> AskedRows:
    """The judged rows of a run, in an order of the review; the n rows are those that are asked about.

    Raises
    ------
    InputError
        If the run keeps no inputs, or not enough of them, or lacks what the order needs.
    """
    from mislabel.decisions.store import Store
    from mislabel.review.queue import OF_STORE, ORDERS, make_queue

    order = order or "worst"
    one_of("order", order, tuple(ORDERS))
    run = Run.open(folder)
    if not run.keeps_inputs:
        raise InputError(
            f"{folder.path} keeps no inputs, as --no-content wants it: what is kept from a run folder is not sent to a "
            "server either. If that is meant all the same, name the data in place of the run"
        )
    if not run.rows.judged.any():
        raise InputError(f"{folder.path}: no row was judged, so there is none to ask about; its report says why")
    with TemporaryDirectory() as nowhere:
        # Where chance draws, it draws as in the review of the run; other orders write nothing there.
        path = folder.decisions if order in OF_STORE else Path(nowhere) / folder.decisions.name
        with closing(Store(path)) as store:
            queue = make_queue(run, store, order=order, budget=budget, share=0.0, progress=progress)
    ids = [run.rows.id(row) for row in queue.rows.tolist()]
    kept = run.inputs_by_id(ids)
    inputs = modality(run.modality).from_kept([kept.get(id) for id in ids])
    if inputs is None:
        raise InputError(
            f"{folder.path} keeps too little of each row to ask about its {modality(run.modality).words.plural}: name "
            "the data in place of the run"
        )
    described = run.settings.get("describe")
    describe = described if isinstance(described, dict) else None
    return AskedRows(ids, _told(inputs), list(run.rows.classes), describe)


def _told(inputs: RawInputs) -> dict[int, str]:
    """The rows with anything to read, in words, by their place."""
    told = {}
    for place in range(len(inputs)):
        words = inputs.in_words(place)
        if words is None:
            raise InputError(
                f"a model is asked in words, and these {modality(inputs.modality).words.plural} are none: give --text "
                "COL, or --features of columns with names"
            )
        if words.strip():
            told[place] = words
    return told
