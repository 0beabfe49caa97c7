"""Every setting of a run: what it is called, what it may be, its default, and what it does."""

from dataclasses import asdict, dataclass, field
from os import PathLike, fspath
from typing import Annotated, Any, Literal

from mislabel.run.recipes import RECIPES
from mislabel.settings import Setting, check_settings


@dataclass(frozen=True)
class RunConfig:
    """What a run does. The same defaults for all data; every value is stored in config.json.

    Where a default is None, it depends on what is trained; `mislabel.run.defaults.effective` fills it in.

    Raises
    ------
    InputError
        If a value is not what is declared.
    """

    method: Annotated[str, Setting("One of `mislabel methods`.")] = "ido"
    options: Annotated[dict[str, Any], Setting("Options of the method; those not named keep its defaults.")] = field(
        default_factory=dict
    )
    score: Annotated[
        str | None,
        Setting("Order rows by one of `mislabel methods --scores`.", default="the method's probability"),
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
        Literal["full", "head"],
        Setting("full: the whole encoder; head: a small network on its frozen embeddings, or on features."),
    ] = "full"
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
    batch_size: Annotated[
        int | None,
        Setting(
            "Rows per step.",
            1,
            100_000,
            default="32, whole image networks 128; fewer where there are few rows, heads up to 256 for many",
        ),
    ] = None
    accumulate: Annotated[
        int, Setting("Split each step into this many passes: less memory, same result.", 1, 100_000)
    ] = 1
    optimizer: Annotated[Literal["adamw", "sgd"] | None, Setting("What takes the steps.", default="adamw")] = None
    learning_rate: Annotated[
        float | None,
        Setting("Peak learning rate.", 1e-9, 10, default="3e-5, images 1e-4, heads and random weights 1e-3"),
    ] = None
    weight_decay: Annotated[float | None, Setting("Of the optimizer.", 0, 10, default="0.01")] = None
    momentum: Annotated[float | None, Setting("Of sgd.", 0, 0.9999, default="0")] = None
    schedule: Annotated[
        Literal["linear", "cosine"] | None,
        Setting("How the learning rate falls in stages that let it fall.", default="linear"),
    ] = None
    floor: Annotated[float | None, Setting("Where the learning rate falls to.", 0, 10, default="0")] = None
    warmup: Annotated[
        float | None,
        Setting("Share of a stage's steps over which the learning rate rises from zero.", 0, 0.99, default="0.06"),
    ] = None
    clip: Annotated[float | None, Setting("Largest norm of a gradient.", 1e-6, 1e6, default="1")] = None
    compile: Annotated[bool, Setting("Compile networks; pays on a GPU.")] = False
    precision: Annotated[
        Literal["auto", "bf16", "fp32"], Setting("Of the numbers; auto takes bf16 where the device is fast with it.")
    ] = "auto"
    device: Annotated[
        Literal["auto", "cpu", "cuda", "mps"], Setting("Where to compute; auto takes a GPU where there is one.")
    ] = "auto"
    seed: Annotated[int, Setting("Of training, and of the rows that --holdout draws.", 0, 2**32 - 1)] = 0

    def __post_init__(self) -> None:
        if isinstance(self.backbone, PathLike):
            object.__setattr__(self, "backbone", fspath(self.backbone))
        check_settings(self)

    def plain(self) -> dict[str, Any]:
        """The settings by name."""
        return asdict(self)
