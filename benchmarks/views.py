"""Views of images as a ratio in one run: whole batches here against Pillow, image by image, in worker processes.

    OMP_WAIT_POLICY=PASSIVE python benchmarks/views.py [--rounds 3] [--seconds 4] [--workers CORES]

Both sides make the weak and the strong view of every image, from uint8 in memory to float32 batches: crop after
reflection, flip, two rounds of RandAugment's 15 operations with probability 0.5, cutout. Pillow's side is a
`torch.utils.data.DataLoader` with a worker for each core. The sides take turns, and medians count.
"""

import argparse
import math
import os
import random
import time
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageOps
from torch.utils.data import DataLoader, Dataset, RandomSampler

from mislabel.modalities.image.views import strong_view, weak_view

BATCHES = {32: 128, 224: 32}  # side: images in a batch
SHARE = 10 / 30
FACTOR = 0.1 + 1.8 * SHARE

Turn = Callable[[float], float]  # from seconds to images a second over about that time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4, help="of a side's turn")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    given = parser.parse_args()
    torch.set_num_threads(given.workers)
    print(f"images a second, weak and strong view of each; {given.workers} cores, medians of {given.rounds} rounds")
    print("side  here     Pillow   ratio  lowest  highest")
    for side, batch in BATCHES.items():
        coarse = np.random.default_rng(0).integers(0, 256, (8 * batch, 9, 9, 3), dtype=np.uint8)
        pixels = np.stack([np.asarray(Image.fromarray(one).resize((side, side))) for one in coarse])
        turns = here(pixels, batch), by_pillow(pixels, batch, given.workers)
        for turn in turns:
            turn(given.seconds / 4)  # warm-up: thread pools, workers, imports
        speeds = np.array([[turn(given.seconds) for turn in turns] for _ in range(given.rounds)])
        ratios = speeds[:, 0] / speeds[:, 1]
        ours, theirs = np.median(speeds, axis=0)
        print(f"{side:<6}{ours:<9.0f}{theirs:<9.0f}{np.median(ratios):<7.1f}{ratios.min():<8.1f}{ratios.max():.1f}")


def clocked(batch: int, one_batch: Callable[[], object], seconds: float) -> float:
    """Images a second of calls that make the views of one batch."""
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        one_batch()
        done += batch
    return done / (time.perf_counter() - began)


def here(pixels: np.ndarray, batch: int) -> Turn:
    """Batches of random rows, both views made at once."""
    images = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))

    def one_batch() -> tuple[torch.Tensor, torch.Tensor]:
        taken = torch.from_numpy(images[torch.randint(len(images), (batch,)).numpy()])
        return weak_view(taken), strong_view(taken)

    return lambda seconds: clocked(batch, one_batch, seconds)


def by_pillow(pixels: np.ndarray, batch: int, workers: int) -> Turn:
    """The same of Pillow in a DataLoader; the workers are idle during the other side's turn."""
    endless = RandomSampler(range(len(pixels)), replacement=True, num_samples=10**9)
    batches = iter(DataLoader(PillowViews(pixels), batch, sampler=endless, num_workers=workers, collate_fn=stacked))

    def one_batch() -> list[torch.Tensor]:
        return [views.permute(0, 3, 1, 2).float().div_(255) for views in next(batches)]

    def turn(seconds: float) -> float:
        for _ in range(2 * workers):  # what the workers had made ahead
            next(batches)
        speed = clocked(batch, one_batch, seconds)
        time.sleep(3 * workers * batch / speed)  # until they have made as much again
        return speed

    return turn


class PillowViews(Dataset):
    """Both views of an image, (side, side, 3) uint8 each."""

    def __init__(self, pixels: np.ndarray):
        self.pixels = pixels

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        weak, strong = (cropped(self.pixels[index]) for _ in range(2))
        image = Image.fromarray(strong)
        for _ in range(2):
            if random.random() < 0.5:
                image = random.choice(OPERATIONS)(image, random.choice((-1, 1)))
        cut, side = np.array(image), image.width
        size = round(0.15 * side)
        top, left = (random.randrange(side) - size // 2 for _ in range(2))
        cut[max(top, 0) : top + size, max(left, 0) : left + size] = 128
        return weak, cut


def stacked(pairs: list[tuple[np.ndarray, np.ndarray]]) -> list[torch.Tensor]:
    return [torch.from_numpy(np.stack(views)) for views in zip(*pairs, strict=True)]


def cropped(image: np.ndarray) -> np.ndarray:
    """A crop after reflection, flipped half of the time."""
    side, pad = len(image), len(image) // 8
    top, left = random.randint(0, 2 * pad), random.randint(0, 2 * pad)
    padded = np.pad(image, ((pad, pad), (pad, pad), (0, 0)), mode="reflect")[top : top + side, left : left + side]
    return np.ascontiguousarray(padded[:, ::-1] if random.random() < 0.5 else padded)


def affine(image: Image.Image, a=1.0, b=0.0, c=0.0, d=1.0, right=0.0, down=0.0) -> Image.Image:
    """Pixels read at ((a, b), (c, d)) times their place from the middle, plus (right, down)."""
    x, y = image.width / 2, image.height / 2
    data = (a, b, x - a * x - b * y + right, c, d, y - c * x - d * y + down)
    return image.transform(image.size, Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)


COS, SIN, TAN = math.cos(math.radians(10)), math.sin(math.radians(10)), math.tan(math.radians(18))
ADDED = [k + 37 if k + 37 < 128 else max(255 - k - 37, 0) for k in range(256)]
OPERATIONS: list[Callable[[Image.Image, int], Image.Image]] = [
    lambda image, _: ImageOps.autocontrast(image),
    lambda image, _: ImageOps.equalize(image),
    lambda image, _: ImageOps.invert(image),
    lambda image, _: ImageOps.posterize(image, 6),
    lambda image, _: ImageOps.solarize(image, 85),
    lambda image, _: image.point(ADDED * 3),
    lambda image, _: ImageEnhance.Color(image).enhance(FACTOR),
    lambda image, _: ImageEnhance.Contrast(image).enhance(FACTOR),
    lambda image, _: ImageEnhance.Brightness(image).enhance(FACTOR),
    lambda image, _: ImageEnhance.Sharpness(image).enhance(FACTOR),
    lambda image, sign: affine(image, COS, -sign * SIN, sign * SIN, COS),
    lambda image, sign: affine(image, b=sign * TAN),
    lambda image, sign: affine(image, c=sign * TAN),
    lambda image, sign: affine(image, right=sign * 0.1 * SHARE * image.width),
    lambda image, sign: affine(image, down=sign * 0.1 * SHARE * image.height),
]

if __name__ == "__main__":
    main()
