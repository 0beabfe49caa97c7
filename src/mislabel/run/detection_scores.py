"""Detection scores of a run: what they need is checked before training, and computed only where it is needed."""

from typing import Any

import numpy as np

from mislabel.dynamics.store import DynamicsStore
from mislabel.errors import InputError
from mislabel.modalities.contract import Prepared
from mislabel.posterior.confident_learning import need_cleanlab
from mislabel.posterior.detection import find_score, make_evidence
from mislabel.training.branches import Branches
from mislabel.training.inference import Flat, outputs
from mislabel.training.progress import Quiet


def check_score(name: str | None, ready: Prepared) -> None:
    """Raise InputError where a score cannot be had from this run, or lacks its package."""
    if name is None or find_score(name).needs != "embeddings":
        return
    if ready.embed is None:
        raise InputError(
            f"score {name} needs embeddings from before training, and random weights give none that say anything: use "
            "a pretrained --backbone, or another score"
        )
    need_cleanlab()


def row_scores(
    name: str | None, ready: Prepared, dynamics: DynamicsStore, network: Branches, accelerator: Any, progress: Quiet
) -> tuple[np.ndarray | None, list[float]]:
    """The score of this name for the training rows, (m,) float64, or None without a name; and `Evidence.recalls`.

    Parameters
    ----------
    network : Branches
        After training. Its embeddings stand in where a score looks at neighbours and nothing else is known of rows.
    """
    if name is None:
        return None, []
    score, labels = find_score(name), ready.dataset.labels
    embeddings, learnt = None, False
    if score.needs == "embeddings" or (score.needs == "space" and dynamics.trajectory is None):
        learnt = ready.embed is None
        embeddings = ready.embed() if ready.embed else final_embeddings(network, ready, accelerator, progress)
    given = ready.dataset.training_codes[ready.trained]
    evidence = make_evidence(dynamics, given, labels.n_classes, embeddings, learnt=learnt)
    return score.function(evidence), evidence.recalls


def final_embeddings(network: Branches, ready: Prepared, accelerator: Any, progress: Quiet) -> np.ndarray:
    """What the trained networks make of the training rows, side by side, (m, networks x d) float32."""
    width = len(network.networks) * (network.dimension or ready.dataset.labels.n_classes)
    rows = ready.inputs.take(ready.trained)
    return outputs(Flat(network, "embeddings"), rows, width, accelerator, low_precision=True, progress=progress)
