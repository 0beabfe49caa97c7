"""The tables of README: methods side by side on text with planted and with real noise.

    python benchmarks/text.py --data-dir DIR --out DIR [--sets trec-sym,wrench_trec] [--methods ce,ido,dygen]
                              [--seeds 3] [--tune head] [--option method:name=value]

DIR holds trec.parquet, 20news.parquet, agnews.parquet, wrench_trec.parquet, wrench_semeval.parquet and
wrench_chemprot.parquet (columns label, split and a text column; noisy_label in those with real noise).
Every cell is what the commands that README names do, with their defaults: `corrupt` with the seed's noise where noise
is planted, then `train` with the seed. Cells that are finished are not run again, so a killed benchmark goes on where
it was. Full cells are processes of their own, so that memory is theirs; head cells share one, and the embeddings of
texts that several of them read. Results: OUT/cells.jsonl, OUT/table.md,
OUT/side_by_side.md.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

RATE = 0.4


@dataclass(frozen=True)
class Data:
    """One data set of the table.

    Attributes
    ----------
    file : str
        Parquet file in DIR, without its ending.
    kind : str
        Noise to plant; "gold" for none; "" where the file brings its own, in noisy_label.
    text : str
    rows : int
        Training rows to draw with the seed; 0 takes all.
    max_length : int
    test_rows : int
        Test rows to draw with the seed; 0 takes all.
    """

    file: str
    kind: str
    text: str = "text"
    rows: int = 0
    max_length: int = 128
    test_rows: int = 0


SETS = {
    **{f"trec-{kind}": Data("trec", kind) for kind in ("sym", "asym", "idn", "gold")},
    **{
        f"20news-{kind}": Data("20news", kind, "text_stripped", rows=3000, max_length=64, test_rows=1000)
        for kind in ("sym", "asym", "idn", "gold")
    },
    "wrench_trec": Data("wrench_trec", ""),
    "wrench_semeval": Data("wrench_semeval", "", "text_marked"),
    "wrench_chemprot": Data("wrench_chemprot", "", "text_marked", rows=3000, test_rows=1000),
    "agnews": Data("agnews", "", rows=4000, test_rows=1000),
}
MEASURES = {"accuracy": "test accuracy", "macro_f1": "macro F1", "ece": "ECE", "auroc": "detection AUROC"}
COLUMNS = ("ce", "dygen classifier", "dygen generative", "dygen distilled", "ido")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--methods", default="ce,ido,dygen")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--tune", default="full", choices=("full", "head"))
    parser.add_argument("--option", action="append", default=[], help="option of one method, as METHOD:NAME=VALUE")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for seed in range(given.seeds):  # outermost: a killed benchmark has every row of the table once
        for name in given.sets.split(","):
            for method in given.methods.split(","):
                if SETS[name].kind == "gold" and method != "ce":
                    continue
                options = [one.removeprefix(f"{method}:") for one in given.option if one.startswith(f"{method}:")]
                cell(name, seed, method, given.tune, options, given.data_dir, given.out)
                write_table(given.out)


def cell(name: str, seed: int, method: str, tune: str, options: list[str], data: Path, out: Path) -> None:
    """One run, unless it is there already."""
    run = out / f"{name}.{seed}.{method}"
    if (run / "metrics.json").is_file():
        return
    source, label = prepare(name, seed, data, out)
    asked = [word for one in options for word in ("--option", one)]
    if tune == "head":
        head_cell(name, source, label, seed, method, options, run, out)
        return
    mislabel(
        "train", source, "--text", SETS[name].text, "--label", label, "--gold", "label", "--split", "split",
        "--missing", "drop", "--method", method, "--max-length", SETS[name].max_length, *asked,
        "--seed", seed, "--out", run, "--overwrite",
    )  # fmt: skip
    for heavy in [*run.glob("model/model.safetensors"), *run.glob("trajectory/*.safetensors")]:
        heavy.unlink()  # up to a gigabyte a cell, and the table does not need it


def head_cell(
    name: str, source: Path, label: str, seed: int, method: str, options: list[str], place: Path, out: Path
) -> None:
    """The same as a library call, with embeddings from an earlier cell where it read the same texts."""
    from mislabel.data import load_dataset
    from mislabel.run.about import describe
    from mislabel.run.config import RunConfig
    from mislabel.run.folder import RunFolder
    from mislabel.run.job import run

    columns = {"text": SETS[name].text, "label": label, "gold": "label", "split": "split"}
    dataset = load_dataset(source, **columns, missing="drop")
    chosen = {key: json.loads(value) if value[0] in "0123456789tf" else value
              for key, value in (one.split("=") for one in options)}  # fmt: skip
    config = RunConfig(method=method, tune="head", seed=seed, max_length=SETS[name].max_length, options=chosen)
    known = out / f"{hashlib.sha256(repr((config.max_length, dataset.inputs)).encode()).hexdigest()[:16]}.npy"
    folder = RunFolder(place)
    with folder.locked():
        folder.prepare(describe(config, dataset, columns), resume=False, overwrite=True)
        if known.is_file():
            shutil.copy(known, folder.embeddings)
        run(dataset, config, folder)
    folder.embeddings.replace(known)
    print(place.name, flush=True)


def prepare(name: str, seed: int, data: Path, out: Path) -> tuple[Path, str]:
    """The table to train on, and the name of its label column."""
    one = SETS[name]
    path = out / f"{name}.{seed}.parquet"
    if path.is_file():
        return path, "label" if one.kind == "gold" else "noisy_label"
    frame = pd.read_parquet(data / f"{one.file}.parquet")
    frame = frame[frame["split"].isin(["train", "test"])]  # other splits were labelled by hand
    train = frame["split"] == "train"
    usable = train & (frame[one.text].str.strip() != "")
    if not one.kind:
        usable &= frame["noisy_label"].fillna(-1) >= 0  # -1: no rule spoke
    chosen = frame[usable]
    if one.rows:
        chosen = chosen.sample(min(one.rows, len(chosen)), random_state=seed)
    test = frame[frame["split"] == "test"]
    if one.test_rows:
        test = test.sample(min(one.test_rows, len(test)), random_state=seed)
    both = pd.concat([chosen, test])
    kept = both[[one.text, "label", "split", *(["noisy_label"] if not one.kind else [])]]
    if one.kind in ("", "gold"):
        kept.to_parquet(path, index=False)
        return path, "noisy_label" if not one.kind else "label"
    plain = out / f"{name}.{seed}.plain.parquet"
    kept.to_parquet(plain, index=False)
    mislabel(
        "corrupt", plain, "--label", "label", "--text", one.text, "--split", "split",
        "--kind", one.kind, "--rate", RATE, "--seed", seed, "-o", path,
    )  # fmt: skip
    plain.unlink()
    return path, "noisy_label"


def mislabel(*words: object) -> None:
    subprocess.run([sys.executable, "-m", "mislabel", *map(str, words)], check=True)


def write_table(out: Path) -> None:
    """cells.jsonl, and table.md with the mean over seeds, and the seeds one by one."""
    cells = [one for path in sorted(out.glob("*/metrics.json")) for one in read_cells(path)]
    (out / "cells.jsonl").write_text("".join(json.dumps(one) + "\n" for one in cells), encoding="utf-8")
    lines = [
        "| data | method | test accuracy (seeds) | macro F1 | ECE | detection AUROC (seeds) | noise rate: true, "
        "estimated | seconds | peak MB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    frame = pd.DataFrame(cells)
    order = {name: place for place, name in enumerate(SETS)}
    frame = frame.sort_values("data", key=lambda column: column.map(order), kind="stable")
    for (name, method), group in frame.groupby(["data", "method"], sort=False):
        noise = np.array(group["noise"].tolist(), dtype=float).mean(0)
        lines.append(
            f"| {name} | {method} | {spread(group['accuracy'])} | {mean(group['macro_f1'])} | {mean(group['ece'])} | "
            f"{spread(group['auroc'])} | {mean(group['noise_true'])}, {100 * noise[0]:.1f} "
            f"({100 * noise[1]:.1f} to {100 * noise[2]:.1f}) | {group['seconds'].mean():.0f} | "
            f"{group['memory_mb'].mean():.0f} |"
        )
    (out / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_side_by_side(frame, out)


def write_side_by_side(frame: pd.DataFrame, out: Path) -> None:
    """side_by_side.md: one table per measure, methods as columns, mean and standard deviation over seeds."""
    parts = []
    for measure, title in MEASURES.items():
        methods = [one for one in COLUMNS if one in set(frame["method"])]
        if measure == "auroc":  # of the run, not of one of its models
            methods = [one for one in methods if one not in ("dygen classifier", "dygen distilled")]
        lines = [f"| {title} | {' | '.join(methods)} |", "|---" * (len(methods) + 1) + "|"]
        for name, group in frame.groupby("data", sort=False):
            cells = [plus_minus(group.loc[group["method"] == one, measure]) for one in methods]
            lines.append(f"| {name} | {' | '.join(cells)} |")
        for label, planted in (("mean, planted", True), ("mean, real", False)):
            chosen = frame[frame["data"].str.contains("-") == planted]
            means = chosen.groupby(["method", "data"])[measure].mean().unstack("data").dropna()  # those run on all
            if len(means):
                average = means.mean(axis=1)
                cells = [f"{100 * average[one]:.1f}" if one in average else "-" for one in methods]
                lines.append(f"| {label} | {' | '.join(cells)} |")
        parts.append("\n".join(lines))
    (out / "side_by_side.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def plus_minus(values: pd.Series) -> str:
    """Mean and standard deviation over seeds, in hundredths."""
    if not len(values) or values.isna().any():
        return "-"
    return f"{100 * values.mean():.1f}" + (f" ± {100 * values.std():.1f}" if len(values) > 1 else "")


def read_cells(path: Path) -> list[dict]:
    """The lines that one run gives: the shipped model's, and those of DyGen's classifier and generative model."""
    name, seed, method = path.parent.name.split(".")
    metrics = json.loads(path.read_text(encoding="utf-8"))
    shared = {
        "data": name,
        "seed": int(seed),
        "auroc": metrics.get("detection", {}).get("auroc"),
        "noise_true": metrics["noise_rate"]["true"],
        "noise": [metrics["noise_rate"][part] for part in ("estimate", "low", "high")],
        "seconds": metrics["seconds"]["total"],
        "stages": metrics.get("seconds_by_stage", {}),
        "memory_mb": metrics["peak_memory_mb"]["process"],
    }
    parts = {method: metrics["test"]}
    if "generative" in metrics["test"]:
        test = metrics["test"]
        parts = {f"{method} classifier": test["classifier"], f"{method} generative": test["generative"]} | {
            f"{method} distilled": test
        }
    wanted = ("accuracy", "macro_f1", "ece")
    return [{**shared, "method": part, **{one: test[one] for one in wanted}} for part, test in parts.items()]


def mean(values: pd.Series) -> str:
    return f"{100 * values.mean():.1f}"


def spread(values: pd.Series) -> str:
    """Mean, and every seed in brackets, in hundredths."""
    if values.isna().any():
        return "-"
    numbers = [f"{100 * value:.1f}" for value in values]
    return f"**{100 * values.mean():.1f}**" + (f" ({', '.join(numbers)})" if len(numbers) > 1 else "")


if __name__ == "__main__":
    main()
