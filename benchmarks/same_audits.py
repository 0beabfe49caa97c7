"""Do two versions of the code give the same audits? Record runs with each, then compare the recordings.

    python benchmarks/same_audits.py record FOLDER          makes the runs in FOLDER, and FOLDER/digests.json
    python benchmarks/same_audits.py compare BEFORE AFTER   says what is equal; exit code 1 on a difference

Five groups of runs, all through the command line, so that the package may be rebuilt in between: text with the whole
encoder, text with a head, images from random weights, features, and a review whose decisions come from files. The data
are the project's messages and scikit-learn's digits. What differs from run to run is left out (`run_facts.py`).
Recordings compare where the same libraries made them on the same kind of processor; `compare` says where not.
"""

import argparse
import csv
import json
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from PIL import Image
from run_facts import folder_facts
from sklearn.datasets import load_digits

REPOSITORY = Path(__file__).resolve().parents[1]
LIBRARIES = ("torch", "transformers", "accelerate", "numpy", "scipy", "scikit-learn", "pandas", "pyarrow")
CPU = ("--device", "cpu", "--seed", "0")
MESSAGES = ("--text", "text", "--gold", "gold", "--id", "id", "--split", "split", "--missing", "drop")
PIXELS = ("--features", "pixel_*", "--label", "label", "--gold", "gold", "--id", "id", "--split", "split")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("record").add_argument("folder", type=Path)
    comparing = commands.add_parser("compare")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "record":
        record(arguments.folder.resolve())
    else:
        sys.exit(compare(read_recording(arguments.before), read_recording(arguments.after)))


def record(folder: Path) -> None:
    """Make the data and the runs in an empty folder, and write down what they hold."""
    if folder.exists() and any(folder.iterdir()):
        sys.exit(f"{folder} is not empty: name a new folder")
    write_messages(folder)
    write_digits(folder)
    started = time.perf_counter()
    for runs in (text_full, text_head, images, features, review):
        runs(folder)
        print(f"{runs.__name__}: {time.perf_counter() - started:.0f} s so far")
    environment = {"processor": processor(), "python": platform.python_version()}
    environment |= {library: version(library) for library in LIBRARIES}
    recording = {"environment": environment, "facts": dict(folder_facts(folder, skipped=("digits", "digests.json")))}
    (folder / "digests.json").write_text(json.dumps(recording, indent=1, ensure_ascii=False))


def text_full(folder: Path) -> None:
    short = ("--lengthen", "0.3", "--max-length", "32")
    mislabel(folder, "train", "few.csv", *MESSAGES, "--label", "label", *short, *CPU, "--out", "full")
    mislabel(folder, "predict", "full", "few.csv", "--id", "id", "--device", "cpu", "-o", "full.parquet")


def text_head(folder: Path) -> None:
    mislabel(folder, "corrupt", "messages.csv", "--label", "gold", "--kind", "sym", "--rate", "0.3", "-o", "noisy.csv")
    for method, label in (("ido", "label"), ("dygen", "rule_label")):
        mislabel(
            folder, "audit", "messages.csv", *MESSAGES, "--label", label, "--method", method, *CPU, "--out", method
        )
        mislabel(folder, "predict", method, "messages.csv", "--id", "id", "--device", "cpu", "-o", f"{method}.csv")
    by_trajectory = ("--by", "trajectory", "--device", "cpu", "-o", "trajectory.jsonl")
    mislabel(folder, "predict", "dygen", "messages.csv", "--id", "id", *by_trajectory)


def images(folder: Path) -> None:
    small = ("--scratch", "resnet-small", "--resolution", "16", "--lengthen", "0.5")
    mislabel(folder, "train", "digits", *small, *CPU, "--out", "images")
    mislabel(folder, "predict", "images", "digits/test", "--device", "cpu", "-o", "images.csv")


def features(folder: Path) -> None:
    noise = ("--label", "gold", "--kind", "idn", "--features", "pixel_*", "--split", "split", "--rate", "0.3")
    mislabel(folder, "corrupt", "digits.csv", *noise, "-o", "noisy.parquet")
    mislabel(folder, "audit", "digits.csv", *PIXELS, "--score", "aum", *CPU, "--out", "features")
    mislabel(folder, "predict", "features", "digits.csv", "--id", "id", "--device", "cpu", "-o", "features.tsv")


def review(folder: Path) -> None:
    """Decisions of every kind on the run `ido`, brought in by two files, what is exported, and the next audit."""
    audit = pq.read_table(folder / "ido" / "audit.parquet").to_pylist()[:60]
    kinds = ("keep", "suggestion", "label", "unsure", "none")
    with open(folder / "decisions.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "decision", "label"])
        for row, kind in zip(audit, kinds * (len(audit) // len(kinds)), strict=True):
            writer.writerow([row["id"], kind, "billing" if kind == "label" else ""])
    mislabel(folder, "import-decisions", "ido", "decisions.csv")
    mislabel(folder, "export", "ido", "-o", "export.csv")
    with open(folder / "export.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    for line in lines[-40:]:  # what a person changes in a spreadsheet
        line["label"] = "technical"
    with open(folder / "changed.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, lines[0])
        writer.writeheader()
        writer.writerows(lines)
    mislabel(folder, "import-decisions", "ido", "changed.csv")
    for output, options in {
        "export.tsv": (),
        "export.jsonl": (),
        "export.parquet": (),
        "suggestions.csv": ("--take-suggestions", "0.9", "--unchecked"),
        "cleanlab.csv": ("--as", "cleanlab"),
        "tasks.json": ("--as", "label-studio"),
    }.items():
        mislabel(folder, "export", "ido", "-o", output, *options)
    mislabel(folder, "report", "ido")
    decided = ("--label", "label", "--decisions", "ido")
    mislabel(folder, "audit", "messages.csv", *MESSAGES, *decided, *CPU, "--out", "decided")


def mislabel(folder: Path, *arguments: str) -> None:
    """Run a command of this repository's mislabel in the folder, with one thread."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    environment["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY / "src"), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "mislabel", *arguments, "--json"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"mislabel {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
    printed = folder / "printed"
    printed.mkdir(exist_ok=True)
    name = f"{len(list(printed.iterdir())):02d}-{arguments[0]}.json"
    (printed / name).write_text(done.stdout)


def write_messages(folder: Path) -> None:
    """messages.csv, the first half of the project's messages, and few.csv, the first 200."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(REPOSITORY / "examples" / "messages" / "messages.csv", newline="") as file:
        header, *rows = csv.reader(file)
    for name, size in (("messages.csv", 450), ("few.csv", 200)):
        with open(folder / name, "w", newline="") as file:
            csv.writer(file).writerows([header, *rows[:size]])


def write_digits(folder: Path) -> None:
    """400 digits twice: pictures in folders by split and class, and a table of pixels; every fourth label is wrong."""
    loaded = load_digits()
    with open(folder / "digits.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "label", "gold", "split", *(f"pixel_{k:02d}" for k in range(64))])
        for row, (pixels, digit) in enumerate(zip(loaded.data[:400], loaded.target[:400], strict=True)):
            split = "test" if row % 5 == 0 else "train"
            given = (digit + row) % 10 if row % 4 == 1 and split == "train" else digit
            writer.writerow([f"d{row:04d}", f"digit {given}", f"digit {digit}", split, *pixels.astype(int)])
            path = folder / "digits" / split / f"digit {given}" / f"d{row:04d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray((pixels.reshape(8, 8) * 255 / 16).astype(np.uint8)).resize((32, 32)).save(path)


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.split(": ")[1] for line in lines if line.startswith("model name")), platform.processor())


def read_recording(folder: Path) -> dict[str, dict[str, str]]:
    return json.loads((folder / "digests.json").read_text())


def compare(before: dict[str, dict[str, str]], after: dict[str, dict[str, str]]) -> int:
    """Print a line for each file; 1 where one differs."""
    for name, value in before["environment"].items():
        if after["environment"].get(name) != value:
            print(f"note: {name} was {value}, now {after['environment'].get(name)}")
    files: dict[str, list[str]] = {}
    for item in dict.fromkeys([*before["facts"], *after["facts"]]):
        files.setdefault(item.split(": ")[0], []).append(item)
    differing = 0
    for file, names in files.items():
        changed = [name for name in names if before["facts"].get(name) != after["facts"].get(name)]
        differing += bool(changed)
        print(f"{'different' if changed else 'equal':10} {file:40} {len(names) - len(changed)} of {len(names)} equal")
        if changed:
            print_difference(changed[0], before["facts"], after["facts"])
    print(f"{len(files) - differing} of {len(files)} files equal")
    return int(differing > 0)


def print_difference(item: str, before: dict[str, str], after: dict[str, str]) -> None:
    for when, recording in (("before", before), ("after", after)):
        print(f"    {when:7} {item}: {recording.get(item, 'not there')[:200]}")


if __name__ == "__main__":
    main()
