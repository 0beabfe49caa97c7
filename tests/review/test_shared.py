"""Rows that two reviewers decide, each without seeing what the other said, and how far they agree."""

from contextlib import ExitStack, closing

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="fastapi is not installed: pip install 'mislabel[review]'")

from review.browser import COLOURS, at, chromium, expect, lists, press, saved, write_run
from sklearn.metrics import cohen_kappa_score

from mislabel.errors import InputError
from mislabel.review.filters import Filter, matching
from mislabel.review.one_file import write_review_file
from mislabel.review.session import Session
from mislabel.review.shared import agreement_words
from mislabel.review.views import Views
from mislabel.run.folder import RunFolder


@pytest.fixture
def open_session():
    with ExitStack() as stack:
        yield lambda run, **options: stack.enter_context(closing(Session(RunFolder(run), **options)))


def go_through(session, say):
    """Decide all that the queue gives; `say` is asked for the class of each row. The rows, in that order."""
    rows = []
    while (place := session.next(0)) is not None:
        row = int(session.queue.rows[place])
        assert Views(session).row(row).decision is None
        session.decide(np.array([row]), "label", say(row), key=f"{session.reviewer} {row}")
        rows.append(row)
    assert session.left == 0
    return rows


def test_both_decide_the_shared_rows_and_neither_sees_what_the_other_said(tmp_path, open_session):
    random = np.random.default_rng(0)
    run = write_run(tmp_path / "run", [f"t{k}" for k in range(200)], [0] * 200, [1] * 200, COLOURS)
    said = {name: random.integers(0, 3, 200) for name in ("Ann", "Bob")}
    said["Bob"][:150] = said["Ann"][:150]
    ann = open_session(run, reviewer="Ann", shared=0.4)
    assert go_through(ann, lambda row: int(said["Ann"][row])) == list(range(200))
    bob = open_session(run, reviewer="Bob")  # the share is kept
    shared = np.flatnonzero(ann.shared).tolist()
    assert 50 < len(shared) < 110
    assert bob.left == len(shared)
    hidden = matching(bob, Filter(decision="undecided")).tolist()
    assert hidden == shared
    assert not set(shared) & set(matching(bob, Filter(reviewer="Ann")).tolist())
    assert all(change.decision is None for change in Views(bob).state().changed if change.row in set(shared))
    assert go_through(bob, lambda row: int(said["Bob"][row])) == shared
    ann.refresh()
    differ = [row for row in shared if said["Ann"][row] != said["Bob"][row]]
    assert differ
    for session in (ann, bob):
        assert matching(session, Filter(decision="differ")).tolist() == differ
    kappa = cohen_kappa_score(said["Ann"][shared], said["Bob"][shared])
    words = f"Ann and Bob agree on {len(shared) - len(differ)} of {len(shared)} rows that both decided (Cohen's kappa "
    assert agreement_words(bob.verdicts())[0].startswith(f"{words}{kappa:.2f}, 95% interval ")
    carl = open_session(run, reviewer="Carl")
    assert carl.left == len(shared)  # a third one is asked, too
    ann.decide(np.array(differ[:2]), "unsure", None, key="settle")
    assert matching(ann, Filter(decision="differ")).tolist() == differ[2:]
    assert agreement_words(ann.verdicts())[0].endswith(f"; {len(differ) - 2} on which they differ are not settled.")


def test_an_undo_hides_again_what_the_other_said(colours, open_session):
    ann, bob = (open_session(colours, reviewer=name, shared=1.0) for name in ("Ann", "Bob"))
    ann.decide(np.array([0]), "keep", None, key="1")
    assert bob.next(0) == 0
    bob.decide(np.array([0]), "none", None, key="2")
    assert (bob.next(0), bob.left) == (1, 11)
    bob.undo(None, key="3")
    assert (bob.next(0), bob.left, bob.decision(0)) == (0, 12, None)
    assert ann.decision(0).decision.kind == "keep"


def test_without_a_share_one_decision_is_enough(colours, open_session):
    ann, bob = (open_session(colours, reviewer=name) for name in ("Ann", "Bob"))
    ann.decide(np.array([0]), "keep", None, key="1")
    assert (bob.next(0), bob.left) == (1, 11)
    assert agreement_words(bob.verdicts()) == []


def test_a_share_needs_a_name_and_stays_what_it_was(colours, open_session):
    with pytest.raises(InputError, match="give --reviewer NAME too"):
        open_session(colours, shared=0.5)
    with pytest.raises(InputError, match="shared"):
        open_session(colours, reviewer="Ann", shared=1.5)
    open_session(colours, reviewer="Ann", shared=0.5)
    with pytest.raises(InputError, match=r"an earlier review of this run has shared 0\.5: leave it out"):
        open_session(colours, reviewer="Bob", shared=0.4)
    assert open_session(colours, reviewer="Bob", shared=0.5).shared.any()
    assert not open_session(colours).shared.any()  # who has no name cannot be told from others


def in_dispute(run, open_session):
    """Ann keeps all of twelve rows; Bob takes another class on three, cannot tell the fourth, and agrees otherwise."""
    ann, bob = (open_session(run, reviewer=name, shared=1.0) for name in ("Ann", "Bob"))
    ann.decide(np.arange(12), "keep", None, key="Ann")
    bob.decide(np.arange(3), "suggestion", None, key="Bob 1")
    bob.decide(np.array([3]), "unsure", None, key="Bob 2")
    bob.decide(np.arange(4, 12), "keep", None, key="Bob 3")
    return ann, bob


def test_a_third_one_settles_what_two_see_differently(colours, open_session):
    in_dispute(colours, open_session)
    carl = open_session(colours, reviewer="Carl", order="differ")
    views = Views(carl)
    assert (carl.queue.rows.tolist(), carl.left, views.run().looks) == ([0, 1, 2, 3], 4, 4)
    given, suggested = (carl.rows.labels[f"{name}_label"] for name in ("given", "suggested"))
    said = [(each.reviewer, each.kind, each.label) for each in views.row(1).verdicts]
    assert said == [("Ann", "label", given[1]), ("Bob", "label", suggested[1])]
    assert [(each.kind, each.label) for each in views.row(3).verdicts] == [("label", given[3]), ("unsure", None)]
    assert views.row(5).verdicts == []  # hidden from Carl, who was given it, too
    assert views.row(5).decision is None
    carl.decide(np.array([0]), "keep", None, key="1")
    assert (carl.next(0), carl.left, carl.ahead(9).tolist()) == (1, 3, [1, 2, 3])
    assert [each.reviewer for each in views.row(0).verdicts] == ["Ann", "Bob"]
    carl.undo(None, key="2")
    assert (carl.next(0), carl.left) == (0, 4)
    carl.decide(np.arange(4), "suggestion", None, key="3")
    assert (carl.next(0), carl.left) == (None, 0)
    with pytest.raises(InputError, match="there is none: --reviewer NAME --shared SHARE"):
        open_session(colours, order="differ")


def test_one_of_the_two_may_settle_and_new_rows_wait_for_the_next_review(colours, open_session):
    ann, bob = in_dispute(colours, open_session)
    again = open_session(colours, reviewer="Bob", order="differ")
    ann.decide(np.array([2]), "none", None, key="a")
    bob.decide(np.array([1]), "keep", None, key="b")
    assert (again.next(0), again.left) == (0, 2)
    assert again.decided().sum() == 12  # the map shows them as decided all the same


def test_rows_in_dispute_are_not_mixed_with_random_ones(colours, open_session):
    in_dispute(colours, open_session)
    with pytest.raises(InputError, match="the order differ shows only rows that two reviewers decided"):
        open_session(colours, order="differ", probe=0.1)


def test_a_file_for_a_third_one_tells_nothing_of_the_two(colours, open_session, tmp_path):
    in_dispute(colours, open_session)
    assert write_review_file(RunFolder(colours), tmp_path / "file.html", order="differ", reviewer="Carl") == 4
    text = (tmp_path / "file.html").read_text(encoding="utf-8")
    assert "Ann" not in text
    assert "Bob" not in text


@pytest.mark.slow
@pytest.mark.skipif(chromium() is None, reason="there is no chromium here, nor is one in MISLABEL_CHROMIUM")
def test_on_the_page_rows_in_dispute_are_settled_one_by_one(review, colours, open_session):
    in_dispute(colours, open_session)
    with review(colours, "--reviewer", "Carl", "--order", "differ") as it:
        page = it.page
        at(page, "m0")
        said = page.locator("#verdicts li")
        expect(said).to_have_count(2)
        expect(said.first).to_contain_text("Ann")
        expect(said.last).to_contain_text("Bob")
        press(page, "k", "m1")
        press(page, "s", "m2")
        press(page, "x", "m3")
        expect(said.last).to_contain_text("not sure")
        press(page, "n")
        expect(page.locator("#end")).to_be_visible()
        saved(page, "m3")


@pytest.mark.slow
@pytest.mark.skipif(chromium() is None, reason="there is no chromium here, nor is one in MISLABEL_CHROMIUM")
def test_on_the_page_the_second_reviewer_decides_unseen_and_then_settles(review, colours, open_session):
    ann = open_session(colours, reviewer="Ann", shared=1.0)
    ann.decide(np.arange(3), "keep", None, key="1")
    with review(colours, "--reviewer", "Bob") as it:
        page = it.page
        at(page, "m0")
        expect(page.locator("#row-decision")).to_be_hidden()
        press(page, "k", "m1")
        press(page, "s", "m2")
        press(page, "n", "m3")
        saved(page, "m2")
        expect(page.locator("#agreement-words")).to_contain_text("Ann and Bob agree on 1 of 3 rows that both decided")
        press(page, "l")
        page.locator("[name=decision]").select_option("differ")
        lists(page, "m1", "m2")
        page.locator("#list li a").first.click()
        at(page, "m1")
        expect(page.locator("#row-decision")).to_contain_text("decided by Bob")
        press(page, "k")
        saved(page, "keep · m1")
        press(page, "l")
        lists(page, "m2")
