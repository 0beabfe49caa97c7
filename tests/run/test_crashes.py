"""A command that is killed at any of its writes, and started again, leaves what an undisturbed one does."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

CRASHING = Path(__file__).resolve().parents[1] / "crashing.py"
MOST = {"features": 6, "text-head": 2, "text-full": 2, "images": 2}  # writes at which each is killed
MODALITIES, METHODS = tuple(MOST), ("ido", "dygen", "divide_mix", "co_teaching", "npc")
TRAININGS = [
    *((modality, name) for modality in MODALITIES for name in METHODS),
    ("features", "lccn"),
    ("images", "turn"),
]

pytestmark = pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="a process is forked for every crash")


@pytest.fixture(scope="module")
def features(tmp_path_factory) -> dict[str, str]:
    """Sixty rows whose first three columns tell the class; a seventh of the labels is wrong."""
    random, true = np.random.default_rng(0), np.arange(60) % 3
    frame = pd.DataFrame(random.normal(0, 1, (60, 6)) + 2 * np.eye(6)[true], columns=[f"f{k}" for k in range(6)])
    label = np.where(np.arange(60) % 7 == 0, (true + 1) % 3, true)
    frame.insert(0, "label", np.take(["a", "b", "c"], label))
    frame.insert(0, "id", [f"r{k}" for k in range(60)])
    path = tmp_path_factory.mktemp("features") / "features.csv"
    frame.to_csv(path, index=False)
    return {"features": str(path)}


@pytest.fixture(scope="module")
def everything(features, tmp_path_factory, toy_file, tiny_encoder, photos, image_models) -> dict[str, str]:
    """That, 45 texts and 24 images."""
    home = tmp_path_factory.mktemp("inputs")
    pd.read_csv(toy_file)[:45].to_csv(home / "texts.csv", index=False)
    images = photos.frame.reset_index()[::5].drop(columns="file")
    images["path"] = [str(photos.folder / name) for name in images["id"]]
    images.to_csv(home / "images.csv", index=False)
    files = {name: str(home / f"{name}.csv") for name in ("texts", "images")}
    return {**features, **files, "encoder": tiny_encoder, "image_model": image_models["resnet"]}


@pytest.fixture
def sweep(environment, record_property):
    """Sweeps scenarios: no crash may be followed by anything but what an undisturbed command leaves."""

    def run(data: dict[str, str], *scenarios: str, most: int) -> None:
        line = [sys.executable, str(CRASHING), json.dumps(data), *scenarios, "--most", str(most)]
        done = subprocess.run(line, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        faults = {line["scenario"]: line.pop("faults") for line in lines}
        assert {name: fault for name, fault in faults.items() if fault} == {}
        assert {name for name in scenarios if not any(line["scenario"].startswith(name) for line in lines)} == set()
        injected, held = (sum(line[name] for line in lines) for name in ("injected", "held"))
        assert injected == held > 0
        record_property("kills at a write of a command, then started again", (injected, held))

    return run


@pytest.mark.slow
def test_a_few_crashes_of_a_training_and_an_export(features, sweep):
    sweep(features, "features-co_teaching", "export-jsonl", most=2)


@pytest.mark.sweep
@pytest.mark.parametrize(("modality", "method"), TRAININGS)
def test_crashes_of_a_training(modality, method, everything, sweep):
    sweep(everything, f"{modality}-{method}", most=MOST[modality])


@pytest.mark.sweep
@pytest.mark.parametrize("command", ["overwrite", "report", "import", "export", "predict"])
def test_crashes_of_what_is_done_with_a_run(command, features, sweep):
    sweep(features, command, most=12)
