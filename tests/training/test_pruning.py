"""What a network answers to, by differences; and columns of the last layer that stay cut off."""

import numpy as np
import pytest
import torch
from helpers import StopAfter
from small_loop import CLASSES, FEATURES, ROWS, Plain, assert_same_weights, data, make_loop, weights, with_dropout
from torch import nn

from mislabel import RunError
from mislabel.methods._losses import CrossEntropy
from mislabel.modalities.image.models import ImageNetwork, load_image_classifier
from mislabel.modalities.text.models import TextNetwork, load_classifier
from mislabel.training.pruning import attribution
from mislabel.training.stages import Stage

LABELS = ["a", "b", "c"]
TARGET = torch.tensor([2, 0, 1])
CUT = np.isin(np.arange(256), [3, 50])


def slope(function, step=1e-5):
    """Of a function of one number, at 0."""
    return (function(step) - function(-step)) / (2 * step)


def logits_of(logits, row):
    return float(logits[row, TARGET[row]].detach())


def test_features_by_differences():
    """g_j is how the target's logit changes where feature j, standardised, is stretched."""
    matrix = torch.tensor(data()[0][:3])
    torch.manual_seed(0)
    network = with_dropout().eval()
    found, loss = attribution(network, {"features": matrix}, TARGET)
    x = ((matrix - network.mean) / network.scale).double()
    layers = network.layers.double()
    for row in range(3):
        for j in range(FEATURES):

            def stretched(s, j=j, row=row):
                return logits_of(layers(x * (1 + s * torch.eye(FEATURES, dtype=torch.float64)[j])), row)

            assert float(found[row, j]) == pytest.approx(slope(stretched), abs=1e-5)
    np.testing.assert_allclose(loss, -layers(x).log_softmax(-1)[range(3), TARGET].detach().numpy(), atol=1e-5)
    assert all(weight.grad is None for weight in network.parameters())


def test_texts_by_differences_of_embeddings_that_are_given(tiny_encoder):
    """Number j of every token is stretched, and the change shared out among the tokens that are no padding."""
    network = TextNetwork(load_classifier(tiny_encoder, LABELS)).eval()
    torch.manual_seed(0)
    tokens, mask = torch.randint(5, 40, (3, 6)), torch.tensor([[1] * 6, [1] * 4 + [0] * 2, [1] * 2 + [0] * 4])
    inputs = {"input_ids": tokens, "attention_mask": mask}
    before = network(inputs)
    found, _ = attribution(network, inputs, TARGET)
    torch.testing.assert_close(network(inputs), before, rtol=0, atol=0)  # nothing of it stays
    classifier = network.classifier.double()
    embedded = classifier.get_input_embeddings()(tokens).detach()
    assert found.shape == (3, embedded.shape[-1])
    for row in range(3):
        for j in (0, 7, embedded.shape[-1] - 1):

            def stretched(s, j=j, row=row):
                given = embedded.clone()
                given[..., j] *= 1 + s
                return logits_of(classifier(inputs_embeds=given, attention_mask=mask).logits, row)

            wanted = slope(stretched) / int(mask[row].sum())
            assert float(found[row, j]) == pytest.approx(wanted, rel=1e-3, abs=1e-7)


@pytest.mark.parametrize("kind", ["resnet", "vit"])
def test_images_by_differences_of_pixels_that_are_given(kind, image_models):
    """A field of 4 x 4 pixels of one channel is stretched, and the change shared out among them."""
    classifier = load_image_classifier(image_models[kind], LABELS, new_head=True)
    network = ImageNetwork(classifier, torch.tensor([0.4, 0.5, 0.6]), torch.tensor([0.2, 0.3, 0.4])).eval()
    torch.manual_seed(0)
    pixels = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    found, _ = attribution(network, {"pixel_values": pixels}, TARGET)
    read = network.normalised({"pixel_values": pixels}).double()
    double = classifier.double()
    assert found.shape == (3, 3 * 8 * 8)
    for row, channel, i, j in ((0, 0, 0, 0), (1, 2, 7, 3), (2, 1, 4, 4)):

        def stretched(s, row=row, channel=channel, i=i, j=j):
            given = read.clone()
            given[:, channel, 4 * i : 4 * i + 4, 4 * j : 4 * j + 4] *= 1 + s
            return logits_of(double(pixel_values=given).logits, row)

        wanted = slope(stretched) / 16
        assert float(found[row, channel * 64 + i * 8 + j]) == pytest.approx(wanted, rel=2e-3, abs=1e-7)


class Cutting(CrossEntropy):
    """Names columns, and keeps what it was shown."""

    def __init__(self, cut=CUT):
        super().__init__()
        self.cut, self.looks = cut, 0

    def prune(self, look):
        self.looks += 1
        shown = list(look.attributions())
        self.rows = np.concatenate([rows for rows, _, _ in shown])
        self.largest = max(len(rows) for rows, _, _ in shown)
        self.losses = np.concatenate([losses for _, _, losses in shown])[np.argsort(self.rows)]
        self.values = np.concatenate([values for _, values, _ in shown])[np.argsort(self.rows)]
        read = list(look.read())
        self.read = np.concatenate([values for _, values in read])[np.argsort(np.concatenate([r for r, _ in read]))]
        self.target, self.n_classes = look.target, look.n_classes
        self.sums = look.sum(np.arange(3.0))
        return self.cut


def stages(loss, epochs=3):
    return [Stage("train", 2, CrossEntropy()), Stage("tune", epochs, loss, start="last", prunes=True)]


def test_the_look_shows_every_row_of_the_network_that_the_stage_finds():
    matrix, labels = data()
    before, _ = make_loop(with_dropout, accumulate=2).run(stages(CrossEntropy())[:1])
    network, loss = before.networks[0].eval(), Cutting()
    make_loop(with_dropout, accumulate=2).run(stages(loss))
    assert sorted(loss.rows) == list(range(ROWS))
    assert loss.largest == 4  # a part of a step of 8
    assert (loss.n_classes, loss.looks) == (CLASSES, 1)
    np.testing.assert_array_equal(loss.target, labels)
    np.testing.assert_array_equal(loss.sums, [0, 1, 2])
    with torch.no_grad():
        x = network.standardised({"features": torch.tensor(matrix)})
        np.testing.assert_allclose(loss.read, network.layers[:-1](x), atol=1e-5)
    values, losses = attribution(network, {"features": torch.tensor(matrix)}, torch.tensor(labels))
    np.testing.assert_allclose(loss.values, values, atol=1e-5)
    np.testing.assert_allclose(loss.losses, losses, atol=1e-5)


def test_what_is_cut_off_stays_so_and_the_rest_is_learnt():
    kept, _ = make_loop(with_dropout).run(stages(CrossEntropy())[:1])
    end, _ = make_loop(with_dropout).run(stages(Cutting()))
    before, after = (each.networks[0].layers[-1].weight.detach() for each in (kept, end))
    assert (after[:, CUT] == 0).all()
    assert (before[:, CUT] != 0).all()
    assert (after[:, ~CUT] != before[:, ~CUT]).all()
    none, _ = make_loop(with_dropout).run(stages(Cutting(np.zeros(256, dtype=bool))))
    plain, _ = make_loop(with_dropout).run(
        [Stage("train", 2, CrossEntropy()), Stage("tune", 3, CrossEntropy(), start="last")]
    )
    assert_same_weights(weights(plain), weights(none))  # to look changes nothing


@pytest.mark.parametrize(("steps", "looks"), [(8, 1), (12, 1), (17, 0), (23, 0)])
def test_stopped_and_continued_is_as_never_stopped(steps, looks, tmp_path):
    """Two epochs of 5 steps, and three in which columns are cut off: by then nobody looks again."""
    whole, _ = make_loop(with_dropout).run(stages(Cutting()))
    with pytest.raises(KeyboardInterrupt):
        make_loop(with_dropout, folder=tmp_path, interrupted=StopAfter(steps)).run(stages(Cutting()))
    loss = Cutting()
    again, _ = make_loop(with_dropout, folder=tmp_path).run(stages(loss), resume=True)
    assert_same_weights(weights(whole), weights(again))
    assert loss.looks == looks


def test_networks_that_cannot_be_looked_at_are_refused():
    with pytest.raises(RunError, match="Plain does not show what its first layer gives: choose another --backbone"):
        make_loop(Plain).run(stages(Cutting()))

    class Flat(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(CLASSES))

        def forward(self, inputs):
            return inputs["features"][:, :CLASSES] * self.scale

    with pytest.raises(RunError, match="prunes the last linear layer, and Flat has none: choose another --backbone"):
        make_loop(Flat).run(stages(Cutting()))
    with pytest.raises(ValueError, match="stage two prunes: it trains one branch"):
        make_loop().run([Stage("two", 1, CrossEntropy(), branches=2, prunes=True)])
