"""Tokenised texts against the tokenizer itself."""

import errno

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mislabel.disk import DiskFull
from mislabel.modalities.text import tokens
from mislabel.modalities.text.batches import TextInputs
from mislabel.modalities.text.models import DEFAULT_ENCODER, find_encoder, load_tokenizer

TEXTS = [
    "a short one",
    "Größe, naïve café — 你好 🙂 <script>alert('x')</script>",
    "word " * 40,
    "",
    "numbers 1 2 3 and (brackets) [SEP] in the text",
    "unbelievably uncharacteristically tokenized",
]


@pytest.fixture(scope="module")
def minilm():
    """The tokenizer of the packaged MiniLM."""
    return load_tokenizer(find_encoder(DEFAULT_ENCODER))


@pytest.fixture(scope="module")
def tiny(tiny_encoder):
    return load_tokenizer(tiny_encoder)


@pytest.mark.parametrize("max_length", [8, 16, 128])
@pytest.mark.parametrize("rows", [[0, 1], [2, 0, 4, 3], [5], [0, 1, 2, 3, 4, 5]])
def test_batches_are_what_the_tokenizer_gives(minilm, rows, max_length):
    found = TextInputs(TEXTS, minilm, max_length).batch(np.array(rows))
    wanted = minilm(
        [TEXTS[k] for k in rows], padding=True, pad_to_multiple_of=8, truncation=True, max_length=max_length,
        return_tensors="pt",
    )  # fmt: skip
    assert set(found) == {"input_ids", "attention_mask"}
    for name in found:
        torch.testing.assert_close(found[name], wanted[name])


def test_truncation_is_counted(minilm):
    for max_length in (6, 12, 42, 43, 128):
        found = TextInputs(TEXTS, minilm, max_length)
        whole = [len(minilm(text)["input_ids"]) for text in TEXTS]
        assert found.truncated == sum(length > max_length for length in whole)
        np.testing.assert_array_equal(found.lengths, np.minimum(whole, max_length))


def test_empty_texts_are_those_without_a_known_token(tiny):
    texts = ["", "   ", "\t\n", "qqqq xxxx", "boat1", "qqqq boat1", "[MASK] [PAD]", "[UNK]"]
    np.testing.assert_array_equal(TextInputs(texts, tiny, 16).empty, [1, 1, 1, 1, 0, 0, 1, 1])


def test_take_keeps_rows_and_order(minilm):
    whole = TextInputs(TEXTS, minilm, 32)
    order = np.array([5, 0, 0, 2])
    part = whole.take(order).take(np.array([3, 0]))
    assert len(part) == 2
    np.testing.assert_array_equal(part.lengths, whole.lengths[[2, 5]])
    np.testing.assert_array_equal(part.empty, whole.empty[[2, 5]])
    torch.testing.assert_close(part.batch(np.array([0, 1])), whole.batch(np.array([2, 5])))


@given(st.lists(st.text(max_size=60), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_any_text_is_read_back(minilm, texts):
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    batch = TextInputs(texts, minilm, 64).batch(np.arange(len(texts)))
    for row, text in enumerate(texts):
        kept = batch["input_ids"][row][batch["attention_mask"][row] == 1].tolist()
        assert kept == minilm(text, truncation=True, max_length=64)["input_ids"]


class Counting:
    """A tokenizer that counts the characters that it is given."""

    def __init__(self, tokenizer):
        self.tokenizer, self.characters = tokenizer, 0

    def __getattr__(self, name):
        return getattr(self.tokenizer, name)

    def __call__(self, texts, **how):
        self.characters += sum(map(len, texts))
        return self.tokenizer(texts, **how)


def test_a_huge_text_is_cut_and_quick(minilm):
    """Of more than twenty million characters the tokenizer reads fewer than one in two hundred."""
    huge = "lorem ipsum dolor " * 600_000  # 10.8 MB
    counting = Counting(minilm)
    found = TextInputs([huge, "short", "x" * 10_000_000], counting, 128)
    assert 2 * 128 < counting.characters < 100_000
    assert found.truncated == 2
    assert found.lengths[0] == 128
    assert found.batch(np.array([0]))["input_ids"][0].tolist() == [*minilm(huge[:2000])["input_ids"][:127], 102]


def test_strong_view_masks_ordinary_tokens_alone(minilm):
    """About 15 % of the ordinary tokens become [MASK]: within four standard deviations of the binomial."""
    inputs = TextInputs(["some plain words about nothing at all " * 4, "two words"] * 100, minilm, 32)
    batch = inputs.batch(np.arange(200))
    before = {name: value.clone() for name, value in batch.items()}
    torch.manual_seed(0)
    strong = inputs.strong_view(batch)
    torch.testing.assert_close(batch, before)
    torch.testing.assert_close(strong["attention_mask"], batch["attention_mask"])
    changed = strong["input_ids"] != batch["input_ids"]
    assert (strong["input_ids"][changed] == minilm.mask_token_id).all()
    fixed = torch.isin(batch["input_ids"], torch.tensor([0, 101, 102, 103]))  # [PAD], [CLS], [SEP], [MASK]
    assert not (changed & fixed).any()
    ordinary = int((~fixed).sum())
    assert abs(int(changed.sum()) - 0.15 * ordinary) < 4 * (0.15 * 0.85 * ordinary) ** 0.5


def test_padding_stays_where_a_tokenizer_has_no_token_for_it(tiny_encoder):
    tokenizer = load_tokenizer(tiny_encoder)
    tokenizer.pad_token = None
    inputs = TextInputs(["boat1 " * 30, "boat2"] * 50, tokenizer, 32)
    batch = inputs.batch(np.arange(100))
    strong = inputs.strong_view(batch)["input_ids"]
    padding = batch["attention_mask"] == 0
    assert torch.equal(strong[padding], batch["input_ids"][padding])
    assert (strong[~padding] != batch["input_ids"][~padding]).any()


class TestChunks:
    """Texts that are tokenised a few at a time, and tokens that lie in a file, are the same texts and tokens."""

    @pytest.fixture(params=[(2, 1 << 20), (1000, 30)])
    def small_chunks(self, request, monkeypatch):
        texts, characters = request.param
        monkeypatch.setattr(tokens, "TEXTS_AT_ONCE", texts)
        monkeypatch.setattr(tokens, "CHARACTERS_AT_ONCE", characters)
        monkeypatch.setattr(tokens, "IN_MEMORY", 0)

    def test_the_same_whatever_the_chunk(self, small_chunks, minilm, tmp_path):
        told = []
        found = TextInputs(iter(TEXTS), minilm, 12, folder=tmp_path, told=told.append)
        encoded = [minilm(text, truncation=True, max_length=12)["input_ids"] for text in TEXTS]
        assert sum(told) == len(TEXTS)
        assert len(told) > 1
        assert found.truncated == sum(len(minilm(text)["input_ids"]) > 12 for text in TEXTS)
        assert found.empty.tolist() == [False, False, False, True, False, False]
        for row, wanted in enumerate(encoded):
            batch = found.batch(np.array([row, 2]))
            assert batch["input_ids"][0, : len(wanted)].tolist() == wanted
            assert int(batch["attention_mask"][0].sum()) == len(wanted)

    def test_the_file_has_no_name_and_is_mapped(self, small_chunks, minilm, tmp_path):
        found = TextInputs(TEXTS, minilm, 12, folder=tmp_path)
        assert list(tmp_path.iterdir()) == []
        assert not found._tokens.flags.owndata
        assert not found._tokens.flags.writeable

    def test_a_full_disk_is_told(self, minilm, monkeypatch, tmp_path):
        def full(**_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(tokens, "TemporaryFile", full)
        with pytest.raises(DiskFull, match=f"{tmp_path}: No space left"):
            TextInputs(TEXTS, minilm, 12, folder=tmp_path)
