"""Pixels as the network gets them: the same from a file as decoded on the way, and normalised as by hand."""

import threading
import time

import numpy as np
import pytest
import torch
from torch.nn import functional
from transformers import AutoModelForImageClassification

from mislabel.modalities.image.batches import BATCHES_AHEAD, DECODED_AT_ONCE, ImageInputs, decode_all
from mislabel.modalities.image.models import ImageNetwork

ROWS = 11
PIXELS = np.random.default_rng(0).integers(0, 256, (ROWS, 3, 6, 9), dtype=np.uint8)
MEAN, SCALE = torch.tensor([0.5, 0.4, 0.3]), torch.tensor([0.2, 0.25, 0.5])


def told_nothing(count):
    pass


@pytest.fixture
def mapped(tmp_path):
    """The pixels in a file."""
    np.save(tmp_path / "pixels.npy", PIXELS)
    return np.load(tmp_path / "pixels.npy", mmap_mode="r")


@pytest.fixture
def classifier(image_models):
    return AutoModelForImageClassification.from_pretrained(image_models["resnet"]).eval()


def test_batches_are_the_same_decoded_or_not(mapped):
    """As many as threads at once, in the order asked for, and a row twice where it is asked for twice."""
    index = np.array([7, 0, 7, 10, 3])
    for pixels in (mapped, PIXELS.__getitem__):
        batch = ImageInputs(pixels, np.arange(ROWS)).batch(index)
        assert list(batch) == ["pixel_values"]
        assert batch["pixel_values"].dtype == torch.uint8
        np.testing.assert_array_equal(batch["pixel_values"].numpy(), PIXELS[index])


def test_slow_images_do_not_change_places():
    def slow(place):
        time.sleep(0.002 * (ROWS - place))
        return PIXELS[place]

    found = ImageInputs(slow, np.arange(ROWS)).batch(np.arange(ROWS))["pixel_values"]
    np.testing.assert_array_equal(found.numpy(), PIXELS)


def test_a_batch_is_a_copy(mapped):
    """Whoever writes to it writes neither to the file nor to another batch."""
    inputs = ImageInputs(mapped, np.arange(ROWS))
    inputs.batch(np.array([1]))["pixel_values"].zero_()
    np.testing.assert_array_equal(inputs.batch(np.array([1]))["pixel_values"][0].numpy(), PIXELS[1])


def test_rows_are_taken_by_their_places(mapped):
    for pixels in (mapped, PIXELS.__getitem__):
        whole = ImageInputs(pixels, np.array([9, 8, 5, 2]))
        part = whole.take(np.array([3, 0])).take(np.array([1, 0, 1]))
        assert len(part) == len(part.lengths) == 3
        assert part.pixels is whole.pixels
        found = part.batch(np.array([0, 1, 2]))["pixel_values"].numpy()
        np.testing.assert_array_equal(found, PIXELS[[9, 2, 9]])
        assert len(whole) == 4
        np.testing.assert_array_equal(whole.batch(np.array([3]))["pixel_values"][0].numpy(), PIXELS[2])


def test_only_what_must_be_decoded_is_fetched_ahead(mapped):
    assert ImageInputs(mapped, np.arange(ROWS)).ahead == 0
    assert ImageInputs(PIXELS.__getitem__, np.arange(ROWS)).take(np.arange(3)).ahead == BATCHES_AHEAD > 0


def test_threads_end_with_the_inputs():
    """Its own threads, whatever others there are; a part of the inputs keeps them."""
    threads = set()

    def decode(position):
        threads.add(threading.current_thread())
        return PIXELS[position]

    inputs = ImageInputs(decode, np.arange(ROWS))
    part = inputs.take(np.arange(5))
    del inputs
    part.batch(np.arange(5))
    assert threading.main_thread() not in threads
    assert any(thread.is_alive() for thread in threads)
    del part
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)


def test_views_are_those_of_the_pixels(mapped):
    """In [0, 1], of the same shape; `test_views` says what they show."""
    inputs = ImageInputs(mapped, np.arange(ROWS))
    batch = inputs.batch(np.arange(4))
    for view in (inputs.weak_view(batch), inputs.strong_view(batch)):
        assert list(view) == ["pixel_values"]
        pixels = view["pixel_values"]
        assert pixels.dtype == torch.float32
        assert pixels.shape == (4, 3, 6, 9)
        assert 0 <= pixels.min() < pixels.max() <= 1
    np.testing.assert_array_equal(batch["pixel_values"].numpy(), PIXELS[:4])


@pytest.mark.parametrize("rows", [1, DECODED_AT_ONCE, DECODED_AT_ONCE + 3])
def test_decoded_into_a_file_is_decoded_one_by_one(rows, tmp_path):
    pixels = np.random.default_rng(rows).integers(0, 256, (rows, 3, 4, 5), dtype=np.uint8)
    told = []
    store = decode_all(pixels.__getitem__, rows, tmp_path / "pixels.npy", told.append)
    np.testing.assert_array_equal(store, pixels)
    np.testing.assert_array_equal(np.load(tmp_path / "pixels.npy"), pixels)
    assert isinstance(store, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        store[0] = 0
    assert sum(told) == rows
    assert [path.name for path in tmp_path.iterdir()] == ["pixels.npy"]


@pytest.mark.parametrize("broken", [0, 3, DECODED_AT_ONCE + 1])
def test_an_image_that_breaks_leaves_no_file(broken, tmp_path):
    def decode(place):
        if place == broken:
            raise RuntimeError("image 3 has gone")
        return PIXELS[place % ROWS]

    with pytest.raises(RuntimeError, match="image 3 has gone"):
        decode_all(decode, DECODED_AT_ONCE + 5, tmp_path / "pixels.npy", told_nothing)
    assert list(tmp_path.iterdir()) == []


def test_the_network_normalises_as_by_hand(classifier):
    """uint8 pixels and their quotients by 255 give what the plain classifier makes of (x / 255 - mean) / scale."""
    pixels = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (5, 3, 32, 32), dtype=np.uint8))
    normal = np.stack(
        [(pixels[:, k].numpy() / 255.0 - float(MEAN[k])) / float(SCALE[k]) for k in range(3)], axis=1
    ).astype(np.float32)
    network = ImageNetwork(classifier, MEAN, SCALE).eval()
    with torch.inference_mode():
        wanted = classifier(pixel_values=torch.from_numpy(normal)).logits
        torch.testing.assert_close(network({"pixel_values": pixels}), wanted, atol=1e-5, rtol=1e-5)
        view = {"pixel_values": pixels.float() / 255}
        assert torch.equal(network(view), network({"pixel_values": pixels}))
        assert torch.equal(view["pixel_values"], pixels.float() / 255)  # not changed in place


def test_small_images_are_enlarged_as_torch_does_it(classifier):
    """Whether before or after normalising, which is linear."""
    pixels = torch.from_numpy(np.random.default_rng(2).integers(0, 256, (4, 3, 16, 12), dtype=np.uint8))
    large = functional.interpolate(pixels.float() / 255, (32, 24), mode="bilinear", align_corners=False)
    with torch.inference_mode():
        wanted = ImageNetwork(classifier, MEAN, SCALE).eval()({"pixel_values": large})
        network = ImageNetwork(classifier, MEAN, SCALE, side=(32, 24)).eval()
        torch.testing.assert_close(network({"pixel_values": pixels}), wanted, atol=1e-5, rtol=1e-5)
        assert torch.equal(network({"pixel_values": large}), wanted)  # of the right size already


def test_only_the_classifier_has_weights(classifier):
    """Mean and scale follow the device, but go neither into a checkpoint nor to the optimiser."""
    network = ImageNetwork(classifier, MEAN, SCALE)
    assert {name.removeprefix("classifier.") for name in network.state_dict()} == set(classifier.state_dict())
    assert {name for name, _ in network.named_buffers()} >= {"mean", "scale"}
    assert network.to("meta").mean.device.type == "meta"
