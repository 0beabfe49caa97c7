"""What is wrong with a command line is told at once: columns are looked for without pandas, which takes a moment."""

from collections.abc import Mapping
from pathlib import Path

from mislabel import tables
from mislabel.modalities.registry import modality, modality_names
from mislabel.tables.hub import is_hub
from mislabel.tables.remote import is_remote
from mislabel.tables.sources import holds_tables

ROLES = ("label", "gold", "trusted", "id", "split")  # of the columns beside the input
SEVERAL = ("sources", "votes")  # where several labels a row are: columns, or a table of their own


def check_columns(source: str | Path, columns: Mapping[str, str | None]) -> None:
    """Look early whether columns are there, before anything is imported or loaded that takes time.

    Parameters
    ----------
    columns : mapping
        As `load_dataset`: names of columns by the name of a modality or one of `ROLES`, and `SEVERAL`.

    Raises
    ------
    InputError
        If the source cannot be found, or surely lacks a column, or one column is to be two things.
    """
    refuse_same(columns.get("trusted"), columns.get("label"), columns.get("gold"))
    sources, votes = (columns.get(name) for name in SEVERAL)
    if votes is not None:
        _check_votes(votes)
    if str(source).endswith(".npy") or (Path(source).is_dir() and not holds_tables(source)):
        return
    if is_remote(source):  # asked once, when it is read
        return
    many = {name for name in modality_names() if not modality(name).one_column} | set(SEVERAL)  # patterns of names
    if sources is not None and not is_hub(source):
        from mislabel.data.source_columns import expanded

        expanded(sources, tables.columns(source))
    needed = {what: [name] for what, name in columns.items() if what not in many and name is not None}
    for what in set(needed) & set(modality_names()):
        kind, (option,) = modality(what), needed[what]
        if len(kind.columns((), option, ())) > 1:  # only then it matters which columns there are
            needed[what] = kind.columns(tables.columns(source), option, ())
    tables.check_columns(source, needed)


def refuse_same(trusted: str | None, label: str | None, gold: str | None) -> None:
    """See `refuse_one_column`, of names of columns."""
    if trusted is not None:
        from mislabel.data.trusted_labels import refuse_one_column

        refuse_one_column(trusted, label, gold, (f"--trusted {trusted}", f"--label {label}", f"--gold {gold}"))


def _check_votes(votes: str) -> None:
    from mislabel.data.annotations import RECORDS, TASKS
    from mislabel.data.source_columns import VOTE_COLUMNS

    if not {TASKS, RECORDS} & set(tables.columns(votes)):
        tables.check_columns(votes, {f"{name} of --votes": [name] for name in VOTE_COLUMNS})
