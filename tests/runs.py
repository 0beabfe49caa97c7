"""Runs by hand: the files of a finished run that a review, an export and an import read, without any training."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mislabel.decisions.events import Decision
from mislabel.decisions.store import Store
from mislabel.run.folder import RunFolder


def make_run(
    path: Path,
    frame: pd.DataFrame,
    *,
    source: str | Path | None = None,
    label: str | None = "label",
    id: str | None = "id",
    suggested: Mapping[Any, Any] | None = None,
    p: Mapping[Any, float] | None = None,
    status: Mapping[Any, str] | None = None,
    classes: list | None = None,
    modality: str = "text",
    captions: bool = False,
    **columns: str | None,
) -> RunFolder:
    """Write the files of a run on the rows of `frame` that have a label; the audit is in an order of its own.

    Parameters
    ----------
    frame : DataFrame
        n rows with a column of labels, `label`, and one of ids, `id`; without that rows are called by their place.
    source : path, optional
        What config.json says of where the data are.
    suggested, p, status : mapping, optional
        By id: the suggested label (else the given one), p_mislabeled (else 0.1), status (else judged).
    classes : list, optional
        Else the distinct labels, sorted.
    captions : bool
        Whether the run keeps its inputs, as "input of ID".
    columns
        text, image, split, ...: names of columns, for config.json.
    """
    suggested, p, status = suggested or {}, p or {}, status or {}
    given = frame[label or "label"].astype(object)
    names = frame[id].tolist() if id else list(range(len(frame)))
    rows = [k for k in range(len(frame)) if not (pd.isna(given.iloc[k]) or given.iloc[k] == "")]
    ids, labels = [names[k] for k in rows], [given.iloc[k] for k in rows]
    table = pd.DataFrame(
        {
            "id": ids,
            "given_label": labels,
            "suggested_label": [suggested.get(one, label) for one, label in zip(ids, labels, strict=True)],
            "p_mislabeled": [p.get(one, 0.1) for one in ids],
            "difficulty": 0.5,
            "predicted_label": labels,
            "confidence": 0.9,
            "status": [status.get(one, "judged") for one in ids],
            "row": np.arange(len(rows)),
            "wrong_events": 0.25,
        }
    )
    table.loc[table["status"] != "judged", "p_mislabeled"] = np.nan
    shuffled = table.iloc[np.random.default_rng(0).permutation(len(table))]
    table = shuffled.sort_values("p_mislabeled", ascending=False, kind="stable", na_position="last")
    path.mkdir(parents=True)
    table.to_parquet(path / "audit.parquet", index=False)
    if captions:
        pd.DataFrame({"id": ids, "input": [f"input of {one}" for one in ids]}).to_parquet(path / "inputs.parquet")
    values = [value.item() if isinstance(value, np.generic) else value for value in classes or sorted(set(labels))]
    folder = RunFolder(path)
    about = {"name": "data", "modality": modality, "fingerprint": "0", "rows": len(rows), "classes": values}
    about |= {"columns": {"label": label, "id": id, **columns}, "source": None if source is None else str(source)}
    folder.write_config({"settings": {"method": "ido"}, "data": about, "versions": {}, "notes": []})
    folder.metrics.write_text(json.dumps({"rows": len(rows), "notes": []}), encoding="utf-8")
    return folder


def decide(folder: RunFolder, *decisions: Decision) -> None:
    """Store decisions as a person at the page makes them."""
    with Store(folder.decisions) as store:
        store.decide(decisions)
