"""A tiny encoder, a toy data set whose classes differ in their words, and ways to run the command line: all offline."""

import json
import os
import subprocess
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace

import hypothesis
import numpy as np
import pandas as pd
import pytest
from patience import PATIENCE

# Tiny tensors only wait for a second thread. Read when torch is imported, which not every test needs.
os.environ["OMP_NUM_THREADS"] = "1"

# A shared machine stalls for a moment now and then: how long an example takes is not what these tests are about. The
# same code gets the same examples, so that what fails fails again; HYPOTHESIS_PROFILE=explore looks for new ones.
hypothesis.settings.register_profile("suite", deadline=None, derandomize=True)
hypothesis.settings.register_profile("explore", deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))

# Whole files are handed to two processes: what takes longest begins first, so that neither waits at the end.
LONGEST_FIRST = (
    "test_crashes", "test_order", "test_odd_sizes", "test_damage", "test_feature_classifier", "test_examples",
    "test_browser", "test_processes", "test_every_method", "test_resume", "test_runner", "test_dygen",
)  # fmt: skip


def pytest_addoption(parser):
    parser.addoption("--part", metavar="K/N", help="of the tests marked `sweep` only the K-th of N parts, K modulo N")


def pytest_collection_modifyitems(config, items):
    def number(item):
        return next((k for k, name in enumerate(LONGEST_FIRST) if item.path.name.startswith(name)), len(LONGEST_FIRST))

    items.sort(key=number)
    if part := config.getoption("part"):
        place, parts = map(int, part.split("/"))
        # By name: what is added or renamed moves no other test to another part.
        left_out = [
            item for item in items if item.get_closest_marker("sweep") and of_part(item, parts) != place % parts
        ]
        config.hook.pytest_deselected(items=left_out)
        kept = set(items).difference(left_out)
        items[:] = [item for item in items if item in kept]


def of_part(item, parts: int) -> int:
    return zlib.crc32(item.nodeid.encode()) % parts


SOURCE = Path(__file__).resolve().parent.parent / "src"
COMMON = [f"common{k}" for k in range(60)]
TOPICS = {name: [f"{name}{k}" for k in range(20)] for name in ("apple", "boat", "cloud")}


def vocabulary() -> list[str]:
    """The special tokens first, as BERT has them, then every word that the toy texts use, and single letters."""
    letters = [chr(k) for k in range(ord("a"), ord("z") + 1)] + list("0123456789.,!?")
    return [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *COMMON,
        *(word for topic in TOPICS.values() for word in topic),
        *letters,
    ]


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory) -> str:
    """The folder of a BERT of two layers with random weights, but for its word vectors, and a word tokenizer."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("encoder")
    words = vocabulary()
    tokenizer = Tokenizer(models.WordLevel({word: k for k, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [("[CLS]", words.index("[CLS]")), ("[SEP]", words.index("[SEP]"))]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **names).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.15,
    )
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        model = BertModel(config)
        table = model.embeddings.word_embeddings.weight
        for topic in TOPICS.values():  # as in a trained encoder, words of one topic lie near each other
            table[[words.index(word) for word in topic]] += 0.3 * torch.randn(config.hidden_size)
        model.embeddings.position_embeddings.weight.mul_(0.1)
        model.save_pretrained(folder)
    return str(folder)


def toy_frame(rows: int = 90, wrong: float = 0.2, seed: int = 0, classes: int = 3) -> pd.DataFrame:
    """Columns id, text, gold, label: each text has two to five words of its topic among common ones."""
    random = np.random.default_rng(seed)
    names = list(TOPICS)[:classes]
    gold = np.arange(rows) % classes
    texts = []
    for code in gold:
        own = random.choice(TOPICS[names[code]], random.integers(2, 6)).tolist()
        words = own + random.choice(COMMON, random.integers(1, 12)).tolist()
        texts.append(" ".join(random.permutation(words).tolist()))
    label = gold.copy()
    flipped = random.choice(rows, round(wrong * rows), replace=False)
    label[flipped] = (gold[flipped] + random.integers(1, classes, len(flipped))) % classes
    ids = [f"row-{k:03d}" for k in range(rows)]
    return pd.DataFrame({"id": ids, "text": texts, "gold": np.take(names, gold), "label": np.take(names, label)})


@pytest.fixture(scope="session")
def make_toy():
    """Makes a table of rows with planted wrong labels."""
    return toy_frame


@pytest.fixture(scope="session")
def toy_file(tmp_path_factory) -> Path:
    """Ninety rows, of which 18 labels are wrong, as CSV."""
    path = tmp_path_factory.mktemp("data") / "toy.csv"
    toy_frame().to_csv(path, index=False)
    return path


COLOURS = {"brick": (190, 60, 50), "grass": (60, 170, 70), "water": (60, 90, 190)}


def toy_images(rows: int = 120, wrong: float = 0.2, seed: int = 0, side: int = 16) -> tuple[np.ndarray, pd.DataFrame]:
    """Pixels (rows, side, side, 3) uint8, noise with a square in the colour of the class; columns id, gold, label."""
    random, names = np.random.default_rng(seed), list(COLOURS)
    gold = np.arange(rows) % len(names)
    pixels, half = random.normal(120, 30, (rows, side, side, 3)), side // 2
    for image, code in zip(pixels, gold, strict=True):
        top, left = random.integers(0, half, 2)
        image[top : top + half, left : left + half] += np.array(COLOURS[names[code]]) - 120
    label = gold.copy()
    flipped = random.choice(rows, round(wrong * rows), replace=False)
    label[flipped] = (gold[flipped] + random.integers(1, len(names), len(flipped))) % len(names)
    ids = [f"photo-{k:03d}" for k in range(rows)]
    frame = pd.DataFrame({"id": ids, "gold": np.take(names, gold), "label": np.take(names, label)})
    return pixels.clip(0, 255).astype(np.uint8), frame


@pytest.fixture(scope="session")
def make_images():
    """Makes images with planted wrong labels."""
    return toy_images


@pytest.fixture(scope="session")
def image_models(tmp_path_factory) -> dict[str, str]:
    """Folders of tiny image classifiers with random weights, each for five classes and with its preprocessor."""
    import torch
    import transformers as library

    shared: dict = {"hidden_sizes": [8, 16], "depths": [1, 1], "num_labels": 5}
    made = {
        "resnet": library.ResNetConfig(embedding_size=8, layer_type="basic", **shared),
        "convnext": library.ConvNextConfig(num_stages=2, patch_size=2, image_size=32, **shared),
        "vit": library.ViTConfig(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
                                 image_size=32, patch_size=8, num_labels=5),
    }  # fmt: skip
    cropped = library.ConvNextImageProcessorPil(size={"shortest_edge": 32}, crop_pct=0.8)
    squeezed = library.ViTImageProcessorPil(size={"height": 32, "width": 32})
    home = tmp_path_factory.mktemp("image-models")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for kind, config in made.items():
            library.AutoModelForImageClassification.from_config(config).save_pretrained(home / kind)
            (squeezed if kind == "vit" else cropped).save_pretrained(home / kind)
    return {kind: str(home / kind) for kind in made}


@pytest.fixture
def quick_fit(monkeypatch):
    """Generative models get twenty steps, not 500, where it does not matter how well they fit."""
    from functools import partial

    from mislabel.methods import dygen, npc

    for method in (dygen, npc):
        monkeypatch.setattr(method, "Fitting", partial(method.Fitting, fewest_steps=20))


@pytest.fixture(scope="session")
def tiny_options(tiny_encoder) -> list[str]:
    """Command line options that make a run of the tiny encoder quick and able to learn."""
    columns = ["--text", "text", "--label", "label", "--id", "id"]
    return [*columns, "--backbone", tiny_encoder, "--batch-size", "8", "--learning-rate", "2e-3", "--precision", "fp32"]


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """For subprocesses: this source tree, no network, one thread (tiny tensors only wait for a second one)."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("ACCELERATE", "PYTEST"))}
    return outside | {"PYTHONPATH": str(SOURCE), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "COLUMNS": "200"}


@pytest.fixture(scope="session")
def command(environment):
    """Runs `mislabel ...` as a process of its own and gives the finished process."""

    def run(*words: object, timeout: float = PATIENCE) -> subprocess.CompletedProcess:
        line = [sys.executable, "-m", "mislabel", *map(str, words)]
        return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=timeout, check=False)

    return run


@pytest.fixture(scope="session")
def mislabel():
    """Runs `mislabel ...` in this process, with warnings as errors, and gives typer's result."""
    from typer.testing import CliRunner

    from mislabel.cli import app

    def run(*words: object):
        result = CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(word) for word in words])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture(scope="session")
def toy_run(tmp_path_factory, toy_file, tiny_options, mislabel) -> Path:
    """The folder of one whole run of `mislabel train`, with gold labels; treat as read-only."""
    folder = tmp_path_factory.mktemp("runs") / "toy"
    done = mislabel("train", toy_file, *tiny_options, "--gold", "gold", "--holdout", "0.2", "--out", folder, "--json")
    assert done.exit_code == 0, done.stderr
    (folder.parent / "toy.stdout").write_text(done.stdout, encoding="utf-8")
    assert json.loads(done.stdout)["rows"] == 90
    return folder


@pytest.fixture(scope="session")
def swallowed_file(tmp_path_factory) -> Path:
    """240 rows in three clouds, as CSV: half of what is no wolf is called one. Column `checked` knows 30 rows."""
    random, names = np.random.default_rng(0), np.array(["fox", "hare", "wolf"])
    gold = np.arange(240) % 3
    label = np.where(random.random(240) < 0.5, 2, gold)
    points = np.array([[0, 4], [4, 0], [-3, -3]])[gold] + random.normal(0, 1, (240, 2))
    frame = pd.DataFrame({"id": [f"r{k}" for k in range(240)], "x0": points[:, 0], "x1": points[:, 1]})
    frame = frame.assign(label=names[label], gold=names[gold], checked=None)
    frame.loc[:29, "checked"] = names[gold[:30]]
    path = tmp_path_factory.mktemp("swallowed") / "animals.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def evidence_options() -> list[str]:
    """How to read `swallowed_file`, without its checked rows, and learn from evidence quickly."""
    words = "--features x* --label label --gold gold --id id --method panel --option epochs=1 --device cpu"
    return [*words.split(), "--precision", "fp32"]


@pytest.fixture(scope="session")
def evidence_run(tmp_path_factory, swallowed_file, evidence_options, mislabel) -> Path:
    """The folder of a run with evidence and trusted rows; treat as read-only."""
    folder = tmp_path_factory.mktemp("evidence") / "run"
    done = mislabel("audit", swallowed_file, *evidence_options, "--trusted", "checked", "--out", folder)
    assert done.exit_code == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def photos(tmp_path_factory, make_images):
    """The same images as a folder of class folders, a table of their paths, and a table with the files' bytes."""
    from PIL import Image

    home = tmp_path_factory.mktemp("photos")
    pixels, frame = make_images(120)
    frame["id"] = frame["label"] + "/" + frame["id"] + ".png"
    for image, name in zip(pixels, frame["id"], strict=True):
        (home / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(home / "folder" / name)
    frame = frame.sort_values("id", ignore_index=True)  # as a folder is read
    frame["path"] = "folder/" + frame["id"]
    frame.to_csv(home / "table.csv", index=False)
    frame["file"] = [(home / path).read_bytes() for path in frame["path"]]
    frame.drop(columns="path").to_parquet(home / "bytes.parquet")
    return SimpleNamespace(folder=home / "folder", table=home / "table.csv", parquet=home / "bytes.parquet",
                           frame=frame.set_index("id"))  # fmt: skip


@pytest.fixture(scope="session")
def train_images(tmp_path_factory, mislabel):
    """Trains and gives the run folder."""

    def start(*words):
        folder = tmp_path_factory.mktemp("images") / "run"
        done = mislabel("train", *words, "--out", folder)
        assert done.exit_code == 0, done.stderr
        return SimpleNamespace(folder=folder, said=done.stderr)

    return start
