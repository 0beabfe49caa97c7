"""What a review brings: a simulated reviewer answers with gold labels, and the model is trained again.

    python benchmarks/review_simulation.py --data agnews.parquet --out results

draws training rows with labels that people got wrong, and test rows; for each seed and method trains as
`mislabel audit` does, decides rows in each order as `mislabel review` would show them, and trains again with what was
decided, after each number of decisions. Test rows are scored by their gold labels; nothing else sees gold but the
reviewer. Then the estimate of the number of wrong labels, from reviews worst first with random rows mixed in; none with
`--looks ''`.
Writes table.md, plot.svg and numbers.json. Seed k draws the rows and seeds the training; the same for all orders.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mislabel.decisions.estimates import count_wrong
from mislabel.decisions.events import Decision
from mislabel.decisions.reviewed import reviewed_rows
from mislabel.decisions.store import Store
from mislabel.modalities.loading import load_dataset
from mislabel.review.queue import make_queue
from mislabel.run.about import describe
from mislabel.run.folder import RunFolder
from mislabel.run.prior_decisions import apply_decisions
from mislabel.run.reading import Run
from mislabel.run.settings import RunConfig
from mislabel.run.train_and_judge import run
from mislabel.run.trust_looks import SEED
from mislabel.training.progress import Quiet

COLUMNS = {"text": "text", "label": "noisy_label", "gold": "label", "id": "id", "split": "split"}
DRAWS = 200  # reviews by which the estimate is tried, beside the first that the table shows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="Parquet with text, label (gold), noisy_label, split.")
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--test-rows", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--methods", default="ido,panel", help="Comma-separated; the first gives the audit for the estimate."
    )
    parser.add_argument("--orders", default="trust,random,worst,gain")
    parser.add_argument("--decisions", default="0,50,100,200,400")
    parser.add_argument("--probe", type=float, default=0.1)
    parser.add_argument("--looks", default="100,200,400,800,1600", help="After which the wrong labels are estimated.")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    counts, looks = ([int(word) for word in words.split(",") if word] for words in (given.decisions, given.looks))
    given.out.mkdir(parents=True, exist_ok=True)
    retrained, estimated = [], []
    for seed in range(given.seeds):
        with tempfile.TemporaryDirectory() as temporary:
            home, frame = Path(temporary), draw(given.data, given.rows, given.test_rows, seed)
            for place, method in enumerate(given.methods.split(",")):
                before = train(frame, method, seed, home / f"{method}-before", home)
                if looks and not place:
                    estimated += list(estimates(before, frame, given.probe, looks, seed))
                retrained += list(reviews(frame, before, method, seed, given.orders.split(","), counts, home))
                write(given, retrained, estimated)


def draw(path: Path, rows: int, test_rows: int, seed: int) -> pd.DataFrame:
    """Training rows that have a noisy label, and test rows, whose given label is the gold one: nothing looks at it."""
    frame, random = pd.read_parquet(path), np.random.default_rng(seed)
    parts = []
    for name, count in (("train", rows), ("test", test_rows)):
        part = frame[(frame["split"] == name) & ((name == "test") | (frame["noisy_label"] >= 0))]
        parts.append(part.iloc[np.sort(random.choice(len(part), min(count, len(part)), replace=False))])
    drawn = pd.concat(parts)
    drawn["id"] = [f"row-{k}" for k in drawn.index]
    held_out = drawn["split"] == "test"
    drawn.loc[held_out, "noisy_label"] = drawn.loc[held_out, "label"]
    return drawn[["id", "text", "label", "noisy_label", "split"]].astype({"noisy_label": int}).reset_index(drop=True)


def train(
    frame: pd.DataFrame, method: str, seed: int, path: Path, home: Path, before: RunFolder | None = None
) -> RunFolder:
    """A run as `mislabel audit` makes it; the texts are embedded once for all runs in `home`."""
    dataset, told = load_dataset(frame, **COLUMNS, seed=seed), None
    if before is not None:
        dataset, told = apply_decisions(dataset, Run.open(before))
    config, folder, kept = RunConfig(method=method, tune="head", seed=seed), RunFolder(path), home / "embeddings.npy"
    with folder.locked():
        folder.prepare(describe(config, dataset, COLUMNS, told), resume=False, overwrite=False)
        if kept.is_file():
            os.link(kept, folder.embeddings)
        run(dataset, config, folder, decisions=told, progress=Quiet())
        if not kept.is_file():
            os.link(folder.embeddings, kept)
    return folder


def reviews(
    frame: pd.DataFrame, before: RunFolder, method: str, seed: int, orders: list[str], counts: list[int], home: Path
) -> Iterable[dict[str, Any]]:
    """A line for each order and number of decisions: how many were of wrong labels, and the scores after training."""
    for order in orders:
        with Store(home / f"{method}-{order}.sqlite") as store:
            queue = queue_of(before, store, order, max(counts), 0.0, seed)
        made = answers(before, frame, queue.rows, queue.probe)
        for count in counts:
            folder, begin = before, time.monotonic()
            if count:
                before.decisions.unlink(missing_ok=True)
                with Store(before.decisions) as store:
                    if order == "trust":  # by which the next run knows how probable each row was
                        store.remember(SEED, seeds(seed)[SEED])
                    store.decide(made[:count])
                folder = train(frame, method, seed, home / f"{method}-{order}-{count}", home, before)
            scores = folder.read_metrics()["test"]
            found = sum(bool(one.wrong) for one in made[:count])
            line = {"seed": seed, "method": method, "order": order, "decisions": count, "wrong_found": found}
            line |= {name: scores[name] for name in ("accuracy", "macro_f1")}
            line["seconds"] = round(time.monotonic() - begin, 1)
            print(json.dumps(line), flush=True)
            yield line
    before.decisions.unlink(missing_ok=True)


def estimates(
    folder: RunFolder, frame: pd.DataFrame, share: float, looks: list[int], seed: int
) -> Iterable[dict[str, Any]]:
    """For each number of looks: the estimate of one review, and how the estimates of many lie about the truth."""
    rows = Run.open(folder).rows
    judged = np.flatnonzero(rows.judged)
    rank = np.full(len(rows) + 1, -1)
    rank[judged] = np.arange(len(judged))
    found: dict[int, list[Any]] = {count: [] for count in looks}
    for review in range(DRAWS + 1):
        with tempfile.TemporaryDirectory() as temporary, Store(Path(temporary) / "decisions.sqlite") as store:
            queue = queue_of(folder, store, "worst", max(looks), share, 1000 * seed + review)
            store.decide(answers(folder, frame, queue.rows, queue.probe))
            history = store.history()
        for count in looks:
            found[count].append(
                count_wrong(reviewed_rows(history[:count], lambda ids: rank[rows.find(ids)], len(judged)))
            )
    gold = frame.set_index("id").loc[[rows.id(int(row)) for row in judged]]
    truth = int((gold["label"] != gold["noisy_label"]).sum())
    for count, (first, *others) in found.items():
        told = [one for one in others if one.estimate is not None]
        yield {
            "seed": seed,
            "looks": count,
            "truth": truth,
            **{name: value for name, value in asdict(first).items() if name != "depth"},
            "mean_of_reviews": float(np.mean([one.estimate for one in told])),
            "sd_of_reviews": float(np.std([one.estimate for one in told])),
            "reviews_covered": float(np.mean([one.low <= truth <= one.high for one in others])),
        }


def queue_of(folder: RunFolder, store: Store, order: str, budget: int, share: float, seed: int) -> Any:
    """The queue that `mislabel review` would show, with seeds that are known."""
    for name, value in seeds(seed).items():
        store.remember(name, value)
    return make_queue(Run.open(folder), store, order=order, budget=budget, share=share, progress=Quiet())


def seeds(seed: int) -> dict[str, int]:
    return {"probe_seed": seed, "order_seed": seed + 7, SEED: seed + 14}


def answers(folder: RunFolder, frame: pd.DataFrame, wanted: np.ndarray, probe: np.ndarray) -> list[Decision]:
    """What somebody decides who knows the gold labels."""
    rows, gold = Run.open(folder).rows, dict(zip(frame["id"], frame["label"].tolist(), strict=True))
    made = []
    for row, chance in zip(wanted.tolist(), probe.tolist(), strict=True):
        label, suggested = (rows.label(int(rows.labels[name][row])) for name in ("given_label", "suggested_label"))
        true = gold[rows.id(row)]
        kind = "keep" if true == label else "suggestion" if true == suggested else "label"
        made.append(Decision(rows.id(row), kind, true, label, chance))
    return made


def write(given: argparse.Namespace, retrained: list[dict[str, Any]], estimated: list[dict[str, Any]]) -> None:
    lines = pd.DataFrame(retrained)
    known = {name: str(value) for name, value in vars(given).items() if name not in ("out", "data")}
    numbers = {"settings": known | {"data": given.data.name}, "retrained": retrained, "estimated": estimated}
    (given.out / "numbers.json").write_text(json.dumps(numbers, indent=1), encoding="utf-8")
    parts = [accuracy_table(lines), found_table(lines)]
    if estimated:
        parts.append(estimate_table(pd.DataFrame(estimated), given.probe))
    (given.out / "table.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    plot(lines, given.out / "plot.svg")


def accuracy_table(lines: pd.DataFrame) -> str:
    counts = sorted(lines["decisions"].unique())
    text = ["Test accuracy in per cent after so many decisions, mean ± standard deviation over seeds.", ""]
    text += ["| method | order | " + " | ".join(map(str, counts)) + f" | gain, paired, at {counts[-1]} |"]
    text += ["|---|---|" + "---|" * (len(counts) + 1)]
    for (method, order), part in lines.groupby(["method", "order"], sort=False):
        table = 100 * part.pivot(index="seed", columns="decisions", values="accuracy")
        cells = [spread(table[count]) for count in counts] + [spread(table[counts[-1]] - table[counts[0]], "+")]
        text.append(f"| {method} | {order} | " + " | ".join(cells) + " |")
    return "\n".join(text)


def found_table(lines: pd.DataFrame) -> str:
    counts = [count for count in sorted(lines["decisions"].unique()) if count]
    text = ["Wrong labels found by then.", "", "| method | order | " + " | ".join(map(str, counts)) + " |"]
    text += ["|---|---|" + "---|" * len(counts)]
    for (method, order), part in lines.groupby(["method", "order"], sort=False):
        table = part.pivot(index="seed", columns="decisions", values="wrong_found")
        text.append(f"| {method} | {order} | " + " | ".join(spread(table[count]) for count in counts) + " |")
    return "\n".join(text)


def estimate_table(lines: pd.DataFrame, share: float) -> str:
    text = [
        f"Wrong labels among all judged rows, estimated worst first with {share:.0%} random rows; beside it {DRAWS} "
        "more reviews of the same audit with other random rows.",
        "",
        "| seed | looks | random rows that count | estimate | 95 % interval | truth | mean ± sd of the reviews | "
        "intervals that held it |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for line in lines.to_dict("records"):
        text.append(
            f"| {line['seed']} | {line['looks']} | {line['probes']} | {line['estimate']:.0f} | {line['low']} to "
            f"{line['high']} | {line['truth']} | {line['mean_of_reviews']:.0f} ± {line['sd_of_reviews']:.0f} | "
            f"{line['reviews_covered']:.1%} |"
        )
    return "\n".join(text)


def spread(values: pd.Series, sign: str = "") -> str:
    deviation = f" ± {values.std():.1f}" if len(values) > 1 else ""
    return f"{values.mean():{sign}.1f}{deviation}"


def plot(lines: pd.DataFrame, path: Path) -> None:
    """Accuracy over decisions, a line for each order, side by side for each method."""
    methods = list(lines["method"].unique())
    figure = Figure(figsize=(4.6 * len(methods), 3.6), layout="constrained")
    for axes, method in zip(figure.subplots(1, len(methods), sharey=True, squeeze=False)[0], methods, strict=True):
        for order, part in lines[lines["method"] == method].groupby("order", sort=False):
            found = 100 * part.groupby("decisions")["accuracy"].agg(["mean", "std"]).fillna(0.0)
            axes.errorbar(found.index, found["mean"], found["std"], marker="o", markersize=4, capsize=3, label=order)
        axes.set_title(method, loc="left")
        axes.set_xlabel("decisions by a simulated reviewer")
        axes.grid(axis="y", alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("test accuracy, %")
    figure.axes[0].legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
