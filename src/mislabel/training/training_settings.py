"""The settings of the training loop: their types, bounds and help, which `mislabel.run.settings` offers to a user."""

from dataclasses import dataclass
from typing import Annotated, Literal

from mislabel.data.plan import Seed
from mislabel.settings import Setting

HEAD_RATE = 1e-3  # peak learning rate of a head that stands on an encoder which stays as it is

BatchSize = Annotated[int, Setting("Rows per step.", 1, 100_000)]
Accumulate = Annotated[int, Setting("Split each step into this many passes: less memory, same result.", 1, 100_000)]
Optimizer = Annotated[Literal["adamw", "sgd"], Setting("What takes the steps.")]
LearningRate = Annotated[float, Setting("Peak learning rate.", 1e-9, 10)]
WeightDecay = Annotated[float, Setting("Of the optimizer.", 0, 10)]
Momentum = Annotated[float, Setting("Of sgd.", 0, 0.9999)]
Schedule = Annotated[Literal["linear", "cosine"], Setting("How the learning rate falls in stages that let it fall.")]
Floor = Annotated[float, Setting("Where the learning rate falls to.", 0, 10)]
Warmup = Annotated[float, Setting("Share of a stage's steps over which the learning rate rises from zero.", 0, 0.99)]
Clip = Annotated[float, Setting("Largest norm of a gradient.", 1e-6, 1e6)]
Balance = Annotated[
    Literal["none", "half", "classes"],
    Setting(
        "How classes weigh where labels are learnt: none, by their rows; classes, all the same; half, by the root of "
        "their rows."
    ),
]
NoiseStability = Annotated[
    float,
    Setting(
        "How much it counts that layers answer little to noise on inputs (LNSR); 0: not at all. "
        "Takes three times as long.",
        0,
        1e6,
    ),
]
Compile = Annotated[bool, Setting("Compile networks; pays on a GPU.")]
Shard = Annotated[
    bool, Setting("Divide the weights over the processes of a launch, where one device does not hold them (FSDP2).")
]
Precision = Annotated[
    Literal["auto", "bf16", "fp32"], Setting("Of the numbers; auto takes bf16 where the device is fast with it.")
]
Device = Annotated[
    Literal["auto", "cpu", "cuda", "mps"], Setting("Where to compute; auto takes a GPU where there is one.")
]


@dataclass(frozen=True)
class TrainingSettings:
    """How to train; one set of defaults for all data.

    Attributes
    ----------
    batch_size : int
        Over all processes.
    accumulate : int
        Changes memory, not the gradient. Methods that rank or mix the rows of a batch do so within each part.
    optimizer, learning_rate, weight_decay, momentum, clip, schedule, floor
    warmup : float
        Of fresh stages.
    balance : "none", "half" or "classes"
        Of stages that say none of their own; see `training/balance.py`.
    noise_stability : float
        Weight of `training/noise_stability.py`.
    precision, device, seed, compile
    shard : bool
        See `training/sharding.py`; nothing to divide in one process.
    record : bool
        Whether dynamics are recorded; off only to measure what recording costs.
    """

    batch_size: BatchSize = 32
    accumulate: Accumulate = 1
    optimizer: Optimizer = "adamw"
    learning_rate: LearningRate = 3e-5
    weight_decay: WeightDecay = 0.01
    momentum: Momentum = 0.0
    schedule: Schedule = "linear"
    floor: Floor = 0.0
    clip: Clip = 1.0
    warmup: Warmup = 0.06
    balance: Balance = "none"
    noise_stability: NoiseStability = 0.0
    precision: Precision = "auto"
    device: Device = "auto"
    seed: Seed = 0
    compile: Compile = False
    shard: Shard = False
    record: bool = True
