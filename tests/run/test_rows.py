"""Rows are found by id, and among the judged ones."""

import numpy as np
import pyarrow as pa
from fake_runs import some_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from mislabel.run.rows import Rows, positions_among


@settings(max_examples=50, deadline=None)
@given(
    st.one_of(
        st.lists(st.integers(-5, 5), unique=True, min_size=1),  # Python gives -1 and -2 the same hash
        st.lists(st.integers(-(2**63), 2**63 - 1), unique=True, min_size=1),
        st.lists(st.text(st.characters(exclude_categories=["Cs"])), unique=True, min_size=1),
    ),
    st.lists(st.one_of(st.integers(), st.text(), st.none(), st.booleans(), st.floats()), max_size=5),
)
def test_finds_ids_and_nothing_else(ids, others):
    asked = [*reversed(ids), *others]
    place = {(type(id), id): row for row, id in enumerate(ids)}
    expected = [place.get((type(id), id), -1) for id in asked]
    assert some_rows(ids).find(asked).tolist() == expected


def test_the_rank_among_judged_rows_is_counted():
    status = pa.array(["judged", "held_out", "judged", "judged", "judged", "judged"]).dictionary_encode()
    given = np.array([0, 0, 1, -1, 0, 1], np.int32)
    p = np.array([0.9, np.nan, 0.8, 0.7, np.nan, 0.1], np.float32)
    labels = {"given_label": given, "suggested_label": given}
    rows = Rows("text", pa.array(list("abcdef")), status, ["x", "y"], labels, {"p_mislabeled": p}, None)
    ranks = {"a": 0, "c": 1, "f": 2}  # of the others one was held out, one has no label, and one no probability
    asked = ["f", "none", "e", "a", "d", "b", "c"]
    assert rows.judged_rank(asked).tolist() == [ranks.get(id, -1) for id in asked]
    assert rows.n_judged == 3
    assert rows.with_status("held_out").tolist() == [False, True, False, False, False, False]
    assert not rows.with_status("no such word").any()
    assert rows.status_counts() == {"judged": 5, "held_out": 1}


@given(st.lists(st.integers(0, 9)), st.lists(st.integers(0, 9), unique=True))
def test_positions_are_those_of_a_dictionary(ids, known):
    place = {id: position for position, id in enumerate(known)}
    found = positions_among(pa.array(ids, pa.int64()), pa.array(known, pa.int64()))
    assert found.tolist() == [place.get(id, -1) for id in ids]
