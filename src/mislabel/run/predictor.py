"""A trained model that answers for new texts, and its way to disk and back."""

import copy
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from safetensors.torch import load_file, save_file
from torch import nn

from mislabel.backbones.features import FeatureInputs, FeatureNetwork
from mislabel.backbones.inputs import Inputs
from mislabel.backbones.text import (
    FrozenEncoder,
    TextInputs,
    TextNetwork,
    find_encoder,
    load_classifier,
    load_encoder,
    load_tokenizer,
)
from mislabel.errors import InputError
from mislabel.files import atomic_write
from mislabel.run.generative import TrajectoryModel
from mislabel.training.branches import Branches
from mislabel.training.device import make_accelerator
from mislabel.training.inference import Probabilities, outputs
from mislabel.training.progress import Quiet

HEAD_FILE = "head.safetensors"


@dataclass
class Predictor:
    """Texts in, class probabilities out.

    Attributes
    ----------
    network : Branches
        One trained network: a whole classifier, or a head on a frozen encoder.
    encoder : FrozenEncoder or None
        Where `network` is a head.
    tokenizer
        The encoder's.
    classes : list
        The K classes as the user wrote them.
    max_length : int
        Tokens kept per text.
    backbone : str
        Name of the encoder that a head stands on.
    """

    network: Branches
    encoder: FrozenEncoder | None
    tokenizer: Any
    classes: list
    max_length: int
    backbone: str

    def probabilities(self, texts: list[str], *, device: str = "auto", progress: Quiet | None = None) -> np.ndarray:
        """Class probabilities, (m, K) float32, computed in float32."""
        accelerator = make_accelerator(device, "fp32")
        inputs = self._inputs(texts, accelerator, progress)
        return outputs(Probabilities(self.network), inputs, len(self.classes), accelerator, progress=progress)

    def by_trajectory(
        self, model: TrajectoryModel, texts: list[str], *, device: str = "auto", progress: Quiet | None = None
    ) -> np.ndarray:
        """Class probabilities by the generative model of a run, (m, K) float32, computed in float32."""
        accelerator = make_accelerator(device, "fp32")
        inputs = self._inputs(texts, accelerator, progress)
        return model.probabilities(lambda: copy.deepcopy(self.network.networks[0]), inputs, accelerator, progress)[1]

    def _inputs(self, texts: list[str], accelerator: Any, progress: Quiet | None) -> Inputs:
        """What the network reads: tokens, or the frozen encoder's embeddings."""
        inputs = TextInputs(texts, self.tokenizer, self.max_length)
        if self.encoder is None:
            return inputs
        return FeatureInputs(outputs(self.encoder, inputs, self.encoder.dimension, accelerator, progress=progress))

    def save(self, folder: Path) -> None:
        """Write the model folder: a plain Hugging Face classifier, or the head with the name of its encoder."""
        folder.mkdir(parents=True, exist_ok=True)
        network = self.network.networks[0]
        if isinstance(network, TextNetwork):
            self.tokenizer.model_max_length = self.max_length
            cast(Any, network.classifier.cpu()).save_pretrained(folder)
            self.tokenizer.save_pretrained(folder)
        else:
            tensors = {name: value.cpu().contiguous() for name, value in network.state_dict().items()}
            save_file(tensors, folder / HEAD_FILE, metadata={"backbone": self.backbone})
        about = {"classes": self.classes, "max_length": self.max_length, "backbone": self.backbone}
        atomic_write(folder / "mislabel.json", json.dumps(about, ensure_ascii=False))


def load_predictor(folder: Path) -> Predictor:
    """Read what `Predictor.save` wrote.

    Raises
    ------
    InputError
        If the folder holds no model.
    """
    try:
        about = json.loads((folder / "mislabel.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{folder} holds no model of mislabel: it has no mislabel.json") from None
    classes = about["classes"]
    shared = {"classes": classes, "max_length": about["max_length"], "backbone": about["backbone"]}
    if (folder / HEAD_FILE).is_file():
        name = find_encoder(about["backbone"])
        tensors = load_file(folder / HEAD_FILE)
        network: nn.Module = FeatureNetwork(tensors["mean"], tensors["scale"], len(classes))
        network.load_state_dict(tensors)
        encoder = load_encoder(name)
        return Predictor(Branches([network]), encoder, load_tokenizer(name), **shared)
    classifier = load_classifier(str(folder), [str(value) for value in classes])
    return Predictor(Branches([TextNetwork(classifier)]), None, load_tokenizer(str(folder)), **shared)
