"""Instance-dependent noise against the figures of the PTD recipe, and against integrals and loops done here."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from mislabel.noise import corrupt
from mislabel.noise import idn as noise_idn
from mislabel.noise.idn import flip_probabilities, truncated_mean, wrong_class_probabilities


def rng(seed=0):
    return np.random.default_rng(seed)


class TestFlipProbabilities:
    @pytest.mark.parametrize(("rate", "mean", "spread"), [(0.2, 0.2055, 0.094), (0.4, 0.4, 0.1), (0.5, 0.5, 0.1)])
    def test_figures_of_the_published_recipe(self, rate, mean, spread):
        q = flip_probabilities(rate, 200_000, rng(), center=False)
        assert abs(q.mean() - mean) < 4 * spread / np.sqrt(len(q)) + 5e-5  # the figure has four digits
        assert abs(q.std() - spread) < 1e-3
        assert q.min() >= 0
        assert q.max() <= 1

    @pytest.mark.parametrize("rate", [0.0005, 0.01, 0.05, 0.2, 0.5, 0.9, 0.999])
    def test_centred(self, rate):
        q = flip_probabilities(rate, 100_000, rng(), center=True)
        assert abs(q.mean() - rate) < 4 * q.std() / np.sqrt(len(q))
        assert q.std() > 0

    @pytest.mark.parametrize("rate", [0.0, 1e-9, 1.0])
    def test_at_the_ends_there_is_no_spread(self, rate):
        assert set(flip_probabilities(rate, 10, rng(), center=True)) == {rate}

    @pytest.mark.parametrize("mean", [-0.3, 0.0, 0.2, 0.5, 0.97, 1.2])
    def test_mean_against_an_integral(self, mean):
        density = norm(mean, 0.1).pdf
        near = [min(max(mean, 0.0), 1.0)]
        total, _ = quad(density, 0, 1, points=near)
        first, _ = quad(lambda x: x * density(x), 0, 1, points=near)
        assert truncated_mean(mean) == pytest.approx(first / total, rel=1e-7)

    def test_far_outside(self):
        """There the density is an exponential with the rate |mean| / sd²."""
        assert truncated_mean(-50.0) == pytest.approx(0.01 / 50, rel=1e-3)
        assert 1 - truncated_mean(51.0) == pytest.approx(0.01 / 50, rel=1e-3)


class TestTargets:
    @pytest.mark.parametrize(("classes", "expected"), [(4, 0.82), (10, 0.67), (20, 0.59)])
    def test_structured_yet_random_at_three(self, classes, expected):
        """The sheet's mean of the largest probability over the wrong classes, for standard normal features."""
        draw = rng(5)
        largest = []
        for _ in range(40):
            rows, projection = draw.standard_normal((200, 64)), draw.standard_normal((64, classes))
            largest.append(wrong_class_probabilities(rows, projection, 0, 3.0).max(axis=1).mean())
        assert abs(np.mean(largest) - expected) < 0.03

    def test_by_hand(self):
        """One feature, three classes: logits 2 * (1, 2, -1) * 3 / 1, without class 1."""
        found = wrong_class_probabilities(np.array([[2.0]]), np.array([[1.0, 2.0, -1.0]]), 1, 3.0)
        weights = np.exp([6.0, -6.0])
        assert found[0].tolist() == pytest.approx([weights[0] / weights.sum(), 0, weights[1] / weights.sum()])

    def test_raw_features_are_saturated(self):
        pixels = rng().integers(0, 256, (200, 3072)).astype(float)
        found = wrong_class_probabilities(pixels, rng(1).standard_normal((3072, 10)), 3, None)
        assert found.max(axis=1).mean() > 0.999
        assert np.isfinite(found).all()
        assert (found[:, 3] == 0).all()


def data(size=20_000, classes=4, width=16, seed=2):
    draw = rng(seed)
    return draw.integers(0, classes, size), draw.standard_normal((size, width))


class TestCorrupt:
    @pytest.mark.parametrize(("center", "rate", "expected"), [(True, 0.2, 0.2), (False, 0.2, 0.2055), (True, 0.4, 0.4)])
    def test_rate(self, center, rate, expected):
        y, x = data()
        done = corrupt(y, "idn", rate, 4, rng(3), features=x, center=center)
        assert abs(done.realised_rate - expected) < 4 * np.sqrt(expected * (1 - expected) / len(y))

    def test_rows_with_a_higher_q_flip_more_often(self, monkeypatch):
        y, x = data()
        seen = {}

        def record(*arguments, **settings):
            seen["q"] = flip_probabilities(*arguments, **settings)
            return seen["q"]

        monkeypatch.setattr(noise_idn, "flip_probabilities", record)
        for exact in (False, True):
            done = corrupt(y, "idn", 0.4, 4, rng(3), features=x, exact=exact)
            assert np.corrcoef(seen["q"], done.flipped)[0, 1] > 0.1

    def test_against_the_recipe_written_as_a_loop(self):
        """The same numbers from the generator, used row by row as the paper says."""
        y, x = data(size=300, width=5)
        y[0] = -1
        done = corrupt(y, "idn", 0.5, 4, rng(9), features=x)
        draw = rng(9)
        known = np.flatnonzero(y >= 0)
        q = flip_probabilities(0.5, len(known), draw, True)
        flips, targets = draw.random(len(known)) < q, draw.random(len(known))
        projections = [draw.standard_normal((5, 4)) for _ in range(4)]
        rows = x[known]
        z = (rows - rows.mean(axis=0)) / rows.std(axis=0)
        expected = y.copy()
        for place, row in enumerate(known):
            if not flips[place]:
                continue
            logits = [float(z[place] @ projections[y[row]][:, k]) * 3 / np.sqrt(5) for k in range(4)]
            wrong = [k for k in range(4) if k != y[row]]
            weights = np.exp([logits[k] for k in wrong])
            expected[row] = wrong[
                int(np.searchsorted(np.cumsum(weights / weights.sum()), targets[place], side="right"))
            ]
        assert np.array_equal(done.codes, expected)

    def test_chunks_change_nothing(self, monkeypatch):
        y, x = data(size=500)
        whole = corrupt(y, "idn", 0.5, 4, rng(), features=x).codes
        monkeypatch.setattr(noise_idn, "_CHUNK", 100)
        assert np.array_equal(corrupt(y, "idn", 0.5, 4, rng(), features=x).codes, whole)

    def test_scale_and_shift_of_features_change_nothing(self):
        y, x = data(size=500)
        moved = x * np.logspace(-3, 3, x.shape[1]) + 100
        first = corrupt(y, "idn", 0.5, 4, rng(), features=x).codes
        assert (corrupt(y, "idn", 0.5, 4, rng(), features=moved).codes == first).mean() > 0.99

    def test_constant_features(self):
        """They say nothing, so each wrong class is as likely as another."""
        y, _ = data()
        done = corrupt(y, "idn", 1.0, 4, rng(), features=np.ones((len(y), 3)))
        shares = np.bincount((done.codes - y) % 4, minlength=4)[1:] / len(y)
        assert np.abs(shares - 1 / 3).max() < 4 * np.sqrt(2 / 9 / len(y))

    def test_similar_rows_get_similar_wrong_labels(self):
        """Rows in tight groups: within a group the wrong label agrees far more often than by chance."""
        draw = rng(4)
        group = np.repeat(np.arange(50), 40)
        x = draw.standard_normal((50, 16))[group] + 0.01 * draw.standard_normal((2000, 16))
        done = corrupt(np.zeros(2000, dtype=int), "idn", 0.5, 10, rng(), features=x)
        agree = []
        for own in range(50):
            wrong = done.codes[(group == own) & done.flipped]
            agree.append(np.bincount(wrong).max() / len(wrong))
        assert np.mean(agree) > 0.5  # by chance about 0.2

    def test_raw_targets_are_a_function_of_features_and_class(self):
        """Copies of a row that are flipped all get the same wrong label, as in the published code."""
        draw = rng(6)
        x = np.tile(draw.integers(0, 30_000, (20, 128)).astype(float), (50, 1))
        y = np.tile(np.arange(20) % 4, 50)
        done = corrupt(y, "idn", 0.5, 4, rng(), features=x, compat="raw")
        for own in range(20):
            wrong = done.codes[own::20][done.flipped[own::20]]
            assert len(set(wrong)) == 1

    def test_convention_is_said(self):
        y, x = data(size=50)
        assert corrupt(y, "idn", 0.2, 4, rng(), features=x).convention == (
            "ptd, standardised features, temperature 3, centred"
        )
        raw = corrupt(y, "idn", 0.2, 4, rng(), features=x, compat="raw", center=False)
        assert raw.convention == "ptd, raw features, uncentred"
