"""Loading from Hugging Face: a hub name or a folder, no code of its own, and words for what is wrong.

Everything that the library loads goes through `load` here.
"""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mislabel.errors import InputError
from mislabel.modalities.foreign_code import asked_code
from mislabel.modalities.model_folder import CONFIG, OBJECTS, check_code, check_model_folder, json_content

LONGEST_REASON = 300  # characters


def load(
    loader: Any,
    name: str,
    needs: str,
    hint: str = "",
    *,
    part: str = CONFIG,
    files: tuple[str, ...] = (CONFIG,),
    weights: bool = False,
    **options: Any,
) -> Any:
    """What `loader` gives for a name, without running code that comes with it.

    Parameters
    ----------
    loader : callable
        A `from_pretrained`.
    needs : str
        The files that a local folder must have, for the message.
    hint : str
        One more way out, for the message.
    part : str
        What of the model it gives, for the message.
    files : tuple of str
        Which files are read now.
    weights : bool
        Whether weights are read now.

    Raises
    ------
    InputError
        If it cannot be loaded.
    """
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"the model {name!r} cannot be loaded: the name of a model is text")
    local = os.path.exists(name)
    if local:
        try:
            check_model_folder(Path(name), needs=files, weights=weights)
        except (ValueError, OSError) as error:
            raise refusal(name, str(error)) from error
    try:
        with nobody_to_ask():
            return loader(name, trust_remote_code=False, **options)
    except BaseException as error:  # libraries raise what they like here, and a panic of Rust's is no Exception
        if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError):
            raise
        if local:
            raise refusal(name, f"its {part} cannot be used ({reason(error)})") from error
        raise InputError(
            f"the model {name!r} cannot be loaded ({reason(error)}). Give a Hugging Face model name or a local folder "
            f"with {needs}; without a network, download it once elsewhere (`hf download {name}`){hint}"
        ) from error


def reason(error: BaseException) -> str:
    """What an error of a library says, on one line of at most 300 characters."""
    said = " ".join(str(error).split())
    said = said if len(said) <= LONGEST_REASON else said[:LONGEST_REASON] + "..."
    return said if isinstance(error, OSError | ValueError | ImportError) and said else f"{type(error).__name__}: {said}"


def refusal(name: str, fault: str) -> InputError:
    """What is said of a model that has a fault, in one sentence."""
    return InputError(f"the model {name!r} cannot be loaded: {fault}")


def refuse_code(folder: Path, about: str) -> None:
    """Check what a run was left as a model for code, before anything else is said of it.

    Parameters
    ----------
    folder : Path
        Of the model.
    about : str
        Name of the file in it that may name an encoder elsewhere, as `backbone`.

    Raises
    ------
    InputError
        If the folder, or that of the encoder, asks for code.
    """
    content = json_content(folder / about)
    named = content.get("backbone") if isinstance(content, dict) else None
    for where in (str(folder), named if isinstance(named, str) else ""):
        if any(os.path.isfile(os.path.join(where, name)) for name in OBJECTS):  # else it is no model of the library's
            try:
                check_code(Path(where))
            except (ValueError, OSError) as error:
                raise refusal(where, str(error)) from error


def load_config(name: str, needs: str, hint: str) -> Any:
    """The config of a model; one from the hub is checked here, that of a folder with its files.

    A hub model that names code of its own is used where transformers knows it without.

    Raises
    ------
    InputError
        If it cannot be loaded, or asks for code.
    """
    import transformers

    config = load(transformers.AutoConfig.from_pretrained, name, needs, hint)
    fault = asked_code({key: value for key, value in config.to_dict().items() if key != "auto_map"})
    if fault and not os.path.exists(name):
        raise refusal(name, f"{CONFIG} {fault}, and nothing that is received is ever run")
    return config


@contextmanager
def nobody_to_ask() -> Iterator[None]:
    """Standard input is empty in the block: a library that asks whether to run a model's code gets no answer."""
    before, sys.stdin = sys.stdin, io.StringIO()
    try:
        yield
    finally:
        sys.stdin = before
