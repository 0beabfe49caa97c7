"""Runs on tables, built by hand."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from review.browser import write_run
from safetensors.numpy import save_file

from mislabel.run.folder import RunFolder


def table_run(folder: Path, frame: pd.DataFrame, given: list[int], suggested: list[int], classes: list[str]) -> Path:
    """A run on the columns of `frame`, in which a number may be missing: rows m0, m1, ... as in the frame."""
    from fake_runs import renew_digests

    from mislabel.modalities.features.features import check_features

    features, _ = check_features(frame, np.arange(len(frame)), "data", missing_values="impute")
    captions = [features.caption(position) for position in range(len(frame))]
    path = write_run(folder, captions, given, suggested, classes, modality="features")
    mean, scale = features.matrix.mean(axis=0), features.matrix.std(axis=0)
    scale[scale == 0] = 1
    np.save(path / "embeddings.npy", ((features.matrix - mean) / scale).astype(np.float16))
    (path / "model").mkdir(exist_ok=True)
    about = {"modality": "features", "classes": classes, "encoding": features.encoding.plain()}
    (path / "model" / "mislabel.json").write_text(json.dumps(about))
    save_file({"mean": mean, "scale": scale}, path / "model" / "head.safetensors")
    renew_digests(RunFolder(path))
    return path


def customers(folder: Path) -> tuple[Path, pd.DataFrame]:
    """Sixty customers of two kinds; m0 has the age and the colour of the other kind, and no visits."""
    random = np.random.default_rng(3)
    code = np.arange(60) % 2
    frame = pd.DataFrame(
        {
            "noise": random.uniform(-1, 1, 60).round(3),
            "visits": random.integers(1, 9, 60).astype(float),
            "age": np.where(code == 0, 30, 60) + random.integers(-3, 4, 60),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(random.integers(0, 900, 60), unit="D"),
            "colour": np.where(code == 0, "red", "blue"),
            "same": 7,
        }
    )
    frame.loc[0, ["age", "colour", "visits"]] = [61, "blue", np.nan]
    frame.loc[2, "colour"] = "<b>teal</b>"
    suggested = code.tolist()
    suggested[0] = 1
    return table_run(folder, frame, code.tolist(), suggested, ["young", "old"]), frame
