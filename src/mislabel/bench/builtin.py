"""Data that need no download: scikit-learn's digits, and the messages that come with the project."""

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
    """The table of "digits" (pixel_00 to pixel_63, label, split) or "messages" (text, gold, label, split)."""
    if name == "digits":
        return _digits()
    return read_table(next(filter(Path.is_file, MESSAGES), MESSAGES[0]), strings=["text"])


def _digits() -> pd.DataFrame:
    """1,797 digits of 8 x 8 pixels, a quarter of them as a test."""
    from sklearn.datasets import load_digits

    digits: Any = load_digits()
    pixels = pd.DataFrame(digits.data, columns=pd.Index([f"pixel_{k:02d}" for k in range(digits.data.shape[1])]))
    test = np.random.default_rng(0).random(len(pixels)) < TEST_SHARE
    return pixels.assign(label=[f"digit {code}" for code in digits.target], split=np.where(test, "test", "train"))
