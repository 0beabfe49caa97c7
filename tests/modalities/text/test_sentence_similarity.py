"""How near texts are to sentences, beside transformers alone, one text at a time."""

import numpy as np
import pytest
import torch

from mislabel.modalities import heads, modality
from mislabel.modalities.dataset import make_dataset
from mislabel.modalities.text import reader
from mislabel.run.defaults import effective_for
from mislabel.run.folder import RunFolder
from mislabel.run.settings import RunConfig
from mislabel.training.device import make_accelerator
from mislabel.training.inference import outputs
from mislabel.training.progress import Quiet

SENTENCES = ["apple1 apple2 apple3", "boat4 common7", "cloud5"]


@pytest.fixture(scope="module")
def data(make_toy):
    """Forty texts in an order that is not that of their ids; five are held out, two have no label."""
    frame = make_toy(40)
    labels = [None if k in (10, 20) else label for k, label in enumerate(frame["label"])]
    ids = [f"t{(7 * k) % 40:02d}" for k in range(40)]
    return make_dataset(
        frame["text"], labels, ids=ids, split=["test"] * 5 + ["train"] * 35, missing="unlabeled", modality="text"
    )


def prepared(data, backbone, tune, storage=None, **settings):
    config = effective_for(RunConfig(backbone=backbone, tune=tune, device="cpu", precision="fp32", **settings), data)
    return modality("text").prepare(data, config, make_accelerator("cpu", "fp32"), storage, Quiet())


def embedded(backbone, texts):
    """The mean of a text's token states, of unit length, (n, d) float64."""
    from transformers import AutoModel, AutoTokenizer

    model, tokenizer = AutoModel.from_pretrained(backbone).eval(), AutoTokenizer.from_pretrained(backbone)
    with torch.inference_mode():
        means = [model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0).numpy() for text in texts]
    return np.array([mean / np.linalg.norm(mean) for mean in means], dtype=np.float64)


@pytest.mark.parametrize("tune", ["head", "full"])
def test_cosines_of_training_rows_in_their_order(data, tiny_encoder, tune):
    ready = prepared(data, tiny_encoder, tune)
    found = ready.similarity(SENTENCES)
    assert found.dtype == np.float32
    assert len(ready.trained) == 33
    rows = embedded(tiny_encoder, [data.inputs[position] for position in ready.trained])
    np.testing.assert_allclose(found, rows @ embedded(tiny_encoder, SENTENCES).T, atol=1e-5)
    assert np.ptp(found) > 0.1
    np.testing.assert_allclose(ready.similarity(SENTENCES[1:2]), found[:, 1:2], atol=1e-6)


def test_topics_are_near_to_their_words(data, tiny_encoder):
    """Words of one topic lie near each other in the tiny encoder."""
    ready = prepared(data, tiny_encoder, "head")
    words = [f"{name}0 {name}1 {name}2 {name}3 {name}4" for name in ("apple", "boat", "cloud")]
    similar = ready.similarity(words)
    nearest = (similar - similar.mean(0)).argmax(1)
    wanted = [
        max(range(3), key=lambda k: data.inputs[row].count(("apple", "boat", "cloud")[k])) for row in ready.trained
    ]
    assert (nearest == wanted).mean() > 0.8


@pytest.fixture
def rows_read(monkeypatch):
    """How many texts each pass of a network read."""
    counts = []

    def counted(network, inputs, *rest, **how):
        counts.append(len(inputs))
        return outputs(network, inputs, *rest, **how)

    for module in (reader, heads):
        monkeypatch.setattr(module, "outputs", counted)
    return counts


def test_embeddings_that_lie_in_the_run_are_used(data, tiny_encoder, tmp_path, rows_read):
    storage = RunFolder(tmp_path / "run")
    storage.path.mkdir()
    first = prepared(data, tiny_encoder, "head", storage).similarity(SENTENCES)
    assert rows_read == [40, 3]
    again = prepared(data, tiny_encoder, "head", storage).similarity(SENTENCES)
    assert rows_read == [40, 3, 3]
    np.testing.assert_array_equal(again, first)


def test_a_whole_encoder_embeds_when_it_is_asked_and_once(data, tiny_encoder, rows_read):
    ready = prepared(data, tiny_encoder, "full")
    assert rows_read == [33]  # token states, for the pooler
    first = ready.similarity(SENTENCES)
    assert rows_read == [33, 33, 3]
    embedded_rows = ready.embed()
    np.testing.assert_array_equal(ready.similarity(SENTENCES), first)
    assert rows_read == [33, 33, 3, 3]
    np.testing.assert_allclose(np.linalg.norm(embedded_rows, axis=1), 1, atol=1e-5)


def test_what_is_asked_does_not_change_what_is_drawn_later(data, tiny_encoder):
    ready = prepared(data, tiny_encoder, "full")
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    ready.similarity(SENTENCES)
    torch.testing.assert_close(torch.rand(3), wanted)


def test_sentences_are_read_whole_where_texts_are_cut(data, tiny_encoder):
    """Texts keep four tokens, sentences as many as the encoder has positions, 64."""
    ready = prepared(data, tiny_encoder, "head", max_length=4)
    begins = ["apple1 boat2 cloud3", "apple1 boat2 common4"]
    found = ready.similarity(begins)
    assert np.abs(found[:, 0] - found[:, 1]).max() > 1e-3
    long = " ".join(["apple1"] * 80)
    np.testing.assert_allclose(ready.similarity([long]), ready.similarity([" ".join(["apple1"] * 62)]), atol=1e-6)
