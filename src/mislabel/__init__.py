"""Learn from labels that are partly wrong, and find the wrong ones."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mislabel.audit import Audit as Audit
    from mislabel.doors.probabilities import audit_from as audit_from
    from mislabel.doors.recorder import Recorder as Recorder
    from mislabel.errors import InputError as InputError
    from mislabel.errors import RunError as RunError
    from mislabel.estimators import FeatureClassifier as FeatureClassifier
    from mislabel.estimators import ImageClassifier as ImageClassifier
    from mislabel.estimators import TextClassifier as TextClassifier

__version__ = "0.1.0"
_HOMES = {
    "Audit": "audit",
    "FeatureClassifier": "estimators",
    "ImageClassifier": "estimators",
    "InputError": "errors",
    "Recorder": "doors.recorder",
    "RunError": "errors",
    "TextClassifier": "estimators",
    "audit_from": "doors.probabilities",
}
__all__ = [*_HOMES, "__version__"]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    # torch and transformers take seconds to import: they wait until a name that needs them is used
    if name not in _HOMES:
        raise AttributeError(f"module 'mislabel' has no attribute {name!r}")
    from importlib import import_module

    from mislabel.errors import lacks_training

    try:
        return getattr(import_module(f"mislabel.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        raise ImportError(lacks_training(error) or str(error), name=error.name) from error


def __dir__() -> list[str]:
    return sorted(__all__)
