"""One label a row from several, by ways that others use: what a method gets that cannot hear every source.

Dawid-Skene is crowd-kit's (https://github.com/Toloka/crowd-kit): one confusion matrix a source, where one that abstains
has said nothing.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from mislabel.data.consensus import agree
from mislabel.data.label_sources import Kind, Sources
from mislabel.errors import InputError


def one_label(sources: Sources, how: str) -> np.ndarray:
    """Codes (n,) int64, -1 where nobody says anything.

    Parameters
    ----------
    how : str
        One of `mislabel.bench.suites.AGGREGATES`.

    Raises
    ------
    InputError
        If crowd-kit is needed and not installed.
    """
    if how == "dawid_skene":
        return _dawid_skene(sources)
    kind: Kind = "person" if how == "majority" else "model"
    return agree(replace(sources, kinds=[kind] * len(sources)), np.ones(len(sources.votes), dtype=bool))[0]


def _dawid_skene(sources: Sources) -> np.ndarray:
    try:
        from crowdkit.aggregation import DawidSkene  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise InputError('aggregate dawid_skene needs crowd-kit: pip install "mislabel[crowd]"') from None
    row, source = np.nonzero(sources.said)
    votes = pd.DataFrame({"task": row, "worker": source, "label": sources.votes[row, source].astype(np.int64)})
    found = DawidSkene(n_iter=100).fit_predict(votes)
    codes = np.full(len(sources.votes), -1, dtype=np.int64)
    codes[found.index.to_numpy()] = found.to_numpy()
    return codes
