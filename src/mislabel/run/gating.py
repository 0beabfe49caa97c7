"""The gate of a run: what its rows say of the given labels where no training is asked (`posterior/gate.py`)."""

from dataclasses import replace
from typing import Any

import numpy as np

from mislabel.modalities.contract import sample_rows
from mislabel.posterior.frozen_space import frozen_space
from mislabel.posterior.gate import Independent, Kinds, gated, kinds, met
from mislabel.posterior.posterior import Posterior
from mislabel.posterior.summary import p_mislabeled
from mislabel.run.grounds import Grounds

OWN = "p_mislabeled_by_method"  # the column of what the method says itself


def independent_evidence(grounds: Grounds) -> Independent | None:
    """What is known of sampled rows without their labels; None where random weights or raw pixels tell nothing.

    Where enough rows are trusted to fit the judge, it has learnt from them how far evidence may be believed: its
    posterior stands in for the classifier, and that there are two kinds of rows is not questioned. Trusted rows
    themselves are left out: of their labels nothing is in doubt.
    """
    ready, dataset, n_classes = grounds.ready, grounds.dataset, grounds.dataset.labels.n_classes
    if ready.space is None:
        return None
    rows, labels = sample_rows(len(grounds.trained)), grounds.target
    fit = frozen_space(ready.untrained, labels[rows], n_classes)
    learnt = met(fit.plain.argmax(1), labels[rows], n_classes)
    open_ = dataset.status[grounds.trained[rows]] != "decided"
    if not open_.any():
        return None
    of_given = fit.fit.classifier[np.arange(len(rows)), labels[rows]][open_]
    rows = rows[open_]
    found = kinds(of_given, n_classes)
    if grounds.opinion is not None and grounds.judged is not None and grounds.judged.left_out is not None:
        of_given, found = grounds.opinion[rows, labels[rows]].astype(np.float64), Kinds(found.rate, found.gain, 1.0)
    return Independent(rows, 1 - of_given, learnt, found)


def with_gate(grounds: Grounds, own: np.ndarray, posterior: Posterior, evidence: Independent | None) -> Posterior:
    """The posterior as far as it is confirmed, with what the method says itself beside it.

    Parameters
    ----------
    own : (m, K) float
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
        }
    }
