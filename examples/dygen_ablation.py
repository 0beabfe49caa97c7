"""What each part of DyGen brings, on one data set: a table of runs that differ in one option each.

Without arguments: the messages that come with the project, a head on frozen embeddings, three seeds, a few minutes.

    python examples/dygen_ablation.py [--data FILE --text COL --label COL --gold COL --split COL] [--tune full]
                                      [--seeds 3] [--only base,static]

The gold labels only score. Figures are means over the seeds, in hundredths.
"""

import argparse
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from mislabel.data import Dataset
from mislabel.modalities.loading import load_dataset
from mislabel.run.settings import RunConfig
from mislabel.run.train_and_judge import run

MESSAGES = Path(__file__).parent / "messages" / "messages.csv"
VARIANTS = {
    "base": {},
    "branches trained apart": {"co_regularisation": 0.0},
    "generative models fitted apart": {"co_regularisation_generative": 0.0},
    "last epoch only": {"features": "last"},
    "prior: given label": {"prior": "given"},
    "prior: uniform": {"prior": "uniform"},
    "prior: shares of neighbours": {"prior_mode": "probability"},
    "neighbours of the first epoch": {"prior_epoch": 1},
    "absolute distances mark (paper)": {"score": "absolute", "rounds": 0},
    "one branch": {"count": 1},
    "three branches": {"count": 3},
    "heads on one network": {"branches": "heads"},
    "recorded in the training pass": {"record": "training"},
    "fed given labels": {"fed": "given"},
    "passes chosen by ELBO": {"select": True, "passes": 20},
    "gamma sampler (paper)": {"sampler": "gamma"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=str(MESSAGES))
    parser.add_argument("--text", default="text")
    parser.add_argument("--label", default="label")
    parser.add_argument("--gold", default="gold")
    parser.add_argument("--split", default="split")
    parser.add_argument("--tune", default="head", choices=("head", "full"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", help="names of some variants, with commas between")
    given = parser.parse_args()
    dataset = load_dataset(
        given.data, text=given.text, label=given.label, gold=given.gold, split=given.split, missing="drop"
    )
    table = Table(title=f"DyGen on {Path(given.data).name}, {given.tune}, {given.seeds} seeds", title_justify="left")
    for name in ("variant", "classifier", "generative", "distilled", "AUROC", "seconds"):
        table.add_column(name, justify="left" if name == "variant" else "right")
    for name in given.only.split(",") if given.only else VARIANTS:
        scores = [measure(dataset, given.tune, seed, VARIANTS[name]) for seed in range(given.seeds)]
        *shares, seconds = np.mean(scores, axis=0)
        table.add_row(name, *(f"{100 * one:.1f}" for one in shares), f"{seconds:.0f}")
    Console(highlight=False).print(table)


def measure(dataset: Dataset, tune: str, seed: int, options: dict) -> list[float]:
    """Accuracy of classifier, generative model and distilled model, detection AUROC, seconds."""
    metrics = run(dataset, RunConfig(method="dygen", tune=tune, seed=seed, options=options)).audit.metrics  # type: ignore[arg-type]
    test = metrics["test"]
    parts = [test["classifier"]["accuracy"], test["generative"]["accuracy"], test["accuracy"]]
    return [*parts, metrics["detection"]["auroc"], metrics["seconds"]["total"]]


if __name__ == "__main__":
    main()
