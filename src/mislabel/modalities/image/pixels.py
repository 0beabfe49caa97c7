"""Images as numbers: arrays of uint8 (h, w) or (h, w, 3) out of what arrays are given."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mislabel.errors import InputError, some_ids

_SHAPES = "(h, w), (h, w, 1) or (h, w, 3)"


def split_stack(stack: np.ndarray, name: str) -> list[np.ndarray]:
    """The n images (views) in one array (n, h, w), (n, h, w, 1) or (n, h, w, 3).

    Raises
    ------
    InputError
        If the array has another shape; for flat ones and channels in front the message says what to do.
    """
    shape = stack.shape
    if stack.ndim == 3 or (stack.ndim == 4 and shape[3] in (1, 3)):
        return list(stack)
    message = f"{name}: an array of shape {shape} was given; needed is (n, h, w), (n, h, w, 1) or (n, h, w, 3)"
    if stack.ndim == 2:
        raise InputError(
            f"{message}. This looks like features or flattened images; reshape to (n, h, w) or use features"
        )
    if stack.ndim == 4 and shape[1] in (1, 3):
        raise InputError(f"{message}. The channels come first here: numpy.moveaxis({name}, 1, 3) puts them last")
    if stack.ndim == 4 and shape[3] == 4:
        raise InputError(f"{message}. Leave the fourth channel out: {name}[..., :3]")
    raise InputError(message)


def as_uint8(arrays: Mapping[int, np.ndarray], ids: Sequence[Any], name: str) -> dict[int, np.ndarray]:
    """Arrays by their position, each as uint8 (h, w) or (h, w, 3); those that are so already are not copied.

    Floats that all lie in [0, 1] are multiplied by 255 and rounded; otherwise they, like integers, must be whole
    numbers in 0..255. All arrays of floats are judged together, so that a dark image is not stretched.

    Raises
    ------
    InputError
        If an array has another shape, is not of numbers, or holds NaN, infinity or numbers outside of these ranges.
    """
    _refuse(arrays, ids, name, lambda array: not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3))),
            lambda array: f"an array of shape {array.shape}", f"each image needs the shape {_SHAPES}")  # fmt: skip
    _refuse(arrays, ids, name, lambda array: array.dtype.kind not in "uif", lambda array: f"an array of {array.dtype}",
            "pixels must be uint8, whole numbers in 0..255, or floats in 0..1")  # fmt: skip
    floats = {position: array for position, array in arrays.items() if array.dtype.kind == "f"}
    _refuse(floats, ids, name, lambda array: not np.isfinite(array).all(), lambda _: "NaN or infinity",
            "every pixel needs a number; fill them, or leave these rows out")  # fmt: skip
    checked = {np.dtype(np.uint8), *(array.dtype for array in floats.values())}  # of uint8 every value is a pixel
    integers = {position: array for position, array in arrays.items() if array.dtype not in checked}
    _check_range(integers, name)
    unit = all(array.size == 0 or (array.min() >= 0 and array.max() <= 1) for array in floats.values())
    if not unit:
        _check_range(floats, name)
    done = {}
    for position, array in arrays.items():
        if position in floats:
            array = np.rint(array.astype(np.float64) * 255) if unit else array
        array = array.astype(np.uint8, copy=False)
        done[position] = array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array
    return done


def _refuse(arrays, ids, name, is_wrong, describe, needed) -> None:
    """Raise an error that names the wrong rows and what they hold, if there are any."""
    wrong = [position for position, array in arrays.items() if is_wrong(array)]
    if wrong:
        descriptions = list(dict.fromkeys(describe(arrays[position]) for position in wrong))
        more = ", ..." if len(descriptions) > 3 else ""
        rows = some_ids(ids[position] for position in wrong)
        raise InputError(f"{name}: {len(wrong)} rows hold {', '.join(descriptions[:3])}{more}: rows {rows}; {needed}")


def _check_range(arrays: Mapping[int, np.ndarray], name: str) -> None:
    filled = [array for array in arrays.values() if array.size]
    if not filled:
        return
    low, high = min(array.min() for array in filled), max(array.max() for array in filled)
    whole = all(array.dtype.kind != "f" or (array == np.rint(array)).all() for array in filled)
    if low < 0 or high > 255 or not whole:
        kind = "numbers" if whole else "not only whole numbers,"
        raise InputError(
            f"{name}: the arrays hold {kind} from {low:g} to {high:g}; pixels must be uint8, whole numbers in 0..255, "
            "or floats in 0..1. Rescale them, or round them and convert to uint8"
        )
