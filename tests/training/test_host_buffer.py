"""Rows that are put come back in their places."""

import numpy as np
import torch

from mislabel.training.host_buffer import HostBuffer

CPU = torch.device("cpu")


def test_rows_lie_where_they_belong():
    """In any order and in parts; rows never put are zero, and a row put twice is the later one."""
    values = torch.from_numpy(np.random.default_rng(0).normal(size=(9, 4))).half()
    buffer, wanted = HostBuffer(12, 4, CPU), np.zeros((12, 4), dtype=np.float16)
    for index in (np.array([11, 0, 3]), np.array([7]), np.array([2, 11])):
        buffer.put(index, values[: len(index)] * (len(index) + 1))
        for place, row in enumerate(index):
            wanted[row] = values[place].numpy() * np.float16(len(index) + 1)
    found = buffer.take()
    assert found.dtype == np.float16
    np.testing.assert_array_equal(found, wanted)


def test_later_changes_do_not_reach_what_was_put():
    """The values are copied: an embedding's memory is used again by the next step."""
    buffer, values = HostBuffer(3, 2, CPU), torch.ones(2, 2).half()
    buffer.put(np.array([0, 2]), values)
    values.zero_()
    assert buffer.take().tolist() == [[1, 1], [0, 0], [1, 1]]


def test_a_buffer_is_used_epoch_after_epoch():
    buffer = HostBuffer(2, 1, CPU)
    for epoch in range(1, 4):
        buffer.put(np.array([1, 0]), torch.tensor([[epoch], [-epoch]]).half())
        assert buffer.take().tolist() == [[-epoch], [epoch]]
