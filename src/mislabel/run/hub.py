"""A model folder goes to the Hugging Face hub, and comes from there. Nothing else of a run does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mislabel.errors import InputError, RunError, without_secrets
from mislabel.files import json_bytes
from mislabel.integrity import check_file, read_digests, read_object
from mislabel.modalities.heads import has_head
from mislabel.modalities.safe_loading import reason
from mislabel.run.entries import check_plain
from mislabel.run.model_card import is_local
from mislabel.run.predictor import ABOUT, CARD, check_model

READ = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")  # what a model folder of ours is made of
FAULTS = {
    401: "it does not accept the token (401): log in again with `hf auth login`, or set HF_TOKEN",
    403: "the token may not write there (403): take one that may, or a name of your own",
    404: "it has no such model repository, or the token may not see it (404)",
}


def push(folder: Path, name: str, *, private: bool = False, card: Callable[[], str] | None = None) -> str:
    """Upload a model folder as one commit to a repository, which is made where there is none.

    Parameters
    ----------
    folder : Path
        Of the model; in a run folder, only what that run wrote is uploaded.
    name : str
        USER/NAME or ORGANISATION/NAME.
    private : bool
        Whether nobody else may see it.
    card : callable, optional
        Gives the model card of a folder that has none, as those of earlier versions.

    Returns
    -------
    str
        The address of the model.

    Raises
    ------
    InputError
        If the name cannot be one, the folder holds no model, one that nobody else could load, or is to be private and
        the repository is not.
    RunError
        If a file is damaged, or the hub cannot be reached or refuses.
    """
    from huggingface_hub import CommitOperationAdd, HfApi, constants, get_token

    check_name(name)
    files = _files(folder, card)
    if constants.is_offline_mode():
        raise RunError("nothing was uploaded: the environment says to stay offline; unset HF_HUB_OFFLINE to push")
    if get_token() is None:
        raise RunError("nothing was uploaded: there is no token; log in with `hf auth login`, or set HF_TOKEN")
    with _told(f"nothing was uploaded to {name}"):
        api = HfApi(library_name="mislabel")
        address = api.create_repo(name, private=private or None, exist_ok=True)
        if private and not api.repo_info(name).private:
            raise InputError(f"{name} is there already and not private: choose another name, or make it private first")
        additions = [CommitOperationAdd(path, content) for path, content in files.items()]
        api.create_commit(name, additions, commit_message="Upload a model of mislabel")
    return str(address)


def fetch(name: str | Path) -> Path:
    """A model folder: the one of this path, or that of a repository of the hub, downloaded where it is not yet.

    Raises
    ------
    InputError
        If there is none, or it cannot be downloaded.
    """
    if Path(name).exists():
        return Path(name)
    check_name(str(name))
    from huggingface_hub import snapshot_download

    try:
        with _told(f"the model {str(name)!r} cannot be loaded"):
            return Path(snapshot_download(str(name), allow_patterns=list(READ)))
    except RunError as error:
        raise InputError(f"{error}; give the name of a repository, or a folder of `save_pretrained`") from error


def check_name(name: str) -> None:
    """Raise InputError unless a repository of somebody can be called so."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise InputError(f"{name!r} is no name of a repository: {error}") from error
    if "/" not in name:
        raise InputError(f"{name!r} does not say whose repository it is: write USER/{name}")


def _files(folder: Path, card: Callable[[], str] | None) -> dict[str, Path | bytes]:
    """The files of a model, by their names in it, as they are to be uploaded."""
    check_plain([folder])
    check_model(folder)
    about = read_object(folder / ABOUT)
    known = read_digests(folder.parent)
    files: dict[str, Path | bytes] = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in inside.parts)
        if path.is_file() and not hidden and (known is None or (folder.name / inside).as_posix() in known):
            check_file(path)
            files[inside.as_posix()] = path
    if CARD not in files and card is not None:
        files[CARD] = card().encode()
    backbone = about.get("backbone") or ""
    if backbone and is_local(backbone):
        if has_head(folder):
            raise InputError(
                f"the model is a head on the encoder in the folder {backbone}, without which nobody else can load it: "
                "push that encoder, and train on its name"
            )
        files[ABOUT] = json_bytes(about | {"backbone": ""}, indent=None)  # not needed, and a path of this machine
    return files


@contextmanager
def _told(what: str) -> Iterator[None]:
    """What goes wrong with the hub in the block becomes one sentence without secrets."""
    try:
        yield
    except (InputError, RunError):
        raise
    except Exception as error:  # the libraries below raise what they like
        raise RunError(f"{what}: {_fault(error)}") from error


def _fault(error: BaseException) -> str:
    response: Any = getattr(error, "response", None)
    if response is not None:
        status = response.status_code
        said = getattr(error, "server_message", None)
        return FAULTS.get(status, f"the hub answers {status}" + (f" ({without_secrets(str(said))})" if said else ""))
    if isinstance(error, RuntimeError) and error.__cause__ is not None:  # which file it was says less than why
        return _fault(error.__cause__)
    from huggingface_hub import constants

    # What carries its requests has errors of its own, under the name of whichever library that is.
    lost = isinstance(error, OSError) or any(kind.__name__ == "HTTPError" for kind in type(error).__mro__)
    return without_secrets(f"{constants.ENDPOINT} cannot be reached ({reason(error)})" if lost else reason(error))
