"""Arrays of pixels: every accepted form gives the same uint8, everything else says what was found."""

import numpy as np
import pytest

from mislabel.errors import InputError
from mislabel.modalities.image.pixels import as_uint8, split_stack

PIXELS = np.random.default_rng(0).integers(0, 256, size=(4, 5, 6, 3), dtype=np.uint8)
IDS = [f"r{place}" for place in range(4)]


def convert(stack):
    return as_uint8(dict(enumerate(stack)), IDS, "x")


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int64, np.float16, np.float32, np.float64])
def test_whole_numbers(kind):
    for stack in (PIXELS, PIXELS[..., 0]):
        done = convert(split_stack(stack.astype(kind), "x"))
        np.testing.assert_array_equal(np.stack(list(done.values())), stack)
        assert {array.dtype for array in done.values()} == {np.dtype(np.uint8)}


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_floats_up_to_one(kind):
    done = convert((PIXELS / 255).astype(kind))
    np.testing.assert_array_equal(np.stack(list(done.values())), PIXELS)


def test_one_channel_is_dropped():
    stack = PIXELS[..., :1]
    done = convert(split_stack(stack, "x"))
    np.testing.assert_array_equal(np.stack(list(done.values())), stack[..., 0])


def test_uint8_is_not_copied():
    assert np.shares_memory(convert(PIXELS)[2], PIXELS)


def test_a_dark_image_beside_bright_ones_stays_dark():
    dark, bright = np.ones((2, 2)), np.full((2, 2), 200.0)
    assert convert([dark, bright])[0].max() == 1
    assert convert([dark, np.zeros((2, 2))])[0].max() == 255
    assert convert([dark.astype(int)])[0].max() == 1


def test_places_are_kept():
    assert list(as_uint8({2: PIXELS[0], 0: PIXELS[1]}, IDS, "x")) == [2, 0]
    assert as_uint8({}, IDS, "x") == {}


@pytest.mark.parametrize(
    ("stack", "said"),
    [(PIXELS / 255 * 2 - 1, r"not only whole numbers, from -1 to 1"), (PIXELS.astype(int) * 2, "numbers from 0 to 5"),
     (PIXELS.astype(float) + 0.5, "not only whole numbers, from"), (PIXELS.astype(np.int16) - 300, "from -300 to -"),
     (PIXELS.astype(np.float64) * 1e6, "pixels must be uint8, whole numbers in 0..255, or floats in 0..1")],
)  # fmt: skip
def test_other_numbers(stack, said):
    with pytest.raises(InputError, match=f"x: the arrays hold .*{said}|{said}"):
        convert(stack)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_names_its_rows(value):
    stack = PIXELS / 255
    stack[1, 0, 0, 0] = stack[3, 0, 0, 0] = value
    with pytest.raises(InputError, match=r"x: 2 rows hold NaN or infinity: rows 'r1', 'r3'; every pixel needs"):
        convert(stack)


@pytest.mark.parametrize("kind", [bool, complex, "U3", object])
def test_no_numbers(kind):
    with pytest.raises(InputError, match="4 rows hold an array of .*; pixels must be uint8"):
        convert(PIXELS.astype(kind))


@pytest.mark.parametrize("shape", [(), (7,), (2, 2, 4), (2, 2, 2), (3, 8, 8), (1, 2, 2, 3)])
def test_shape_of_one(shape):
    with pytest.raises(InputError, match=r"1 rows hold an array of shape .*: rows 'r1'; .*\(h, w\), \(h, w, 1\) or"):
        convert([PIXELS[0], np.zeros(shape)])


@pytest.mark.parametrize(
    ("shape", "said"),
    [((9, 784), r"\(9, 784\) was given.*looks like features or flattened images; reshape to \(n, h, w\) or use feat"),
     ((9, 3, 8, 8), "channels come first here: numpy.moveaxis"), ((9, 8, 8, 4), r"Leave the fourth channel out: x\["),
     ((9, 8, 8, 2), r"needed is \(n, h, w\)"), ((1, 2, 3, 4, 5), r"needed is \(n, h, w\)")],
)  # fmt: skip
def test_shape_of_a_stack(shape, said):
    with pytest.raises(InputError, match=said):
        split_stack(np.zeros(shape, dtype=np.uint8), "x")
