"""The door for a model folder: what is wrong with its files is told before a library reads any of them."""

import json
from pathlib import Path
from typing import Any

from mislabel.modalities.foreign_code import asked_code, every_pair
from mislabel.modalities.weight_files import is_pointer, read_weight_files

CONFIG = "config.json"
OBJECTS = (CONFIG, "tokenizer_config.json", "special_tokens_map.json", "preprocessor_config.json",
           "processor_config.json", "adapter_config.json")  # fmt: skip
VOCABULARIES = ("tokenizer.json", "vocab.json")  # large, and never asked for code
LARGEST_JSON = 20_000_000  # bytes
WIDTHS = ("hidden_size", "d_model", "n_embd", "dim", "vocab_size", "intermediate_size")
DEPTHS = ("num_hidden_layers", "num_layers", "n_layer", "n_layers")


def check_model_folder(folder: Path, *, needs: tuple[str, ...] = (CONFIG,), weights: bool = True) -> None:
    """Check the files of a local model folder.

    Parameters
    ----------
    needs : tuple of str
        Files that it must have.
    weights : bool
        Whether its weights will be read.

    Raises
    ------
    ValueError
        If a file is missing, cut or of another format, or asks for code; the message is the end of a sentence.
    """
    if folder.is_file():
        raise ValueError("it is a file, and a folder is needed")
    for path in sorted(folder.iterdir()):
        if path.is_file() and is_pointer(path):
            raise ValueError(f"{path.name} is a git-lfs pointer, not the file: fetch it with `git lfs pull`")
    objects = {path.name: _object(path) for path in (folder / name for name in OBJECTS) if path.is_file()}
    if "adapter_config.json" in objects:
        raise ValueError("it holds an adapter: merge it into its model (merge_and_unload) and save that")
    _check_needed(folder, needs)
    check_code(folder)
    config = objects.get(CONFIG, {})
    if not isinstance(config.get("model_type", ""), str):
        raise ValueError(f"{CONFIG} says model_type {config['model_type']!r}, needed is a name")
    if weights:
        _check_sizes(config, folder)


def _check_needed(folder: Path, needs: tuple[str, ...]) -> None:
    missing = [name for name in needs if not (folder / name).is_file()]
    if missing:
        inner = next((path.parent.name for path in sorted(folder.glob(f"*/{CONFIG}"))), None)
        raise ValueError(f"it has no {missing[0]}" + (f", but its folder {inner} has: give that one" if inner else ""))


def check_code(folder: Path) -> None:
    """No JSON of the folder, or of a folder in it, may ask for code; vocabularies are data and too large to look at.

    Raises
    ------
    ValueError
        If one does; the message is the end of a sentence.
    """
    for path in sorted([*folder.glob("*.json"), *folder.glob("*/*.json")]):
        if path.name not in VOCABULARIES and path.is_file() and path.stat().st_size <= LARGEST_JSON:
            fault = asked_code(json_content(path))
            if fault:
                raise ValueError(f"{path.relative_to(folder)} {fault}, and nothing that is received is ever run")


def _object(path: Path) -> dict[str, Any]:
    """The object in a JSON file."""
    if path.stat().st_size == 0:
        raise ValueError(f"{path.name} is empty")
    if path.stat().st_size > LARGEST_JSON:
        raise ValueError(f"{path.name} has {path.stat().st_size} bytes, which no such file has")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path.name} is damaged ({error})") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} holds a {type(content).__name__} where an object is needed")
    return content


def json_content(path: Path) -> Any:
    """What a JSON file holds, None where it cannot be read: then nothing else reads it either."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError):
        return None


def _check_sizes(config: dict[str, Any], folder: Path) -> None:
    """A config that speaks of more than the weights hold would be built before the difference showed."""
    stored = read_weight_files(folder, config)
    limits = dict.fromkeys(WIDTHS, (stored.numbers, "numbers")) | dict.fromkeys(DEPTHS, (stored.tensors, "tensors"))
    for key, value in every_pair(config):
        limit, unit = limits.get(key, (value, ""))
        if isinstance(value, int) and value > limit:
            raise ValueError(f"{CONFIG} says {key} {value}, and its weights hold {limit} {unit}")
