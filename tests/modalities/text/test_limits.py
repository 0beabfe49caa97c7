"""How much of a text a network reads, by its kind: positions, padding, ends, and the tokenizer beside it."""

import shutil

import numpy as np
import pytest
import torch
import transformers as library
from model_kinds import KINDS, make_model

from mislabel.errors import InputError
from mislabel.modalities.text.batches import Layout, TextInputs
from mislabel.modalities.text.limits import readable_length
from mislabel.modalities.text.models import (
    TextNetwork,
    encoder_digest,
    layout_of,
    load_classifier,
    load_encoder,
    load_tokenizer,
)

READS = dict.fromkeys(KINDS, 24) | {"bert, odd": 21} | dict.fromkeys(("deberta", "bloom", "t5", "xlnet"), 40)
del READS["qwen2"]  # whose tokens are characters
TEXTS = ["w1 w2 w3 w4 w5 w6 w7 w8 w9 w10 w11", "w12", "w13 w14 w15", ""]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    home = tmp_path_factory.mktemp("kinds")
    return {kind: make_model(kind, home / kind) for kind in KINDS}


def classifier_of(folder):
    tokenizer = load_tokenizer(folder)
    with torch.random.fork_rng():
        torch.manual_seed(2)
        network = TextNetwork(load_classifier(folder, ["a", "b", "c"], new_head=True, pad=tokenizer.pad_token_id))
    return tokenizer, network.eval(), layout_of(network.classifier)


@pytest.mark.parametrize("kind", READS)
def test_a_text_is_as_long_as_the_positions(folders, kind):
    """Forty tokens are asked for; networks of relative positions read them, the others as many as their table holds."""
    tokenizer, encoder = load_tokenizer(folders[kind]), load_encoder(folders[kind])
    length = readable_length(encoder, encoder.encoder, tokenizer, 40, kind, Layout())
    assert length == READS[kind]
    inputs = TextInputs(["w7 " * 60, "w8"], tokenizer, length)
    assert inputs.lengths.tolist() == [length, 1]
    with torch.inference_mode():
        assert encoder(inputs.batch(np.arange(2))).shape == (2, encoder.dimension)
    assert readable_length(encoder, encoder.encoder, tokenizer, 7, kind, Layout()) == 7


@pytest.mark.parametrize("kind", READS)
def test_a_classifier_reads_texts_of_any_length_side_by_side(folders, kind):
    """Each text alone, without padding, as transformers has it, gives the logits that it gives in a batch."""
    tokenizer, network, layout = classifier_of(folders[kind])
    length = readable_length(network, network.classifier, tokenizer, 40, kind, layout)
    assert length == READS[kind]
    inputs = TextInputs(TEXTS, tokenizer, length, layout)
    with torch.inference_mode():
        together = network(inputs.batch(np.arange(len(TEXTS))))
        assert together.isfinite().all()
        for row, text in enumerate(TEXTS[:-1]):
            alone = tokenizer(text + (" </s>" if layout.end is not None else ""), return_tensors="pt")
            logits = network.classifier(input_ids=alone["input_ids"], attention_mask=alone["attention_mask"]).logits[0]
            torch.testing.assert_close(together[row], logits, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_a_decoder_judges_the_last_token_on_either_side_of_the_padding(folders, kind):
    """The logits of a text are those of its last token, found here by hand from the states of all of them."""
    tokenizer, network, _ = classifier_of(folders[kind])
    model = network.classifier
    assert model.config.pad_token_id == tokenizer.pad_token_id == 3
    tokens = tokenizer(TEXTS[0])["input_ids"]
    with torch.inference_mode():
        states = model.base_model(input_ids=torch.tensor([tokens])).last_hidden_state
        wanted = model.score(states)[0, -1]
        for left in (False, True):
            rows = [[3] * 5 + tokens, [3] * (5 + len(tokens) - 1) + [7]] if left else [tokens + [3] * 5, [7] + [3] * (
                4 + len(tokens)
            )]  # fmt: skip
            batch = {"input_ids": torch.tensor(rows), "attention_mask": (torch.tensor(rows) != 3).long()}
            if kind == "gpt2":  # positions count from the text's first token
                batch["position_ids"] = (batch["attention_mask"].cumsum(1) - 1).clamp(min=0)
            torch.testing.assert_close(model(**batch).logits[0], wanted, atol=1e-5, rtol=1e-4)


def test_a_text_ends_where_an_encoder_decoder_looks(folders):
    """BART and T5 judge the one end token: it is added, kept when a text is cut, and taken out of a text's middle."""
    tokenizer, _, layout = classifier_of(folders["bart"])
    assert layout == Layout(end=3)
    inputs = TextInputs(["w1 w2", "", "w1 </s> w2 </s> w3", "w1 " * 30], tokenizer, 8, layout)
    rows = [inputs.batch(np.array([k]))["input_ids"][0][: inputs.lengths[k]].tolist() for k in range(4)]
    assert rows == [[6, 7, 3], [3], [6, 7, 8, 3], [6] * 7 + [3]]
    assert inputs.empty.tolist() == [False, True, False, False]


def test_a_network_that_judges_the_last_place_gets_its_padding_before_the_text(folders):
    tokenizer, _, layout = classifier_of(folders["xlnet"])
    assert layout == Layout(left=True)
    batch = TextInputs(["w1 w2 w3", "w4"], tokenizer, 16, layout).batch(np.arange(2))
    assert batch["input_ids"].tolist() == [[0] * 5 + [6, 7, 8], [0] * 7 + [9]]
    assert batch["attention_mask"].tolist() == [[0] * 5 + [1] * 3, [0] * 7 + [1]]


def test_a_slow_tokenizer_gives_the_same(tmp_path):
    """ByT5 reads bytes, each three above its value, and an end: there is no file of words, nor word of what it cut."""
    library.ByT5Tokenizer().save_pretrained(tmp_path)
    library.T5Config().save_pretrained(tmp_path)
    tokenizer = load_tokenizer(str(tmp_path))
    assert not tokenizer.is_fast
    texts = ["abc", "", "a much longer text than that", "é" * 7, "x" * 15]
    inputs = TextInputs(texts, tokenizer, 16)
    assert inputs.lengths.tolist() == [4, 1, 16, 15, 16]
    assert inputs.truncated == 1
    assert inputs.empty.tolist() == [False, True, False, False, False]
    assert inputs.batch(np.array([0]))["input_ids"][0, :4].tolist() == [100, 101, 102, 1]


def test_more_tokens_than_rows(folders, tmp_path):
    tokenizer, encoder = load_tokenizer(folders["bert"]), load_encoder(folders["bert"])
    tokenizer.add_tokens(["w46", "w47"])
    with pytest.raises(InputError, match="its tokenizer knows 52 tokens and its network 50: add the rows"):
        readable_length(encoder, encoder.encoder, tokenizer, 16, "m", Layout())


def test_positions_that_only_trying_shows(folders):
    """A network whose config says nothing of its positions: the longest text that it reads is found."""

    class Bare(torch.nn.Module):
        config = library.PreTrainedConfig()

        def forward(self, batch):
            if batch["input_ids"].shape[1] > 300:
                raise IndexError("index out of range in self")
            return batch["attention_mask"].float()

    tokenizer, network = load_tokenizer(folders["bert"]), Bare()
    assert readable_length(network, network, tokenizer, 900, "m", Layout()) == 300
    assert readable_length(network, network, tokenizer, 128, "m", Layout()) == 128


@pytest.mark.parametrize("fault", ["raises", "nan"])
def test_a_network_that_reads_nothing(folders, fault):
    class Broken(torch.nn.Module):
        config = library.PreTrainedConfig()

        def forward(self, batch):
            if fault == "raises":
                raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")
            return torch.full((2, 3), float("nan"))

    network = Broken()
    said = "mat1 and mat2" if fault == "raises" else "it gives NaN or infinity"
    with pytest.raises(InputError, match=f"the model 'm' cannot be loaded: it cannot read a text .*{said}"):
        readable_length(network, network, load_tokenizer(folders["bert"]), 64, "m", Layout())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions(folders, tmp_path, dtype):
    """A frozen encoder stays as its file has it, since it may be large; what is trained is in single precision."""
    shutil.copytree(folders["bert"], tmp_path / "model")
    model = library.BertModel.from_pretrained(folders["bert"], dtype=dtype, trust_remote_code=False)
    model.save_pretrained(tmp_path / "model")
    encoder, single = load_encoder(str(tmp_path / "model")), load_encoder(folders["bert"])
    assert {value.dtype for value in encoder.parameters()} == {dtype}
    tokenizer, network, layout = classifier_of(str(tmp_path / "model"))
    assert {value.dtype for value in network.parameters()} == {torch.float32}
    assert readable_length(encoder, encoder.encoder, tokenizer, 40, "m", Layout()) == 24
    assert readable_length(network, network.classifier, tokenizer, 40, "m", layout) == 24
    batch = TextInputs(TEXTS, tokenizer, 24).batch(np.arange(len(TEXTS)))
    with torch.inference_mode():
        found, wanted = encoder.eval()(batch), single.eval()(batch)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, wanted, atol=0.05, rtol=0)


def test_a_head_on_a_decoder_is_not_read_as_one_on_an_encoder(folders, tmp_path):
    """Before, the states of BART's decoder were read: such a head would give other predictions without a word."""
    from mislabel.errors import RunError
    from mislabel.modalities.text.reader import TextReader, load
    from mislabel.modalities.vectors import FeatureNetwork

    tokenizer, encoder = load_tokenizer(folders["bart"]), load_encoder(folders["bart"])
    digest = encoder_digest(encoder, tokenizer)
    reader = TextReader(tokenizer, 16, folders["bart"], encoder, Layout(), digest)
    about = reader.save(tmp_path, FeatureNetwork(torch.zeros(16), torch.ones(16), 2)) | {"classes": ["a", "b"]}
    assert load(tmp_path, about)[0].max_length == 16
    with pytest.raises(RunError, match="a head on the decoder of .*: the run has to be made again"):
        load(tmp_path, {key: value for key, value in about.items() if key != "encoder_digest"})
