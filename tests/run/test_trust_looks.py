"""Reviews in the order trust: which rows they hold, what their answers weigh, and how that reaches the judge."""

from dataclasses import replace

import numpy as np
import pytest
from fake_runs import decide, review_run

from mislabel.decisions.events import Decision
from mislabel.decisions.looks import bounded, inclusion
from mislabel.decisions.store import Store
from mislabel.modalities.dataset import make_dataset
from mislabel.run.evidence import trusted_rows
from mislabel.run.folder import RunFolder
from mislabel.run.prior_decisions import apply_decisions, drawn_weights, take_over
from mislabel.run.reading import Run
from mislabel.run.trust_looks import SEED, TAKEN_OVER, answers_of, look_weights, plan

CLASSES = ["a", "b", "c"]
N, HELD_OUT = 120, 7  # every seventh row is held out


@pytest.fixture
def folder(tmp_path):
    """Rows of one large stratum (a, a), smaller ones, and two single rows."""
    given = [0] * 80 + [1] * 20 + [2] * 18 + [0, 1]
    suggested = [0] * 80 + [0] * 20 + [2] * 18 + [1, 2]
    status = ["held_out" if k % HELD_OUT == 6 else "judged" for k in range(N)]
    texts = [f"text {k}" for k in range(N)]
    return review_run(tmp_path / "run", texts, given, suggested, CLASSES, status=status)


def seeded(folder, seed=5):
    with Store(folder.decisions) as store:
        store.remember(SEED, seed)
    return plan(Run.open(folder).rows, seed)


def answer(folder, rows, truth):
    """Decide rows of the audit as somebody who knows."""
    known = Run.open(folder).rows
    made = []
    for row in rows:
        given, suggested = (known.label(int(known.labels[name][row])) for name in ("given_label", "suggested_label"))
        kind = "keep" if truth[row] == given else "suggestion" if truth[row] == suggested else "label"
        made.append(Decision(known.id(row), kind, truth[row], given))
    decide(folder, *made)


def test_strata_are_pairs_of_given_and_suggested_label(folder):
    rows = Run.open(folder).rows
    looks = plan(rows, 1)
    assert sorted(looks.rows.tolist()) == np.flatnonzero(rows.judged).tolist()
    pairs = list(zip(*(rows.labels[name].tolist() for name in ("given_label", "suggested_label")), strict=True))
    judged = [pair for pair, is_judged in zip(pairs, rows.judged.tolist(), strict=True) if is_judged]
    total = sum(judged.count(pair) ** 0.75 for pair in set(judged))
    for row, share in zip(looks.rows.tolist(), looks.share.tolist(), strict=True):
        assert share == pytest.approx(judged.count(pairs[row]) ** -0.25 / total)


def test_answers_by_hand(folder):
    """Three answers of one stratum, and one that nobody could tell."""
    rows, looks = Run.open(folder).rows, seeded(folder)
    decided = np.zeros(len(rows), dtype=bool)
    decided[looks.rows[:4]] = True
    order = np.sort(looks.rows[:4])
    unsure = int(looks.rows[2])
    decisions = []
    for row in order.tolist():
        given, suggested = (rows.label(int(rows.labels[name][row])) for name in ("given_label", "suggested_label"))
        if row == unsure:
            decisions.append(Decision(rows.id(row), "unsure", None, given))
        else:
            decisions.append(Decision(rows.id(row), "suggestion", suggested, given))
    found = answers_of(rows, looks, decided, decisions)
    told = [row for row in looks.rows[:4].tolist() if row != unsure]
    weights = {
        row: 1 / inclusion(np.array([looks.share[looks.rows == row][0]]), int(looks.draws[3]))[0] for row in told
    }
    right = sum(weights[row] for row in told if rows.labels["given_label"][row] == rows.labels["suggested_label"][row])
    assert len(found) == 3
    assert found.given is not None
    assert found.suggested is not None
    assert found.given.estimate == pytest.approx(right / sum(weights.values()))
    assert found.suggested.estimate == 1
    assert found.rows.tolist() == told
    assert found.codes.tolist() == rows.labels["suggested_label"][told].tolist()
    assert found.weights == pytest.approx([weights[row] for row in told])
    nothing = answers_of(rows, looks, np.zeros(len(rows), dtype=bool), [])
    assert (len(nothing), nothing.given, nothing.suggested) == (0, None, None)


def test_rows_drawn_weigh_by_their_stratum_and_of_others_nothing_is_known(folder):
    looks = seeded(folder)
    rows = Run.open(folder).rows
    truth = dict.fromkeys(range(N), "a")
    answer(folder, looks.rows[:10].tolist(), truth)
    answer(folder, looks.rows[[40, 77]].tolist(), truth)  # chosen from the list
    decide(folder, Decision("m6", "keep", "a", "a"))  # held out, and so no look
    found = look_weights(Run.open(folder))
    assert set(found) == {rows.id(int(row)) for row in looks.rows[:10]}
    expected = bounded(1 / looks.share[:10])
    assert [found[rows.id(int(row))] for row in looks.rows[:10]] == pytest.approx(expected)
    assert np.mean(list(found.values())) == pytest.approx(1)


def test_rows_that_fit_no_class_or_nobody_could_tell_teach_nothing(folder):
    looks, rows = seeded(folder), Run.open(folder).rows
    first, second, third = (rows.id(int(row)) for row in looks.rows[:3])
    decide(folder, Decision(first, "unsure", None, "a"), Decision(second, "none", None, "a"))
    decide(folder, Decision(third, "label", "c", "a"))
    assert look_weights(Run.open(folder)) == {third: 1.0}


def test_another_review_has_no_weights(folder):
    answer(folder, range(5), dict.fromkeys(range(N), "a"))
    assert look_weights(Run.open(folder)) == {}
    assert Run.open(folder).remembered(SEED) is None


def data(folder, rows):
    known = Run.open(folder).rows
    labels = [known.label(int(code)) for code in known.labels["given_label"][:rows]]
    return make_dataset([f"text {k}" for k in range(rows)], labels, ids=[f"m{k}" for k in range(rows)])


def test_the_next_run_weighs_them(folder, tmp_path):
    looks, rows = seeded(folder), Run.open(folder).rows
    truth = {row: "abc"[row % 3] for row in range(N)}
    answer(folder, looks.rows[:20].tolist(), truth)
    chosen = int(looks.rows[90])
    answer(folder, [chosen], truth)
    dataset, told = apply_decisions(data(folder, N), Run.open(folder))
    assert (told["rows"], told["drawn"]) == (21, 20)
    assert dataset.decided_weight is not None
    weights = bounded(1 / looks.share[:20])
    assert dataset.decided_weight[looks.rows[:20]] == pytest.approx(weights)
    assert np.isnan(np.delete(dataset.decided_weight, looks.rows[:20])).all()

    # Row k of the audit is row k of these data; training takes them in any order.
    trained = np.random.default_rng(0).permutation(N)[:100]
    trusted = trusted_rows(dataset, trained)
    taken = trained[trusted.rows]
    assert set(taken) == set(trained) & {*looks.rows[:20].tolist(), chosen}
    assert trusted.labels.tolist() == [ord(truth[row]) - ord("a") for row in taken.tolist()]
    known = np.array([1.0 if row == chosen else dataset.decided_weight[row] for row in taken.tolist()])
    assert trusted.weights == pytest.approx(known / known.mean())
    alike = trusted_rows(replace(dataset, decided_weight=None), trained)
    assert alike.weights.tolist() == [1.0] * len(taken)

    # The run after it still knows: its own store remembers.
    after = RunFolder(tmp_path / "after")
    after.path.mkdir()
    take_over(folder, after, dataset)
    with Store(after.decisions) as store:
        assert dict(map(tuple, store.recall(TAKEN_OVER))) == pytest.approx(look_weights(Run.open(folder)))
    assert rows.n_judged == sum(k % HELD_OUT != 6 for k in range(N))


def test_without_known_probabilities_nothing_is_added(folder, tmp_path):
    answer(folder, range(3), dict.fromkeys(range(N), "a"))
    dataset, told = apply_decisions(data(folder, N), Run.open(folder))
    assert dataset.decided_weight is None
    assert "drawn" not in told
    assert drawn_weights(dataset) == {}
    after = RunFolder(tmp_path / "after")
    after.path.mkdir()
    take_over(folder, after, dataset)
    with Store(after.decisions) as store:
        assert store.recall(TAKEN_OVER) is None


def test_weights_taken_over_are_kept_beside_new_ones(folder):
    looks, rows = seeded(folder), Run.open(folder).rows
    with Store(folder.decisions) as store:
        store.remember(TAKEN_OVER, [["m6", 2.5]])
    answer(folder, looks.rows[:4].tolist(), dict.fromkeys(range(N), "a"))
    found = look_weights(Run.open(folder))
    assert found.pop("m6") == 2.5
    assert set(found) == {rows.id(int(row)) for row in looks.rows[:4]}
