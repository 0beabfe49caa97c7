"""The picture of an audit, held against counts by hand."""

import numpy as np
import pandas as pd
import pytest

from mislabel.audit_plot import BINS, MOST_CLASSES, plot_audit


def table(rows, seed=0, classes=("cat", "$dog$", "_é_")):
    random = np.random.default_rng(seed)
    status = np.where(random.random(rows) < 0.8, "judged", "decided")
    return pd.DataFrame(
        {"status": status, "p_mislabeled": np.where(status == "judged", random.random(rows), np.nan),
         "given_label": random.choice(classes, rows), "suggested_label": random.choice(classes, rows)}
    ), list(classes)  # fmt: skip


@pytest.mark.parametrize("rows", [0, 1, 300])
def test_bars_and_pairs_are_the_counts(rows, tmp_path):
    frame, classes = table(rows)
    figure = plot_audit(frame, classes, 0.5)
    figure.savefig(tmp_path / "audit.png")
    left, right = figure.axes
    judged = frame[frame["status"] == "judged"]
    heights = {round(bar.get_x() * BINS): bar.get_height() for bar in left.patches}
    for place in range(BINS):
        inside = [place / BINS <= p < (place + 1) / BINS for p in judged["p_mislabeled"]]
        assert heights[place] == sum(inside)
    shown = right.images[0].get_array()
    wrong = judged[judged["p_mislabeled"] > 0.5]
    for row, given in enumerate(classes):
        for column, suggested in enumerate(classes):
            both = (wrong["given_label"] == given) & (wrong["suggested_label"] == suggested)
            assert shown[row, column] == both.sum()
    assert [label.get_text() for label in right.get_xticklabels()] == classes


def test_of_many_classes_those_with_most_rows_are_shown():
    classes = [f"class {k}" for k in range(40)]
    frame = pd.DataFrame({"status": "judged", "p_mislabeled": 0.9, "given_label": classes[7:9] * 3,
                          "suggested_label": classes[30:32] * 3})  # fmt: skip
    right = plot_audit(frame, classes, 0.5).axes[1]
    names = [label.get_text() for label in right.get_xticklabels()]
    assert len(names) == MOST_CLASSES
    assert {"class 7", "class 8", "class 30", "class 31"} <= set(names)


def test_an_audit_draws_itself(fitted_audit):
    assert len(fitted_audit.plot().axes) == 2


@pytest.fixture(scope="module")
def fitted_audit(evidence_run):
    from mislabel.run.folder import RunFolder
    from mislabel.run.reading import Run

    return Run.open(RunFolder(evidence_run)).result()


def test_a_notebook_shows_it_without_pyplot():
    figure = plot_audit(*table(30), 0.5)
    assert figure._repr_png_().startswith(b"\x89PNG\r\n")
