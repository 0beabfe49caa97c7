"""IDO, DyGen and plain training on CIFAR-10N, from random weights: the table of README's section on images.

    python benchmarks/images.py --data-dir DIR --out DIR [--rows 10000] [--test-rows 2000] [--seeds 1]
                                [--scratch resnet-small] [--methods ce,ce-wave,ido,dygen] [--lengthen 8]
                                [--device auto]

DIR holds cifar10n_train_0.parquet, cifar10n_train_1.parquet and cifar10_test.parquet (columns image, label and
worse_label, whose errors are those of people: 40 % are wrong). Rows are drawn with the seed; 0 takes all of them. At
full size on a GPU: --rows 0 --test-rows 0 --scratch resnet-18.
Every cell is one `mislabel train` with the defaults of its method. Cells that are finished are not run again.
Results: OUT/cells.jsonl, OUT/table.md. AUROC of wrong events and of the last epoch's loss are those of plain training.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

METHODS = {
    "ce": ("plain, last epoch", ["--method", "ce"]),
    "ce-wave": ("plain, stopped by label wave", ["--method", "ce", "--option", "stop=label_wave"]),
    "ido": ("IDO", ["--method", "ido"]),
    "dygen": ("DyGen", ["--method", "dygen"]),
}
COLUMNS = ["--image", "image", "--label", "worse_label", "--gold", "label", "--id", "id", "--split", "split"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--test-rows", type=int, default=2_000)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--scratch", default="resnet-small")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--lengthen", type=float, help="factor on all epochs, as `mislabel train` takes it")
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for seed in range(given.seeds):
        table = drawn(given.data_dir, given.out, given.rows, given.test_rows, seed)
        for method in given.methods.split(","):
            run = given.out / f"{method}.{seed}"
            if not (run / "metrics.json").is_file():
                longer = ["--lengthen", given.lengthen] if given.lengthen else []
                words = [
                    "train", table, *COLUMNS, "--scratch", given.scratch, *METHODS[method][1], "--seed", seed, *longer,
                    "--device", given.device, "--out", run, "--overwrite",
                ]  # fmt: skip
                subprocess.run([sys.executable, "-m", "mislabel", *map(str, words)], check=True)
            write_table(given.out)


def drawn(data: Path, out: Path, rows: int, test_rows: int, seed: int) -> Path:
    """The table to train on: some of the training images, and some of the test images."""
    path = out / f"cifar10n.{seed}.parquet"
    if path.is_file():
        return path
    train = pd.concat([pd.read_parquet(data / f"cifar10n_train_{part}.parquet") for part in (0, 1)])
    test = pd.read_parquet(data / "cifar10_test.parquet")
    parts = []
    for name, frame, count in (("train", train, rows), ("test", test, test_rows)):
        some = frame.sample(count, random_state=seed) if count else frame
        given = some["worse_label"] if name == "train" else some["label"]
        parts.append(
            pd.DataFrame(
                {
                    "id": [f"{name}-{place}" for place in some["index"]],
                    "image": some["image"],
                    "worse_label": given.astype("int32"),
                    "label": some["label"].astype("int32"),
                    "split": name,
                }
            )
        )
    pd.concat(parts).to_parquet(path, index=False)
    return path


def cell(run: Path) -> dict:
    """What a run brought."""
    method, seed = run.name.split(".")
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    audit = pd.read_parquet(run / "audit.parquet").set_index("id")
    ids = pd.read_parquet(run / "dynamics" / "ids.parquet")["id"]
    rows = audit.loc[ids]
    wrong = (rows["given_label"] != rows["gold_label"]).to_numpy(dtype=bool)
    last_loss = np.load(run / "dynamics" / "loss.npy", mmap_mode="r")[-1]
    found = {
        "method": method,
        "seed": int(seed),
        "accuracy": metrics["test"]["accuracy"],
        "macro_f1": metrics["test"]["macro_f1"],
        "auroc": metrics["detection"]["auroc"],
        "wrong_events": float(roc_auc_score(wrong, rows["wrong_events"])),
        "last_loss": float(roc_auc_score(wrong, last_loss)),
        "noise": metrics["noise_rate"],
        "seconds": metrics["seconds"]["total"],
        "memory_mb": metrics["peak_memory_mb"]["process"],
    }
    for part in ("classifier", "generative"):
        if part in metrics["test"]:
            found[part] = metrics["test"][part]["accuracy"]
    return found


def write_table(out: Path) -> None:
    cells = [cell(path.parent) for path in sorted(out.glob("*/metrics.json"))]
    (out / "cells.jsonl").write_text("".join(json.dumps(one) + "\n" for one in cells), encoding="utf-8")
    frame = pd.DataFrame(cells)
    lines = [
        "| method | test accuracy | macro F1 | detection AUROC | noise rate: true, estimated | seconds |",
        "|---|---|---|---|---|---|",
    ]
    for method, (title, _) in METHODS.items():
        group = frame[frame["method"] == method]
        if not len(group):
            continue
        noise = pd.DataFrame(group["noise"].tolist())
        lines.append(
            f"| {title} | {shown(group['accuracy'])} | {shown(group['macro_f1'])} | {shown(group['auroc'])} | "
            f"{100 * noise['true'].mean():.1f}, {100 * noise['estimate'].mean():.1f} | {group['seconds'].mean():.0f} |"
        )
    plain = frame[frame["method"] == "ce"]
    if len(plain):
        lines += [
            "",
            f"Plain training's own evidence: AUROC of wrong events {shown(plain['wrong_events'])}, of the last epoch's "
            f"loss {shown(plain['last_loss'])}.",
        ]
    (out / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def shown(values: pd.Series) -> str:
    """Mean and standard deviation over seeds, in hundredths."""
    return f"{100 * values.mean():.1f}" + (f" ± {100 * values.std():.1f}" if len(values) > 1 else "")


if __name__ == "__main__":
    main()
