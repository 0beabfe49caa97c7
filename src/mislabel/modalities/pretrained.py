"""Networks of Hugging Face: a body that is all from its files, and a head for a user's classes."""

from itertools import chain
from typing import Any

import torch
from torch import nn

from mislabel.modalities.model_folder import CONFIG
from mislabel.modalities.safe_loading import load, load_config, refusal

HEAD_SPREAD = 0.02


def quiet(transformers: Any) -> None:
    """A new head is what we want: no warning about it, and no bar for a file that loads in a blink."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


def states_of(outputs: Any) -> list[torch.Tensor]:
    """What each layer after the embeddings gives, from the outputs of a network asked for `output_hidden_states`."""
    names = ("hidden_states", "encoder_hidden_states", "decoder_hidden_states")
    return [state for name in names for state in (getattr(outputs, name, None) or ())[1:]]


def head_of(labels: list[str]) -> dict[str, Any]:
    """What a classifier's config says of its classes (their names, as text)."""
    return {
        "num_labels": len(labels),
        "id2label": dict(enumerate(labels)),
        "label2id": {label: code for code, label in enumerate(labels)},
        "problem_type": "single_label_classification",
    }


def load_head_and_body(
    make: Any, name: str, labels: list[str], needs: str, hint: str, *, new_head: bool, whole: bool
) -> nn.Module:
    """A classifier for these labels.

    Parameters
    ----------
    make : class
        An `AutoModelFor…Classification`.
    new_head : bool
        Whether its head is new even where the model of this name brings one for as many classes: those are others.
    whole : bool
        Whether the head must be in the files too, as in a model that was trained.
    name, needs, hint
        See `load`.
    """
    # What is trained is trained in single precision, whatever its file has.
    model, report = load_network(make, name, needs, hint, dtype=torch.float32, **head_of(labels))
    last = [(path, module) for path, module in model.named_modules() if isinstance(module, nn.Linear)][-1:]
    new = {*report["missing_keys"], *(key[0] for key in report["mismatched_keys"])}
    check_body(model, name, report, head=last[0][0] if last and not whole else None)
    for path, module in last:
        if new_head and f"{path}.weight" not in new:
            nn.init.normal_(module.weight, std=HEAD_SPREAD)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return model


def load_network(make: Any, name: str, needs: str, hint: str, **options: Any) -> tuple[nn.Module, dict[str, Any]]:
    """A network, and what the library says of keys that were missing or did not fit.

    Raises
    ------
    InputError
        If it cannot be loaded, or weighs something that is no number.
    """
    load_config(name, needs, hint)
    safe = {"output_loading_info": True, "use_safetensors": True}
    safe["ignore_mismatched_sizes"] = True  # a head for other classes; `check_body` looks at the rest
    model, keys = load(make.from_pretrained, name, needs, hint, part="network", weights=True, **safe, **options)
    weights = ((key, value, False) for key, value in model.named_parameters())
    buffers = ((key, value, True) for key, value in model.named_buffers())  # a mask may be infinite
    broken = next((key for key, value, mask in chain(weights, buffers) if not holds_numbers(value, mask)), None)
    if broken is not None:
        raise refusal(name, f"its weights hold NaN or infinity, first in {broken}")
    return model, keys


def holds_numbers(value: torch.Tensor, infinite: bool) -> bool:
    """Whether a tensor holds no NaN, nor infinity unless that is allowed; in one pass and without a copy."""
    if not value.is_floating_point() or not value.numel():
        return True
    ends = torch.stack((value.float() if value.element_size() == 1 else value).detach().aminmax())  # NaN if one is
    return not bool(torch.isnan(ends).any()) and (infinite or bool(torch.isfinite(ends).all()))


def check_body(model: nn.Module, name: str, report: dict[str, Any], head: str | None = None) -> None:
    """Check that a network's weights, its head apart, are those of its files: the library makes up what is missing.

    Parameters
    ----------
    report : dict
        Of `load_network`.
    head : str, optional
        Path of the layer that gives the logits, where a new one is wanted.

    Raises
    ------
    InputError
        If some are missing or of another shape.
    """
    prefix = getattr(model, "base_model_prefix", "")
    body = f"{prefix}." if prefix and hasattr(model, prefix) else ""

    def is_head(key: str) -> bool:
        if head is None:
            return False
        beside = not key.startswith(body) if body else key.split(".")[0] == head.split(".")[0]
        return beside or key in (f"{head}.weight", f"{head}.bias")

    faults = [(key, "missing") for key in report["missing_keys"] if head is None or "pooler" not in key]
    faults += [(key, f"of shape {tuple(held)}, where {CONFIG} needs {tuple(needed)}")
               for key, held, needed in report["mismatched_keys"]]  # fmt: skip
    faults = sorted((key, fault) for key, fault in faults if not is_head(key))
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise refusal(name, f"its weights do not fit its {CONFIG}: {' is '.join(faults[0])}{more}")
