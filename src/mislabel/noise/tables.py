"""Plant errors in a table: a new column of noisy labels, and a report that says what was done."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mislabel.data.labels import encode_labels
from mislabel.data.splits import parse_split
from mislabel.errors import InputError
from mislabel.noise.corrupt import Convention, Kind, corrupt
from mislabel.noise.inputs_features import read_noise_features
from mislabel.noise.maps import FlipName, superclasses
from mislabel.noise.rules import Compat
from mislabel.tables.reading import pick_column

NOISE_PURPOSE = 0x4015E  # keeps this stream of random numbers apart from training's, whose seed may be the same


def corrupt_table(
    frame: pd.DataFrame,
    *,
    label: str,
    kind: Kind,
    rate: float | None = None,
    seed: int,
    split: str | None = None,
    column: str = "noisy_label",
    exact: bool = False,
    convention: Convention = "transition",
    temperature: float = 3.0,
    center: bool = True,
    compat: Compat | None = None,
    noise_valid: bool = True,
    inputs_features: np.ndarray | Callable[[np.ndarray], np.ndarray] | None = None,
    features_name: str = "features",
    flips: FlipName | np.ndarray = "next",
    superclass: str | None = None,
    transition: np.ndarray | None = None,
    root: Path | None = None,
    **inputs: str | None,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Add a column of noisy labels to a table.

    Parameters
    ----------
    frame
        The table; it is not changed.
    label, split
        The names of columns: the true labels, and what says train, valid or test. Test rows keep their label, and so
        do rows without one. Train and valid rows follow one law.
    kind, rate, exact, convention, temperature, center, compat, flips, transition
        See `mislabel.noise.corrupt`. Classes are in sorted order.
    seed
        Of the noise, apart from any training seed.
    column
        The name of the new column.
    noise_valid
        Whether valid rows get noise too, as they must where they choose a model: clean ones would leak.
    inputs_features : (rows of the table, L) float, for "idn"
        What the rows look like, used instead of their inputs, or what gives it for some of them by their positions;
        `features_name` says what it is ("image pixels").
    superclass
        For flips="superclass": the name of the column with the coarse label of each row.
    root
        Where relative paths in the table start.
    inputs
        For "idn": what the input is, by the name of a modality, as in `load_dataset`.

    Returns
    -------
    noisy : DataFrame
        `frame` with the new column at the end, of the type of the label column.
    report : dict
        Plain values that JSON can hold: kind, convention, rate, realised_rate (over the rows that could change), seed,
        classes, transition, rows, changeable, flipped, and the settings that were in effect, such as compat, flips and
        features (what idn looked at). For "asym" also flip_map, the target of each class, and staying_classes.

    Raises
    ------
    InputError
        If a column is missing or already there, labels cannot be read, or a setting is out of range.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise InputError(f"seed is {seed!r}; it must be a whole number of at least 0")
    if column in frame.columns:
        raise InputError(
            f'the table has a column "{column}" already; name the new one differently, or drop the old one'
        )
    if len(frame) == 0:
        raise InputError("the table has no rows; at least one is needed")
    ids = range(len(frame))
    given = pick_column(frame, label, "label")
    labels, _ = encode_labels(given, ids, name=label, missing="unlabeled")
    changeable = labels.codes >= 0
    if split is not None:
        parts = parse_split(pick_column(frame, split, "split"), ids, split)
        changeable &= (parts != "test") if noise_valid else (parts == "train")
    rows = np.flatnonzero(changeable)
    features = used_features = None
    if kind == "idn":
        if inputs_features is None:
            read = read_noise_features(frame, inputs, (label, split, superclass), root, int(seed))
            inputs_features, features_name = read.of, read.words
        features, used_features = _rows_of(inputs_features, len(frame), rows), features_name
    done = corrupt(
        labels.codes[rows], kind, rate, labels.n_classes, np.random.default_rng([int(seed), NOISE_PURPOSE]),
        features=features, convention=convention, exact=exact, temperature=temperature, center=center,
        compat=compat, flips=flips, superclass=superclasses(frame, superclass, labels, flips), transition=transition,
    )  # fmt: skip
    out = frame.copy()
    out[column] = _replaced(given, rows[done.flipped], labels.decode(done.codes[done.flipped]))
    report = {
        "kind": kind,
        "convention": done.convention,
        "rate": done.rate,
        "realised_rate": done.realised_rate,
        "exact": done.recipe.count != "free",
        "seed": int(seed),
        "noise_valid": noise_valid,
        "classes": list(labels.classes),
        "transition": done.transition.tolist(),
        "rows": len(frame),
        "changeable": len(rows),
        "flipped": int(done.flipped.sum()),
        "flips": done.recipe.flips,
        "compat": compat,
        "features": used_features,
    }
    if kind == "idn":
        report |= {"temperature": float(temperature), "center": done.recipe.center}
    elif kind == "matrix":
        report |= {"asked_transition": np.asarray(transition, dtype=float).tolist()}
    elif done.flip_map is not None:
        stay = [name for code, name in enumerate(labels.classes) if done.flip_map[code] == code]
        report |= {"flip_map": [labels.classes[code] for code in done.flip_map], "staying_classes": stay}
        report |= {"superclass": superclass or "CIFAR-100"} if done.recipe.flips == "superclass" else {}
    return out, report


def _rows_of(features: np.ndarray | Callable[[np.ndarray], np.ndarray], n: int, rows: np.ndarray) -> np.ndarray:
    """Some rows of a matrix that goes with a table of `n` rows; the others may hold anything."""
    if callable(features):
        return features(rows) if len(rows) else np.zeros((0, 1))
    features = np.asarray(features)
    if features.ndim != 2 or len(features) != n or features.dtype.kind not in "iuf":
        message = f"inputs_features has shape {features.shape} and type {features.dtype}"
        raise InputError(
            f"{message}; it needs one row of numbers for each of the {n} rows of the table, in their order"
        )
    features = features[rows]
    broken = rows[~np.isfinite(features).all(axis=1)]
    if len(broken):
        raise InputError(f"inputs_features is not finite in {len(broken)} rows, the first of which is row {broken[0]}")
    return features


def _replaced(given: pd.Series, positions: np.ndarray, values: np.ndarray) -> pd.Series:
    """`given` with other values at some places, of the same type and under the same index."""
    cells = given.astype(object).to_numpy(dtype=object, copy=True)
    cells[positions] = values
    return pd.Series(cells, index=given.index, dtype=given.dtype)
