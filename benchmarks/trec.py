"""The table of README: plain fine-tuning and IDO on TREC with planted noise, and on TREC labelled by rules.

    python benchmarks/trec.py --data-dir DIR --out DIR [--seeds 3] [--kinds asym,sym,idn,gold,rules] [--methods ce,ido]

DIR holds trec.parquet (columns text, label, split) and wrench_trec.parquet (also noisy_label, -1 where no rule spoke).
Every cell is a run of the commands that README names, with their defaults: `corrupt` with the seed's noise, then
`train` with the seed. Cells that are finished are not run again, so a killed benchmark goes on where it was.
Results: OUT/cells.jsonl, OUT/table.md.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

RATE = 0.4
PLANTED = ("asym", "sym", "idn")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--kinds", default="asym,sym,idn,rules,gold")
    parser.add_argument("--methods", default="ce,ido")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for seed in range(given.seeds):  # outermost: a killed benchmark has a whole row of the table rather than a column
        for kind in given.kinds.split(","):
            for method in given.methods.split(","):
                if (seed and kind not in PLANTED) or (kind == "gold" and method != "ce"):
                    continue
                cell(kind, seed, method, given.data_dir, given.out)
                write_table(given.out)


def cell(kind: str, seed: int, method: str, data: Path, out: Path) -> None:
    """One run, unless it is there already."""
    run = out / f"{kind}-{seed}-{method}"
    if (run / "metrics.json").is_file():
        return
    source, label = prepare(kind, seed, data, out)
    mislabel(
        "train", source, "--text", "text", "--label", label, "--gold", "label", "--split", "split",
        "--missing", "drop", "--method", method, "--seed", seed, "--out", run, "--overwrite",
    )  # fmt: skip
    (run / "model" / "model.safetensors").unlink()  # 90 MB a cell, and the table does not need it


def prepare(kind: str, seed: int, data: Path, out: Path) -> tuple[Path, str]:
    """The table to train on, and the name of its label column."""
    if kind == "gold":
        return data / "trec.parquet", "label"
    if kind == "rules":
        path = out / "rules.parquet"
        frame = pd.read_parquet(data / "wrench_trec.parquet")
        frame[frame["split"] != "seed"].to_parquet(path)  # those were labelled by hand, to write the rules
        return path, "noisy_label"
    path = out / f"{kind}-{seed}.parquet"
    mislabel(
        "corrupt", data / "trec.parquet", "--label", "label", "--text", "text", "--split", "split",
        "--kind", kind, "--rate", RATE, "--seed", seed, "-o", path,
    )  # fmt: skip
    return path, "noisy_label"


def mislabel(*words: object) -> None:
    subprocess.run([sys.executable, "-m", "mislabel", *map(str, words)], check=True)


def write_table(out: Path) -> None:
    """cells.jsonl, and table.md with mean, and the seeds one by one."""
    cells = []
    for path in sorted(out.glob("*/metrics.json")):
        kind, seed, method = path.parent.name.split("-")
        metrics = json.loads(path.read_text(encoding="utf-8"))
        cells.append(
            {
                "kind": kind,
                "seed": int(seed),
                "method": method,
                "accuracy": metrics["test"]["accuracy"],
                "macro_f1": metrics["test"]["macro_f1"],
                "auroc": metrics.get("detection", {}).get("auroc"),
                "noise_true": metrics["noise_rate"]["true"],
                "noise": [metrics["noise_rate"][name] for name in ("estimate", "low", "high")],
                "seconds": metrics["seconds"]["total"],
                "memory_mb": metrics["peak_memory_mb"]["process"],
            }
        )
    (out / "cells.jsonl").write_text("".join(json.dumps(one) + "\n" for one in cells), encoding="utf-8")
    lines = [
        "| noise | method | test accuracy (seeds) | macro F1 | detection AUROC (seeds) | noise rate: true, estimated | "
        "seconds | peak MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    frame = pd.DataFrame(cells)
    for (kind, method), group in frame.groupby(["kind", "method"], sort=False):
        noise = np.array(group["noise"].tolist(), dtype=float).mean(0)
        lines.append(
            f"| {kind} | {method} | {spread(group['accuracy'])} | {100 * group['macro_f1'].mean():.1f} | "
            f"{spread(group['auroc'])} | {100 * group['noise_true'].mean():.1f}, {100 * noise[0]:.1f} "
            f"({100 * noise[1]:.1f} to {100 * noise[2]:.1f}) | {group['seconds'].mean():.0f} | "
            f"{group['memory_mb'].mean():.0f} |"
        )
    (out / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def spread(values: pd.Series) -> str:
    """Mean, and every seed in brackets, in hundredths."""
    if values.isna().any():
        return "-"
    numbers = [f"{100 * value:.1f}" for value in values]
    return f"**{100 * values.mean():.1f}**" + (f" ({', '.join(numbers)})" if len(numbers) > 1 else "")


if __name__ == "__main__":
    main()
