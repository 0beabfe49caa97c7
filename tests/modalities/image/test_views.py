"""Views of images against brute force, Pillow, and kornia's own RandAugment."""

import random
import sys

import numpy as np
import pytest
import torch
from kornia.augmentation.auto import RandAugment
from kornia.augmentation.auto.rand_augment.rand_augment import default_policy
from PIL import Image, ImageEnhance, ImageOps
from scipy.stats import chisquare

from mislabel.errors import InputError
from mislabel.modalities.image import views
from mislabel.modalities.image.views import named_operations, strong_view, weak_view

SHAPES = [(8, 8), (32, 32), (30, 50), (5, 17)]
WARPS = ["rotate", "shear_x", "shear_y", "translate_x", "translate_y"]
POLICY = {name: (low, high) for ((name, low, high),) in default_policy}
LEVEL = 1 / 255


def noise(size, height, width, low=0, high=256):
    """(size, 3, height, width) uint8, no two pixels alike but by chance."""
    made = np.random.default_rng(size * height + width).integers(low, high, (size, 3, height, width))
    return torch.from_numpy(made.astype(np.uint8))


def picture(height=40, width=64):
    """(1, 3, h, w) uint8 of many levels, waves and some noise: every operation changes it."""
    down, across = np.mgrid[:height, :width]
    waves = [np.sin(across / 9 + k) * np.cos(down / (7 + k)) + across / width for k in range(3)]
    levels = [20 + 200 * (wave - wave.min()) / np.ptp(wave) for wave in waves]
    grains = np.random.default_rng(0).integers(-15, 16, (3, height, width))
    return torch.from_numpy((np.stack(levels) + grains).astype(np.uint8))[None]


def pillow(images):
    return Image.fromarray(images[0].permute(1, 2, 0).numpy())


def as_view(image):
    return torch.from_numpy(np.asarray(image).astype(np.float32) / 255).permute(2, 0, 1)[None]


def crops(image):
    """All crops of one (3, h, w) image, (2 flips, offsets down, offsets across, 3, h, w)."""
    height, width = image.shape[1:]
    down, across = height // 8, width // 8
    padded = np.pad(image, ((0, 0), (down, down), (across, across)), mode="reflect")
    found = np.lib.stride_tricks.sliding_window_view(padded, (3, height, width))[0]
    return np.stack([found, found[..., ::-1]])


def squares(view):
    """Where all channels are exactly 0.5, which no uint8 / 255 is, (b, h, w) bool."""
    return (view == 0.5).all(1)


def outside_square(one, other, tolerance=0.0):
    """Whether two views agree except in the grey square of the first, (b,) bool."""
    return ((one - other).abs().amax(1) <= tolerance).logical_or(squares(one)).flatten(1).all(1)


@pytest.mark.parametrize("shape", SHAPES)
def test_weak_views_are_crops_of_the_padded_image(shape):
    images = noise(40, *shape)
    torch.manual_seed(1)
    found = weak_view(images).numpy()
    for image, view in zip(images.numpy(), found, strict=True):
        same = (crops(image).astype(np.float32) / np.float32(255) == view).all((-1, -2, -3))
        assert same.sum() == 1


def test_all_crops_and_flips_are_equally_frequent():
    """18 cells with 200 expected each."""
    images = noise(1, 8, 8).expand(3600, -1, -1, -1)
    torch.manual_seed(2)
    found = (weak_view(images) * 255).round().to(torch.uint8).numpy()
    wanted = crops(images[0].numpy()).reshape(18, 3, 8, 8)
    counts = [(found == crop).all((1, 2, 3)).sum() for crop in wanted]
    assert sum(counts) == 3600
    assert chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize(("side", "size"), [((8, 8), 1), ((32, 32), 5), ((30, 50), 4), ((64, 40), 6)])
def test_the_cutout_is_one_grey_square_and_the_rest_is_a_weak_view(side, size):
    images = noise(60, *side)
    torch.manual_seed(3)
    strong = strong_view(images, operations=0)
    torch.manual_seed(3)
    assert outside_square(strong, weak_view(images)).all()
    for grey in squares(strong).numpy():
        rows, columns = np.flatnonzero(grey.any(1)), np.flatnonzero(grey.any(0))
        assert grey.sum() == len(rows) * len(columns)
        for places, length in zip((rows, columns), side, strict=True):
            assert np.ptp(places) == len(places) - 1
            assert len(places) == size or (len(places) < size and (places[0] == 0 or places[-1] == length - 1))


def test_the_cutout_is_anywhere():
    """A square of one pixel is uniform over 8 x 8; larger ones lose what sticks out, which brute force counts."""
    torch.manual_seed(4)
    counts = squares(strong_view(noise(1, 8, 8).expand(6400, -1, -1, -1), operations=0)).sum(0)
    assert chisquare(counts.flatten().numpy()).pvalue > 1e-4
    share = squares(strong_view(noise(1, 32, 32).expand(2000, -1, -1, -1), operations=0)).float().mean()
    seen = np.mean([sum(0 <= middle + k < 32 for k in range(-2, 3)) for middle in range(32)])
    assert float(share) == pytest.approx((seen / 32) ** 2, rel=0.02)


def test_every_image_has_an_operation_of_its_own_or_none():
    """One round: each view is its weak view or one operation on it alone, with either sign; all of them occur."""
    images = noise(400, 24, 24, 30, 200)
    torch.manual_seed(5)
    strong = strong_view(images, operations=1)
    torch.manual_seed(5)
    weak = weak_view(images)
    operations = named_operations(10, weak)
    made = {("none", 0): outside_square(strong, weak, 1e-5)}
    for name, operation in operations.items():
        for sign in (1, -1) if name in WARPS else (1,):
            alone = torch.cat([operation(one[None], torch.tensor([sign])) for one in weak])
            made[name, sign] = outside_square(strong, alone, 1e-5)
    hits = torch.stack(list(made.values())).sum(1)
    assert (torch.stack(list(made.values())).sum(0) == 1).all()
    assert (hits > 0).all()
    assert set(operations) == set(POLICY)


def test_operations_are_drawn_uniformly_and_half_of_the_time_none(monkeypatch):
    def paint(level):
        return lambda images, signs: torch.full_like(images, level / 64)

    monkeypatch.setattr(views, "named_operations", lambda *_: {str(k): paint(k) for k in range(15)})
    torch.manual_seed(6)
    strong = strong_view(torch.full((6000, 3, 8, 8), 255, dtype=torch.uint8), operations=1)
    found = strong.flatten(1).mode(1).values * 64
    counts = [int((found == k).sum()) for k in range(15)]
    none = int((found == 64).sum())
    assert sum(counts) + none == 6000
    assert chisquare([*counts, none], [200] * 15 + [3000]).pvalue > 1e-4


def test_signs_are_half_and_half(monkeypatch):
    seen = []
    monkeypatch.setattr(views, "named_operations", lambda *_: {"one": lambda images, s: seen.append(s) or images})
    torch.manual_seed(7)
    strong_view(noise(2000, 8, 8), operations=2)
    signs = torch.cat(seen)
    assert set(signs.tolist()) == {-1, 1}
    assert abs(int(signs.sum())) < 4 * len(signs) ** 0.5


def test_two_rounds_leave_a_quarter_of_the_images_alone():
    images = noise(2000, 24, 24, 30, 200)  # not smaller: equalize, Pillow's too, does nothing to a few pixels
    torch.manual_seed(8)
    strong = strong_view(images)
    torch.manual_seed(8)
    untouched = int(outside_square(strong, weak_view(images)).sum())
    assert abs(untouched - 500) < 4 * (2000 * 0.25 * 0.75) ** 0.5


@pytest.mark.parametrize("view", [weak_view, strong_view])
@pytest.mark.parametrize("size", [1, 2, 33])
@pytest.mark.parametrize("shape", SHAPES)
def test_views_are_floats_in_range_and_leave_their_input(view, size, shape):
    images = noise(size, *shape)
    before = images.clone()
    for _ in range(3):
        found = view(images)
        assert (found.shape, found.dtype, found.requires_grad) == (images.shape, torch.float32, False)
        assert torch.isfinite(found).all()
        assert found.min() >= 0
        assert found.max() <= 1
    assert torch.equal(images, before)


@pytest.mark.parametrize("magnitude", [0, 10, 29.5, 30])
@pytest.mark.parametrize("level", [0, 100, 255])
def test_images_of_one_colour_stay_finite(magnitude, level):
    images = torch.full((300, 3, 8, 8), level, dtype=torch.uint8)
    found = strong_view(images, 4, magnitude)
    assert torch.isfinite(found).all()
    assert ((found >= 0) & (found <= 1)).all()


@pytest.mark.parametrize("view", [weak_view, strong_view])
def test_the_seed_of_torch_alone_decides(view):
    images = noise(50, 16, 16)
    found = []
    for seed, other in [(9, 1), (9, 2), (10, 2)]:
        torch.manual_seed(seed)
        np.random.seed(other)  # noqa: NPY002
        random.seed(other)
        found.append(view(images))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
    torch.manual_seed(9)
    assert torch.equal(view(images.to(memory_format=torch.channels_last)), found[0])
    torch.manual_seed(9)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(view(images), found[0])


@pytest.mark.parametrize("magnitude", [3, 10, 24])
def test_colour_operations_are_those_of_pillow(magnitude):
    """Tolerances in levels of 1 / 255. None where both look levels up. Pillow cuts off the fraction in autocontrast
    and in blends: 1; its blends also round the grey image, the mean or the smoothed image first: 0.5 x |1 - factor|.
    """
    images = picture()
    image, share = pillow(images), magnitude / 30
    factor = 0.1 + 1.8 * share
    wanted = {
        "auto_contrast": (ImageOps.autocontrast(image), 1),
        "equalize": (ImageOps.equalize(image), 0),
        "invert": (ImageOps.invert(image), 0),
        "posterize": (ImageOps.posterize(image, int(8 - 4 * share)), 0),
        "solarize": (ImageOps.solarize(image, 255 * share), 0),
        "color": (ImageEnhance.Color(image).enhance(factor), 1.5),
        "contrast": (ImageEnhance.Contrast(image).enhance(factor), 1.5),
        "brightness": (ImageEnhance.Brightness(image).enhance(factor), 1),
        "sharpness": (ImageEnhance.Sharpness(image).enhance(factor), 1.5),
    }
    operations = named_operations(magnitude, images)
    for name, (by_pillow, levels) in wanted.items():
        found = operations[name](images / 255, torch.ones(1))
        assert (found - as_view(by_pillow)).abs().max() <= levels * LEVEL + 1e-5, name
        assert (found - images / 255).abs().max() > 0.9 * LEVEL, name


def test_autocontrast_leaves_a_channel_of_one_level_alone_as_pillow_does():
    images = picture()
    images[:, 1] = 70
    found = named_operations(10, images)["auto_contrast"](images / 255, torch.ones(1))
    wanted = as_view(ImageOps.autocontrast(pillow(images)))
    assert (found - wanted).abs().max() <= LEVEL
    assert torch.equal(found[:, 1], images[:, 1] / 255)


@pytest.mark.parametrize("magnitude", [3, 10, 24])
@pytest.mark.parametrize("name", sorted(set(POLICY) - {"color", "contrast", "brightness", "solarize_add"}))
def test_magnitudes_are_those_of_kornias_randaugment(name, magnitude):
    """But for three that follow Pillow where kornia's layer does not, and one whose threshold kornia draws."""
    images = picture().float() / 255
    operation = named_operations(magnitude, images)[name]
    ours = [operation(images, torch.tensor([sign])) for sign in (1, -1)]
    theirs = []
    torch.manual_seed(0)
    for _ in range(12):  # until both signs have come
        theirs.append(RandAugment(1, magnitude, policy=[[(name, *POLICY[name])]])(images))
    near = [[bool(torch.allclose(one, other, atol=1e-4)) for one in ours] for other in theirs]
    assert all(any(row) for row in near)
    assert all(any(column) for column in zip(*near, strict=True))
    assert torch.equal(*ours) == (name not in WARPS)


@pytest.mark.parametrize("name", ["rotate", "shear_x", "shear_y"])
def test_warps_are_those_of_pillow_away_from_the_border(name):
    """Pillow's bilinear result is cut to whole levels."""
    images = picture()
    height, width = images.shape[-2:]
    found = named_operations(10, images)[name](images.repeat(2, 1, 1, 1) / 255, torch.tensor([1, -1]))
    for view, sign in zip(found, (1, -1), strict=True):
        turn, shear = sign * np.radians(10), sign * np.tan(np.radians(18))
        matrix = {
            "rotate": np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]),
            "shear_x": np.array([[1, shear], [0, 1]]),
            "shear_y": np.array([[1, 0], [shear, 1]]),
        }[name]
        middle = np.array([width / 2, height / 2])
        offset = middle - matrix @ middle
        data = (*matrix[0], offset[0], *matrix[1], offset[1])
        by_pillow = pillow(images).transform((width, height), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)
        places = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), -1) @ matrix.T + offset
        inside = ((places > 1) & (places < [width - 1, height - 1])).all(-1)
        assert inside.mean() > 0.5
        assert (view - as_view(by_pillow)[0]).abs().numpy()[:, inside].max() <= LEVEL + 1e-4
        assert view.numpy()[:, ((places < -1) | (places > [width + 1, height + 1])).any(-1)].max(initial=0) == 0


def test_shifts_are_by_whole_pixels_where_the_side_says_so():
    """A tenth of 60 pixels times 10 / 30 is 2 pixels; black comes in."""
    images = noise(1, 60, 60) / 255
    for name, axis in [("translate_x", 3), ("translate_y", 2)]:
        found = named_operations(10, images)[name](images.repeat(2, 1, 1, 1), torch.tensor([1, -1])).numpy()
        for view, sign in zip(found, (1, -1), strict=True):
            wanted = np.roll(images.numpy(), -2 * sign, axis)
            np.moveaxis(wanted, axis, 0)[slice(-2, None) if sign == 1 else slice(2)] = 0
            np.testing.assert_allclose(view, wanted[0], atol=1e-4)


def test_added_levels_are_solarized():
    images = torch.arange(256, dtype=torch.float32).view(1, 1, 16, 16).expand(1, 3, 16, 16) / 255
    found = named_operations(10, images)["solarize_add"](images, torch.ones(1))
    brighter = np.minimum(images.numpy().astype(float) + 0.43 / 3, 1)
    np.testing.assert_allclose(found, np.where(brighter < 0.5, brighter, 1 - brighter), atol=1e-6)


def test_without_kornia_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "kornia", None)
    weak_view(noise(2, 8, 8))
    with pytest.raises(InputError, match=r'pip install "mislabel\[image\]"'):
        strong_view(noise(2, 8, 8))


@pytest.mark.parametrize("given", [{"magnitude": 31}, {"magnitude": -1}, {"operations": -1}, {"operations": True}])
def test_numbers_out_of_range_are_input_errors(given):
    with pytest.raises(InputError, match=f"{next(iter(given))} is"):
        strong_view(noise(2, 8, 8), **given)
