"""Loading from Hugging Face: a hub name or a folder, safetensors only, and words for what goes wrong."""

from typing import Any

from torch import nn

from mislabel.errors import InputError

HEAD_SPREAD = 0.02


def quiet(transformers: Any) -> None:
    """A new head is what we want: no warning about it, and no bar for a file that loads in a blink."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


def head_of(labels: list[str]) -> dict[str, Any]:
    """What a classifier's config says of its classes (their names, as text)."""
    return {
        "num_labels": len(labels),
        "id2label": dict(enumerate(labels)),
        "label2id": {label: code for code, label in enumerate(labels)},
        "problem_type": "single_label_classification",
    }


def load_head_and_body(make: Any, name: str, labels: list[str], new_head: bool, needs: str, hint: str) -> nn.Module:
    """A classifier for these labels.

    Parameters
    ----------
    make : class
        An `AutoModelFor…Classification`.
    new_head : bool
        Whether its head is new even where the model of this name brings one for as many classes: those are others.
    name, needs, hint
        See `load`.
    """
    safe = {"use_safetensors": True, "trust_remote_code": False, "ignore_mismatched_sizes": True}
    loader = make.from_pretrained
    model, loading_info = load(loader, name, needs, hint, output_loading_info=True, **safe, **head_of(labels))
    last = [(path, module) for path, module in model.named_modules() if isinstance(module, nn.Linear)][-1:]
    new = {*loading_info["missing_keys"], *(key[0] for key in loading_info["mismatched_keys"])}
    for path, module in last:
        if new_head and f"{path}.weight" not in new:
            nn.init.normal_(module.weight, std=HEAD_SPREAD)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return model


def load(loader: Any, name: str, needs: str, hint: str = "", **options: Any) -> Any:
    """What `loader` gives for a name.

    Parameters
    ----------
    loader : callable
        A `from_pretrained`.
    needs : str
        The files that a local folder must have, for the message.
    hint : str
        One more way out, for the message.

    Raises
    ------
    InputError
        If it cannot be loaded.
    """
    try:
        return loader(name, **options)
    except (OSError, ValueError, ImportError) as error:  # some models need libraries that are not here
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(
            f"the model {name!r} cannot be loaded ({first}). Give a Hugging Face model name or a local folder with "
            f"{needs}; without a network, download it once elsewhere (`hf download {name}`){hint}"
        ) from error
