"""Numbers that are missing, where medians stand for them: held against pandas and scikit-learn."""

import json

import numpy as np
import pandas as pd
import pytest
from helpers import check
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.impute import SimpleImputer

from mislabel.errors import InputError
from mislabel.modalities.dataset import make_dataset
from mislabel.modalities.features.encoding import FeatureEncoding

CELLS = st.one_of(st.none(), st.floats(-1e6, 1e6, width=32))
TABLES = st.lists(st.tuples(CELLS, CELLS, st.sampled_from([1, 2, 3])), min_size=1, max_size=20)


@settings(max_examples=100, deadline=None)
@given(TABLES)
def test_as_scikit_learn_fills_and_marks(rows):
    frame = pd.DataFrame(rows, columns=pd.Index(["a", "b", "c"])).astype({"a": float, "b": float})
    if frame[["a", "b"]].isna().all().any():
        with pytest.raises(InputError, match="has no value in any row"):
            check(frame, missing_values="impute")
        return
    found, notes = check(frame, missing_values="impute")
    filled = SimpleImputer(strategy="median").fit_transform(frame)
    expected = []
    for place, name in enumerate(frame):
        expected.append(filled[:, place])
        if frame[name].isna().any():
            expected.append(frame[name].isna().to_numpy())
    np.testing.assert_allclose(found.matrix, np.stack(expected, 1), rtol=1e-6)
    assert sum("filled with the median" in note for note in notes) == frame.isna().any().sum()


def table():
    return pd.DataFrame(
        {"age": [30.0, np.nan, 50.0, 41.0], "visits": pd.array([1, None, None, 4], dtype="Int64"), "size": [1, 2, 3, 4],
         "day": pd.to_datetime(["2024-01-01", None, "2024-01-03", "2024-01-09"]), "kind": ["x", None, "y", "x"]}
    )  # fmt: skip


def test_names_rows_and_captions():
    features, notes = check(table(), missing_values="impute")
    assert features.encoding.names == [
        "age", "age missing", "visits", "visits missing", "size", "day", "day missing", "kind=x", "kind=y",
    ]  # fmt: skip
    assert notes[:3] == [
        "data.csv: column \"kind\": rows without a value, now all zeros: 1; rows 'r1'.",
        "data.csv: column \"age\": rows without a value, filled with the median 41: 1; rows 'r1'.",
        "data.csv: column \"visits\": rows without a value, filled with the median 2.5: 2; rows 'r1', 'r2'.",
    ]
    assert "filled with the median 2024-01-03: 1" in notes[3]
    assert features.caption(1) == "age ?, visits ?, size 2, day ?, kind=?"
    assert features.caption(2) == "age 50, visits ?, size 3, day 2024-01-03, kind=y"


def test_without_it_gaps_are_refused_and_the_way_is_told():
    with pytest.raises(InputError, match=r"3 of 4|2 of 4 rows hold no number.*--missing-values impute"):
        check(table())
    with pytest.raises(InputError, match="no number") as told:
        check(pd.DataFrame({"emb": [[1.0, np.nan], [1.0, 2.0]]}))
    assert "--missing-values" not in str(told.value)


def test_vectors_and_matrices_must_be_whole_in_any_case():
    for values in (pd.DataFrame({"emb": [[1.0, np.nan], [1.0, 2.0]], "a": [1, 2]}), [[1.0, np.nan], [1.0, 2.0]]):
        with pytest.raises(InputError, match="no number"):
            check(values, missing_values="impute")
    with pytest.raises(InputError, match="infinite"):
        check(pd.DataFrame({"a": [np.inf, np.nan, 1]}), missing_values="impute")


def test_new_rows_are_filled_with_what_training_had():
    learned, _ = check(table(), missing_values="impute")
    encoding = FeatureEncoding.from_plain(json.loads(json.dumps(learned.encoding.plain())))
    assert encoding == learned.encoding
    new = pd.DataFrame({"kind": ["y"], "day": [None], "size": [None], "visits": [7], "age": [np.nan]})
    found, notes = check(new, encoding=encoding)
    assert found.matrix.tolist() == [[41, 1, 7, 0, 2.5, 19725, 1, 0, 1]]
    assert any('"size": rows without a value, filled with the median 2.5, though training had none' in n for n in notes)


def test_a_matrix_of_new_rows_takes_the_columns_in_order():
    learned, _ = check(table()[["age", "size"]], missing_values="impute")
    found, notes = check([[np.nan, 5.0]], encoding=learned.encoding)
    assert found.matrix.tolist() == [[41, 1, 5]]
    assert "in the order of training: 'age', 'size'" in notes[0]
    with pytest.raises(InputError, match=r"shape \(1, 3\) was given, where training had 2 columns"):
        check([[1, 2, 3]], encoding=learned.encoding)


def test_a_row_is_the_same_row_whatever_the_median_of_the_others():
    few, _ = check(table(), missing_values="impute")
    more, _ = check(pd.concat([table(), table().assign(age=99.0)]), missing_values="impute")
    assert list(few.digests()) == list(more.digests())[:4]
    assert len(set(few.digests())) == 4
    whole, _ = check(table().fillna({"age": 41.0}), missing_values="impute")
    digests = list(zip(whole.digests(), few.digests(), strict=True))
    assert [one == other for one, other in digests] == [True, False, True, True]


@pytest.mark.parametrize("more", [{"fill": "a"}, {"fill": float("nan")}, {"fill": 1.0, "marked": 1}, {"marked": 2}])
def test_a_broken_fill(more):
    with pytest.raises(InputError, match="cannot be read"):
        FeatureEncoding.from_plain({"columns": [{"name": "a", "kind": "number", **more}]})


def test_other_inputs_have_no_gaps_to_fill():
    with pytest.raises(InputError, match="missing_values is 'impute', which is for features; .* for texts"):
        make_dataset(["a", "b"], [0, 1], missing_values="impute")
    with pytest.raises(InputError, match="missing_values"):
        make_dataset(table(), [0, 1, 0, 1], modality="features", missing_values="mean")
