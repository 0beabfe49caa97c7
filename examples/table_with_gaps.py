"""A table as people have it: polars, dates, words, missing numbers, and a quarter of the labels wrong.

    python examples/table_with_gaps.py [--out demo-run/table]

Orders of a shop, of which some were returned. The label was written by a tired clerk. A table of polars goes in as it
is; `missing_values="impute"` puts medians where numbers or dates are missing, and marks the places.
"""

import argparse
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.metrics import roc_auc_score

from mislabel import FeatureClassifier

ROWS = 800


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("demo-run/table"))
    given = parser.parse_args()
    orders, gold, label = shop(np.random.default_rng(0))
    classifier = FeatureClassifier(missing_values="impute", seed=0).fit(orders, label)
    for note in classifier.audit_.notes:
        if "filled with the median" in note:
            print(note)
    p_wrong = classifier.audit_.table.sort_values("row")["p_mislabeled"].to_numpy(dtype=float)
    print(f"AUROC of wrong labels: {roc_auc_score(label != gold, p_wrong):.3f}")
    print(f"right label: {np.mean(classifier.predict(orders) == gold):.3f}")
    classifier.save(given.out, overwrite=True)
    print(f"look at them: mislabel review {given.out}")


def shop(random: np.random.Generator) -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    """Orders, whether each was returned, and what the clerk wrote."""
    returned = random.random(ROWS) < 0.5
    price = random.gamma(3.0, 20.0, ROWS) + 60.0 * returned
    kind = np.where(random.random(ROWS) < 0.8, np.where(returned, "shoes", "book"), "lamp")
    day = [date(2024, 1, 1) + timedelta(days=int(each)) for each in random.integers(0, 330, ROWS) + 35 * returned]
    unknown = random.random((2, ROWS)) < 0.1
    orders = pl.DataFrame(
        {
            "price": [None if gap else value for gap, value in zip(unknown[0], price, strict=True)],
            "ordered": [None if gap else value for gap, value in zip(unknown[1], day, strict=True)],
            "kind": kind,
        }
    )
    gold = np.where(returned, "returned", "kept")
    wrong = random.random(ROWS) < 0.25
    return orders, gold, np.where(wrong, np.where(returned, "kept", "returned"), gold)


if __name__ == "__main__":
    main()
