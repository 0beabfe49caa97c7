"""Batches reach the device in order, fetched ahead or not; errors and early ends leave nothing hanging."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from mislabel.training.prefetch import on_device, prefetched

CPU = torch.device("cpu")
PARTS = [np.array([4, 1]), np.array([0]), np.array([2, 3, 5]), np.array([6]), np.array([7, 8])]


class NotingInputs:
    """Inputs whose batches are their row numbers, and which note when each was fetched and by whom."""

    def __init__(self, ahead, broken=None, fetching=lambda number: None):
        self.ahead, self.broken, self.fetching = ahead, broken, fetching
        self.fetched, self.threads = [], []

    def batch(self, index):
        self.fetching(len(self.fetched))
        if self.broken is not None and self.broken in index:
            raise OSError(f"row {self.broken} has gone")
        self.fetched.append(index.tolist())
        self.threads.append(threading.current_thread())
        return {"rows": torch.as_tensor(index)}

    def fetchers_alive(self):
        return [thread for thread in self.threads if thread is not threading.main_thread() and thread.is_alive()]


def wait_until(condition, limit=120.0):
    end = time.monotonic() + limit
    while not condition() and time.monotonic() < end:
        time.sleep(0.002)
    assert condition()


@pytest.mark.parametrize("ahead", [0, 1, 2, 9])
def test_every_part_once_and_in_order(ahead):
    inputs = NotingInputs(ahead)
    got = list(prefetched(inputs, PARTS, CPU))
    assert [part.tolist() for part, _ in got] == [part.tolist() for part in PARTS]
    assert [tensors["rows"].tolist() for _, tensors in got] == [part.tolist() for part in PARTS]
    assert inputs.fetched == [part.tolist() for part in PARTS]
    assert list(prefetched(NotingInputs(ahead), [], CPU)) == []


def test_without_ahead_nothing_is_fetched_before_it_is_asked_for():
    inputs = NotingInputs(0)
    feed = prefetched(inputs, PARTS, CPU)
    for count in range(1, len(PARTS) + 1):
        next(feed)
        assert len(inputs.fetched) == count
    assert set(inputs.threads) == {threading.main_thread()}


def test_ahead_are_fetched_while_the_first_is_used():
    """Two more than the one in hand, no third; in another thread."""
    asked_for, too_early = 0, []

    def fetching(number):
        if number > asked_for + 2:
            too_early.append(number)

    inputs = NotingInputs(2, fetching=fetching)
    feed = prefetched(inputs, PARTS, CPU)
    for asked_for in range(len(PARTS)):
        next(feed)
        wait_until(lambda: len(inputs.fetched) == min(asked_for + 3, len(PARTS)))  # noqa: B023
    assert too_early == []
    assert list(feed) == []
    assert threading.main_thread() not in inputs.threads


@pytest.mark.parametrize("ahead", [0, 2])
def test_an_error_comes_up_where_its_batch_was_due(ahead):
    """The batches before it arrive; then it is raised as it is, and no thread stays."""
    inputs = NotingInputs(ahead, broken=3)
    feed = prefetched(inputs, PARTS, CPU)
    assert [next(feed)[0].tolist() for _ in range(2)] == [[4, 1], [0]]
    with pytest.raises(OSError, match="row 3 has gone"):
        next(feed)
    assert inputs.fetchers_alive() == []
    assert list(feed) == []


@pytest.mark.parametrize("end", ["close", "forget", "interrupt"])
def test_stopping_early_waits_for_no_more_than_the_batch_in_work(end, monkeypatch):
    """Of the ten that it asked for, the fourth is in work; it goes on only once the fetcher is told to end."""
    in_work, ending, shutdown = threading.Event(), threading.Event(), ThreadPoolExecutor.shutdown

    def fetching(number):
        if number == 3:
            in_work.set()
            assert ending.wait(120)

    def told_to_end(self, *options, **more):
        ending.set()
        shutdown(self, *options, **more)

    monkeypatch.setattr(ThreadPoolExecutor, "shutdown", told_to_end)
    inputs = NotingInputs(9, fetching=fetching)
    feed = prefetched(inputs, [np.array([k]) for k in range(100)], CPU)
    next(feed)
    assert in_work.wait(120)
    if end == "close":
        feed.close()
    elif end == "forget":
        del feed
    else:
        with pytest.raises(KeyboardInterrupt):
            feed.throw(KeyboardInterrupt())
    assert inputs.fetched == [[0], [1], [2], [3]]
    assert inputs.fetchers_alive() == []


def test_tensors_keep_names_values_and_kind():
    batch = {"pixel_values": torch.arange(6, dtype=torch.uint8).view(2, 3), "mask": torch.ones(2, dtype=torch.bool)}
    found = on_device(batch, CPU)
    assert list(found) == list(batch)
    for name, value in batch.items():
        assert found[name].dtype == value.dtype
        assert torch.equal(found[name], value)
