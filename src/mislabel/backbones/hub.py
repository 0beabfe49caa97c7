"""Loading from Hugging Face: a hub name or a folder, safetensors only, and words for what goes wrong."""

from typing import Any

from mislabel.errors import InputError


def quiet(transformers: Any) -> None:
    """A new head is what we want: no warning about it, and no bar for a file that loads in a blink."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


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
            f"the encoder {name!r} cannot be loaded ({first}). Give a Hugging Face model name or a local folder with "
            f"{needs}; without a network, download it once elsewhere (`hf download {name}`){hint}"
        ) from error
