"""Time of an epoch beside the passes that each method's definition demands, as multiples of a plain epoch.

    python benchmarks/epochs.py [--methods ido,divide_mix] [--repeats 3] [--processor] [--out FILE.md]

Whole encoder, the messages that come with the project, one epoch of every stage of every method, with a plain epoch
before and after each: what the machine does meanwhile falls on both. A backward pass counts as two forward ones. The
floor is what the passes would take if nothing else cost time; a stage's time includes its losses, mixtures, recording
and evaluation. What runs between stages (neighbours and generative models of dygen and npc) is listed by itself.
"""

import argparse
import time
from dataclasses import fields
from pathlib import Path
from statistics import median

import numpy as np
import torch

from mislabel.data.sorted_classes import with_sorted_classes
from mislabel.errors import InputError
from mislabel.methods import METHODS
from mislabel.modalities.loading import load_dataset
from mislabel.run.preparation import prepare
from mislabel.run.settings import RunConfig
from mislabel.run.train_and_judge import kept_weights, train
from mislabel.training.cost import passes
from mislabel.training.progress import Quiet

MESSAGES = Path(__file__).resolve().parent.parent / "examples" / "messages" / "messages.csv"
TARGET = 1.15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", default=",".join(name for name in METHODS if name != "ce"))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--processor", action="store_true", help="Count its seconds, where others use the machine.")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if given.processor:
        time.perf_counter = time.process_time
    dataset = load_dataset(MESSAGES, text="text", label="label", id="id", split="split")
    dataset = with_sorted_classes(dataset)
    rows = 0

    def seconds(method: str) -> tuple[list, dict[str, float]]:
        nonlocal rows
        options = {one.name: 1 for one in fields(METHODS[method].make) if one.name.endswith("epochs")}
        job = prepare(dataset, RunConfig(method=method, tune="full", options=options), None, Quiet())
        with kept_weights(job.stages, None, len(job.held_out)) as weights:
            history = train(job, weights, {}, resume=False)[2]
        rows = len(job.trained)
        return job.stages, history.parts

    seconds("ce")  # warms caches
    found: dict[tuple[str, str], list[float]] = {}
    floors: dict[tuple[str, str], tuple[float, float, float]] = {}
    between: dict[tuple[str, str], list[float]] = {}
    for _ in range(given.repeats):
        for method in given.methods.split(","):
            before = seconds("ce")[1]["train"]
            try:
                stages, parts = seconds(method)
            except InputError as error:  # a method of frozen encoders alone
                print(f"{method}: {error}", flush=True)
                continue
            plain = (before + seconds("ce")[1]["train"]) / 2
            for stage in (one for one in stages if one.epochs):
                key, demanded = (method, stage.name), passes(stage)
                floors[key] = (demanded.both, demanded.forward, demanded.floor)
                found.setdefault(key, []).append(parts[stage.name] / stage.epochs / plain)
                between.setdefault(key, []).append(parts[f"{stage.name}.start"] / plain)
            print(method, {name: round(value, 2) for name, value in parts.items()}, f"plain {plain:.2f} s", flush=True)
    processor = " --processor" if given.processor else ""
    lines = [
        "# Time of an epoch beside the passes that methods demand",
        "",
        f"`python benchmarks/epochs.py --repeats {given.repeats}{processor}`: MiniLM and the messages that come with",
        f"the project, {rows} rows, {torch.get_num_threads()} thread(s), median of {given.repeats}; in multiples of a "
        "plain epoch.",
        "",
        "| method | stage | forward and backward | forward alone | floor | measured | measured / floor | before it |",
        "|---|---|---|---|---|---|---|---|",
    ]
    worst = 0.0
    for key, values in found.items():
        both, forward, floor = floors[key]
        ratio = median(values) / floor
        worst = max(worst, ratio)
        lines.append(
            f"| {key[0]} | {key[1]} | {both:g} | {forward:g} | {floor:.2f} | {median(values):.2f} | {ratio:.2f} | "
            f"{np.median(between[key]):.2f} |"
        )
    lines += ["", f"Largest ratio to the floor: {worst:.2f} (target: {TARGET})."]
    print("\n".join(lines))
    if given.out:
        given.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
