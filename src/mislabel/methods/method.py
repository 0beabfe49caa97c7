"""What a method is: stages to train through, and a posterior from what they recorded."""

import inspect
from dataclasses import MISSING, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:  # the names of methods need none of these, and stages bring torch
    import numpy as np

    from mislabel.dynamics.store import DynamicsStore
    from mislabel.posterior.posterior import Posterior
    from mislabel.training.stages import Stage

CALLS: dict[str, tuple[str, ...]] = {
    "stages": ("self",),
    "posterior": ("self", "stages", "dynamics", "given", "probabilities"),
}


@runtime_checkable
class Method(Protocol):
    """The options of a method, as a frozen dataclass with a default for each, and what is made of them.

    One that needs no probabilities of all rows and classes at once says ``many_classes: ClassVar[bool] = True``: where
    these are very many, `posterior` gets and gives `mislabel.posterior.likeliest.Likeliest`.
    One whose losses learn from `Batch.opinion` says ``learns_from_evidence: ClassVar[bool] = True``.
    One that weighs labels before training has ``row_worth(nearness, given)``. It takes how much nearer than usual the
    n rows are to each of K classes by a frozen model, (n, K), minus infinity where nothing is known of a class, and the
    labels (n,); it gives the weights of the rows, (n,) with a mean of 1.
    One that lets evidence be made anew while it trains has ``hear(stages, reconsider)``. It keeps a function from what
    the network says of the n rows, (n, K), and its embeddings, (n, d), to their new posterior, (n, K), and what is to
    be told of that, for JSON.
    """

    def stages(self) -> "list[Stage]":
        """The stages to train through, in order; new ones with each call."""
        ...

    def posterior(
        self, stages: "list[Stage]", dynamics: "DynamicsStore", given: "np.ndarray", probabilities: "np.ndarray"
    ) -> "Posterior":
        """The posterior of the training rows' true labels.

        Parameters
        ----------
        stages : list of Stage
            Those that were trained.
        dynamics : DynamicsStore
            What they recorded.
        given : (n,) int64
            The labels that were learnt from.
        probabilities : (n, K) float32
            The final model's.
        """
        ...


def check_method(kind: object) -> None:
    """Raise unless a class is a method.

    Raises
    ------
    TypeError
        With all that it lacks, in one sentence.
    """
    if not isinstance(kind, type):
        raise TypeError(f"{kind!r} is no method: needed a class, a frozen dataclass of options")
    name = f"{kind.__module__}.{kind.__qualname__}"
    lacks = [_signature(name, arguments) for name, arguments in CALLS.items() if not _takes(kind, name, arguments)]
    if not is_dataclass(kind):
        lacks.append("@dataclass(frozen=True)")
    else:
        if not kind.__dataclass_params__.frozen:  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
            lacks.append("frozen=True in @dataclass")
        lacks += [
            f"a default for option {option.name}"
            for option in fields(kind)
            if option.init and option.default is MISSING and option.default_factory is MISSING
        ]
    if lacks:
        raise TypeError(f"{name} is no method: it lacks {', '.join(lacks)}")


def _takes(kind: type[Any], name: str, arguments: tuple[str, ...]) -> bool:
    """Whether a class has a function that can be called with as many arguments."""
    function = getattr(kind, name, None)
    if not callable(function):
        return False
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        return False
    return True


def _signature(name: str, arguments: tuple[str, ...]) -> str:
    return f"{name}({', '.join(arguments)})"
