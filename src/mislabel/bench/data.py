"""The table of one data set and seed: drawn, with known errors, under the same column names for all."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock
from pandas.api.types import is_integer_dtype

from mislabel.bench.builtin import builtin_frame
from mislabel.bench.one_label import one_label
from mislabel.bench.suites import Source
from mislabel.data.consensus import agree
from mislabel.data.descriptions import read_descriptions
from mislabel.data.labels import Labels
from mislabel.data.plan import Plan
from mislabel.data.source_columns import expanded, read_sources, source_columns
from mislabel.errors import InputError, alternatives, some_ids
from mislabel.files import atomic_path, atomic_write
from mislabel.modalities import modality
from mislabel.modalities.loading import text_columns
from mislabel.noise.planting import corrupt_source
from mislabel.tables import read_table
from mislabel.tables.hub import read_hub

GOLD, GIVEN, TRUSTED, SPLIT, ID = "gold_label", "given_label", "trusted_label", "split", "id"
VOTE = "vote_"  # beginning of the columns of several sources
TRUSTED_PURPOSE = 0x7257  # keeps this stream of random numbers apart from others with the same seed


def make_table(source: Source, seed: int, data_dir: Path | None, home: Path) -> tuple[Path, dict[str, Any]]:
    """Write HOME/NAME.SEED.parquet where it is not there yet; the path, and what is known of the table.

    The table has the input columns of the source and `id`, `gold_label`, `given_label` and `split`. Test rows carry
    their gold label as the given one too: they only score. A source with trusted labels has `trusted_label` as well.

    Raises
    ------
    InputError
        If the data cannot be found or do not fit the suite.
    """
    path, about = home / f"{source.name}.{seed}.parquet", home / f"{source.name}.{seed}.json"
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / f".{source.name}.{seed}.lock"):  # cells of other processes may want the same
        if not about.is_file():
            frame = _drawn(_usable(_read(source, data_dir), source), source, seed)
            if source.noise:
                frame = _corrupted(frame, source, seed, path)
            train: Any = frame[SPLIT] == "train"
            if source.sources:
                frame[GIVEN] = _agreed(frame, source)
            frame[GIVEN] = frame[GIVEN].where(train, frame[GOLD])
            wrong: Any = (frame[GIVEN] != frame[GOLD])[train & frame[GOLD].notna()]
            if source.trusted:
                frame[TRUSTED] = _trusted(frame, source, seed)
            with atomic_path(path) as temporary:
                frame.to_parquet(temporary, index=False)
            known = {"rows": int(train.sum()), "test_rows": int((~train).sum()), "noise": float(wrong.mean())}
            atomic_write(about, json.dumps({**known, "classes": frame[GOLD].nunique()}))
    return path, json.loads(about.read_text(encoding="utf-8"))


def columns_of(source: Source) -> dict[str, Any]:
    """Which column of the made table is what; trusted labels, which not every method gets, aside."""
    several = source.sources is not None and source.aggregate is None
    labels = {"sources": f"{VOTE}*"} if several else {"label": GIVEN}
    return {source.modality: source.column, **labels, "gold": GOLD, "id": ID, "split": SPLIT}


def described(source: Source, data_dir: Path | None) -> dict[str, list[str]] | None:
    """What the classes of a source mean, by their text; None where the suite does not say.

    Raises
    ------
    InputError
        If the file is not in the folder of --data-dir, or cannot be read.
    """
    if source.describe is None:
        return None
    if data_dir is None or not (data_dir / source.describe).is_file():
        missing = (
            "not found in the folder of --data-dir" if data_dir else "is a file below --data-dir: give that folder"
        )
        raise InputError(f"data {source.name}: {source.describe} {missing}")
    return read_descriptions(data_dir / source.describe)


def _read(source: Source, data_dir: Path | None) -> pd.DataFrame:
    """The rows of a source, their columns named as in the suite, with a split column."""
    if source.builtin:
        return builtin_frame(source.builtin)
    if data_dir is not None:
        missing = [name for name in source.files if not (data_dir / name).is_file()]
        if missing or not source.files:
            needed = ", ".join(missing or ["(the suite names no file)"])
            raise InputError(f"data {source.name}: {needed} not found in the folder of --data-dir")
        strings = text_columns({source.modality: source.column})
        return pd.concat([read_table(data_dir / name, strings=strings) for name in source.files], ignore_index=True)
    if not source.hub:
        raise InputError(
            f"data {source.name}: the Hugging Face hub has no such data; give --data-dir DIR, a folder with "
            f"{', '.join(source.files)}"
        )
    columns = {there: here for here, there in source.hub.items() if here != "name"}
    parts = []
    for part in ("train", "test"):
        frame = read_hub(f"hf:{source.hub['name']}:{part}")
        other = [name for name in columns.values() if name in frame and name not in columns]  # would be there twice
        parts.append(frame.drop(columns=other).rename(columns=columns).assign(**{SPLIT: part}))
    return pd.concat(parts, ignore_index=True)


def _usable(frame: pd.DataFrame, source: Source) -> pd.DataFrame:
    """Train and test rows with an input and a gold label, and in training with a given one."""
    kind, wanted = modality(source.modality), [SPLIT, source.label, *([source.given] if source.given else [])]
    shown = kind.columns(list(frame.columns), source.column, wanted) if kind.one_column else []
    wanted += shown
    for name in wanted:
        if name not in frame:
            raise InputError(f"data {source.name}: no column {name!r}{alternatives(name, frame.columns)}")
    train = frame[SPLIT] == "train"
    votes = _votes(frame, source) if source.sources else pd.DataFrame(index=frame.index)
    known: Any = frame[SPLIT].isin(["train", "test"])
    known &= (
        votes.notna().any(axis=1) | ~train & frame[source.label].notna()
        if source.sources
        else (frame[source.label].notna())
    )
    if kind.one_column:
        known &= ~train | ~frame[shown].map(_is_nothing).astype(bool).all(axis=1)
    if source.given:
        known &= ~train | _spoken(frame[source.given])
    inputs = kind.columns(list(frame.columns), source.column, [*wanted, ID])
    kept = frame.loc[known, inputs].assign(**{ID: [f"row-{index}" for index in frame.index[known]]})
    kept[GOLD] = _labels(frame.loc[known, source.label])
    kept = pd.concat([kept, votes[known]], axis=1)
    if source.given:
        own = frame.loc[known, source.given].where(train[known], frame.loc[known, source.label])
        kept[GIVEN] = _labels(own).astype(kept[GOLD].dtype)
    for name in (GOLD, GIVEN, *votes) if source.classes else ():
        if name in kept:
            kept[name] = _named(kept[name], source)
    return kept.assign(**{SPLIT: frame.loc[known, SPLIT]})


def _votes(frame: pd.DataFrame, source: Source) -> pd.DataFrame:
    """What each source says, one column each, missing where it abstains and on rows that do not train."""
    names = expanded(source.sources or "", [str(name) for name in frame.columns])
    columns = [column for name in names for _, column in source_columns(frame[[name]], len(frame), name)]
    votes = {
        f"{VOTE}{place}": _labels(pd.Series(column, frame.index).infer_objects())
        for place, column in enumerate(columns)
    }
    train = frame[SPLIT] == "train"
    gapped = {name: each.astype("Int64") if is_integer_dtype(each) else each for name, each in votes.items()}
    return pd.DataFrame({name: each.where(_spoken(each) & train) for name, each in gapped.items()}, frame.index)


def _agreed(frame: pd.DataFrame, source: Source) -> Any:
    """The one label of each row that its sources come to."""
    votes = frame[[name for name in frame if str(name).startswith(VOTE)]]
    empty = Labels(np.full(len(frame), -1, dtype=np.int64), [])
    kinds = Plan(source_kind=source.source_kind)
    sources, labels, _ = read_sources(votes, None, empty, frame[ID].to_numpy(dtype=object), kinds, "sources")
    if source.aggregate is None:
        codes, _ = agree(sources, (frame[SPLIT] == "train").to_numpy())
    else:
        codes = one_label(sources, source.aggregate)
    said = pd.Series(Labels(codes, labels.classes).decode(codes), frame.index, dtype=object)
    return said.where(frame[SPLIT] == "train", frame[GOLD]).astype(frame[GOLD].dtype)


def _is_nothing(cell: Any) -> bool:
    """Whether there is no input: a missing value, or a text of blanks."""
    return not cell.strip() if isinstance(cell, str) else cell is None or cell is pd.NA or cell != cell


def _spoken(given: Any) -> Any:
    """Whether there is a label at all: where every rule abstains, weak labels are -1."""
    return given.notna() & (given >= 0) if pd.api.types.is_numeric_dtype(given) else given.notna() & (given != "")


def _labels(values: Any) -> Any:
    """Whole numbers stay numbers, whatever missing values had made of them; the rest is text."""
    if not pd.api.types.is_numeric_dtype(values):
        return values.astype(str)
    return values.astype("Int64" if values.isna().any() else "int64")


def _named(codes: Any, source: Source) -> Any:
    """The names of codes."""
    known = codes.dropna()
    if not pd.api.types.is_integer_dtype(codes) or not known.between(0, len(source.classes) - 1).all():
        strange = [value for value in known.unique().tolist() if value not in range(len(source.classes))]
        raise InputError(
            f"data {source.name}: classes names {len(source.classes)} codes, 0 to {len(source.classes) - 1}, and the "
            f"labels hold {some_ids(strange)}: list a name for each code, or leave classes out where labels are names"
        )
    return codes.map(dict(enumerate(source.classes)))


def _trusted(frame: pd.DataFrame, source: Source, seed: int) -> Any:
    """The gold labels of some training rows, drawn at random; the others are missing."""
    train = np.flatnonzero(frame[SPLIT] == "train")
    if source.trusted >= len(train):
        raise InputError(
            f"data {source.name}: trusted asks for {source.trusted} rows, and {len(train)} train: some must be left to "
            "judge"
        )
    chosen = np.zeros(len(frame), dtype=bool)
    rows = np.random.default_rng([seed, TRUSTED_PURPOSE]).choice(train, source.trusted, replace=False)
    chosen[rows] = True
    gold: Any = frame[GOLD]
    whole = pd.api.types.is_integer_dtype(gold)
    return (gold.astype("Int64") if whole else gold.astype(object)).where(chosen, pd.NA if whole else None)


def _drawn(frame: pd.DataFrame, source: Source, seed: int) -> pd.DataFrame:
    """So many rows of each part as the suite says, drawn with the seed."""
    parts = []
    for part, rows in (("train", source.train_rows), ("test", source.test_rows)):
        some = frame[frame[SPLIT] == part]
        if not len(some):
            raise InputError(f"data {source.name}: no rows with split {part!r}, a label and an input")
        parts.append(some.sample(min(rows, len(some)), random_state=seed) if rows else some)
    return pd.concat(parts, ignore_index=True)


def _corrupted(frame: pd.DataFrame, source: Source, seed: int, path: Path) -> pd.DataFrame:
    """With errors as `mislabel corrupt` plants them."""
    plain = path.with_suffix(".plain.parquet")
    frame.to_parquet(plain, index=False)
    try:
        noisy, _ = corrupt_source(
            str(plain),
            label=GOLD,
            inputs={source.modality: source.column},
            split=SPLIT,
            seed=seed,
            column=GIVEN,
            **source.noise,
        )
    finally:
        plain.unlink(missing_ok=True)
    return noisy
