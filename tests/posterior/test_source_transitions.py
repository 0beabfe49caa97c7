"""One transition a source: the step that reads votes in plain loops, and what must not matter."""

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from scipy.special import softmax

from mislabel.posterior.balanced_transition import TEMPERATURE, balanced, balanced_transition, given_classifier
from mislabel.posterior.frozen_space import fitted, frozen_space
from mislabel.posterior.ridge import Space, leave_one_out
from mislabel.posterior.source_transitions import Votes, sources_transition

PEOPLE, RULES = 2, 3


def voted(seed=0, n=40, classes=3):
    """Clouds, their classes, two people who err and abstain, and three rules of which two say the same class."""
    random = np.random.default_rng(seed)
    true = np.arange(n) % classes
    points = random.normal(0, 2, (classes, 3))[true] + random.normal(size=(n, 3))
    people = np.where(random.random((n, PEOPLE)) < 0.3, random.integers(0, classes, (n, PEOPLE)), true[:, None])
    people[random.random((n, PEOPLE)) < 0.2] = -1
    fires = random.random((n, RULES)) < 0.1 + 0.5 * (true[:, None] == [0, 0, 1])
    rules = np.where(fires, [0, 0, 1], -1)
    space = Space((points / np.sqrt(points.var(0).sum())).astype(np.float32))
    start = softmax(8 * given_classifier(space, true, classes, 1.0, 1.0), axis=1)
    return space, true, votes_of(np.hstack([people, rules]), np.arange(PEOPLE + RULES) >= PEOPLE), start


def votes_of(codes, rules):
    """Without models."""
    return Votes(codes, rules, np.zeros(len(rules), dtype=bool))


def read_by_loops(p, votes, held, tables):
    """q from P, in the module's own words, cell by cell; `tables` are those of the people in the round before."""
    n, classes = p.shape
    people = [s for s in range(votes.codes.shape[1]) if not votes.rules[s]]
    parts = {s: parts_of(votes, s, classes) for s in people}
    rules = [s for s in range(votes.codes.shape[1]) if votes.rules[s]]
    ratios = {s: rule_table(p, votes, s, held) for s in rules}

    def posterior(i, heard, known):
        logs = []
        for k in range(classes):
            fired = [ratios[s][k] for s in rules if votes.codes[i, s] >= 0]
            said = [w * np.log(known[s][k][c]) for s in heard for c, w in enumerate(parts[s][i]) if w]
            logs.append(np.log(p[i, k]) + sum(said) + (np.mean(fired) if fired else 0))
        return softmax(logs)

    new = {}
    for s in people:
        others = [other for other in people if other != s] if tables else []
        seen = np.array([posterior(i, others, tables) for i in range(n)])
        new[s] = person_table(seen, parts[s], held)
    return np.array([posterior(i, people, new) for i in range(n)]), new


def parts_of(votes, source, classes):
    """How much of what a source says of each row is which class: all of one, or shares."""
    if source in votes.shares:
        return votes.shares[source].tolist()
    return [[float(code == c) for c in range(classes)] for code in votes.codes[:, source]]


def person_table(p, parts, held):
    classes = p.shape[1]
    table = [[sum(p[i, k] * parts[i][c] for i in range(len(p))) for c in range(classes)] for k in range(classes)]
    for k in range(classes):
        table[k] = [count + 0.5 + 2 * (k == c) for c, count in enumerate(table[k])]
        table[k][k] += held * sum(table[k])
        table[k] = [count / sum(table[k]) for count in table[k]]
    return table


def rule_table(p, votes, rule, held):
    """log R of one rule."""
    n, classes = p.shape
    codes = votes.codes
    own = max(codes[:, rule])
    alike = [s for s in range(codes.shape[1]) if votes.rules[s] and max(codes[:, s]) == own]
    average = [sum(p[i, k] for s in alike for i in range(n) if codes[i, s] >= 0) for k in range(classes)]
    average = [count + 0.5 + 2 * (k == own) for k, count in enumerate(average)]
    counts = [sum(p[i, k] for i in range(n) if codes[i, rule] >= 0) for k in range(classes)]
    counts = [count + 20 * mean / sum(average) for count, mean in zip(counts, average, strict=True)]
    counts[own] += held * sum(counts)
    ratios = [count / (sum(p[i, k] for i in range(n)) + 0.5) for k, count in enumerate(counts)]
    return [np.log(ratio / sum(ratios)) for ratio in ratios]


@pytest.mark.parametrize("held", [0.0, 1.0])
@pytest.mark.parametrize("soft", [False, True])
def test_rounds_are_those_of_the_words(held, soft):
    space, _, votes, start = voted()
    if soft:
        random = np.random.default_rng(2)
        shares = random.dirichlet(np.ones(3), len(space)) * (random.random((len(space), 1)) < 0.8)
        codes = votes.codes.copy()
        codes[:, 0] = np.where(shares.any(1), shares.argmax(1), -1)
        votes = Votes(codes, votes.rules, votes.models, {0: shares})
    p, tables = start, {}
    for _ in range(3):
        q, tables = read_by_loops(p, votes, held, tables)
        p = softmax(8 * leave_one_out(space, q, balanced(q, 1.0), 1.0), axis=1)
    found = sources_transition(space, votes, 3, start, held=held, rounds=3)
    np.testing.assert_allclose(found.posterior, q, atol=1e-9)
    np.testing.assert_allclose(found.classifier, p, atol=1e-9)


@pytest.mark.parametrize("held", [0.0, 1.0])
def test_where_there_are_votes_they_are_read_in_place_of_labels(held):
    space, true, votes, start = voted()
    for heard, wanted in (
        (votes, sources_transition(space, votes, 3, start, held=held)),
        (None, balanced_transition(space, true, 3, start=start, held=held)),
    ):
        found = fitted(space, true, heard, 3, start, held, TEMPERATURE)
        np.testing.assert_array_equal(found.posterior, wanted.posterior)
        np.testing.assert_array_equal(found.classifier, wanted.classifier)


@pytest.mark.parametrize("held", [0.0, 1.0])
def test_one_person_who_says_all_is_one_label_a_row(held):
    space, true, _, start = voted(n=60)
    given = np.where(np.random.default_rng(1).random(60) < 0.3, 0, true)
    alone = balanced_transition(space, given, 3, held=held, start=start)
    found = sources_transition(space, votes_of(given[:, None], np.array([False])), 3, start, held=held)
    np.testing.assert_allclose(found.posterior, alone.posterior, atol=1e-9)
    np.testing.assert_allclose(found.classifier, alone.classifier, atol=1e-9)


@settings(max_examples=15, deadline=None)
@drawn(seed=st.integers(0, 1000), order=st.permutations(range(PEOPLE + RULES)), again=st.integers(0, 4))
def test_order_repetition_and_silence_change_nothing(seed, order, again):
    space, _, votes, start = voted(seed)
    silent = np.full((len(space), 1), -1)
    changed = np.hstack([votes.codes[:, order], votes.codes[:, [again]], silent])
    rules = np.array([*votes.rules[order], votes.rules[again], False])
    before = sources_transition(space, votes, 3, start, rounds=3)
    after = sources_transition(space, votes_of(changed, rules), 3, start, rounds=3)
    np.testing.assert_array_equal(after.posterior, before.posterior)
    np.testing.assert_array_equal(after.classifier, before.classifier)


def test_shares_of_one_class_are_labels():
    space, _, votes, start = voted()
    soft = {1: np.vstack([np.eye(3), np.zeros(3)])[votes.codes[:, 1]]}
    hard = sources_transition(space, votes, 3, start)
    found = sources_transition(space, Votes(votes.codes, votes.rules, votes.models, soft), 3, start)
    np.testing.assert_allclose(found.posterior, hard.posterior, atol=1e-9)
    model = np.array([False, True, *[False] * RULES])  # read late
    hard = sources_transition(space, Votes(votes.codes, votes.rules, model), 3, start)
    found = sources_transition(space, Votes(votes.codes, votes.rules, model, soft), 3, start)
    np.testing.assert_allclose(found.posterior, hard.posterior, atol=1e-9)


def test_soft_labels_that_repeat_or_say_nothing_change_nothing():
    space, _, votes, start = voted()
    shares = np.random.default_rng(1).dirichlet(np.ones(3), len(space))
    codes = np.column_stack([votes.codes, shares.argmax(1)])
    rules, nobody = np.append(votes.rules, False), np.zeros(len(votes.rules) + 1, dtype=bool)
    once = Votes(codes, rules, nobody, {5: shares})
    more = Votes(
        np.column_stack([np.full(len(space), -1), codes, codes[:, 5]]),
        np.array([False, *rules, False]),
        np.zeros(8, dtype=bool),
        {0: np.zeros_like(shares), 6: shares, 7: shares},
    )
    before, after = (sources_transition(space, each, 3, start, rounds=3) for each in (once, more))
    np.testing.assert_array_equal(after.posterior, before.posterior)
    assert np.abs(before.posterior - sources_transition(space, votes, 3, start, rounds=3).posterior).max() > 0.01


def test_a_row_without_votes_is_what_the_classifier_says():
    space, _, votes, start = voted()
    votes.codes[:5] = -1
    found = sources_transition(space, votes, 3, start, rounds=1)
    np.testing.assert_allclose(found.posterior[:5], start[:5], atol=1e-12)
    nobody = sources_transition(space, votes_of(np.full((len(space), 2), -1), np.zeros(2, bool)), 3, start, rounds=1)
    np.testing.assert_allclose(nobody.posterior, start, atol=1e-12)


def test_a_rule_says_one_class():
    space, _, votes, start = voted()
    with pytest.raises(ValueError, match="several"):
        sources_transition(space, votes_of(votes.codes, np.ones(5, bool)), 3, start)


@pytest.mark.slow
def test_three_people_are_better_than_their_majority():
    random = np.random.default_rng(3)
    true = np.arange(600) % 3
    points = np.eye(3)[true] * 2 + random.normal(size=(600, 3))
    pulls = [0, 1, 2]  # each calls a third of the others' rows by one class
    codes = np.column_stack([np.where(random.random(600) < 0.4, pull, true) for pull in pulls])
    majority = np.array([np.bincount(row, minlength=3).argmax() for row in codes])
    found = frozen_space(points, majority, 3, votes=votes_of(codes, np.zeros(3, bool)))
    one = frozen_space(points, majority, 3)
    right = [np.mean(each.argmax(1) == true) for each in (found.fit.posterior, one.fit.posterior, np.eye(3)[majority])]
    assert right[0] > right[1]
    assert right[0] > right[2] + 0.03


def test_a_model_is_read_once_at_the_end_and_teaches_nothing():
    space, true, votes, start = voted(n=60)
    said = np.where(np.random.default_rng(5).random(60) < 0.5, 2, true)
    said[:7] = -1
    without = sources_transition(space, votes, 3, start)
    models = np.append(np.zeros(PEOPLE + RULES, dtype=bool), True)
    found = sources_transition(
        space, Votes(np.column_stack([votes.codes, said]), np.append(votes.rules, False), models), 3, start
    )
    np.testing.assert_allclose(found.classifier, without.classifier, atol=1e-12)
    table = np.array(person_table(without.posterior, [[float(code == c) for c in range(3)] for code in said], 0.0))
    wanted = without.posterior * np.where(said[:, None] >= 0, table[:, said].T, 1.0)
    np.testing.assert_allclose(found.posterior, wanted / wanted.sum(1, keepdims=True), atol=1e-9)
    alone = sources_transition(space, Votes(said[:, None], np.array([False]), np.array([True])), 3, start)
    person = sources_transition(space, votes_of(said[:, None], np.array([False])), 3, start)
    np.testing.assert_array_equal(alone.posterior, person.posterior)
