"""The closed-form evidence of a run and its judge at size: seconds, and memory beside the points themselves.

    python benchmarks/evidence_speed.py [--rows 5000 100000] [--columns 384] [--classes 10] [--trusted 200]

On two cores at most 5 s for 5,000 rows x 384, and 60 s for 100,000; where others use the cores too, half of the CPU
seconds tell what two free ones would have needed at best. Half of each class but the first is labelled as the
first, so that the guard fits twice. Each size runs in a process of its own, whose peak memory is that of this size.
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np
import torch  # noqa: F401  # a run has it long before its evidence, and importing it takes a second

from mislabel.posterior.descriptions import described_classes
from mislabel.posterior.frozen_space import frozen_space
from mislabel.posterior.judge import Trusted, judge
from mislabel.posterior.neighbours import balanced_votes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[5_000, 100_000])
    for name, size in (("columns", 384), ("classes", 10), ("trusted", 200)):
        parser.add_argument(f"--{name}", type=int, default=size)
    given = parser.parse_args()
    if len(given.rows) == 1:
        print(json.dumps(measured(given.rows[0], given.columns, given.classes, given.trusted)), flush=True)
        return
    for rows in given.rows:
        more = [f"--{name}={getattr(given, name)}" for name in ("columns", "classes", "trusted")]
        subprocess.run([sys.executable, __file__, f"--rows={rows}", *more], check=True)


def measured(rows: int, columns: int, classes: int, trusted: int) -> dict[str, float]:
    """Seconds by part, and megabytes."""
    random = np.random.default_rng(0)
    true = random.integers(0, classes, rows)
    centres = random.standard_normal((classes, columns), dtype=np.float32)
    points = 8 * random.standard_normal((rows, columns), dtype=np.float32) + centres[true]
    labels = np.where(random.random(rows) < 0.5, 0, true)
    similarity = np.eye(classes)[true] * 0.1 + random.normal(0, 0.1, (rows, classes))
    before, result = peak(), {"rows": rows, "points_mb": points.nbytes / 1e6}
    clock, started = Laps(), time.process_time()
    space = frozen_space(points, labels, classes)
    result["frozen_space"] = clock.lap()
    described = described_classes(space.space, similarity, labels, space.held)
    result["descriptions"] = clock.lap()
    votes = balanced_votes(space.space.points, labels, classes)
    result["neighbours"] = clock.lap()
    opinions = [space.fit.posterior, space.plain, votes, described.zero_shot]
    opinions += [] if described.fit is None else [described.fit.posterior]
    checked = random.permutation(rows)[:trusted]
    start = np.eye(len(opinions))[0]
    found = judge(opinions, space.space.points, labels, Trusted(checked, true[checked]), start)
    result["judge"] = clock.lap()
    result |= {"seconds": clock.total, "cpu_seconds": time.process_time() - started}
    result["mb_beside_points"] = peak() - before
    result["right"] = float(np.mean(found.posterior.argmax(1) == true))
    return {name: round(value, 3) for name, value in result.items()}


class Laps:
    """Seconds since the last lap."""

    def __init__(self) -> None:
        self.last, self.total = time.perf_counter(), 0.0

    def lap(self) -> float:
        now = time.perf_counter()
        taken, self.last = now - self.last, now
        self.total += taken
        return taken


def peak() -> float:
    """The largest resident set so far, in megabytes (Linux counts kilobytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    main()
