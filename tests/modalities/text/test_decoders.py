"""What is read of a decoder: the last token's logits, the mean of its tokens, wherever the padding stands."""

import numpy as np
import pytest
import torch
from model_kinds import PADLESS, make_model

from mislabel.modalities.adapters import TEXTS, add_adapters
from mislabel.modalities.text.batches import Layout, TextInputs
from mislabel.modalities.text.models import TextNetwork, load_classifier, load_encoder, load_tokenizer

DECODERS = ["gpt2", "opt", "llama", "qwen2", "qwen3", "gemma", "gemma3", "bloom"]
SOME = ["w1 w2 w3 w14", "w12", "w13 w14"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    home = tmp_path_factory.mktemp("decoders")
    return {kind: make_model(kind, home / kind) for kind in DECODERS}


def classifier_of(folder, tune):
    tokenizer = load_tokenizer(folder)
    classifier = load_classifier(folder, ["a", "b", "c"], new_head=True, pad=tokenizer.pad_token_id)
    network = TextNetwork(classifier, add_adapters(classifier, 2 if tune == "lora" else None, folder, TEXTS))
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in network.parameters():
            if weight.requires_grad:
                weight += 0.2 * torch.randn(weight.shape, generator=random)
    return tokenizer, network.eval()


def batches(kind, tokenizer, texts):
    """Texts as they are batched, and with the padding before them, where positions do not count from the left."""
    sides = [Layout(), Layout(left=True)] if kind != "gpt2" else [Layout()]
    return [TextInputs(texts, tokenizer, 20, side).batch(np.arange(len(texts))) for side in sides]


@pytest.mark.parametrize("tune", ["full", "lora"])
@pytest.mark.parametrize("kind", DECODERS)
def test_logits_are_those_of_the_last_token(kind, tune, folders):
    """Found by hand from the states of a text alone."""
    tokenizer, network = classifier_of(folders[kind], tune)
    classifier = network.classifier
    assert classifier.config.pad_token_id == tokenizer.pad_token_id
    with torch.inference_mode():
        wanted = []
        for text in SOME:
            states = classifier.base_model(input_ids=torch.tensor([tokenizer(text)["input_ids"]])).last_hidden_state
            wanted.append(classifier.score(states)[0, -1])
        for batch in batches(kind, tokenizer, SOME):
            assert (batch["attention_mask"] == 0).any()
            torch.testing.assert_close(network(batch), torch.stack(wanted), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", DECODERS)
def test_an_embedding_is_the_mean_over_the_texts_own_tokens(kind, folders):
    tokenizer, encoder = load_tokenizer(folders[kind]), load_encoder(folders[kind]).eval()
    with torch.inference_mode():
        wanted = []
        for text in SOME:
            states = encoder.encoder(input_ids=torch.tensor([tokenizer(text)["input_ids"]])).last_hidden_state
            wanted.append(states[0].mean(0) / states[0].mean(0).norm())
        for batch in batches(kind, tokenizer, SOME):
            torch.testing.assert_close(encoder(batch), torch.stack(wanted), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", PADLESS)
def test_the_end_token_pads_and_a_text_that_ends_in_it_is_the_same_in_a_batch(kind, folders):
    """The last token that is no end token is judged, alone and beside a longer text."""
    tokenizer, network = classifier_of(folders[kind], "full")
    assert tokenizer.pad_token == "</s>"
    ended = "w5 w6 </s>"
    alone, beside = (
        TextInputs(texts, tokenizer, 20).batch(np.arange(len(texts))) for texts in ([ended], [ended, *SOME])
    )
    with torch.inference_mode():
        logits = network(alone)[0]
        torch.testing.assert_close(network(beside)[0], logits, atol=1e-5, rtol=1e-4)
        plain = network(TextInputs(["w5 w6"], tokenizer, 20).batch(np.arange(1)))[0]
    torch.testing.assert_close(logits, plain, atol=1e-5, rtol=1e-4)
