"""Methods on tables of features: which one heads take where nothing is said (`mislabel.run.defaults`).

    python benchmarks/feature_tables.py [--methods ce,ido,dygen,panel] [--seeds 3]

scikit-learn's digits, breast cancer, wine and iris with right labels, symmetric errors in 20 and 40 % of the training
rows, and errors to the next class in 40 %. Three in ten rows are held out. Prints test accuracy and AUROC of wrong
labels, means over the seeds, as a Markdown table. Of two classes, 40 % to the next one are 40 % symmetric errors.
"""

import argparse

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from mislabel import FeatureClassifier

TABLES = {"digits": load_digits, "breast cancer": load_breast_cancer, "wine": load_wine, "iris": load_iris}
NOISE = {"right": 0.0, "sym 20": 0.2, "sym 40": 0.4, "asym 40": 0.4}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", default="ce,ido,dygen,panel")
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    methods = given.methods.split(",")
    print(f"| table | labels | {' | '.join(methods)} |\n|---|---|{'---|' * len(methods)}", flush=True)
    for table, load in TABLES.items():
        points, true = load(return_X_y=True)
        for noise, rate in NOISE.items():
            cells = []
            for method in methods:
                found = [scores(points, true, noise, rate, method, seed) for seed in range(given.seeds)]
                accuracy, auroc = 100 * np.mean(found, axis=0)
                cells.append(f"{accuracy:.1f}" + ("" if np.isnan(auroc) else f" / {auroc:.1f}"))
            print(f"| {table} | {noise} | {' | '.join(cells)} |", flush=True)


def scores(
    points: np.ndarray, true: np.ndarray, noise: str, rate: float, method: str, seed: int
) -> tuple[float, float]:
    """Test accuracy and AUROC, nan without wrong labels."""
    train, test, right, wanted = train_test_split(points, true, test_size=0.3, random_state=seed, stratify=true)
    random, classes = np.random.default_rng(seed), int(true.max()) + 1
    hit = random.random(len(right)) < rate
    step = random.integers(1, classes, len(right)) if noise.startswith("sym") else 1
    labels = np.where(hit, (right + step) % classes, right)
    fitted = FeatureClassifier(method=method, seed=seed).fit(train, labels)
    table = fitted.audit_.table.dropna(subset=["p_mislabeled"])
    wrong = (labels != right)[table["row"]]
    auroc = roc_auc_score(wrong, table["p_mislabeled"]) if 0 < wrong.mean() < 1 else float("nan")
    return float(np.mean(fitted.predict(test) == wanted)), float(auroc)


if __name__ == "__main__":
    main()
