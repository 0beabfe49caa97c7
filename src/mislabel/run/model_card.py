"""The model card, README.md of a model folder: what it is, what it learnt from, how sure that is, how to load it.

It holds no row, no path of this machine, and nothing that another run of the same settings would say differently but
for its results. Names that come from data stand as code, which Markdown takes for nothing else.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mislabel.errors import InputError
from mislabel.integrity import read_object
from mislabel.methods.registry import method_entry
from mislabel.modalities import modality
from mislabel.modalities.heads import has_head
from mislabel.posterior.noise_rate import BASES, NONE, NoiseRate
from mislabel.run.headline import certain, in_list
from mislabel.run.predictor import ABOUT
from mislabel.terminal import one_line

LONGEST, MOST = 100, 100  # characters of a name, and how many names
HUB_NAME = re.compile(r"(hf:)?[A-Za-z0-9][\w.-]*(/[\w.-]+)?(:\w+)?", re.ASCII)


def model_card(folder: Path, config: dict[str, Any], metrics: dict[str, Any]) -> str:
    """The card of the model in a folder.

    Parameters
    ----------
    folder : Path
        With all files of the model.
    config, metrics : dict
        As in config.json and metrics.json of its run.
    """
    from huggingface_hub import ModelCard, ModelCardData

    about, settings = read_object(folder / ABOUT), config["settings"]
    kind, head = modality(about.get("modality", "text")), has_head(folder)
    backbone = about.get("backbone") or None
    data = ModelCardData(
        base_model=None if backbone is None or is_local(backbone) else backbone,
        library_name="mislabel" if head else "transformers",
        pipeline_tag=kind.task,
        tags=["mislabel", "noisy-labels", *_plain_words([settings.get("method")])],
    )
    sections = [
        f"# A classifier of {kind.words.plural}, trained on labels that may be wrong",
        *_what_it_is(about, head, kind.words.plural),
        "## How to load it",
        *_how_to_load(kind, head, about),
        "## Data",
        *_data(config["data"], metrics),
        "## What is known of the labels",
        *_labels(metrics),
        "## Scores",
        *_scores(metrics),
        "## How it was made",
        *_how(config),
        "## Limits",
        *_limits(metrics),
    ]
    return str(ModelCard("---\n" + data.to_yaml() + "\n---\n\n" + "\n\n".join(sections) + "\n"))


def code(value: object) -> str:
    """A name as code: one line, cut, between more backticks than it holds itself."""
    text = one_line(value)
    text = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    pad = " " if text[:1] in ("`", " ", "") or text[-1:] in ("`", " ") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def is_local(name: str) -> bool:
    """Whether a model is named by a folder of this machine, and not by its name on the hub."""
    return len(name) > LONGEST or os.path.exists(name) or HUB_NAME.fullmatch(name) is None


def _what_it_is(about: dict[str, Any], head: bool, plural: str) -> list[str]:
    classes, backbone, networks = about["classes"], about.get("backbone"), about.get("networks", 1)
    if not backbone:
        start = "a network"
    elif is_local(backbone):
        start = f"a {'head on' if head else 'network that started from'} an encoder of its maker, who named a folder"
    else:
        start = f"a {'head on the frozen encoder' if head else 'network that started from'} {code(backbone)}"
    mean = f" It is {networks} networks, which answer with their mean." if networks > 1 else ""
    return [
        f"It gives {plural} one of {len(classes)} classes, and a probability to each: {_names(classes)}.",
        f"It is {start}, trained by mislabel.{mean}",
    ]


def _how_to_load(kind: Any, head: bool, about: dict[str, Any]) -> list[str]:
    own = ["`mislabel predict` opens it, in the run that it was made in."]
    if kind.estimator:
        lines = [f"from mislabel import {kind.estimator}", ""]
        opened = f"{kind.estimator}.from_pretrained"
        own = [_block([*lines, f'classifier = {opened}("FOLDER")'])]
        own.append("`FOLDER` is this folder, or the name of this repository on the hub.")
    if head:
        return [
            "It opens in mislabel. It is no whole transformers model: columns are standardised, then come a linear "
            "layer, GELU and a linear layer, on features or on the mean of an encoder's states. `AutoModel` classes "
            "would need code for that, which this folder does not bring.",
            *own,
        ]
    parts = [_block(["from transformers import pipeline", "", f'classify = pipeline("{kind.task}", model="FOLDER")'])]
    if about.get("networks", 1) > 1:
        parts.append("transformers reads the first of its networks. All of them answer in mislabel:")
    else:
        parts.append("or in mislabel:")
    return [*(parts if kind.task else []), *own]


def _data(data: dict[str, Any], metrics: dict[str, Any]) -> list[str]:
    rows, trained = data.get("rows"), metrics.get("rows_trained")
    name = _public(str(data.get("name", "")))
    lines = [f"Data: {code(name)}, {rows:,} rows" + ("" if trained is None else f", of which {trained:,} trained it")]
    trusted = metrics.get("trusted", {}).get("rows")
    if trusted:
        lines.append(f"Rows with a label that somebody checked: {trusted:,}")
    if metrics.get("sources"):
        lines.append("Several sources labelled the rows; the given labels are what these come to")
    return [_list(lines)]


def _labels(metrics: dict[str, Any]) -> list[str]:
    rate = NoiseRate.of(metrics)
    said = [certain(rate)]
    if rate.basis != NONE and "likely_wrong" in metrics:
        said.insert(0, in_list(**metrics["likely_wrong"]))
    said.append(f"That rests on: {BASES[rate.basis]}.")
    if "true" in metrics.get("noise_rate", {}):
        said.append(f"By true labels, which nothing learnt from, {metrics['noise_rate']['true']:.1%} are wrong.")
    return [_list(said)]


def _scores(metrics: dict[str, Any]) -> list[str]:
    test = metrics.get("test", {})
    if "accuracy" in test:
        on = f"Scored on {test['rows']:,} rows that were held out and whose true labels are known:"
        names = (("accuracy", "accuracy"), ("macro F1", "macro_f1"), ("expected calibration error", "ece"))
        return [on, _list(f"{name}: {test[key]:.4f}" for name, key in names if key in test)]
    if "agreement_with_given" in test:
        return [
            f"On {test['rows']:,} rows that were held out it agrees with {test['agreement_with_given']:.1%} of the "
            "given labels. Those may be wrong themselves, so this is no accuracy."
        ]
    return ["It was not scored: no rows were held out."]


def _how(config: dict[str, Any]) -> list[str]:
    settings = dict(config["settings"])
    options = settings.pop("options", None) or {}
    method, versions = str(settings.pop("method", "")), config.get("versions", {})
    flat = {**settings, **{f"option {name}": value for name, value in options.items()}}
    shown = [(name, value) for name, value in flat.items() if isinstance(value, bool | int | float | str)]
    used = ", ".join(f"{name} {version}" for name, version in versions.items())
    return [
        f"Method: {code(method)}{_paper(method)}. True labels, where there are any, only scored it.",
        "Settings: " + ", ".join(f"{name} {code(_public(value))}" for name, value in shown) + ".",
        f"Versions: {used}.",
    ]


def _limits(metrics: dict[str, Any]) -> list[str]:
    limits = [
        "Labels that it learnt from may be wrong, and an error that follows a pattern is learnt as if it were right.",
        "Whatever it is given gets one of these classes, also what is none of them.",
        "It was made for data such as those above; nothing is known of its use on others.",
    ]
    if metrics.get("labels_related") is False:
        limits.insert(0, "**The labels could not be told from labels drawn at random: it may know nothing of them.**")
    return [_list(limits)]


def _paper(method: str) -> str:
    """Where a method was published, with links; nothing where it is not known here."""
    try:
        paper = method_entry(method).paper
    except InputError:
        return ""
    linked = re.sub(r"\b(\d{4}\.\d{5})\b", r"[\1](https://arxiv.org/abs/\1)", paper)
    return f" ({linked})"


def _public(value: object) -> object:
    """A setting or a name without the folders of this machine."""
    if not isinstance(value, str) or not re.search(r"[/\\]", value) or not is_local(value):
        return value
    return re.split(r"[/\\]", value.rstrip("/\\"))[-1]


def _plain_words(values: Iterable[Any]) -> list[str]:
    return [str(value) for value in values if value and re.fullmatch(r"[\w.-]{1,60}", str(value), re.ASCII)]


def _names(values: list[Any]) -> str:
    more = f" and {len(values) - MOST} more" if len(values) > MOST else ""
    return ", ".join(map(code, values[:MOST])) + more


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _block(lines: Iterable[str]) -> str:
    return "\n".join(["```python", *lines, "```"])
