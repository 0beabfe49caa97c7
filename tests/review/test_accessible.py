"""What axe-core finds on the page, the review that is one file, and the report: nothing serious, light and dark."""

from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="playwright is not installed: pip install 'mislabel[dev]'")
pytest.importorskip("fastapi", reason="fastapi is not installed: pip install 'mislabel[review]'")

from review.browser import at, chromium, expect, painted, press, row_there, saved
from review.tables import customers

from mislabel.report.page import write_report
from mislabel.review.one_file import write_review_file
from mislabel.run.folder import RunFolder

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="there is no chromium here, nor is one in MISLABEL_CHROMIUM"),
    pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: npm ci"),
]
SERIOUS = """async () => (await axe.run(document)).violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 200)).join(' | ')}`)"""


@pytest.fixture(params=[("light", 1280), ("dark", 1280), ("light", 400), ("dark", 400)], ids=lambda each: f"{each}")
def context(chrome, request):
    scheme, width = request.param
    # The policy of a page lets no script in but its own: axe is brought in beside it.
    opened = chrome.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    opened.set_default_timeout(60_000)
    yield opened
    opened.close()


def serious(page):
    painted(page)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    return page.evaluate(SERIOUS)


def go_through(page):
    """Every view and dialog of a review of two classes."""
    at(page, "m0")
    assert serious(page) == [], "the row"
    press(page, "s", "m1")
    saved(page, "m0")
    press(page, "c")
    assert serious(page) == [], "the chooser"
    press(page, "Escape")
    press(page, "?")
    assert serious(page) == [], "the help"
    page.locator("#help [data-key=keep]").click()
    assert serious(page) == [], "the help, a key being chosen"
    press(page, "Escape")
    press(page, "Escape")
    press(page, "d")
    assert serious(page) == [], "what classes mean"
    press(page, "Escape")
    press(page, "l")
    page.locator("#parts summary").click()
    expect(page.locator("#class-parts tr")).to_have_count(2)
    page.locator("#list li input").first.click()
    assert serious(page) == [], "the list"
    page.locator("#all-page").check()
    press(page, "x")
    expect(page.locator("#confirm")).to_be_visible()
    assert serious(page) == [], "the question"
    press(page, "Escape")
    page.locator("[name=search]").fill("nothing like this")
    expect(page.locator("#empty")).to_be_visible()
    assert serious(page) == [], "an empty list"
    press(page, "Tab")


def to_the_end(page):
    """Look at all rows, and decide none of them."""
    page.locator("#to-row").click()
    row_there(page)
    while page.locator("#end").is_hidden():
        before = row_there(page)
        press(page, "Space")
        page.wait_for_function(
            "(id) => document.querySelector('#row-id').textContent !== id || !document.querySelector('#end').hidden",
            arg=before,
        )
    assert serious(page) == [], "the end"


def test_the_page(context, tmp_path):
    from review.browser import served

    run, _ = customers(tmp_path / "customers")
    with served(run, "--reviewer", "Ann", "--probe", "0.3") as server:
        page = context.new_page()
        page.goto(server.address)
        go_through(page)
        press(page, "m")
        expect(page.locator("#map-view")).to_be_visible()
        expect(page.locator("#map-progress")).to_be_hidden()
        assert serious(page) == [], "the map"
        page.locator("#map-above").focus()
        for key in (
            "ArrowRight",
            "Space",
            *["Shift+ArrowRight"] * 4,
            "Space",
            *["Shift+ArrowDown"] * 4,
            "Space",
            "Enter",
        ):
            press(page, key)
        page.locator("#map-colour").select_option("given")
        expect(page.locator("#legend li")).to_have_count(2)
        assert serious(page) == [], "the map, with a line"
        page.route("**/api/state*", lambda route: route.abort())
        expect(page.locator("#banner")).to_be_visible()
        assert serious(page) == [], "trouble"
        page.unroute("**/api/state*")


def test_pictures_and_their_grid(context, tmp_path):
    from review.browser import digit_run, served

    with served(digit_run(tmp_path / "digits", 30), "--budget", "4") as server:
        page = context.new_page()
        page.goto(server.address)
        at(page, "m0")
        assert serious(page) == [], "the picture"
        press(page, "l")
        expect(page.locator("#list[aria-busy=false] li")).to_have_count(30)
        press(page, "g")
        expect(page.locator("#list.grid li")).to_have_count(30)
        assert serious(page) == [], "the grid"
        to_the_end(page)


def test_the_review_that_is_one_file(context, tmp_path):
    run, _ = customers(tmp_path / "customers")
    write_review_file(RunFolder(run), tmp_path / "review.html")
    page = context.new_page()
    page.goto((tmp_path / "review.html").as_uri())
    go_through(page)
    page.locator("[name=search]").fill("")
    to_the_end(page)


def test_what_is_wrong_would_be_found(context, tmp_path):
    page = context.new_page()
    page.set_content('<title>x</title><main><p style="color: #ccc; background: #fff">pale</p><input></main>')
    assert {found.split(":")[0] for found in serious(page)} >= {"color-contrast", "label"}


def test_the_report(context, tmp_path):
    run, _ = customers(tmp_path / "customers")
    report = write_report(RunFolder(run))
    page = context.new_page()
    page.goto(report.as_uri())
    expect(page.locator(".tools")).to_be_visible()
    assert serious(page) == []
