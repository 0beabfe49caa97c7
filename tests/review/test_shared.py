"""Rows that two reviewers decide, each without seeing what the other said, and how far they agree."""

from contextlib import ExitStack, closing

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="fastapi is not installed: pip install 'mislabel[review]'")

from review.browser import COLOURS, at, chromium, expect, lists, press, saved, write_run
from sklearn.metrics import cohen_kappa_score

from mislabel.errors import InputError
from mislabel.review.session import Filter, Session
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
    hidden = bob.matching(Filter(decision="undecided")).tolist()
    assert hidden == shared
    assert not set(shared) & set(bob.matching(Filter(reviewer="Ann")).tolist())
    assert all(change.decision is None for change in Views(bob).state().changed if change.row in set(shared))
    assert go_through(bob, lambda row: int(said["Bob"][row])) == shared
    ann.refresh()
    differ = [row for row in shared if said["Ann"][row] != said["Bob"][row]]
    assert differ
    for session in (ann, bob):
        assert session.matching(Filter(decision="differ")).tolist() == differ
    kappa = cohen_kappa_score(said["Ann"][shared], said["Bob"][shared])
    words = f"Ann and Bob agree on {len(shared) - len(differ)} of {len(shared)} rows that both decided (Cohen's kappa "
    assert agreement_words(bob.verdicts())[0].startswith(f"{words}{kappa:.2f}, 95% interval ")
    carl = open_session(run, reviewer="Carl")
    assert carl.left == len(shared)  # a third one is asked, too
    ann.decide(np.array(differ[:2]), "unsure", None, key="settle")
    assert ann.matching(Filter(decision="differ")).tolist() == differ[2:]
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
