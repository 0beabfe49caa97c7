"""The map in a browser: points where they belong, a line that chooses rows, keys alone, and a hundred thousand rows."""

import re
from statistics import median

import numpy as np
import pytest
from fake_runs import renew_digests

pytest.importorskip("fastapi", reason="the extra `review` is not installed")

from review.browser import COLOURS, at, expect, history, painted, press, saved, write_run

from mislabel.run.folder import RunFolder

pytestmark = pytest.mark.slow


def corner_run(folder, rows=40, classes=4):
    """Rows of four classes, each in a corner of the map; the suggested label is the next class."""
    codes, random = np.arange(rows) % classes, np.random.default_rng(0)
    middles = np.array([[1, 1, 0], [1, -1, 0], [-1, -1, 0], [-1, 1, 0]])
    points = np.column_stack([middles[codes], np.full(rows, 0.2)]) + random.normal(0, 0.05, (rows, 4))
    texts = [f"a text about {COLOURS[code]}, number {k}" for k, code in enumerate(codes)]
    path = write_run(folder, texts, codes.tolist(), ((codes + 1) % classes).tolist(), COLOURS)
    np.save(path / "embeddings.npy", points.astype(np.float16))
    renew_digests(RunFolder(path))
    return path, codes


def drawn(page, count=0):
    """Wait until the points were drawn more often than that; how often they were."""
    page.wait_for_function(
        "(count) => Number(document.getElementById('map-points').dataset.draws ?? 0) > count", arg=count
    )
    painted(page)
    return int(page.locator("#map-points").get_attribute("data-draws"))


def open_map(it):
    page = it.page
    at(page, "m0")
    press(page, "m")
    map_there(page)
    return page


def map_there(page):
    """Wait until the points of the layout that is asked for are on the screen."""
    expect(page.locator("#map-view[aria-busy=false]")).to_be_visible()
    expect(page.locator("#map-progress")).to_be_hidden()
    drawn(page)


def places(page, session):
    """Where every row is on the screen, (n, 2), by the points that the server has."""
    box = page.locator("#map-above").bounding_box()
    points = session.map.layouts["pca"].points.astype(float)
    side = min(box["width"], box["height"]) - 28
    middle = np.array([box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])
    return (points / 65535 - 0.5) * side + middle


def draw_round(page, around, reach=9):
    """A line round some places of the screen."""
    (left, top), (right, bottom) = around.min(0) - reach, around.max(0) + reach
    page.mouse.move(left, top)
    page.mouse.down()
    for x, y in ((right, top), (right, bottom), (left, bottom), (left, top + 1)):
        page.mouse.move(x, y, steps=6)
    page.mouse.up()


def test_nothing_can_be_decided_before_the_server_has_counted_the_rows(review, tmp_path):
    run, codes = corner_run(tmp_path / "run", 120)
    with review(run) as it:
        page = open_map(it)
        held = []
        page.route(re.compile("/api/list"), lambda route: held.append(route))
        draw_round(page, places(page, it.server.session)[codes == 2])
        expect(page.locator("#map-count")).to_have_text("30 rows inside the line")
        for button in page.locator(".decide button").all():
            expect(button).to_be_disabled()
        held.pop().continue_()
        for button in page.locator(".decide button").all():
            expect(button).to_be_enabled()
        press(page, "s")
        expect(page.locator("#confirm-title")).to_have_text("Decide 30 rows at once?")


def test_a_line_chooses_rows_for_the_list_and_for_one_decision(review, tmp_path):
    run, codes = corner_run(tmp_path / "run", 120)
    with review(run) as it:
        page = open_map(it)
        on_screen, wanted = places(page, it.server.session), np.flatnonzero(codes == 2)
        draw_round(page, on_screen[wanted])
        expect(page.locator("#map-count")).to_have_text("30 rows inside the line")
        expect(page.locator("#map-pairs li")).to_have_text(["blue → gold30"])
        page.locator("#map-list").click()
        expect(page.locator("#list li")).to_have_count(30)
        listed = page.locator("#list li").evaluate_all("all => all.map((one) => Number(one.dataset.row))")
        assert listed == wanted.tolist()
        expect(page.locator("#in-area")).to_be_visible()
        page.reload()
        expect(page.locator("#list li")).to_have_count(30)
        page.locator("#no-area").click()
        expect(page.locator("#count")).to_contain_text("of 120")
        page.go_back()
        page.go_back()
        map_there(page)
        draw_round(page, on_screen[wanted])
        expect(page.locator("#map-count")).to_have_text("30 rows inside the line")
        expect(page.locator(".decide button[data-do=suggestion]")).to_be_enabled()
        press(page, "s")
        expect(page.locator("#confirm-title")).to_have_text("Decide 30 rows at once?")
        assert history(run) == []
        page.locator("#confirm-yes").click()
        saved(page, "suggestion · 30 rows")
        assert sorted(history(run)) == sorted((f"m{row}", "suggestion", "gold") for row in wanted.tolist())
        expect(page.locator("#legend")).to_contain_text("decided30")
        expect(page.locator("#map-chosen")).to_be_hidden()
        press(page, "u")
        saved(page, "undone: 30 rows")
        expect(page.locator("#legend")).not_to_contain_text("decided")


def test_the_row_under_the_pointer_is_told_with_its_neighbours(review, tmp_path):
    run, codes = corner_run(tmp_path / "run")
    with review(run) as it:
        page = open_map(it)
        on_screen = places(page, it.server.session)
        row = int(np.flatnonzero(codes == 1)[0])
        page.mouse.move(*on_screen[row])
        expect(page.locator("#map-row")).to_contain_text("a text about green")
        expect(page.locator("#map-row li")).to_have_count(3)
        assert all("green" in words for words in page.locator("#map-row li").all_inner_texts())
        page.mouse.dblclick(*on_screen[row])
        expect(page.locator("#row-view")).to_be_visible()
        expect(page.locator("#content")).to_contain_text("a text about green")


def test_keys_alone_choose_decide_and_open(review, tmp_path):
    run, _ = corner_run(tmp_path / "run")
    with review(run) as it:
        page = open_map(it)
        page.locator("#map-above").focus()
        for key, times in (("Shift+ArrowRight", 9), ("Shift+ArrowDown", 9)):
            for _ in range(times):
                press(page, key)
        press(page, "Escape")
        press(page, "0")
        press(page, "Tab")
        page.locator("#map-above").focus()
        # A square round the right half: from the middle up, right, down, and back.
        for key, times in (("Shift+ArrowUp", 8), ("Space", 1), ("Shift+ArrowRight", 14), ("Space", 1),
                           ("Shift+ArrowDown", 14), ("Space", 1), ("Shift+ArrowLeft", 8), ("Space", 1)):  # fmt: skip
            for _ in range(times):
                press(page, key)
        press(page, "Enter")
        expect(page.locator("#map-chosen")).to_be_visible()
        count = int(page.locator("#map-count").inner_text().split()[0])
        assert 0 < count <= 40
        expect(page.locator(".decide button[data-do=unsure]")).to_be_enabled()
        press(page, "Escape")
        expect(page.locator("#map-chosen")).to_be_hidden()


def test_colours_tell_classes_and_follow_the_dark(review, tmp_path):
    run, _ = corner_run(tmp_path / "run")
    with review(run, problems_allowed="willReadFrequently") as it:  # what the test reads
        page = open_map(it)
        before = drawn(page)
        page.locator("#map-colour").select_option("given")
        expect(page.locator("#legend li")).to_have_text(["red10", "green10", "blue10", "gold10"])
        before = drawn(page, before)
        light = colours_on(page)
        page.emulate_media(color_scheme="dark")
        drawn(page, before)
        while light & (dark := colours_on(page)):  # it was drawn for another reason
            page.wait_for_timeout(20)
        assert len(light) == len(dark) == 4
        page.locator("#legend button").first.click()
        expect(page.locator("#legend button").first).to_have_attribute("aria-pressed", "true")
        drawn(page, before + 1)
        assert len(colours_on(page)) == 4


def colours_on(page):
    """The colours of the points that are drawn."""
    return set(
        page.evaluate(
            """() => { const canvas = document.getElementById('map-points');
            const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
            const found = new Set();
            for (let k = 0; k < data.length; k += 4) if (data[k + 3]) found.add(`${data[k]},${data[k+1]},${data[k+2]}`);
            return [...found]; }"""
        )
    )


def test_neighbourhoods_come_in_the_background(review, tmp_path):
    run, codes = corner_run(tmp_path / "run", 60)
    with review(run) as it:
        page = open_map(it)
        before, asked = drawn(page), []
        # The first answer comes at once, the second when the progress was seen.
        page.route("**/api/map/tsne", lambda route: (asked or route.continue_(), asked.append(route)))
        page.locator("#map-layout").select_option("tsne")
        expect(page.locator("#map-progress")).to_be_visible()
        it.server.session.map.wait("tsne")
        while len(asked) < 2:
            page.wait_for_timeout(10)
        asked[1].continue_()
        map_there(page)
        drawn(page, before)
        points = it.server.session.map.layouts["tsne"].points.astype(float)
        middles = np.array([points[codes == code].mean(0) for code in range(4)])
        nearest = np.linalg.norm(points[:, None] - middles, axis=2).argmin(1)
        assert (nearest == codes).mean() > 0.9


def test_a_run_without_embeddings_says_so(review, colours):
    (colours / "embeddings.npy").unlink()
    renew_digests(RunFolder(colours))
    with review(colours) as it:
        at(it.page, "m0")
        press(it.page, "m")
        expect(it.page.locator("#map-progress")).to_contain_text("keeps no embeddings")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_hundred_thousand_points_are_redrawn_in_time(review, tmp_path, scheme):
    run, _ = corner_run(tmp_path / "run", 100_000)
    with review(run) as it:
        page = it.page
        page.emulate_media(color_scheme=scheme)
        open_map(it)
        box = page.locator("#map-above").bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        times, frames = redraws(page, 30)
        assert len(times) == 30
        print(f"\n{scheme}: a redraw takes {median(times):.1f} ms (median), {max(times):.1f} at most,")
        print(f"and a frame is there after {median(frames):.0f} ms (median)")
        assert median(times) < 50
        page.locator("#map-colour").select_option("given")
        draw_round(page, np.array([[box["x"] + 100, box["y"] + 60], [box["x"] + 400, box["y"] + 300]]))
        expect(page.locator("#map-chosen")).to_be_visible()
        times, _ = redraws(page, 30)
        assert median(times) < 50


def redraws(page, count):
    """Milliseconds of each of so many redraws while the map is zoomed and moved, and of the frames that show them."""
    both = page.evaluate(
        """async (count) => {
        const [points, above] = ['map-points', 'map-above'].map((id) => document.getElementById(id));
        const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
        const [times, frames] = [[], []];
        for (let k = 0; k < count; k++) {
            const before = points.dataset.draws;
            const { x, y, width, height } = above.getBoundingClientRect();
            const at = { clientX: x + width / 3, clientY: y + height / 2, cancelable: true };
            above.dispatchEvent(new WheelEvent('wheel', { deltaY: k % 10 < 5 ? -100 : 100, ...at }));
            const began = performance.now();
            while (points.dataset.draws === before) await frame();
            await frame();
            times.push(Number(points.dataset.milliseconds));
            frames.push(performance.now() - began);
        }
        return [times, frames]; }""",
        count,
    )
    return both
