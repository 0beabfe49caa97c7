"""Detection scores by hand, by plain loops, and on planted noise."""

import itertools
import sys
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mislabel.dynamics.recorder import PassRecorder
from mislabel.dynamics.store import DynamicsStore, Pass
from mislabel.dynamics.trajectory import Shape, Trajectory
from mislabel.errors import InputError
from mislabel.posterior import confident_learning
from mislabel.posterior.detection import SCORES, Evidence, all_scores, find_score, make_evidence

OF_PASSES = [name for name, score in SCORES.items() if score.needs == "passes"]


@pytest.fixture
def small():
    """Four rows, four passes: learnt at once, learnt and forgotten, never learnt, never seen."""
    of_given = np.array(
        [[0.9, 0.6, 0.1, np.nan], [0.9, 0.3, 0.1, np.nan], [0.8, np.nan, 0.2, np.nan], [0.6, 0.7, 0.2, np.nan]]
    )
    prediction = np.array([[0, 1, 1, -1], [0, 0, 1, -1], [0, -1, 2, -1], [0, 1, 1, -1]])
    margin = np.array([[2.0, 1, -3, np.nan], [4, -1, -1, np.nan], [2, np.nan, -1, np.nan], [0, 3, -3, np.nan]])
    return Evidence(np.array([0, 1, 0, 2]), 3, prediction, -np.log(of_given), margin)


BY_HAND = {
    "wrong_events": [0, 1 / 3, 1],
    "last_loss": -np.log([0.6, 0.7, 0.2]),
    "mean_loss": -np.log([0.9 * 0.9 * 0.8 * 0.6, 0.6 * 0.3 * 0.7, 0.1 * 0.1 * 0.2 * 0.2]) / [4, 3, 4],
    "aum": [-2, -1, 2],
    "confidence": [-0.8, -1.6 / 3, -0.15],
    "variability": [np.sqrt(0.06 / 4), np.sqrt((4 + 49 + 25) / 9 / 300), 0.05],
    "correctness": [-1, -2 / 3, 0],
    "forgetting": [0, 1, 4],
}


@pytest.mark.parametrize("name", OF_PASSES)
def test_by_hand(name, small):
    np.testing.assert_allclose(SCORES[name].function(small), [*BY_HAND[name], np.nan], atol=1e-12)


@pytest.mark.parametrize("name", OF_PASSES)
def test_copies_of_a_row_get_the_same_score(name, small):
    twice = np.tile(np.arange(4), 2)
    copied = Evidence(small.given[twice], 3, small.prediction[:, twice], small.loss[:, twice], small.margin[:, twice])
    score = SCORES[name].function(copied)
    np.testing.assert_allclose(score, np.tile(SCORES[name].function(small), 2), atol=1e-12)


@st.composite
def looks(draw):
    """Predictions and probabilities of a few rows over a few passes; where one is missing, so is the other."""
    shape = draw(st.integers(0, 6)), draw(st.integers(1, 8))
    prediction = draw(arrays.arrays(np.int32, shape, elements=st.integers(-1, 2)))
    of_given = draw(arrays.arrays(np.float64, shape, elements=st.floats(0.001, 1)))
    margin = draw(arrays.arrays(np.float64, shape, elements=st.floats(-9, 9)))
    unseen = prediction < 0
    loss = np.where(unseen, np.nan, -np.log(of_given))
    given_labels = draw(arrays.arrays(np.int64, shape[1], elements=st.integers(0, 2)))
    view = draw(arrays.arrays(np.int64, shape[0], elements=st.integers(0, 1)))
    return Evidence(given_labels, 3, prediction, loss, np.where(unseen, np.nan, margin), view)


def by_loop(evidence, row):
    """Every score of one row from the list of its looks."""
    label = evidence.given[row]
    seen = [k for k in range(len(evidence.prediction)) if evidence.prediction[k, row] >= 0]
    if not seen:
        return dict.fromkeys(OF_PASSES, np.nan)
    losses = [evidence.loss[k, row] for k in seen]
    right = [bool(evidence.prediction[k, row] == label) for k in seen]
    weak = [one for one, k in zip(right, seen, strict=True) if evidence.view[k] == 0]
    changes = sum(before and not after for before, after in itertools.pairwise(weak))
    never = int((evidence.view == 0).sum())
    return {
        "wrong_events": 1 - np.mean(right),
        "last_loss": losses[-1],
        "mean_loss": np.mean(losses),
        "aum": -np.mean([evidence.margin[k, row] for k in seen]),
        "confidence": -np.mean(np.exp(np.negative(losses))),
        "variability": np.std(np.exp(np.negative(losses))),
        "correctness": -np.mean(right),
        "forgetting": (changes if any(weak) else never) if weak else np.nan,
    }


@given(looks())
def test_by_a_loop(evidence):
    found = {name: SCORES[name].function(evidence) for name in OF_PASSES}
    for row in range(len(evidence.given)):
        for name, wanted in by_loop(evidence, row).items():
            assert found[name].dtype == np.float64
            np.testing.assert_allclose(found[name][row], wanted, atol=1e-9, err_msg=name)
    learnt = SCORES["forgetting"].function(evidence)
    assert not (learnt > max(0, int((evidence.view == 0).sum()))).any()


def test_aum_is_of_the_logits():
    """Mean over the passes of the given label's logit less the largest other, from the logits themselves."""
    random = np.random.default_rng(0)
    logits, labels = random.normal(0, 3, (5, 7, 4)).astype(np.float32), random.integers(0, 4, 7)
    store, recorder = DynamicsStore([Pass("train", k, 0) for k in range(5)], 7), PassRecorder(1, 7, torch.device("cpu"))
    for number, one in enumerate(logits):
        recorder.record(torch.arange(7), torch.as_tensor(labels), torch.as_tensor(one)[None, None])
        store.write(number, recorder.finish()[0])
    margin = [
        np.mean([one[row, label] - np.delete(one[row], label).max() for one in logits])
        for row, label in enumerate(labels)
    ]
    found = SCORES["aum"].function(make_evidence(store, labels, 4))
    np.testing.assert_allclose(found, np.negative(margin), atol=1e-5)


def test_evidence_is_what_was_recorded_so_far():
    """Two of three passes are over; embeddings are from before training unless it is said otherwise."""
    store = DynamicsStore([Pass("train", k // 2, k % 2) for k in range(3)], 2)
    for number, code in enumerate((0, 1)):
        store.write(number, {"prediction": [code, 2], "loss": [0.5, code], "margin": [code, -1.0]})
    store.trajectory = Trajectory(Shape(1, 1, 1, 2, 3, 3))
    given, embeddings = np.array([0, 1]), np.ones((2, 3))
    found = make_evidence(store, given, 3, embeddings)
    assert found.given is given
    assert found.n_classes == 3
    assert found.prediction.tolist() == [[0, 2], [1, 2]]
    assert found.loss.tolist() == [[0.5, 0], [0.5, 1]]
    assert found.margin.tolist() == [[0, -1], [1, -1]]
    assert found.view.tolist() == [0, 1]
    assert found.trajectory is store.trajectory
    assert found.embeddings is embeddings
    assert found.learnt is False
    assert make_evidence(store, given, 3, learnt=True).learnt is True
    assert make_evidence(store, given, 3).embeddings is None


def spaces(rows=40, epochs=3, networks=2, seed=0):
    """Random trajectories, and evidence of nothing else."""
    random = np.random.default_rng(seed)
    trajectory = Trajectory(Shape(epochs, networks, networks, rows, 5, 3))
    for epoch in range(epochs):
        trajectory.write(epoch, random.normal(size=(networks, rows, 5)), np.zeros((networks, rows, 3)))
    none = np.empty((0, rows))
    return Evidence(random.integers(0, 3, rows), 3, none, none, none, trajectory=trajectory)


def relative_distance(points, labels, row):
    centres = [points[labels == label].mean(0) for label in range(3)]
    distance = [float(np.linalg.norm(points[row] - centre)) for centre in centres]
    return distance[labels[row]] - min(np.delete(distance, labels[row]))


def disagreement(points, labels, row):
    distance = np.linalg.norm(points - points[row], axis=1)
    distance[row] = np.inf
    near = np.argsort(distance)[:10]
    weight = 1 / distance[near]
    return 1 - weight[labels[near] == labels[row]].sum() / weight.sum()


def disagreement_beside_chance(points, labels, row):
    distance = np.linalg.norm(points - points[row], axis=1)
    distance[row] = np.inf
    near = np.argsort(distance)[:20]
    weight, share = 1 / (1 + distance[near]), np.mean(labels == labels[row])
    against = sum(w for w, label in zip(weight, labels[near], strict=True) if label != labels[row])
    return (against - (1 - share) * weight.sum()) / np.sqrt(share * (1 - share) * (weight**2).sum())


def off_direction(points, labels, row):
    first = np.linalg.svd(points[labels == labels[row]])[2][0]
    return -((points[row] @ first) ** 2)


@pytest.mark.parametrize("epochs", [1, 3])
@pytest.mark.parametrize("networks", [1, 2])
def test_scores_in_space_by_a_loop(epochs, networks):
    evidence = spaces(epochs=epochs, networks=networks)
    at = lambda epoch, network: evidence.trajectory.embedding(epoch, network).astype(np.float64)
    labels, last = evidence.given, epochs - 1
    centroid, near = SCORES["centroid"].function(evidence), SCORES["neighbours"].function(evidence)
    cut, fine = SCORES["cut"].function(evidence), SCORES["fine"].function(evidence)
    for row in range(len(labels)):
        each = [relative_distance(at(e, k), labels, row) for e in range(epochs) for k in range(networks)]
        assert centroid[row] == pytest.approx(np.mean(each), abs=1e-6)
        asked = [disagreement(at(last, k), labels, row) for k in range(networks)]
        assert near[row] == pytest.approx(np.mean(asked), abs=1e-5)
        for found, by_hand in ((cut, disagreement_beside_chance), (fine, off_direction)):
            wanted = np.mean([by_hand(at(last, k), labels, row) for k in range(networks)])
            assert found[row] == pytest.approx(wanted, abs=1e-5)


def test_embeddings_stand_in_for_a_trajectory():
    one = spaces(epochs=1, networks=1)
    embeddings = one.trajectory.embedding(0, 0).astype(np.float32)
    none = np.empty((0, 40))
    other = Evidence(one.given, 3, none, none, none, embeddings=embeddings)
    for name in ("centroid", "neighbours", "cut", "fine"):
        np.testing.assert_allclose(SCORES[name].function(other), SCORES[name].function(one), atol=1e-5)


@pytest.mark.parametrize("name", ["centroid", "neighbours", "cut", "fine", "confident_learning"])
def test_without_embeddings_the_message_says_what_is_needed(name, small):
    with pytest.raises(InputError, match=f"score {name} needs embeddings.*--tune head"):
        SCORES[name].function(small)
    assert set(all_scores(small)) == set(OF_PASSES)


@pytest.fixture(scope="module")
def blobs():
    """Embeddings (200, 4) about three centres, given labels a quarter wrong."""
    random = np.random.default_rng(0)
    gold = random.integers(0, 3, 200)
    labels = np.where(random.random(200) < 0.25, (gold + random.integers(1, 3, 200)) % 3, gold)
    return (3 * np.eye(3, 4)[gold] + random.normal(size=(200, 4))).astype(np.float32), labels, gold


def test_confident_learning_is_cleanlab_on_out_of_sample_probabilities(blobs):
    rank = pytest.importorskip("cleanlab.rank", reason="cleanlab (extra `bench`) is not installed")
    embeddings, labels, gold = blobs
    none = np.empty((0, 200))
    found = SCORES["confident_learning"].function(Evidence(labels, 3, none, none, none, embeddings=embeddings))
    folds, fits = StratifiedKFold(5, shuffle=True, random_state=0), []
    for strength in confident_learning.STRENGTHS:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1000))
        fits.append(cross_val_predict(model, embeddings, labels, cv=folds, method="predict_proba"))
    first = next(folds.split(embeddings, labels))[1]
    likely = [np.log(one[first, labels[first]]).sum() for one in fits]
    wanted = 1 - rank.get_label_quality_scores(labels, fits[int(np.argmax(likely))])  # its default: self-confidence
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    assert roc_auc_score(labels != gold, found) > 0.9


def test_embeddings_that_learnt_the_labels_are_refused(blobs):
    none = np.empty((0, 200))
    seen = Evidence(blobs[1], 3, none, none, none, embeddings=blobs[0], learnt=True)
    with pytest.raises(InputError, match="no given label has shaped"):
        SCORES["confident_learning"].function(seen)


def test_without_cleanlab_the_message_says_how_to_install_it(blobs, monkeypatch):
    monkeypatch.setitem(sys.modules, "cleanlab", None)
    monkeypatch.setattr(confident_learning, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'pip install "mislabel\[bench\]"'):
        confident_learning.label_errors(blobs[0], blobs[1], 3)


@pytest.mark.parametrize("labels", [[0] * 30 + [1] * 30 + [2], [0, 0, 1, 1], [0, 0, 0, 1], [0, 1, 2, 0, 1, 2, 4]])
def test_classes_with_fewer_rows_than_folds(labels):
    random, labels = np.random.default_rng(0), np.array(labels)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = confident_learning.out_of_sample(random.normal(size=(len(labels), 3)), labels, 5)
    np.testing.assert_allclose(found.sum(1), 1)
    alone = np.flatnonzero(np.bincount(labels)[labels] == 1)
    np.testing.assert_array_equal(found[alone, labels[alone]], 0)  # no other row could have told of its class


def test_names():
    assert find_score("aum") is SCORES["aum"]
    with pytest.raises(InputError, match="""score 'aun' is not known .did you mean "aum\""""):
        find_score("aun")
    with pytest.raises(InputError, match="choose one of wrong_events, last_loss"):
        find_score("zzz")
