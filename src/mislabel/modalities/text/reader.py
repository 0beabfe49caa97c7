"""Runs on texts: a whole encoder, or a head on its frozen embeddings."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from mislabel.data import Dataset
from mislabel.data.inputs import RawInputs
from mislabel.data.rows import with_small_classes
from mislabel.data.training_rows import TRAINS, trainable_rows
from mislabel.errors import InputError, NotAssessed, RunError
from mislabel.modalities.adapters import TEXTS, add_adapters, has_adapters, like_saved, save_classifier
from mislabel.modalities.contract import Prepared, Settings, Storage, sample_rows
from mislabel.modalities.encoder_digest import check_encoder, keep_encoder
from mislabel.modalities.heads import embeddings, has_head, load_head, prepare_head, save_head
from mislabel.modalities.similarity import cosines
from mislabel.modalities.text.batches import Layout, TextInputs
from mislabel.modalities.text.language import unknown_language
from mislabel.modalities.text.limits import positions, readable_length
from mislabel.modalities.text.models import (
    FrozenEncoder,
    TextNetwork,
    encoder_digest,
    find_encoder,
    layout_of,
    load_classifier,
    load_encoder,
    load_tokenizer,
)
from mislabel.modalities.text.pooler import FirstAndMean, find_pooler, fit_pooler
from mislabel.modalities.text.texts import Texts
from mislabel.modalities.vectors import FeatureInputs
from mislabel.training.inference import outputs
from mislabel.training.inputs import Inputs
from mislabel.training.progress import Quiet

SENTENCE_LENGTH = 256  # tokens


@dataclass
class TextReader:
    """Texts in, tokens or a frozen encoder's embeddings out.

    Attributes
    ----------
    tokenizer
        The encoder's.
    max_length : int
        Tokens kept per text.
    backbone : str
        Name of the encoder.
    encoder : FrozenEncoder or None
        Where a head stands on it.
    layout : Layout
        How the network wants the tokens.
    digest : str
        Of the encoder and its tokenizer.
    adapters : Path, optional
        The model folder, where the network that was read from it was trained by adapters.
    pair : bool
        Whether a text is two, as `TextInputs` has it.
    """

    tokenizer: Any
    max_length: int
    backbone: str
    encoder: FrozenEncoder | None
    layout: Layout
    digest: str
    adapters: Path | None = None
    pair: bool = False

    def inputs(self, raw: RawInputs, accelerator: Any, progress: Quiet | None = None) -> Inputs:
        texts = tokenise(raw, self.tokenizer, self.max_length, self.layout, self.pair, None, progress or Quiet())
        if self.encoder is None:
            return texts
        width = self.encoder.dimension
        return FeatureInputs(outputs(self.encoder, texts, width, accelerator, progress=progress, doing="embed"))

    def save(self, folder: Path, network: nn.Module) -> dict[str, Any]:
        if isinstance(network, TextNetwork):
            self.tokenizer.model_max_length = self.max_length
            # As it was trained: a network with absolute positions reads another text where the padding comes first.
            # The library saves what a tokenizer was made with, and the side only if it was.
            side = "left" if self.layout.left else "right"
            self.tokenizer.init_kwargs["padding_side"] = self.tokenizer.padding_side = side
            save_classifier(folder, network.classifier, network.adapters)
            self.tokenizer.save_pretrained(folder)
        else:
            save_head(folder, network, self.backbone)
        about = {"modality": "text", "max_length": self.max_length, "backbone": self.backbone}
        return about | {"encoder_digest": self.digest} | ({"pair": True} if self.pair else {})

    def of_epochs(self, network: nn.Module) -> nn.Module:
        """See `Reader`; weights of adapters are for the base model, which is loaded by its name."""
        if self.adapters is None:
            return copy.deepcopy(network)
        name = find_encoder(self.backbone)
        check_encoder(self.backbone, encoder_digest(pretrained(name), load_tokenizer(name)), self.digest)
        config = cast(Any, cast(TextNetwork, network).classifier).config
        labels = [config.id2label[code] for code in range(config.num_labels)]
        classifier = load_classifier(name, labels, new_head=True, pad=self.tokenizer.pad_token_id)
        return TextNetwork(classifier, like_saved(classifier, self.adapters, self.backbone))

    def checks(self) -> dict[str, Any]:
        return {"join": "pair"} if self.pair else {}


def prepare(
    dataset: Dataset, settings: Settings, accelerator: Any, storage: Storage | None, progress: Quiet
) -> Prepared:
    """Tokenise, and embed where only a head is trained; see `Modality.prepare`."""
    backbone = find_encoder(settings.backbone or "")
    tokenizer = load_tokenizer(backbone)
    encoder = load_encoder(backbone) if settings.tune == "head" else None
    if encoder is not None:
        layout, asked = Layout(), settings.max_length
        max_length = readable_length(encoder, encoder.encoder, tokenizer, asked, settings.backbone or "", layout)
    else:
        layout, max_length, notes = try_classifier(backbone, dataset.labels.classes, tokenizer, settings)
        dataset = replace(dataset, notes=[*dataset.notes, *notes])
    pair = cast(Texts, dataset.inputs).pair
    texts = tokenise(dataset.inputs, tokenizer, max_length, layout, pair, storage, progress)
    dataset = with_input_notes(dataset, texts, settings)
    trained = trainable_rows(dataset)
    strange = unknown_language(cast(Texts, dataset.inputs), trained, tokenizer)
    dataset = replace(dataset, notes=[*dataset.notes, strange]) if strange else dataset
    refuse_alike(dataset, texts.take(trained))
    start = encoder if encoder is not None else load_encoder(backbone)
    digest = encoder_digest(start, tokenizer)
    keep_encoder(storage, settings.backbone or "", digest, accelerator.is_main_process)
    reader = TextReader(tokenizer, max_length, settings.backbone or "", encoder, layout, digest, pair=pair)
    if encoder is not None:
        matrix = embeddings(encoder, texts, dataset.order, accelerator, storage, progress)

        def beside(sentences: Sequence[str]) -> np.ndarray:
            return cosines(matrix, embed_sentences(encoder, tokenizer, sentences, max_length, accelerator), trained)

        return replace(prepare_head(dataset, trained, matrix, reader), similarity=beside)
    states = token_states(start, texts.take(trained), accelerator)
    build = whole_classifier(backbone, dataset.labels.classes, states, tokenizer.pad_token_id, settings)

    @cache
    def embed() -> np.ndarray:
        start = pretrained(backbone)
        return outputs(
            start, texts.take(trained), start.dimension, accelerator, low_precision=True, progress=progress,
            doing="embed",
        )  # fmt: skip

    def similarity(sentences: Sequence[str]) -> np.ndarray:
        rows = embed()
        return cosines(rows, embed_sentences(pretrained(backbone), tokenizer, sentences, max_length, accelerator))

    untrained = states[:, states.shape[1] // 2 :]
    return Prepared(
        dataset=dataset, trained=trained, inputs=texts, untrained=untrained, build=build, reader=reader,
        embed=embed, space=embed, similarity=similarity,
    )  # fmt: skip


def tokenise(
    raw: RawInputs,
    tokenizer: Any,
    max_length: int,
    layout: Layout,
    pair: bool,
    storage: Storage | None,
    progress: Quiet,
) -> TextInputs:
    """Texts as a network reads them; the tokens of many lie in the run folder meanwhile, where there is one."""
    folder = storage.path if storage is not None and storage.path.is_dir() else None
    progress.begin("tokenise", len(raw))
    try:
        return TextInputs(
            cast(Texts, raw), tokenizer, max_length, layout, pair, folder=folder,
            told=lambda texts: progress.advance(by=texts),
        )  # fmt: skip
    finally:
        progress.end()


def load(folder: Path, about: dict[str, Any]) -> tuple[TextReader, nn.Module]:
    """Read what `TextReader.save` wrote."""
    labels, backbone = [str(value) for value in about["classes"]], about["backbone"]
    pair = about.get("pair", False)
    if has_head(folder):
        name = find_encoder(backbone)
        tokenizer, encoder = load_tokenizer(name), load_encoder(name)
        if encoder.of_pair and "encoder_digest" not in about:  # before, a head stood on the decoder's states
            raise RunError(
                f"{folder} is a head on the decoder of {backbone}, whose encoder is read now: the run has to be made "
                "again"
            )
        digest = encoder_digest(encoder, tokenizer)
        check_encoder(backbone, digest, about.get("encoder_digest"))
        length = readable_length(encoder, encoder.encoder, tokenizer, about["max_length"], backbone, Layout())
        reader = TextReader(tokenizer, length, backbone, encoder, Layout(), digest, pair=pair)
        return reader, load_head(folder, len(labels))
    name = str(folder)
    tokenizer = load_tokenizer(name)
    network = TextNetwork(load_classifier(name, labels, pad=tokenizer.pad_token_id, whole=True))
    layout = layout_of(network.classifier)
    length = readable_length(network, network.classifier, tokenizer, about["max_length"], name, layout)
    adapters = folder if has_adapters(folder) else None
    digest = about.get("encoder_digest", "")
    return TextReader(tokenizer, length, backbone, None, layout, digest, adapters, pair), network


def try_classifier(
    backbone: str, classes: list[Any], tokenizer: Any, settings: Settings
) -> tuple[Layout, int, list[str]]:
    """What a classifier that will be trained wants of tokens, how many it reads of a text, and notes on it.

    It is thrown away.
    """
    with torch.random.fork_rng(devices=[]):
        names = [str(value) for value in classes]
        classifier = load_classifier(backbone, names, new_head=True, pad=tokenizer.pad_token_id)
        layout, asked, name = layout_of(classifier), settings.max_length, settings.backbone or ""
        length = readable_length(TextNetwork(classifier), classifier, tokenizer, asked, name, layout)
        adapters = add_adapters(classifier, settings.lora_rank, name, TEXTS)
    return layout, length, [adapters.note] if adapters is not None else []


def token_states(encoder: FrozenEncoder, texts: TextInputs, accelerator: Any) -> np.ndarray:
    """First and mean token states of some texts in the untrained encoder, (m, 2 d) float32; see `sample_rows`."""
    some = texts.take(sample_rows(len(texts)))
    return outputs(FirstAndMean(encoder.encoder), some, 2 * encoder.dimension, accelerator, low_precision=True)


def pretrained(backbone: str) -> FrozenEncoder:
    """The encoder as it was before any training; training goes on with the random numbers that it would have had."""
    with torch.random.fork_rng(devices=[]):
        return load_encoder(backbone)


def embed_sentences(
    encoder: FrozenEncoder, tokenizer: Any, sentences: Sequence[str], max_length: int, accelerator: Any
) -> np.ndarray:
    """Sentences as a frozen encoder embeds texts, (S, d) float32 of unit length.

    However short texts are cut, sentences are read whole: up to `SENTENCE_LENGTH` tokens, or its positions.
    """
    length = max(max_length, min(SENTENCE_LENGTH, positions(encoder.encoder) or 0))
    inputs = TextInputs(list(sentences), tokenizer, length)
    return outputs(encoder, inputs, encoder.dimension, accelerator, low_precision=True)


def whole_classifier(
    backbone: str, classes: list[Any], states: np.ndarray, pad: int, settings: Settings
) -> Callable[[], nn.Module]:
    """Builds a classifier with a new head, its pooler fitted to `token_states`, and with adapters if so set."""

    def build() -> nn.Module:
        classifier = load_classifier(backbone, [str(value) for value in classes], new_head=True, pad=pad)
        dense = find_pooler(classifier)
        if dense is not None:
            weight, bias = fit_pooler(states)
            with torch.no_grad():
                dense.weight.copy_(weight)
                dense.bias.copy_(bias)
        adapters = add_adapters(classifier, settings.lora_rank, settings.backbone or "", TEXTS)
        return TextNetwork(classifier, adapters)

    return build


def with_input_notes(dataset: Dataset, texts: TextInputs, settings: Settings) -> Dataset:
    """The data set with what only the tokeniser can tell: texts cut, and texts without any known token."""
    notes, status = list(dataset.notes), dataset.status.copy()
    longer = "--max-length raises the limit."
    if texts.max_length < settings.max_length:
        longer = "The model reads no more."
        notes.append(
            f"The model reads at most {texts.max_length} tokens of a text, so --max-length {settings.max_length} "
            f"became {texts.max_length}."
        )
    if texts.truncated:
        share = texts.truncated / len(dataset)
        notes.append(
            f"Texts longer than {texts.max_length} tokens, of which the beginning was kept: {texts.truncated} "
            f"({share:.1%}). {longer}"
        )
    unread = texts.empty & np.isin(status, TRAINS)
    if unread.any():
        if texts.empty.all():
            raise InputError(
                f"the tokenizer of the model {settings.backbone!r} knows no token of any of the {len(dataset)} texts: "
                "it is made for other texts, so choose another --backbone"
            )
        status[unread] = "empty_input"
        notes.append(f"Texts without any token that the encoder knows, not judged: {int(unread.sum())}.")
        before, status = status, with_small_classes(status, dataset.training_codes, dataset.labels.n_classes)
        single = np.count_nonzero(before != status)
        if single:
            notes.append(f"Classes of which a single text is left with such tokens, not assessed: {single}.")
    return replace(dataset, notes=notes, status=status)


def refuse_alike(dataset: Dataset, texts: TextInputs) -> None:
    """Raise NotAssessed where the tokens of all texts are the same: what differs was cut off, or is unknown."""
    if texts.alike:
        cut = "raise --max-length, or " if texts.truncated else ""
        raise NotAssessed(
            f"{dataset.name}: not assessed: all {len(texts)} training texts have the same {int(texts.lengths[0])} "
            f"tokens, so that nothing tells their labels apart; {cut}choose another --backbone"
        )
