"""Which columns of a table a pattern means."""

import pandas as pd
import pytest

from mislabel.errors import InputError
from mislabel.modalities.features.selection import choose_columns, take_columns


def table(*names):
    return pd.DataFrame([range(len(names))], columns=pd.Index(names))


COLUMNS = ("id", "f_2", "age", "F_9", "f_10", "a[0]", "a0", "x,y", "x", "label")


@pytest.mark.parametrize(
    ("pattern", "chosen"),
    [
        ("f_*", ["f_2", "f_10"]),  # in the order of the table; capitals count
        ("age,f_*", ["f_2", "age", "f_10"]),
        (" age , x ,", ["age", "x"]),
        ("age,a*", ["age", "a[0]", "a0"]),
        ("[fF]_?", ["f_2", "F_9"]),
        ("a[0]", ["a[0]"]),  # its exact name, not the glob that means a0
        ("x,y", ["x,y"]),
        ("*", ["f_2", "age", "F_9", "f_10", "a[0]", "a0", "x,y", "x"]),
    ],
)
def test_patterns(pattern, chosen):
    assert choose_columns(table(*COLUMNS), pattern, {"id", "label"}) == chosen


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("f-*", 'no column of features is called "f-\\*"'),
        ("agee", r'called "agee" \(did you mean "age"\?\)\. Give names, or globs .* are: id, f_2, age, F_9'),
        ("f_*,agee", r'"agee" \(of the pattern "f_\*,agee"\) \(did you mean "age"'),
        ("", 'no column of features is called ""'),
        (" , ", 'no column of features is called " , "'),
        ("label", '"label" means only columns with another use, such as the label'),
        ("age,l*", r'"l\*" \(of the pattern "age,l\*"\) means only columns with another use'),
    ],
)
def test_patterns_that_mean_nothing(pattern, message):
    with pytest.raises(InputError, match=message):
        choose_columns(table(*COLUMNS), pattern, {"id", "label"})


def test_names_that_are_there_twice_or_no_text():
    with pytest.raises(InputError, match="more than one column is named 'a'"):
        choose_columns(table("a", "b", "a"), "*", ())
    assert choose_columns(table("a", "b", "a"), "b", ()) == ["b"]
    numbered = table(0, 1, 2)
    assert choose_columns(numbered, "[12]", ()) == ["1", "2"]
    assert take_columns(numbered, ["2", "0"]).to_numpy().tolist() == [[2, 0]]
    with pytest.raises(InputError, match="not in the table: '7'. The columns found are: 0, 1, 2"):
        take_columns(numbered, ["7"])
