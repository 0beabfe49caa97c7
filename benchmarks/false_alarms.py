"""How many right labels each method calls wrong, and what its gate costs: before it and after it.

    python benchmarks/false_alarms.py --data-dir DIR --out OUT [--data NAME ...] [--methods NAME ...] [--seeds N]

Heads on features: made clouds, clean tables of scikit-learn, planted errors and labels by rules and people on the
embeddings of a frozen MiniLM. A row is flagged where it is judged and more likely wrong than right. *Before* is the
method's own posterior, the audit's column `p_mislabeled_by_method`; *after* is `p_mislabeled`. Gold scores, nothing
else. OUT keeps a file for each run, and goes on where it stopped; the tables at the end are Markdown.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from guard import read
from sklearn import datasets
from sklearn.metrics import average_precision_score, roc_auc_score

from mislabel import FeatureClassifier
from mislabel.bench.suites import read_suite
from mislabel.errors import NotAssessed
from mislabel.methods import METHODS
from mislabel.noise import corrupt
from mislabel.noise.corrupt import KINDS, Kind

Rows = tuple[np.ndarray, np.ndarray, np.ndarray]  # features (n, d), given and gold labels (n,)
MOST_TEXTS = 1500
SUITE = Path(__file__).parent / "evidence.toml"


def clouds(classes: int, width: int, rows: int, apart: float = 6.0) -> Callable[[int], Rows]:
    """Classes around points of their own, each a unit Gaussian, all labels right."""

    def make(seed: int) -> Rows:
        random, y = np.random.default_rng(seed), np.arange(rows) % classes
        centres = apart * np.eye(classes, width)
        return centres[y] + random.normal(size=(rows, width)), y, y

    return make


def unrelated(seed: int) -> Rows:
    """Labels that are drawn beside the features."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 4, 400)
    return random.normal(size=(400, 8)), y, y


def few(seed: int) -> Rows:
    """40 rows of 4 classes, of which 7 labels are wrong."""
    points, y, _ = clouds(4, 4, 40)(seed)
    random, given = np.random.default_rng(seed + 1000), y.copy()
    rows = random.permutation(40)[:7]
    given[rows] = (y[rows] + random.integers(1, 4, 7)) % 4
    return points, given, y


def few_unrelated(seed: int) -> Rows:
    """40 rows whose features say nothing of the labels."""
    random = np.random.default_rng(seed)
    y = np.arange(40) % 4
    given = y.copy()
    given[:7] = (y[:7] + 1) % 4
    return random.normal(size=(40, 16)), given, y


def constant(seed: int) -> Rows:
    """Features that are the same but for rounding."""
    y = np.arange(400) % 4
    return np.ones((400, 4)) + 1e-9 * np.random.default_rng(seed).normal(size=(400, 4)), y, y


def table(name: str) -> Callable[[int], Rows]:
    """A clean table of scikit-learn."""

    def make(seed: int) -> Rows:
        bunch = getattr(datasets, f"load_{name}")()
        return bunch.data, bunch.target, bunch.target

    return make


def planted(make: Callable[[int], Rows], kind: Kind, rate: float) -> Callable[[int], Rows]:
    def corrupted(seed: int) -> Rows:
        points, _, gold = make(seed)
        random = np.random.default_rng(seed + 77)
        features = points if kind == "idn" else None
        return points, corrupt(gold, kind, rate, int(gold.max()) + 1, random, features=features).codes, gold

    return corrupted


def texts(name: str, data_dir: Path, out: Path) -> Callable[[int], Rows]:
    """The first training rows of a data set of the suite, embedded once."""

    def make(seed: int) -> Rows:
        source = read_suite(str(SUITE)).with_data([name])[0]
        points, given, gold, train = read(source, data_dir, out)
        rows = np.flatnonzero(train & (gold >= 0) & (given >= 0))[:MOST_TEXTS]
        return points[rows], given[rows], gold[rows]

    return make


def cells(data_dir: Path, out: Path) -> dict[str, Callable[[int], Rows]]:
    """All data sets by name; clean ones first."""
    digits, trec = table("digits"), texts("trec-right", data_dir, out)
    noisy = {
        f"{name}-{kind}-{round(100 * rate)}": planted(make, kind, rate)
        for name, make in (("digits", digits), ("trec", trec))
        for kind in KINDS
        for rate in (0.2, 0.4)
    }
    return {
        "clouds-4": clouds(4, 4, 400),
        "clouds-4-wide": clouds(4, 20, 400),
        "clouds-2": clouds(2, 2, 400),
        "clouds-10": clouds(10, 10, 400),
        "clouds-near": clouds(4, 4, 400, 3.0),
        "iris": table("iris"),
        "wine": table("wine"),
        "breast_cancer": table("breast_cancer"),
        "digits": digits,
        "trec-right": trec,
        "agnews-right": texts("agnews-right", data_dir, out),
        "few": few,
        "few-unrelated": few_unrelated,
        "unrelated": unrelated,
        "constant": constant,
        "clouds-4-sym-5": planted(clouds(4, 4, 400), "sym", 0.05),
        "clouds-4-sym-20": planted(clouds(4, 4, 400), "sym", 0.2),
        "digits-sym-5": planted(digits, "sym", 0.05),
        **noisy,
        **{name: texts(name, data_dir, out) for name in ("wrench_trec", "wrench_semeval", "agnews")},
    }


def audited(rows: Rows, method: str, seed: int) -> dict[str, np.ndarray]:
    """What a run says of its rows, in the order of the input."""
    points, given, gold = rows
    began = time.perf_counter()
    try:
        frame = FeatureClassifier(method=method, seed=seed, device="cpu").fit(points, given.tolist()).audit_.table
    except NotAssessed:
        return {"wrong": given != gold, "judged": np.zeros(len(given), dtype=bool)}
    frame = frame.sort_values("row")
    after = frame["p_mislabeled"].to_numpy(dtype=np.float64)
    before = frame["p_mislabeled_by_method"].to_numpy(dtype=np.float64) if "p_mislabeled_by_method" in frame else after
    return {
        "wrong": given != gold,
        "judged": (frame["status"] == "judged").to_numpy(),
        "before": before,
        "after": after,
        "suggested": (frame["suggested_label"].to_numpy() == gold),
        "predicted": (frame["predicted_label"].to_numpy() == given),
        "seconds": np.array(time.perf_counter() - began),
    }


def summary(name: str, seed: int, method: str, kept: dict[str, np.ndarray]) -> Iterator[dict[str, Any]]:
    """Rows flagged, how many of them are wrong, and how well rows are ranked, before and after."""
    wrong, judged = kept["wrong"], kept["judged"]
    for when in ("before", "after"):
        if when not in kept or not np.isfinite(kept[when]).any():
            yield {"data": name, "seed": seed, "method": method, "when": when, "rows": len(wrong), "judged": 0}
            continue
        score = np.nan_to_num(kept[when])
        flagged = score > 0.5 if when == "before" else judged & (score > 0.5)
        line: dict[str, Any] = {"data": name, "seed": seed, "method": method, "when": when, "rows": len(wrong)}
        line |= {"judged": judged.sum(), "flagged": flagged.sum(), "hit": (flagged & wrong).sum(), "wrong": wrong.sum()}
        if 0 < wrong.sum() < len(wrong):
            line |= {"auroc": roc_auc_score(wrong, score), "ap": average_precision_score(wrong, score)}
        yield line


def tables(lines: list[dict[str, Any]]) -> str:
    """For each data set and method what is flagged, and how well rows are ranked, in percent, before → after."""
    means: dict[tuple[str, str, str], dict[str, float]] = {}
    for key in {(line["data"], line["method"], line["when"]): None for line in lines}:
        some = [line for line in lines if (line["data"], line["method"], line["when"]) == key]
        counted = {name for line in some for name in line} - {"data", "method", "when"}
        means[key] = {name: float(np.mean([line[name] for line in some if name in line])) for name in counted}
    shares: dict[str, Callable[[dict[str, float]], float | None]] = {
        "% of rows flagged": lambda row: row["flagged"] / row["rows"],
        "% of flagged rows wrong": lambda row: row["hit"] / row["flagged"] if row["flagged"] and row["wrong"] else None,
        "% of wrong rows flagged": lambda row: row["hit"] / row["wrong"] if row["wrong"] else None,
        "AUROC": lambda row: row.get("auroc"),
        "average precision": lambda row: row.get("ap"),
    }
    methods = list(dict.fromkeys(method for _, method, _ in means))
    text = []
    for title, share in shares.items():
        text += [f"### {title}", "", f"| data | {' | '.join(methods)} |", "|---" * (1 + len(methods)) + "|"]
        for name in dict.fromkeys(data for data, _, _ in means):
            cells = [cell(means, name, method, share) for method in methods]
            if any(cells):
                text.append(f"| {name} | {' | '.join(cells)} |")
        text.append("")
    return "\n".join(text)


def cell(means: dict, name: str, method: str, share: Callable[[dict[str, float]], float | None]) -> str:
    """``12.3 → 0.4``; "-" for what is not assessed, empty where there is nothing to say."""
    shown = []
    for when in ("before", "after"):
        row = means.get((name, method, when))
        if row is None:
            return ""
        value = share(row) if "flagged" in row else None
        shown.append("-" if "flagged" not in row else "" if value is None else f"{100 * value:.1f}")
    return " → ".join(shown) if any(shown) and shown != ["-", "-"] else "-" if "-" in shown else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="keeps tables, embeddings, and what runs said")
    parser.add_argument("--data", nargs="*", default=[])
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    known, lines = cells(given.data_dir, given.out), []
    (given.out / "runs").mkdir(parents=True, exist_ok=True)
    for name in given.data or known:
        for seed in range(given.seeds):
            rows = None
            for method in given.methods:
                path = given.out / "runs" / f"{name}.{seed}.{method}.npz"
                if not path.is_file():
                    rows = rows or known[name](seed)
                    np.savez(path, allow_pickle=False, **audited(rows, method, seed))
                with np.load(path) as kept:
                    lines += summary(name, seed, method, dict(kept))
                print(*(f"{key}={value}" for key, value in lines[-1].items()), flush=True)
    print(tables(lines))


if __name__ == "__main__":
    main()
