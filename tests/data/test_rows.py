"""What follows from a Dataset's rows, without a list of all of them: against plain Python over lists."""

import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from mislabel.data.rows import conflicts
from mislabel.modalities.dataset import make_dataset


def features(random: np.random.Generator) -> np.ndarray:
    return np.repeat(random.normal(size=(40, 3)).astype(np.float32), 3, axis=0)[random.permutation(120)]


def texts(random: np.random.Generator) -> list[str]:
    return [f"tëxt {k}" for k in random.integers(40, size=120)]


@pytest.mark.parametrize("make", [features, texts])
@pytest.mark.parametrize("named", [False, True])
def test_the_fingerprint_is_that_of_lists_with_their_lengths_first(make, named):
    random = np.random.default_rng(0)
    inputs, labels = make(random), random.integers(0, 3, 120)
    ids = [f"röw {k}" for k in range(120)] if named else None
    dataset = make_dataset(inputs, labels, modality="features" if make is features else "text", ids=ids)
    digest = hashlib.sha256()

    def add(pieces: list[bytes]) -> None:
        digest.update(np.array([len(pieces), *map(len, pieces)], dtype="<i8").tobytes())
        digest.update(b"".join(pieces))

    digest.update(b"text ids" if named else b"number ids" + np.arange(120, dtype="<i8").tobytes())
    if ids is not None:
        add([id.encode() for id in ids])
    digest.update(dataset.inputs.modality.encode())
    add([row.tobytes() for row in inputs] if isinstance(inputs, np.ndarray) else [text.encode() for text in inputs])
    digest.update(dataset.labels.codes.astype("<i8").tobytes())
    add([json.dumps([type(value).__name__, str(value)]).encode() for value in dataset.labels.classes])
    add([b"train"] * 120)
    assert dataset.fingerprint == digest.hexdigest()


@pytest.mark.parametrize("make", [features, texts])
def test_conflicts_are_the_groups_of_equal_inputs_with_several_labels(make):
    random = np.random.default_rng(1)
    inputs, labels = make(random), random.integers(0, 2, 120)
    kind = "features" if make is features else "text"
    dataset = make_dataset(inputs, labels, modality=kind)
    groups: dict[str, list[int]] = {}
    for position, row in enumerate(inputs):
        groups.setdefault(str(row), []).append(position)
    expected = [rows for rows in groups.values() if len(set(labels[rows].tolist())) > 1]
    assert [group.tolist() for group in conflicts(dataset)] == expected
    assert expected


def test_sizes_are_those_of_the_contents(tmp_path):
    random = np.random.default_rng(2)
    images = [Image.fromarray(random.integers(0, 255, (8, 8, 3), dtype=np.uint8)) for _ in range(4)]
    for inputs, kind in ((features(random), "features"), (texts(random), "text"), (images, "image")):
        raw = make_dataset(inputs, [0, 1] * (len(inputs) // 2), modality=kind).inputs
        assert raw.content_sizes().tolist() == [len(content) for content in raw.contents()]
