"""A run's results on their way to disk and back."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mislabel.audit import Audit
from mislabel.data import Dataset
from mislabel.files import atomic_path, atomic_write, write_array
from mislabel.posterior.beta_mixture import BetaMixture
from mislabel.run.contents import write_contents
from mislabel.run.folder import RunFolder
from mislabel.run.predictor import Predictor


def save_run(
    audit: Audit,
    predictor: Predictor,
    dataset: Dataset,
    folder: RunFolder,
    content: bool,
    embeddings: np.ndarray | None = None,
) -> None:
    """Write everything but the report; metrics.json last, since its presence says that the run is whole.

    Parameters
    ----------
    content : bool
        Whether inputs go into the folder, and embeddings, from which inputs can be guessed.
    embeddings : (n, d) float16, optional
        Those that the folder still lacks.
    """
    predictor.save(folder.model)
    write_parquet(audit.table, folder.audit)
    write_array(audit.posterior, folder.posterior)
    if content:
        write_contents(dataset, folder.inputs)
        if embeddings is not None:
            write_array(embeddings, folder.embeddings)
    else:
        folder.embeddings.unlink(missing_ok=True)  # a head's, needed until now
    names = [str(value) for value in audit.classes]
    write_parquet(pd.DataFrame(audit.transition, columns=pd.Index(names)), folder.transition)
    atomic_write(folder.metrics, json.dumps(audit.metrics | {"notes": audit.notes}, indent=1, ensure_ascii=False))


def load_audit(folder: RunFolder) -> Audit:
    """Read the audit of a finished run."""
    metrics = folder.read_metrics()
    return Audit(
        table=pd.read_parquet(folder.audit),
        posterior=np.load(folder.posterior),
        classes=folder.read_config()["data"]["classes"],
        transition=pd.read_parquet(folder.transition).to_numpy(),
        metrics=metrics,
        notes=metrics["notes"],
    )


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    with atomic_path(path) as temporary:
        frame.to_parquet(temporary, index=False)


def mixture_summary(mixture: BetaMixture, rates: np.ndarray) -> dict[str, Any]:
    """The fitted mixture and the distribution of rates behind it, for the report."""
    values, counts = np.unique(np.round(rates, 6), return_counts=True)
    return {
        "weight": mixture.weight.tolist(),
        "a": mixture.a.tolist(),
        "b": mixture.b.tolist(),
        "identified": mixture.identified,
        "rates": values.tolist(),
        "counts": counts.tolist(),
    }
