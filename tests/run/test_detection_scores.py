"""`--score`: orders the audit, is scored beside the posterior, is part of the settings, and asks for what it needs."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from mislabel.dynamics.store import open_dynamics
from mislabel.modalities.dataset import make_dataset
from mislabel.modalities.loading import load_dataset
from mislabel.modalities.vectors import standardisation
from mislabel.posterior.detection import SCORES, Evidence, all_scores, make_evidence
from mislabel.report.findings import Findings
from mislabel.run.folder import RunFolder
from mislabel.run.reading import Run
from mislabel.run.settings import RunConfig
from mislabel.run.train_and_judge import run

pytestmark = pytest.mark.slow

LINE = ["--features", "f_*", "--label", "label", "--gold", "gold", "--id", "id", "--device", "cpu"]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """400 rows about three centres as CSV, a quarter of the labels wrong."""
    random, rows = np.random.default_rng(0), 400
    gold = random.integers(0, 3, rows)
    label = np.where(random.random(rows) < 0.25, (gold + random.integers(1, 3, rows)) % 3, gold)
    values = 3 * np.eye(3, 5)[gold] + random.normal(size=(rows, 5))
    frame = pd.DataFrame(values.astype(np.float32), columns=[f"f_{k}" for k in range(5)])
    path = tmp_path_factory.mktemp("source") / "data.csv"
    frame.assign(id=[f"row-{k}" for k in range(rows)], gold=gold, label=label).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def folder(source, command, tmp_path_factory):
    """One whole run with `--score aum`, as a process of its own."""
    place = tmp_path_factory.mktemp("runs") / "aum"
    done = command("audit", source, *LINE, "--score", "aum", "--out", place)
    assert done.returncode == 0, done.stderr
    (place / "stdout").write_text(done.stdout, encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def recorded(source, folder):
    """The rows in the order in which that run recorded them."""
    return pd.read_csv(source).set_index("id").loc[pd.read_parquet(folder / "dynamics" / "ids.parquet")["id"]]


@pytest.fixture(scope="module")
def evidence(recorded, folder):
    """What that run recorded, with its features."""
    frame = recorded
    matrix = frame.filter(like="f_").to_numpy(np.float32)
    mean, scale = standardisation(matrix)
    dynamics, given = open_dynamics(folder / "dynamics"), frame["label"].to_numpy()
    return make_evidence(dynamics, given, 3, (matrix - mean.numpy()) / scale.numpy())


@pytest.mark.slow
def test_the_table_is_ordered_by_the_score(recorded, folder, evidence):
    table = pd.read_parquet(folder / "audit.parquet")
    assert (table["score"].diff().dropna() <= 0).all()
    by_id = table.set_index("id").loc[recorded.index]
    np.testing.assert_array_equal(by_id["score"], SCORES["aum"].function(evidence))
    assert not (table["p_mislabeled"].diff().dropna() <= 0).all()  # the method's posterior, as without --score
    wrong = (table["given_label"] != table["gold_label"]).to_numpy()
    found = json.loads((folder / "metrics.json").read_text())
    assert found["score"] == "aum"
    assert found["detection"]["score_auroc"] == pytest.approx(roc_auc_score(wrong, table["score"]))
    assert found["detection"]["score_average_precision"] == pytest.approx(
        average_precision_score(wrong, table["score"])
    )
    assert found["detection"]["auroc"] == pytest.approx(roc_auc_score(wrong, table["p_mislabeled"]))
    assert json.loads((folder / "config.json").read_text())["settings"]["score"] == "aum"


def test_people_see_the_rows_in_that_order(folder):
    table, shown = pd.read_parquet(folder / "audit.parquet"), (folder / "stdout").read_text(encoding="utf-8")
    places = [shown.index(f" {name} ") for name in table["id"].head(10)]
    assert places == sorted(places)
    assert f"{table['score'].iloc[0]:.3f}" in shown
    assert "of the score aum" in shown
    source = Findings(Run.open(RunFolder(folder)))
    np.testing.assert_array_equal(source.worst_first, np.arange(400))
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<code>aum</code>, higher = worse" in page
    assert f"score {table['score'].iloc[0]:.3f}" in page


def test_scores_find_planted_errors(recorded, evidence):
    """Variability alone ranks ambiguous rows. Most others lie above 0.9.

    Forgetting takes few values, and FINE does not tell the two ends of a direction apart.
    """
    wrong = (recorded["label"] != recorded["gold"]).to_numpy()
    found = all_scores(evidence)
    assert set(found) >= set(SCORES) - {"confident_learning"}  # where cleanlab is not installed
    for name in set(found) - {"variability"}:
        assert roc_auc_score(wrong, found[name]) > {"forgetting": 0.8, "fine": 0.7}.get(name, 0.9), name


@pytest.mark.slow
def test_a_score_changes_nothing_but_the_order(source, folder, mislabel, tmp_path):
    done = mislabel("audit", source, *LINE, "--out", tmp_path / "plain", "--json")
    assert done.exit_code == 0, done.stderr
    assert "score" not in json.loads(done.stdout)
    np.testing.assert_array_equal(np.load(tmp_path / "plain/posterior.npy"), np.load(folder / "posterior.npy"))
    one, other = (pd.read_parquet(place / "audit.parquet").set_index("id") for place in (tmp_path / "plain", folder))
    pd.testing.assert_frame_equal(one, other.drop(columns="score").loc[one.index], check_exact=True)


def test_another_score_is_another_run(source, folder, mislabel):
    done = mislabel("audit", source, *LINE, "--score", "mean_loss", "--out", folder, "--resume")
    assert done.exit_code == 1
    assert "settings.score was 'aum' and is now 'mean_loss'" in done.stderr


def test_a_wrong_name_gets_the_nearest(source, mislabel):
    done = mislabel("audit", source, *LINE, "--score", "aun")
    assert done.exit_code == 2
    assert """score 'aun' is not known (did you mean "aum"?)""" in done.stderr


def test_scores_are_listed(mislabel):
    listed, shown = json.loads(mislabel("methods", "--scores", "--json").stdout), mislabel("methods", "--scores").stdout
    assert list(listed) == list(SCORES)
    assert "2001.10528" in listed["aum"]["paper"]
    assert all(name in shown and entry["when"] in shown for name, entry in listed.items())


@pytest.fixture
def seen(monkeypatch):
    """What `neighbours` was asked with."""
    asked = []
    function = SCORES["neighbours"].function

    def watch(evidence: Evidence) -> np.ndarray:
        asked.append(evidence)
        return function(evidence)

    monkeypatch.setitem(SCORES, "neighbours", type(SCORES["neighbours"])(watch, "", "", "space"))
    return asked


ONE_EPOCH = {"method": "ce", "options": {"epochs": 1}, "device": "cpu", "precision": "fp32"}


@pytest.mark.slow
def test_a_whole_encoder_is_asked_as_it_was_before_training(seen, toy_file, tiny_encoder):
    data = load_dataset(str(toy_file), text="text", label="label", id="id")
    found = {}
    for tune in ("full", "head"):
        config = RunConfig(backbone=tiny_encoder, tune=tune, score="neighbours", **ONE_EPOCH)
        found[tune] = run(data, config).audit.table.set_index("id")["score"]
    whole, head = seen
    assert not whole.learnt
    mean, scale = standardisation(whole.embeddings)
    np.testing.assert_allclose((whole.embeddings - mean.numpy()) / scale.numpy(), head.embeddings, atol=1e-4)
    assert found["full"].notna().all()


def test_random_weights_are_asked_after_training_and_never_out_of_sample(seen, make_images):
    pixels, frame = make_images(60)
    data = make_dataset(pixels, frame["label"], modality="image")
    config = {"scratch": "resnet-small", "resolution": 16, **ONE_EPOCH}
    found = run(data, RunConfig(score="neighbours", **config)).audit.table
    assert seen[0].learnt
    assert len(seen[0].embeddings) == 60
    assert found["score"].between(0, 1).all()
    said = "score confident_learning needs embeddings from before training.*pretrained --backbone"
    with pytest.raises(ValueError, match=said):
        run(data, RunConfig(score="confident_learning", **config))
