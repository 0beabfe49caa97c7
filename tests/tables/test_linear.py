"""Long cells and many columns take time in proportion: four times as much takes four times as long, not sixteen."""

import re
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mislabel.data.lookalikes import lookalike_note
from mislabel.data.numerals import one_spelling
from mislabel.errors import did_you_mean
from mislabel.modalities.features.selection import choose_columns
from mislabel.tables.characters import is_blank, utf8_safe
from mislabel.tables.formulas import is_formula, protected, restored
from mislabel.tables.reading import check_columns, read_table
from mislabel.tables.typed_blocks import typed_columns
from mislabel.tables.typed_text import has_decimal_commas, typed_column
from mislabel.tables.writing import write_table
from mislabel.terminal import one_line

# Of each, n characters that look like what a pattern wants for as long as it can, and then do not.
TRAPS = {
    "digits": lambda n: "-" + "1" * n + "x",
    "points": lambda n: "-" + ".," * (n // 2) + "x",
    "exponent": lambda n: "-1e" + "9" * n + "x",
    "fraction": lambda n: "." + "1" * n + "x",
    "signs": lambda n: "+-" * (n // 2) + "x",
    "blanks": lambda n: " \u200b" * (n // 2) + "x",
    "apostrophes": lambda n: "'" * n + "=x",
    "quotes": lambda n: '"' * n,
    "lines": lambda n: "a\n" * (n // 2),
    "backslashes": lambda n: "\\" * n,
    "brackets": lambda n: "[{" * (n // 2),
    "escapes": lambda n: "\x1b[31m" * (n // 5),
    "excel": lambda n: "_x00" * (n // 4),
}


def columns_of(text):
    return pa.chunked_array([pa.array([text], pa.large_string())])


def through_csv(text, folder):
    write_table(pd.DataFrame({"text": [text, "plain"], "label": ["a", "b"]}), folder / "cell.csv")
    assert read_table(folder / "cell.csv")["text"][0] == text


def through_json(text, folder):
    write_table(pd.DataFrame({"text": [text, "plain"]}), folder / "cell.json")
    assert read_table(folder / "cell.json")["text"][0] == text


ON_TEXTS = {
    "is_formula": lambda text, _: is_formula(text),
    "protected": lambda text, _: protected(text),
    "restored": lambda text, _: restored(text),
    "is_blank": lambda text, _: is_blank(text),
    "utf8_safe": lambda text, _: utf8_safe(text),
    "one_line": lambda text, _: one_line(text),
    "typed_column": lambda text, _: typed_column(columns_of(text)),
    "decimal_commas": lambda text, _: has_decimal_commas(columns_of(text)),
    "lookalikes": lambda text, _: lookalike_note([text, text.upper()], "label"),
    "numerals": lambda text, _: one_spelling([text, "1", "1.0"], "label"),
    "csv": through_csv,
    "json": through_json,
}


def seconds(action):
    """Of processor time, the least of three: neighbours do not count."""
    taken = []
    for _ in range(3):
        begin = time.process_time()
        action()
        taken.append(time.process_time() - begin)
    return min(taken)


@pytest.mark.parametrize("what", ON_TEXTS)
def test_a_long_cell(what, tmp_path):
    small, large = 20_000, 80_000
    for trap, text in TRAPS.items():
        one, four = (seconds(lambda long=long: ON_TEXTS[what](long, tmp_path)) for long in map(text, (small, large)))
        assert four < 10 * one + 0.03, (what, trap, one, four)


def wide(path, count):
    names = [f"feature_{k:06d}" for k in range(count)]
    kinds = ["1.5", "7", "word", "True", ""]
    rows = [[["a", "b"][row % 2], *(kinds[k % 5] for k in range(count))] for row in range(3)]
    path.write_text("\n".join(",".join(row) for row in [["label", *names], *rows]) + "\n")
    return path


def names_of(path):
    with path.open() as file:
        return file.readline().rstrip("\n").split(",")


ON_WIDE = {
    "check_columns": lambda path: check_columns(path, {"label": ["label"]}),
    "misspelt": lambda path: did_you_mean("feature_000x99", names_of(path)),
    "choose": lambda path: choose_columns(names_of(path), "feature_*", ["label"]),
    "read": read_table,
    "write": lambda path: write_table(read_table(path), path.with_name("again.csv")),
}


@pytest.mark.parametrize("what", ON_WIDE)
def test_many_columns(what, tmp_path):
    small, large = wide(tmp_path / "small.csv", 1000), wide(tmp_path / "large.csv", 4000)
    one, four = (seconds(lambda path=path: ON_WIDE[what](path)) for path in (small, large))
    assert four < 10 * one + 0.05, (one, four)


def test_a_message_about_many_long_names_is_short():
    names = ["x" * 100_000, *(f"column {k} " * 1000 for k in range(1000))]
    with pytest.raises(ValueError, match="no column of features is called") as caught:
        choose_columns(names, "y*", [])
    assert len(str(caught.value)) < 60_000


def test_the_nearest_of_many_names_is_told():
    names = [f"feature_{k:06d}" for k in range(20_000)]
    near = re.search('"(.*)"', did_you_mean("featur_012345", names))
    assert near is not None
    assert near[1] == "feature_012345"


NUMBERS = ["", "1", "-7", "0", "007", "1.5", "1.10", ".5", "1e3", "inf", "99999999999999999999", "9223372036854775807"]
CELLS = st.sampled_from([*NUMBERS, "1e999", "True", "False", "a", "'=x", "'", "NA"])


@given(st.data())
def test_columns_taken_together_are_typed_as_each_alone(data):
    rows = data.draw(st.integers(1, 4))
    texts = data.draw(st.lists(st.lists(CELLS, min_size=rows, max_size=rows), min_size=1, max_size=6))
    flags = st.lists(st.booleans(), min_size=len(texts), max_size=len(texts))
    keep, lossless = data.draw(flags), data.draw(flags)
    columns = [pa.chunked_array([pa.array(cells, pa.large_string())]) for cells in texts]
    together = [pd.Series(column) for column in typed_columns(columns, keep, lossless)]
    for cells, as_text, exact, column in zip(texts, keep, lossless, together, strict=True):
        plain = pa.chunked_array([pa.array(list(map(restored, cells)), pa.large_string())])
        pd.testing.assert_series_equal(column, typed_column(plain, as_text, exact))
    assert not np.array([column.index[0] for column in together]).any()
