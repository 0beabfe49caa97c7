"""The words of a row's text that speak for its labels, by the run's own model, when the page asks for them."""

import contextlib
import importlib.util
import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from mislabel.errors import InputError, RunError, lacks_training
from mislabel.modalities import modality
from mislabel.run.occlusion import Part, word_weights
from mislabel.run.reading import Run
from mislabel.run.rows import Rows

if TYPE_CHECKING:
    from mislabel.run.predictor import Predictor

ABOUT = "mislabel.json"  # of the model folder
MOST_KEPT = 2000  # rows whose words are remembered
LONGEST = 20_000  # characters of a text that is asked about


class WordMarks:
    """Words that speak for and against labels.

    Parameters
    ----------
    run : Run

    Attributes
    ----------
    lacking : str or None
        Why there are none; None where rows are no texts as well as where there are some.
    """

    def __init__(self, run: Run):
        self.run: Run = run
        self.rows: Rows = run.rows
        self.of_texts: bool = modality(run.modality).searchable
        self.lacking: str | None = self._lacking() if self.of_texts else None
        self.lock: threading.Lock = threading.Lock()
        self.known: OrderedDict[int, list[Part]] = OrderedDict()
        self.predictor: Predictor | None = None

    def labels(self, row: int) -> tuple[int | None, int | None]:
        """The class that words speak for, the suggested one, and the class they speak against, the given one.

        Where both are the same it is the first alone.
        """
        given, suggested = (self.rows.code(f"{name}_label", row) for name in ("given", "suggested"))
        toward = given if suggested is None else suggested
        return toward, None if given == toward else given

    def of(self, row: int, text: str) -> list[Part]:
        """The pieces of a row's text.

        Raises
        ------
        InputError
            If nothing can be said, with the reason.
        """
        if self.lacking is not None or not self.of_texts:
            raise InputError(self.lacking or "Only words of texts are marked.")
        toward, against = self.labels(row)
        if toward is None:
            raise InputError("This row has no label that words could speak for.")
        if len(text) > LONGEST:
            raise InputError(f"Words are marked in texts of at most {LONGEST:,} characters.")
        with self.lock:
            if row not in self.known:
                self.known[row] = self._ask(text, toward, against)
                if len(self.known) > MOST_KEPT:
                    self.known.popitem(last=False)
            return self.known[row]

    def _ask(self, text: str, toward: int, against: int | None) -> list[Part]:
        predictor = self._loaded()
        column = {str(value): place for place, value in enumerate(predictor.classes)}
        wanted = [None if code is None else column.get(str(self.rows.classes[code])) for code in (toward, against)]
        if wanted[0] is None or (against is not None and wanted[1] is None):
            raise InputError("The run's model does not know one of these labels.")
        kind = modality(self.run.modality)

        def ask(texts: list[str]) -> np.ndarray:
            raw = kind.from_kept(texts)
            assert raw is not None
            return predictor.probabilities(raw, device="cpu")

        return word_weights(text, ask, wanted[0], wanted[1])

    def _loaded(self) -> "Predictor":
        if self.predictor is None:
            from mislabel.run.predictor import load_predictor

            try:
                with _offline():
                    self.predictor = load_predictor(self.run.folder.model)
            except (InputError, RunError) as error:
                self.lacking = f"Words cannot be marked: {error}"
                raise InputError(self.lacking) from error
        return self.predictor

    def _lacking(self) -> str | None:
        if not self.run.keeps_inputs:
            return "Words cannot be marked: this run keeps no texts (--no-content)."
        if not (self.run.folder.model / ABOUT).is_file():
            return "Words cannot be marked: this run has no model to ask."
        for package in ("torch", "transformers", "accelerate"):
            if importlib.util.find_spec(package) is None:
                return f"Words cannot be marked: {lacks_training(ModuleNotFoundError(name=package))}."
        return None


@contextlib.contextmanager
def _offline() -> Iterator[None]:
    """No hub is asked in here, whatever the environment says: a review opens no connection."""
    from huggingface_hub import constants as hub

    constants: Any = hub
    before, constants.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE, True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
