"""The checked Dataset of (id, input, given label)."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mislabel.data.labels import Labels as Labels
    from mislabel.data.labels import encode_against as encode_against
    from mislabel.data.labels import encode_labels as encode_labels
    from mislabel.data.rows import Dataset as Dataset
    from mislabel.data.rows import conflicts as conflicts

_HOMES = {
    "Dataset": "rows",
    "Labels": "labels",
    "conflicts": "rows",
    "encode_against": "labels",
    "encode_labels": "labels",
}
__all__ = list(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    # the command line asks `plan` for its options, and should not wait for pandas
    if name not in _HOMES:
        raise AttributeError(f"module 'mislabel.data' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"mislabel.data.{_HOMES[name]}"), name)
