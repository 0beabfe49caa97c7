"""The colours of the map: seen on their page, and told apart by people who see fewer colours than others."""

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

import mislabel.review

SOURCE = (Path(mislabel.review.__file__).parent / "page" / "map-colours.js").read_text(encoding="utf-8")
# Machado, Oliveira and Fernandes, IEEE TVCG 15 (2009), severity 1, for linear RGB.
SEEN = {
    "all colours": np.eye(3),
    "no red": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "no green": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "no blue": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.9505, 1.0, 1.089])


def colours(name, scheme):
    part = re.search(rf"const {name} = {{(.*?)}};", SOURCE, re.DOTALL)[1]
    return re.findall(r"#[0-9a-f]{6}", re.search(rf"{scheme}: (\[.*?\]|'.*?')", part, re.DOTALL)[1])


def linear(colour):
    values = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """CIE L*a*b* of linear RGB."""
    ratio = np.clip(TO_XYZ @ rgb.clip(0, 1), 0, None) / WHITE
    x, y, z = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one, other):
    low, high = sorted(float(np.array([0.2126, 0.7152, 0.0722]) @ linear(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_class_is_seen_on_the_page(scheme):
    (page,) = colours("PAGE", scheme)
    for colour in [*colours("CLASSES", scheme), *colours("DECIDED", scheme), colours("SHARES", scheme)[1]]:
        assert contrast(colour, page) >= 3, colour


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("seen", SEEN)
def test_classes_are_told_apart(scheme, seen):
    shown = colours("CLASSES", scheme) + colours("OTHERS", scheme)
    found = [lab(SEEN[seen] @ linear(colour)) for colour in shown]
    apart = {
        pair: float(np.linalg.norm(found[pair[0]] - found[pair[1]])) for pair in combinations(range(len(found)), 2)
    }
    assert min(apart.values()) > 25, min(apart, key=apart.get)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("seen", SEEN)
def test_lightness_tells_how_likely_wrong(scheme, seen):
    right, wrong = (lab(SEEN[seen] @ linear(colour))[0] for colour in colours("SHARES", scheme))
    assert abs(right - wrong) > 35
