"""What the JSON files of a run must look like where it matters to who reads them: a received run may say anything.

Keys that are not declared may hold what they like; nothing but the table of settings in a report shows them.
"""

from typing import Annotated, Any

from pydantic import AfterValidator
from typing_extensions import TypedDict  # pydantic takes no other before Python 3.12

Number = float | int | bool | None


def _different(classes: list[Any]) -> list[Any]:
    if len({(type(value), value) for value in classes}) < len(classes):
        raise ValueError("a class stands there twice")
    return classes


class Data(TypedDict, total=False):
    """The part `data` of config.json."""

    name: str
    source: str | None
    modality: str
    fingerprint: str
    rows: int
    columns: dict[str, str | None]
    classes: Annotated[list[str | int | float | bool], AfterValidator(_different)]


class Config(TypedDict, total=False):
    """config.json."""

    settings: dict[str, Any]
    data: Data
    versions: dict[str, Any]
    command: str
    notes: list[str]


class Metrics(TypedDict, total=False):
    """metrics.json."""

    rows: int
    classes: int
    method: str
    notes: list[str]
    epochs: list[dict[str, Any]]
    agreement: dict[str, Number]
    noise_rate: dict[str, Any]
    seconds: dict[str, float]
    peak_memory_mb: dict[str, float]
    detection: dict[str, Number]
    suggestion: dict[str, Number]
    trusted: dict[str, Any]
    evidence: dict[str, Any]
