"""What happens between a key and its answer: slow, lost and late answers, a reload, another window, an open dialog."""

import re

import numpy as np
import pytest

pytest.importorskip("playwright", reason="playwright is not installed: pip install 'mislabel[dev]'")
pytest.importorskip("fastapi", reason="fastapi is not installed: pip install 'mislabel[review]'")

from review.browser import (
    COLOURS,
    at,
    chromium,
    digit_run,
    expect,
    history,
    lists,
    painted,
    press,
    read,
    row_there,
    saved,
    watch,
    write_run,
)
from review.holding import Hold, looked_ahead

from mislabel.decisions.store import Store

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="there is no chromium here, nor is one in MISLABEL_CHROMIUM"),
]


def many(folder, count, step=2):
    """Rows m0 … whose given label is red and green in turns, and whose suggestion is green."""
    given = [k % step for k in range(count)]
    return write_run(folder, [f"text {k}" for k in range(count)], given, [1] * count, COLOURS)


def choose(page, *places):
    for place in places:
        page.locator("#list li input").nth(place).click()


def decided(page, place):
    return expect(page.locator("#list li .decided").nth(place))


def test_keys_while_the_page_loads_do_nothing_and_lose_nothing(review, colours):
    with review(colours, problems_allowed="ERR_FAILED|beforeunload") as it:
        page = it.page
        at(page, "m0")
        press(page, "s", "m1")
        saved(page, "m0")
        page.route("**/api/decide", lambda route: route.abort())
        press(page, "k", "m2")
        press(page, "x", "m3")
        run = Hold(page, "**/api/run")
        page.reload(wait_until="domcontentloaded")
        run.wait()
        for key in "ukl":
            press(page, key)
        page.unroute("**/api/decide")
        run.release()
        at(page, "m3")
        saved(page, "none of these · m2")
    assert history(colours) == [("m0", "suggestion", "green"), ("m1", "keep", "green"), ("m2", "none", None)]


@pytest.mark.parametrize(
    "script",
    [
        "Object.defineProperty(window, 'sessionStorage', { get() { throw new DOMException('no', 'SecurityError') } })",
        "sessionStorage.setItem(`mislabel ${location.pathname}`, '{broken')",
        """sessionStorage.setItem(`mislabel ${location.pathname}`, '{"trail": 3}')""",
    ],
)
def test_a_forbidden_or_broken_session_store_does_not_keep_the_page_from_working(review, colours, script):
    with review(colours, script=script) as it:
        at(it.page, "m0")
        press(it.page, "k", "m1")
        saved(it.page, "m0")
    assert history(colours) == [("m0", "keep", "red")]


def test_the_chooser_decides_the_row_that_it_was_opened_for(review, colours):
    with review(colours, problems_allowed="400") as it:
        page = it.page
        at(page, "m0")
        held = Hold(page, "**/api/decide")
        press(page, "k", "m1")
        press(page, "c")
        held.refuse()
        expect(page.locator("#banner")).to_contain_text("not saved: keep · m0: this cannot be")
        at(page, "m1")  # behind the dialog the page stays where it is
        page.keyboard.type("gold")
        press(page, "Enter", "m2")
        saved(page, "m1")
        press(page, "l")
        lists(page, *[f"m{k}" for k in range(12)])
        choose(page, 7, 8)
        press(page, "x")
        saved(page, "2 rows")
        press(page, "r", "m2")
        held = Hold(page, "**/api/undo", answers=True)
        press(page, "u")
        press(page, "c")
        held.release()
        saved(page, "undone: 2 rows")
        at(page, "m2")
        page.keyboard.type("red")
        press(page, "Enter", "m3")
        saved(page, "m2")
    labels = [event for event in history(colours) if event[1] == "label"]
    assert labels == [("m1", "label", "gold"), ("m2", "label", "red")]


def test_dialogs_close_when_the_view_changes_behind_them(review, colours):
    with review(colours) as it:
        page = it.page
        at(page, "m0")
        press(page, "l")
        lists(page, *[f"m{k}" for k in range(12)])
        choose(page, 7, 8)
        press(page, "c")
        page.go_back()
        expect(page.locator("#row-view")).to_be_visible()
        expect(page.locator("#chooser")).to_be_hidden()
        at(page, "m0")
        press(page, "c")
        expect(page.locator("#chooser")).to_be_visible()
        page.go_forward()
        expect(page.locator("#list-view")).to_be_visible()
        expect(page.locator("#chooser")).to_be_hidden()
        press(page, "n")  # the two that are still chosen
        saved(page, "2 rows")
    assert history(colours) == [("m7", "unsure", None), ("m8", "unsure", None)]


def test_another_window_decides_a_thousand_rows(review, tmp_path):
    run = many(tmp_path / "many", 1300)
    with review(run) as it:
        page = it.page
        at(page, "m0")
        held = Hold(page, "**/api/decide")
        press(page, "k", "m1")
        press(page, "c")
        looked_ahead(page)
        row = Hold(page, "**/api/rows/1")
        it.server.session.decide(np.arange(2, 1298), "none", None, key="other")
        row.wait()  # everything is asked for anew
        page.keyboard.type("gold")
        press(page, "Enter", "m1298")  # what lay at hand is decided
        row.release()
        for id in ("m1", "m0"):  # these wait, whatever the other window did
            press(page, "ArrowLeft", id)
            expect(page.locator("#row-decision")).to_contain_text("not saved yet")
        held.release()
        saved(page, "gold · m1")
        expect(page.locator("#row-decision")).to_contain_text("decided at")
    assert [event for event in history(run) if event[1] != "none"] == [("m0", "keep", "red"), ("m1", "label", "gold")]


def test_all_that_match_are_those_on_the_screen(review, tmp_path):
    run = many(tmp_path / "many", 240)
    with review(run) as it:
        page = it.page
        page.goto(f"{it.server.address}#list?given=0")
        expect(page.locator("#count")).to_contain_text("of 120")
        press(page, "?")
        press(page, "Escape")
        held = Hold(page, "**/api/list*")
        page.locator("[name=given]").select_option(label="green")
        page.locator("#all-page").click()
        held.wait()
        expect(page.locator("#all-match")).to_be_hidden()
        expect(page.locator("#list-waiting")).to_be_visible()
        expect(page.locator("#list li")).to_have_count(0)  # the old ones need not match
        held.release()
        expect(page.locator("#list li .given").first).to_have_text("green")
        page.locator("#all-page").check()
        page.locator("#all-match").click()
        held = Hold(page, "**/api/list*")
        page.locator("#page-after").click()
        expect(page.locator("#list-waiting")).to_be_visible()
        expect(page.locator("#clear")).to_have_text("120 chosen: clear")
        held.release()
        expect(page.locator("#count")).to_contain_text("51–100 of 120")
        press(page, "x")
        page.locator("#confirm-yes").click()
        saved(page, "120 rows")
    assert [event[0] for event in history(run)] == [f"m{k}" for k in range(1, 240, 2)]


def test_as_many_other_rows_are_not_those_that_were_chosen(review, tmp_path):
    run = many(tmp_path / "many", 120)
    with review(run, problems_allowed="400") as it:
        page, session = it.page, it.server.session
        at(page, "m0")
        first = session.decide(np.array([0]), "keep", None, key="a")
        page.goto(f"{it.server.address}#list?given=0&decision=undecided")
        expect(page.locator("#count")).to_contain_text("of 59")
        page.locator("#all-page").click()
        page.locator("#all-match").click()
        session.decide(np.array([2]), "keep", None, key="b")
        session.undo(first[0].action, key="c")
        press(page, "x")
        page.locator("#confirm-yes").click()
        expect(page.locator("#banner")).to_contain_text("look at the list again")
        press(page, "x")
    assert history(run) == [("m0", "keep", "red"), ("m2", "keep", "red"), ("m0", "undo", "keep")]


def test_a_question_is_about_what_it_says(review, tmp_path):
    run = many(tmp_path / "many", 300)
    with review(run, problems_allowed="400") as it:
        page = it.page
        page.goto(f"{it.server.address}#list?decision=undecided")
        expect(page.locator("#count")).to_contain_text("of 300")
        page.locator("#all-page").click()
        press(page, "k")
        page.locator("#confirm-yes").click()
        expect(page.locator("#count")).to_contain_text("of 250")
        held = Hold(page, "**/api/undo", answers=True)
        press(page, "u")
        page.locator("#all-page").click()
        page.locator("#all-match").click()
        press(page, "x")
        held.release()
        expect(page.locator("#count")).to_contain_text("of 300")  # behind the question
        expect(page.locator("#confirm-title")).to_have_text("Decide 250 rows at once?")
        page.locator("#confirm-yes").click()
        expect(page.locator("#banner")).to_contain_text("look at the list again")
        expect(page.locator("#count")).to_contain_text("of 300")
        page.locator("#all-page").check()
        page.locator("#all-match").click()
        press(page, "x")
        expect(page.locator("#confirm-title")).to_have_text("Decide 300 rows at once?")
        page.evaluate("location.hash = 'row'")
        expect(page.locator("#confirm")).to_be_hidden()
    assert {event[1] for event in history(run)} == {"keep", "undo"}


@pytest.mark.parametrize(("key", "back"), [("k", "u"), ("Space", "ArrowLeft")])
def test_going_back_while_the_next_row_is_fetched_skips_none_and_keeps_random_checks(review, colours, key, back):
    with review(colours, "--probe", 0.5) as it:
        page, queue = it.page, it.server.session.queue
        ids = [f"m{row}" for row in queue.rows]
        at(page, ids[0])
        looked_ahead(page)
        held = Hold(page, "**/api/next*")
        for id in ids[1:4]:
            press(page, key, id)
        press(page, key)
        expect(page.locator("#waiting")).to_be_visible()
        press(page, back, ids[3])
        held.release()
        looked_ahead(page)
        at(page, ids[3])
        expect(page.locator("#row-decision")).to_be_hidden()
        press(page, "n", ids[4])
        saved(page, f"not sure · {ids[3]}")
        press(page, "u", ids[3])
        press(page, "x", ids[4])
        saved(page, f"none of these · {ids[3]}")
    with Store(colours / "decisions.sqlite") as store:
        made = {one.decision.id: one.decision.probe for one in store.history()}
    assert made == {id: bool(queue.probe[place]) for place, id in enumerate(ids[:4]) if id in made}
    assert ids[3] in made


def test_a_late_list_leaves_the_focus_where_somebody_types(review, colours):
    with review(colours) as it:
        page = it.page
        at(page, "m0")
        press(page, "k", "m1")
        saved(page, "m0")
        held = Hold(page, "**/api/list*")
        press(page, "l")
        held.wait()
        page.locator("[name=search]").click()
        page.keyboard.type("n")
        held.release()
        lists(page, *[f"m{k}" for k in range(12)])
        page.keyboard.type("umber 7 luck")
        lists(page)
        expect(page.locator("[name=search]")).to_have_value("number 7 luck")
        page.locator("[name=search]").fill("")
        lists(page, *[f"m{k}" for k in range(12)])
        page.locator("#list li input").nth(2).focus()
        press(page, "Space")
        press(page, "x")
        saved(page, "none of these · m2")
        decided(page, 2).to_have_text("✓ none of these")
        expect(page.locator("#list li input").nth(2)).to_be_focused()
    assert history(colours) == [("m0", "keep", "red"), ("m2", "none", None)]


def test_the_chooser_may_be_opened_before_its_row_is_there(review, colours):
    with review(colours) as it:
        page = it.page
        at(page, "m0")
        looked_ahead(page)
        held = Hold(page, "**/api/next*")
        for k in range(3):
            press(page, "Space", f"m{k + 1}")
        press(page, "k")
        press(page, "c")
        page.keyboard.type("gol")
        press(page, "Enter")  # of a row that nobody has seen
        expect(page.locator("#classes-note")).to_have_text("Fetching the row …")
        held.release()
        at(page, "m4")
        expect(page.locator("#classes li")).to_have_text([re.compile(r"^\d?gold")])
        read(page)
        press(page, "Enter", "m5")
        saved(page, "m4")
    assert history(colours) == [("m3", "keep", "gold"), ("m4", "label", "gold")]


def test_a_list_that_did_not_come_is_asked_for_again(review, colours):
    with review(colours, problems_allowed="ERR_FAILED|500") as it:
        page = it.page
        at(page, "m0")
        page.route("**/api/list*", lambda route: route.abort(), times=1)
        press(page, "l")
        lists(page, *[f"m{k}" for k in range(12)])
        expect(page.locator("#banner")).to_be_hidden()
        failing = "**/api/list*"
        page.route(failing, lambda route: route.fulfill(status=500, json={"error": "the server failed"}))
        page.locator("[name=given]").select_option(label="gold")
        expect(page.locator("#banner")).to_contain_text("the server failed. It is tried again by itself.")
        expect(page.locator("#list li")).to_have_count(0)
        page.unroute(failing)
        lists(page, "m3", "m7", "m11")
        expect(page.locator("#banner")).to_be_hidden()


def test_refused_rows_of_the_list_are_undecided(review, colours):
    with review(colours, problems_allowed="400|ERR_FAILED") as it:
        page = it.page
        at(page, "m0")
        press(page, "l")
        lists(page, *[f"m{k}" for k in range(12)])
        choose(page, 1, 2)
        held = Hold(page, "**/api/decide")
        press(page, "x")
        held.refuse()
        expect(page.locator("#banner")).to_contain_text("2 rows: this cannot be")
        decided(page, 1).to_have_text("")
        # What was refused is said until it is read; the connection is another matter.
        broken = "**/api/state*"
        page.route(broken, lambda route: route.abort())
        expect(page.locator("#banner")).to_contain_text("The server does not answer.")
        page.unroute(broken)
        expect(page.locator("#banner")).not_to_contain_text("The server does not answer.")
        expect(page.locator("#banner")).to_contain_text("2 rows: this cannot be")
        press(page, "r", "m0")
        press(page, "k", "m1")
        press(page, "k", "m2")
        saved(page, "m1")
        page.locator("#close-banner").click()
        expect(page.locator("#banner")).to_be_hidden()
    assert [event[:2] for event in history(colours)] == [("m0", "keep"), ("m1", "keep")]


# Presses a key as soon as a row is on the screen, as a hand does that is already moving.
AT_ONCE = """([id, key]) => {
    const event = () => new KeyboardEvent('keydown', { key, bubbles: true });
    const pressed = () => row.textContent === id && document.body.dispatchEvent(event());
    const row = document.querySelector('#row-id');
    new MutationObserver(pressed).observe(row, { childList: true });
}"""


def test_the_page_jumps_under_no_hand(review, colours):
    with review(colours, problems_allowed="400") as it:
        page = it.page
        at(page, "m0")
        held = Hold(page, "**/api/decide")
        press(page, "k", "m1")
        page.evaluate(AT_ONCE, ["m0", "s"])
        held.refuse()
        at(page, "m0")
        read(page)
        press(page, "n", "m1")
        saved(page, "m0")
        press(page, "x", "m2")
        saved(page, "m1")
        press(page, "l")
        lists(page, *[f"m{k}" for k in range(12)])
        held = Hold(page, "**/api/undo", answers=True)
        press(page, "u")
        press(page, "r", "m2")
        held.release()
        saved(page, "undone: m1")
        at(page, "m2")
    assert history(colours) == [("m0", "unsure", None), ("m1", "none", None), ("m1", "undo", "none")]


def test_a_class_that_is_named_in_full_comes_first(review, tmp_path):
    run = write_run(tmp_path / "reds", ["a", "b"], [2, 2], [0, 0], ["reddish", "red", "green"])
    with review(run) as it:
        at(it.page, "m0")
        press(it.page, "c")
        it.page.keyboard.type("red")
        press(it.page, "Enter", "m1")
        saved(it.page, "m0")
    assert history(run) == [("m0", "label", "red")]


def test_enter_held_down_and_alt_gr_act_once_or_never(review, colours):
    with review(colours) as it:
        page = it.page
        at(page, "m0")
        page.locator("[data-do=label]").focus()
        for _ in range(3):
            page.keyboard.down("Enter")
        page.keyboard.up("Enter")
        expect(page.locator("#chooser")).to_be_visible()
        press(page, "Escape")
        alt = "new KeyboardEvent('keydown', { key: 'k', code: 'KeyK', modifierAltGraph: true, bubbles: true })"
        page.evaluate(f"document.body.dispatchEvent({alt})")
        at(page, "m0")
        for k in range(3):
            press(page, "n", f"m{k + 1}")
        saved(page, "m2")
        press(page, "l")
        lists(page, *[f"m{k}" for k in range(12)])
        page.locator("[data-do=undo]").focus()
        for _ in range(3):
            page.keyboard.down("Enter")
        page.keyboard.up("Enter")
        saved(page, "undone: m2")
        expect(page.locator("#numbers")).to_contain_text("2 of 12 decided")
    assert [event[:2] for event in history(colours)] == [
        ("m0", "unsure"),
        ("m1", "unsure"),
        ("m2", "unsure"),
        ("m2", "undo"),
    ]


def test_a_row_that_fails_can_be_passed_over(review, colours):
    with review(colours, problems_allowed="500") as it:
        page = it.page
        at(page, "m0")
        press(page, "Space", "m1")
        page.route("**/api/rows/1", lambda route: route.fulfill(status=500, json={"error": "the server failed"}))
        page.reload()
        expect(page.locator("#banner")).to_contain_text("the server failed")
        press(page, "k")  # nothing is there to decide
        press(page, "Space", "m2")
        press(page, "k", "m3")
        saved(page, "m2")
        expect(page.locator("#banner")).to_be_hidden()
    assert history(colours) == [("m2", "keep", "blue")]


def test_the_list_comes_back_as_it_was_typed_last(review, colours):
    with review(colours) as it:
        page = it.page
        at(page, "m0")
        press(page, "l")
        lists(page, *[f"m{k}" for k in range(12)])
        page.locator("[name=search]").evaluate(
            """box => {
                box.value = 'boats';
                box.dispatchEvent(new Event('input', { bubbles: true }));
                location.hash = 'row';
            }"""
        )
        at(page, "m0")
        page.evaluate(
            "() => new Promise((resolve) => setTimeout(resolve, 250))"
        )  # what was typed is taken in 200 later
        assert page.url.endswith("#row")
        press(page, "l")
        expect(page.locator("#list-view")).to_be_visible()
        lists(page, *[f"m{k}" for k in range(0, 12, 2)])


def test_what_was_saved_before_a_reload_is_this_windows_own(review, colours):
    with review(colours, problems_allowed="beforeunload") as it:
        page = it.page
        at(page, "m0")
        mark = expect(page.locator("#row-decision"))
        held = Hold(page, "**/api/decide", answers=True)
        press(page, "k", "m1")
        held.lose()
        page.reload()
        at(page, "m1")
        saved(page, "keep · m0")
        press(page, "ArrowLeft", "m0")
        mark.to_contain_text("decided at")
        press(page, "x", "m1")
        saved(page, "none of these · m0")
        held = Hold(page, "**/api/undo", answers=True)
        press(page, "u", "m0")
        mark.to_contain_text("decided at")
        held.lose()
        page.reload()
        saved(page, "undone: m0")
        at(page, "m0")
        mark.to_contain_text("decided at")
        mark.to_contain_text("keep")
    assert [event[:2] for event in history(colours)] == [("m0", "keep"), ("m0", "none"), ("m0", "undo")]


def test_a_window_that_decided_nothing_says_what_it_took_back(review, colours):
    with review(colours) as it:
        page, other = it.page, it.context.new_page()
        at(page, "m0")
        press(page, "s", "m1")
        saved(page, "m0")
        watch(other, it.server)
        at(other, "m1")
        press(other, "u", "m0")
        saved(other, "undone: m0")


def test_a_full_disk_is_said_without_a_break_and_without_hurry(review, colours):
    with review(colours, problems_allowed="507") as it:
        page, tries = it.page, []
        at(page, "m0")

        def full(route):
            tries.append(route)
            route.fulfill(status=507, json={"error": "nothing was saved: database or disk is full"})

        page.route("**/api/decide", full)
        press(page, "k", "m1")
        expect(page.locator("#banner")).to_contain_text("not saved: keep · m0. nothing was saved")
        count = "(changes) => new MutationObserver((seen) => (window.flickers = (window.flickers || 0) + seen.length))"
        page.evaluate(f"({count})().observe(document.querySelector('#banner'), {{ attributes: true }})")
        for _ in range(3):
            with page.expect_response("**/api/state*"):
                pass
        assert len(tries) <= 5  # after 0, 0.5, 1.5, 3.5 and 7.5 seconds
        page.unroute("**/api/decide")
        page.locator("#retry").click()
        saved(page, "keep · m0")
        expect(page.locator("#banner")).to_be_hidden()
        assert page.evaluate("window.flickers") <= 2  # shown at first, hidden at last
    assert history(colours) == [("m0", "keep", "red")]


def test_estimates_are_asked_for_again_and_old_ones_do_not_come_last(review, colours):
    with review(colours, "--probe", 0.5, problems_allowed="ERR_FAILED") as it:
        page, asked = it.page, []
        words = expect(page.locator("#estimate-words"))
        words.to_contain_text("as far as the labels themselves tell")
        id = row_there(page)

        def estimate(route):
            """The first answer comes late, the second never."""
            asked.append((route, route.fetch()))
            if len(asked) == 2:
                route.abort()
            elif len(asked) > 2:
                route.continue_()

        page.route("**/api/estimate", estimate)
        press(page, "n")
        saved(page, id)
        while not asked:
            page.wait_for_timeout(10)
        row_there(page)
        press(page, "n")
        words.to_contain_text("Of 2 rows decided")
        with page.expect_response("**/api/estimate"):
            asked[0][0].fulfill(response=asked[0][1])
        painted(page)
        words.to_contain_text("Of 2 rows decided")


def test_a_silent_server_is_said_and_not_asked_twice_at_once(review, colours):
    quick = """
        const slow = AbortSignal.timeout.bind(AbortSignal);
        window.hurry = 1;
        AbortSignal.timeout = (time) => slow(time / hurry);
    """
    with review(colours, script=quick, problems_allowed="ERR_FAILED") as it:
        page = it.page
        at(page, "m0")
        looked_ahead(page)
        looked_ahead(page)
        state = Hold(page, "**/api/state*")
        state.wait()
        page.evaluate("for (let k = 0; k < 5; k++) window.dispatchEvent(new Event('focus'))")
        page.evaluate("() => fetch('api/run')")  # what was asked before has come by now
        assert len(state.held) == 1
        page.evaluate("hurry = 30")
        state.release()
        decide, state = Hold(page, "**/api/decide"), Hold(page, "**/api/state*")
        press(page, "k", "m1")
        press(page, "x", "m2")
        expect(page.locator("#banner")).to_contain_text("not saved: keep · m0; none of these · m1. The server does not")
        page.evaluate("hurry = 1")
        state.lose()
        decide.lose()
        saved(page, "none of these · m1")
    assert history(colours) == [("m0", "keep", "red"), ("m1", "none", None)]


def test_a_class_without_a_name_can_be_seen_and_nine_classes_have_nine_keys(review, tmp_path):
    names = ["", *[f"class {k}" for k in range(8)]]
    run = write_run(tmp_path / "nine", ["a", "b"], [0, 1], [1, 0], names)
    with review(run) as it:
        page = it.page
        at(page, "m0")
        expect(page.locator("#given")).to_have_text("(empty)")
        expect(page.locator("#bars kbd")).to_have_count(9)
        expect(page.locator("#bars .name").last).to_have_text("class 7")
        press(page, "c")
        expect(page.locator("#classes li", has_text="(empty)")).to_have_count(1)
        press(page, "Escape")
        press(page, "9", "m1")
        saved(page, "m0")
        press(page, "l")
        expect(page.locator("#list .pair").first).to_have_text("(empty) → class 0")
        expect(page.locator("[name=given] option").nth(1)).to_have_text("(empty)")
    assert history(run) == [("m0", "label", "class 7")]


def test_a_range_begins_on_the_page_where_it_ends(review, tmp_path):
    with review(many(tmp_path / "many", 120)) as it:
        page = it.page
        at(page, "m0")
        press(page, "l")
        expect(page.locator("#list li")).to_have_count(50)
        choose(page, 2)
        page.locator("#page-after").click()
        expect(page.locator("#count")).to_contain_text("51–100")
        page.locator("#list li input").nth(6).click(modifiers=["Shift"])
        expect(page.locator("#clear")).to_have_text("2 chosen: clear")


def test_a_picture_that_is_none_gets_a_sentence(review, tmp_path):
    run = digit_run(tmp_path / "digits", 10)
    with review(run) as it:
        page = it.page
        page.route("**/media/0", lambda route: route.fulfill(body=b"\x89PNG broken", content_type="image/png"))
        page.reload()
        at(page, "m0")
        expect(page.locator("#content")).to_have_text("This picture cannot be shown.")


def test_content_that_cannot_be_read_is_said(review, colours):
    with review(colours) as it:
        page, contents = it.page, it.server.session.contents
        real = contents.read

        def read(place):
            if place == 4:
                raise OSError("Corrupt snappy compressed data")
            return real(place)

        contents.read = read
        page.goto(f"{it.server.address}#row/4")
        at(page, "m4")
        expect(page.locator("#content")).to_contain_text("cannot be read: look up m4 in your data")
        press(page, "k", "m0")
        saved(page, "m4")
