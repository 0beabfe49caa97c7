"""A bit of any file of a run flips, or the file is cut: an error that names it, and never another result."""

import copy
import json
import random
import shutil
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mislabel.data import Dataset
from mislabel.dynamics.store import open_dynamics
from mislabel.dynamics.trajectory import open_trajectory
from mislabel.errors import InputError, RunError
from mislabel.integrity import NAME
from mislabel.modalities.loading import load_dataset
from mislabel.report import render_report
from mislabel.run.folder import RunFolder
from mislabel.run.generative import load_trajectory_model
from mislabel.run.predictor import load_predictor
from mislabel.run.reading import Run
from mislabel.run.settings import RunConfig
from mislabel.run.train import train

pytestmark = pytest.mark.slow

CONFIG = RunConfig(
    method="dygen",
    options={"epochs": 2, "distil_epochs": 2, "passes": 2, "record": "training"},
    device="cpu",
    precision="fp32",
)
QUICK, MANY = 1, 12  # flips in each file
JSON_FILES = (
    "config.json", "metrics.json", "model/mislabel.json", "trajectory/generative.json", "dynamics/manifest.json",
    "dynamics/trajectory.json",
)  # fmt: skip
JSON_FILES_OF_A_STOPPED_RUN = (
    "config.json",
    "checkpoints/*/state.json",
    "dynamics/manifest.json",
    "dynamics/trajectory.json",
)


@dataclass(frozen=True)
class Trained:
    """A finished run, one that was stopped in its last stage, and their data."""

    dataset: Dataset
    finished: Path
    stopped: Path


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    home, draws = tmp_path_factory.mktemp("damage"), np.random.default_rng(3)
    label = np.arange(36) % 3
    values = pd.DataFrame(3 * np.eye(3)[label] + draws.normal(size=(36, 3)), columns=pd.Index(list("abc")))
    values.assign(label=label, id=[f"i{k}" for k in range(36)]).to_csv(home / "data.csv", index=False)
    dataset = load_dataset(home / "data.csv", features="a,b,c", label="label", id="id", holdout=0.2)
    train(dataset, CONFIG, RunFolder(home / "finished"))

    @contextmanager
    def watch(folder):
        yield lambda: (folder.checkpoints / "01-0001").is_dir()

    with pytest.raises(KeyboardInterrupt):
        train(dataset, CONFIG, RunFolder(home / "stopped"), watch=watch)
    return Trained(dataset, home / "finished", home / "stopped")


def all_that_a_run_says(path: Path, dataset: Dataset) -> tuple:
    folder = RunFolder(path)
    run = Run.open(folder)
    result, trajectory = run.result(), open_trajectory(folder.dynamics)
    matrices = [run.matrix(path) for path in (folder.posterior, folder.embeddings)]
    predictor, model = load_predictor(folder.model), load_trajectory_model(folder.trajectory)
    return (
        result.table.to_csv(), result.posterior.tobytes(), result.transition.tobytes(), str(result.metrics),
        *(matrix[:].tobytes() for matrix in matrices if matrix is not None),
        str(run.inputs_by_id([f"i{k}" for k in range(36)])), run.trained().tobytes(), str(run.config),
        render_report(folder), open_dynamics(folder.dynamics).loss.tobytes(), trajectory.embedding(1, 0).tobytes(),
        predictor.probabilities(dataset.inputs, device="cpu").tobytes(),
        predictor.by_trajectory(model, dataset.inputs, device="cpu").tobytes(),
    )  # fmt: skip


def all_that_a_resumed_run_says(path: Path, dataset: Dataset) -> tuple:
    folder = RunFolder(path)
    train(dataset, CONFIG, folder, resume=True)
    said = all_that_a_run_says(path, dataset)
    return (*said[:3], *said[4:9], *said[10:])  # not the time that it took


def attack(whole: Path, says, dataset: Dataset, tmp_path: Path, times: int) -> tuple[int, list[str]]:
    """Flip bits of every file, or also cut and empty it; gives how many attacks there were and which did not hold."""
    expected = says(Path(shutil.copytree(whole, tmp_path / "whole")), dataset)
    files = [path for path in sorted(whole.rglob("*")) if path.is_file() and not path.name.startswith(".")]
    files = [path for path in files if not path.name.startswith(("report.", "decisions."))]
    chance, attacks, fell = random.Random(0), 0, []
    for file in files:
        data = file.read_bytes()
        damages = {f"bit {bit} flipped": bit for bit in chance.sample(range(8 * len(data)), times)}
        if times > QUICK:
            damages |= {"cut": -1, "empty": -1}
        for damage, bit in damages.items():
            copy = Path(shutil.copytree(whole, tmp_path / "copy"))
            changed = bytearray({"cut": data[: len(data) // 2], "empty": b""}.get(damage, data))
            if bit >= 0:
                changed[bit // 8] ^= 1 << bit % 8
            target = copy / file.relative_to(whole)
            target.write_bytes(changed)
            attacks += 1
            try:
                if says(copy, dataset) != expected:
                    fell.append(f"{target.relative_to(copy)}, {damage}: another result")
            except (RunError, InputError) as error:
                if target.name not in str(error) and target.parent.name not in str(error):
                    fell.append(f"{target.relative_to(copy)}, {damage}: {error}")
            except Exception as error:  # a user would see a traceback
                fell.append(f"{target.relative_to(copy)}, {damage}: {error!r}")
            shutil.rmtree(copy)
    return attacks, fell


ODD = (
    None,
    True,
    -1,
    10**30,
    float("inf"),
    "",
    "x" * 300,
    "\ud800",
    [],
    {},
    [[]],
    {"a": None},
    ["a", "a"],
    [1, "1", None, {}],
)


def odd_versions(content: Any) -> Iterator[tuple[str, Any]]:
    """JSON with one value taken away, or replaced by something that nobody expects there."""
    keys = list(content) if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ()
    for key in keys:
        less = copy.deepcopy(content)
        del less[key]
        yield f"{key} is missing", less
        for value in ODD:
            other = copy.deepcopy(content)
            other[key] = value
            yield f"{key} is {value!r:.20}", other
        for path, inner in odd_versions(content[key]) if not isinstance(keys, range) or key < 2 else ():
            other = copy.deepcopy(content)
            other[key] = inner
            yield f"{key}.{path}", other


@pytest.mark.slow
@pytest.mark.parametrize("name", [*JSON_FILES, *(f"stopped/{name}" for name in JSON_FILES_OF_A_STOPPED_RUN)])
@pytest.mark.parametrize("times", [QUICK, pytest.param(MANY, marks=pytest.mark.sweep)])
def test_json_that_says_something_odd_is_no_traceback(trained, tmp_path, name, times, record_property):
    """Whoever sends a run can make its digests fit: then what is in the files has to be looked at."""
    stopped = name.startswith("stopped/")
    whole, says = (trained.stopped, all_that_a_resumed_run_says) if stopped else (trained.finished, all_that_a_run_says)
    copied = Path(shutil.copytree(whole, tmp_path / "copy"))
    file = next(copied.glob(name.removeprefix("stopped/")))
    versions, chance, fell, attacks = list(odd_versions(json.loads(file.read_text()))), random.Random(0), [], 0
    deep = "[" * 50_000 + "]" * 50_000
    for what, content in [("deep", deep), *chance.sample(versions, min(times, len(versions)))]:
        if stopped:
            shutil.rmtree(copied)
            shutil.copytree(whole, copied)
        file.write_text(content if what == "deep" else json.dumps(content))
        for digests in copied.rglob(NAME):
            digests.unlink()
        attacks += 1
        try:
            says(copied, trained.dataset)
        except (RunError, InputError) as error:
            if "Traceback" in str(error):
                fell.append(f"{what}: {error}")
        except Exception as error:  # a user would see a traceback
            fell.append(f"{what}: {error!r:.200} {traceback.extract_tb(error.__traceback__)[-1]}")
    record_property("odd values in the JSON files of a run", (attacks, attacks - len(fell)))
    assert not fell, "\n".join(fell)


@pytest.mark.parametrize("times", [QUICK, pytest.param(MANY, marks=pytest.mark.sweep)])
def test_no_changed_byte_of_a_finished_run_goes_unnoticed(trained, tmp_path, times, record_property):
    attacks, fell = attack(trained.finished, all_that_a_run_says, trained.dataset, tmp_path, times)
    record_property("damaged files of a finished run", (attacks, attacks - len(fell)))
    assert not fell


@pytest.mark.slow
@pytest.mark.parametrize("times", [QUICK, pytest.param(MANY // 4, marks=pytest.mark.sweep)])
def test_no_changed_byte_of_a_stopped_run_changes_what_it_ends_with(trained, tmp_path, times, record_property):
    attacks, fell = attack(trained.stopped, all_that_a_resumed_run_says, trained.dataset, tmp_path, times)
    record_property("damaged files of a stopped run", (attacks, attacks - len(fell)))
    assert not fell
