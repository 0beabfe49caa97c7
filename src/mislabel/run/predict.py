"""Predictions for a table of new texts."""

from pathlib import Path

import numpy as np
import pandas as pd

from mislabel.audit import label_column
from mislabel.data import load_dataset, write_table
from mislabel.errors import one_of
from mislabel.run.folder import RunFolder
from mislabel.run.generative import load_trajectory_model
from mislabel.run.predictor import load_predictor
from mislabel.training.progress import Quiet


def predict_table(
    folder: RunFolder,
    source: str,
    output: Path,
    *,
    text: str | None = None,
    id: str | None = None,
    device: str = "auto",
    by: str = "model",
    progress: Quiet | None = None,
) -> int:
    """Write `id`, `predicted_label`, `confidence` and one `p_<label>` column per class; gives the number of rows.

    Parameters
    ----------
    by : "model" or "trajectory"
        The shipped model in RUN/model, or the generative model with the weights of every epoch.

    Raises
    ------
    InputError
        If the run is not finished or the data lacks a column.
    """
    folder.read_metrics()
    columns = folder.read_config()["data"]["columns"]
    dataset = load_dataset(source, text=text or columns["text"], id=id, need_labels=False)
    one_of("by", by, ("model", "trajectory"))
    predictor = load_predictor(folder.model)
    if by == "model":
        probability = predictor.probabilities(dataset.inputs, device=device, progress=progress)
    else:
        model = load_trajectory_model(folder.trajectory)
        probability = predictor.by_trajectory(model, dataset.inputs, device=device, progress=progress)
    frame = pd.DataFrame(
        {
            "id": dataset.ids,
            "predicted_label": label_column(probability.argmax(1), predictor.classes),
            "confidence": probability.max(1).astype(np.float64),
            **{f"p_{value}": probability[:, code] for code, value in enumerate(predictor.classes)},
        }
    )
    write_table(frame, output)
    return len(frame)
