"""What a run leaves in its folder beside settings, dynamics and checkpoints; `mislabel.run.reading` reads it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mislabel.audit import Audit
from mislabel.data import Dataset
from mislabel.files import atomic_path, atomic_write, json_bytes, write_array
from mislabel.integrity import add_digests
from mislabel.posterior.likeliest import Likeliest
from mislabel.run.folder import SCHEMA, SCHEMA_KEY, RunFolder
from mislabel.run.kept_inputs import write_inputs
from mislabel.run.model_card import model_card
from mislabel.run.predictor import Predictor


def write_run(
    audit: Audit,
    predictor: Predictor | None,
    dataset: Dataset,
    folder: RunFolder,
    content: bool,
    embeddings: Any = None,
) -> None:
    """Write everything but the report; metrics.json last, since its presence says that the run is whole.

    Parameters
    ----------
    predictor : Predictor, optional
        None where the folder is to hold no model.
    content : bool
        Whether inputs go into the folder, and embeddings, from which inputs can be guessed.
    embeddings : (n, d) float16, optional
        Those that the folder still lacks; an array or `mislabel.posterior.derived.Derived`.
    """
    if predictor is not None:
        config = folder.read_config()
        predictor.save(folder.model, lambda model: model_card(model, config, audit.metrics))
    if content:
        write_inputs(dataset.ids, dataset.inputs, folder.inputs)
        if embeddings is not None:
            write_array(embeddings, folder.embeddings)
    else:
        folder.embeddings.unlink(missing_ok=True)  # a head's, needed until now
    write_audit(audit, folder)


def write_audit(audit: Audit, folder: RunFolder) -> None:
    """Write what is known of labels and rows, then the digests of all files, then metrics.json."""
    write_parquet(audit.table, folder.audit)
    if isinstance(audit.posterior, Likeliest):
        write_array(audit.posterior.kept, folder.likeliest)
    else:
        write_array(audit.posterior, folder.posterior)
    write_parquet(transition_table(audit), folder.transition)
    for table, path in ((audit.sources, folder.sources), (audit.votes, folder.votes)):
        if table is not None:
            write_parquet(table, path)
    metrics = json_bytes({"schema": SCHEMA, **audit.metrics, "notes": audit.notes})
    add_digests(folder.path, *folder.read_back(), also={folder.metrics: metrics})
    atomic_write(folder.metrics, metrics)


def transition_table(audit: Audit) -> pd.DataFrame:
    """T with a column for each given class and a line for each true one; of a sparse one a line for each cell."""
    if isinstance(audit.transition, np.ndarray):
        return pd.DataFrame(audit.transition, columns=pd.Index([str(value) for value in audit.classes]))
    cells = audit.transition.tocoo()
    return pd.DataFrame({"true": cells.coords[0], "given": cells.coords[1], "share": cells.data})


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """Write a table of a run, with its schema version in the metadata."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), SCHEMA_KEY: str(SCHEMA)})
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary)
