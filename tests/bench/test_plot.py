"""The plot: a point and a name per method, names clear of each other."""

import re

import numpy as np
import pandas as pd

from mislabel.bench import plot
from mislabel.bench.plot import accuracy_over_seconds


def methods(count=12, seed=0):
    random = np.random.default_rng(seed)
    names = ["gold", *(f"method_{k}" for k in range(count - 1))]
    return pd.DataFrame(
        {
            "method": names,
            "oracle": [k == 3 for k in range(count)],
            "accuracy": random.uniform(0.8, 0.82, count),
            "accuracy_sd": [np.nan] + [0.002] * (count - 1),
            "seconds": random.uniform(1, 3, count),
        }
    )


def test_every_method_has_a_name_and_they_do_not_cover_each_other(monkeypatch):
    seen = []
    own = plot.place_boxes

    def place_boxes(anchors, sizes, *rest):
        seen.append((own(anchors, sizes, *rest), sizes))
        return seen[-1][0]

    monkeypatch.setattr(plot, "place_boxes", place_boxes)
    picture = accuracy_over_seconds(methods(), "Ti<tle")
    assert picture == accuracy_over_seconds(methods(), "Ti<tle")  # the same bytes
    assert picture.startswith("<?xml")
    [(centres, sizes), _] = seen
    assert len(centres) == 12
    for k in range(12):
        for other in range(k):
            apart = np.abs(centres[k] - centres[other]) - (sizes[k] + sizes[other]) / 2
            assert apart.max() > -0.5, (k, other)
    for name in methods()["method"]:
        assert re.search(rf"<!-- {name}( †)? -->", picture), name
    assert "<!-- method_2 † -->" in picture


def test_one_method_and_none():
    assert accuracy_over_seconds(methods(1), "one") is not None
    assert accuracy_over_seconds(methods(3).assign(accuracy=np.nan), "none") is None
