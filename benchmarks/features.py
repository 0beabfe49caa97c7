"""Features at size: 100,000 rows x 384, 10 classes, 40 % of the labels wrong, IDO with its defaults.

    python benchmarks/features.py [--rows 100000] [--repeats 3]

1. The whole fit, in seconds: at most 60 on two cores.
2. Its training against a bare PyTorch loop of the same passes (as many batches of the same size, the same views,
   network, precision and optimiser; cross-entropy alone, nothing recorded): at most 2.0 x.
3. Scores, so that speed is not bought with them.

The two sides of the ratio take turns, and the median over the pairs counts, since machines drift.
"""

import argparse
import json
import statistics
import time

import numpy as np
import torch
from sklearn.datasets import make_blobs
from torch.nn import functional

from mislabel import FeatureClassifier
from mislabel.methods.ido import IDO
from mislabel.modalities.vectors import FeatureInputs, FeatureNetwork, standardisation
from mislabel.run.defaults import effective
from mislabel.run.settings import RunConfig
from mislabel.training.device import choose_precision

COLUMNS, CLASSES, WRONG, TEST_ROWS = 384, 10, 0.4, 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    rows, shape = given.rows + TEST_ROWS, {"cluster_std": 40.0, "center_box": (-10, 10), "random_state": 0}
    matrix, gold, centres = make_blobs(rows, COLUMNS, centers=CLASSES, return_centers=True, **shape)
    matrix = matrix.astype(np.float32)
    train, labels = matrix[: given.rows], noisy(gold[: given.rows])
    fits, loops, fitted = [], [], None
    for _ in range(given.repeats):
        began = time.perf_counter()
        fitted = FeatureClassifier(device="cpu").fit(train, labels)
        fits.append((time.perf_counter() - began, fitted.audit_.metrics["seconds"]))
        loops.append(bare_loop(train, labels))
    assert fitted is not None
    table = fitted.audit_.table.sort_values("id")
    found = {
        "rows": given.rows,
        "threads": torch.get_num_threads(),
        "precision": fitted.audit_.metrics["precision"],
        "seconds of the whole fit": summary([whole for whole, _ in fits]),
        "of which": {name: round(statistics.median(parts[name] for _, parts in fits), 2) for name in fits[0][1]},
        "seconds by stage": fitted.audit_.metrics["seconds_by_stage"],
        "seconds of the bare loop": summary(loops),
        "training / bare loop": summary([parts["train"] / bare for (_, parts), bare in zip(fits, loops, strict=True)]),
        "fit / bare loop": summary([whole / bare for (whole, _), bare in zip(fits, loops, strict=True)]),
        "detection AUROC": auroc(table["p_mislabeled"].to_numpy(), labels != gold[: given.rows]),
        "test accuracy": round(fitted.score(matrix[given.rows :], gold[given.rows :]), 4),
        "test accuracy of the nearest true centre": nearest_centre(matrix[given.rows :], centres, gold[given.rows :]),
        "peak memory, MB": fitted.audit_.metrics["peak_memory_mb"]["process"],
    }
    print(json.dumps(found, indent=1))


def noisy(gold: np.ndarray) -> np.ndarray:
    """Labels of which 40 % are another class."""
    random = np.random.default_rng(0)
    wrong = random.random(len(gold)) < WRONG
    return np.where(wrong, (gold + random.integers(1, CLASSES, len(gold))) % CLASSES, gold)


def nearest_centre(matrix: np.ndarray, centres: np.ndarray, gold: np.ndarray) -> float:
    """The accuracy of the best rule there is for such data."""
    nearest = (matrix @ centres.T - (centres**2).sum(1) / 2).argmax(1)
    return round(float(np.mean(nearest == gold)), 4)


def bare_loop(matrix: np.ndarray, labels: np.ndarray) -> float:
    """Seconds for the passes of IDO as a person would write them, without IDO."""
    began = time.perf_counter()
    options, batch_size = IDO(), effective(RunConfig(), "features", len(matrix)).batch_size
    mean, scale = standardisation(matrix)
    inputs, network = FeatureInputs(matrix, mean, scale), FeatureNetwork(mean, scale, CLASSES)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True)
    targets, low = torch.from_numpy(labels), choose_precision("auto", "cpu") == "bf16"
    network.train()
    for views in [1] * options.warm_epochs + [2] * options.robust_epochs:
        for index in torch.randperm(len(matrix)).split(batch_size):
            rows, target = {"features": inputs.matrix[index]}, targets[index]
            if views == 2:
                rows = {"features": torch.cat([rows["features"], inputs.strong_view(rows)["features"]])}
            with torch.autocast("cpu", torch.bfloat16, enabled=low):
                logits = network(rows).float()
            loss = functional.cross_entropy(logits, target.repeat(views))
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    return time.perf_counter() - began


def auroc(score: np.ndarray, wrong: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score

    return round(float(roc_auc_score(wrong, score)), 4)


def summary(values: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 2),
        "lowest": round(min(values), 2),
        "highest": round(max(values), 2),
    }


if __name__ == "__main__":
    main()
