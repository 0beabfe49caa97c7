"""A method of one's own, beside plain training and IDO on the digits of `mislabel bench quick`.

Hard bootstrapping (Reed et al., "Training Deep Neural Networks on Noisy Labels with Bootstrapping", ICLR 2015 workshop,
arXiv 1412.6596): the target is the given label with weight beta, and what the network itself predicts with the rest.

    L = -(beta log p_y + (1 - beta) log max_k p_k)

A method is a frozen dataclass of its options with two functions: what to train, and what to make of it. It registers
itself by name. A package of your own announces the module as an entry point of the group `mislabel.methods`, and the
method is there for everybody who installs it; to become part of this package it would get a file in
src/mislabel/methods, its name in the list of `registry.py`, and a test.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from torch import Tensor

from mislabel.bench.runner import run_bench
from mislabel.bench.suites import read_suite
from mislabel.methods import register
from mislabel.methods.default_posterior import DefaultPosterior
from mislabel.settings import Setting, check_settings
from mislabel.training.losses import Batch, Loss
from mislabel.training.progress import Terminal
from mislabel.training.stages import Stage


class BootstrappingLoss(Loss):
    def __init__(self, beta: float):
        super().__init__()
        self.beta = beta

    def __call__(self, batch: Batch) -> Tensor:
        log_p = batch.logits[0, 0].log_softmax(-1)  # of the only branch and view, (rows, classes)
        of_given = log_p.gather(-1, batch.target.unsqueeze(-1)).squeeze(-1)
        return -batch.mean(self.beta * of_given + (1 - self.beta) * log_p.amax(-1))  # by weight, for --balance


@register("bootstrapping", paper="Reed et al., arXiv 1412.6596", when="few labels are wrong", group="right")
@dataclass(frozen=True)
class Bootstrapping(DefaultPosterior):  # or a posterior(stages, dynamics, given, probabilities) of its own
    epochs: Annotated[int, Setting("Passes over the rows.", 1, 10_000)] = 5
    beta: Annotated[float, Setting("Weight of the given label; 0.8 is the paper's.", 0, 1)] = 0.8

    def __post_init__(self) -> None:
        check_settings(self)

    def stages(self) -> list[Stage]:
        return [Stage("train", self.epochs, BootstrappingLoss(self.beta))]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("demo-run/add-a-method"))
    out = parser.parse_args().out
    methods = ["gold", "ce", "ido", "bootstrapping"]
    run_bench(read_suite("quick"), out, methods=methods, data=["digits"], seeds=2, progress=Terminal())
    print((out / "table.md").read_text(encoding="utf-8").split("\n\n")[0])
