"""The keys of classes on the review page: each means the same on every row."""

import json

import pytest

pytest.importorskip("playwright", reason="playwright is not installed: pip install 'mislabel[dev]'")
pytest.importorskip("fastapi", reason="fastapi is not installed: pip install 'mislabel[review]'")

from review.browser import COLOURS, at, chromium, expect, history, lists, press, saved, write_run

from mislabel.decisions.store import Store

pytestmark = pytest.mark.skipif(chromium() is None, reason="there is no chromium here, nor is one in MISLABEL_CHROMIUM")


@pytest.mark.slow
def test_a_digit_is_the_same_class_on_every_row_however_likely_it_is(review, colours):
    with review(colours) as it:
        page = it.page
        for number in range(8):
            at(page, f"m{number}")
            expect(page.locator("#bars kbd")).to_have_text(["1", "2", "3", "4"])
            expect(page.locator("#bars .name")).to_have_text(COLOURS)
            press(page, "3", f"m{number + 1}")
        press(page, "c")
        for digit, name in enumerate(COLOURS, 1):
            expect(page.locator("#classes li", has_text=name).locator("kbd")).to_have_text(f"{digit}")
        press(page, "Escape")
        press(page, "5")  # there are four classes
        press(page, "0")
        at(page, "m8")
        saved(page, "m7")
    kinds = {2: "keep", 1: "suggestion"}  # by given class; every fourth row has its own class suggested
    assert history(colours) == [(f"m{k}", kinds.get(k % 4, "label"), "blue") for k in range(8)]


@pytest.mark.slow
def test_digits_decide_what_is_chosen_in_the_list(review, colours):
    with review(colours) as it:
        page = it.page
        at(page, "m0")
        press(page, "l")
        lists(page, *[f"m{k}" for k in range(12)])
        press(page, "4")  # nothing is chosen
        for place in (0, 4):
            page.locator("#list li input").nth(place).click()
        press(page, "4")
        saved(page, "another class: gold · 2 rows")
    assert history(colours) == [("m0", "label", "gold"), ("m4", "label", "gold")]


@pytest.mark.slow
def test_the_beginning_of_a_name_finds_the_same_class_on_every_row(review, tmp_path):
    names = ["apple", "kale", "kiwi", "lemon", "melon", "okra", "pear", "Übergröße", "1st crop", "sloe", "black kale"]
    run = write_run(tmp_path / "fruit", list("abcdef"), [0, 1, 2, 3, 4, 5], [10, 2, 10, 1, 2, 1], names)
    first = '#classes li[aria-selected="true"]'
    with review(run) as it:
        page = it.page
        at(page, "m0")
        expect(page.locator("#bars kbd")).to_have_count(0)
        press(page, "Shift+K")  # K alone keeps
        expect(page.locator("#wanted")).to_have_value("K")
        for row, chosen in enumerate(["kale", "kale", "kiwi"]):
            if row:
                at(page, f"m{row}")
                press(page, "Shift+K")
            expect(page.locator("#classes li span span")).to_have_text(["kale", "kiwi", "okra", "black kale"])
            page.keyboard.type("i" if chosen == "kiwi" else "a")
            expect(page.locator(first)).to_contain_text(chosen)
            press(page, "Enter", f"m{row + 1}")
        press(page, "o")  # means nothing else
        expect(page.locator(first)).to_contain_text("okra")
        press(page, "Enter", "m4")
        press(page, "1")
        expect(page.locator(first)).to_contain_text("1st crop")
        press(page, "Escape")
        page.locator("body").dispatch_event("keydown", {"key": "ü", "code": "BracketLeft", "bubbles": True})
        expect(page.locator(first)).to_contain_text("Übergröße")
        press(page, "Enter", "m5")
        press(page, "k")
        saved(page, "m5")
    labels = ["kale", "kale", "kiwi", "okra", "Übergröße", "okra"]
    assert [event[2] for event in history(run)] == labels


@pytest.mark.slow
def test_keys_can_be_others_and_stay_so(review, colours):
    with review(colours, "--reviewer", "Ann") as it:
        page = it.page
        at(page, "m0")
        press(page, "?")
        page.locator("#help [data-key=keep]").click()
        press(page, "j")
        expect(page.locator("#keys-note")).to_contain_text("Saved: J keep")
        page.locator("#help [data-key=suggestion]").focus()
        press(page, "Enter")
        press(page, "2")  # a class has it
        expect(page.locator("#keys-note")).to_contain_text("has its meaning already")
        page.locator("#help [data-key=suggestion]").click()
        press(page, "n")  # not sure gets S in exchange
        expect(page.locator("#keys-note")).to_contain_text("N suggestion, S unsure")
        press(page, "Escape")
        expect(page.locator("[data-do=keep] kbd")).to_have_text("J")
        press(page, "k")  # means nothing now
        press(page, "j", "m1")
        saved(page, "m0")
    with review(colours, "--reviewer", "Ann") as it:  # another day
        page = it.page
        at(page, "m1")
        press(page, "n", "m2")
        press(page, "s", "m3")
        saved(page, "m2 — U undoes")
        press(page, "?")
        page.locator("#usual-keys").click()
        expect(page.locator("#keys-note")).to_contain_text("all keys are as usual")
        press(page, "Escape")
        press(page, "k", "m4")
        saved(page, "m3")
    with review(colours) as it:  # nobody's name, nobody's keys
        at(it.page, "m4")
        expect(it.page.locator("[data-do=keep] kbd")).to_have_text("K")
    assert [kind for _, kind, _ in history(colours)] == ["keep", "suggestion", "unsure", "keep"]


@pytest.mark.slow
def test_a_note_goes_with_a_decision_or_with_the_one_that_stands(review, colours):
    with review(colours) as it:
        page = it.page
        at(page, "m0")
        press(page, "t")
        page.keyboard.type("ks <b>1</b>")  # no key decides here
        press(page, "Enter")
        press(page, "k", "m1")
        expect(page.locator("#note")).to_have_value("")
        press(page, "s", "m2")
        press(page, "ArrowLeft", "m1")
        press(page, "t")
        page.keyboard.type("later")
        press(page, "Enter", "m2")
        press(page, "ArrowLeft", "m1")
        expect(page.locator("#row-decision")).to_contain_text("“later”")
        expect(page.locator("#row-decision")).to_contain_text("decided at")
        press(page, "t")
        press(page, "x")
        press(page, "Escape")  # as it was
        expect(page.locator("#note")).to_have_value("later")
        with page.expect_download() as download:
            page.locator("#to-export").click()
        sent = json.loads(download.value.path().read_text())
    assert [(line["mislabel_id"], line["mislabel_decision"], line["note"]) for line in sent] == [
        ("m0", "keep", "ks <b>1</b>"), ("m1", "suggestion", "later"),
    ]  # fmt: skip
    with Store(colours / "decisions.sqlite") as store:
        assert [event.decision.note for event in store.history()] == ["ks <b>1</b>", None, "later"]


@pytest.mark.slow
def test_progress_by_class_and_pair_leads_to_its_rows(review, colours):
    with review(colours) as it:
        page = it.page
        at(page, "m0")
        press(page, "s", "m1")
        press(page, "k", "m2")
        saved(page, "m1")
        expect(page.locator("#advice-words")).to_contain_text("Of the next 10 rows the run expects about")
        expect(page.locator("#numbers")).to_contain_text("of the next 10 wrong")
        press(page, "l")
        page.locator("#parts summary").click()
        expect(page.locator("#class-parts tr")).to_have_text(
            ["red1 of 31", "green1 of 30", "blue0 of 30", "gold0 of 30"]
        )
        expect(page.locator("#pair-parts tr").first).to_have_text("red → green1 of 31")
        page.locator("#pair-parts a").first.click()
        lists(page, "m0", "m4", "m8")
        page.locator("#list li input").nth(1).click()
        press(page, "s")
        expect(page.locator("#pair-parts tr").first).to_have_text("red → green2 of 32")


@pytest.mark.slow
def test_the_help_opens_at_its_beginning_on_a_small_screen(review, colours):
    with review(colours, width=400, height=500) as it:
        page = it.page
        at(page, "m0")
        press(page, "?")
        assert page.locator("#help").evaluate("one => [one.scrollTop, one.scrollHeight > one.clientHeight]") == [
            0,
            True,
        ]
        expect(page.locator("#help dt").first).to_be_in_viewport()
        press(page, "Escape")
        press(page, "k", "m1")
