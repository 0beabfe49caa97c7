"""The sentences that say why a row is listed."""

import numpy as np
import pytest
from fake_runs import some_rows

from mislabel.review.explanations import reasons
from mislabel.run.reading import Run


def test_reasons_say_what_there_is_a_number_for():
    rows = some_rows(
        [1, 2], wrong_events=[11, np.nan], observations=[14, 14], mean_margin=[-0.62, 1.5], difficulty=[0.1, np.nan],
        neighbour_label=[1, -1], centroid_score=[0.4, np.nan], score=[np.nan, 3.25],
    )  # fmt: skip
    assert reasons(rows, 0) == [
        "In 11 of 14 passes of training the network predicted another class.",
        "On average over training another class was more likely than the given label.",
        "Most of its nearest neighbours carry “b”.",
        "Over training it was nearer to another class than to its own.",
        "It was easy to learn as what it is suggested to be (difficulty 0.10).",
    ]
    assert reasons(rows, 1) == [
        "On average over training the given label was the likeliest.",
        "The score that orders this run is 3.25; higher is more suspicious.",
    ]
    assert reasons(some_rows([1]), 0) == []


@pytest.mark.slow
def test_a_run_with_evidence_says_what_each_opinion_holds(evidence_run):
    rows = Run.open(evidence_run).rows
    told = reasons(rows, 0)[:3]
    for name, sentence in zip(("transition", "plain", "neighbours"), told, strict=True):
        label = rows.classes[rows.labels[f"{name}_label"][0]]
        assert f"“{label}”" in sentence
        assert sentence.endswith("%).") if label == rows.classes[rows.labels["given_label"][0]] else "gets" in sentence
