"""What rows checked at random tell of a run: by hand, in the report, and before an export takes suggestions."""

import json

import numpy as np
import pandas as pd
import pytest
from fake_runs import make_run

from mislabel.decisions.estimates import count_wrong, precision_curve
from mislabel.decisions.events import Decision
from mislabel.decisions.reviewed import RIGHT, UNDECIDED, WRONG, ReviewedRows
from mislabel.decisions.store import Store
from mislabel.errors import InputError
from mislabel.exchange.expected import expected_wrong
from mislabel.exchange.export import export
from mislabel.posterior.noise_rate import LABELS, RANDOM, NoiseRate
from mislabel.posterior.prediction_powered import has_strata, powered_share
from mislabel.posterior.recalibration import recalibrate
from mislabel.report import render_report
from mislabel.run.checked import checked, checked_in_review, powered_curve
from mislabel.run.reading import Run

ROWS = 200
P = np.round(np.linspace(0.98, 0.02, ROWS), 3)
BOUND = NoiseRate(LABELS, 0.1)


def reviewed(probes, listed=(), *, wrong):
    """Rows decided as probes, in this order, and before them rows of the list."""
    state, probe = np.full(ROWS, UNDECIDED, dtype=np.int8), np.zeros(ROWS, dtype=bool)
    when = np.zeros(ROWS, dtype=np.int64)
    for number, row in enumerate([*listed, *probes]):
        state[row], when[row] = WRONG if row in wrong else RIGHT, number + 1
    probe[list(probes)] = True
    return ReviewedRows(state, probe, when)


def test_nothing_but_random_rows():
    rows = np.random.default_rng(0).permutation(ROWS)[:50]
    wrong = set(range(0, 90))
    found = checked_in_review(BOUND, P, reviewed(rows, wrong=wrong))
    share = powered_share(P > 0.5, np.sort(rows), np.isin(np.sort(rows), list(wrong)))
    assert (found.rate.basis, found.rate.checked, found.rate.at_least) == (RANDOM, 50, 0.1)
    assert found.rate.estimate == pytest.approx(share.estimate)
    assert found.rate.low == pytest.approx(share.low, abs=1 / ROWS)  # whole rows, rounded inward
    assert found.rate.high == pytest.approx(share.high, abs=1 / ROWS)
    whole = count_wrong(reviewed(rows, wrong=wrong))
    assert found.whole is not None
    assert found.whole.high - found.whole.low < whole.high - whole.low
    assert found.recalibration == recalibrate(P[np.sort(rows)], np.isin(np.sort(rows), list(wrong)))


def test_what_was_worked_through_is_known_and_no_sample():
    """Twenty rows worst first, 15 of them wrong; then 40 at random from the others."""
    listed, behind = range(20), 20 + np.random.default_rng(1).permutation(ROWS - 20)[:40]
    wrong = {*range(15), *behind[:8].tolist()}
    found = checked_in_review(BOUND, P, reviewed(behind, listed, wrong=wrong))
    rows = np.sort(behind)
    share = powered_share(P[20:] > 0.5, rows - 20, np.isin(rows, list(wrong)))
    assert found.rate.estimate == pytest.approx((15 + share.estimate * 180) / ROWS)
    assert found.rate.checked == 40


def test_other_rows_that_a_person_decided_leave_the_count_to_the_probes():
    probes, listed = [*range(100, 130)], [3, 50, 51]
    rows = reviewed(probes, listed, wrong={3, 50, 101, 105})
    found, whole = checked_in_review(BOUND, P, rows), count_wrong(rows)
    assert found.whole == whole
    assert whole.estimate is not None
    assert found.rate.estimate == whole.estimate / ROWS
    assert (found.rate.low, found.rate.high) == whole.precision_interval


@pytest.mark.parametrize(("probes", "listed"), [(range(9), ()), ((), range(60)), ((), ())])
def test_too_few_random_rows_say_nothing(probes, listed):
    found = checked_in_review(BOUND, P, reviewed([100 + each for each in probes], listed, wrong={1}))
    assert found.rate == BOUND
    assert found.recalibration is None


@pytest.fixture
def run(tmp_path):
    """Sixty rows, of which twenty have a suggestion."""
    frame = pd.DataFrame({"id": [f"r{k}" for k in range(60)], "label": ["cat", "dog"] * 30})
    frame.to_csv(tmp_path / "d.csv", index=False)
    likely = [f"r{k}" for k in range(20)]
    other = {"cat": "dog", "dog": "cat"}
    suggested = {id: other[frame["label"][k]] for k, id in enumerate(likely)}
    return make_run(
        tmp_path / "run", frame, source=tmp_path / "d.csv", suggested=suggested, p=dict.fromkeys(likely, 0.9)
    )


def check(folder, count):
    """So many rows decided as random ones: of those with a suggestion every second is wrong, of the others none."""
    rows = Run.open(folder).rows
    decisions = []
    for k in range(0, 3 * count, 3):
        id = f"r{k}"
        given, suggested = (
            rows.label(rows.code(name, rows.find([id])[0])) for name in ("given_label", "suggested_label")
        )
        wrong = k < 20 and k % 2 == 0
        decisions.append(
            Decision(id, "suggestion" if wrong else "keep", suggested if wrong else given, given, probe=True)
        )
    with Store(folder.decisions) as store:
        for decision in decisions:
            store.decide([decision])


def test_suggestions_that_nobody_checked_are_not_taken(run, tmp_path):
    with pytest.raises(InputError) as raised:
        export(run, tmp_path / "out.csv", take_suggestions=0.5)
    for part in ("20 suggested labels", f"mislabel review {run.path} --order random --budget 50", "--unchecked"):
        assert part in str(raised.value)
    assert not (tmp_path / "out.csv").exists()
    told = export(run, tmp_path / "out.csv", take_suggestions=0.5, unchecked=True)
    assert (told["suggestion"], told["expected_wrong"]) == (20, None)
    assert export(run, tmp_path / "none.csv", take_suggestions=0.95)["suggestion"] == 0  # none to ask for


def test_after_checks_it_says_how_many_are_expected_to_be_wrong(run, tmp_path):
    check(run, 20)
    told = export(run, tmp_path / "out.csv", take_suggestions=0.5)
    known = checked(Run.open(run))
    assert known.recalibration is not None
    assert told["suggestion"] == 13  # seven of the twenty were decided
    # no posterior is kept here, so a suggestion is right where the given label is wrong
    assert told["expected_wrong"] == pytest.approx(13 * (1 - known.p(np.array([0.9]))[0]))


def test_a_posterior_tells_which_other_class_it_is(run):
    """Of the mass beside the given label two thirds lie on the suggested one."""
    check(run, 20)
    opened = Run.open(run)
    lines = np.tile([0.1, 0.6, 0.3], (60, 1)).astype(np.float32)
    opened.__dict__["matrix"] = lambda _: lines
    rows = np.flatnonzero((opened.rows.labels["given_label"] == 0) & (opened.rows.numbers["p_mislabeled"] > 0.5))
    p = checked(opened).p(np.full(len(rows), 0.9))
    assert expected_wrong(opened, rows) == pytest.approx(np.sum(1 - p * 2 / 3), rel=1e-6)


def test_the_report_says_it(run):
    check(run, 20)
    found, page = checked(Run.open(run)), render_report(run)
    assert f"Of all labels {found.rate.words()} are wrong, as 20 rows tell that were checked at random." in page
    assert "P(wrong) is recalibrated here by 20 rows" in page
    assert "--order random --budget" not in page
    assert f"{found.p(np.array([0.9]))[0]:.3f}" in page


def test_the_end_of_the_curve_is_the_whole(run):
    rows = np.random.default_rng(2).permutation(ROWS)[:60]
    review = reviewed(rows, wrong=set(range(0, 200, 3)))
    curve, found = powered_curve(P, review), checked_in_review(BOUND, P, review)
    assert curve[-1] == found.whole
    assert curve[-1].depth == ROWS
    for powered, plain in zip(curve, precision_curve(review), strict=True):
        assert (powered.depth, powered.decided, powered.wrong) == (plain.depth, plain.decided, plain.wrong)
        assert powered.wrong <= powered.low <= powered.high <= powered.depth - powered.decided + powered.wrong
        if not has_strata(P[: plain.depth] > 0.5, plain.probes):
            assert powered == plain


def test_the_command_says_it_to_a_person_and_a_machine(run, mislabel):
    check(run, 20)
    rate = checked(Run.open(run)).rate
    assert json.loads(mislabel("report", run.path, "--json").stdout)["noise_rate"] == rate.plain()
    assert f"{rate.words()} are wrong, as 20 rows tell" in mislabel("report", run.path).stdout
    (run.decisions).write_bytes(b"no decisions")
    assert "as 20 rows tell" not in mislabel("report", run.path).stdout
