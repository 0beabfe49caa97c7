"""Loading from Hugging Face: a hub name or a folder, safetensors only, and words for what goes wrong."""

from typing import Any

from torch import nn

from mislabel.errors import InputError

HEAD_SPREAD = 0.02


def quiet(transformers: Any) -> None:
    """A new head is what we want: no warning about it, and no bar for a file that loads in a blink."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


def load_with_new_head(make: Any, name: str, needs: str, hint: str = "", **options: Any) -> Any:
    """A classifier whose head is new, even where the model of this name brings one for as many classes.

    Parameters
    ----------
    make : class
        An `AutoModelFor…Classification`.
    name, needs, hint
        See `load`.
    """
    model, found = load(make.from_pretrained, name, needs, hint, output_loading_info=True, **options)
    last = [(path, module) for path, module in model.named_modules() if isinstance(module, nn.Linear)][-1:]
    new = {*found["missing_keys"], *(key[0] for key in found["mismatched_keys"])}
    for path, module in last:
        if f"{path}.weight" not in new:
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
