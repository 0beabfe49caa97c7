"""Predictions for a table of new texts."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mislabel.audit import label_column
from mislabel.data.plan import OnBad
from mislabel.errors import one_of
from mislabel.modalities import modality_names
from mislabel.modalities.loading import load_dataset
from mislabel.run.folder import RunFolder
from mislabel.run.generative import load_trajectory_model
from mislabel.run.predictor import load_predictor
from mislabel.run.reading import Run
from mislabel.tables import check_output, write_table
from mislabel.tables.formulas import note
from mislabel.training.progress import Quiet


def predict_table(
    folder: RunFolder,
    source: str,
    output: Path,
    *,
    id: str | None = None,
    on_bad: OnBad = "error",
    device: str = "auto",
    by: str = "model",
    progress: Quiet | None = None,
    **inputs: Any,
) -> int:
    """Write `id`, `predicted_label`, `confidence` and one `p_<label>` column per class; gives the number of rows.

    Parameters
    ----------
    inputs
        What the input is, by the name of its modality, where it is named differently than in training.
    on_bad : "error" or "quarantine"
        Images that cannot be read: an error, or a row without a prediction.
    by : "model" or "trajectory"
        The shipped model in RUN/model, or the generative model with the weights of every epoch.

    Raises
    ------
    InputError
        If the run is not finished, the data lacks a column, or the output cannot be written.
    """
    check_output(output)
    folder.check_output(Path(output))
    run = Run.open(folder)
    one_of("by", by, ("model", "trajectory"))
    predictor = load_predictor(folder.model)
    if not any(inputs.values()):  # as in training
        inputs = {name: run.columns.get(name) for name in modality_names()}
    checks = predictor.reader.checks()
    dataset = load_dataset(source, **inputs, id=id, on_bad=on_bad, need_labels=False, checks=checks)
    progress = progress or Quiet()
    for sentence in dataset.notes:
        progress.line(f"note: {sentence}")
    if by == "model":
        probability = predictor.probabilities(dataset.inputs, device=device, progress=progress)
    else:
        model = load_trajectory_model(folder.trajectory)
        probability = predictor.by_trajectory(model, dataset.inputs, device=device, progress=progress)
    unreadable = dataset.status == "unreadable"
    probability[unreadable] = np.nan
    codes = np.where(unreadable, -1, np.nan_to_num(probability).argmax(1))
    frame = pd.DataFrame(
        {
            "id": dataset.ids,
            "predicted_label": label_column(codes, predictor.classes),
            "confidence": probability.max(1).astype(np.float64),
            **{f"p_{value}": probability[:, code] for code, value in enumerate(predictor.classes)},
        }
    )
    changed = write_table(frame, output)
    if changed:
        progress.line(f"note: {note(changed)}")
    return len(frame)
