"""The settings that a run has in the end: those given, then the recipe's, then defaults that depend on the run."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mislabel.data import Dataset
from mislabel.data.class_meanings import sentences_of
from mislabel.data.training_rows import TRAINS
from mislabel.errors import InputError, alternatives
from mislabel.methods import method_entry
from mislabel.methods.registry import Entry
from mislabel.modalities import modality as find_modality
from mislabel.modalities import modality_names
from mislabel.posterior.detection import find_score
from mislabel.posterior.likeliest import are_many
from mislabel.run.recipes import find_recipe
from mislabel.run.settings import RunConfig
from mislabel.settings import declarations
from mislabel.training.training_settings import HEAD_RATE, TrainingSettings

METHOD_OF_MANY = "ido"  # of so many rows and classes that their probabilities are not kept whole
METHOD_OF_HEAD = "panel"  # of whole networks: `Modality.whole_method`
SCRATCH_RATE = 1e-3
SMALLEST_BATCH, STEPS_AN_EPOCH = 8, 40
SMALL_HEAD_BATCH = 32
# A head on very many rows: a step costs next to nothing but its overhead. Beyond the usual batch the learning rate
# grows as the root of the batch (arXiv 2205.10287, for Adam): as accurate, in half the time (`scale.py batches`).
USUAL_HEAD_BATCH, HEAD_BATCH, HEAD_STEPS_AN_EPOCH = 256, 4096, 400
# Of adapters on query and value alone, as in LoRA (arXiv 2106.09685, rates of 4e-4 and 5e-4 on RoBERTa); their best
# rate is ten times that of the whole network, fifteen where steps are few ("LoRA Without Regret", Thinking Machines).
LORA_RANK, LORA_TIMES = 8, 15
SCRATCH_LENGTHEN = 8.0  # fine-tuning takes a few epochs, random weights some dozens


def effective(config: RunConfig, modality: str, rows: int, *, several: bool = False) -> RunConfig:
    """The settings with every default that depends on the run filled in, for `rows` training rows.

    Where several sources labelled the rows, a whole network is taught what they come to and nothing else, since what it
    says itself would be read through the one given label.

    The path of a local backbone becomes absolute, so that the run is usable from any folder.

    Raises
    ------
    InputError
        If a name is not known, or settings contradict each other or do not fit the inputs.
    """
    if config.score is not None:
        find_score(config.score)
    _check_together(config, modality)
    chosen = with_recipe(config)
    _check_adapters(chosen)
    if find_modality(modality).encoder is None:
        chosen = replace(chosen, tune="head")
    chosen = with_method(chosen, modality)
    chosen = chosen if several else _of_whole(chosen)
    defaults = _defaults(chosen, modality, rows)
    chosen = replace(chosen, **{name: value for name, value in defaults.items() if getattr(chosen, name) is None})
    if chosen.backbone is not None and Path(chosen.backbone).is_dir():
        chosen = replace(chosen, backbone=str(Path(chosen.backbone).resolve()))
    return _lengthened(chosen)


def effective_for(config: RunConfig, dataset: Dataset) -> RunConfig:
    """The settings with every default filled in for this data; see `effective`. InputError also for foreign classes."""
    if config.describe is not None:
        sentences_of(config.describe, dataset.labels.classes)
    rows = int(np.count_nonzero(np.isin(dataset.status, TRAINS)))
    if config.method is None and config.recipe is None and are_many(len(dataset), dataset.labels.n_classes):
        config = replace(config, method=METHOD_OF_MANY)
    return effective(config, dataset.inputs.modality, rows, several=dataset.sources is not None)


def with_recipe(config: RunConfig) -> RunConfig:
    """The recipe's settings where the user gave none."""
    if config.recipe is None:
        return config
    recipe = find_recipe(config.recipe)
    if config.method not in (None, recipe.method):
        raise InputError(f"recipe {config.recipe!r} is for method {recipe.method}, not {config.method}: leave one out")
    settings = {name: value for name, value in recipe.settings.items() if getattr(config, name) is None}
    if config.scratch is not None:
        settings.pop("backbone", None)
    return replace(config, **settings, method=recipe.method, options={**recipe.options, **config.options})


def with_method(config: RunConfig, modality: str) -> RunConfig:
    """The default method where the user and a recipe named none.

    Raises
    ------
    InputError
        If it does not know an option that was given.
    """
    if config.method is not None:
        return config
    name = METHOD_OF_HEAD if config.tune == "head" else find_modality(modality).whole_method
    known = declarations(method_entry(name).make)
    for option in config.options:
        if option not in known:
            raise InputError(
                f"no --method was named, and {name}, which is then taken, has no option {option!r}"
                f"{alternatives(option, known)}; or name the --method that it belongs to"
            )
    return replace(config, method=name)


def _of_whole(config: RunConfig) -> RunConfig:
    """With the options that the method has where a whole network trains, and nothing else was said."""
    own = getattr(method_of(config).make, "of_whole", {}) if config.tune != "head" else {}
    return replace(config, options={**own, **config.options})


def method_of(config: RunConfig) -> Entry:
    """The entry of the method of effective settings."""
    assert config.method is not None
    return method_entry(config.method)


def _lengthened(config: RunConfig) -> RunConfig:
    """The epochs of the method times `lengthen`, where no option names them."""
    factor = config.lengthen or 1.0
    known = declarations(method_of(config).make)
    if factor == 1:
        return config
    longer = {
        name: max(1, round(declaration.default * factor))
        for name, declaration in known.items()
        if name.endswith("epochs")
    }
    return replace(config, options=longer | config.options)


def _defaults(config: RunConfig, modality: str, rows: int) -> dict[str, Any]:
    """What settings are where neither user nor recipe gave any."""
    head, lora, scratch = config.tune == "head", config.tune == "lora", config.scratch is not None
    kind = find_modality(modality)
    own_rate = round(LORA_TIMES * kind.learning_rate, 12) if lora else kind.learning_rate
    largest = SMALL_HEAD_BATCH if head else kind.batch_size
    batch = min(largest, max(SMALLEST_BATCH, rows // STEPS_AN_EPOCH))
    if head:
        batch = max(batch, min(HEAD_BATCH, rows // HEAD_STEPS_AN_EPOCH))
    larger = min(config.batch_size or batch, HEAD_BATCH) / USUAL_HEAD_BATCH
    head_rate = round(HEAD_RATE * max(1.0, larger) ** 0.5, 6)
    own = declarations(RunConfig)
    return {
        **{name: each.default for name, each in declarations(TrainingSettings).items() if name in own},
        "backbone": None if scratch else kind.encoder,
        "batch_size": batch,
        "learning_rate": head_rate if head else SCRATCH_RATE if scratch else own_rate,
        "lora_rank": LORA_RANK if lora else None,
        "lengthen": SCRATCH_LENGTHEN if scratch else 1.0,
    }


def _check_together(config: RunConfig, modality: str) -> None:
    """Raise InputError where settings contradict each other, or one is given that is for other inputs."""
    kind = find_modality(modality)
    for other in map(find_modality, modality_names()):
        for name in other.own_settings:
            if name not in kind.own_settings and getattr(config, name) is not None:
                raise InputError(f"{name} is for {other.words.plural}; the inputs are {modality}: leave it out")
    if config.scratch is not None and config.backbone is not None:
        raise InputError("backbone and scratch were both given: random weights, or those of a model? Leave one out")
    if config.scratch is not None and config.tune == "head":
        raise InputError("tune=head keeps an encoder as it is, scratch has random weights: use tune=full")
    if kind.encoder is None and config.backbone is not None:
        raise InputError(f"{kind.words.plural} need no backbone: leave it out")
    if kind.encoder is None and config.tune == "lora":
        raise InputError(f"tune=lora adapts a pretrained encoder, and {kind.words.plural} have none: leave it out")


def _check_adapters(config: RunConfig) -> None:
    """Raise InputError where adapters do not go with other settings, those of a recipe among them."""
    if config.tune != "lora" and config.lora_rank is not None:
        raise InputError(f"lora_rank is of adapters, and tune is {config.tune!r}: give tune=lora, or leave it out")
    if config.tune == "lora" and config.scratch is not None:
        raise InputError("tune=lora adapts a pretrained encoder, scratch has random weights: use tune=full")
