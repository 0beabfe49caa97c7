"""The course of a method in somebody else's training: its stages over so many epochs, or why it cannot be had."""

from dataclasses import dataclass, fields
from typing import Any

from mislabel.errors import InputError
from mislabel.methods import METHODS, Method, method_entry
from mislabel.methods.ce import CE
from mislabel.settings import make_settings
from mislabel.training.stages import Stage


@dataclass(frozen=True)
class Course:
    """What is trained, and what is made of it.

    Attributes
    ----------
    name : str, optional
        Of the method; None where training is only watched.
    method : Method
    stages : list of Stage
    """

    name: str | None
    method: Method
    stages: list[Stage]

    def at(self, epoch: int) -> tuple[int, int]:
        """The number of the stage that an epoch belongs to, and the epoch within it; both from 0."""
        for number, stage in enumerate(self.stages):
            if epoch < stage.epochs:
                return number, epoch
            epoch -= stage.epochs
        raise IndexError(f"the course has {sum(stage.epochs for stage in self.stages)} epochs")


def course_of(name: str | None, options: dict[str, Any], epochs: int) -> Course:
    """The course of a method over `epochs` epochs.

    Its options of epochs (`epochs`, `warm_epochs`, ...) that are not named take a share of `epochs` as by their
    defaults, each at least one.

    Raises
    ------
    InputError
        If the method or an option is not known, the method asks for more than a training of one network with its own
        batches gives, or its epochs cannot be `epochs`.
    """
    if name is None:
        if options:
            raise InputError(f"options {', '.join(options)} were given without a method: name one, or leave them out")
        watched = CE(epochs=epochs)
        return Course(None, watched, watched.stages())
    method = fitted(method_of(name, options), options, epochs)
    stages = method.stages()
    if _epochs(method) != epochs:
        told = ", ".join(f"{stage.name} {stage.epochs}" for stage in stages)
        raise InputError(
            f"args.num_train_epochs comes to {epochs} epochs and method {name!r} takes {_epochs(method)} ({told}): "
            "give as many, or name its options of epochs so that they add up"
        )
    return Course(name, method, stages)


def method_of(name: str, options: dict[str, Any]) -> Method:
    """A method with these options that can be trained so; errors as by `course_of`, but for epochs."""
    method: Method = make_settings(method_entry(name).make, options)
    reason = beyond(method)
    if reason is not None:
        raise InputError(
            f"method {name!r} {reason}, which a Trainer does not give: train it with `mislabel train --method {name}`, "
            f"or choose one of {', '.join(possible())}"
        )
    return method


def beyond(method: Method) -> str | None:
    """What a method asks for beyond one network and its batches, as the end of a sentence; None where it is nothing."""
    if getattr(method, "learns_from_evidence", False):
        return "learns from what frozen embeddings say of the rows"
    if hasattr(method, "row_worth"):
        return "weighs rows by what a frozen model says of them"
    for number, stage in enumerate(method.stages()):
        asked = {
            f"trains {stage.branches} networks side by side": stage.branches > 1,
            "records embeddings and weights after every epoch": stage.trajectory is not None,
            "trains with the encoder frozen": stage.frozen,
            "learns from what the last layer reads": stage.features,
            "learns from a mean of the weights": stage.teacher > 0,
            "reshapes the features of a frozen encoder": stage.reshapes,
            "looks at what its network answers to": stage.prunes,
            "holds rows back from training": stage.validation > 0 or stage.waits > 0,
            "starts again from new weights": stage.start == "fresh" and number > 0,
        }
        for words, needed in asked.items():
            if needed:
                return f"{words} (stage {stage.name!r})"
    return None


def possible() -> list[str]:
    """The names of the methods, at their defaults, for which `beyond` finds nothing."""
    return [name for name, entry in METHODS.items() if beyond(entry.make()) is None]


def fitted(method: Method, options: dict[str, Any], epochs: int) -> Method:
    """A method whose stages have so many epochs in all, or as nearly as the options that are not named allow.

    These are scaled alike, and then one after the other moves by one epoch, the one that was rounded furthest first.
    """
    kind: Any = type(method)
    free = {each.name: getattr(method, each.name) for each in fields(kind) if each.name.endswith("epochs")}
    free = {name: value for name, value in free.items() if name not in options}
    before = _epochs(method)
    if before == epochs or not free:
        return method
    scaled = {name: value * epochs / before for name, value in free.items()}
    whole = {name: max(1, round(value)) for name, value in scaled.items()}
    while missing := epochs - _epochs(make_settings(kind, options | whole)):
        step = 1 if missing > 0 else -1
        moved = [{**whole, name: value + step} for name, value in whole.items() if value + step > 0]
        nearer = [each for each in moved if abs(epochs - _epochs(make_settings(kind, options | each))) < abs(missing)]
        if not nearer:
            break
        whole = min(nearer, key=lambda each: sum(abs(each[name] - scaled[name]) for name in each))
    return make_settings(kind, options | whole)


def _epochs(method: Method) -> int:
    return sum(stage.epochs for stage in method.stages())
