"""Images: two random views of a whole batch, made on the device that holds it.

The weak view is a crop and a flip; the strong one adds operations as in RandAugment (Cubuk et al., arXiv 1909.13719)
and a cutout, in the way of IDO (arXiv 2505.00812). kornia's RandAugment gives all images of a batch the same
operations; here every image has its own, and an operation runs once, on the images that drew it. Every draw comes
from torch's global CPU generator: a seed gives the same views on any device, up to rounding.
"""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from mislabel.errors import InputError, in_range

CROP_PART = 8  # the crop moves by up to one eighth of a side
CUTOUT_SHARE = 0.15
GREY = 0.5

Operation = Callable[[Tensor, Tensor], Tensor]  # images (k, 3, h, w) and signs (k,), -1 or 1, to new images


def weak_view(images: Tensor) -> Tensor:
    """Each of (b, 3, h, w) uint8 padded by reflection, cropped back and flipped at random; float32 in [0, 1]."""
    size, channels, height, width = images.shape
    moves = [torch.randint(-(side // CROP_PART), side // CROP_PART + 1, (size,)) for side in (height, width)]
    drawn = torch.stack([*moves, torch.randint(2, (size,))]).to(images.device, non_blocking=True)
    down, right, flip = drawn[:, :, None]
    rows, columns = _reflected(down, height), _reflected(right, width)
    columns = torch.where(flip == 1, columns.flip(1), columns)
    lines = torch.arange(size * channels, device=images.device).view(size, channels, 1) * height + rows[:, None]
    moved = images.reshape(-1, width).index_select(0, lines.flatten()).view(images.shape)
    moved = moved.gather(3, columns[:, None, None].expand(images.shape))
    white = torch.full((), 255.0, device=images.device)  # not a number: CUDA would multiply by a rounded 1 / 255
    return moved.float().div_(white)


def _reflected(offsets: Tensor, side: int) -> Tensor:
    """Sources (b, side) of the positions along a side that is shifted by (b, 1) offsets and reflected at its ends."""
    positions = (offsets + torch.arange(side, device=offsets.device)).abs()
    return (side - 1) - (side - 1 - positions).abs()


def strong_view(images: Tensor, operations: int = 2, magnitude: float = 10) -> Tensor:
    """A crop and a flip drawn as in the weak view, then RandAugment's operations, then one grey square.

    From (b, 3, h, w) uint8 on any device to float32 in [0, 1] there. In each of so many rounds an image undergoes one
    of 15 operations, or with probability 0.5 none; magnitudes are 0 to 30, as kornia's RandAugment reads them.
    InputError where kornia is not installed or a number is out of range.
    """
    in_range("operations", operations, 0, 100)
    views = weak_view(images)
    changes = list(named_operations(magnitude, views).values())
    kinds, order = torch.randint(2 * len(changes), (operations, len(views))).sort(stable=True)  # upper half: none
    drawn = torch.stack([order, torch.randint(2, order.shape) * 2 - 1], 1).to(views.device, non_blocking=True)
    for kinds_of_round, (rows, turns) in zip(kinds, drawn, strict=True):
        counts = kinds_of_round.bincount().tolist()
        for change, part, turn in zip(changes, rows.split(counts), turns.split(counts), strict=False):
            if len(part):
                views.index_copy_(0, part, change(views.index_select(0, part), turn))
    return _cut_out(views.clamp_(0, 1))


def _cut_out(views: Tensor) -> Tensor:
    """Fill a square around a random pixel of each image with grey, in place; what sticks out falls on the edge."""
    sides = views.shape[-2:]
    size = max(1, round(CUTOUT_SHARE * min(sides)))
    middles = torch.stack([torch.randint(side, (len(views),)) for side in sides]).to(views.device, non_blocking=True)
    near = torch.arange(size, device=views.device) - size // 2
    rows, columns = ((middle[:, None] + near).clamp(0, side - 1) for middle, side in zip(middles, sides, strict=True))
    pixels = (rows[:, :, None] * sides[1] + columns[:, None]).view(len(views), 1, size * size)
    views.flatten(2).scatter_(2, pixels.expand(-1, views.shape[1], -1), GREY)
    return views


def named_operations(magnitude: float, like: Tensor) -> dict[str, Operation]:
    """The 15 operations for images of the size and on the device of `like`; the last four colour ones as Pillow's."""
    in_range("magnitude", magnitude, 0, 30)
    try:
        from kornia import enhance
    except ImportError as error:
        raise InputError('strong views of images need kornia: pip install "mislabel[image]"') from error
    share, step = magnitude / 30, 2 ** (8 - int(8 - 4 * magnitude / 30))
    factor = torch.full((), 0.1 + 1.8 * share, device=like.device)  # filled there: kornia would copy it and wait
    return {
        "auto_contrast": lambda images, _: _autocontrast(images),
        "equalize": lambda images, _: enhance.equalize(images),
        "invert": lambda images, _: 1 - images,
        "posterize": lambda images, _: (images * 255).div_(step).floor_().mul_(step).div_(255),
        "solarize": lambda images, _: _solarize(images, share),
        "solarize_add": lambda images, _: _solarize((images + 0.43 * share).clamp_(max=1), 0.5),
        "color": lambda images, _: enhance.adjust_saturation_with_gray_subtraction(images, factor),
        "contrast": lambda images, _: enhance.adjust_contrast_with_mean_subtraction(images, factor),
        "brightness": lambda images, _: enhance.adjust_brightness_accumulative(images, factor),
        "sharpness": lambda images, _: _sharpness(images, factor),
    } | _warps(share, like)


def _autocontrast(images: Tensor) -> Tensor:
    """Each channel stretched to [0, 1]; one without contrast stays, where kornia would make it black."""
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    return torch.where(high - low > 0.5 / 255, (images - low) / (high - low), images)


def _solarize(images: Tensor, threshold: float) -> Tensor:
    """Levels from the threshold on inverted; in float arithmetic, 10 times as fast as `where`."""
    return torch.ge(images, threshold, out=torch.empty_like(images)).sub_(images).abs_()


def _sharpness(images: Tensor, factor: Tensor) -> Tensor:
    """As kornia's, by sums instead of a convolution: 5 to 50 times as fast on a CPU. The border stays."""
    inner = images[..., 1:-1, 1:-1]
    across = images[..., :-2] + images[..., 1:-1] + images[..., 2:]
    smooth = (across[..., :-2, :] + across[..., 1:-1, :] + across[..., 2:, :] + 4 * inner) / 13
    sharp = images.clone()
    sharp[..., 1:-1, 1:-1] = smooth.lerp(inner, factor).clamp_(0, 1)
    return sharp


def _warps(share: float, like: Tensor) -> dict[str, Operation]:
    """Rotation by 30 degrees, shears by 54 degrees, shifts by a tenth of the side: times `share`, either way."""
    angle, shear, shift = math.radians(30 * share), math.tan(math.radians(54 * share)), 0.2 * share
    slant = like.shape[-2] / like.shape[-1]  # matrices act on [-1, 1] along each side, not on pixels
    odd = {
        "rotate": [[0, -math.sin(angle) * slant, 0], [math.sin(angle) / slant, 0, 0]],
        "shear_x": [[0, shear * slant, 0], [0, 0, 0]],
        "shear_y": [[0, 0, 0], [shear / slant, 0, 0]],
        "translate_x": [[0, 0, shift], [0, 0, 0]],
        "translate_y": [[0, 0, 0], [0, 0, shift]],
    }
    matrices = torch.tensor(list(odd.values())).to(like.device, non_blocking=True)
    same = torch.eye(2, 3, device=like.device)
    warps = {name: partial(_warp, even=same, odd=matrix) for name, matrix in zip(odd, matrices, strict=True)}
    return warps | {"rotate": partial(_warp, even=same * math.cos(angle), odd=matrices[0])}


def _warp(images: Tensor, signs: Tensor, even: Tensor, odd: Tensor) -> Tensor:
    """Each pixel read, bilinearly, from where the matrix even + sign * odd, (2, 3), sends it; black from outside.

    The grid is that of `affine_grid`, faster, and without a product that autocast would make coarse.
    """
    matrix = even + signs[:, None, None] * odd
    across, down = (torch.arange(1 - side, side, 2, device=images.device) / side for side in images.shape[:1:-1])
    lines = matrix[:, :, 2, None] + matrix[:, :, 0, None] * across
    grid = lines[:, :, None] + (matrix[:, :, 1, None] * down)[..., None]
    return grid_sample(images, grid.movedim(1, 3), align_corners=False)
