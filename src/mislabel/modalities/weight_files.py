"""The safetensors files of a model folder, told by their headers: whole or cut, and what they hold."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SAFE, INDEX = "model.safetensors", "model.safetensors.index.json"
OTHERS = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.msgpack", "*.gguf", "*.onnx")
POINTER = b"version https://git-lfs"
LONGEST_HEADER = 100_000_000  # bytes, as the format has it


@dataclass(frozen=True)
class Stored:
    """What weight files hold.

    Attributes
    ----------
    tensors, numbers : int
        How many.
    """

    tensors: int
    numbers: int


def is_pointer(path: Path) -> bool:
    """Whether git-lfs left the address of a file instead of the file."""
    with path.open("rb") as file:
        return file.read(len(POINTER)) == POINTER


def read_weight_files(folder: Path, config: dict[str, Any]) -> Stored:
    """What the weights of a folder hold, by their headers alone.

    Raises
    ------
    ValueError
        If a file is missing, cut, or of another format; the message is the end of a sentence about the folder.
    """
    named = config.get("transformers_weights")
    first = folder / named if named else folder / SAFE
    if named or first.is_file():
        files = _shards(first) if first.name.endswith(".index.json") else [first]
    elif (folder / INDEX).is_file():
        files = _shards(folder / INDEX)
    else:
        raise ValueError(_without_weights(folder))
    counts = [_header(path) for path in files]
    return Stored(sum(one.tensors for one in counts), sum(one.numbers for one in counts))


def _without_weights(folder: Path) -> str:
    others = sorted(path.name for pattern in OTHERS for path in folder.glob(pattern))
    if others:
        return (
            f"its weights are in {others[0]}, and only {SAFE} is read, never pickle: load it where it came from and "
            "save it again with save_pretrained"
        )
    return f"it has no {SAFE}"


def _shards(index: Path) -> list[Path]:
    """The files that an index names, each once.

    Raises
    ------
    ValueError
        If one is not a safetensors file in the same folder.
    """
    try:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        strange = [name for name in names if Path(name).name != name or not name.endswith(".safetensors")]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{index.name} is damaged ({type(error).__name__})") from error
    if strange or not names:
        raise ValueError(f"{index.name} names {strange[:1] or 'no file'}, needed are safetensors files beside it")
    missing = [name for name in sorted(names) if not (index.parent / name).is_file()]
    if missing:
        raise ValueError(f"{len(missing)} of its {len(names)} weight files are missing, the first is {missing[0]}")
    return [index.parent / name for name in sorted(names)]


def _header(path: Path) -> Stored:
    if not path.is_file():
        raise ValueError(f"it has no {path.name}")
    size = path.stat().st_size
    if size == 0:
        raise ValueError(f"{path.name} is empty")
    if is_pointer(path):
        raise ValueError(f"{path.name} is a git-lfs pointer, not the file: fetch it with `git lfs pull`")
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > LONGEST_HEADER or 8 + length > size:
            raise ValueError(f"{path.name} is cut, or no safetensors file")
        header = file.read(length)
    try:
        entries = {name: entry for name, entry in json.loads(header).items() if name != "__metadata__"}
        end = max((int(entry["data_offsets"][1]) for entry in entries.values()), default=0)
        numbers = sum(math.prod(map(int, entry["shape"])) for entry in entries.values())
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise ValueError(f"the header of {path.name} is damaged ({type(error).__name__})") from error
    if not entries:
        raise ValueError(f"{path.name} holds no weights")
    if 8 + length + end != size:
        raise ValueError(f"{path.name} has {size} bytes where its header says {8 + length + end}: it is cut or damaged")
    return Stored(len(entries), numbers)
