"""What training took: sums by hand, and a run that goes on counting."""

from typing import Any

import numpy as np
import pytest
from small_loop import ROWS, make_loop

from mislabel.methods.ce import CrossEntropy
from mislabel.training.checkpoints import Checkpoint
from mislabel.training.history import History
from mislabel.training.stages import Stage


def checkpoint():
    return Checkpoint(stage=0, epoch=1, model={}, optimizer={})


def test_seconds_by_hand():
    history = History()
    for part, seconds, within in (
        ("a", 2.0, False),
        ("a.start", 0.5, False),
        ("a.recording", 0.25, True),
        ("a", 1.0, False),
    ):
        history.add_seconds(part, seconds, within=within)
    assert history.parts == {"a": 3.0, "a.start": 0.5, "a.recording": 0.25}
    assert history.seconds == 3.5  # what lies within another part counts once


def test_a_line_for_every_epoch():
    loop = make_loop()
    _, dynamics = loop.run([Stage("a", 2, CrossEntropy(), views=2), Stage("b", 1, CrossEntropy(), start="last")])
    history, target = loop.history, loop.rows.target
    assert [(line["stage"], line["epoch"]) for line in history.epochs] == [("a", 1), ("a", 2), ("b", 1)]
    for line, passes in zip(history.epochs, ([0, 1], [2, 3], [4]), strict=True):
        agreed = np.mean([dynamics.prediction[one] == target for one in passes])
        assert line["agreement"] == pytest.approx(agreed, abs=1e-5)
        assert "selected_epoch" not in line
    assert history.rows == 2 * 2 * ROWS + ROWS
    assert set(history.parts) == {"a", "a.start", "b", "b.start"}
    assert history.seconds == pytest.approx(sum(history.parts.values()))
    assert history.parts["b"] == pytest.approx(history.epochs[2]["seconds"], abs=0.01)


def test_it_goes_on_from_what_was_kept():
    first, kept = History(), checkpoint()
    first.add_seconds("a", 2.0)
    first.epochs, first.rows = [{"epoch": 1}], 40
    nobody: Any = None
    first.state(nobody, kept)
    again = History()
    again.load(kept)
    again.add_seconds("a", 1.0)
    assert (again.epochs, again.seconds, again.parts, again.rows) == ([{"epoch": 1}], 3.0, {"a": 3.0}, 40)


def test_from_a_checkpoint_that_kept_nothing_it_begins_anew():
    history = History()
    history.load(checkpoint())
    history.add_seconds("a", 1.0)
    assert (history.epochs, history.seconds, history.parts, history.rows) == ([], 1.0, {"a": 1.0}, 0)
