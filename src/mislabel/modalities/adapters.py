"""LoRA adapters: small matrices learn beside the layers of a pretrained network, which stays as it is.

    y = W x + (alpha / r) B A x          W as it was; A (r, in) and B (out, r) are trained, and B starts at 0

Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022, arXiv 2106.09685. The head, and a pooler
before it, train whole. Which layers get adapters is peft's own list for the architecture (query and value of attention,
as in the paper); for others it is every linear layer of the encoder.
"""

import copy
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

from pydantic import Field
from torch import nn
from typing_extensions import TypedDict  # pydantic takes no other before Python 3.12

from mislabel.errors import InputError
from mislabel.integrity import read_object, telling_damage
from mislabel.training.branches import last_linear

if TYPE_CHECKING:
    from peft import LoraConfig, PeftModel

FOLDER = "adapter"  # in a model folder; beside its own config.json, transformers would load the base model instead
CONFIG = "adapter_config.json"
ALPHA = 2  # times the rank
DROPOUT = 0.1
TEXTS = "SEQ_CLS"  # what peft calls the classification of texts


class Kept(TypedDict):
    """What is read back of adapter_config.json: names of layers, and no pattern that somebody else wrote."""

    r: Annotated[int, Field(ge=1, le=2**12)]
    lora_alpha: int
    lora_dropout: float
    target_modules: list[str]
    modules_to_save: list[str]
    fan_in_fan_out: bool
    task_type: str | None


@dataclass(frozen=True)
class Adapters:
    """The adapters of a classifier, which lie in it: it goes on as before, and what it computes goes through them.

    Attributes
    ----------
    model : PeftModel
        Of peft, around the classifier.
    """

    model: "PeftModel"

    @property
    def note(self) -> str:
        """How much is trained, in words."""
        trained, all_weights = self.model.get_nb_trainable_parameters()
        config = cast("LoraConfig", self.model.peft_config["default"])
        layers = sum(name.endswith(".lora_A") for name, _ in self.model.named_modules())
        what = f"Adapters of rank {config.r} on {layers} layers, and the head,"
        return f"{what} are trained: {trained:,} of {all_weights:,} weights."

    def save(self, folder: Path) -> None:
        """Write the classifier with its adapters merged, as transformers opens it, and the adapters beside it.

        By the folder `adapter` peft's `PeftModel` puts them on the base model again.
        """
        model = copy.deepcopy(self.model.cpu())  # merging cannot be undone to the last bit
        config = cast("LoraConfig", model.peft_config["default"])
        config.target_modules = sorted(config.target_modules or ())  # a set, whose order is another in each process
        # By itself peft would ask the hub whether the vocabulary is still that of the base model.
        model.save_pretrained(str(folder / FOLDER), save_embedding_layers=False)
        (folder / FOLDER / "README.md").unlink(missing_ok=True)  # a card without content
        cast(Any, model).merge_and_unload().save_pretrained(folder)


def add_adapters(classifier: nn.Module, rank: int | None, base: str, task: str | None = None) -> Adapters | None:
    """Put new adapters of this rank into a classifier; None where the rank is None, and nothing changes.

    Parameters
    ----------
    base : str
        Name of the model that the classifier was made from.
    task : str, optional
        What peft calls what it does, where it has a name for it.

    Raises
    ------
    InputError
        If peft is not installed, or there is no layer to adapt.
    """
    if rank is None:
        return None
    _peft()  # told before all else
    whole = whole_modules(classifier)
    targets = adapted_layers(classifier, whole)
    if not targets:
        raise InputError(
            f"--tune lora adds adapters to linear layers, and the model {base!r} has none but its head: use --tune "
            "full, or a --backbone that is a transformer"
        )
    return _with_adapters(
        classifier, base, r=rank, lora_alpha=ALPHA * rank, lora_dropout=DROPOUT, target_modules=targets,
        modules_to_save=whole, fan_in_fan_out=_transposed(classifier, targets), task_type=task,
    )  # fmt: skip


def has_adapters(folder: Path) -> bool:
    """Whether adapters lie in a model folder."""
    return (folder / FOLDER / CONFIG).is_file()


def like_saved(classifier: nn.Module, folder: Path, base: str) -> Adapters:
    """Put new adapters into a classifier, of the kind of those in a model folder.

    Raises
    ------
    RunError
        If their settings are damaged, or of another model.
    """
    path = folder / FOLDER / CONFIG
    known = read_object(path, Kept)
    with telling_damage(path):
        return _with_adapters(classifier, base, **{name: known[name] for name in Kept.__annotations__})


def _with_adapters(classifier: nn.Module, base: str, **options: Any) -> Adapters:
    peft = _peft()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers by names that will be others
        model = peft.get_peft_model(classifier, peft.LoraConfig(**options))
    model.peft_config["default"].base_model_name_or_path = base  # as the user called it
    return Adapters(model)


def _peft() -> Any:
    """The library.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        import peft
    except ImportError as error:
        raise InputError('--tune lora needs peft, which is not installed: pip install "mislabel[lora]"') from error
    return peft


def save_classifier(folder: Path, classifier: nn.Module, adapters: Adapters | None) -> None:
    """Write a plain classifier of transformers, and what adapters it was trained by."""
    if adapters is not None:
        adapters.save(folder)
    else:
        cast(Any, classifier.cpu()).save_pretrained(folder)


def whole_modules(classifier: nn.Module) -> list[str]:
    """What trains whole: all that lies beside the pretrained part, and a pooler in it, which is made anew."""
    base = getattr(classifier, "base_model", classifier)
    if base is classifier:  # the library does not tell them apart
        last = last_linear(classifier)
        return [name for name, module in classifier.named_modules() if module is last]
    heads = {*classifier.children(), getattr(base, "pooler", None)} - {base}
    return [name for name, module in classifier.named_modules() if module in heads and list(module.parameters())]


def adapted_layers(classifier: nn.Module, whole: list[str]) -> list[str]:
    """Names, or their ends, of the layers that get adapters: peft's for this architecture, else all linear ones."""
    from peft.utils.constants import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as KNOWN

    base = getattr(classifier, "base_model", classifier)
    inside = set(base.modules())
    beside = tuple(f"{name}." for name in whole)
    linear = [
        name for name, module in classifier.named_modules()
        if module in inside and _is_linear(module) and not f"{name}.".startswith(beside)
    ]  # fmt: skip
    known = KNOWN.get(str(getattr(cast(Any, classifier).config, "model_type", "")), [])
    ends = [known] if isinstance(known, str) else list(known)
    named = [end for end in ends if any(name.split(".")[-1] == end for name in linear)]
    return named or linear


def keep_own_weights(network: nn.Module) -> None:
    """Leave what does not train now, and so is the base model's, out of a network's state from here on."""
    base = frozenset(
        name for name, weight in network.named_parameters(remove_duplicate=False) if not weight.requires_grad
    )
    network.register_state_dict_post_hook(partial(_left_out, base))
    network.register_load_state_dict_post_hook(partial(_not_missing, base))


def _left_out(base: frozenset[str], module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    for name in base:
        state.pop(prefix + name, None)


def _not_missing(base: frozenset[str], module: nn.Module, keys: Any) -> None:
    """Takes from the missing keys, which begin with the place of the network, those of the base model."""
    ends = tuple(f".{name}" for name in base)
    keys.missing_keys[:] = [key for key in keys.missing_keys if not f".{key}".endswith(ends)]


def _is_linear(module: nn.Module) -> bool:
    from transformers.pytorch_utils import Conv1D

    return isinstance(module, nn.Linear | Conv1D)


def _transposed(classifier: nn.Module, targets: list[str]) -> bool:
    """Whether the layers keep their weight as (in, out), as those of GPT-2 do."""
    ends = tuple(f".{target}" for target in targets)
    found = next(module for name, module in classifier.named_modules() if f".{name}".endswith(ends))
    return not isinstance(found, nn.Linear)
