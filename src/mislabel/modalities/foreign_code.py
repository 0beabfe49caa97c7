"""Whether the JSON of a model asks for code: what is received is data, and none of it is ever run.

transformers runs a model's own Python where `trust_remote_code` allows it or a person answers "y", fetches kernels that
a config names, and lets a config choose among its classes. Each of these is refused before anything is loaded.
"""

import re
from collections.abc import Iterator
from typing import Any

TOKENIZER = re.compile(r"(?!Auto|Rag)\w*(Tokenizer|TokenizerFast|Backend)")
PROCESSOR = re.compile(r"(?!Auto)\w*(ImageProcessor|ImageProcessorFast|ImageProcessorPil|FeatureExtractor)")
CLASSES = {"tokenizer_class": TOKENIZER, "image_processor_type": PROCESSOR, "feature_extractor_type": PROCESSOR}
WEIGHTS = (".safetensors", ".safetensors.index.json")


def asked_code(content: Any) -> str | None:
    """What of the content of a JSON file, at any depth, asks for code or pickle; None where nothing does."""
    return next((fault for key, value in every_pair(content) if (fault := _fault(key, value))), None)


def every_pair(content: Any) -> Iterator[tuple[Any, Any]]:
    """Every key with its value, at any depth; without recursion, which deep JSON would exhaust."""
    waiting = [content]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield from part.items()
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part


def _fault(key: Any, value: Any) -> str | None:
    """What one key asks for; one whose value is a number is a word of a vocabulary or the name of a class."""
    named = isinstance(value, str) and bool(value)
    if key == "auto_map" and value and isinstance(value, str | list | dict):
        return "names Python code of its own (auto_map)"
    if str(key).endswith("_implementation") and any("/" in name for name in _strings(value)):
        return f"names a kernel to fetch and run ({key})"
    if key == "checkpoint_path" and named:
        return "names a checkpoint that would be unpickled (checkpoint_path)"
    if key == "transformers_weights" and named and not value.endswith(WEIGHTS):
        return "names weights that are not safetensors (transformers_weights)"
    if key in CLASSES and named and not CLASSES[key].fullmatch(value):
        return f"names the class {value!r} as {key}, which is none of that kind"
    return None


def _strings(value: Any) -> list[str]:
    values = list(value.values()) if isinstance(value, dict) else [value]
    return [one for one in values if isinstance(one, str)]
