"""What a judge gains from answers, before any training: on runs whose posterior is worth nothing, or all."""

from types import SimpleNamespace

import numpy as np
import pytest

from mislabel.run.judge_preview import FEWEST, FEWEST_TWICE, Opinions, gain_of, gather_opinions
from mislabel.run.trust_looks import Answers

K, N = 3, 400


@pytest.fixture(scope="module")
def blobs():
    """Classes far apart, and given labels that call half of class 2 a 0."""
    random = np.random.default_rng(0)
    gold = random.integers(K, size=N)
    points = np.eye(K, 8)[gold] * 4 + random.standard_normal((N, 8))
    given = np.where((gold == 2) & (random.random(N) < 0.5), 0, gold)
    return SimpleNamespace(gold=gold, points=points.astype(np.float32), given=given)


def known(blobs, of_run):
    return Opinions(np.arange(N) * 2, [of_run, np.full((N, K), 1 / K)], blobs.points, blobs.given)


def answers(blobs, chosen, weights=None):
    return Answers(2 * chosen, blobs.gold[chosen], np.ones(len(chosen)) if weights is None else weights)


def test_a_judge_sees_where_the_run_is_wrong(blobs):
    """The run turns classes 0 and 1 round, which is wrong for all their rows."""
    of_run = np.eye(K)[np.array([1, 0, 2])[blobs.gold]] * 0.9 + 0.1 / K
    chosen = np.random.default_rng(1).permutation(N)[:60]
    gain = gain_of(known(blobs, of_run), answers(blobs, chosen))
    assert gain is not None
    assert gain.answers == 60
    assert gain.run == pytest.approx((blobs.gold[chosen] == 2).mean())
    assert gain.judge > 0.9


def test_a_run_that_is_right_is_believed(blobs):
    of_run = np.eye(K)[blobs.gold] * 0.9 + 0.1 / K
    gain = gain_of(known(blobs, of_run), answers(blobs, np.arange(40)))
    assert gain is not None
    assert (gain.run, gain.judge) == (1, 1)


def test_what_more_answers_bring_is_read_off_the_last_doubling(blobs, monkeypatch):
    """A judge put in its place that names a row rightly as soon as it is told of thirty: half of 60 are too few."""
    import mislabel.run.judge_preview as room

    def simple(opinions, points, given, trusted, start, seed):
        right = np.empty(len(given), dtype=np.int64)
        right[: len(labels)] = labels
        right[len(labels) :] = 0
        said = right if len(trusted.rows) >= 30 else (right + 1) % K
        return SimpleNamespace(posterior=np.eye(K)[said])

    chosen = np.random.default_rng(1).permutation(N)[:60]
    labels = blobs.gold[np.sort(chosen)]
    monkeypatch.setattr(room, "judge", simple)
    gain = gain_of(known(blobs, np.full((N, K), 1 / K)), answers(blobs, np.sort(chosen)))
    assert gain is not None
    assert (gain.judge, gain.more.before, gain.more.after) == (1, 24, 48)
    step = np.log(110 / 60) / np.log(2)
    assert gain.more.number == pytest.approx(step)
    assert 0.9 * step < gain.more.low < gain.more.number
    few = answers(blobs, np.arange(FEWEST_TWICE - 1))
    assert gain_of(known(blobs, np.full((N, K), 1 / K)), few).more is None


def test_where_nothing_is_learnt_more_is_nothing_for_sure(blobs):
    of_run = np.eye(K)[blobs.gold] * 0.9 + 0.1 / K
    more = gain_of(known(blobs, of_run), answers(blobs, np.arange(60))).more
    assert more.number == 0
    assert -0.1 < more.low < 0 < more.high < 0.1
    many = gain_of(known(blobs, of_run), answers(blobs, np.arange(300))).more
    assert many.high < more.high / 4


def test_shares_are_weighted(blobs):
    of_run = np.eye(K)[np.zeros(N, dtype=np.int64)] * 0.9 + 0.1 / K
    chosen = np.arange(50)
    weights = np.where(blobs.gold[chosen] == 0, 3.0, 1.0)
    gain = gain_of(known(blobs, of_run), answers(blobs, chosen, weights))
    assert gain is not None
    assert gain.run == pytest.approx(weights[blobs.gold[chosen] == 0].sum() / weights.sum())


def test_no_answer_hears_of_itself(blobs):
    """Labels by a coin: whoever were told them would name them."""
    coin = np.random.default_rng(3).integers(K, size=N)
    found = Answers(2 * np.arange(90), coin[:90], np.ones(90))
    gain = gain_of(known(blobs, np.full((N, K), 1 / K)), found)
    assert gain is not None
    assert gain.judge < 0.55


def test_few_labels_say_nothing(blobs):
    few = answers(blobs, np.arange(FEWEST))
    assert gain_of(known(blobs, np.full((N, K), 1 / K)), few) is not None
    few.codes[0] = -1  # fits no class
    assert gain_of(known(blobs, np.full((N, K), 1 / K)), few) is None
    foreign = Answers(2 * np.arange(FEWEST) + 1, np.zeros(FEWEST, dtype=np.int64), np.ones(FEWEST))
    assert gain_of(known(blobs, np.full((N, K), 1 / K)), foreign) is None


def fake_run(blobs, tune="head", keeps=True):
    """A run whose rows stand in its files in another order than in its audit."""
    place = np.random.default_rng(2).permutation(N)
    files = {"embeddings": np.empty_like(blobs.points), "posterior": np.empty((N, K), dtype=np.float32)}
    files["embeddings"][place] = blobs.points
    files["posterior"][place] = np.eye(K)[blobs.given]
    rows = SimpleNamespace(
        judged=np.arange(N) % 10 != 9, labels={"given_label": blobs.given.astype(np.int32)}, position=place
    )
    return SimpleNamespace(
        rows=rows, settings={"tune": tune}, matrix=lambda name: files[name] if keeps else None,
        folder=SimpleNamespace(posterior="posterior", embeddings="embeddings"),
    )  # fmt: skip


def test_opinions_are_of_the_rows_they_name(blobs, monkeypatch):
    monkeypatch.setattr("mislabel.run.judge_preview.MOST_ROWS", 300)
    wanted = np.array([7, 17, 3])
    found = gather_opinions(fake_run(blobs), wanted)
    assert found is not None
    assert (np.diff(found.rows) > 0).all()
    assert set(wanted) <= set(found.rows)
    assert (found.rows % 10 != 9).all()
    assert 300 <= len(found.rows) <= 303
    assert (found.opinions[0].argmax(1) == blobs.given[found.rows]).all()
    assert found.given.tolist() == blobs.given[found.rows].tolist()
    for opinion in found.opinions:
        assert opinion.shape == (len(found.rows), K)
        assert opinion.sum(1) == pytest.approx(np.ones(len(found.rows)), abs=1e-4)
    gold = blobs.gold[found.rows]
    means = np.stack([found.points[gold == code].mean(0) for code in range(K)])
    nearest = np.square(found.points[:, None] - means).sum(2).argmin(1)
    assert (nearest == gold).mean() > 0.95
    transition = found.opinions[1].argmax(1) == blobs.gold[found.rows]
    assert transition.mean() > 0.95 > (found.given == blobs.gold[found.rows]).mean()


def test_a_space_that_learnt_the_labels_tells_nothing(blobs):
    assert gather_opinions(fake_run(blobs, tune="full"), np.array([1])) is None
    assert gather_opinions(fake_run(blobs, keeps=False), np.array([1])) is None
