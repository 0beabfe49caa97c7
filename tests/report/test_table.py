"""The script of the report in a browser: it sorts, searches and filters the worst rows, and no other script runs."""

import pytest
from review.browser import browser, chromium

from mislabel.decisions.events import Decision
from mislabel.decisions.store import Store
from mislabel.report import write_report

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="no chromium is installed here"),
]
CLASSES = ["cat", "cow", "dog"]
HARM = "<img src=x onerror=document.title='owned'><script>document.title='owned'</script>"


@pytest.fixture(scope="module")
def opened():
    with browser() as known:
        yield known


@pytest.fixture
def report(make_run, small_table):
    inputs = {id: f"the text of {id}" for id in small_table["id"]} | {"r1": HARM}
    run = make_run(small_table, CLASSES, inputs=inputs)
    with Store(run.decisions) as store:
        store.decide([Decision("r1", "keep", "dog", "dog")])
    return write_report(run)


def listed(page) -> list[str]:
    return page.locator("table.worst tbody tr:visible td.id").all_text_contents()


def test_the_table_is_sorted_searched_and_filtered(report, opened):
    page = opened.new_page()
    wrong = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: wrong.append(request.url) if not request.url.startswith("file:") else None)
    page.goto(report.as_uri())
    told = page.locator(".tools [role=status]")
    search, show, order = page.get_by_label("Search"), page.get_by_label("Show"), page.get_by_label("Sort")
    in_turn = [f"r{k}" for k in range(8)]
    assert listed(page) == in_turn
    assert told.text_content() == "8 of 8 rows"
    order.select_option("difficulty")
    assert listed(page) == ["r7", "r3", "r0", "r4", "r1", "r5", "r2", "r6"]  # of equal ones the worse first
    show.select_option("cat → dog")
    assert listed(page) == ["r0", "r2"]
    order.select_option("")
    show.select_option("")
    search.fill("TEXT OF R3")
    assert listed(page) == ["r3"]
    assert told.text_content() == "1 of 8 rows"
    search.fill("")
    page.get_by_label("Undecided only").check()
    assert listed(page) == [id for id in in_turn if id != "r1"]
    assert page.title() == "Label report: toy.csv"
    page.set_viewport_size({"width": 400, "height": 800})  # where a row is a list
    assert "r1" not in listed(page)
    assert wrong == []
    page.close()


def test_without_scripts_the_table_is_whole(report, opened):
    context = opened.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator(".tools").count() == 0
    assert page.locator("table.worst tbody tr").count() == 8
    context.close()


def test_no_other_script_runs(report, opened):
    """Where something of the data did become a script, the policy would still stop it."""
    text = report.read_text(encoding="utf-8")
    report.write_text(text.replace("</main>", f"{HARM}</main>"), encoding="utf-8")
    page = opened.new_page()
    page.goto(report.as_uri())
    assert page.locator(".tools").count() == 1
    assert page.title() == "Label report: toy.csv"
    page.close()
