"""The estimator for images."""

from typing import Any, Literal

from mislabel.data.plan import Missing, OnBad
from mislabel.estimators.base import RunClassifier
from mislabel.run.settings import Drawn
from mislabel.training.training_settings import Balance, Device, Precision


class ImageClassifier(RunClassifier):
    """An image classifier for labels that are partly wrong.

    `fit` and `predict` take paths, encoded bytes, Pillow images, or arrays of pixels (n, h, w) or (n, h, w, 3).

    Parameters
    ----------
    method : str, optional
        A name of `mislabel methods`; without it that of the recipe, else "ido", or "panel" with tune="head".
    backbone : str, optional
        Hugging Face image classifier: hub name or folder; microsoft/resnet-50 without it.
    scratch : str, optional
        Train from random weights instead: "resnet-small", "resnet-18", or the architecture of a model.
    recipe : str, optional
        Published settings, such as "ido-resnet50".
    tune : "full", "lora" or "head"
        Train the whole network, adapters in it where it is a transformer, or a small head on its frozen embeddings.
    options : dict, optional
        Options of the method.
    lora_rank, resolution, image_cache
        As in `mislabel train`.
    lengthen, batch_size, accumulate, learning_rate, balance, noise_stability, compile, precision, device
        As in `mislabel train`.
    seed : int
    missing : "error", "drop" or "unlabeled"
        What becomes of rows without a label, given or trusted.
    trusted_drawn : "random" or "chosen"
        How the rows with a trusted label were picked.
    on_bad : "error" or "quarantine"
        What becomes of training images that cannot be read.
    verbose : bool
        Whether progress is shown on stderr.

    Attributes
    ----------
    classes_ : (K,) array
        The classes, as given.
    audit_ : Audit
        Which training labels look wrong.
    n_features_in_ : int
        1: an image.
    """

    modality = "image"

    def __init__(
        self,
        method: str | None = None,
        backbone: str | None = None,
        scratch: str | None = None,
        recipe: str | None = None,
        tune: Literal["full", "head", "lora"] = "full",
        lora_rank: int | None = None,
        options: dict[str, Any] | None = None,
        resolution: int | None = None,
        image_cache: int = 2000,
        lengthen: float | None = None,
        batch_size: int | None = None,
        accumulate: int = 1,
        learning_rate: float | None = None,
        balance: Balance = "none",
        noise_stability: float = 0.0,
        compile: bool = False,
        precision: Precision = "auto",
        device: Device = "auto",
        seed: int = 0,
        missing: Missing = "error",
        on_bad: OnBad = "error",
        trusted_drawn: Drawn = "chosen",
        verbose: bool = False,
    ):
        self.method = method
        self.backbone = backbone
        self.scratch = scratch
        self.recipe = recipe
        self.tune = tune
        self.lora_rank = lora_rank
        self.options = options
        self.resolution = resolution
        self.image_cache = image_cache
        self.lengthen = lengthen
        self.batch_size = batch_size
        self.accumulate = accumulate
        self.learning_rate = learning_rate
        self.balance = balance
        self.noise_stability = noise_stability
        self.compile = compile
        self.precision = precision
        self.device = device
        self.seed = seed
        self.missing = missing
        self.on_bad = on_bad
        self.trusted_drawn = trusted_drawn
        self.verbose = verbose
