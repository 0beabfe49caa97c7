"""How much room on disk a run needs beside what its training writes: tables, probabilities, embeddings, inputs."""

import numpy as np

from mislabel.modalities import modality
from mislabel.posterior.derived import evenly
from mislabel.posterior.likeliest import LINE
from mislabel.run.preparation import Job

ROW = 250  # bytes of a row of the audit: mostly numbers, and names that Parquet packs
FOLDER = 500_000  # settings, metrics, a report
LOOKED_AT = 200  # rows, to tell how large those are that are kept


def bytes_beside_training(job: Job, *, content: bool) -> dict[str, int]:
    """Bytes of what a run writes when it is trained, about, by what it is called.

    Parameters
    ----------
    content : bool
        Whether inputs and embeddings are kept.
    """
    n, classes = len(job.dataset), job.dataset.labels.n_classes
    each = LINE.itemsize if job.keeps_likeliest else classes * np.dtype(np.float64).itemsize
    needs = {"tables": FOLDER + n * ROW, "probabilities": n * each}
    if content:
        needs["embeddings"] = n * job.ready.untrained.shape[1] * np.dtype(np.float16).itemsize
        needs["inputs"] = _kept_inputs(job)
    return needs


def _kept_inputs(job: Job) -> int:
    """Of rows that are evenly spaced: what is kept of each, as many bytes as characters at least, and a digest."""
    inputs = job.dataset.inputs
    n = len(inputs)
    places = evenly(n, LOOKED_AT)
    digest, step = 16, modality(inputs.modality).kept_at_once
    some = inputs.take(places)
    sizes = [
        len(value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value or b"")
        for begin in range(0, len(some), step)
        for value in some.kept(range(begin, min(begin + step, len(some))))
    ]
    return int(n * (np.mean(sizes) + digest))
