"""The order in which a review shows rows: one of several orders, with rows that chance chose mixed in."""

import secrets
from dataclasses import dataclass

import numpy as np

from mislabel.decisions.looks import Looks
from mislabel.decisions.store import Store
from mislabel.errors import InputError
from mislabel.review import orders
from mislabel.review.shared import rows_in_dispute
from mislabel.run import trust_looks
from mislabel.run.reading import Run
from mislabel.run.rows import Rows
from mislabel.training.progress import Quiet

ORDERS = {
    "worst": "worst first",
    "gain": "most expected gain first",
    "pair": "by class pair",
    "stability": "least stable under noise in the weights first",
    "random": "at random",
    "trust": "what teaches most: at random within pairs of labels",
    "differ": "where two reviewers differ",
}
# Orders that need what stands with the decisions: what was drawn once and stays the same, or what was decided.
OF_STORE = ("stability", "random", "trust", "differ")
BUDGET = 200  # looks that gain and stability plan where nobody says


@dataclass(frozen=True, eq=False)
class Queue:
    """The looks of a review: which row is shown when.

    Attributes
    ----------
    rows : (m,) int64
        Rows in the order in which they are shown, each once.
    probe : (m,) bool
        Whether chance chose it, for the estimate of how many labels are wrong.
    looks : Looks, optional
        With the order trust: how probable each was.
    """

    rows: np.ndarray
    probe: np.ndarray
    looks: Looks | None = None


def make_queue(run: Run, store: Store, *, order: str, budget: int | None, share: float, progress: Quiet) -> Queue:
    """Order the judged rows of a run.

    Chance draws once for each run: the seed is kept with the decisions, so that a review which goes on another day
    has the same probes before it.

    Raises
    ------
    InputError
        If the run or its decisions lack what an order needs, or probes are asked for where they make no sense.
    """
    rows, planned, looks = run.rows, budget or BUDGET, None
    if order == "pair":
        labels = rows.labels
        listed = orders.pairs(
            rows.judged, labels["given_label"], labels["suggested_label"], rows.numbers["p_mislabeled"]
        )
    elif order == "gain":
        listed = _by_gain(run, planned)
    elif order == "stability":
        listed = _by_stability(run, planned, store, progress)
    elif order == "random":
        listed = _at_random(rows, store, "order_seed")
    elif order == "differ":
        if share:
            raise InputError("the order differ shows only rows that two reviewers decided: leave --probe out")
        listed = rows_in_dispute(store, rows)
    elif order == "trust":
        looks = trust_looks.plan(rows, _seed(store, trust_looks.SEED))
        listed = looks.rows
    else:
        listed = orders.worst(rows.judged)
    drawn = _at_random(rows, store, "probe_seed") if share else np.empty(0, dtype=np.int64)
    queue, probe = orders.mix_in(listed, drawn, share)
    if order == "random":
        probe = np.ones(len(queue), dtype=bool)  # all of them are what chance chose
    return Queue(queue[:budget], probe[:budget], looks)


def _at_random(rows: Rows, store: Store, name: str) -> np.ndarray:
    return orders.probes(rows.judged, _seed(store, name))


def _seed(store: Store, name: str) -> int:
    return int(store.remember(name, secrets.randbelow(2**32)))


def _by_gain(run: Run, planned: int) -> np.ndarray:
    rows, folder = run.rows, run.folder
    posterior = run.posterior
    if posterior is None or rows.position is None:
        raise InputError(
            f"the order gain needs {folder.posterior}, and the places that audits of today tell: take --order worst, "
            "or make the run again"
        )
    risk = orders.risk(posterior, rows.position)
    return orders.gain(rows.judged, risk, planned, run.matrix(folder.embeddings), rows.position)


def _by_stability(run: Run, planned: int, store: Store, progress: Quiet) -> np.ndarray:
    """The order is stored with the decisions: computing it takes thirty passes of the networks."""
    name, rows = f"stability_{planned}", run.rows
    known = store.recall(name)
    if known is None:
        from mislabel.review.stability import stability_order  # brings torch, which no other order needs

        chosen = stability_order(run.folder, rows, planned, progress=progress)
        known = store.remember(name, [rows.id(int(row)) for row in chosen])
    first = rows.find(known)
    rest = orders.worst(rows.judged)
    return np.concatenate([first, rest[~np.isin(rest, first)]])
