"""OSA: weights by hand, prototypes by loops, and what a run makes of both."""

from dataclasses import replace

import numpy as np
import pytest

from mislabel import ImageClassifier, InputError
from mislabel.data.class_meanings import Meanings
from mislabel.methods.osa import OSA, weight_of
from mislabel.modalities.dataset import make_dataset
from mislabel.posterior.prototypes import prototype_similarity
from mislabel.run.evidence import nearness
from mislabel.run.preparation import prepare
from mislabel.run.settings import RunConfig
from mislabel.run.train_and_judge import run
from mislabel.training.balance import row_weights
from mislabel.training.progress import Quiet

SETTINGS = {"device": "cpu", "precision": "fp32", "batch_size": 16, "learning_rate": 0.01}
ROWS = 300


def clouds(trusted=()):
    """Three clouds, 30 % of whose labels are another class at random; the data set, true labels and which are wrong."""
    random = np.random.default_rng(0)
    true = random.integers(0, 3, ROWS)
    points = np.eye(3, 6)[true] * 3 + random.normal(size=(ROWS, 6))
    wrong = random.random(ROWS) < 0.3
    given = np.where(wrong, (true + random.integers(1, 3, ROWS)) % 3, true)
    checked = np.full(ROWS, None, dtype=object)
    checked[list(trusted)] = true[list(trusted)]
    columns = {"trusted": checked} if len(trusted) else {}
    return make_dataset(points, given, modality="features", ids=np.arange(ROWS), **columns), true, wrong


def job_of(data):
    return prepare(data, RunConfig(method="osa", **SETTINGS), None, Quiet())


def test_weights_by_hand():
    """With beta = .2, and where the weight is largest; the nearest rows weigh no less."""
    np.testing.assert_allclose(weight_of(np.array([0.1, 0.3, 0.5, 0.8]) - 0.2), [0, 0.009, 0.063, 0.144], atol=1e-12)
    np.testing.assert_allclose(weight_of(np.array([2 / 3, 0.9, 1.0, 1.7])), 4 / 27)
    assert weight_of(np.array([-np.inf, -0.5, 0.0])).tolist() == [0, 0, 0]
    assert (np.diff(weight_of(np.linspace(-1, 2, 200))) >= 0).all()


def test_the_mean_is_one_and_no_class_vanishes():
    """Class 0 has near rows and far ones; those of class 1 are all far; of class 2 nothing is known."""
    near = np.array([[0.3, 0, -np.inf], [0.6, 0, -np.inf], [-0.1, 0, -np.inf], [0.5, -0.2, -np.inf], [0.5, 0, -np.inf]])
    found = OSA().row_worth(near, np.array([0, 0, 0, 1, 2]))
    mean = (0.063 + 0.144) / 3
    np.testing.assert_allclose(found, [0.063 / mean, 0.144 / mean, 0, 1, 1])
    assert OSA().row_worth(near[:, 2:], np.zeros(5, dtype=np.int64)).tolist() == [1] * 5


@pytest.mark.parametrize("alike", [False, True])
def test_prototypes_by_loops(alike):
    random = np.random.default_rng(0)
    points, given = random.normal(size=(12, 4)) + 1, np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 4])
    points[0] = 0  # has no direction
    if alike:
        points[:] = points[1]
    unit = [point / np.linalg.norm(point) if point.any() else point for point in points]
    wanted = np.full((12, 5), -np.inf)
    for label in (0, 1):
        for row in range(12):
            mean = sum(unit[other] for other in range(12) if given[other] == label and other != row)
            wanted[row, label] = unit[row] @ mean / np.linalg.norm(mean)
        wanted[:, label] -= wanted[:, label].mean()
    np.testing.assert_allclose(prototype_similarity(points, given, 5), wanted, atol=1e-9)
    shuffled = random.permutation(12)
    again = prototype_similarity(points[shuffled], given[shuffled], 5)
    np.testing.assert_allclose(again, wanted[shuffled], atol=1e-9)


def test_what_cancels_has_no_direction():
    """Of two opposite rows and a third the third's prototype is nothing: a cosine of 0, not of rounding errors."""
    points = np.array([[1, 0], [-1, 0], [0, 1], [1, 1]]) * 1e20
    found = prototype_similarity(points, np.array([0, 0, 0, 1]), 2)
    own = [-np.sqrt(0.5), -np.sqrt(0.5), 0, np.sqrt(0.5)]
    np.testing.assert_allclose(found[:, 0], np.array(own) - np.mean(own), atol=1e-9)


def test_worth_is_balanced_by_its_sums():
    """A class of four rows that are worth three, and one of a row that is worth two: each counts half of all five."""
    worth, target = np.array([0.5, 1.5, 0.25, 0.75, 2.0]), np.array([0, 0, 0, 0, 1])
    np.testing.assert_allclose(row_weights(target, "none", worth=worth), worth)
    found = row_weights(target, "classes", worth=worth)
    np.testing.assert_allclose([found[:4].sum(), found[4]], 2.5, rtol=1e-6)
    np.testing.assert_allclose(found[:4], worth[:4] * 2.5 / 3, rtol=1e-6)


def test_wrong_labels_weigh_little_before_training():
    data, _, wrong = clouds()
    job = job_of(data)
    wrong = wrong[data.ids[job.trained]]
    assert job.evidence is None
    assert job.worth.mean() == pytest.approx(1)
    assert job.worth[wrong].mean() < 0.1 * job.worth[~wrong].mean()


def test_a_trusted_label_is_worth_what_a_usual_one_is():
    data, true, _ = clouds(trusted=range(0, 300, 5))
    job = job_of(data)
    trusted = data.ids[job.trained] % 5 == 0
    assert (job.worth[trusted] == 1).all()
    assert job.worth[~trusted].mean() == pytest.approx(1)
    np.testing.assert_array_equal(job.target[trusted], true[data.ids[job.trained[trusted]]])
    everywhere = job_of(clouds(trusted=range(300))[0])
    assert np.isfinite(everywhere.worth).all()


def test_sentences_are_asked_before_the_labels():
    """Two sentences of one class, one of another, none of the third; the labels do not matter then."""
    data, _, _ = clouds()
    job = job_of(data)
    said = np.random.default_rng(1).uniform(0, 0.6, (ROWS, 3)).astype(np.float32)
    ready = replace(job.ready, similarity=lambda sentences: said[:, : len(sentences)])
    found = nearness(ready, Meanings({0: ["a", "b"], 2: ["c"]}, "descriptions"), job.target)
    np.testing.assert_allclose(found[:, 2], said[:, 2] - said[:, 2].mean(), atol=1e-6)
    soft = 0.07 * np.log(np.exp(said[:, :2].astype(np.float64) / 0.07).sum(1))
    np.testing.assert_allclose(found[:, 0], soft - soft.mean(), atol=1e-6)
    assert (found[:, 1] == -np.inf).all()
    without = nearness(ready, Meanings({}, None), job.target)
    np.testing.assert_array_equal(without, prototype_similarity(ready.space(), job.target, 3))


@pytest.mark.slow
def test_wrong_labels_are_not_learnt_and_found():
    data, true, wrong = clouds()
    found = run(data, RunConfig(method="osa", options={"epochs": 8}, **SETTINGS))
    predicted = found.predictor.probabilities(data.inputs, device="cpu").argmax(1)
    assert np.mean(predicted == true) > 0.95
    p = found.audit.table.set_index("id").loc[np.arange(ROWS), "p_mislabeled"].to_numpy()
    assert p[wrong].mean() > p[~wrong].mean() + 0.4


@pytest.mark.slow
def test_random_weights_tell_nothing(make_images):
    pixels, frame = make_images(20)
    with pytest.raises(InputError, match="--method osa learns from what is known of images before training"):
        ImageClassifier(method="osa", scratch="resnet-small", resolution=16).fit(pixels, frame["label"])
