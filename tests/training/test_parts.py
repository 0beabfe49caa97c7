"""One process hands on what it has as it is; several are in test_processes.py, with blocks of a few rows."""

from types import SimpleNamespace

import numpy as np

from mislabel.training.parts import share


def test_one_process_takes_its_own_rows_at_once():
    rows, values, taken = np.array([3, 0, 2]), [np.arange(3.0), np.ones((3, 2), np.float16)], []
    share(SimpleNamespace(num_processes=1), rows, values, lambda *part: taken.append(part), with_all=False)
    ((found, others),) = taken
    assert found is rows
    assert [one is two for one, two in zip(others, values, strict=True)] == [True, True]
