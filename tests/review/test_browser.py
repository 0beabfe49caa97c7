"""The review page in a real browser, with the real server: what is pressed is what is on disk."""

import re

import pytest

pytest.importorskip("playwright", reason="playwright is not installed: pip install 'mislabel[dev]'")
pytest.importorskip("fastapi", reason="fastapi is not installed: pip install 'mislabel[review]'")

from review.browser import (
    COLOURS,
    QUICK_POLLS,
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
    served,
    voted_run,
    watch,
    write_run,
)

from mislabel.decisions.events import Decision
from mislabel.decisions.store import Store, read_decisions

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="there is no chromium here, nor is one in MISLABEL_CHROMIUM"),
]

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> &amp; <b>bold</b>"
HEBREW = "שלום, ההזמנה שלי לא הגיעה 😀🧑‍🚀 " * 40
LONG = "word " * 1000 + "x" * 5000  # ten thousand characters, half of them without a place to break
# A browser counts clicks anew where the first changed what is under the mouse: both may say that they are the first.
# The second one comes as soon as the next row is there.
TWO_CLICKS = """async (button) => {
    const click = () => button.dispatchEvent(new MouseEvent('click', { bubbles: true, detail: 1 }));
    const next = new Promise((resolve) => {
        new MutationObserver(resolve).observe(document.querySelector('#row-id'), { childList: true });
    });
    click();
    await next;
    click();
}"""
SCROLLED = """(element) => new Promise((resolve) => {
    const look = () => (element.scrollTop > 100 ? resolve() : requestAnimationFrame(look));
    look();
})"""


def no_sideways(page):
    widths = page.evaluate("() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert widths[0] <= widths[1]


@pytest.mark.slow
def test_a_session_by_keyboard_alone_is_what_the_store_holds(review, colours):
    with review(colours) as it:
        page = it.page
        at(page, "m0")
        press(page, "k", "m1")
        press(page, "s", "m2")
        press(page, "c")
        page.keyboard.type("GOL")
        expect(page.locator("#classes li")).to_have_text(re.compile("gold"))
        press(page, "Enter", "m3")
        press(page, "n", "m4")
        press(page, "x", "m5")
        press(page, "Space", "m6")  # m5 is passed over
        press(page, "ArrowRight", "m7")
        press(page, "ArrowLeft", "m6")
        press(page, "ArrowLeft", "m5")
        press(page, "ArrowLeft", "m4")
        expect(page.locator("#row-decision")).to_contain_text("none of these")
        press(page, "k", "m5")  # decided a second time; the next one that is undecided is shown
        press(page, "u", "m4")
        expect(page.locator("#row-decision")).to_contain_text("none of these")
        press(page, "u", "m4")
        expect(page.locator("#row-decision")).to_be_hidden()
        press(page, "1", "m5")  # the first class, the given label
        saved(page, "m4 — U undoes")
        expect(page.locator("#numbers")).to_contain_text("5 of 12 decided")
    assert history(colours) == [
        ("m0", "keep", "red"),
        ("m1", "suggestion", "blue"),
        ("m2", "suggestion", "gold"),  # chosen by its name
        ("m3", "unsure", None),
        ("m4", "none", None),
        ("m4", "keep", "red"),
        ("m4", "undo", "keep"),
        ("m4", "undo", "none"),
        ("m4", "keep", "red"),  # chosen by its digit
    ]


@pytest.mark.slow
def test_keys_do_nothing_in_inputs_dialogs_or_with_other_keys_and_work_on_other_keyboards(review, colours):
    with review(colours) as it:
        page = it.page
        at(page, "m0")
        for key in ("Control+k", "Alt+n", "Meta+x"):
            press(page, key)
        press(page, "c")
        page.keyboard.type("kn")  # filters; Escape leaves
        expect(page.locator("#classes-note")).to_have_text("No class matches.")
        press(page, "Enter")
        press(page, "Escape")
        press(page, "?")
        press(page, "k")
        press(page, "Escape")
        press(page, "l")
        page.locator("[name=search]").fill("boats")
        page.locator("[name=search]").press("k")
        page.locator("[name=search]").press("r")
        expect(page.locator("#list-view")).to_be_visible()
        page.locator("#to-row").click()
        at(page, "m0")
        page.locator("body").dispatch_event("keydown", {"key": "k", "code": "KeyK", "repeat": True})
        page.locator("body").dispatch_event("keydown", {"key": "т", "code": "KeyN", "bubbles": True})
        at(page, "m1")
        saved(page, "m0")
    assert history(colours) == [("m0", "unsure", None)]


@pytest.mark.slow
def test_a_double_click_decides_one_row(review, colours):
    with review(colours) as it:
        at(it.page, "m0")
        read(it.page)  # before that nobody has seen the row, and a click decides nothing
        it.page.locator("[data-do=keep]").evaluate(TWO_CLICKS)
        at(it.page, "m1")
        saved(it.page, "m0")
        press(it.page, "Space", "m2")  # the focus is no longer on the button
    assert history(colours) == [("m0", "keep", "red")]


@pytest.mark.slow
def test_a_fast_typist_loses_nothing_and_decides_nothing_unseen(review, colours):
    with review(colours) as it:
        page, held = it.page, []
        at(page, "m0")
        page.route("**/api/decide", lambda route: held.append(route))  # the server hears of nothing yet
        for k, key in enumerate("ksnx" * 3):
            press(page, key, f"m{k + 1}" if k < 11 else None)
        assert len(held) == 1
        assert "saved" not in page.locator("#saved").inner_text()
        for _ in range(12):
            while not held:
                page.wait_for_timeout(10)
            held.pop().continue_()
        expect(page.locator("#numbers")).to_contain_text("12 of 12 decided")
        expect(page.locator("#end")).to_contain_text("12 of 12 rows are decided")
        expect(page.locator("#end")).to_contain_text(f"mislabel export {colours} -o")
    kinds = ["keep", "suggestion", "unsure", "none"] * 3
    assert [(id, kind) for id, kind, _ in history(colours)] == [(f"m{k}", kind) for k, kind in enumerate(kinds)]


@pytest.mark.slow
def test_the_end_of_the_queue_offers_what_was_passed_over(review, colours):
    with review(colours, "--budget", 6) as it:
        page = it.page
        at(page, "m0")
        press(page, "Space", "m1")
        press(page, "ArrowLeft", "m0")  # with the next rows at hand there is nothing to fetch
        press(page, "Space", "m1")
        for k in range(1, 5):
            press(page, "k", f"m{k + 1}")
        press(page, "k")
        expect(page.locator("#end")).to_contain_text("5 of 6 rows are decided")
        press(page, "n")  # nothing is on the screen to decide
        press(page, "ArrowLeft", "m5")
        press(page, "Space")
        page.locator("#end button").click()
        at(page, "m0")
        press(page, "s")
        expect(page.locator("#end h2")).to_have_text("All done")
    assert [event[0] for event in history(colours)] == ["m1", "m2", "m3", "m4", "m5", "m0"]


@pytest.mark.slow
def test_filters_and_search_of_the_list(review, tmp_path):
    status = ["judged"] * 5 + ["held_out"]
    texts = ["Apple pie", "a PEAR", "plum", "Äpfel", "pear tree", "another pear"]
    given, suggested = [0, 0, 1, 1, 2, 2], [1, 1, 2, 1, 0, 2]
    run = write_run(tmp_path / "fruit", texts, given, suggested, COLOURS, status=status)
    with review(run) as it:
        page = it.page
        at(page, "m0")
        press(page, "k", "m1")
        saved(page, "m0")
        press(page, "l")
        lists(page, "m0", "m1", "m2", "m3", "m4")
        choose = lambda name, *value, **words: page.locator(f"[name={name}]").select_option(*value, **words)
        choose("status", "any")
        lists(page, "m0", "m1", "m2", "m3", "m4", "m5")
        choose("status", "held_out")
        lists(page, "m5")
        choose("status", "judged")
        choose("given", label="red")
        lists(page, "m0", "m1")
        choose("given", label="any")
        choose("suggested", label="green")
        lists(page, "m0", "m1", "m3")
        choose("decision", "undecided")
        lists(page, "m1", "m3")
        choose("decision", "keep")
        lists(page, "m0")
        choose("decision", "")
        choose("suggested", label="any")
        choose("pair", label="blue → red (1)")
        lists(page, "m4")
        expect(page.locator("[name=given]")).to_have_value("2")
        choose("pair", label="any")
        held = []
        page.route("**/api/list?*search=plum*", lambda route: held.append(route))
        page.locator("[name=search]").fill("plum")
        while not held:
            page.wait_for_timeout(20)
        page.locator("[name=search]").fill("")
        page.locator("[name=search]").press_sequentially("pear")
        lists(page, "m1", "m4")
        with page.expect_response("**/api/list?*search=plum*"):
            held[0].continue_()  # an answer to older words, after that to newer ones
        painted(page)
        lists(page, "m1", "m4")
        assert page.url.endswith("#list?search=pear")
        page.reload()
        lists(page, "m1", "m4")
        page.locator("#list li a").nth(1).click()
        at(page, "m4")
        expect(page.locator("#row-where")).to_have_text("from the list, 2 of 2")
        page.go_back()
        lists(page, "m1", "m4")
        page.locator("[name=search]").fill("nothing like this")
        expect(page.locator("#empty")).to_be_visible()
        page.locator("#no-filters").click()
        lists(page, "m0", "m1", "m2", "m3", "m4", "m5")


def test_one_decision_for_many_rows_and_its_undo(review, colours):
    with review(colours) as it:
        page = it.page
        at(page, "m0")
        press(page, "k", "m1")
        press(page, "l")
        lists(page, *[f"m{k}" for k in range(12)])
        press(page, "x")  # nothing is chosen
        ticks = page.locator("#list li input")
        ticks.nth(2).click()
        ticks.nth(5).click(modifiers=["Shift"])
        ticks.nth(3).click()
        press(page, "s")
        saved(page, "suggestion · 3 rows — U undoes")
        expect(page.locator("#list li .decided").nth(4)).to_have_text("✓ suggestion")
        ticks.nth(9).click()
        ticks.nth(10).click()
        press(page, "c")
        expect(page.locator("#chooser-title")).to_have_text("Which class is right for 2 rows?")
        page.keyboard.type("red")
        press(page, "Enter")
        saved(page, "another class: red · 2 rows")
        press(page, "u")
        saved(page, "undone: 2 rows")
        expect(page.locator("#list li .decided").nth(9)).to_have_text("")
        press(page, "u")
        saved(page, "undone: 3 rows")
        press(page, "u")
        saved(page, "undone: m0")
        expect(page.locator("#numbers")).to_contain_text("0 of 12 decided")
    events = history(colours)
    assert events[1:4] == [("m2", "suggestion", "gold"), ("m4", "suggestion", "green"), ("m5", "suggestion", "blue")]
    assert events[4:6] == [("m9", "label", "red"), ("m10", "label", "red")]
    assert len(events) == 12
    assert read_decisions(colours / "decisions.sqlite") == {}


def test_all_rows_that_match_are_decided_after_a_question(review, tmp_path):
    given = [k % 2 for k in range(460)]
    run = write_run(tmp_path / "many", [f"text {k}" for k in range(460)], given, [1] * 460, COLOURS)
    with review(run) as it:
        page = it.page
        page.goto(f"{it.server.address}#list?given=0")
        expect(page.locator("#count")).to_contain_text("1–50 of 230")
        page.locator("#page-after").click()
        expect(page.locator("#count")).to_contain_text("51–100 of 230")
        page.locator("#all-page").click()
        page.locator("#all-match").click()
        press(page, "s")
        expect(page.locator("#confirm-title")).to_have_text("Decide 230 rows at once?")
        press(page, "Escape")
        press(page, "s")
        page.locator("#confirm-yes").click()
        saved(page, "suggestion · 230 rows")
        press(page, "u")
        saved(page, "undone: 230 rows")
    events = history(run)
    assert len(events) == 460
    assert {event[1:] for event in events[:230]} == {("suggestion", "green")}
    assert [event[0] for event in events[:230]] == [f"m{k}" for k in range(0, 460, 2)]


@pytest.mark.slow
def test_more_than_twenty_rows_are_decided_after_a_question(review, tmp_path):
    run = write_run(tmp_path / "many", [f"text {k}" for k in range(41)], [0] * 41, [1] * 41, COLOURS)
    with review(run) as it:
        page = it.page
        at(page, "m0")
        expect(page.locator("#row-where")).to_have_text("row 1 of 41")
        press(page, "l")
        ticks = page.locator("#list li input")
        ticks.nth(0).click()
        ticks.nth(19).click(modifiers=["Shift"])
        press(page, "x")
        saved(page, "none of these · 20 rows")
        ticks.nth(20).click()
        ticks.nth(40).click(modifiers=["Shift"])
        press(page, "2")
        expect(page.locator("#confirm-title")).to_have_text("Decide 21 rows at once?")
        page.locator("#confirm-no").click()
        press(page, "2")
        page.locator("#confirm-yes").click()
        saved(page, "another class: green · 21 rows")
    kinds = [event[1] for event in history(run)]
    assert (kinds[:20], kinds[20:]) == (["none"] * 20, ["suggestion"] * 21)


@pytest.mark.slow
def test_reload_in_the_middle_goes_on_at_the_same_place(review, colours):
    with review(colours) as it:
        page = it.page
        at(page, "m0")
        for k, key in enumerate(["k", "s", "Space"]):
            press(page, key, f"m{k + 1}")
        saved(page, "m1")
        page.reload()
        at(page, "m3")
        press(page, "ArrowLeft", "m2")
        page.reload()
        at(page, "m2")
        press(page, "u", "m1")  # this window still knows its last decision
        saved(page, "undone: m1")
        press(page, "n", "m2")
        saved(page, "m1")
    assert history(colours)[-1] == ("m1", "unsure", None)
    assert len(history(colours)) == 4


@pytest.mark.slow
def test_two_windows_agree(review, colours):
    with review(colours, script=QUICK_POLLS) as it:
        first, second = it.page, it.context.new_page()
        more = watch(second, it.server)
        at(first, "m0")
        at(second, "m0")
        press(first, "k", "m1")
        saved(first, "m0")
        expect(second.locator("#row-decision")).to_have_text("✓ decided in another window: keep")
        at(second, "m0")
        press(second, "Space", "m1")
        press(second, "s", "m2")
        saved(second, "m1")
        expect(first.locator("#row-decision")).to_contain_text("another window: suggestion")
        press(first, "Space", "m2")
        press(second, "u", "m1")
        saved(second, "undone")
        press(second, "l")
        expect(second.locator("#list li .decided").nth(0)).to_have_text("✓ keep")
        press(first, "x", "m3")
        expect(second.locator("#list li .decided").nth(2)).to_have_text("✓ none of these")
        second.locator("#list li input").nth(4).click()
        press(second, "n")
        expect(first.locator("#numbers")).to_contain_text("3 of 12 decided")
        press(first, "k", "m5")  # m4 was at hand already, and is decided now
        assert more == []


@pytest.mark.slow
def test_hostile_text_and_labels_are_shown_as_text(review, tmp_path):
    classes = ["<b>red</b>", "<img src=x onerror=alert(3)>", "</script>"]
    run = write_run(tmp_path / "hostile", [HOSTILE] * 4, [0, 1, 2, 0], [1, 0, 0, 0], classes)
    with review(run) as it:
        page = it.page
        at(page, "m0")
        expect(page.locator("#content .text")).to_have_text(HOSTILE)
        expect(page.locator("#given")).to_have_text("<b>red</b>")
        expect(page.locator("#neighbours .text").first).to_have_text(HOSTILE)
        press(page, "c")
        expect(page.locator("#classes li").first).to_contain_text("onerror")
        press(page, "Enter", "m1")
        press(page, "l")
        expect(page.locator("#list .text").first).to_have_text(HOSTILE)
        assert page.locator("main img, main script, main b b, #content b").count() == 0


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (400, 860)])
def test_any_text_is_readable_without_sideways_scrolling(review, tmp_path, width, height):
    names = ["שירות לקוחות", "a_label_without_any_place_to_break_that_is_far_longer_than_its_button", "b"]
    run = write_run(tmp_path / "wide", [HEBREW, LONG, "", "a\nb\n\tc"], [0, 1, 2, 1], [1, 0, 1, 1], names)
    with review(run, width=width, height=height) as it:
        page = it.page
        at(page, "m0")
        expect(page.locator("#neighbours button")).to_have_count(3)
        style = "one => [getComputedStyle(one).direction, one.getBoundingClientRect().width]"
        assert page.locator("#content .text").evaluate(style)[0] == "rtl"
        no_sideways(page)
        press(page, "k", "m1")
        shown = page.locator("#content .text").evaluate("one => one.textContent")
        assert len(shown) == 10_000
        sizes = "one => [one.scrollWidth <= one.clientWidth, one.scrollHeight > one.clientHeight]"
        assert page.locator("#content").evaluate(sizes) == [True, True]
        press(page, "End")  # the text has the focus and scrolls in its own place
        expect(page.locator("[data-do=keep]")).to_be_in_viewport()
        page.locator("#content").evaluate(SCROLLED)
        no_sideways(page)
        press(page, "k", "m2")
        expect(page.locator("#content")).to_have_text("The text is empty.")
        press(page, "k", "m3")
        assert page.locator("#content .text").inner_text() == "a\nb\n\tc"
        press(page, "l")
        expect(page.locator("#list li")).to_have_count(4)
        no_sideways(page)


@pytest.mark.slow
def test_a_chooser_of_150_classes(review, tmp_path):
    classes = [f"class {k:03d}" for k in range(148)] + ["Café", "naïve"]
    run = write_run(tmp_path / "classes", ["some text"] * 3, [0, 1, 2], [3, 4, 5], classes)
    with review(run) as it:
        page = it.page
        at(page, "m0")
        expect(page.locator("#bars li")).to_have_count(9)
        expect(page.locator("#bars kbd")).to_have_count(0)
        press(page, "c")
        expect(page.locator("#classes li")).to_have_count(150)
        expect(page.locator("#classes li").first).to_contain_text("class 003")  # the likeliest
        page.keyboard.type("class 14")
        expect(page.locator("#classes li")).to_have_count(8)
        press(page, "ArrowDown")
        press(page, "ArrowDown")
        press(page, "ArrowUp")
        press(page, "Enter", "m1")
        press(page, "c")
        page.keyboard.type("cafe")
        press(page, "Enter", "m2")
        saved(page, "another class: Café · m1")
    assert [event[2] for event in history(run)] == ["class 141", "Café"]


def test_pictures_are_shown(review, tmp_path):
    with review(digit_run(tmp_path / "digits", 40)) as it:
        page = it.page
        at(page, "m0")
        for where in ("#content img", "#neighbours img", "#list img"):
            picture = page.locator(where).first
            expect(picture).to_be_visible()
            assert picture.evaluate("one => one.decode().then(() => one.naturalWidth)") == 28
            assert picture.get_attribute("alt").startswith("Picture of row m")
            if where.startswith("#near") or where.startswith("#nei"):
                press(page, "l")
        no_sideways(page)


def test_a_run_without_inputs_says_so(review, tmp_path):
    run = write_run(tmp_path / "bare", None, [0, 1, 2], [1, 1, 0], COLOURS)
    (run / "embeddings.npy").unlink()
    with review(run) as it:
        at(it.page, "m0")
        expect(it.page.locator("#content")).to_contain_text("This run keeps no inputs (--no-content): look up m0")
        expect(it.page.locator("#near-note")).to_contain_text("keeps no embeddings")


@pytest.mark.slow
def test_random_checks_give_an_estimate_and_a_curve(review, colours):
    with review(colours, "--probe", 0.5) as it:
        page = it.page
        expect(page.locator("#estimate-words")).to_contain_text("At least 19% are wrong, as far as the labels")
        expect(page.locator("#curve")).to_be_hidden()
        probes = 0
        for _ in range(6):
            id = row_there(page)
            expect(page.locator("#row-decision")).to_be_hidden()
            probes += page.locator("#row-probe").is_visible()
            press(page, "s")
            saved(page, f"· {id} —")
        assert probes > 0
        expect(page.locator("#estimate-number")).to_contain_text("of 12")
        expect(page.locator("#curve svg")).to_be_visible()
        expect(page.locator("#estimate-words")).to_contain_text("Of 6 rows decided")
        expect(page.locator("#estimate-words")).not_to_contain_text("At least")
    with Store(colours / "decisions.sqlite") as store:
        assert sum(event.decision.probe for event in store.history()) == probes


@pytest.mark.slow
def test_a_review_that_teaches_says_what_was_learnt_and_when_it_is_enough(review, tmp_path):
    given = [k % 2 for k in range(110)]
    run = write_run(tmp_path / "run", [f"text {k}" for k in range(110)], given, given, ["tea", "coffee"])
    with review(run, "--order", "trust") as it:
        page = it.page
        expect(page.locator("#taught-words")).to_contain_text("from 10 on they tell")
        expect(page.locator("#estimate-words")).not_to_contain_text("--probe")
        for number in range(10):
            id = row_there(page)
            press(page, "k" if number else "s")
            saved(page, f"· {id} —")
        expect(page.locator("#taught-words")).to_contain_text("10 answers tell, 100%")
        expect(page.locator("#taught-title")).to_have_text("What the answers teach")
        with Store(run / "decisions.sqlite") as store:  # as another window does
            names = [("tea", "coffee")[code] for code in given]
            store.decide([Decision(f"m{k}", "keep", name, name) for k, name in enumerate(names)])
        expect(page.locator("#taught-title")).to_have_text("Enough answers")
        expect(page.locator("#taught-words")).to_contain_text("mislabel train … --decisions")


def test_a_neighbour_is_a_detour(review, colours):
    with review(colours) as it:
        page = it.page
        at(page, "m0")
        near = page.locator("#neighbours button").first
        id = near.get_attribute("title").removeprefix("Open ")
        near.click()
        at(page, id)
        press(page, "n", "m0")
        press(page, "k", "m1" if id != "m1" else "m2")
        saved(page, "m0")
        page.goto(f"{it.server.address}#row/9")
        at(page, "m9")
        expect(page.locator("#row-where")).to_contain_text("goes back")
    assert [event[:2] for event in history(colours)] == [(id, "unsure"), ("m0", "keep")]


@pytest.mark.slow
def test_a_lost_answer_is_asked_for_again_and_counts_once(review, colours):
    with review(colours, problems_allowed="ERR_FAILED") as it:
        page, tries, heard = it.page, [], []
        at(page, "m0")

        def lose(route):
            tries.append(route.request.post_data)
            if len(tries) == 1:
                route.fetch()  # the server has it on disk, and the page hears nothing
            route.continue_() if heard else route.abort()

        page.route("**/api/decide", lose)
        press(page, "k", "m1")
        expect(page.locator("#banner")).to_contain_text("not saved: keep · m0")
        press(page, "s", "m2")
        heard.append(True)
        saved(page, "suggestion · m1")
        expect(page.locator("#banner")).to_be_hidden()
    assert history(colours) == [("m0", "keep", "red"), ("m1", "suggestion", "blue")]


@pytest.mark.slow
def test_an_answer_cut_in_the_middle_is_no_answer(review, colours):
    with review(colours) as it:
        page, keys, whole = it.page, set(), []
        at(page, "m0")

        def cut(route):
            """Hands the request on, and back but the first half of what the server says."""
            answer = route.fetch()
            said = answer.text()
            said = said if whole else said[: len(said) // 2]
            route.fulfill(status=answer.status, content_type="application/json", body=said)

        def decide(route):
            keys.add(route.request.post_data_json["key"])
            cut(route)

        page.route("**/api/decide", decide)
        press(page, "k", "m1")
        expect(page.locator("#banner")).to_contain_text("not saved: keep · m0. The server does not answer.")
        expect(page.locator("#saved")).to_have_text("waiting for the server …")
        assert history(colours) == [("m0", "keep", "red")]  # it is on disk, which the page cannot know
        whole.append(True)
        saved(page, "keep · m0")
        expect(page.locator("#banner")).to_be_hidden()
        whole.clear()
        with page.expect_response("**/rows/2/neighbours"):
            page.route("**/rows/2/neighbours", cut)
            press(page, "Space", "m2")
        expect(page.locator("#neighbours button")).to_have_count(0)
        whole.append(True)
        expect(page.locator("#neighbours button")).to_have_count(3)  # asked for again
    assert len(keys) == 1
    assert history(colours) == [("m0", "keep", "red")]


@pytest.mark.slow
def test_a_refused_decision_brings_the_row_back(review, colours):
    with review(colours, problems_allowed="400") as it:
        page = it.page
        at(page, "m0")
        answer = {"status": 400, "json": {"error": "this cannot be"}}
        page.route("**/api/decide", lambda route: route.fulfill(**answer), times=1)
        press(page, "k")
        expect(page.locator("#banner")).to_contain_text("not saved: keep · m0: this cannot be")
        at(page, "m0")
        expect(page.locator("#row-decision")).to_be_hidden()
        read(page)  # a key right after the jump is meant for the row before
        press(page, "s", "m1")
        saved(page, "suggestion · m0")
    assert history(colours) == [("m0", "suggestion", "green")]


def test_nothing_to_undo_is_said(review, colours):
    with review(colours, problems_allowed="409") as it:
        at(it.page, "m0")
        press(it.page, "u")
        expect(it.page.locator("#banner")).to_contain_text("there is no decision to undo")
        it.page.locator("#close-banner").click()
        press(it.page, "k", "m1")
        saved(it.page, "m0")


@pytest.mark.slow
def test_decisions_that_wait_survive_a_reload(review, colours):
    with review(colours, problems_allowed="ERR_FAILED|beforeunload") as it:
        page = it.page
        at(page, "m0")
        page.route("**/api/decide", lambda route: route.abort())
        press(page, "k", "m1")
        press(page, "x", "m2")
        expect(page.locator("#banner")).to_contain_text("none of these · m1")
        page.reload()
        assert "dialog: beforeunload" in it.problems  # or the window would be closed as easily, which loses them
        at(page, "m2")
        expect(page.locator("#banner")).to_contain_text("keep · m0; none of these · m1")
        page.unroute("**/api/decide")
        page.locator("#retry").click()
        saved(page, "none of these · m1")
    assert history(colours) == [("m0", "keep", "red"), ("m1", "none", None)]


@pytest.mark.slow
def test_a_server_that_dies_and_comes_back_elsewhere_is_said(review, colours):
    with review(colours, problems_allowed="net::ERR_|404|beforeunload", process=True) as it:
        page = it.page
        at(page, "m0")
        press(page, "k", "m1")
        saved(page, "m0")
        expect(page.locator("#neighbours button")).to_have_count(3)
        it.server.kill()
        press(page, "n", "m2")
        expect(page.locator("#banner")).to_contain_text("not saved: not sure · m1")
        expect(page.locator("#banner")).to_contain_text("The server does not answer.")
        expect(page.locator("#saved")).to_have_text("waiting for the server …")
        port = it.server.origin.rsplit(":", 1)[1]
        with served(colours, "--port", port, process=True) as again:
            expect(page.locator("#banner")).to_contain_text("started anew, under another address")
            expect(page.locator("#banner")).to_contain_text("not sure · m1")
            assert history(colours) == [("m0", "keep", "red")]
            it.servers.append(again)
            page.goto(again.address)
            at(page, "m1")


def test_who_labelled_a_row_and_how_right_each_source_is(review, tmp_path):
    with review(voted_run(tmp_path / "run")) as it:
        page = it.page
        at(page, "m0")
        expect(page.locator("#votes li")).to_have_text(["annaredwrong: 10%", "bengoldwrong: 100%"])
        page.locator("#to-list").click()
        expect(page.locator("#sources-title")).to_have_text("Who labelled the rows: 3 sources")
        page.locator("#sources-title").click()
        expect(page.locator("#source-lines tr")).to_have_count(3)
        expect(page.locator("#source-lines tr").first).to_contain_text("“gold” of about 2 rows that are “red”")
        no_sideways(page)


def test_a_run_of_one_label_a_row_tells_of_no_sources(review, colours):
    with review(colours) as it:
        at(it.page, "m0")
        assert it.page.locator("#votes-part").is_hidden()
        it.page.locator("#to-list").click()
        expect(it.page.locator("#list li").first).to_be_visible()
        assert it.page.locator("#sources").is_hidden()
