"""A trained model that answers for new inputs, and its way to disk and back."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mislabel.data.inputs import RawInputs
from mislabel.data.order import class_positions
from mislabel.errors import InputError, RunError
from mislabel.files import atomic_folder, atomic_write, write_json
from mislabel.integrity import check_files, read_object, telling_damage
from mislabel.modalities import modality
from mislabel.modalities.contract import Reader
from mislabel.modalities.safe_loading import refuse_code
from mislabel.run.generative import TrajectoryModel
from mislabel.training.branches import Branches
from mislabel.training.device import make_accelerator
from mislabel.training.inference import MeanProbabilities, outputs
from mislabel.training.progress import Quiet

ABOUT = "mislabel.json"
CARD = "README.md"


@dataclass
class Predictor:
    """Inputs in, class probabilities out.

    Attributes
    ----------
    network : Branches
        One or several trained networks, each a whole classifier or a head; several answer with their mean.
    reader : Reader
        From a user's inputs to what the network reads.
    classes : list
        The K classes as the user wrote them, in the order of the columns of what is answered.
    learnt : list, optional
        The same in the order of the network's outputs, where that is another one.
    """

    network: Branches
    reader: Reader
    classes: list[Any]
    learnt: list[Any] | None = None

    def probabilities(self, raw: RawInputs, *, device: str = "auto", progress: Quiet | None = None) -> np.ndarray:
        """Class probabilities, (m, K) float32, computed in float32."""
        accelerator = make_accelerator(device, "fp32")
        inputs = self.reader.inputs(raw, accelerator, progress)
        result = outputs(MeanProbabilities(self.network), inputs, len(self.classes), accelerator, progress=progress)
        return self._as_listed(check_numbers(result))

    def by_trajectory(
        self, model: TrajectoryModel, raw: RawInputs, *, device: str = "auto", progress: Quiet | None = None
    ) -> np.ndarray:
        """Class probabilities by the generative model of a run, (m, K) float32, computed in float32."""
        accelerator = make_accelerator(device, "fp32")
        inputs = self.reader.inputs(raw, accelerator, progress)
        # Weights of adapters fit the base model, which their reader knows; others fit the network that was saved.
        of_epochs = getattr(self.reader, "of_epochs", copy.deepcopy)
        network = self.network.networks[0]
        result = model.probabilities(lambda: of_epochs(network), inputs, accelerator, progress)[1]
        return self._as_listed(check_numbers(result))

    def save(self, folder: Path, card: Callable[[Path], str] | None = None) -> None:
        """Write the model folder: a plain Hugging Face classifier, or the head with the name of its encoder.

        More networks go into folders inside, each of the same kind.

        Parameters
        ----------
        folder : Path
        card : callable, optional
            From the folder with all other files to its model card.
        """
        first, *others = self.network.networks
        learnt = self.learnt or self.classes
        listed = {} if class_positions(self.classes, learnt) is None else {"listed": self.classes}
        with atomic_folder(folder, folder.with_name(f".{folder.name}.unfinished")) as unfinished:
            for number, network in enumerate(others, 1):
                (unfinished / branch_folder(number)).mkdir()
                self.reader.save(unfinished / branch_folder(number), network)
            about = {"classes": learnt, **listed, "networks": 1 + len(others), **self.reader.save(unfinished, first)}
            write_json(unfinished / ABOUT, about, indent=None)
            if card is not None:
                atomic_write(unfinished / CARD, card(unfinished))

    def _as_listed(self, answers: np.ndarray) -> np.ndarray:
        """The network's answers (m, K) with their columns in the order of `classes`."""
        positions = class_positions(self.classes, self.learnt or self.classes)
        return answers if positions is None else answers[:, positions]


def check_numbers(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities (m, K) as they are; a row of NaN would pass for the first class.

    Raises
    ------
    RunError
        If one is NaN or infinite.
    """
    broken = np.flatnonzero(~np.isfinite(probabilities).all(1))
    if len(broken):
        raise RunError(
            f"the model gives NaN for {len(broken)} of {len(probabilities)} rows, the first at place {broken[0]}: it "
            "is damaged, or an input is out of all proportion; the run has to be made again"
        )
    return probabilities


def branch_folder(number: int) -> str:
    """Where a model folder keeps its network of this number, from 1."""
    return f"branch-{number}"


def check_model(folder: Path) -> None:
    """Look whether a folder holds a model of ours, and asks for no code.

    Raises
    ------
    InputError
        If not.
    """
    if not (folder / ABOUT).is_file():
        raise InputError(
            f"{folder} holds no model of mislabel: it has no {ABOUT}; a run that was made of another training, or of "
            "probabilities, has none"
        )
    refuse_code(folder, ABOUT)


def load_predictor(folder: Path) -> Predictor:
    """Read what `Predictor.save` wrote.

    Raises
    ------
    InputError
        If the folder holds no model.
    RunError
        If it cannot be read.
    """
    check_model(folder)
    about = read_object(folder / ABOUT)
    kind = modality(about.get("modality", "text"))
    with telling_damage(folder):
        check_files(folder)
        reader, network = kind.load_reader(folder, about)
        folders = [folder / branch_folder(number) for number in range(1, about.get("networks", 1))]
        others = [kind.load_reader(branch, about)[1] for branch in folders]
        classes = about["classes"]
        return Predictor(Branches([network, *others]), reader, about.get("listed", classes), classes)
