"""What can be pressed while the page waits for an answer: nothing that would do nothing, and nothing that is lost."""

import json
import re

import numpy as np
import pytest

pytest.importorskip("playwright", reason="playwright is not installed: pip install 'mislabel[dev]'")
pytest.importorskip("fastapi", reason="fastapi is not installed: pip install 'mislabel[review]'")

from review.browser import at, chromium, expect, history, lists, painted, press, saved
from review.holding import Hold, looked_ahead
from review.test_browser_map import corner_run, draw_round, open_map, places

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="there is no chromium here, nor is one in MISLABEL_CHROMIUM"),
]


def can_press(page):
    """What the buttons of the bar do that can be pressed."""
    return page.locator("#bar button:enabled").evaluate_all(
        "all => all.filter((one) => one.checkVisibility()).map((one) => one.dataset.do)"
    )


def test_no_button_can_be_pressed_that_would_do_nothing(review, colours):
    with review(colours, "--budget", 5) as it:
        page = it.page
        at(page, "m0")
        assert can_press(page) == ["keep", "suggestion", "label", "unsure", "none", "undo", "next"]
        looked_ahead(page)
        held = Hold(page, "**/api/next*")
        for k in range(3):
            press(page, "Space", f"m{k + 1}")
        assert can_press(page) == ["keep", "suggestion", "label", "unsure", "none", "undo", "back", "next"]
        press(page, "k")
        expect(page.locator("#waiting")).to_be_visible()
        assert can_press(page) == ["label", "undo", "back"]  # the chooser waits for the row, too
        press(page, "x")  # nobody has seen it
        held.release()
        at(page, "m4")
        assert can_press(page) == ["keep", "suggestion", "label", "unsure", "none", "undo", "back", "next"]
        press(page, "n")
        expect(page.locator("#end")).to_be_visible()
        assert can_press(page) == ["undo", "back"]
        press(page, "l")
        lists(page, *[f"m{k}" for k in range(12)])
        assert can_press(page) == ["undo"]
        page.locator("#list li input").first.click()
        assert can_press(page) == ["keep", "suggestion", "label", "unsure", "none", "undo"]
    assert [event[:2] for event in history(colours)] == [("m3", "keep"), ("m4", "unsure")]


def test_an_export_waits_for_what_is_on_its_way(review, colours):
    with review(colours) as it:
        page = it.page
        at(page, "m0")
        held = Hold(page, "**/api/decide")
        press(page, "k", "m1")
        press(page, "x", "m2")
        with page.expect_download() as download:
            page.locator("#to-export").click()
            expect(page.locator("#saved")).to_have_text("The file comes as soon as all is saved …")
            held.release()
        sent = json.loads(download.value.path().read_text())
    assert [(line["mislabel_id"], line["mislabel_decision"]) for line in sent] == [("m0", "keep"), ("m1", "none")]


def test_a_key_that_is_chosen_before_the_one_before_is_saved_takes_nothing_back(review, colours):
    with review(colours) as it:
        page = it.page
        at(page, "m0")
        held = Hold(page, "**/api/keys")
        press(page, "?")
        for name, key in (("keep", "j"), ("none", "y")):
            page.locator(f"#help [data-key={name}]").click()
            press(page, key)
        held.release()
        expect(page.locator("#keys-note")).to_have_text("Saved: J keep, Y none.")
        assert it.server.session.keys == {"keep": "j", "none": "y"}


def test_nobody_who_types_a_note_is_taken_elsewhere(review, colours):
    with review(colours, problems_allowed="400") as it:
        page = it.page
        at(page, "m0")
        held = Hold(page, "**/api/decide")
        press(page, "k", "m1")
        press(page, "t")
        page.keyboard.type("seen ")
        held.refuse()
        expect(page.locator("#banner")).to_contain_text("not saved: keep · m0")
        page.keyboard.type("nk")  # would decide if the note had lost the focus
        at(page, "m1")
        # A thousand rows decided elsewhere: all is asked for anew, the note stays.
        it.server.session.decide(np.arange(3, 12), "none", None, key="other")
        page.evaluate("import(new URL('sync.js', location)).then(({ poll }) => poll())")
        page.evaluate("import(new URL('row-view.js', location)).then(({ showRow }) => showRow())")
        at(page, "m1")
        expect(page.locator("#note")).to_have_value("seen nk")
        expect(page.locator("#note")).to_be_focused()
        press(page, "Enter")
        press(page, "s", "m2")
        saved(page, "m1")
    assert [event[:2] for event in history(colours) if event[1] != "none"] == [("m1", "suggestion")]


def test_rows_of_the_list_that_stay_are_the_same_ones(review, colours):
    with review(colours) as it:
        page = it.page
        at(page, "m0")
        press(page, "l")
        lists(page, *[f"m{k}" for k in range(12)])
        ticks = page.locator("#list li input")
        ticks.nth(5).evaluate("one => (window.tick = one)")
        ticks.nth(0).click()
        held = Hold(page, "**/api/list*")
        press(page, "x")
        saved(page, "none of these · m0")
        box = ticks.nth(5).bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        held.release()  # the new list comes between pressing and letting go
        lists(page, *[f"m{k}" for k in range(12)])
        page.mouse.up()
        expect(page.locator("#clear")).to_have_text("1 chosen: clear")
        assert page.evaluate("window.tick === document.querySelectorAll('#list li input')[5]")


def test_rows_inside_a_line_are_counted_again_where_no_answer_came(review, tmp_path):
    run, codes = corner_run(tmp_path / "run")
    with review(run, problems_allowed="ERR_FAILED") as it:
        page = open_map(it)
        broken = re.compile("/api/list")
        page.route(broken, lambda route: route.abort())
        draw_round(page, places(page, it.server.session)[codes == 2])
        expect(page.locator("#banner")).to_contain_text("does not answer")
        expect(page.locator("[data-do=none]")).to_be_disabled()
        page.unroute(broken)
        expect(page.locator("[data-do=none]")).to_be_enabled()
        expect(page.locator("#banner")).to_be_hidden()


def test_a_line_belongs_to_the_layout_that_is_on_the_screen(review, tmp_path):
    run, codes = corner_run(tmp_path / "run", 60)
    with review(run) as it:
        page = open_map(it)
        held = Hold(page, "**/api/map/tsne")
        page.locator("#map-layout").select_option("tsne")
        held.wait()
        draw_round(page, places(page, it.server.session)[codes == 2])  # drawn while the other one is being made
        expect(page.locator("#map-count")).to_have_text("15 rows inside the line")
        expect(page.locator("[data-do=suggestion]")).to_be_enabled()
        held.release()
        press(page, "s")
        saved(page, "15 rows")
        painted(page)
    assert sorted(event[0] for event in history(run)) == sorted(f"m{row}" for row in np.flatnonzero(codes == 2))
