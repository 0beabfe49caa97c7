"""The estimates against exact enumeration, hand counts and simulated reviews."""

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import beta

from mislabel.decisions.estimates import count_wrong, depths, precision_curve
from mislabel.decisions.limits import hypergeometric_limits
from mislabel.decisions.reviewed import RIGHT, UNDECIDED, UNSURE, WRONG, ReviewedRows, decided_beginning, reached_in
from mislabel.review.orders import mix_in

REVIEWS = 2000


def reviewed(*decided: tuple[int, int, bool], n: int) -> ReviewedRows:
    """What is known of n rows: (rank, what was found, whether as a probe), in the order of time."""
    found = ReviewedRows(np.full(n, UNDECIDED, dtype=np.int8), np.zeros(n, dtype=bool), np.zeros(n, dtype=np.int64))
    for time, (rank, state, probe) in enumerate(decided, 1):
        found.state[rank], found.probe[rank], found.when[rank] = state, probe, time
    return found


def reviewed_queue(queue: np.ndarray, probe: np.ndarray, wrong: np.ndarray) -> ReviewedRows:
    return reviewed(*zip(queue.tolist(), wrong[queue].astype(int).tolist(), probe.tolist(), strict=True), n=len(wrong))


@pytest.mark.parametrize("after", [3, 4, 5])
def test_the_estimate_is_exactly_right_on_average_over_all_orders_that_chance_can_give(after):
    wrong = np.array([1, 1, 0, 1, 0, 0], dtype=bool)
    estimates = []
    for drawn in permutations(range(6)):
        queue, probe = mix_in(np.arange(6), np.array(drawn), 0.5)
        found = count_wrong(reviewed_queue(queue[:after], probe[:after], wrong)).estimate
        if found is not None:
            estimates.append(found)
    assert len(estimates) > 300
    assert np.mean(estimates) == pytest.approx(3, abs=1e-12)


def simulated() -> np.ndarray:
    """Which of 400 rows are wrong, worst first by a p_mislabeled that is right."""
    stated = np.sort(np.random.default_rng(1).beta(0.3, 1.2, 400))[::-1]
    return np.random.default_rng(2).random(400) < stated


def check(estimates: list[float], low: list[float], high: list[float], truth: float) -> None:
    """The mean within three standard errors, and the interval right as often as it says."""
    mean_error = np.std(estimates) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates) - truth) < 3 * mean_error
    right = np.mean((np.array(low) <= truth) & (truth <= np.array(high)))
    assert right >= 0.95 - 3 * np.sqrt(0.05 * 0.95 / len(estimates))


@pytest.fixture(scope="module")
def worst_first() -> dict:
    """Reviews of 150 looks, worst first with 20 % probes: what is estimated after 60 and after 150 looks."""
    found = {"truth": {}, "after": {60: [], 150: []}, "naive": []}
    wrong = simulated()
    found["truth"] = {depth: int(wrong[:depth].sum()) for depth in (200, 400)}
    for review in range(REVIEWS):
        queue, probe = mix_in(np.arange(400), np.random.default_rng(1000 + review).permutation(400), 0.2)
        for after, kept in found["after"].items():
            one = reviewed_queue(queue[:after], probe[:after], wrong)
            kept.append(precision_curve(one, np.array([200, 400])))
        listed, drawn = queue[:150][~probe[:150]], queue[:150][probe[:150]]
        found["naive"].append(wrong[listed].sum() + (400 - len(listed)) * wrong[drawn].mean())
    return found


@pytest.mark.slow
@pytest.mark.parametrize("depth", [200, 400])
@pytest.mark.parametrize("after", [60, 150])
def test_unbiased_and_covering_while_a_list_is_worked_through_worst_first(worst_first, after, depth):
    place, truth = (200, 400).index(depth), worst_first["truth"][depth]
    found = [curve[place] for curve in worst_first["after"][after] if curve[place].estimate is not None]
    assert len(found) > 0.98 * REVIEWS
    check([one.estimate for one in found], [one.low for one in found], [one.high for one in found], truth)
    assert all(one.estimate == one.unbounded for one in found)
    assert all(one.wrong <= one.low <= one.estimate <= one.high <= depth - (one.decided - one.wrong) for one in found)


def test_counting_all_probes_alike_would_not_do(worst_first):
    naive, truth = worst_first["naive"], worst_first["truth"][400]
    assert np.mean(naive) - truth > 10 * np.std(naive) / np.sqrt(len(naive))


@pytest.mark.parametrize("share", [pytest.param(0.15, marks=pytest.mark.sweep), 0.4])
def test_unbiased_and_covering_whatever_a_person_does_in_between(share):
    """They jump about, and decide the whole surroundings of every row that turns out to be wrong, at one go."""
    wrong = simulated()
    found = []
    for review in range(REVIEWS):
        random = np.random.default_rng(5000 + review)
        drawn, open_rows, seen = random.permutation(400).tolist(), set(range(400)), []
        while len(seen) < 160:
            if random.random() < share:
                row = next(row for row in drawn if row in open_rows)
                chosen, probe = [row], True
            else:
                row = random.choice(sorted(open_rows)[:60])
                chosen, probe = [row], False
            if wrong[row]:
                chosen += [near for near in range(row - 3, row + 4) if near in open_rows and near != row]
            for place, one in enumerate(chosen):
                open_rows.discard(one)
                seen.append((one, int(wrong[one]), probe and not place))
        found.append(count_wrong(reviewed(*seen, n=400)))
    found = [one for one in found if one.estimate is not None]
    check([one.unbounded for one in found], [one.low for one in found], [one.high for one in found], wrong.sum())
    held = np.array([one.estimate for one in found])
    assert np.abs(held - wrong.sum()).mean() < np.abs(np.array([one.unbounded for one in found]) - wrong.sum()).mean()


@pytest.mark.slow
def test_unsure_rows_count_as_looked_at_and_not_as_called_wrong():
    wrong = simulated()
    told = np.random.default_rng(3).random(400) < np.where(wrong, 0.7, 0.95)
    states = np.where(told, wrong, UNSURE).astype(int)
    found = []
    for review in range(REVIEWS):
        queue, probe = mix_in(np.arange(400), np.random.default_rng(9000 + review).permutation(400), 0.3)
        seen = zip(queue[:120].tolist(), states[queue[:120]].tolist(), probe[:120].tolist(), strict=True)
        found.append(count_wrong(reviewed(*seen, n=400)))
    check([one.estimate for one in found], [one.low for one in found], [one.high for one in found],
          (wrong & told).sum())  # fmt: skip
    assert found[0].decided == 120
    assert found[0].unsure > 0


def test_by_hand_with_one_run_of_probes():
    # Two listed rows and a probe among them are known; of the 7 others, 2 probes were seen, one of them wrong.
    one = reviewed((0, WRONG, False), (1, WRONG, True), (2, RIGHT, False), (8, WRONG, True), (5, RIGHT, True), n=10)
    total = count_wrong(one)
    assert total.estimate == 2 + 7 * 1 / 2
    assert (total.decided, total.wrong, total.unsure, total.probes, total.probes_wrong) == (5, 3, 0, 2, 1)
    fewest, most = hypergeometric_limits(np.array([7]), np.array([2]), np.array([1]))
    assert (total.low, total.high) == (2 + fewest[0], 2 + most[0])
    # Of the first 6 rows, one of 3 beyond the known ones was a probe, and right.
    part = precision_curve(one, np.array([6]))[0]
    assert (part.estimate, part.probes, part.precision) == (2, 1, 2 / 6)


def test_by_hand_with_decisions_between_probes():
    # A probe when 10 rows were undecided, then two rows of the person's own choice, then a probe when 7 were.
    one = reviewed((9, WRONG, True), (4, WRONG, False), (6, RIGHT, False), (8, RIGHT, True), n=10)
    total = count_wrong(one)
    # 1 = W / 10 + (W - 2) / 7
    assert total.estimate == pytest.approx((1 + 2 / 7) / (1 / 10 + 1 / 7))
    high = beta.ppf(0.975, 2, 1)
    assert total.high == min(8, int((2 * high + 2 / 7) / (1 / 10 + 1 / 7)))
    assert total.low == 2  # what has been found


def test_without_probes_only_what_is_certain_is_said():
    one = reviewed((0, WRONG, False), (1, RIGHT, False), n=5)
    first, second, last = precision_curve(one, np.array([1, 2, 5]))
    assert (first.estimate, first.low, first.high) == (1, 1, 1)
    assert (second.estimate, second.precision_interval) == (1, (0.5, 0.5))
    assert (last.estimate, last.low, last.high, last.precision) == (None, 1, 4, None)
    nothing = count_wrong(reviewed(n=5))
    assert (nothing.estimate, nothing.low, nothing.high) == (None, 0, 5)


def test_everything_decided_is_exact():
    wrong = np.array([1, 0, 1, 1, 0, 0], dtype=bool)
    queue, probe = mix_in(np.arange(6), np.array([5, 3, 0, 1, 2, 4]), 0.5)
    for one in precision_curve(reviewed_queue(queue, probe, wrong), np.arange(1, 7)):
        assert one.estimate == one.low == one.high == wrong[: one.depth].sum()


def test_the_decided_beginning_is_told_exactly():
    one = reviewed((0, WRONG, False), (1, UNSURE, True), (2, RIGHT, False), (4, WRONG, True), n=6)
    found = decided_beginning(one)
    assert (found.depth, found.wrong, found.unsure) == (3, 1, 1)
    assert decided_beginning(reviewed((1, WRONG, False), n=3)).depth == 0
    assert decided_beginning(reviewed((0, WRONG, False), n=1)).depth == 1


def test_rows_worked_through_in_another_order_are_known_too():
    order = np.array([7, 3, 5, 1, 0, 2, 4, 6])
    one = reviewed((7, WRONG, False), (5, RIGHT, True), (6, WRONG, True), (3, WRONG, False), (1, RIGHT, False), n=8)
    reached = reached_in(order, one)
    assert np.flatnonzero(reached).tolist() == [1, 3, 5, 7]
    total = count_wrong(one, reached)
    assert (total.estimate, total.probes) == (2 + 4 * 1 / 1, 1)
    # A probe at the end of what was decided does not lengthen it: chance put it there.
    assert np.flatnonzero(reached_in(order, reviewed((7, WRONG, False), (3, RIGHT, True), n=8))).tolist() == [7]


def test_depths_end_with_all_rows():
    for n in (1, 2, 9, 10, 41, 4000, 1_000_000):
        found = depths(n)
        assert found[0] == min(n, 10)  # fewer rows say little
        assert found[-1] == n
        assert len(found) <= 40
        assert (np.diff(found) > 0).all()
