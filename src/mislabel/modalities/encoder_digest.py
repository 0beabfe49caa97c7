"""Which encoder a run stands on: a digest of its weights, so that another one under the same name is noticed."""

import hashlib
import json

import torch
from torch import nn
from typing_extensions import TypedDict  # pydantic takes no other before Python 3.12

from mislabel.errors import RunError
from mislabel.files import write_json
from mislabel.integrity import SIZE, add_digests, read_object
from mislabel.modalities.contract import Storage


class EncoderFile(TypedDict):
    """What encoder.json says."""

    name: str
    digest: str


def network_digest(network: nn.Module, *also: object, without: str | None = None) -> str:
    """A digest of all weights, and of more that JSON can hold, in hex: the same for the same encoder, however stored.

    Parameters
    ----------
    without : str, optional
        Weights whose names contain it are left out, as those that are new whenever the encoder is loaded.
    """
    result = hashlib.blake2b(json.dumps(also, sort_keys=True).encode(), digest_size=SIZE)
    for name, value in sorted(network.state_dict().items()):
        if without is not None and without in name:
            continue
        result.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        result.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return result.hexdigest()


def check_encoder(name: str, digest: str, known: str | None) -> None:
    """Raise RunError where an encoder is not the one that a run stands on; runs of 0.1.0 do not tell (None)."""
    if known is not None and digest != known:
        raise RunError(
            f"the encoder {name} is not the one that the run was made with: its weights or its tokenizer differ. Put "
            "back what it was, or make the run again"
        )


def keep_encoder(storage: Storage | None, name: str, digest: str, main: bool) -> None:
    """Write down which encoder a run stands on; raises as `check_encoder` where it goes on with another."""
    if storage is None:
        return
    if storage.encoder.is_file():
        check_encoder(name, digest, read_object(storage.encoder, EncoderFile)["digest"])
    elif main:
        write_json(storage.encoder, {"name": name, "digest": digest})
        add_digests(storage.path, storage.encoder)
