"""Data that need no download: scikit-learn's own, and the messages that come with the project."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mislabel.tables import read_table

HERE = Path(__file__).resolve().parent
# In a clone the messages lie with the examples; a wheel brings its own copy (see pyproject.toml).
MESSAGES = (HERE / "messages.csv", HERE.parents[2] / "examples" / "messages" / "messages.csv")
TEST_SHARE = 0.25


def builtin_frame(name: str) -> pd.DataFrame:
    """The table of "messages" (text, gold, label, split) or of scikit-learn's data of that name.

    These have the columns label and split, and as features pixel_00 to pixel_63 (digits) or x_00, x_01, ... (others).
    """
    if name == "messages":
        return read_table(next(filter(Path.is_file, MESSAGES), MESSAGES[0]), strings=["text"])
    return _features(name)


def _features(name: str) -> pd.DataFrame:
    """Features that come with scikit-learn, a quarter of the rows as a test."""
    from sklearn import datasets

    loaded: Any = getattr(datasets, f"load_{name}")()
    column, names = ("pixel", [f"digit {code}" for code in range(10)]) if name == "digits" else ("x", None)
    points = pd.DataFrame(loaded.data, columns=pd.Index([f"{column}_{k:02d}" for k in range(loaded.data.shape[1])]))
    test = np.random.default_rng(0).random(len(points)) < TEST_SHARE
    classes = names or [str(each) for each in loaded.target_names]
    return points.assign(label=[classes[code] for code in loaded.target], split=np.where(test, "test", "train"))
