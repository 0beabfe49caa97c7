"""Layer-wise noise stability: by hand, by loops, through other doors of the same networks, and in the loop."""

import numpy as np
import pytest
import torch
from helpers import StopAfter
from small_loop import CLASSES, Plain, WithEncoder, assert_same_weights, data, make_loop, weights, with_dropout
from torch import nn

from mislabel import RunError
from mislabel.methods.ce import CrossEntropy
from mislabel.modalities.image.models import load_image_classifier
from mislabel.modalities.text.models import TextNetwork, load_classifier
from mislabel.modalities.vectors import FeatureNetwork, standardisation
from mislabel.run.settings import RunConfig, with_later_settings
from mislabel.training.branches import Branches
from mislabel.training.noise_stability import apart, disturbed, instability, noise
from mislabel.training.stages import Stage

TRAIN = [Stage("train", 3, CrossEntropy())]
LABELS = ["a", "b", "c"]


def test_by_hand():
    """A vector of length 3, a direction of length 5; then a layer of two outputs, which sees .21 and 0 of the noise."""
    h, direction = torch.tensor([[1.0, 2.0, 2.0]]), torch.tensor([[3.0, 0.0, 4.0]])
    eps = noise(h, direction)
    torch.testing.assert_close(eps, torch.tensor([[0.09, 0.0, 0.12]]))
    layer = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    both = torch.cat([h, h + eps]) @ layer.T
    assert float(apart(both, None)) == pytest.approx(0.0441 / 2, rel=1e-5)


@pytest.mark.parametrize(("shape", "vector"), [((6, 5), (5,)), ((4, 3, 5), (5,)), ((4, 3, 2, 5), (3, 2, 5))])
def test_noise_is_as_long_as_a_share_of_each_vector(shape, vector):
    """Of a row of features, of each token, of a whole image; rows of the first half stay as they are."""
    torch.manual_seed(0)
    values = torch.randn(*shape, requires_grad=True)
    found = disturbed(values)
    half = len(values) // 2
    torch.testing.assert_close(found[:half], values[:half], rtol=0, atol=0)
    added = (found[half:] - values[half:]).detach().numpy().reshape(-1, int(np.prod(vector)))
    lengths = np.linalg.norm(values[half:].detach().numpy().reshape(added.shape), axis=1)
    np.testing.assert_allclose(np.linalg.norm(added, axis=1), 0.05 * lengths, rtol=1e-4)
    (slope,) = torch.autograd.grad(found.sum(), values)  # noise passes no gradient
    torch.testing.assert_close(slope, torch.ones_like(slope), rtol=0, atol=0)
    assert not torch.isnan(noise(torch.zeros(2, 3), torch.zeros(2, 3))).any()


def test_tokens_that_pad_do_not_count():
    layer, mask = np.random.default_rng(0).normal(size=(4, 3, 5)), np.array([[1, 1, 0], [1, 1, 1]])
    by_row = []
    for row in range(2):
        squares = [
            (layer[row + 2, token, j] - layer[row, token, j]) ** 2
            for token in range(3) if mask[row, token] for j in range(5)
        ]  # fmt: skip
        by_row.append(sum(squares) / len(squares))
    assert float(apart(torch.tensor(layer), torch.tensor(mask))) == pytest.approx(np.mean(by_row), rel=1e-6)


def test_a_head_by_numpy_and_its_gradient_by_differences():
    matrix, _ = data()
    mean, scale = standardisation(matrix)
    torch.manual_seed(0)
    network = FeatureNetwork(mean, scale, CLASSES)
    branches, inputs = Branches([network]).train(), {"features": torch.tensor(matrix[:7])}
    torch.manual_seed(3)
    value = instability(branches, inputs)
    assert branches.training
    (slope,) = torch.autograd.grad(value, network.layers[1].bias)
    torch.manual_seed(3)
    x = ((matrix[:7] - mean.numpy()) / scale.numpy()).astype(np.float64)
    direction = torch.randn(x.shape).numpy()
    eps = 0.05 * direction * np.linalg.norm(x, axis=1)[:, None] / np.linalg.norm(direction, axis=1)[:, None]
    weight, bias = (p.detach().double().numpy() for p in (network.layers[1].weight, network.layers[1].bias))

    def by_numpy(bias):
        def hidden(values):
            return nn.functional.gelu(torch.tensor(values @ weight.T + bias)).numpy()  # without dropout

        return np.mean((hidden(x + eps) - hidden(x)) ** 2)

    assert float(value.detach()) == pytest.approx(by_numpy(bias), rel=1e-4)
    for place in (0, 17, 255):
        step = np.zeros_like(bias)
        step[place] = 1e-5
        found = (by_numpy(bias + step) - by_numpy(bias - step)) / 2e-5
        assert float(slope[place]) == pytest.approx(found, rel=1e-2, abs=1e-8)


def test_texts_as_by_embeddings_that_are_given(tiny_encoder):
    """What the layers of a text classifier give, noise included, is what they give for such embeddings of tokens."""
    network = TextNetwork(load_classifier(tiny_encoder, LABELS)).eval()
    torch.manual_seed(0)
    tokens, mask = torch.randint(5, 40, (3, 6)), torch.tensor([[1] * 6, [1] * 4 + [0] * 2, [1] * 2 + [0] * 4])
    moved = torch.randn(3, 6, network.classifier.config.hidden_size)
    found = network.layer_outputs({"input_ids": tokens, "attention_mask": mask}, lambda given: given + moved)
    given = network.classifier.get_input_embeddings()(tokens) + moved
    wanted = network.classifier(inputs_embeds=given, attention_mask=mask, output_hidden_states=True).hidden_states
    assert len(found) == network.classifier.config.num_hidden_layers
    for one, other in zip(found, wanted[1:], strict=True):
        torch.testing.assert_close(one, other)
    plain = network({"input_ids": tokens, "attention_mask": mask})  # nothing of it stays
    torch.testing.assert_close(plain, network.classifier(input_ids=tokens, attention_mask=mask).logits)


@pytest.mark.parametrize("kind", ["resnet", "convnext", "vit"])
def test_images_as_by_pixels_that_are_given(kind, image_models):
    from mislabel.modalities.image.models import ImageNetwork

    classifier = load_image_classifier(image_models[kind], LABELS, new_head=True)
    network = ImageNetwork(classifier, torch.tensor([0.4, 0.5, 0.6]), torch.tensor([0.2, 0.3, 0.4])).eval()
    pixels = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    found = network.layer_outputs({"pixel_values": pixels}, lambda given: 2 * given)
    read = (pixels.double() / 255 - torch.tensor([0.4, 0.5, 0.6]).view(3, 1, 1)) / torch.tensor([0.2, 0.3, 0.4]).view(
        3, 1, 1
    )
    wanted = classifier(pixel_values=2 * read.float(), output_hidden_states=True).hidden_states
    assert len(found) >= 2
    for one, other in zip(found, wanted[1:], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
    assert torch.isfinite(instability(Branches([network]), {"pixel_values": pixels}))


def test_it_is_off_unless_asked_for_and_holds_the_layers():
    """Zero changes no number; a large weight leaves layers that answer less."""
    plain, _ = make_loop(with_dropout).run(TRAIN)
    none, _ = make_loop(with_dropout, noise_stability=0.0).run(TRAIN)
    assert_same_weights(weights(plain), weights(none))
    long = [Stage("train", 20, CrossEntropy())]
    loose, _ = make_loop(with_dropout).run(long)
    held, _ = make_loop(with_dropout, noise_stability=1000.0).run(long)
    inputs = {"features": torch.tensor(data()[0])}
    torch.manual_seed(1)
    before = instability(loose, inputs)
    torch.manual_seed(1)
    assert instability(held, inputs) < 0.7 * before


@pytest.mark.parametrize("branches", [1, 2])
def test_stopped_and_continued_is_as_never_stopped(branches, tmp_path):
    def stages():
        return [Stage("train", 3, CrossEntropy(), branches=branches)]

    how = {"noise_stability": 1.0}
    whole, _ = make_loop(with_dropout, **how).run(stages())
    with pytest.raises(KeyboardInterrupt):
        make_loop(with_dropout, folder=tmp_path, interrupted=StopAfter(8), **how).run(stages())
    again, _ = make_loop(with_dropout, folder=tmp_path, **how).run(stages(), resume=True)
    assert_same_weights(weights(whole), weights(again))


def test_a_stage_that_leaves_the_encoder_as_it_is_goes_without():
    """Its network need not even show its layers; one that trains whole has to."""
    frozen = [Stage("probe", 1, CrossEntropy(), frozen=True)]
    plain, _ = make_loop(WithEncoder).run(frozen)
    asked, _ = make_loop(WithEncoder, noise_stability=1.0).run(frozen)
    assert_same_weights(weights(plain), weights(asked))
    with pytest.raises(RunError, match="--noise-stability needs what the layers of a network give, and Plain does not"):
        make_loop(Plain, noise_stability=1.0).run(TRAIN)


def test_runs_of_earlier_versions_were_without():
    assert with_later_settings({"method": "ce"})["noise_stability"] == 0
    assert RunConfig().noise_stability == 0
