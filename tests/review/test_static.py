"""`mislabel review RUN --static FILE` in a real browser: what is decided in the file is what import-decisions takes."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from fake_runs import renew_digests

pytest.importorskip("playwright", reason="playwright is not installed: pip install 'mislabel[dev]'")

from review.browser import COLOURS, VIOLATIONS, at, chromium, digit_run, expect, history, press, saved, write_run
from review.tables import customers

from mislabel.decisions.events import Decision
from mislabel.decisions.store import Store, read_decisions, read_history
from mislabel.errors import InputError
from mislabel.exchange.importing import import_decisions
from mislabel.review.one_file import write_review_file
from mislabel.run.folder import RunFolder
from mislabel.run.reading import Run

pytestmark = pytest.mark.skipif(chromium() is None, reason="there is no chromium here, nor is one in MISLABEL_CHROMIUM")

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)><!-- &amp; \u2028 ${alert(3)}"

FOREIGN = """async () => {
    const found = [];
    document.addEventListener('securitypolicyviolation', (event) => found.push(event.effectiveDirective));
    const add = (tag, what) => document.body.append(Object.assign(document.createElement(tag), what));
    const seen = (count) => new Promise((resolve) => {
        const look = () => (found.length >= count ? resolve() : setTimeout(look, 10));
        look();
    });
    add('script', { textContent: 'window.foreign = 1' });
    await seen(1);
    add('style', { textContent: 'body { color: red }' });
    await seen(2);
    add('img', { src: 'https://example.invalid/x.png' });
    await seen(3);
    await fetch('https://example.invalid/').catch(() => null);
    await seen(4);
    add('iframe', { src: 'https://example.invalid/' });
    await seen(5);
    return found;
}"""
FULL = """() => {
    Storage.prototype.before = Storage.prototype.setItem;
    Storage.prototype.setItem = () => { throw new Error('full'); };
}"""


@pytest.fixture
def opened(chrome):
    """Opens a file in a browser that is not connected, gives the page; at the end nothing must have gone wrong."""
    contexts, problems = [], []

    def open_file(path, width=1280, height=900, scheme="light"):
        context = chrome.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, accept_downloads=True, offline=True
        )
        context.set_default_timeout(60_000)
        context.add_init_script(VIOLATIONS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: said.type in ("error", "warning") and problems.append(said.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: (problems.append(dialog.message), dialog.accept()))
        page.on("request", lambda asked: problems.append(asked.url) if not allowed(asked.url, path) else None)
        page.goto(path.as_uri())
        return page

    yield open_file
    for context in contexts:
        context.close()
    assert problems == []


def allowed(address, path):
    return address == path.as_uri() or address.startswith(("data:image/", f"blob:{path.as_uri()[:7]}", "blob:null/"))


def send_back(page, target):
    with page.expect_download() as download:
        page.locator("#to-export").click()
    download.value.save_as(target)
    return json.loads(Path(target).read_text(encoding="utf-8"))


@pytest.mark.slow
def test_decided_by_keyboard_kept_over_a_reload_and_taken_back(opened, colours, tmp_path):
    with Store(colours / "decisions.sqlite") as store:
        store.decide([Decision("m1", "keep", "green", "green")])
    file = tmp_path / "out.html"
    assert write_review_file(RunFolder(colours), file, budget=7, reviewer="Ann") == 6
    page = opened(file)
    at(page, "m0")
    page.locator("#to-export").click()
    saved(page, "Nothing is decided yet.")
    press(page, "t")
    page.keyboard.type("so said the map")
    press(page, "Enter")
    press(page, "k", "m2")  # m1 is decided already
    press(page, "s", "m3")
    press(page, "c")
    page.keyboard.type("GOL")
    press(page, "Enter", "m4")
    press(page, "n", "m5")
    press(page, "u", "m4")
    press(page, "x", "m5")
    saved(page, "none of these")
    page.reload()
    at(page, "m5")
    expect(page.locator("#numbers")).to_contain_text("4 of 6 decided")
    press(page, "ArrowLeft", "m4")
    expect(page.locator("#row-decision")).to_contain_text("none of these")
    second = page.context.new_page()  # another window of the same file goes on where this one stands
    second.goto(file.as_uri())
    at(second, "m5")
    press(second, "2", "m6")
    saved(second, "m5")
    expect(page.locator("#numbers")).to_contain_text("5 of 6 decided")
    sent = send_back(page, tmp_path / "sent.json")
    assert [line["mislabel_id"] for line in sent] == ["m0", "m2", "m3", "m4", "m5"]
    done = import_decisions(RunFolder(colours), tmp_path / "sent.json")
    assert (done.imported, done.refused) == (5, [])
    events = read_history(colours / "decisions.sqlite")[1:]
    assert [(one.decision.id, one.decision.kind, one.decision.label, one.decision.note) for one in events] == [
        ("m0", "keep", "red", "so said the map"),
        ("m2", "suggestion", "gold", None),
        ("m3", "keep", "gold", None),  # chosen by its name
        ("m4", "none", None, None),
        ("m5", "keep", "green", None),
    ]
    assert {event.reviewer for event in events} == {"Ann"}
    again = import_decisions(RunFolder(colours), tmp_path / "sent.json")
    assert (again.imported, again.unchanged) == (0, 5)


@pytest.mark.slow
def test_two_reviewers_of_shared_rows_both_count(opened, colours, tmp_path):
    run = RunFolder(colours)
    for name, key in (("Ann", "k"), ("Ben", "s")):
        file = tmp_path / f"{name}.html"
        assert write_review_file(run, file, reviewer=name, shared=1.0) == 12  # Ben does not see what Ann said
        page = opened(file)
        at(page, "m0")
        press(page, key, "m1")
        press(page, "k", "m2")
        saved(page, "m1")
        send_back(page, tmp_path / f"{name}.json")
        assert import_decisions(run, tmp_path / f"{name}.json").imported == 2
    said = [(event.reviewer, event.decision.id, event.decision.kind) for event in read_history(run.decisions)]
    assert said == [("Ann", "m0", "keep"), ("Ann", "m1", "keep"), ("Ben", "m0", "suggestion"), ("Ben", "m1", "keep")]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_hostile_texts_and_150_classes_at_400_pixels(opened, tmp_path, scheme):
    names = [f"{HOSTILE} {code}" if code == 7 else f"class {code:03}" for code in range(150)]
    texts = [HOSTILE, "word " * 400, "<b>x</b>"]
    run = write_run(tmp_path / "run", texts, [7, 1, 2], [3, 7, 5], names)
    file = tmp_path / "out.html"
    assert write_review_file(RunFolder(run), file) == 3
    page = opened(file, width=400, height=860, scheme=scheme)
    at(page, "m0")
    assert page.locator("#content .text").text_content() == HOSTILE
    assert page.locator("#given").text_content() == names[7]
    widths = page.evaluate("() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert widths[0] <= widths[1]
    press(page, "Shift+C")
    page.keyboard.type("lass 149")
    press(page, "Enter", "m1")
    press(page, "s", "m2")
    press(page, "l")
    page.locator("#list li input").nth(2).click()
    press(page, "k")
    saved(page, "m2")
    send_back(page, tmp_path / "sent.json")
    assert import_decisions(RunFolder(run), tmp_path / "sent.json").imported == 3
    found = read_decisions(run / "decisions.sqlite")
    assert [found[f"m{k}"].label for k in range(3)] == [names[149], names[7], names[2]]


@pytest.mark.slow
def test_images_and_tables_are_in_the_file(opened, tmp_path):
    run = digit_run(tmp_path / "digits", 20)
    write_review_file(RunFolder(run), tmp_path / "digits.html")
    page = opened(tmp_path / "digits.html")
    page.wait_for_function("() => document.querySelector('#content img')?.naturalWidth > 0")
    press(page, "l")
    expect(page.locator("#list img")).to_have_count(20)
    table, _ = customers(tmp_path / "customers")
    write_review_file(RunFolder(table), tmp_path / "customers.html", budget=5)
    page = opened(tmp_path / "customers.html", width=400)
    at(page, "m0")
    expect(page.locator("#content tbody tr")).to_have_count(6)
    expect(page.locator("#content tbody tr").first).to_contain_text("61")
    expect(page.locator("#content .near").first).not_to_be_empty()


@pytest.mark.slow
def test_it_says_what_the_last_rows_brought_and_how_far_it_is(opened, tmp_path):
    run = write_run(tmp_path / "run", [f"text {k}" for k in range(25)], [0] * 25, [1] * 25, COLOURS)
    write_review_file(RunFolder(run), tmp_path / "out.html")
    page = opened(tmp_path / "out.html")
    for k in range(20):
        at(page, f"m{k}")
        press(page, "s" if k % 4 == 0 else "k", f"m{k + 1}")
    saved(page, "m19")
    expect(page.locator("#advice-words")).to_contain_text("5 of the last 20 decided had one")
    press(page, "l")
    page.locator("#parts summary").click()
    expect(page.locator("#class-parts tr")).to_have_text(["red20 of 255"])
    page.locator("[name=decision]").select_option("undecided")
    expect(page.locator("#list li")).to_have_count(5)


@pytest.mark.slow
def test_a_browser_that_keeps_nothing_says_so_and_loses_nothing(opened, colours, tmp_path):
    file = tmp_path / "out.html"
    write_review_file(RunFolder(colours), file, budget=3)
    page = opened(file)
    at(page, "m0")
    page.evaluate(FULL)
    press(page, "k", "m1")
    expect(page.locator("#trouble")).to_contain_text("has no room")
    # In one step, since the page also tries again by itself.
    page.evaluate(
        "() => { Storage.prototype.setItem = Storage.prototype.before; document.querySelector('#retry').click(); }"
    )
    saved(page, "m0")
    expect(page.locator("#banner")).to_be_hidden()


@pytest.mark.slow
def test_its_policy_lets_no_other_script_style_or_request_in(chrome, colours, tmp_path):
    write_review_file(RunFolder(colours), tmp_path / "out.html", budget=2)
    page = chrome.new_page()
    page.goto((tmp_path / "out.html").as_uri())
    at(page, "m0")
    assert page.evaluate(FOREIGN) == ["script-src-elem", "style-src-elem", "img-src", "connect-src", "frame-src"]
    assert page.evaluate("() => window.foreign") is None
    page.close()


def test_neither_gold_nor_this_machine_is_in_the_file(tmp_path):
    run = RunFolder(write_run(tmp_path / "run", ["a", "b"], [0, 1], [1, 1], COLOURS))
    pd.read_parquet(run.audit).assign(gold_label=["Ultramarine", "red"]).to_parquet(run.audit, index=False)
    renew_digests(run)
    assert Run.open(run).gold is not None
    write_review_file(run, tmp_path / "out.html")
    text = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "Ultramarine" not in text
    assert "gold_label" not in text
    assert str(tmp_path) not in text
    assert re.findall(r'(?:src|href)="(?!#)[^"]*"', text.split('<script type="application/json"')[0]) == []


def test_what_cannot_be_a_file_is_told(colours, tmp_path):
    run = RunFolder(colours)
    for path, words in ((run.report, "belongs to the run"), (tmp_path / "out.pdf", "html")):
        with pytest.raises(InputError, match=words):
            write_review_file(run, path)
    with pytest.raises(InputError, match="--probe"):
        write_review_file(run, tmp_path / "out.html", probe=0.1)
    with Store(run.decisions) as store:
        store.decide([Decision(f"m{k}", "keep", COLOURS[k % 4], COLOURS[k % 4]) for k in range(12)])
    with pytest.raises(InputError, match="larger --budget"):
        write_review_file(run, tmp_path / "out.html")
    assert history(colours)
    assert not (tmp_path / "out.html").exists()


def test_the_command_writes_the_file(colours, tmp_path, mislabel):
    done = mislabel("review", colours, "--static", tmp_path / "out.html", "--budget", 3)
    assert done.exit_code == 0
    assert f"3 rows to look at in {tmp_path / 'out.html'}" in done.stdout
    assert f"mislabel import-decisions {colours} FILE" in done.stdout
    assert "share it as you would share them" in done.stderr
