"""X and y that name their rows differently are refused, never joined by place without a word."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mislabel import FeatureClassifier, TextClassifier
from mislabel.data.alignment import refuse_misaligned
from mislabel.errors import InputError
from mislabel.modalities.dataset import make_dataset

NAMES = list("pqrs")
TEXTS, LABELS = pd.Series(["a", "b", "c", "d"], index=NAMES), pd.Series([0, 1, 0, 1], index=NAMES)


@given(st.permutations(range(5)))
def test_only_the_same_order_passes(order):
    """Whichever of the two was shuffled; what the message says to do gives the right pairs again."""
    X = pd.DataFrame({"a": range(5)})
    y = pd.Series(range(5)).loc[list(order)]
    if list(order) == list(range(5)):
        refuse_misaligned([("X", X), ("y", y)])
        return
    with pytest.raises(InputError, match=r"X and y have the same index in two orders .*: y\.loc\[X\.index\] brings y"):
        refuse_misaligned([("X", X), ("y", y)])
    with pytest.raises(InputError, match=r"y and X have the same index in two orders"):
        refuse_misaligned([("y", y), ("X", X)])
    aligned = y.loc[X.index]
    refuse_misaligned([("X", X), ("y", aligned)])
    assert aligned.tolist() == X["a"].tolist()


@pytest.mark.parametrize(
    "index",
    [NAMES[::-1], ["p", "q", "s", "r"], pd.Index(NAMES)[[1, 0, 2, 3]], pd.MultiIndex.from_product([NAMES, [0]])],
)
def test_other_indexes(index):
    with pytest.raises(InputError, match="X and y have"):
        refuse_misaligned([("X", TEXTS), ("y", LABELS.set_axis(index))])


def test_disjoint_and_overlapping_indexes():
    for index in (list("wxyz"), list("pqrx")):
        with pytest.raises(
            InputError, match=r"different indexes .*; [14] rows of X are not in y\).*choose the same rows"
        ):
            refuse_misaligned([("X", TEXTS), ("y", LABELS.set_axis(index))])


def test_repeated_names():
    one, other = pd.Series([1, 2, 3], index=[5, 5, 0]), pd.Series([1, 2, 3], index=[0, 5, 5])
    refuse_misaligned([("X", one), ("y", one.copy())])
    with pytest.raises(InputError, match=r"two orders .*: if the rows are in the right order, drop the indexes"):
        refuse_misaligned([("X", one), ("y", other)])


@pytest.mark.parametrize(
    "labels",
    [LABELS.tolist(), LABELS.to_numpy(), LABELS.reset_index(drop=True), LABELS.set_axis(pd.Index(NAMES)),
     pd.Categorical(LABELS), pd.Index(LABELS), LABELS.iloc[:2]],
)  # fmt: skip
def test_what_says_nothing_about_rows_passes(labels):
    refuse_misaligned([("X", TEXTS), ("y", labels)])
    refuse_misaligned([("y", labels), ("X", TEXTS)])


def test_a_part_of_the_rows_beside_a_column_that_was_made_anew():
    part = pd.DataFrame({"a": range(10)}).loc[[9, 2, 5]]
    refuse_misaligned([("X", part), ("y", pd.Series([0, 1, 0]))])


@pytest.mark.parametrize("name", ["labels", "ids", "gold", "split"])
def test_every_column_of_a_data_set(name):
    columns = {
        "labels": LABELS, "ids": pd.Series([4, 3, 2, 1], index=NAMES), "gold": LABELS,
        "split": pd.Series(["train", "train", "test", "train"], index=NAMES),
    }  # fmt: skip
    assert make_dataset(TEXTS, **columns).labels.codes.tolist() == [0, 1, 0, 1]
    with pytest.raises(InputError, match=f"texts and {name} have the same index in two orders"):
        make_dataset(TEXTS, **(columns | {name: columns[name].iloc[::-1]}))
    listed = columns | {"labels": LABELS} if name != "labels" else columns
    if name != "labels":
        with pytest.raises(InputError, match=f"labels and {name} have the same index"):
            make_dataset(TEXTS.tolist(), **(listed | {name: columns[name].iloc[::-1]}))


def test_the_estimators():
    """Told before any training, also where scikit-learn would have made a matrix of X."""
    X = pd.DataFrame(np.eye(4), index=NAMES)
    for y in (LABELS.iloc[::-1], LABELS.sort_values()):
        with pytest.raises(InputError, match=r"X and y have the same index in two orders.*y\.loc\[X\.index\]"):
            FeatureClassifier().fit(X, y)
        with pytest.raises(InputError, match="X and y have the same index in two orders"):
            TextClassifier().fit(TEXTS, y)
    with pytest.raises(InputError, match="X and ids have the same index in two orders"):
        FeatureClassifier().fit(X, LABELS, ids=pd.Series(range(4), index=NAMES[::-1]))
    with pytest.raises(InputError, match="X and y have different indexes"):
        FeatureClassifier().fit(X, LABELS.set_axis(list("abcd")))
