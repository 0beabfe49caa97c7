"""The name of who decides: told with each decision, and a filter of the list."""

from contextlib import closing

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="fastapi is not installed: pip install 'mislabel[review]'")

from review.browser import at, chromium, expect, history, lists, press, saved

from mislabel.decisions.store import read_history
from mislabel.errors import InputError
from mislabel.review.filters import Filter, matching
from mislabel.review.serve import farewell
from mislabel.review.session import Session
from mislabel.run.folder import RunFolder


def session(run, reviewer=None):
    return closing(Session(RunFolder(run), reviewer=reviewer))


def test_each_decision_has_the_name_of_its_session_and_the_list_is_filtered_by_it(colours):
    with session(colours, "  Ann\tLee ") as ann, session(colours, "Bob") as bob, session(colours) as nobody:
        ann.decide(np.array([0, 1, 2]), "keep", None, key="1")
        bob.decide(np.array([2]), "unsure", None, key="2")
        nobody.decide(np.array([3]), "keep", None, key="3")
        of = lambda name: matching(nobody, Filter(reviewer=name)).tolist()
        assert (of("Ann Lee"), of("Bob"), of("Carl")) == ([0, 1], [2], [])
        assert nobody.reviewers == {"Ann Lee", "Bob"}
        bob.undo(None, key="4")  # the last one of any window
        bob.undo(None, key="5")
        assert of("Ann Lee") == [0, 1, 2]
        assert "--reviewer 'Ann Lee'" in farewell(ann, 0)
    names = [event.reviewer for event in read_history(colours / "decisions.sqlite")]
    assert names == ["Ann Lee"] * 3 + ["Bob", None, "Bob", "Bob"]


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\x00b", "\u202eAnn"])
def test_a_name_is_short_and_can_be_seen(colours, name):
    with pytest.raises(InputError, match="a name of 1 to 80 characters"), session(colours, name):
        pass


@pytest.mark.slow
@pytest.mark.skipif(chromium() is None, reason="there is no chromium here, nor is one in MISLABEL_CHROMIUM")
def test_the_page_says_who_decided_and_shows_the_rows_of_one_person(review, colours):
    with session(colours, "<i>Ann</i>") as ann:
        ann.decide(np.array([1]), "keep", None, key="1")
    with review(colours, "--reviewer", "Bob") as it:
        page = it.page
        at(page, "m0")
        press(page, "s", "m2")
        saved(page, "m0")
        press(page, "ArrowLeft", "m0")
        expect(page.locator("#row-decision")).to_contain_text("decided by Bob at")
        press(page, "l")
        page.locator("[name=reviewer]").select_option("<i>Ann</i>")
        lists(page, "m1")
        page.locator("[name=reviewer]").select_option("Bob")
        lists(page, "m0")
        page.reload()
        lists(page, "m0")
        page.locator("#all-page").click()
        press(page, "n")
        saved(page, "not sure · m0")
    assert history(colours)[-1] == ("m0", "unsure", None)


@pytest.mark.slow
@pytest.mark.skipif(chromium() is None, reason="there is no chromium here, nor is one in MISLABEL_CHROMIUM")
def test_without_names_there_is_nothing_to_filter(review, colours):
    with review(colours) as it:
        at(it.page, "m0")
        press(it.page, "k", "m1")
        press(it.page, "ArrowLeft", "m0")
        expect(it.page.locator("#row-decision")).to_contain_text("decided at")
        press(it.page, "l")
        expect(it.page.locator("#by-reviewer")).to_be_hidden()
