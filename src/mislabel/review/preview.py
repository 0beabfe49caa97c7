"""The judge's preview beside a review: in a thread of its own, and again whenever ten more answers are there."""

import threading

import numpy as np

from mislabel.errors import lacks_training
from mislabel.run.judge_preview import FEWEST, Gain, Opinions, gain_of, gather_opinions
from mislabel.run.reading import Run
from mislabel.run.trust_looks import Answers

EVERY = 10  # answers


class Preview:
    """What a judge would gain from the answers so far.

    Parameters
    ----------
    run : Run
    looks : (m,) int64
        The rows that are looked at first.

    Attributes
    ----------
    gain : Gain or None
        Of the answers of a moment ago; None before the first, and where the run does not keep what is needed.
    lacking : str or None
        What would have to be installed to know it.
    """

    def __init__(self, run: Run, looks: np.ndarray):
        self.run: Run = run
        self.looks: np.ndarray = looks
        self.gain: Gain | None = None
        self.lacking: str | None = None
        self._known: Opinions | None = None
        self._asked = 0  # answers that the last thread was given
        self._lock, self._thread = threading.Lock(), None

    def ask(self, answers: Answers) -> Gain | None:
        """What is known by now; where many answers are new, a thread begins to find out."""
        labelled = int((answers.codes >= 0).sum())
        with self._lock:
            idle = self._thread is None or not self._thread.is_alive()
            if idle and labelled >= FEWEST and abs(labelled - self._asked) >= EVERY:
                self._asked = labelled
                self._thread = threading.Thread(target=self._find, args=(answers,), daemon=True)
                self._thread.start()
        return self.gain

    def wait(self) -> None:
        """Until the thread has found what it was asked."""
        if self._thread is not None:
            self._thread.join()

    def _find(self, answers: Answers) -> None:
        try:
            if self._known is None:
                self._known = gather_opinions(self.run, self.looks)
        except ModuleNotFoundError as error:
            said = lacks_training(error)
            if said is None:
                raise
            self.lacking = f"What a judge would gain is not known: {said}."
        self.gain = None if self._known is None else gain_of(self._known, answers)
