"""How true a run's statement of wrong labels is: its interval over many draws of checked rows, and its lower bound.

    python benchmarks/coverage.py --data-dir DIR --out OUT [--draws 200] [--results benchmarks/results/tables.md]

Trains what benchmarks/coverage.toml lists (heads and features, the default method, two seeds of rows, errors and
training), each cell once: a bench that was stopped goes on. A cell leaves p_mislabeled, the posterior and which labels
are wrong by gold. From these, for each cell:

- so many draws of 50 and of 100 judged rows that a person checks, whose answers are the gold labels: how often the 95 %
  interval holds the true share, and its width over that of Clopper and Pearson on the same rows;
- the calibration error of p_mislabeled (15 bins) as the run gives it, and on the rows that were not drawn after it was
  recalibrated by 100 of them;
- the lower bound without any checked row, and the share of rows that are likely wrong although they are right.

DIR holds the Parquet files that the suite names; for the images run `benchmarks/image_features.py` first. Cells without
their data are left out, and said. Prints a Markdown table and puts it into that file.
"""

import argparse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mislabel.audit import LIKELY
from mislabel.bench.runner import make_cells, run_bench
from mislabel.bench.suites import Suite, read_suite
from mislabel.decisions.limits import binomial_limits
from mislabel.decisions.reviewed import UNDECIDED, ReviewedRows
from mislabel.files import atomic_write
from mislabel.posterior.noise_rate import LABELS, NoiseRate, at_least
from mislabel.run.checked import checked_in_review
from mislabel.run.folder import RunFolder
from mislabel.run.reading import Run
from mislabel.run.scores import calibration_error
from mislabel.training.progress import Terminal

SUITE = Path(__file__).parent / "coverage.toml"
CHECKS = (50, 100)
BEGIN, END = "<!-- coverage -->\n", "<!-- /coverage -->\n"


@dataclass(frozen=True, eq=False)
class Known:
    """What a cell leaves: n judged rows with a gold label.

    Attributes
    ----------
    name : str
        Of the data.
    p : (n,) float64
        p_mislabeled.
    wrong : (n,) bool
        By gold.
    bound : float
        Without any checked row.
    """

    name: str
    p: np.ndarray
    wrong: np.ndarray
    bound: float

    @property
    def kind(self) -> str:
        """Of the errors: right, sym-20, rules, ..."""
        first, *rest = self.name.split("-")
        return f"{first}-{rest[0]}" if rest[0].isdecimal() else first

    @property
    def truth(self) -> float:
        return float(self.wrong.mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--results", type=Path, help="a Markdown file that gets the table")
    given = parser.parse_args()
    suite = read_suite(str(SUITE))
    there = [each.name for each in suite.data if all((given.data_dir / name).is_file() for name in each.files)]
    run_bench(suite, given.out, seeds=given.seeds, data=there, data_dir=given.data_dir, progress=Terminal())
    lines = [measured(cell, given.draws) for cell in finished(suite, given.out, given.seeds, there, given.data_dir)]
    frame = pd.DataFrame(lines)
    frame.to_csv(given.out / "coverage.csv", index=False)
    missing = sorted({each.name for each in suite.data} - set(there))
    text = table(frame, given.draws) + (f"\n\nWithout their data: {', '.join(missing)}." if missing else "")
    print(text)
    if given.results:
        put_into(given.results, text)


def finished(suite: Suite, out: Path, seeds: int, there: list[str], data_dir: Path) -> Iterable[Known]:
    """What each cell left."""
    for cell in make_cells(suite, out, None, seeds, there, data_dir):
        run = Run.open(RunFolder(cell.folder))
        rows, matrix = run.rows, run.matrix(run.folder.posterior)
        assert run.gold is not None
        assert matrix is not None
        assert rows.position is not None
        gold = run.gold[0]
        known = np.flatnonzero(rows.judged & (gold >= 0))
        codes = rows.labels["given_label"][known].astype(np.int64)
        bound = at_least(matrix[rows.position[known]], codes)
        yield Known(cell.source.name, run.exact["p_mislabeled"][known], codes != gold[known], bound)


def measured(cell: Known, draws: int) -> dict[str, float | str]:
    """One line of the table before cells are put together."""
    n, worst_first = len(cell.wrong), np.argsort(-cell.p, kind="stable")
    p, wrong = cell.p[worst_first], cell.wrong[worst_first]
    line: dict[str, float | str] = {"data": cell.name, "kind": cell.kind, "rows": n, "true": cell.truth}
    line |= {"bound": cell.bound, "bound_false": cell.bound > cell.truth}
    line |= {"false_alarms": float(np.mean((p > LIKELY) & ~wrong)), "ece": calibration_error(p, wrong)}
    random = np.random.default_rng([n, int(wrong.sum())])
    for checks in CHECKS:
        if checks >= n:
            continue
        held, width, plain, errors = [], [], [], []
        for _ in range(draws):
            rows = random.permutation(n)[:checks]
            found = checked_in_review(NoiseRate(LABELS, cell.bound), p, answered(wrong, rows))
            assert found.rate.low is not None
            assert found.rate.high is not None
            low, high = binomial_limits(checks, int(wrong[rows].sum()))
            held.append(found.rate.low - 1e-9 <= cell.truth <= found.rate.high + 1e-9)
            width.append(found.rate.high - found.rate.low)
            plain.append(high - low)
            rest = np.ones(n, dtype=bool)
            rest[rows] = False
            errors.append(calibration_error(found.p(p[rest]), wrong[rest]))
        line |= {f"held_{checks}": float(np.mean(held)), f"ece_{checks}": float(np.mean(errors))}
        line[f"width_{checks}"] = float(np.mean(width))
        line[f"width_ratio_{checks}"] = float(np.mean(width) / np.mean(plain))
    return line


def answered(wrong: np.ndarray, rows: np.ndarray) -> ReviewedRows:
    """A review that looked at these rows, all of them random ones, and found what gold says."""
    state, probe = np.full(len(wrong), UNDECIDED, dtype=np.int8), np.zeros(len(wrong), dtype=bool)
    when = np.zeros(len(wrong), dtype=np.int64)
    state[rows], probe[rows], when[rows] = wrong[rows], True, np.arange(len(rows)) + 1
    return ReviewedRows(state, probe, when)


def table(frame: pd.DataFrame, draws: int) -> str:
    """A line a kind of cell, and what the goals ask of all of them."""
    head = ["kind", "cells", "true %", "interval holds, 50", "100", "width, 50", "100", "of Clopper-Pearson, 50", "100"]
    head += ["most, 50 or 100", "bound %", "bound false", "false alarms %", "ECE", "after 100 checks"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for kind, part in [*frame.groupby("kind", sort=True), ("all", frame)]:
        ratios = part[["width_ratio_50", "width_ratio_100"]]
        cells = [kind, f"{len(part)}", _share(part["true"])]
        cells += [_share(part[f"held_{checks}"]) for checks in CHECKS]
        cells += [f"{100 * part[f'width_{checks}'].mean():.1f}" for checks in CHECKS]
        cells += [f"{part[f'width_ratio_{checks}'].mean():.2f}" for checks in CHECKS]
        cells += [f"{np.nanmax(ratios.to_numpy()):.2f}", _share(part["bound"]), f"{int(part['bound_false'].sum())}"]
        cells += [_share(part["false_alarms"]), f"{part['ece'].mean():.3f}", f"{part['ece_100'].mean():.3f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", *summary(frame, draws)])


def summary(frame: pd.DataFrame, draws: int) -> list[str]:
    """Goals and what was found, a line each."""
    planted = frame[frame["data"].str.contains("-20-|-40-")]
    right = frame[frame["kind"] == "right"]
    ratios = frame[["width_ratio_50", "width_ratio_100"]].to_numpy()
    narrow = planted[["width_ratio_50", "width_ratio_100"]].to_numpy()
    by_kind = frame.groupby("kind")[["held_50", "held_100"]].mean().to_numpy()
    held = frame[["held_50", "held_100"]].to_numpy()
    worst = frame.loc[frame[["held_50", "held_100"]].min(axis=1).idxmin()]
    calm, checked = frame["ece_100"] <= 0.05, frame["ece_100"].notna()
    half = (planted["bound"] / planted["true"]).mean()
    return [
        f"{len(frame)} runs, {draws} draws each. What was asked, and what was found:",
        "",
        f"- Interval: holds the truth in at least 93 % of all draws: {_share(held)}; in at least 88 % in each kind of "
        f"cell: {_share(np.nanmin(by_kind))}. The worst single cell, {worst['data']}: "
        f"{_share(worst[['held_50', 'held_100']].min())}.",
        f"- Its mean width: never above 1.05 of Clopper and Pearson's: {np.nanmax(ratios):.2f}; a third narrower on "
        f"planted 20 and 40 %: {np.nanmean(narrow):.2f}.",
        f"- Bound without checks: false in at most 5 % of runs: {int(frame['bound_false'].sum())} of {len(frame)}; on "
        f"planted 20 and 40 % on average at least half of the truth: {_share(half)} %; on right labels about 0: at "
        f"most {_share(right['bound'].max())} %.",
        f"- Calibration error after 100 checks: .05: {frame['ece_100'].mean():.3f} on average, "
        f"{frame['ece'].mean():.3f} before; .05 or less in {int(calm.sum())} of {int(checked.sum())} runs.",
        f"- False alarms on right labels: 2 % of rows: {_share(right['false_alarms'])} on average, at most "
        f"{_share(right['false_alarms'].max())}.",
    ]


def _share(value: "float | pd.Series | np.ndarray") -> str:
    return f"{100 * float(np.nanmean(value)):.1f}"


def put_into(path: Path, text: str) -> None:
    """Put the section into a Markdown file, in place of the one that is there, or at its end."""
    suite = read_suite(str(SUITE))
    section = f"{BEGIN}## {suite.title}\n\n{suite.notes.strip()}\n\n{text}\n{END}"
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    begin, end = before.find(BEGIN), before.find(END)
    if begin >= 0 and end > begin:
        written = before[:begin] + section + before[end + len(END) :]
    else:
        written = f"{before.rstrip()}\n\n{section}" if before else section
    atomic_write(path, written)


if __name__ == "__main__":
    main()
