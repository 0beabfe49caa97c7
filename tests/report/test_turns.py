"""Groups that take turns: by hand, against a plain loop, and in the list of worst rows."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from mislabel.report import render_report
from mislabel.report.turns import in_turns


def test_by_hand():
    a = np.array([7, 7, 7, 2, 7, 2, 9])
    b = np.array([1, 1, 0, 3, 1, 3, 1])
    # Groups by their first rows: (7, 1) 0 1 4, (7, 0) 2, (2, 3) 3 5, (9, 1) 6.
    assert in_turns(a, b).tolist() == [0, 2, 3, 6, 1, 5, 4]
    assert in_turns(a[:0], b[:0]).tolist() == []
    assert in_turns(np.zeros(5, dtype=int)).tolist() == [0, 1, 2, 3, 4]


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 3)), max_size=60))
def test_against_a_loop(rows):
    queues: dict[tuple[int, int], list[int]] = {}
    for k, row in enumerate(rows):
        queues.setdefault(row, []).append(k)
    wanted = []
    while any(queues.values()):
        wanted += [queue.pop(0) for queue in queues.values() if queue]
    first, second = (np.array(column, dtype=int) for column in (zip(*rows, strict=True) if rows else ([], [])))
    assert in_turns(first, second).tolist() == wanted


def test_one_large_pair_does_not_fill_the_list(make_run, page):
    """Sixty rows of one pair are worse than any other; the other pairs have their rows all the same."""
    pairs = [("cat", "dog")] * 60 + [("dog", "cow")] * 3 + [("cow", "cat")] + [("cow", "cow")] * 40
    table = pd.DataFrame(pairs, columns=pd.Index(["given_label", "suggested_label"]))
    table = table.assign(id=[f"r{k}" for k in range(len(pairs))], p_mislabeled=np.linspace(0.99, 0.2, len(pairs)))
    table.loc[64:, "p_mislabeled"] = np.linspace(0.5, 0.1, 40)
    run = make_run(table.assign(status="judged").sample(frac=1, random_state=1), ["cat", "cow", "dog"])
    listed = [row[0] for row in page(render_report(run, rows=70)).rows("worst")]
    assert listed[:8] == ["r0", "r60", "r63", "r1", "r61", "r2", "r62", "r3"]
    assert listed[8:64] == [f"r{k}" for k in range(4, 60)]  # then what is left of the large one
    assert listed[64:] == [f"r{k}" for k in range(64, 70)]  # rows that are more likely right keep the audit's order
