"""Panel: its loss by hand, and whole runs on rows whose errors go to one side."""

import json

import numpy as np
import pytest
import torch
from helpers import StopAfter, numerical_gradient, softmax
from sklearn.metrics import roc_auc_score

from mislabel import FeatureClassifier, InputError
from mislabel.methods import METHODS
from mislabel.methods.panel import OpinionCrossEntropy, Panel
from mislabel.modalities.dataset import make_dataset
from mislabel.run.about import describe
from mislabel.run.defaults import effective
from mislabel.run.folder import RunFolder
from mislabel.run.reading import Run
from mislabel.run.settings import RunConfig
from mislabel.run.train_and_judge import run
from mislabel.training.losses import OPINION, Batch
from mislabel.training.stages import Stage

CLASSES, SETTINGS = 3, {"device": "cpu", "precision": "fp32"}


def one_sided(rows=900, share=0.6, seed=0, names=("a", "b", "c")):
    """Three clouds of a table, their classes, and labels of which a rule gave a share of two classes to the first."""
    random = np.random.default_rng(seed)
    true = random.integers(0, CLASSES, rows)
    points = np.eye(CLASSES, 6)[true] * 3 + random.normal(size=(rows, 6))
    given = np.where(random.random(rows) < share, 0, true)
    names = np.array(names)
    return points.astype(np.float32), names[true], names[given]


def test_the_loss_by_hand():
    random = np.random.default_rng(0)
    logits, opinion, weight = random.normal(size=(1, 1, 4, 3)), random.dirichlet(np.ones(3), 4), random.random(4)
    target = torch.tensor([0, 1, 2, 0])  # which it never looks at

    def by_hand(z):
        terms = [-w * q @ np.log(softmax(row)) for w, q, row in zip(weight, opinion, z[0, 0], strict=True)]
        return sum(terms) / 4

    point = torch.tensor(logits, requires_grad=True)
    batch = Batch(torch.arange(4), target, point, weight=torch.tensor(weight), opinion=torch.tensor(opinion))
    loss = OpinionCrossEntropy()(batch)
    assert float(loss.detach()) == pytest.approx(by_hand(logits))
    (gradient,) = torch.autograd.grad(loss, point)
    np.testing.assert_allclose(gradient.numpy(), numerical_gradient(by_hand, logits), atol=1e-8)


def test_options():
    (stage,) = Panel(epochs=7).stages()
    assert (stage.epochs, stage.views, stage.branches) == (7, 1, 1)
    assert isinstance(stage.loss, OpinionCrossEntropy)
    assert Panel().guard
    assert Panel().revise_after == 0
    for bad in ({"epochs": 0}, {"guard": "no"}):
        with pytest.raises(InputError, match=next(iter(bad))):
            Panel(**bad)


class Dynamics:
    """What a loss looks at when an epoch ends."""

    asked = None


def test_the_loss_asks_once_and_teaches_the_answer():
    loss, dynamics, asked = OpinionCrossEntropy(), Dynamics(), []
    said, embeddings, answer = np.full((4, 3), 1 / 3), np.ones((4, 5)), np.eye(3)[[0, 1, 2, 0]]

    def reconsider(*what):
        asked.append(what)
        return answer, {"trusted": 7}

    Panel(revise_after=2).hear([Stage("panel", 5, loss)], reconsider)
    loss.begin(dynamics, np.zeros(4, dtype=int), 3, torch.device("cpu"))
    loss.epoch_end(dynamics)
    assert loss.tables == {}
    dynamics.asked = said, embeddings
    loss.epoch_end(dynamics)
    dynamics.asked = None
    loss.epoch_end(dynamics)
    assert len(asked) == 1
    assert asked[0][0] is said
    assert asked[0][1] is embeddings
    np.testing.assert_array_equal(loss.tables[OPINION].numpy(), answer)
    other = OpinionCrossEntropy()
    other.load_state(json.loads(json.dumps(loss.state())))
    assert other.state() == loss.state() == {"about": {"trusted": 7}}


@pytest.mark.parametrize(("revise_after", "waits"), [(0, 0), (2, 2), (4, 4), (5, 0), (9, 0)])
def test_rows_wait_until_the_evidence_is_made_anew_if_it_is(revise_after, waits):
    (stage,) = Panel(revise_after=revise_after).stages()
    assert stage.waits == waits


@pytest.mark.parametrize(
    ("tune", "given", "wanted"), [("head", {}, 0), ("full", {}, 2), ("full", {"revise_after": 0}, 0)]
)
def test_only_a_whole_network_revises_the_opinion(tune, given, wanted):
    settings = effective(RunConfig(method="panel", tune=tune, options=given), "text", 500)
    assert Panel(**settings.options).revise_after == wanted


@pytest.mark.slow
def test_a_revised_opinion_is_what_the_run_says():
    points, true, given = one_sided(400)
    trusted = np.full(len(true), None, dtype=object)
    trusted[:20] = true[:20]
    fitted = FeatureClassifier(method="panel", options={"revise_after": 2}, **SETTINGS).fit(
        points, given, trusted=trusted
    )
    table, evidence = fitted.audit_.table.set_index("id"), fitted.audit_.metrics["evidence"]
    assert evidence["revised_after"] == 2
    assert evidence["revised"]["trusted"] == 20
    assert list(evidence["revised"]["opinions"]) == [*evidence["opinions"], "network", "network_and_given"]
    assert (table.loc[list(range(20)), "suggested_label"] == true[:20]).all()
    judged = table[table["status"] == "judged"]
    assert (judged["network_label"] == judged["suggested_label"]).all()
    np.testing.assert_allclose(judged["network_p_given"], 1 - judged["p_mislabeled_by_method"], atol=1e-5)
    assert np.mean(judged["suggested_label"] == true[judged.index]) > 0.9


@pytest.fixture(scope="module")
def both():
    """The same data by plain training and by the panel, nothing said of the guard."""
    points, _, given = one_sided()
    return [FeatureClassifier(method=name, **SETTINGS).fit(points, given) for name in ("ce", "panel")]


@pytest.mark.slow
def test_errors_of_one_side_are_found_where_plain_training_learns_them(both):
    points, true, given = one_sided()
    new, right, _ = one_sided(seed=7)
    plain, panel = both
    assert panel.score(new, right) > 0.9 > plain.score(new, right) + 0.1
    wrong = given != true
    auroc = [
        roc_auc_score(wrong, each.audit_.table.set_index("id").loc[range(len(points)), "p_mislabeled"]) for each in both
    ]
    assert auroc[1] > 0.9 > auroc[0]
    np.testing.assert_array_equal(
        panel.predict_proba(new).argmax(1), np.searchsorted(panel.classes_, panel.predict(new))
    )


@pytest.mark.slow
def test_the_audit_says_what_the_opinion_says(both):
    table, metrics = both[1].audit_.table, both[1].audit_.metrics
    assert set(metrics["evidence"]["opinions"]) == {"transition"}
    assert metrics["evidence"]["opinions"]["transition"] == 1
    assert metrics["evidence"]["strength"] is None
    assert metrics["evidence"]["left_out"] is None
    assert (table["transition_label"] == table["suggested_label"]).all()
    np.testing.assert_allclose(table["transition_p_given"], 1 - table["p_mislabeled_by_method"], atol=1e-5)
    assert (table["p_mislabeled"] <= table["p_mislabeled_by_method"] + 1e-6).all()  # the gate takes some back
    likely = table["p_mislabeled_by_method"] > 0.5
    assert (table.loc[likely, "p_mislabeled"] > 0.5).all()
    assert "transition_label" not in both[0].audit_.table


@pytest.mark.slow
def test_trusted_rows_are_taught_and_judged_by():
    points, true, given = one_sided()
    trusted = np.full(len(true), None, dtype=object)
    some = np.random.default_rng(0).permutation(len(true))[:60]
    trusted[some] = true[some]
    fitted = FeatureClassifier(method="panel", **SETTINGS).fit(points, given, trusted=trusted)
    table, evidence = fitted.audit_.table.set_index("id"), fitted.audit_.metrics["evidence"]
    assert set(evidence["opinions"]) == {"transition", "plain", "neighbours"}
    assert evidence["left_out"] >= evidence["pool_left_out"]
    assert (table.loc[some, "status"] == "decided").all()
    assert table.loc[some, "suggested_label"].tolist() == true[some].tolist()
    rest = np.setdiff1d(np.arange(len(true)), some)
    assert np.mean(table.loc[rest, "suggested_label"] == true[rest]) > 0.93
    new, right, _ = one_sided(seed=7)
    assert fitted.score(new, right) > 0.92


@pytest.mark.slow
def test_a_class_that_trusted_labels_alone_say_is_learnt():
    """A rule knows two of three classes; forty checked rows show the third."""
    points, true, _ = one_sided()
    given = np.where(true == "c", "a", true)
    trusted = np.full(len(true), None, dtype=object)
    some = np.random.default_rng(0).permutation(len(true))[:120]
    trusted[some] = true[some]
    fitted = FeatureClassifier(method="panel", **SETTINGS).fit(points, given, trusted=trusted)
    assert fitted.classes_.tolist() == ["a", "b", "c"]
    new, right, _ = one_sided(seed=7)
    assert fitted.score(new, right) > 0.85


@pytest.mark.parametrize(
    ("part", "revise_after", "t"),
    [
        (0.5, 0, 0),
        (0.5, 2, 0),
        (0.5, 2, 40),
        (0.3, 2, 40),
        (0.5, 3, 0),
        pytest.param(0.9, 0, 0, marks=pytest.mark.sweep),
    ],
)
def test_stopped_and_continued_is_as_never_stopped(part, revise_after, t, tmp_path):
    points, true, given = one_sided(300)
    trusted = [str(label) if row < t else None for row, label in enumerate(true)] if t else None
    data = make_dataset(points, given.tolist(), modality="features", trusted=trusted)
    options = {"revise_after": revise_after} if revise_after else {}
    config = RunConfig(method="panel", options=options, batch_size=16, **SETTINGS)
    steps = -(-300 // 16) * sum(stage.epochs for stage in METHODS["panel"].make().stages())
    whole, broken = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "broken")
    for folder in (whole, broken):
        folder.prepare(describe(config, data, {}), resume=False, overwrite=False)
    run(data, config, whole)
    with pytest.raises(KeyboardInterrupt):
        run(data, config, broken, interrupted=StopAfter(int(part * steps)))
    broken.prepare(describe(config, data, {}), resume=True, overwrite=False)
    run(data, config, broken, resume=True)
    for name in ("audit.parquet", "posterior.npy", "model/head.safetensors", "embeddings.npy"):
        assert (whole.path / name).read_bytes() == (broken.path / name).read_bytes(), name


@pytest.mark.slow
def test_the_guard_may_be_switched_off_and_balance_said(tmp_path):
    """Three quarters of two classes went to the first, which keeps two fifths of its rows: the guard doubts that."""
    points, true, given = one_sided(share=0.75)
    data = make_dataset(points, given.tolist(), modality="features")
    audits = {}
    for guard in (True, False):
        found = run(data, RunConfig(method="panel", options={"guard": guard}, **SETTINGS))
        audits[guard] = found.audit
    assert audits[True].metrics["evidence"]["held"] == 1
    assert audits[False].metrics["evidence"]["held"] == 0
    assert any("seem not to hold the classes" in note for note in audits[True].notes)
    assert not any("seem not to hold the classes" in note for note in audits[False].notes)
    right = {
        guard: np.mean(audit.table.set_index("id").loc[range(len(true)), "suggested_label"] == true)
        for guard, audit in audits.items()
    }
    assert right[False] > right[True] - 0.01


@pytest.mark.slow
def test_a_run_is_read_again(tmp_path):
    points, _, given = one_sided(200)
    data = make_dataset(points, given.tolist(), modality="features")
    folder = RunFolder(tmp_path / "run")
    config = RunConfig(method="panel", **SETTINGS)
    folder.prepare(describe(config, data, {}), resume=False, overwrite=False)
    run(data, config, folder)
    read = Run.open(tmp_path / "run")
    assert read.metrics["evidence"] == json.loads((tmp_path / "run" / "metrics.json").read_text())["evidence"]
    assert read.settings["method"] == "panel"
