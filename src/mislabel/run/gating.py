"""The gate of a run: what its rows say of the given labels where no training is asked (`posterior/gate.py`)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from mislabel.modalities.contract import SAMPLED, sample_rows
from mislabel.posterior.asked_classes import knows_classes, most_rows, rows_of_near_classes
from mislabel.posterior.frozen_space import frozen_space
from mislabel.posterior.gate import Independent, gated, met
from mislabel.posterior.kinds import sharpened_kinds
from mislabel.posterior.posterior import Posterior, Probabilities
from mislabel.posterior.summary import p_mislabeled
from mislabel.run.grounds import Grounds

FEWEST = 200  # rows of some classes that can stand for all
OWN = "p_mislabeled_by_method"  # the column of what the method says itself


def independent_evidence(grounds: Grounds) -> Independent | None:
    """What is known of sampled rows without their labels; None where random weights or raw pixels tell nothing.

    Where enough rows are trusted to fit the judge, it has learnt from them how far evidence may be believed: its
    posterior stands in for the classifier, and that there are two kinds of rows is not questioned. Trusted rows
    themselves are left out: of their labels nothing is in doubt.
    """
    ready, dataset = grounds.ready, grounds.dataset
    if ready.space is None:
        return None
    rows, points, labels, n_classes = asked(grounds, ready.space)
    fit = frozen_space(points, labels, n_classes)
    learnt = met(fit.plain.argmax(1), labels, n_classes)
    open_ = dataset.status[grounds.trained[rows]] != "decided"
    if not open_.any():
        return None
    rows = rows[open_]
    found, of_given = sharpened_kinds(fit.fit.classifier[open_], labels[open_])
    if grounds.opinion is not None and grounds.judged is not None and grounds.judged.left_out is not None:
        of_given, found = grounds.opinion[rows, grounds.target[rows]].astype(np.float64), replace(found, two=1.0)
    return Independent(rows, 1 - of_given, learnt, found)


def asked(grounds: Grounds, space: Callable[[], Any]) -> tuple[np.ndarray, Any, np.ndarray, int]:
    """Which rows the classifier is asked about (s,), their points (s, d), labels (s,) int64, and the number of classes.

    A sample of all rows, or where that has too few of each class, rows of some classes, which are numbered anew.
    """
    n_classes, rows = grounds.dataset.labels.n_classes, sample_rows(len(grounds.trained))
    labels = grounds.target[rows]
    if knows_classes(labels, n_classes) or most_rows(grounds.target, n_classes) < FEWEST:
        return rows, grounds.ready.untrained, labels, n_classes
    points = space()
    near = rows_of_near_classes(points, grounds.target, n_classes, SAMPLED)
    classes, labels = np.unique(grounds.target[near], return_inverse=True)
    return near, points[near], labels, len(classes)


def with_gate(grounds: Grounds, own: Probabilities, posterior: Posterior, evidence: Independent | None) -> Posterior:
    """The posterior as far as it is confirmed, with what the method says itself beside it.

    Parameters
    ----------
    own : (m, K) float, or Likeliest
        The method's.
    posterior : Posterior
        With what all evidence says.
    """
    if evidence is None:
        return posterior
    return replace(
        posterior,
        probabilities=gated(posterior.probabilities, grounds.target, evidence),
        evidence={OWN: p_mislabeled(own, grounds.target), **posterior.evidence},
    )


def gate_metrics(evidence: Independent | None) -> dict[str, Any]:
    """The part `gate` of metrics.json: how often labels are met, and whether there are two kinds of rows."""
    if evidence is None:
        return {}
    met, found = evidence.met, evidence.kinds
    return {
        "gate": {
            "rows": len(evidence.rows),
            "met": round(met.share, 4),
            "met_by_chance": round(met.chance, 4),
            "deviations": round(met.deviations, 2),
            "two_kinds": round(found.two, 4),
            "rate": round(found.rate, 4),
            "gain": round(found.gain, 2),
            "power": round(found.power, 2),
        }
    }
