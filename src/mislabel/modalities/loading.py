"""From a table, a folder of images or a matrix on disk to a Dataset."""

from collections.abc import Mapping
from dataclasses import fields, replace
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from mislabel import tables
from mislabel.data.annotations import as_votes
from mislabel.data.dataset import Names
from mislabel.data.plan import Plan
from mislabel.data.rows import Dataset
from mislabel.data.source_columns import VOTE_COLUMNS, expanded
from mislabel.errors import InputError, listed
from mislabel.modalities.base import Source
from mislabel.modalities.dataset import make_dataset
from mislabel.modalities.early import refuse_same
from mislabel.modalities.registry import modality, modality_names
from mislabel.tables.hub import is_hub, local_name
from mislabel.tables.reading import as_frame, check_names, pick_column
from mislabel.tables.remote import is_remote, name_of, shown
from mislabel.tables.sources import find_streamed, folder_of
from mislabel.tables.spool import Spool

PLANNED = {each.name for each in fields(Plan)}


def load_dataset(
    source: Any,
    *,
    label: str | None = None,
    gold: str | None = None,
    trusted: str | None = None,
    id: str | None = None,
    split: str | None = None,
    sources: str | None = None,
    votes: Any = None,
    checks: Mapping[str, Any] | None = None,
    spool: Spool | None = None,
    **given: Any,
) -> Dataset:
    """Read a table and check it.

    Parameters
    ----------
    source
        A path (see `read_table`), ``hf:NAME[:CONFIG][:SPLIT]``, a frame of pandas, Arrow or polars, or a Dataset or
        DatasetDict of the datasets library; or what one modality alone can read: a folder of class folders of images,
        which says image, label and perhaps split by itself, or an .npy file.
    given
        What the input is, by the name of a modality: ``text`` a column of texts; ``image`` a column of image paths
        (relative to the table) or encoded images; ``features`` globs of columns ("f_*,age"), a column of vectors, or an
        .npy file of n rows. One of them is needed. The others are settings of `mislabel.data.plan.Plan`.
    label, gold, trusted, id, split
        The names of columns. Rows are taken by their place; an index is not looked at.
    sources : str, optional
        Names or globs of columns that each hold what one source says of the rows ("rule_*,gpt"), or one column of lists
        of votes. Without `label` the given labels are what the sources come to.
    votes : optional
        A table as `read_table` reads it, or a frame: columns id, source and label, one row a vote; or what Label Studio
        or Argilla exports (see `mislabel.data.annotations`).
    checks
        What `Reader.checks` says of a run that new rows are read for.
    spool : Spool, optional
        Where what is read once, and large tables, become mapped files.

    Raises
    ------
    InputError
        If the table cannot be read, lacks a column, or does not pass the checks of `make_dataset`.
    """
    settings = {name: value for name, value in given.items() if name in PLANNED}
    inputs = {name: value for name, value in given.items() if name not in PLANNED}
    own = open_source(source)
    if own is not None:
        frame, notes, root, roles = own.frame, own.notes, own.root, own.roles
        for name in set(roles) & set(modality_names()):
            if inputs.get(name) not in frame:  # as when a run on a table is asked about a folder
                inputs[name] = roles[name]
        label, split, id = label or roles.get("label"), split or roles.get("split"), id or roles.get("id")
    else:
        named = {"label": label, "gold": gold, "trusted": trusted, "id": id, "split": split}
        frame = _read(source, inputs, {what: [name] for what, name in named.items() if name}, sources, spool)
        notes, root = [], None
        if isinstance(source, (str, Path, Mapping)):
            notes, split = frame.attrs.get("notes", []), split or frame.attrs.get("split")
        if isinstance(source, (str, Path)):
            root = folder_of(source)
    refuse_same(trusted, label, gold)

    def column(name: str | None, what: str) -> Any:
        return None if name is None else pick_column(frame, name, what)

    if label is None and sources is None and votes is None and settings.get("need_labels", True):
        raise InputError(f"which column holds the labels? There are {listed(frame.columns, 200)}")
    voting = [] if sources is None else expanded(sources, [str(name) for name in frame.columns])
    kind, option = one_input(inputs)
    checks = dict(checks or {})
    dataset = make_dataset(
        modality(kind).values(frame, option, (label, gold, trusted, id, split, *voting), **checks),
        column(label, "label"),
        modality=kind,
        ids=column(id, "id"),
        gold=column(gold, "gold"),
        trusted=column(trusted, "trusted"),
        split=column(split, "split"),
        sources={name: column(name, "source") for name in voting} or None,
        votes=None if votes is None else as_votes(as_frame(votes, lossless=VOTE_COLUMNS), id),
        root=root,
        checks=checks,
        names=Names(
            _name_of(source),
            option or None,
            label or "label",
            gold or "gold",
            id or "id",
            split or "split",
            trusted or "trusted",
            "--sources",
        ),
        notes=notes,
        **settings,
    )
    return replace(dataset, source=_where(source))


def _read(
    source: Any,
    inputs: Mapping[str, str | None],
    roles: dict[str, list[str]],
    sources: str | None,
    spool: Spool | None,
) -> pd.DataFrame:
    """The table, with all its columns or those that are looked at; `roles` are names of columns by what they are."""
    named = isinstance(source, (str, Path))
    streamed = find_streamed(source) if spool is not None and named else None
    if spool is None or streamed is None:
        if sources is not None and named and not is_hub(source):
            roles = {**roles, "sources": expanded(sources, tables.columns(source))}
        return as_frame(source, strings=text_columns(inputs), lossless=[*chain.from_iterable(roles.values())])
    names, split = spool.header(streamed)
    roles = roles if sources is None else {**roles, "sources": expanded(sources, names)}
    kind, option = one_input(inputs)
    if not modality(kind).one_column:  # patterns of names
        return spool.frame(streamed)
    roles = {**roles, kind: modality(kind).columns(names, option, ())}
    check_names(names, roles)
    columns: list[str] = list({*chain.from_iterable(roles.values()), *([split] if split else [])})
    return spool.frame(streamed, columns, as_files=roles[kind] if modality(kind).pictures else ())


def open_source(source: Any) -> Source | None:
    """Data that one modality alone can read, such as a folder of images; None for a table."""
    opened = (modality(name).open_source(source) for name in modality_names())
    return next((own for own in opened if own is not None), None)


def one_input(inputs: Mapping[str, str | None]) -> tuple[str, str]:
    """The modality that was given, and what was given for it.

    Raises
    ------
    InputError
        If it is not exactly one, or no modality is called so.
    """
    given = [(name, value) for name, value in inputs.items() if value is not None]
    for name, _ in given:
        modality(name)
    if len(given) != 1:
        given_options = "none" if not given else " and ".join(f"--{name}" for name, _ in given)
        *most, last = (f"--{name} {modality(name).metavar}" for name in modality_names())
        raise InputError(
            f"what is the input? Exactly one of {', '.join(most)} and {last} is needed, {given_options} was given"
        )
    return given[0]


def text_columns(inputs: Mapping[str, str | None]) -> list[str]:
    """The input columns whose cells stay text where a file does not say what they are; some may not be there."""
    named = [(modality(name), value) for name, value in inputs.items() if value]
    return [column for kind, option in named if kind.one_column for column in {option, *kind.columns((), option, ())}]


def _where(source: Any) -> str | None:
    if is_hub(source):
        return local_name(source)
    if is_remote(source):
        return shown(source)
    return str(Path(source).resolve()) if isinstance(source, (str, Path)) else None


def _name_of(source: Any) -> str:
    if is_hub(source):
        return source
    if is_remote(source):
        return name_of(source)
    return Path(source).name if isinstance(source, (str, Path)) else "data"
