"""From lines of results to one row per data set and method: means and standard deviations over seeds."""

from typing import Any

import numpy as np
import pandas as pd

from mislabel.bench.specs import CE, GOLD, read_spec

NOISE = ("noise_true", "noise_at_least", "noise_estimate")
SHARES = ("accuracy", "macro_f1", "ece", "gap_closed", "auroc", "average_precision", *NOISE)
MEASURES = (*SHARES, "seconds", "times_plain", "peak_memory_mb")
SMALLEST_GAP = 0.01  # below that, "share of the gap" says nothing
GENERATIVE = " (generative)"
Key = tuple[str, int, str]


def frame_of(lines: list[dict[str, Any]], asked: list[Key]) -> pd.DataFrame:
    """One row per cell, also for those asked for that have no line yet (status "not run").

    A method whose run also scores a generative model gets a second row for it. Added to the fields of a line:
    `gap_closed` = (accuracy - that of plain training) / (that of plain training on gold labels - that of plain
    training), on the same data and seed, and `times_plain`, seconds relative to plain training's.
    """
    known = {(line["data"], line["seed"], line["method"]) for line in lines}
    missing = [
        {"data": data, "seed": seed, "method": method, "status": "not run", "oracle": read_spec(method).oracle}
        for data, seed, method in asked
        if (data, seed, method) not in known
    ]
    second = [
        {**line, **line["generative"], "method": line["method"] + GENERATIVE, "auroc": None, "average_precision": None}
        for line in lines
        if line.get("generative")
    ]
    columns = ["data", "seed", "method", "status", "error", "oracle", *MEASURES]
    frame = pd.DataFrame([*lines, *second, *missing]).reindex(columns=columns)
    frame = frame.astype(dict.fromkeys(MEASURES, "float64"))
    at = frame.set_index(["data", "seed", "method"])
    keys = pd.MultiIndex.from_arrays([frame["data"], frame["seed"]])
    plain, gold = (_of(at, method).reindex(keys) for method in (CE, GOLD))
    room = (gold["accuracy"] - plain["accuracy"]).to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        closed = (frame["accuracy"] - plain["accuracy"].to_numpy()) / room
        frame["gap_closed"] = closed.where(room >= SMALLEST_GAP)
        frame["times_plain"] = (frame["seconds"] / plain["seconds"].to_numpy()).replace([np.inf, -np.inf], np.nan)
    return frame


def per_data(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per (data, method), in the order of `frame`: counts, and mean and sd (n - 1) of every measure."""
    grouped = frame.groupby(["data", "method"], sort=False)
    counts = grouped.agg(
        oracle=("oracle", "any"),
        seeds=("seed", "nunique"),
        done=("status", lambda status: int((status == "done").sum())),
        failed=("status", lambda status: int((status == "failed").sum())),
        error=("error", lambda errors: next((error for error in errors if isinstance(error, str)), "")),
    )
    parts = {}
    for name in MEASURES:
        parts[name], parts[f"{name}_sd"] = grouped[name].mean(), grouped[name].std()
    return counts.join(pd.DataFrame(parts)).reset_index()


def per_method(table: pd.DataFrame) -> pd.DataFrame:
    """One row per method, best first and gold last: means over data sets, for methods that have all of them.

    `accuracy_sd` is the mean over data sets of the standard deviation over seeds. A measure that a data set does not
    have (such as the gap where there is none) is left out of its mean.
    """
    everything = table["data"].nunique()
    rows = []
    group: Any
    for method, group in table.groupby("method", sort=False):
        whole = len(group) == everything and (group["done"] > 0).all()
        row = {"method": method, "oracle": bool(group["oracle"].any()), "whole": whole}
        row |= {name: int(group[name].sum()) for name in ("seeds", "done", "failed")}
        row |= {name: group[name].mean() if whole else np.nan for name in (*MEASURES, "accuracy_sd", "seconds_sd")}
        rows.append(row | {"error": next(filter(None, group["error"]), "")})
    means = pd.DataFrame(rows)
    order = pd.DataFrame({"gold": means["method"] == GOLD, "worse": -means["accuracy"]})
    return means.loc[order.sort_values(["gold", "worse"], kind="stable").index].reset_index(drop=True)


def _of(at: pd.DataFrame, method: str) -> pd.DataFrame:
    """Accuracy and seconds of one method by data and seed."""
    here = at.index.get_level_values("method") == method
    return at.loc[here, ["accuracy", "seconds"]].droplevel("method")
