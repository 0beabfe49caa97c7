"""Finished runs without any training, written by the product's own writers, so that they cannot drift from real ones.

`write_fake_run` is what all of them end in; `make_run` and `review_run` say what a run found in some data.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mislabel.audit import Audit
from mislabel.data.inputs import RawInputs
from mislabel.decisions.events import Decision
from mislabel.decisions.store import Store
from mislabel.files import write_array
from mislabel.integrity import add_digests
from mislabel.modalities import modality, modality_names
from mislabel.run.folder import RunFolder
from mislabel.run.kept_inputs import write_inputs
from mislabel.run.rows import Rows
from mislabel.run.writing import write_audit


class KeptInputs(RawInputs):
    """Inputs of which a run keeps just these values."""

    def __init__(self, values: Sequence[str | bytes | None], modality: str):
        self.values, self.modality = values, modality  # pyright: ignore[reportAttributeAccessIssue]

    def __len__(self) -> int:
        return len(self.values)

    def take(self, index: np.ndarray) -> "KeptInputs":
        return KeptInputs([self.values[position] for position in index], self.modality)

    def contents(self) -> Iterator[bytes]:
        return (str(value).encode() for value in self.values)

    def caption(self, place: int) -> str:
        return str(self.values[place])

    def kept(self, places: range) -> Iterator[str | bytes | None]:
        return iter(self.values[places.start : places.stop])


def write_fake_run(
    path: Path,
    table: pd.DataFrame,
    classes: list,
    *,
    posterior: np.ndarray | None = None,
    transition: Any = None,
    embeddings: np.ndarray | None = None,
    inputs: Mapping[Any, str | bytes | None] | None = None,
    data: Mapping[str, Any] | None = None,
    metrics: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
) -> RunFolder:
    """Write the files of a finished run; those that are not given it does not have.

    Parameters
    ----------
    table : DataFrame
        audit.parquet.
    posterior : (n, K) array, optional
        In the order of the input, as are the embeddings.
    inputs : mapping, optional
        What the run keeps of its rows, by id, in the order of the input.
    data, config : mapping, optional
        More of config.json, for its part `data` and beside it.
    """
    folder = RunFolder(path)
    about = {"name": path.name, "fingerprint": "0", "rows": len(table), "columns": {}, "classes": classes}
    about |= {"modality": "text"} | dict(data or {})
    about = {name: value for name, value in about.items() if value is not None}
    settings = {"settings": {"method": "ido"}, "versions": {}, "notes": []}
    folder.path.mkdir(parents=True)
    folder.write_config({**settings, "data": about, **(config or {})})
    if inputs is not None:
        _write_inputs(inputs, about.get("modality", "text"), folder.inputs)
    if embeddings is not None:
        write_array(embeddings, folder.embeddings)
    matrix = np.full((len(classes), len(classes)), np.nan) if transition is None else np.array(transition, dtype=float)
    numbers = {"rows": len(table)} | dict(metrics or {})
    probabilities, notes = np.empty((0, 0)) if posterior is None else posterior, numbers.pop("notes", [])
    write_audit(Audit(table, probabilities, classes, matrix, numbers, notes), folder)
    if posterior is None:
        folder.posterior.unlink()
    if transition is None:
        folder.transition.unlink()
    renew_digests(folder)
    return folder


def renew_digests(folder: RunFolder) -> None:
    """Say that the files of a run, some of which a test changed, are as they should be."""
    add_digests(folder.path, *folder.read_back())


def _write_inputs(inputs: Mapping[Any, str | bytes | None], name: str, path: Path) -> None:
    """As the product writes them, but for what it never would, such as pictures in a run on texts."""
    kind = bytes if name in modality_names() and modality(name).kept_bytes else str
    if name in modality_names() and all(value is None or isinstance(value, kind) for value in inputs.values()):
        write_inputs(np.array(list(inputs)), KeptInputs(list(inputs.values()), name), path)
    else:
        pd.DataFrame({"id": list(inputs), "input": list(inputs.values())}).to_parquet(path, index=False)


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
    """A run on the rows of `frame` that have a label; the audit is in an order of its own.

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
            "suggested_label": [suggested.get(id, label) for id, label in zip(ids, labels, strict=True)],
            "p_mislabeled": [p.get(id, 0.1) for id in ids],
            "difficulty": 0.5,
            "predicted_label": labels,
            "confidence": 0.9,
            "status": [status.get(id, "judged") for id in ids],
            "row": np.arange(len(rows)),
            "wrong_events": 0.25,
        }
    )
    table.loc[table["status"] != "judged", "p_mislabeled"] = np.nan
    shuffled = table.iloc[np.random.default_rng(0).permutation(len(table))]
    table = shuffled.sort_values("p_mislabeled", ascending=False, kind="stable", na_position="last")
    values = [value.item() if isinstance(value, np.generic) else value for value in classes or sorted(set(labels))]
    data = {"name": "data", "modality": modality, "source": None if source is None else str(source)}
    data |= {"columns": {"label": label, "id": id, **columns}}
    inputs = {id: f"input of {id}" for id in ids} if captions else None
    return write_fake_run(path, table, values, data=data, inputs=inputs)


def review_run(
    path: Path,
    inputs: Sequence[str | bytes] | None,
    given: Sequence[int],
    suggested: Sequence[int],
    classes: Sequence[Any],
    *,
    modality: str = "text",
    status: Sequence[str] | None = None,
    seed: int = 0,
) -> RunFolder:
    """A run of n rows with all that a review reads.

    The rows stand in the audit in the order of the input: row k of the review is input k, its id `m{k}`. Given labels
    become less and less suspicious, from 0.99 down.

    Parameters
    ----------
    inputs : n texts or encoded images
        None for a run that keeps none.
    given, suggested : n codes
        Into `classes`; -1 for a row without a label.
    """
    n, count, random = len(given), len(classes), np.random.default_rng(seed)
    statuses = list(status or ["judged"] * n)
    names = np.array([*map(str, classes), None], dtype=object)
    posterior = random.dirichlet(np.full(count, 0.3), n).astype(np.float32) * 0.01
    wrong = np.linspace(0.99, 0.55, n)
    for k in range(n):
        if given[k] != suggested[k]:
            posterior[k, suggested[k]] += wrong[k] - 0.01
            posterior[k, given[k]] += 1 - wrong[k]
        else:
            posterior[k, given[k]] += 0.99
    posterior /= posterior.sum(1, keepdims=True)
    judged = np.array(statuses) == "judged"
    p_mislabeled = np.where(judged, 1 - posterior[np.arange(n), given], np.nan)
    ids = [f"m{k}" for k in range(n)]
    table = pd.DataFrame(
        {
            "id": ids,
            "given_label": names[list(given)],
            "suggested_label": names[list(suggested)],
            "p_mislabeled": p_mislabeled,
            "difficulty": random.uniform(0, 1, n),
            "predicted_label": names[list(suggested)],
            "confidence": posterior.max(1).astype(np.float64),
            "status": statuses,
            "row": np.arange(n, dtype=np.int64),
            "wrong_events": pd.array(np.where(judged, np.round(9 * np.nan_to_num(p_mislabeled)), 0), dtype="Int64"),
            "observations": pd.array(np.full(n, 9), dtype="Int64"),
            "mean_margin": 2 - 4 * p_mislabeled,
        }
    )
    centres = random.normal(0, 1, (count, 16))
    return write_fake_run(
        path,
        table,
        list(classes),
        posterior=posterior,
        embeddings=(centres[list(suggested)] + random.normal(0, 0.5, (n, 16))).astype(np.float16),
        inputs=None if inputs is None else dict(zip(ids, inputs, strict=True)),
        data={"modality": modality},
        config={"settings": {"method": "ido", "options": {}}},
        metrics={"classes": count, "method": "ido", "noise_rate": {"basis": "labels", "at_least": 0.19}},
    )


def some_rows(ids: Sequence[Any], **columns: Sequence[float]) -> Rows:
    """Rows of two classes, in memory alone; columns are evidence, or codes where their name ends in label."""
    n = len(ids)
    return Rows(
        modality="text", ids=pa.array(ids), classes=["a", "b"],
        labels={"given_label": np.zeros(n, np.int32), "suggested_label": np.ones(n, np.int32)}
        | {name: np.asarray(values, np.int32) for name, values in columns.items() if name.endswith("label")},
        numbers={
            name: np.asarray(values, np.float32) for name, values in columns.items() if not name.endswith("label")
        },
        status=pa.array(["judged"] * n).dictionary_encode(), position=np.arange(n),
    )  # fmt: skip


def decide(folder: RunFolder, *decisions: Decision) -> None:
    """Store decisions as a person at the page makes them."""
    with Store(folder.decisions) as store:
        store.decide(decisions)
