"""Runs with `--tune lora`: what is told, trained, kept and read back, and what is refused."""

import json
import shutil
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from model_kinds import make_model
from patience import PATIENCE
from safetensors.torch import load_file
from signalled import run_until

LORA = ["--tune", "lora", "--learning-rate", "1e-2"]
IDO = ["--method", "ido", "--option", "warm_epochs=4", "--option", "robust_epochs=3"]
DYGEN = [
    "--method",
    "dygen",
    *(word for one in ("epochs=2", "distil_epochs=2", "passes=20") for word in ("--option", one)),
]
# In a process of its own, without mislabel: what transformers says of a model folder, and peft of the adapter in it.
ALONE = """
import json, sys, warnings
import torch, transformers as library
warnings.simplefilter("ignore")
folder, base, texts = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
make = library.AutoModelForSequenceClassification
model = make.from_pretrained(folder, trust_remote_code=False).eval()
tokenizer = library.AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
def probabilities(model):
    with torch.inference_mode():
        return [model(**tokenizer(text, return_tensors="pt")).logits[0].double().softmax(-1).tolist() for text in texts]
merged = probabilities(model)
assert "peft" not in sys.modules
import peft
plain = make.from_pretrained(base, num_labels=model.config.num_labels, trust_remote_code=False)
print(json.dumps([merged, probabilities(peft.PeftModel.from_pretrained(plain, folder + "/adapter").eval())]))
"""


@pytest.fixture(scope="module")
def trained(toy_file, tiny_options, tmp_path_factory, mislabel):
    """Trains on the toy rows and gives the run folder and what was said."""

    def run(*words):
        folder = tmp_path_factory.mktemp("lora") / "run"
        done = mislabel("train", toy_file, *tiny_options, "--gold", "gold", *LORA, *words, "--out", folder)
        assert done.exit_code == 0, done.stderr
        return folder, done.stderr

    return run


@pytest.fixture(scope="module")
def run(trained):
    """With ido, its checkpoint kept; treat as read-only."""
    return trained(*IDO, "--keep-checkpoints")


def test_it_learns_and_says_how_much_trains(run):
    folder, said = run
    count = 2 * 2 * 2 * 8 * 32 + 32 * 32 + 32 + 3 * 32 + 3
    assert f"note: Adapters of rank 8 on 4 layers, and the head, are trained: {count:,} of" in said
    metrics = json.loads((folder / "metrics.json").read_text())
    assert any("Adapters of rank 8" in note for note in metrics["notes"])
    warm = [line["loss"] for line in metrics["epochs"] if line["stage"] == "warm"]
    assert warm[-1] < 0.8 * warm[0]
    assert metrics["detection"]["auroc"] > 0.8
    settings = json.loads((folder / "config.json").read_text())["settings"]
    assert (settings["tune"], settings["lora_rank"]) == ("lora", 8)


def test_the_encoder_is_the_base_models_plus_the_adapters(run, tiny_encoder):
    """By hand, layer by layer: W + 2 B A in query and value; all else as it was, but for pooler and head."""
    merged = load_file(run[0] / "model" / "model.safetensors")
    base, own = (
        load_file(f"{tiny_encoder}/model.safetensors"),
        load_file(run[0] / "model/adapter/adapter_model.safetensors"),
    )
    for name, value in base.items():
        key = f"base_model.model.bert.{name.removesuffix('.weight')}"
        if name.startswith("pooler"):
            assert merged[f"bert.{name}"].equal(own[f"base_model.model.bert.{name}"])
        elif name.endswith(("query.weight", "value.weight")):
            added = 2 * own[f"{key}.lora_B.weight"] @ own[f"{key}.lora_A.weight"]
            assert added.abs().max() > 1e-4
            np.testing.assert_allclose(merged[f"bert.{name}"], value + added, atol=1e-6)
        else:
            assert merged[f"bert.{name}"].equal(value), name


def test_another_process_and_library_give_the_same(run, toy_file, tiny_encoder, tmp_path, environment, mislabel):
    frame = pd.read_csv(toy_file)
    done = mislabel("predict", run[0], toy_file, "-o", tmp_path / "p.csv", "--id", "id")
    assert done.exit_code == 0, done.stderr
    wanted = pd.read_csv(tmp_path / "p.csv")[["p_apple", "p_boat", "p_cloud"]]
    words = [run[0] / "model", tiny_encoder, json.dumps(frame["text"].tolist())]
    done = subprocess.run(
        [sys.executable, "-c", ALONE, *map(str, words)],
        env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    merged, adapted = json.loads(done.stdout.splitlines()[-1])
    np.testing.assert_allclose(merged, wanted, atol=1e-5)
    np.testing.assert_allclose(adapted, wanted, atol=1e-5)


def test_a_checkpoint_holds_what_trains(run):
    own = load_file(run[0] / "model" / "adapter" / "adapter_model.safetensors")
    (model,) = (run[0] / "checkpoints").glob("*/model.safetensors")
    kept = load_file(model)
    assert len(kept) == len(own)
    assert sum(value.numel() for value in kept.values()) == sum(value.numel() for value in own.values())


def test_damage_to_the_adapter_is_noticed(run, toy_file, tmp_path, mislabel):
    folder = tmp_path / "run"
    shutil.copytree(run[0], folder)
    path = folder / "model" / "adapter" / "adapter_model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    done = mislabel("predict", folder, toy_file, "-o", tmp_path / "p.csv", "--id", "id")
    assert done.exit_code == 1
    assert "adapter_model.safetensors is not what this run wrote" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("method", [IDO, ["--method", "turn", "--option", "probe_epochs=2", "--option", "epochs=2"]])
def test_killed_and_resumed_gives_the_same_bytes(method, toy_file, tiny_options, tmp_path, environment, mislabel):
    """From the second stage: of turn, the encoder stays as it is in the first."""
    line = ["train", toy_file, *tiny_options, *LORA, *method]
    done = mislabel(*line, "--out", tmp_path / "plain")
    assert done.exit_code == 0, done.stderr
    folder = tmp_path / "run"
    killed = run_until([*line, "--out", folder], environment, signal.SIGKILL, "checkpoints/01-0001")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    resumed = mislabel(*line, "--out", folder, "--resume")
    assert resumed.exit_code == 0, resumed.stderr
    written = sorted(path.relative_to(folder) for path in (folder / "model").rglob("*") if path.is_file())
    assert len(written) >= 6
    for name in (*written, "audit.parquet", "posterior.npy", "dynamics/loss.npy"):
        assert (folder / name).read_bytes() == (tmp_path / "plain" / name).read_bytes(), name


@pytest.fixture(scope="module")
def dygen(trained, tiny_encoder, tmp_path_factory):
    """A run of dygen with held-out rows, on a copy of the encoder."""
    encoder = tmp_path_factory.mktemp("base") / "encoder"
    shutil.copytree(tiny_encoder, encoder)
    return trained(*DYGEN, "--holdout", "0.2", "--backbone", encoder)[0], encoder


@pytest.mark.slow
def test_dygen_keeps_adapters_of_every_epoch(dygen, toy_file, tmp_path, mislabel):
    """And judges by them what it judged when it was trained; the base model has to be what it was."""
    folder, encoder = dygen
    own = load_file(folder / "model" / "adapter" / "adapter_model.safetensors")
    for epoch in (1, 2):
        kept = load_file(folder / "trajectory" / f"epoch-{epoch:03d}.safetensors")
        assert len(kept) == 2 * len(own)  # two branches
        assert sum(value.numel() for value in kept.values()) == 2 * sum(value.numel() for value in own.values())
    words = [toy_file, "-o", tmp_path / "p.csv", "--id", "id", "--by", "trajectory"]
    done = mislabel("predict", folder, *words)
    assert done.exit_code == 0, done.stderr
    audit = pd.read_parquet(folder / "audit.parquet").set_index("id")
    held = audit[audit["status"] == "held_out"]
    found = pd.read_csv(tmp_path / "p.csv").set_index("id").loc[held.index]
    right = (found["predicted_label"] == held["gold_label"]).mean()
    scored = json.loads((folder / "metrics.json").read_text())["test"]["generative"]["accuracy"]
    assert right == pytest.approx(scored, abs=1e-6)
    config = json.loads((encoder / "config.json").read_text())
    away = encoder.with_name("away")
    encoder.rename(away)
    assert mislabel("predict", folder, *words).exit_code == 2  # nothing of that name is there
    other = make_model("bert", encoder)
    assert json.loads((encoder / "config.json").read_text()) != config
    done = mislabel("predict", folder, *words)
    assert done.exit_code == 1
    assert f"the encoder {other} is not the one that the run was made with" in done.stderr
    shutil.rmtree(encoder)
    away.rename(encoder)


@pytest.mark.slow
@pytest.mark.parametrize(
    "method",
    [
        ["co_teaching", "--option", "epochs=2"],  # two networks
        *(pytest.param(words, marks=pytest.mark.sweep) for words in (
            ["sed", "--option", "warm_epochs=1", "--option", "epochs=2"],  # a teacher
            ["rlap", "--option", "epochs=1", "--option", "tune_epochs=1"],  # prunes the last layer
            ["npc", "--option", "epochs=2"],  # the weights of every epoch
            ["panel", "--option", "epochs=3"],
            ["ce", "--option", "epochs=2", "--noise-stability", "1"],
            ["mixup", "--option", "epochs=2"],
            ["dygen", "--branches", "heads", "--option", "epochs=2", "--option", "distil_epochs=2"],
        )),
    ],
    ids=lambda words: words[0] if words[0] != "ce" else "noise stability",
)  # fmt: skip
def test_other_methods(method, trained, toy_file, tmp_path, mislabel):
    folder, _ = trained("--method", *method, "--holdout", "0.2")
    done = mislabel("predict", folder, toy_file, "-o", tmp_path / "p.csv", "--id", "id")
    assert done.exit_code == 0, done.stderr
    audit = pd.read_parquet(folder / "audit.parquet").set_index("id")
    found = pd.read_csv(tmp_path / "p.csv").set_index("id").loc[audit.index]
    np.testing.assert_allclose(found["confidence"], audit["confidence"], atol=1e-5)
    assert (found["predicted_label"] == audit["predicted_label"]).all()


def test_a_second_network_has_an_adapter_of_its_own_whose_damage_is_noticed(trained, toy_file, tmp_path, mislabel):
    folder, _ = trained("--method", "co_teaching", "--option", "epochs=1")
    path = folder / "model" / "branch-1" / "adapter" / "adapter_config.json"
    path.write_text(path.read_text().replace('"r": 8', '"r": 9'))
    done = mislabel("predict", folder, toy_file, "-o", tmp_path / "p.csv", "--id", "id")
    assert done.exit_code == 1
    assert "branch-1/adapter/adapter_config.json is not what this run wrote" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tune", "lora", "--method", "nmtune"], "--tune lora changes them: use --tune head, or another --method"),
        (["--tune", "full", "--lora-rank", "4"], "lora_rank is of adapters, and tune is 'full': give tune=lora, or"),
        (["--tune", "head", "--lora-rank", "4"], "lora_rank is of adapters, and tune is 'head'"),
        (["--tune", "lora", "--lora-rank", "0"], "lora_rank is 0, needed 1 to 1024"),
    ],
)
def test_what_does_not_go_together(words, said, toy_file, tiny_options, tmp_path, mislabel):
    done = mislabel("train", toy_file, *tiny_options, *words, "--out", tmp_path / "run")
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())


def test_features_and_random_weights_have_nothing_to_adapt(swallowed_file, photos, tmp_path, mislabel):
    words = ["--features", "x*", "--label", "label", "--tune", "lora", "--out", tmp_path / "run"]
    done = mislabel("train", swallowed_file, *words)
    assert done.exit_code == 2
    assert "tune=lora adapts a pretrained encoder, and features have none: leave it out" in done.stderr
    words = ["--scratch", "resnet-small", "--tune", "lora", "--out", tmp_path / "run"]
    done = mislabel("train", photos.folder, *words)
    assert done.exit_code == 2
    assert "tune=lora adapts a pretrained encoder, scratch has random weights: use tune=full" in done.stderr


@pytest.mark.slow
def test_images(photos, image_models, train_images, tmp_path, mislabel):
    """A ViT, with dygen: its adapters come back on the base model; and a ResNet is refused."""
    words = ["--backbone", image_models["vit"], "--tune", "lora", "--precision", "fp32", *DYGEN]
    run = train_images(photos.folder, *words)
    assert "Adapters of rank 8 on" in run.said
    for by in ("model", "trajectory"):
        done = mislabel("predict", run.folder, photos.folder, "-o", tmp_path / f"{by}.csv", "--by", by)
        assert done.exit_code == 0, done.stderr
    audit = pd.read_parquet(run.folder / "audit.parquet").set_index("id")
    found = pd.read_csv(tmp_path / "model.csv").set_index("id").loc[audit.index]
    np.testing.assert_allclose(found["confidence"], audit["confidence"], atol=1e-5)
    words = ["--backbone", image_models["resnet"], "--tune", "lora", "--out", tmp_path / "run"]
    done = mislabel("train", photos.folder, *words)
    assert done.exit_code == 2
    assert "has none but its head: use --tune full, or a --backbone that is a transformer" in done.stderr


def test_from_python(toy_file, tiny_encoder):
    from mislabel import TextClassifier

    frame = pd.read_csv(toy_file)
    chosen = {"tune": "lora", "lora_rank": 4, "options": {"epochs": 1}, "device": "cpu", "precision": "fp32"}
    classifier = TextClassifier("ce", tiny_encoder, **chosen).fit(frame["text"].tolist(), frame["label"].tolist())
    assert any("Adapters of rank 4 on 4 layers" in note for note in classifier.audit_.notes)
    assert set(classifier.predict(["apple1 apple2", "boat3"])) <= set(frame["label"])


@pytest.mark.parametrize(("modality", "rate", "method"), [("text", 4.5e-4, "panel"), ("image", 1.5e-3, "ido")])
def test_adapters_learn_faster_than_whole_networks(modality, rate, method):
    from mislabel.run.defaults import effective
    from mislabel.run.settings import RunConfig

    config = effective(RunConfig(tune="lora"), modality, 1000)
    assert (config.learning_rate, config.lora_rank, config.method) == (rate, 8, method)
    assert effective(RunConfig(), modality, 1000).lora_rank is None
