"""Branches: an embedding is what the last linear layer reads, and looking at it leaves nothing behind."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from mislabel.modalities.image.models import ImageNetwork, load_image_classifier
from mislabel.modalities.text.batches import TextInputs
from mislabel.modalities.text.models import TextNetwork, load_classifier, load_tokenizer
from mislabel.modalities.vectors import FeatureNetwork, standardisation
from mislabel.training.branches import Branches, classify_and_embed, last_linear, make_branches

ROWS, FEATURES, CLASSES = 6, 5, 3


def features(rows=ROWS, seed=0):
    matrix = np.random.default_rng(seed).normal(size=(rows, FEATURES)).astype(np.float32)
    return {"features": torch.from_numpy(matrix)}


def feature_network() -> Any:
    return FeatureNetwork(*standardisation(features()["features"].numpy()), CLASSES)


class Bare(nn.Module):
    """A classifier without a linear layer."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(FEATURES, CLASSES))

    def forward(self, inputs):
        return inputs["features"] @ self.weight


class Decoder(nn.Module):
    """Classifies every one of three tokens, and takes the logits of the last."""

    def __init__(self):
        super().__init__()
        self.body, self.score = nn.Linear(FEATURES, 4), nn.Linear(4, CLASSES, bias=False)

    def tokens(self, inputs):
        return torch.tanh(self.body(torch.stack([inputs["features"] * k for k in (1, 2, 3)], dim=1)))

    def forward(self, inputs):
        return self.score(self.tokens(inputs))[:, -1]


class Breaks(nn.Module):
    """A network that fails after its linear layer was reached."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(FEATURES, CLASSES)

    def forward(self, inputs):
        self.layer(inputs["features"])
        raise MemoryError("no room")


@pytest.fixture(scope="module")
def text_network(tiny_encoder):
    """The tiny BERT with a head, and inputs for it."""
    inputs = TextInputs(["apple1 common3", "boat2", "cloud3 common1 common2 cloud5"], load_tokenizer(tiny_encoder))
    return TextNetwork(load_classifier(tiny_encoder, ["a", "b", "c"])), inputs.batch(np.arange(3))


def hooks_of(network):
    kinds = ("_forward_pre_hooks", "_forward_hooks", "_backward_hooks", "_backward_pre_hooks")
    return sum(len(getattr(module, kind)) for module in network.modules() for kind in kinds)


def test_the_embedding_of_a_feature_network_gives_its_logits():
    network, inputs = feature_network().eval(), features()
    with torch.no_grad():
        logits, embedding = classify_and_embed(network, inputs)
        last = network.layers[4]
        assert last_linear(network) is last
        assert embedding.shape == (ROWS, network.layers[4].in_features)
        torch.testing.assert_close(last(embedding), logits)
        torch.testing.assert_close(network(inputs), logits, rtol=0, atol=0)
        standard = (inputs["features"] - network.mean) / network.scale
        torch.testing.assert_close(nn.functional.gelu(network.layers[1](standard)), embedding)


def test_the_embedding_of_a_text_classifier_is_its_pooled_first_token(text_network):
    """Recomputed with transformers alone."""
    network, inputs = text_network
    network.eval()
    with torch.no_grad():
        logits, embedding = classify_and_embed(network, inputs)
        classifier = network.classifier
        torch.testing.assert_close(classifier.classifier(embedding), logits)
        torch.testing.assert_close(classifier(**inputs).logits, logits)
        hidden = classifier.bert(**inputs).last_hidden_state[:, 0]
        pooled = torch.tanh(classifier.bert.pooler.dense(hidden))
        torch.testing.assert_close(pooled, embedding)
    assert logits.dtype == torch.float32


def test_in_training_the_embedding_is_that_of_this_very_pass():
    """With dropout: what the layer read, not what it would read without."""
    network, inputs = feature_network().train(), features()
    logits, embedding = classify_and_embed(network, inputs)
    last = last_linear(network)
    assert last is not None
    torch.testing.assert_close(last(embedding), logits)
    assert (embedding == 0).float().mean() > 0.02  # dropped values


def test_without_a_linear_layer_the_logits_stand_for_the_embedding():
    network = Bare().eval()
    logits, embedding = classify_and_embed(network, features())
    assert torch.equal(logits, embedding)
    assert last_linear(network) is None
    branches = make_branches(Bare, 2, shared=False)
    assert branches.dimension is None
    every, embeddings = branches(features())
    assert torch.equal(every, embeddings)
    with pytest.raises(ValueError, match="ends in a linear layer"):
        make_branches(Bare, 2, shared=True)


def test_the_embedding_of_a_decoder_is_the_mean_of_its_tokens():
    network = Decoder().eval()
    with torch.no_grad():
        logits, embedding = classify_and_embed(network, features())
        torch.testing.assert_close(embedding, network.tokens(features()).mean(1))
        torch.testing.assert_close(logits, network(features()))


def tiny_decoder():
    from transformers import GPT2Config, GPT2ForSequenceClassification

    sizes: dict[str, Any] = {"n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 32, "vocab_size": 20}
    tokens: dict[str, Any] = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 1, "num_labels": CLASSES}
    return TextNetwork(GPT2ForSequenceClassification(GPT2Config(**sizes, **tokens)))


@pytest.mark.parametrize("kind", ["encoder", "decoder"])
def test_a_text_is_embedded_the_same_whatever_it_is_padded_to(kind, text_network):
    """Neither its logits nor its embedding depend on the longest text of the batch."""
    torch.manual_seed(0)
    network = (text_network[0] if kind == "encoder" else tiny_decoder()).eval()
    tokens = torch.tensor([[7, 9, 12, 8, 15]])
    seen = []
    for padding in (0, 11):
        inputs = {
            "input_ids": nn.functional.pad(tokens, (0, padding)),
            "attention_mask": nn.functional.pad(torch.ones_like(tokens), (0, padding)),
        }
        with torch.no_grad():
            seen.append(classify_and_embed(network, inputs))
    torch.testing.assert_close(seen[0][0], seen[1][0])
    torch.testing.assert_close(seen[0][1], seen[1][1])


def test_no_hook_is_left_behind(text_network):
    network, inputs = text_network
    before = hooks_of(network)
    for _ in range(3):
        classify_and_embed(network, inputs)
    assert hooks_of(network) == before
    for build in (feature_network, Bare, Decoder):
        network = build()
        classify_and_embed(network, features())
        assert hooks_of(network) == 0
    network = Breaks()
    with pytest.raises(MemoryError):
        classify_and_embed(network, features())
    assert hooks_of(network) == 0


def test_networks_side_by_side():
    torch.manual_seed(0)
    branches: Any = make_branches(feature_network, 3, shared=False).eval()
    assert len(branches) == len(branches.networks) == 3
    assert branches.dimension == branches.networks[0].layers[4].in_features
    with torch.no_grad():
        logits, embeddings = branches(features())
        assert logits.shape == (3, ROWS, CLASSES)
        assert embeddings.shape == (3, ROWS, branches.dimension)
        for k, network in enumerate(branches.networks):
            torch.testing.assert_close(network(features()), logits[k])
            torch.testing.assert_close(network.layers[4](embeddings[k]), logits[k])
    assert not torch.equal(logits[0], logits[1])


@pytest.mark.parametrize("text", [False, True])
def test_heads_share_one_embedding(text, text_network):
    """Each classifies the same vector, and each is learnt by itself."""
    torch.manual_seed(0)
    network, inputs = text_network if text else (feature_network(), features())
    branches = make_branches(lambda: network, 3, shared=True).eval()
    assert len(branches) == 3
    assert len(branches.networks) == 1
    assert len(branches.heads) == 2
    logits, embeddings = branches(inputs)
    assert embeddings.shape == (1, logits.shape[1], branches.dimension)
    last = last_linear(network)
    for k, head in enumerate([last, *branches.heads]):
        assert head is not None
        torch.testing.assert_close(head(embeddings[0]), logits[k])
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not torch.equal(logits[one], logits[other])


def test_a_heads_loss_trains_the_shared_network_and_no_other_head():
    branches: Any = make_branches(feature_network, 3, shared=True).eval()
    branches(features())[0][2].square().sum().backward()
    network = branches.networks[0]
    assert network.layers[1].weight.grad.abs().sum() > 0  # below the embedding
    assert network.layers[4].weight.grad.abs().sum() == 0
    assert branches.heads[0][1].weight.grad.abs().sum() == 0
    assert branches.heads[1][1].weight.grad.abs().sum() > 0


def test_one_branch_is_the_network_alone():
    """Shared or not, D17: the axis of branches stays."""
    for shared in (False, True):
        torch.manual_seed(0)
        branches = make_branches(feature_network, 1, shared=shared).eval()
        assert len(branches) == 1
        assert len(branches.heads) == 0
        logits, embeddings = branches(features(rows=1))
        assert logits.shape == (1, 1, CLASSES)
        assert embeddings.shape[:2] == (1, 1)
        torch.testing.assert_close(branches.networks[0](features(rows=1)), logits[0])


def test_logits_are_float32_whatever_the_network_computes_in():
    branches = Branches([feature_network().bfloat16()]).eval()
    logits, _ = branches({"features": features()["features"].bfloat16()})
    assert logits.dtype == torch.float32


def trained(branches):
    return {name.removeprefix("networks.0.") for name, one in branches.named_parameters() if one.requires_grad}


def test_of_a_frozen_text_network_the_head_alone_trains(tiny_encoder):
    branches = Branches([TextNetwork(load_classifier(tiny_encoder, ["a", "b", "c"]))])
    branches.freeze()
    assert branches.frozen
    assert trained(branches) == {"classifier.classifier.weight", "classifier.classifier.bias"}


@pytest.mark.parametrize("kind", ["resnet", "convnext", "vit"])
def test_of_a_frozen_image_network_too_unless_its_weights_are_random(kind, image_models):
    classifier, unit = load_image_classifier(image_models[kind], ["a", "b"], new_head=True), torch.ones(3)
    head = last_linear(classifier)
    assert head is not None
    branches = Branches([ImageNetwork(classifier, unit, unit)])
    branches.freeze()
    assert trained(branches) == {
        f"classifier.{name}" for name, one in classifier.named_parameters() if one is head.weight or one is head.bias
    }
    for one in classifier.parameters():
        one.requires_grad_(True)
    random = Branches([ImageNetwork(classifier, unit, unit, pretrained=False)])
    random.freeze()
    assert not random.frozen
    assert trained(random) == {f"classifier.{name}" for name, _ in classifier.named_parameters()}
