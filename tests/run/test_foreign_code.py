"""A stranger's Python is never run, whatever stands on standard input: models, runs, and what a run names."""

import json
import shutil
import subprocess
import sys

import pytest
from patience import PATIENCE

pytestmark = pytest.mark.slow

STRANGER = """
from pathlib import Path
Path({marker!r}).write_text("run")
from transformers import BertConfig, BertModel, BertTokenizer, BertForSequenceClassification, ViTImageProcessorPil
class C(BertConfig):
    model_type = "stranger"
class M(BertForSequenceClassification):
    config_class = C
class T(BertTokenizer):
    pass
class P(ViTImageProcessorPil):
    pass
"""
AUTO = {"AutoConfig": "evil.C", "AutoModel": "evil.M", "AutoModelForSequenceClassification": "evil.M",
        "AutoModelForImageClassification": "evil.M", "AutoImageProcessor": "evil.P"}  # fmt: skip
# Runs one command line after the other: each is told on a line of its own, with its exit code and last line.
SEVERAL = """
import json, sys, traceback
from mislabel.cli import app
for line in json.loads(sys.argv[1]):
    code = None
    try:
        app(line)
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    print("CODE", code, file=sys.stderr, flush=True)
"""


@pytest.fixture
def several(environment):
    """Runs command lines in one process, with one yes after the other on standard input; gives codes and errors."""

    def run(lines):
        words = [[str(word) for word in line] for line in lines]
        done = subprocess.run(
            [sys.executable, "-c", SEVERAL, json.dumps(words)],
            env=environment, input="y\n" * 100, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.stderr.count("CODE") == len(lines), done.stderr
        said = [part.strip() for part in done.stderr.split("CODE")]
        codes = [int(part.split()[0]) for part in said[1:]]
        assert "[y/N]" not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return codes, [part.splitlines()[-1] for part in said[:-1]]

    return run


@pytest.fixture
def stranger(tmp_path):
    """Puts code into a folder, and into the JSON files named; gives the folder."""

    def put(source, name, files, type_of_its_own=False, marker="marker"):
        folder = tmp_path / name
        shutil.copytree(source, folder, dirs_exist_ok=True)
        (folder / "evil.py").write_text(STRANGER.format(marker=str(tmp_path / marker)))
        for file in files:
            content = json.loads((folder / file).read_text())
            if file == "tokenizer_config.json":
                content |= {"auto_map": {"AutoTokenizer": ["evil.T", None]}, "tokenizer_class": "T"}
            elif file == "preprocessor_config.json":
                content |= {"auto_map": AUTO, "image_processor_type": "P"}
            else:
                content |= {"auto_map": AUTO} | ({"model_type": "stranger"} if type_of_its_own else {})
            (folder / file).write_text(json.dumps(content))
        return folder

    return put


def test_model_folders(several, stranger, tiny_encoder, image_models, toy_file, photos, tmp_path):
    """The head and the whole model, texts and images; code for the config, the model, the tokenizer, the processor."""
    kinds = [
        stranger(tiny_encoder, "config", ["config.json"]),
        stranger(tiny_encoder, "type", ["config.json"], type_of_its_own=True),
        stranger(tiny_encoder, "tokenizer", ["tokenizer_config.json"]),
        stranger(tiny_encoder, "all", ["config.json", "tokenizer_config.json"], type_of_its_own=True),
    ]
    texts = [toy_file, "--text", "text", "--label", "label"]
    lines = [[command, *texts, "--backbone", folder, "--out", tmp_path / f"{command}-{folder.name}"]
             for folder in kinds for command in ("audit", "train")]  # fmt: skip
    pictures = [
        stranger(image_models["vit"], "picture", ["config.json"]),
        stranger(image_models["vit"], "picture-type", ["config.json"], type_of_its_own=True),
        stranger(image_models["vit"], "processor", ["preprocessor_config.json"]),
    ]
    lines += [[command, photos.folder, "--backbone", folder, "--out", tmp_path / f"{command}-{folder.name}"]
              for folder in pictures for command in ("audit", "train")]  # fmt: skip
    lines += [["train", photos.folder, "--scratch", folder, "--out", tmp_path / f"s-{folder.name}"]
              for folder in pictures]  # fmt: skip
    codes, said = several(lines)
    assert codes == [2] * len(lines), said
    assert all("nothing that is received is ever run" in line for line in said), said
    assert not (tmp_path / "marker").exists()


def test_runs(several, stranger, toy_run, toy_file, tiny_encoder, tmp_path):
    """`RUN/model`, a second network in it, and the name of an encoder in `mislabel.json`."""
    model = toy_run / "model"

    def tampered(name, files, **changes):
        folder = tmp_path / name
        shutil.copytree(toy_run, folder)
        stranger(model, f"{name}/model", files, type_of_its_own=name == "type")
        return folder

    runs = [tampered("config", ["config.json"]), tampered("type", ["config.json"]),
            tampered("tokenizer", ["tokenizer_config.json"])]  # fmt: skip
    branch = tampered("branch", [])
    (branch / "model" / "evil.py").unlink()
    stranger(model, "branch/model/branch-1", ["config.json"], type_of_its_own=True)
    head = tampered("head", [])
    stranger(tiny_encoder, "encoder", ["config.json"], type_of_its_own=True)
    (head / "model" / "head.safetensors").write_bytes(b"")  # a head, by the name of its encoder
    for folder, changes in ((branch, {"networks": 2}), (head, {"backbone": str(tmp_path / "encoder")})):
        about = json.loads((folder / "model" / "mislabel.json").read_text())
        (folder / "model" / "mislabel.json").write_text(json.dumps(about | changes))
    runs += [branch, head]
    codes, said = several(
        [["predict", run, toy_file, "-o", tmp_path / f"{run.name}.csv", "--id", "id"] for run in runs]
    )
    assert codes == [2] * len(runs), said
    assert all("nothing that is received is ever run" in line for line in said), said
    assert not (tmp_path / "marker").exists()
    assert not list(tmp_path.glob("*.csv"))
