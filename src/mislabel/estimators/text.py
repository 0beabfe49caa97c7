"""The estimator for texts."""

from typing import Any, Literal

from mislabel.data.plan import Join, Missing
from mislabel.estimators.base import RunClassifier
from mislabel.run.settings import Drawn
from mislabel.training.training_settings import Balance, Device, Precision


class TextClassifier(RunClassifier):
    """A text classifier for labels that are partly wrong.

    Parameters
    ----------
    method : str, optional
        A name of `mislabel methods`; without it "ido", or "panel" with tune="head".
    backbone : str, optional
        Hugging Face encoder: hub name or folder; all-MiniLM-L6-v2 without it.
    tune : "full", "lora" or "head"
        Train the whole encoder, adapters in it, or a small head on its frozen embeddings.
    options : dict, optional
        Options of the method.
    lora_rank, max_length, batch_size, accumulate, learning_rate, balance, noise_stability, precision, device
        As in `mislabel train`.
    seed : int
    missing : "error", "drop" or "unlabeled"
        What becomes of rows without a label, given or trusted.
    join : "lines" or "pair"
        How a table of several columns of text is read: as lines of one text, or two as the tokenizer's pair.
    trusted_drawn : "random" or "chosen"
        How the rows with a trusted label were picked.
    verbose : bool
        Whether progress is shown on stderr.

    Attributes
    ----------
    classes_ : (K,) array
        The classes, as given.
    audit_ : Audit
        Which training labels look wrong.
    n_features_in_ : int
        1: a text.

    Examples
    --------
    >>> from mislabel import TextClassifier
    >>> TextClassifier(method="ido").get_params()["method"]
    'ido'
    """

    modality = "text"

    def __init__(
        self,
        method: str | None = None,
        backbone: str | None = None,
        tune: Literal["full", "head", "lora"] = "full",
        lora_rank: int | None = None,
        options: dict[str, Any] | None = None,
        max_length: int = 128,
        batch_size: int | None = None,
        accumulate: int = 1,
        learning_rate: float | None = None,
        balance: Balance = "none",
        noise_stability: float = 0.0,
        precision: Precision = "auto",
        device: Device = "auto",
        seed: int = 0,
        missing: Missing = "error",
        join: Join = "lines",
        trusted_drawn: Drawn = "chosen",
        verbose: bool = False,
    ):
        self.method = method
        self.backbone = backbone
        self.tune = tune
        self.lora_rank = lora_rank
        self.options = options
        self.max_length = max_length
        self.batch_size = batch_size
        self.accumulate = accumulate
        self.learning_rate = learning_rate
        self.balance = balance
        self.noise_stability = noise_stability
        self.precision = precision
        self.device = device
        self.seed = seed
        self.missing = missing
        self.join = join
        self.trusted_drawn = trusted_drawn
        self.verbose = verbose
