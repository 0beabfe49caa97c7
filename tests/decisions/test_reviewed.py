"""What a store's events say of the judged rows."""

from collections.abc import Callable

import numpy as np
import pytest

from mislabel.decisions.estimates import count_wrong
from mislabel.decisions.events import Decision
from mislabel.decisions.reviewed import RIGHT, UNDECIDED, UNSURE, WRONG, reviewed_rows
from mislabel.decisions.store import Store


@pytest.fixture
def rank_of() -> Callable:
    return lambda ids: np.array([int(id[1:]) if id[1:].isdigit() else -1 for id in ids])


def test_probes_of_an_earlier_run_are_no_sample_of_this_one(tmp_path, rank_of):
    """Of ten probes the six that a person could tell are known rows by now; the four others are not four of any ten."""
    with Store(tmp_path / "earlier.sqlite") as earlier, Store(tmp_path / "decisions.sqlite") as store:
        earlier.decide([Decision(f"r{k}", "unsure", None, "a", probe=True) for k in range(4)])
        store.take_over(earlier.history(), "earlier")
        rows = reviewed_rows(store.history(), rank_of, 30)
        assert rows.state[:4].tolist() == [UNSURE] * 4
        assert not rows.probe.any()
        assert count_wrong(rows).estimate is None
        store.decide([Decision("r9", "none", None, "a", probe=True)])
        assert reviewed_rows(store.history(), rank_of, 30).probe.nonzero()[0].tolist() == [9]


def test_reviewed_rows_of_a_history_with_undone_and_changed_decisions(tmp_path, rank_of):
    with Store(tmp_path / "decisions.sqlite") as store:
        store.decide([Decision("r3", "label", "b", "a", probe=True)])
        store.decide([Decision("r0", "keep", "a", "a")])
        store.decide([Decision("r3", "keep", "a", "a")])  # once more, from the list: still a row that chance chose
        store.decide([Decision("r1", "unsure"), Decision("other", "keep", "a", "a")])
        store.decide([Decision("r2", "none", None, "a")])
        undone = store.decide([Decision("r4", "suggestion", "b", "a")])
        store.undo(undone[0].action)
        one = reviewed_rows(store.history(), rank_of, 5)
    assert one.state.tolist() == [RIGHT, UNSURE, WRONG, RIGHT, UNDECIDED]
    assert one.probe.tolist() == [False, False, False, True, False]
    assert one.when[3] < one.when[0] < one.when[1] < one.when[2]
