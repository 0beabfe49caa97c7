"""DyGen through the command line: its scores, files and predictions, by other means; and what must not touch them."""

import json
import random
import re
import signal
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from signalled import run_until
from sklearn.metrics import accuracy_score, f1_score

from mislabel.posterior.posterior import replace_given

pytestmark = pytest.mark.slow

CLASSES = ["apple", "boat", "cloud"]
EPOCHS, TRAINED, HELD_OUT = 2, 68, 22
SHORT = {
    "epochs": EPOCHS,
    "prior_epoch": 1,
    "distil_epochs": 2,
    "passes": 200,
    "count": 2,
    "share": 0.2,
    "centroid_share": 0,
}
OPTIONS = ["--method", "dygen", *(word for name in SHORT for word in ("--option", f"{name}={SHORT[name]}"))]
KINDS = {
    "projected": ["--trajectory-dim", "8"],
    "heads": ["--branches", "heads"],
    "training": ["--option", "record=training"],
}


@pytest.fixture(scope="module")
def table(make_toy):
    """The toy rows, every fourth a test row."""
    frame = make_toy(TRAINED + HELD_OUT)
    return frame.assign(part=np.where(np.arange(len(frame)) % 4 == 3, "test", "train"))


@pytest.fixture(scope="module")
def start(tmp_path_factory, tiny_options, mislabel):
    """Trains on a table with the method's options and gives folder, data, what was said, and the command line."""

    def run(frame, *more, command="train", out=True):
        home = tmp_path_factory.mktemp("dygen")
        data, folder = home / "toy.csv", home / "run"
        frame.to_csv(data, index=False)
        line = [command, data, *tiny_options, "--gold", "gold", "--split", "part", *OPTIONS, *more]
        done = mislabel(*line, *(["--out", folder] if out else []))
        assert done.exit_code == 0, done.stderr
        return SimpleNamespace(folder=folder, data=data, said=done.stderr, stdout=done.stdout, line=line)

    return run


@pytest.fixture(scope="module")
def plain(start, table):
    """A run that nobody disturbed; treat as read-only."""
    return start(table)


@pytest.fixture(scope="module")
def kinds(start, table):
    """Runs of other kinds, by name, each made when first asked for."""
    made: dict[str, Any] = {}

    def run(kind):
        if kind not in made:
            made[kind] = start(table, *KINDS[kind])
        return made[kind]

    return run


@pytest.fixture(scope="module")
def predicted(mislabel, tmp_path_factory):
    """Probabilities (rows, classes) for a table by `mislabel predict`."""

    def run(folder, frame, by):
        home = tmp_path_factory.mktemp("predictions")
        frame[["id", "text"]].to_csv(home / "new.csv", index=False)
        done = mislabel("predict", folder, home / "new.csv", "-o", home / "p.csv", "--id", "id", "--by", by)
        assert done.exit_code == 0, done.stderr
        found = pd.read_csv(home / "p.csv")
        assert found["id"].tolist() == frame["id"].tolist()
        probability = found[[f"p_{name}" for name in CLASSES]].to_numpy()
        np.testing.assert_allclose(probability.sum(1), 1, atol=1e-5)
        assert found["predicted_label"].tolist() == np.take(CLASSES, probability.argmax(1)).tolist()
        return probability

    return run


def read_metrics(folder):
    return json.loads((folder / "metrics.json").read_text())


def scores_by_hand(probability, gold):
    """Accuracy and macro F1 by scikit-learn, calibration error by loops over fifteen bins."""
    codes = [CLASSES.index(value) for value in gold]
    guess, sure = probability.argmax(1), probability.max(1)
    gap = 0.0
    for k in range(15):
        inside = [row for row in range(len(codes)) if min(int(sure[row] * 15), 14) == k]
        gap += abs(sum(float(guess[row] == codes[row]) - sure[row] for row in inside)) / len(codes)
    return {
        "accuracy": accuracy_score(codes, guess),
        "macro_f1": f1_score(codes, guess, average="macro"),
        "ece": gap,
    }


def same_scores(found, wanted):
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, abs=1e-4), name


def rows_held_out(table):
    return table[table["part"] == "test"]


def networks_by_epoch(folder):
    """The networks as plain transformers models, from the kept weights: a list of branches for each epoch."""
    from transformers import AutoModelForSequenceClassification

    result = []
    for path in sorted((folder / "trajectory").glob("epoch-*.safetensors")):
        kept, branches = load_file(path), []
        for k in range(2):
            prefix = f"networks.{k}.classifier."
            state = {name.removeprefix(prefix): value.float() for name, value in kept.items() if prefix in name}
            model = AutoModelForSequenceClassification.from_pretrained(folder / "model").eval()
            model.load_state_dict(state)
            branches.append(model)
        result.append(branches)
    return result


@pytest.fixture(scope="module")
def by_hand(plain, table):
    """Probabilities of the test rows before and after the generative models, one text at a time, with transformers."""
    from transformers import AutoTokenizer

    from mislabel.run.generative import load_trajectory_model

    tokenizer = AutoTokenizer.from_pretrained(plain.folder / "model")
    generative = load_trajectory_model(plain.folder / "trajectory").generative
    models = generative.models
    networks = networks_by_epoch(plain.folder)
    assert len(networks) == EPOCHS
    before, after = np.zeros((HELD_OUT, 3)), np.zeros((HELD_OUT, 3))
    with torch.no_grad():
        for row, text in enumerate(rows_held_out(table)["text"]):
            words = tokenizer(text, return_tensors="pt")
            for branch in range(2):
                trajectory, p = [], torch.zeros(1, 3)
                for epoch in range(EPOCHS):
                    model = networks[epoch][branch]
                    pooled = model.bert(**words).pooler_output
                    trajectory.append(pooled.half().float())
                    p = model.classifier(pooled).softmax(-1)
                before[row] += p[0].numpy() / 2
                w = models[branch].standardise(torch.cat(trajectory, dim=1))
                for fed in range(3):
                    a = models[branch].concentration(w, torch.eye(3)[[fed]])[0].numpy().astype(np.float64)
                    after[row] += float(p[0, fed]) * (a - 1) / (a - 1).sum()
    after **= generative.power
    return before, after / after.sum(1, keepdims=True)


@pytest.mark.slow
def test_scores_are_those_of_the_predictions(plain, table, predicted):
    """The shipped model's and the generative model's, each on the same test rows."""
    rows, metrics = rows_held_out(table), read_metrics(plain.folder)["test"]
    assert metrics["rows"] == metrics["classifier"]["rows"] == metrics["generative"]["rows"] == HELD_OUT
    shipped, generative = (predicted(plain.folder, rows, by) for by in ("model", "trajectory"))
    assert np.abs(shipped - generative).max() > 0.01
    same_scores(metrics, scores_by_hand(shipped, rows["gold"]))
    same_scores(metrics["generative"], scores_by_hand(generative, rows["gold"]))


def test_predictions_by_trajectory_by_hand(plain, table, predicted, by_hand):
    """The kept weights of every epoch, transformers, and loops over branches and labels."""
    before, after = by_hand
    rows = rows_held_out(table)
    np.testing.assert_allclose(predicted(plain.folder, rows, "trajectory"), after, atol=2e-3)
    assert np.abs(before - after).max() > 0.01
    metrics = read_metrics(plain.folder)["test"]
    assert metrics["classifier"]["accuracy"] == accuracy_score(rows["gold"], np.take(CLASSES, before.argmax(1)))
    assert metrics["classifier"]["ece"] == pytest.approx(scores_by_hand(before, rows["gold"])["ece"], abs=2e-3)


def before_the_gate(folder, rows):
    """What the method said of these training rows, (m, 3): the audit keeps what it gave the given label."""
    posterior = np.load(folder / "posterior.npy")[rows.index]
    own = pd.read_parquet(folder / "audit.parquet").set_index("id").loc[rows["id"], "p_mislabeled_by_method"]
    given = np.array([CLASSES.index(value) for value in rows["label"]])
    return replace_given(posterior, given, 1 - own.to_numpy(dtype=np.float64))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plain", "projected", "heads"])
def test_a_training_text_is_judged_anew_as_in_the_audit(kind, plain, kinds, table, predicted):
    """The posterior came from trajectories recorded while training, the prediction from the weights that were kept."""
    folder = (plain if kind == "plain" else kinds(kind)).folder
    rows = table[table["part"] == "train"]
    found = predicted(folder, rows, "trajectory")
    np.testing.assert_allclose(found, before_the_gate(folder, rows), atol=1e-2)
    assert found.max(1).std() > 0.02


def test_a_prediction_does_not_depend_on_the_rows_beside_it(plain, table, predicted):
    rows = rows_held_out(table)
    whole = predicted(plain.folder, rows, "trajectory")
    turned = predicted(plain.folder, rows[::-1], "trajectory")
    np.testing.assert_allclose(turned[::-1], whole, atol=2e-3)
    alone = predicted(plain.folder, rows[5:6], "trajectory")
    np.testing.assert_allclose(alone, whole[5:6], atol=2e-3)


def test_the_model_is_a_plain_classifier(plain, table, predicted):
    """Loaded with transformers alone; it is one network, not branches."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(plain.folder / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(plain.folder / "model")
    assert model.config.id2label == dict(enumerate(CLASSES))
    rows = rows_held_out(table)
    wanted = predicted(plain.folder, rows, "model")
    with torch.no_grad():
        for row, text in enumerate(rows["text"]):
            logits = model(**tokenizer(text, truncation=True, return_tensors="pt")).logits[0].double()
            np.testing.assert_allclose(logits.softmax(-1), wanted[row], atol=1e-5)


def test_the_folder_holds_the_weights_of_every_epoch(plain):
    """Matrices in half precision, vectors in full."""
    files = sorted(path.name for path in (plain.folder / "trajectory").iterdir())
    assert files == [
        "epoch-001.safetensors", "epoch-002.safetensors", "generative.json", "generative.safetensors"
    ]  # fmt: skip
    model = load_file(plain.folder / "model" / "model.safetensors")
    for name in files[:2]:
        kept = load_file(plain.folder / "trajectory" / name)
        assert {f"networks.{k}.classifier.{one}" for k in range(2) for one in model} == set(kept)
        for key, value in kept.items():
            if value.is_floating_point():
                assert value.dtype == (torch.float16 if value.ndim > 1 else torch.float32), key
    assert not list(plain.folder.rglob("*.pt")) + list(plain.folder.rglob("*.pkl"))


def test_the_audit_has_the_evidence_of_trajectories(plain, table):
    audit = pd.read_parquet(plain.folder / "audit.parquet").set_index("id").loc[table["id"]]
    posterior = np.load(plain.folder / "posterior.npy")
    np.testing.assert_allclose(posterior.sum(1), 1, atol=1e-5)
    assert (posterior >= 0).all()
    given = np.array([CLASSES.index(value) for value in table["label"]])
    trained = (table["part"] == "train").to_numpy()
    numbers = ["centroid_distance", "centroid_spread", "centroid_score"]
    assert audit.loc[trained, numbers].notna().all(axis=None)
    assert audit.loc[~trained, [*numbers, "neighbour_label"]].isna().all(axis=None)
    assert (audit.loc[trained, "centroid_distance"] > 0).all()
    assert (audit.loc[trained, "centroid_spread"] >= 0).all()
    assert set(audit.loc[trained, "neighbour_label"]) <= set(CLASSES)
    found = audit.loc[trained, "p_mislabeled"].to_numpy()
    np.testing.assert_allclose(found, 1 - posterior[trained, given[trained]], atol=1e-6)
    assert audit["suggested_label"].tolist() == np.take(CLASSES, posterior.argmax(1)).tolist()


def test_neighbours_and_evidence_are_those_of_the_stored_trajectories(plain, table):
    """From embedding.npy alone, in the order of the training rows."""
    from mislabel.dynamics.store import open_dynamics
    from mislabel.dynamics.trajectory import open_trajectory
    from mislabel.methods.dygen import DyGen, denoise
    from mislabel.run.folder import RunFolder

    dynamics = open_dynamics(plain.folder / "dynamics")
    dynamics.trajectory = open_trajectory(plain.folder / "dynamics")
    rows = table[table["part"] == "train"]
    given = np.array([CLASSES.index(value) for value in rows["label"]])
    options = RunFolder(plain.folder).read_config()["settings"]["options"]
    found = denoise(dynamics, given, 3, DyGen(**options))
    np.testing.assert_allclose(found.probabilities, before_the_gate(plain.folder, rows), atol=1e-5)
    audit = pd.read_parquet(plain.folder / "audit.parquet").set_index("id").loc[rows["id"]]
    assert audit["neighbour_label"].tolist() == np.take(CLASSES, found.labels["neighbour_label"]).tolist()


def shown_sizes(said):
    """(epochs, networks, rows, dimensions) and MB from the line that says what trajectories take."""
    shape = r"(\d+) epochs x (\d+) networks x (\d+) rows x (\d+) dimensions(?:, projected from \d+,)?"
    found = re.search(rf"trajectories \({shape}\) take ([\d.]+) MB", said)
    assert found is not None, said
    return tuple(int(value) for value in found.groups()[:4]), found.group(5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "networks", "dimension"), [("plain", 2, 32), ("projected", 2, 8), ("heads", 1, 32), ("training", 2, 32)]
)
def test_the_promised_bytes_are_stored(kind, networks, dimension, plain, kinds):
    run = plain if kind == "plain" else kinds(kind)
    arrays = {name: np.load(run.folder / "dynamics" / f"{name}.npy") for name in ("embedding", "probability")}
    assert arrays["embedding"].shape == (EPOCHS, networks, TRAINED, dimension)
    assert arrays["probability"].shape == (EPOCHS, 2, TRAINED, 3)
    assert all(array.dtype == np.float16 for array in arrays.values())
    np.testing.assert_allclose(arrays["probability"].sum(-1, dtype=np.float64), 1, atol=2e-3)
    assert (np.abs(arrays["embedding"]).sum(-1) > 0).all()
    sizes, megabytes = shown_sizes(run.said)
    assert sizes == arrays["embedding"].shape
    assert megabytes == f"{sum(array.nbytes for array in arrays.values()) / 1e6:.1f}"


@pytest.mark.parametrize("kind", list(KINDS))
def test_other_kinds_score_as_they_predict(kind, kinds, table, predicted):
    rows, folder = rows_held_out(table), kinds(kind).folder
    metrics = read_metrics(folder)["test"]
    same_scores(metrics, scores_by_hand(predicted(folder, rows, "model"), rows["gold"]))
    same_scores(metrics["generative"], scores_by_hand(predicted(folder, rows, "trajectory"), rows["gold"]))


def test_a_projected_trajectory_is_the_whole_one_projected(plain, kinds):
    """Training is the same, so are its embeddings before they are projected."""
    from mislabel.dynamics.trajectory import projection

    whole, narrow = (np.load(run.folder / "dynamics" / "embedding.npy") for run in (plain, kinds("projected")))
    np.testing.assert_allclose(narrow, whole.astype(np.float64) @ projection(32, 8, 0), atol=5e-3)


def test_heads_are_kept_with_the_one_network_they_stand_on(kinds):
    kept = load_file(kinds("heads").folder / "trajectory" / "epoch-002.safetensors")
    starts = {".".join(name.split(".")[:2]) for name in kept}
    assert starts == {"networks.0", "heads.0"}


@pytest.mark.slow
def test_an_audit_without_a_folder_scores_the_test_rows_too(start, table, tmp_path, monkeypatch, predicted):
    """As the one with a folder, which keeps everything; and nothing is left on disk."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    alone = start(table, "--json", command="audit", out=False)
    assert list(tmp_path.iterdir()) == []
    assert not alone.folder.exists()
    found = json.loads(alone.stdout)["test"]
    with_folder = start(table, command="audit")
    wanted = read_metrics(with_folder.folder)["test"]
    assert found == wanted
    rows = rows_held_out(table)
    same_scores(wanted, scores_by_hand(predicted(with_folder.folder, rows, "model"), rows["gold"]))
    same_scores(found["generative"], scores_by_hand(predicted(with_folder.folder, rows, "trajectory"), rows["gold"]))


def test_an_audit_without_test_rows_has_no_test_scores(table, tiny_options, tmp_path, mislabel):
    table.to_csv(tmp_path / "toy.csv", index=False)
    done = mislabel("audit", tmp_path / "toy.csv", *tiny_options, *OPTIONS, "--json")
    assert done.exit_code == 0, done.stderr
    assert "test" not in json.loads(done.stdout)
    assert [path.name for path in tmp_path.iterdir()] == ["toy.csv"]


def test_only_dygen_answers_by_trajectory(plain, table, tiny_options, tmp_path, mislabel):
    table.to_csv(tmp_path / "toy.csv", index=False)
    short = ["--method", "ido", "--option", "warm_epochs=2", "--option", "robust_epochs=1"]
    done = mislabel("train", tmp_path / "toy.csv", *tiny_options, *short, "--out", tmp_path / "ido")
    assert done.exit_code == 0, done.stderr
    line = [tmp_path / "toy.csv", "-o", tmp_path / "p.csv"]
    done = mislabel("predict", tmp_path / "ido", *line, "--by", "trajectory")
    assert done.exit_code == 2
    assert "--method dygen" in done.stderr
    for folder in (tmp_path / "ido", plain.folder):
        done = mislabel("predict", folder, *line, "--by", "wrong")
        assert done.exit_code == 2
        assert "by is 'wrong', needed one of model, trajectory" in done.stderr
    assert not (tmp_path / "p.csv").exists()


@pytest.fixture(scope="module")
def fitted(tiny_encoder, make_toy):
    """An estimator of the method, on labels that are numbers."""
    from mislabel import TextClassifier

    frame = make_toy(90)
    one = TextClassifier(
        method="dygen", backbone=tiny_encoder, batch_size=8, learning_rate=2e-3, precision="fp32", device="cpu",
        options=SHORT | {"epochs": 4, "distil_epochs": 6, "passes": 300},
    )  # fmt: skip
    return one.fit(frame["text"].tolist(), [10 * CLASSES.index(value) for value in frame["label"]])


@pytest.mark.slow
def test_the_estimator_learns_and_survives_saving(fitted, make_toy, tmp_path):
    from mislabel import TextClassifier

    new = make_toy(60, seed=9)
    texts, gold = new["text"].tolist(), [10 * CLASSES.index(value) for value in new["gold"]]
    assert accuracy_score(gold, fitted.predict(texts)) > 0.85  # learnt from labels of which 20 % are wrong
    table = fitted.audit_.table
    assert set(table["neighbour_label"]) == {0, 10, 20}
    assert pd.api.types.is_integer_dtype(table["neighbour_label"])
    fitted.save(tmp_path / "run")
    loaded = TextClassifier.load(tmp_path / "run")
    np.testing.assert_allclose(loaded.predict_proba(texts), fitted.predict_proba(texts), atol=1e-6)
    assert loaded.get_params()["method"] == "dygen"
    assert loaded.classes_.tolist() == [0, 10, 20]
    pd.testing.assert_frame_equal(loaded.audit_.table, table)
    np.testing.assert_array_equal(loaded.audit_.posterior, fitted.audit_.posterior)


def test_a_saved_estimator_says_why_it_has_no_trajectories(fitted, make_toy, tmp_path, mislabel):
    """It is a run of dygen, so the answer may not be that only runs of dygen have them."""
    fitted.save(tmp_path / "run")
    make_toy(9).to_csv(tmp_path / "toy.csv", index=False)
    done = mislabel(
        "predict", tmp_path / "run", tmp_path / "toy.csv", "-o", tmp_path / "p.csv", "--text", "text",
        "--by", "trajectory",
    )  # fmt: skip
    assert done.exit_code == 2
    assert "no trajectory model" in done.stderr
    assert "only runs of the method dygen" not in done.stderr


RESULTS = ["audit.parquet", "posterior.npy", "model/model.safetensors", "trajectory/generative.safetensors"]


def recorded(folder: Path) -> dict[str, bytes]:
    """Every byte of dynamics, trajectories and the weights that go with them, and of the shipped weights."""
    parts = [*(folder / "dynamics").iterdir(), *(folder / "trajectory").iterdir()]
    return {path.name: path.read_bytes() for path in [*parts, folder / "model" / "model.safetensors"]}


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["00-0001", pytest.param("00-0002", marks=pytest.mark.sweep)])
def test_killed_and_resumed_gives_the_same_bytes(moment, plain, tmp_path, environment, mislabel):
    """SIGKILL in the second epoch of the branches, or after it: while denoising or distilling."""
    folder = tmp_path / "run"
    line = [*map(str, plain.line), "--out", str(folder)]
    events = random.Random(moment).randrange(1, 20_000)
    killed = run_until(line, environment, signal.SIGKILL, f"checkpoints/{moment}", events=events)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (folder / "metrics.json").exists()
    done = mislabel(*line, "--resume")
    assert done.exit_code == 0, done.stderr
    for name in RESULTS:
        assert (folder / name).read_bytes() == (plain.folder / name).read_bytes(), name
    assert recorded(folder) == recorded(plain.folder)
    assert read_metrics(folder)["test"] == read_metrics(plain.folder)["test"]
    assert not (folder / "checkpoints").exists()


@pytest.mark.slow
def test_no_gold_label_and_no_test_row_touches_anything(plain, start, table):
    """D1, D5: gold labels of all rows permuted, texts and labels of the test rows changed: the same bytes."""
    other = table.assign(gold=np.roll(table["gold"], 1))
    assert (other["gold"] != table["gold"]).all()
    test = (table["part"] == "test").to_numpy()
    other.loc[test, "text"] = [f"{text} cloud1 boat2 " * 3 for text in table.loc[test, "text"]]
    other.loc[test, "label"] = np.roll(table.loc[test, "label"], 1)
    again = start(other)
    assert recorded(again.folder) == recorded(plain.folder)
    posterior, wanted = (np.load(run.folder / "posterior.npy") for run in (again, plain))
    assert posterior[~test].tobytes() == wanted[~test].tobytes()
    assert posterior[test].tobytes() != wanted[test].tobytes()
    audits = [pd.read_parquet(run.folder / "audit.parquet").set_index("id") for run in (again, plain)]
    one, two = (audit.loc[table["id"][~test]].drop(columns="gold_label") for audit in audits)
    # The shipped model judges all rows together, in batches by length: the last digits depend on the company.
    np.testing.assert_allclose(one.pop("confidence"), two.pop("confidence"), rtol=1e-5)
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    assert read_metrics(again.folder)["test"] != read_metrics(plain.folder)["test"]


@pytest.mark.slow
def test_another_seed_gives_another_run(plain, start, table):
    other = recorded(start(table, "--seed", "1").folder)
    assert other["embedding.npy"] != recorded(plain.folder)["embedding.npy"]
