"""The data of a run, read again from their source, with every value and type as it is there."""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mislabel.data.ids import check_ids
from mislabel.data.source_columns import expanded
from mislabel.errors import InputError, did_you_mean
from mislabel.modalities import modality, modality_names
from mislabel.modalities.early import ROLES
from mislabel.modalities.loading import open_source, text_columns
from mislabel.run.folder import RunFolder
from mislabel.run.reading import Run
from mislabel.run.rows import Rows
from mislabel.tables.arrow_stored import StoredFrame
from mislabel.tables.delimited_stored import StoredCells
from mislabel.tables.format import Picked, StoredTable
from mislabel.tables.sources import find_table, is_there


@dataclass(eq=False)
class Original:
    """The data of a run, and the roles of its columns.

    Attributes
    ----------
    source : str
        Where they are: a path, or ``hf:NAME``.
    table : StoredTable
    roles : dict
        Names of columns by what they are: one for each modality, `ROLES`, and the pattern of `sources`; None where
        there is none.
    inputs : Path
        Where the run keeps its inputs, if it does.
    given : list, optional
        n labels that the run was given, None where there is none: where the data have no column for them, since several
        sources labelled the rows.
    """

    source: str
    table: StoredTable
    roles: dict[str, str | None]
    inputs: Path
    given: list[Any] | None = None

    @property
    def label(self) -> str:
        """The column of labels; where the data have none, the one that an export adds."""
        if self.given is None:
            return self.roles["label"] or "label"
        return "label" if "label" not in self.table.names else "consensus_label"

    @property
    def beside(self) -> list[str | None]:
        """The columns that are no input."""
        sources = self.roles.get("sources")
        voting = expanded(sources, self.table.names) if sources else []
        return [*(self.roles[role] for role in ROLES), *voting]

    def column(self, rows: np.ndarray, others: list[Any]) -> Picked | np.ndarray:
        """A column of labels: those of some rows, -1 for none, and n + k for `others[k]`, as `Picked` says."""
        if self.given is None:
            return Picked(self.label, rows, others)
        pool = [*self.given, *others, None]
        return np.array([pool[row] for row in rows.tolist()], dtype=object)

    @cached_property
    def labels(self) -> list[Any]:
        """n labels as Python objects, None where there is none.

        Raises
        ------
        InputError
            If a row holds several.
        """
        if self.given is not None:
            return self.given
        values = self.table.column(self.label).astype(object)
        if any(isinstance(value, (list, tuple, dict)) or getattr(value, "ndim", 0) for value in values):
            raise InputError(f"the column {self.label!r} holds vectors; corrected labels need one value per row")
        return values.where(values.notna(), None).tolist()

    @property
    def carries_decisions(self) -> bool:
        """Whether the data are an export themselves, with the columns `label_before` and `decided_by`."""
        return "label_before" in self.table.names and "decided_by" in self.table.names


def _given(rows: Rows, table: StoredTable, id: str | None) -> list:
    """The labels (n,) that a run was given, by the ids of the data."""
    column = table.column(id if id in table.names else table.names[0])
    ids, _ = check_ids(column if id in table.names else None, len(column), id or "id")
    codes = np.append(rows.labels["given_label"], -1)[rows.find(ids.tolist())]
    return [rows.label(code) for code in codes.tolist()]


def open_original(folder: RunFolder, data: str | None = None) -> Original:
    """Find the data of a run and check their columns.

    Parameters
    ----------
    data : str, optional
        Where they are now, if not where the run read them.

    Raises
    ------
    InputError
        If they cannot be found or read, or have no column for the labels.
    """
    config = folder.read_config()["data"]
    roles = {name: config.get("columns", {}).get(name) for name in (*modality_names(), *ROLES, "sources")}
    source = data or config.get("source")
    if source is None:
        raise InputError(f"the run in {folder.path} does not say where its data are: name them with --data")
    source = str(source)
    if data is None and not is_there(source):
        raise InputError(f"{source} is not there any more: say with --data where the data of {folder.path} are now")
    own, kind = open_source(source), modality(str(config.get("modality", "text")))
    if own is not None:
        table: StoredTable = StoredFrame(own.frame)
        for role, name in own.roles.items():  # there is but one way to read the inputs
            roles[role] = name if role in modality_names() else roles[role] or name
    else:
        table_source = find_table(source)
        table = table_source.stored(text_columns({name: roles[name] for name in modality_names()}))
        roles["split"] = roles["split"] or table_source.split
    twice = sorted(name for name, times in Counter(table.names).items() if times > 1)
    if twice:
        raise InputError(f"{source} names the column {twice[0]!r} more than once; rename one of them")
    original = Original(source, table, roles, folder.inputs, None)
    if folder.sources.is_file() and roles["label"] is None:
        original = replace(original, given=_given(Run.open(folder).rows, table, roles["id"]))
    labels = original.label if original.given is None else None
    for what, name in (("label", labels), ("id", roles["id"])):
        if name is not None and name not in table.names:
            raise InputError(
                f'{source} has no {what} column "{name}"{did_you_mean(name, table.names)}; the columns found are: '
                f"{', '.join(table.names)}. The data of the run are needed: --data"
            )
    option = roles[kind.name]
    if isinstance(table, StoredCells) and option and not kind.one_column:
        with suppress(InputError):  # of --data labels and ids may be all that there is
            table.features = kind.columns(table.names, option, original.beside)
    return original
