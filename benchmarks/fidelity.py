"""Do methods bring here what their papers say? Each claim beside the same comparison at the size of two cores.

    python benchmarks/fidelity.py --data-dir DIR --out OUT [--data NAME ...] [--seeds 1] [--done]

The data are those of `fidelity.toml`, the claims stand below: a method, what it is better than, on which data, and test
accuracies that were published. A claim holds where the gain is positive and larger than the standard error of a
difference of two accuracies (as if they were of different test rows; over seeds their mean); it fails where the loss
is; else nothing is said. Cells are kept in OUT, so the same command goes on. Prints a Markdown table, a line as soon as
it is known; all of it takes some hours of two idle cores. With --done it trains nothing, and tells of what is there.
"""

import json
from dataclasses import dataclass, replace
from statistics import mean

import numpy as np
import pandas as pd
from suite_arguments import suite_arguments

from mislabel.bench.data import ID, columns_of, make_table
from mislabel.bench.runner import run_bench
from mislabel.bench.suites import Source, Suite, read_suite
from mislabel.modalities.loading import load_dataset
from mislabel.run.settings import RunConfig
from mislabel.run.train import train

CUT, COVERAGE = "cut", 0.8  # the share of rows that the cut statistic keeps


@dataclass(frozen=True)
class Claim:
    """A method is better than another.

    Attributes
    ----------
    method, than : str
        As `mislabel bench --methods` names them; CUT is plain training on what the cut statistic keeps.
    data : str
        Of the suite.
    published : (float, float) or None
        Test accuracy of `than` and of `method`, %; without them the paper says which is better, and no more is known.
    source : str
        The paper, and its data.
    """

    method: str
    than: str
    data: str
    published: tuple[float, float] | None
    source: str


LCCN = "2302.09595, CIFAR-10"
SED, SELECTION = "2407.02778, CIFAR-100, symmetric 50 %", "sed:corrected_weight=0"
COSINE = "2010.07835, the same rules, RoBERTa"
CUT_STATISTIC = "2206.02914, the same rules, BERT features, stopped on right labels"
CLAIMS = [
    Claim("lccn", "ce", "cifar-sym20", (86.7, 88.7), f"{LCCN}, symmetric 20 %"),
    Claim("lccn", "ce", "cifar-sym50", (79.3, 87.3), f"{LCCN}, symmetric 50 %"),
    Claim("divide_lccn", "lccn", "cifar-sym50", (87.3, 95.3), f"{LCCN}, symmetric 50 %"),
    Claim(SELECTION, "ce", "cifar-sym50", (34.1, 58.2), f"{SED}: selection alone"),
    Claim("sed", SELECTION, "cifar-sym50", (58.2, 62.7), f"{SED}: corrected labels beside it"),
    Claim("unicon", "ce", "cifar-asym40", None, "2203.14542, CIFAR-10, asymmetric 40 %: 94.1"),
    Claim("selfmix", "ce", "trec-asym40", None, "2210.04525, TREC, asymmetric 40 %, BERT: 93.8 after the last epoch"),
    Claim("turn", "ce", "trec-sym60", None, "2310.17668: whole networks are misled where many labels are wrong"),
    Claim("cosine", "ce", "wrench_trec", (62.3, 82.6), COSINE),
    Claim("cosine", "ce", "wrench_chemprot", (44.8, 54.4), COSINE),
    Claim(CUT, "ce", "wrench_semeval", (83.8, 90.5), CUT_STATISTIC),
]  # fmt: skip


def main() -> None:
    parser = suite_arguments(__doc__, "fidelity.toml", "cells")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--done", action="store_true")
    given = parser.parse_args()
    suite = read_suite(given.suite)
    print(
        "| method | than | data | published | here | gain | holds | source |\n|---|---|---|---|---|---|---|---|",
        flush=True,
    )
    for source in suite.with_data(given.data):
        claims = [claim for claim in CLAIMS if claim.data == source.name]
        names = list(dict.fromkeys(name for claim in claims for name in (claim.than, claim.method)))
        found = accuracies(suite, source, [name for name in names if name != CUT], given)
        if CUT in names and not given.done:
            found[CUT] = [accuracy_of_kept(source, seed, given) for seed in range(given.seeds)]
        for claim in (claim for claim in claims if {claim.than, claim.method} <= set(found)):
            rows = int(source.test_rows) or test_rows(source, given)
            print(line_of(claim, mean(found[claim.than]), mean(found[claim.method]), rows, given.seeds), flush=True)


def accuracies(suite: Suite, source: Source, methods: list[str], given) -> dict[str, list[float]]:
    """Test accuracy of every seed, by method; of those whose cells are done where nothing is to be trained."""
    cells = given.out / "cells"
    if given.done:
        kept = (cells / "results.jsonl").read_text(encoding="utf-8").splitlines()
        told = [line for line in map(json.loads, kept) if line["status"] == "done"]
    else:
        told = run_bench(suite, cells, methods=methods, seeds=given.seeds, data=[source.name], data_dir=given.data_dir)
        told = told.lines
    lines = {(line["method"], line["seed"]): line for line in told if line["data"] == source.name}
    seeds = range(given.seeds)
    whole = [name for name in methods if not given.done or all((name, seed) in lines for seed in seeds)]
    return {name: [lines[name, seed]["accuracy"] for seed in seeds] for name in whole}


def accuracy_of_kept(source: Source, seed: int, given) -> float:
    """Test accuracy of plain training on the rows that the cut statistic keeps: those it doubts least."""
    table, _ = make_table(source, seed, given.data_dir, given.out / "cells" / "data")
    config = RunConfig(method="ce", seed=seed, **source.run)
    audit = train(load_dataset(table, **columns_of(source)), replace(config, score="cut")).audit.table
    judged = audit.loc[audit["status"] == "judged", ["id", "p_mislabeled"]].sort_values(
        by="p_mislabeled", kind="stable"
    )
    dropped = judged["id"].iloc[round(COVERAGE * len(judged)) :]
    rows = pd.read_parquet(table)
    kept = given.out / f"{source.name}.{seed}.kept.parquet"
    rows[~rows[ID].astype(str).isin(dropped.astype(str))].to_parquet(kept)
    return train(load_dataset(kept, **columns_of(source)), config).audit.metrics["test"]["accuracy"]


def test_rows(source: Source, given) -> int:
    table, _ = make_table(source, 0, given.data_dir, given.out / "cells" / "data")
    return int((pd.read_parquet(table)["split"] == "test").sum())


def line_of(claim: Claim, before: float, after: float, rows: int, seeds: int) -> str:
    """A line of the table, from accuracies between 0 and 1 on so many test rows."""
    error = np.sqrt((before * (1 - before) + after * (1 - after)) / (rows * seeds))
    verdict = "yes" if after - before > error else "no" if before - after > error else "too close to tell"
    published = "-" if claim.published is None else f"{claim.published[0]} to {claim.published[1]}"
    here = f"{100 * before:.1f} to {100 * after:.1f}"
    gain = f"{100 * (after - before):+.1f} ± {100 * error:.1f}"
    cells = [claim.method, claim.than, claim.data, published, here, gain, verdict, claim.source]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
