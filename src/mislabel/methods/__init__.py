"""Methods of learning from noisy labels: one paper, one file. `METHODS` is the list of them."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from mislabel.dynamics.store import DynamicsStore
from mislabel.errors import InputError, alternatives
from mislabel.methods.ce import CE
from mislabel.methods.co_regularization import CoRegularization
from mislabel.methods.co_teaching import CoTeaching
from mislabel.methods.divide_mix import DivideMix
from mislabel.methods.dygen import DyGen
from mislabel.methods.elr import ELR
from mislabel.methods.forward import Forward
from mislabel.methods.gce import GCE
from mislabel.methods.ido import IDO
from mislabel.methods.jocor import JoCoR
from mislabel.methods.m_correction import MCorrection
from mislabel.methods.mixup import Mixup
from mislabel.methods.npc import NPC
from mislabel.methods.sce import SCE
from mislabel.posterior.posterior import Posterior
from mislabel.training.cost import cost
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
    when: str

    def cost(self, *, numeric: bool = False) -> float:
        """What the defaults cost at least, in multiples of plain training; `numeric` inputs are pixels or features."""
        return cost(self.make().stages(), numeric=numeric) / cost(CE().stages())

    def describe_cost(self) -> str:
        """The cost in words: one number, or that of texts and that of numeric inputs."""
        each = [f"{self.cost(numeric=numeric):.1f}".removesuffix(".0") for numeric in (False, True)]
        return f"{each[0]} x" if each[0] == each[1] else f"{each[0]} to {each[1]} x"


METHODS: dict[str, Entry] = {
    "ce": Entry(CE, "plain fine-tuning", "labels are right, or as a yardstick"),
    "ido": Entry(IDO, "Zhang et al., NeurIPS 2025, arXiv 2505.00812", "labels are partly wrong"),
    "dygen": Entry(DyGen, "Zhuang et al., KDD 2023, arXiv 2305.19395", "rules, a crowd or an LLM wrote the labels"),
    "npc": Entry(NPC, "Bae et al., ICML 2022, arXiv 2205.00690", "training went on until labels were learnt by heart"),
    "gce": Entry(GCE, "Zhang and Sabuncu, NeurIPS 2018, arXiv 1805.07836", "labels are wrong at random, at least cost"),
    "sce": Entry(SCE, "Wang et al., ICCV 2019, arXiv 1908.06112", "as gce, with more trust in the labels"),
    "elr": Entry(ELR, "Liu et al., NeurIPS 2020, arXiv 2007.00151", "training goes on for many epochs"),
    "mixup": Entry(Mixup, "Zhang et al., ICLR 2018, arXiv 1710.09412", "few labels are wrong"),
    "forward": Entry(Forward, "Patrini et al., CVPR 2017, arXiv 1609.03683", "one class is often taken for another"),
    "co_teaching": Entry(
        CoTeaching, "Han et al., NeurIPS 2018, arXiv 1804.06872", "many labels are wrong, and how many is known"
    ),
    "jocor": Entry(JoCoR, "Wei et al., CVPR 2020, arXiv 2003.02752", "as co_teaching, with networks that agree"),
    "co_regularization": Entry(
        CoRegularization, "Zhou and Chen, EMNLP 2021, arXiv 2104.08656", "texts of which some labels are wrong"
    ),
    "m_correction": Entry(MCorrection, "Arazo et al., ICML 2019, arXiv 1904.11238", "classes are equally large"),
    "divide_mix": Entry(DivideMix, "Li et al., ICLR 2020, arXiv 2002.07394", "many labels are wrong and time is cheap"),
}


def method_entry(name: str) -> Entry:
    """The method of this name; InputError with the known ones otherwise."""
    if name not in METHODS:
        raise InputError(f"method {name!r} is not known{alternatives(name, METHODS)}")
    return METHODS[name]
