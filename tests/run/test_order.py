"""The same rows in another order, the same classes under other names or listed otherwise: the same answers."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from mislabel.errors import RunError
from mislabel.methods import METHODS, npc
from mislabel.modalities.dataset import make_dataset
from mislabel.modalities.loading import load_dataset
from mislabel.run.folder import RunFolder
from mislabel.run.predict import predict_table
from mislabel.run.predictor import load_predictor
from mislabel.run.reading import Run
from mislabel.run.settings import RunConfig
from mislabel.run.train import train
from mislabel.run.train_and_judge import run
from mislabel.settings import declarations

SHARED = {"device": "cpu", "precision": "fp32", "batch_size": 8}
NAMES = {"apple": "cat", "boat": "dog", "cloud": "owl"}
OF_HEADS = ("nmtune",)  # they ask for --tune head
SLOW = ("dygen", "npc")  # they fit generative models


def of_rows(audit, places):
    """Posterior and p_mislabeled of the rows before they were put in these places, by row."""
    posterior, p = np.empty_like(audit.posterior), np.empty(len(places))
    posterior[places] = audit.posterior
    p[places[audit.table["row"].to_numpy()]] = audit.table["p_mislabeled"].to_numpy(dtype=float)
    return posterior, p


def audited(inputs, labels, places, *, ids=None, classes=None, options=None, **settings):
    """The audit of the rows in another order, with everything that belongs to a row."""
    checks = {name: settings.pop(name) for name in ("modality", "holdout", "split", "missing") if name in settings}
    checks = {name: value[places] if name == "split" else value for name, value in checks.items()}
    rows = [inputs[place] for place in places] if isinstance(inputs, list) else inputs[places]
    data = make_dataset(
        rows, list(labels[places]), ids=None if ids is None else ids[places], classes=classes, seed=1, **checks
    )
    return run(data, RunConfig(**(SHARED | settings), options=options or {})).audit


def check_orders(inputs, labels, ids=None, **how):
    """Compare the table as it is with two shuffled ones, one of which lists the classes in another order."""
    random, n = np.random.default_rng(0), len(labels)
    first = audited(inputs, labels, np.arange(n), ids=ids, **how)
    listed = [*first.classes[2:], *first.classes[:2]]
    columns = [listed.index(value) for value in first.classes]
    for classes in (None, listed):
        places = random.permutation(n)
        other = audited(inputs, labels, places, ids=ids, classes=classes, **how)
        assert other.classes == (classes or first.classes)
        for before, after in zip(of_rows(first, np.arange(n)), of_rows(other, places), strict=True):
            after = after[:, columns] if after.ndim == 2 and classes else after
            np.testing.assert_allclose(after, before, rtol=0, atol=1e-5)
        transition = other.transition[np.ix_(columns, columns)] if classes else other.transition
        np.testing.assert_allclose(transition, first.transition, atol=1e-5)
        assert other.metrics["noise_rate"] == first.metrics["noise_rate"]
    return first


def blobs(rows=45):
    """Three heaps of points, a fifth of the labels wrong; a few rows twice, with the same label and with another."""
    random = np.random.default_rng(0)
    gold = random.integers(0, 3, rows)
    points = (random.normal(0, 2, (3, 5))[gold] + random.normal(size=(rows, 5))).astype(np.float32)
    labels = np.where(random.random(rows) < 0.2, random.integers(0, 3, rows), gold)
    points[-6:] = points[:6]
    labels[-6:-2] = labels[:4]
    return points, np.array(list(NAMES), dtype=object)[labels]


def ids_of(rows, kind):
    shuffled = np.random.default_rng(5).permutation(rows)
    return shuffled if kind == "numbers" else np.array([f"row {place}" for place in shuffled], dtype=object)


def few_epochs(method):
    """Two epochs a stage."""
    return dict.fromkeys((name for name in declarations(METHODS[method].make) if name.endswith("epochs")), 2)


@pytest.fixture(autouse=True)
def few_steps(monkeypatch, quick_fit):
    """Generative models are hardly fitted: how well does not matter here."""
    monkeypatch.setattr(npc, "Fitting", partial(npc.Fitting, fewest_steps=20))


def with_ids(methods, kept):
    """Every method without ids and with ids, the latter in `make test` for some methods alone."""
    marks = {name: [] if name in kept else [pytest.mark.sweep] for name in methods}
    return [pytest.param(name, None) for name in methods] + [
        pytest.param(name, kind, marks=marks[name]) for name in methods for kind in ("text", "numbers")
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("method", "ids"), with_ids(METHODS, ["ido"]))
def test_features(method, ids):
    points, labels = blobs()
    ids = None if ids is None else ids_of(len(points), ids)
    check_orders(points, labels, ids, modality="features", method=method, options=few_epochs(method))


@pytest.mark.parametrize("score", ["neighbours", "aum"])
def test_rows_that_do_not_train_and_scores(score):
    """Some rows are held out by name, some have no label; a held-out share is drawn by what is in a row."""
    points, labels = blobs()
    split = np.array(["train"] * 30 + ["valid"] * 5 + ["test"] * 10)
    how = {"modality": "features", "method": "ce", "options": {"epochs": 2}, "score": score}
    check_orders(points, labels, split=split, **how)
    points[-6:] += 1  # of rows that are equal in all, which is held out hangs on the order
    labels = labels.copy()
    labels[::9] = None
    first = check_orders(points, labels, holdout=0.2, missing="unlabeled", **how)
    assert (first.table["status"] == "held_out").sum() == 8


@pytest.mark.parametrize("tune", ["head", "full"])
@pytest.mark.parametrize(("method", "ids"), with_ids(METHODS, []))
@pytest.mark.sweep
def test_texts(method, ids, tune, make_toy, tiny_encoder):
    if tune == "full" and method in OF_HEADS:
        pytest.skip("it asks for --tune head")
    frame = make_toy(60)
    texts, labels = frame["text"].tolist(), frame["label"].to_numpy(dtype=object)
    texts[:5] = texts[5:10]
    how = {"backbone": tiny_encoder, "tune": tune, "learning_rate": 2e-3, "max_length": 12}
    ids = None if ids is None else ids_of(60, ids)
    check_orders(texts, labels, ids, method=method, options=few_epochs(method), **how)


@pytest.mark.parametrize(
    ("method", "tune"),
    [(name, "head") for name in METHODS]
    + [(name, "full") for name in METHODS if name not in OF_HEADS]
    # Of random weights nothing is known that panel or osa could learn from.
    + [(name, "scratch") for name in METHODS if name not in ("panel", "osa", *OF_HEADS)],
)
@pytest.mark.sweep
def test_images(method, tune, make_images, image_models):
    pixels, frame = make_images(36)
    how = {"scratch": "resnet-small", "lengthen": 1.0} if tune == "scratch" else {"backbone": image_models["resnet"]}
    how |= {} if tune == "scratch" else {"tune": tune}
    labels = frame["label"].to_numpy(dtype=object)
    check_orders(pixels, labels, modality="image", method=method, resolution=32, options=few_epochs(method), **how)


@pytest.mark.parametrize("method", ["ido", "dygen"])
def test_classes_by_other_names_in_the_same_order(method):
    points, labels = blobs()
    how = {"modality": "features", "method": method, "options": few_epochs(method)}
    places = np.arange(len(points))
    first = audited(points, labels, places, **how)
    other = audited(points, np.array([NAMES[label] for label in labels], dtype=object), places, **how)
    assert other.classes == [NAMES[name] for name in first.classes]
    assert np.array_equal(other.posterior, first.posterior)
    assert np.array_equal(other.transition, first.transition)
    numbers = [name for name, kind in first.table.dtypes.items() if kind.kind in "if"]
    assert first.table[numbers].equals(other.table[numbers])


def test_a_run_shows_classes_as_they_were_listed(tmp_path):
    """In its files and in predictions, by the model and by trajectories; what is learnt is the same."""
    points, labels = blobs()
    frame = pd.DataFrame(points, columns=list("abcde")).assign(label=labels, id=[f"r{k}" for k in range(len(points))])
    frame.to_csv(tmp_path / "data.csv", index=False)
    listed, found = ["boat", "cloud", "apple"], {}
    for name, classes in (("sorted", None), ("listed", listed)):
        data = load_dataset(frame, features="a,b,c,d,e", label="label", id="id", classes=classes)
        folder = RunFolder(tmp_path / name)
        config = RunConfig(method="npc", options=few_epochs("npc"), **SHARED)
        trained = train(data, config, folder, columns={"features": "a,b,c,d,e", "label": "label", "id": "id"})
        opened = Run.open(folder)
        assert opened.result().classes == trained.audit.classes == opened.data["classes"]
        posterior = dict(zip(trained.audit.classes, np.load(folder.posterior).T, strict=True))
        predictions = {}
        for by in ("model", "trajectory"):
            predict_table(folder, str(tmp_path / "data.csv"), tmp_path / "out.csv", id="id", by=by, device="cpu")
            predictions[by] = pd.read_csv(tmp_path / "out.csv")
        found[name] = trained.audit.classes, posterior, predictions, load_predictor(folder.model).classes
    assert found["listed"][0] == found["listed"][3] == listed
    assert found["sorted"][0] == found["sorted"][3] == sorted(listed)
    for name in listed:
        np.testing.assert_array_equal(found["listed"][1][name], found["sorted"][1][name])
    for by, table in found["listed"][2].items():
        assert list(table.columns) == ["id", "predicted_label", "confidence", *(f"p_{name}" for name in listed)]
        pd.testing.assert_frame_equal(table, found["sorted"][2][by][table.columns])


def test_a_run_that_took_rows_in_the_order_of_the_table_is_not_resumed(tmp_path):
    points, labels = blobs()
    data = make_dataset(points, labels, modality="features")
    folder = RunFolder(tmp_path / "run")
    train(data, RunConfig(method="ce", options={"epochs": 1}, **SHARED), folder)
    config = folder.read_config()
    assert config["data"].pop("order") == "content"
    folder.write_config(config)
    again = partial(train, data, RunConfig(method="ce", options={"epochs": 1}, **SHARED), folder, resume=True)
    again()  # finished: there is nothing to do
    folder.metrics.unlink()
    with pytest.raises(RunError, match="an earlier version began it, which took rows in the order of the table; start"):
        again()
    folder.write_config(config | {"data": config["data"] | {"order": "id"}})
    with pytest.raises(RunError, match="data.order was 'id' and is now 'content'"):
        again()


@pytest.mark.slow
def test_a_shuffled_file_gives_the_same_answers(tmp_path, toy_file, tiny_encoder, mislabel):
    """Without ids, on the command line."""
    frame = pd.read_csv(toy_file)
    frame.sample(frac=1, random_state=1).to_csv(tmp_path / "shuffled.csv", index=False)
    audits = []
    for name, file in (("plain", toy_file), ("shuffled", tmp_path / "shuffled.csv")):
        out, columns = tmp_path / name, ["--text", "text", "--label", "label"]
        done = mislabel("audit", file, *columns, "--backbone", tiny_encoder, "--holdout", 0.2, "--out", out)
        assert done.exit_code == 0, done.stderr
        audits.append(pd.read_parquet(out / "audit.parquet").set_index("row").sort_index())
        audits[-1]["text"] = pd.read_csv(file)["text"]
    plain, shuffled = (audit.set_index("text").sort_index() for audit in audits)
    assert plain.index.is_unique
    pd.testing.assert_frame_equal(shuffled.drop(columns="id"), plain.drop(columns="id"), check_exact=True)
