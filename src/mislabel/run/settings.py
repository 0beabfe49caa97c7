"""Every setting of a run: what it is called, what it may be, its default, and what it does."""

from dataclasses import asdict, dataclass, field
from os import PathLike, fspath
from typing import Annotated, Any, Literal

from mislabel.data.plan import Seed
from mislabel.run.recipes import RECIPES
from mislabel.settings import Setting, check_settings, left_open
from mislabel.training.training_settings import (
    Accumulate,
    Balance,
    BatchSize,
    Clip,
    Compile,
    Device,
    Floor,
    LearningRate,
    Momentum,
    NoiseStability,
    Optimizer,
    Precision,
    Schedule,
    Shard,
    TrainingSettings,
    Warmup,
    WeightDecay,
)

Drawn = Literal["random", "chosen"]
# Settings that earlier versions had not, and what their runs did, whatever the default is by now.
CAME_LATER: dict[str, Any] = {
    "balance": "none", "noise_stability": 0.0, "trusted_drawn": "chosen", "lora_rank": None, "shard": False,
}  # fmt: skip


@dataclass(frozen=True)
class RunConfig:
    """What a run does. The same defaults for all data; every value is stored in config.json.

    Where a default is None, it depends on what is trained; `mislabel.run.defaults.effective` fills it in.

    Raises
    ------
    InputError
        If a value is not what is declared.
    """

    method: Annotated[
        str | None,
        Setting("One of `mislabel methods`.", default="panel, and ido for whole image networks"),
    ] = None
    options: Annotated[dict[str, Any], Setting("Options of the method; those not named keep its defaults.")] = field(
        default_factory=dict
    )
    score: Annotated[
        str | None,
        Setting("Order rows by one of `mislabel methods --scores`.", default="the method's probability"),
    ] = None
    describe: Annotated[
        dict[str, list[str]] | None,
        Setting("TOML file that says what classes mean: class = a sentence, or a list of them.", default="their names"),
    ] = None
    recipe: Annotated[
        str | None,
        Setting(f"Images: published settings, {', '.join(RECIPES)}; what is given beside it wins."),
    ] = None
    backbone: Annotated[
        str | None,
        Setting(
            "Hugging Face encoder or image classifier: hub name or folder.",
            default="MiniLM for texts, ResNet-50 for images",
        ),
    ] = None
    scratch: Annotated[
        str | None,
        Setting("Images: start from random weights: resnet-small, resnet-18, or the architecture of a model."),
    ] = None
    tune: Annotated[
        Literal["full", "head", "lora"],
        Setting(
            "full: the whole encoder; lora: small adapters in it; head: a small network on its frozen embeddings, or "
            "on features."
        ),
    ] = "full"
    lora_rank: Annotated[
        int | None, Setting("Of the adapters of --tune lora; more learn more.", 1, 1024, default="8 with --tune lora")
    ] = None
    max_length: Annotated[int, Setting("Tokens kept per text, counted from its start.", 4, 100_000)] = 128
    resolution: Annotated[int | None, Setting("Side of images in pixels.", 8, 4096, default="the model's own")] = None
    image_cache: Annotated[
        int,
        Setting(
            "Images: megabytes that decoded images may take; where they do not fit, they are decoded when needed.",
            0,
            10_000_000,
        ),
    ] = 2000
    lengthen: Annotated[
        float | None,
        Setting(
            "Factor on the epochs of every stage that no option of the method names.",
            0.01,
            1000,
            default="1, from random weights 8",
        ),
    ] = None
    batch_size: BatchSize | None = left_open(
        "32, whole image networks 128; fewer where there are few rows, heads up to 4096 for many"
    )
    accumulate: Accumulate = TrainingSettings.accumulate
    optimizer: Optimizer | None = left_open(TrainingSettings.optimizer)
    learning_rate: LearningRate | None = left_open(
        "3e-5, images 1e-4, adapters 15 times that, heads and random weights 1e-3, heads on many rows up to 4e-3"
    )
    weight_decay: WeightDecay | None = left_open(TrainingSettings.weight_decay)
    momentum: Momentum | None = left_open(TrainingSettings.momentum)
    schedule: Schedule | None = left_open(TrainingSettings.schedule)
    floor: Floor | None = left_open(TrainingSettings.floor)
    warmup: Warmup | None = left_open(TrainingSettings.warmup)
    clip: Clip | None = left_open(TrainingSettings.clip)
    balance: Balance = TrainingSettings.balance
    noise_stability: NoiseStability = TrainingSettings.noise_stability
    compile: Compile = TrainingSettings.compile
    shard: Shard = TrainingSettings.shard
    precision: Precision = TrainingSettings.precision
    device: Device = TrainingSettings.device
    seed: Seed = TrainingSettings.seed
    trusted_drawn: Annotated[
        Drawn,
        Setting(
            "How rows with a trusted label were picked: at random from all training rows, or chosen for some reason. "
            "Random ones alone can tell rates."
        ),
    ] = "chosen"

    def __post_init__(self) -> None:
        if isinstance(self.backbone, PathLike):
            object.__setattr__(self, "backbone", fspath(self.backbone))
        if self.describe is not None:
            from mislabel.data.descriptions import checked_descriptions  # needs pandas, which no help should wait for

            object.__setattr__(self, "describe", checked_descriptions(self.describe))
        check_settings(self)

    def plain(self) -> dict[str, Any]:
        """The settings by name."""
        return asdict(self)


def with_later_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as a run stored them, with those that its version did not know."""
    return CAME_LATER | settings
