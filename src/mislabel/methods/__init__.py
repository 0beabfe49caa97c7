"""Methods of learning from noisy labels: one paper, one file. `METHODS` is the list of them."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from mislabel.dynamics.store import DynamicsStore
from mislabel.errors import InputError
from mislabel.methods.ce import CE
from mislabel.methods.dygen import DyGen
from mislabel.methods.ido import IDO
from mislabel.posterior.posterior import Posterior
from mislabel.training.stages import Stage


class Method(Protocol):
    """Stages to train through, and a posterior from what they recorded."""

    def stages(self) -> list[Stage]: ...

    def posterior(
        self, stages: list[Stage], dynamics: DynamicsStore, given: np.ndarray, probabilities: np.ndarray
    ) -> Posterior:
        """From the stages that were trained, what they recorded, given labels (n,) and the final model's (n, K)."""
        ...


@dataclass(frozen=True)
class Entry:
    """A line of `mislabel methods`."""

    make: type[Any]
    paper: str
    cost: str
    when: str


METHODS: dict[str, Entry] = {
    "ce": Entry(CE, "plain fine-tuning", "1 x", "labels are right, or as a yardstick"),
    "ido": Entry(IDO, "Zhang et al., NeurIPS 2025, arXiv 2505.00812", "about 2 x", "labels are partly wrong"),
    "dygen": Entry(
        DyGen, "Zhuang et al., KDD 2023, arXiv 2305.19395", "about 4 x", "rules, a crowd or an LLM wrote the labels"
    ),
}


def method_entry(name: str) -> Entry:
    """The method of this name; InputError with the known ones otherwise."""
    if name not in METHODS:
        raise InputError(f"method {name!r} is not known; choose one of {', '.join(METHODS)}")
    return METHODS[name]
