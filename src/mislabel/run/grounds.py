"""What a judgement stands on, whoever trained: the rows, what is known of them before any training, and settings."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from mislabel.data import Dataset
from mislabel.modalities.contract import Known
from mislabel.posterior.judge import Judged
from mislabel.posterior.neighbours import Agreement
from mislabel.run.evidence import Evidence
from mislabel.run.settings import RunConfig


@dataclass(frozen=True, kw_only=True)
class Grounds:
    """n rows, of which m train.

    Attributes
    ----------
    config : RunConfig
        The effective one.
    ready : Known
    agreement : Agreement, optional
        Of neighbours' labels among training rows, before any training; None where nothing is known of rows by then.
    evidence : Evidence, optional
        What is known of the training rows before training; where it is learnt from, or rows are trusted.
    judged : Judged, optional
        What the evidence comes to.
    """

    config: RunConfig
    ready: Known
    agreement: Agreement | None = None
    evidence: Evidence | None = None
    judged: Judged | None = None

    @property
    def dataset(self) -> Dataset:
        return self.ready.dataset

    @property
    def trained(self) -> np.ndarray:
        """Positions of the rows that train, (m,) int64, in the order of all that training leaves."""
        return self.ready.trained

    @cached_property
    def target(self) -> np.ndarray:
        """The labels that are learnt from, (m,) int64."""
        return training_target(self.ready)

    @property
    def learns_from_evidence(self) -> bool:
        """Whether the network is taught what all evidence says."""
        return False

    @property
    def part_of_evidence(self) -> Literal["taught", "joined", "unused"] | None:
        """What becomes of the evidence, None where none was gathered.

        It is taught to the network; or joined with the method's posterior, where enough rows are trusted to fit the
        judge; or unused.
        """
        if self.judged is None:
            return None
        if self.learns_from_evidence:
            return "taught"
        return "joined" if self.judged.left_out is not None else "unused"

    @cached_property
    def opinion(self) -> np.ndarray | None:
        """What all evidence says of the training rows, (m, K) float32; None where none was gathered."""
        return None if self.evidence is None or self.judged is None else self.evidence.joined(self.judged)

    @property
    def revised(self) -> np.ndarray | None:
        """What the network was taught in place of the opinion, (m, K) float32; None where it was not."""
        return None


def training_target(ready: Known) -> np.ndarray:
    """The labels that are learnt from, (m,) int64: the trusted or decided ones, else the given ones."""
    return ready.dataset.training_codes[ready.trained]
