"""Broken, cut, odd and hostile model folders: one sentence and exit code 2 each, and nobody's code is run.

The folders are those of `benchmarks/broken_models.py`. `make test` tries every sixth, `make test-all` the others.
"""

import importlib.util
import json
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from mislabel.errors import InputError
from mislabel.modalities.foreign_code import asked_code
from mislabel.modalities.model_folder import check_model_folder

REPOSITORY = Path(__file__).resolve().parents[2]


def load_attacks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("broken_models", REPOSITORY / "benchmarks" / "broken_models.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["broken_models"] = module
    spec.loader.exec_module(module)
    return module


attacks = load_attacks()
QUICK = 6  # every sixth is tried in `make test`


def some(names, *more):
    """Every sixth name as it is, the others marked as parts of a sweep, and with `more` all of them."""
    return [
        pytest.param(name, *more, id=name, marks=[] if number % QUICK == 0 and not more else pytest.mark.sweep)
        for number, name in enumerate(names)
    ]


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """Good folders, and the words of the command line for some data, of texts and of images."""
    home = tmp_path_factory.mktemp("good")
    return {
        "text": SimpleNamespace(
            folder=attacks.make_text_model(home / "text"), words=attacks.make_text_data(home / "texts.csv")
        ),
        "image": SimpleNamespace(
            folder=attacks.make_image_model(home / "image"), words=attacks.make_image_data(home / "images")
        ),
    }


@pytest.fixture
def attack(good, tmp_path, mislabel):
    """Breaks a copy of a good folder, and gives what is wrong with the answer to it."""

    def run(kind, name, command):
        broken, marker = tmp_path / "model", tmp_path / "marker"
        shutil.copytree(good[kind].folder, broken)
        table = attacks.BROKEN_TEXT if kind == "text" else attacks.BROKEN_IMAGE
        change, pattern = table[name]
        change(broken)
        attacks.hostile_code(broken, marker)
        done = mislabel(command, *good[kind].words, "--backbone", broken, "--out", tmp_path / "run")
        assert not marker.exists()
        assert not (tmp_path / "run" / "metrics.json").exists()
        return attacks.verdict(done.exit_code, done.stderr, pattern)

    return run


@pytest.mark.parametrize("name", some(attacks.BROKEN_TEXT))
def test_a_broken_text_model_gets_one_sentence(attack, name):
    assert attack("text", name, "audit") == ""


@pytest.mark.parametrize("name", some(attacks.BROKEN_IMAGE))
def test_a_broken_image_model_gets_one_sentence(attack, name):
    assert attack("image", name, "audit") == ""


@pytest.mark.parametrize(("name", "kind"), [*some(attacks.BROKEN_TEXT, "text"), *some(attacks.BROKEN_IMAGE, "image")])
def test_training_all_of_it_says_the_same(attack, name, kind):
    assert attack(kind, name, "train") == ""


@pytest.mark.parametrize("kind", ["text", "image"])
def test_the_good_folders_are_good(good, kind, mislabel, tmp_path):
    done = mislabel("audit", *good[kind].words, "--backbone", good[kind].folder, "--out", tmp_path / "run")
    assert done.exit_code == 0, done.stderr


def test_there_are_many_of_them():
    assert len(attacks.BROKEN_TEXT) + len(attacks.BROKEN_IMAGE) > 150
    assert all(len(table) > 70 for table in (attacks.BROKEN_TEXT, attacks.BROKEN_IMAGE))


# --- What asks for code, and what only looks like it


@pytest.mark.parametrize(
    "content",
    [
        {"auto_map": {"AutoModel": "evil.M"}},
        {"auto_map": ["evil.T", None]},
        {"auto_map": "evil.M"},
        {"a": [{"b": {"auto_map": {"AutoConfig": "evil.C"}}}]},
        {"attn_implementation": "stranger/kernel"},
        {"_attn_implementation": "stranger/kernel@main:name"},
        {"text_config": {"_experts_implementation": {"": "stranger/kernel"}}},
        {"model_args": {"checkpoint_path": "weights.pth"}},
        {"transformers_weights": "weights.bin"},
        {"tokenizer_class": "AutoModel"},
        {"image_processor_type": "pipeline"},
        {"feature_extractor_type": "AutoFeatureExtractor"},
    ],
)
def test_what_asks_for_code(content):
    assert asked_code(content)
    deep: object = content
    for _ in range(50_000):  # deeper than Python's own stack
        deep = [deep]
    assert asked_code(deep)


@pytest.mark.parametrize(
    "content",
    [
        {},
        [],
        "auto_map",
        {"auto_map": {}},
        {"auto_map": None},
        {"auto_map": 7},  # a word of a vocabulary
        {"label2id": {"auto_map": 0, "checkpoint_path": 1, "attn_implementation": 2, "tokenizer_class": 3}},
        {"id2label": {"0": "auto_map"}},
        {"attn_implementation": "sdpa"},
        {"_attn_implementation": {"": "eager"}},
        {"transformers_weights": "other.safetensors"},
        {"tokenizer_class": "PreTrainedTokenizerFast"},
        {"tokenizer_class": "BertTokenizer"},
        {"tokenizer_class": "TokenizersBackend"},
        {"image_processor_type": "ViTImageProcessor"},
        {"image_processor_type": "ConvNextImageProcessorFast"},
        {"feature_extractor_type": "ViTFeatureExtractor"},
    ],
)
def test_what_only_looks_like_it(content):
    assert asked_code(content) is None


def test_a_folder_is_told_by_its_files(good, tmp_path):
    check_model_folder(good["text"].folder)
    check_model_folder(good["image"].folder, needs=("preprocessor_config.json",), weights=False)
    with pytest.raises(ValueError, match=r"it has no preprocessor_config\.json"):
        check_model_folder(good["text"].folder, needs=("preprocessor_config.json",))
    (tmp_path / "vocab.json").write_text(json.dumps({"auto_map": 3}))
    check_model_folder(tmp_path, needs=(), weights=False)


# --- One place loads


CODELESS = ("FeatureClassifier", "PeftModel")  # whose folders hold numbers and settings alone


def test_everything_is_loaded_in_one_place():
    """`from_pretrained` and `from_config` are called by `load` alone, which says that no code is trusted."""
    called = []
    for folder in ("src", "benchmarks", "examples", "tools"):
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            lines = path.read_text(encoding="utf-8").splitlines()
            called += [
                f"{path.relative_to(REPOSITORY)}: {line.strip()}"
                for line in lines
                for name in re.findall(r"(\w*)[\])]*\.from_(?:pretrained|config)\(", line)
                if name not in CODELESS and "trust_remote_code=False" not in line
            ]
            if "modalities/safe_loading.py" not in str(path):
                assert "trust_remote_code=True" not in path.read_text(encoding="utf-8")
    assert called == []


def test_a_library_that_asks_gets_no_answer(tmp_path, monkeypatch):
    """Whatever reads standard input while a model is loaded reads nothing."""
    import io

    from mislabel.modalities.safe_loading import load

    answers = []

    def asks(name, trust_remote_code=None):
        assert trust_remote_code is False
        answers.append(input("run the code? "))

    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(InputError, match="cannot be loaded"):
        load(asks, "nobody/model", "files")
    assert answers == []
    assert sys.stdin.read() == "y\n"


@pytest.mark.parametrize("name", [None, 5, ["a"], "", "  ", "x" * 5000, "a\0b"])
def test_odd_names(name):
    from mislabel.modalities.text.models import load_encoder, load_tokenizer

    for call in (load_encoder, load_tokenizer):
        with pytest.raises(InputError, match="cannot be loaded"):
            call(name)
