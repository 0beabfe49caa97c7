"""What tests of the review page need: runs built by hand, the real server, a browser that is watched.

As a script it takes pictures of the page, of two runs of its own or of the run folders named:
PYTHONPATH=tests python tests/review/browser.py --screenshots DIR [RUN ...]
"""

import argparse
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from patience import PATIENCE

HERE = Path(__file__).resolve()
SOURCE = HERE.parents[2] / "src"
# It runs as root in containers with little shared memory, and has nothing to look for in the network.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
# Windows ask what others decided five times a second, and not every other second.
QUICK_POLLS = "const { setInterval: every } = window; window.setInterval = (act, time) => every(act, time / 10);"
VIOLATIONS = "addEventListener('securitypolicyviolation', (event) => console.error('policy', event.violatedDirective));"


def write_run(folder: Path, *what: Any, **more: Any) -> Path:
    """`fake_runs.review_run`, its path."""
    sys.path.insert(0, str(HERE.parents[1]))  # where this file is run as a script
    from fake_runs import review_run

    return review_run(folder, *what, **more).path


def voted_run(folder: Path, people: int = 0) -> Path:
    """Four rows; anna and ben label the first three, ben two of them wrongly; one source never speaks."""
    from mislabel.data.label_sources import Sources
    from mislabel.run.source_facts import source_table, vote_table
    from mislabel.run.writing import write_parquet

    path = write_run(folder, ["a", "b", "c", "d"], [0, 1, 2, 3], [1, 1, 0, 3], COLOURS)
    votes = np.array([[0, 3], [1, 1], [0, 3], [-1, -1]])
    votes = np.column_stack([votes, np.full(4, -1), np.tile(votes[:, [0]], people)])
    names = ["anna", "ben", "silent", *(f"person {k}" for k in range(people))]
    sources = Sources(names, votes, ["person"] * len(names))
    posterior = np.array([[0.9, 0.1, 0, 0], [0.2, 0.8, 0, 0], [0.9, 0.1, 0, 0], [0.25] * 4])
    ids = np.array([f"m{k}" for k in range(4)], dtype=object)
    write_parquet(source_table(sources, posterior, COLOURS), path / "sources.parquet")
    write_parquet(vote_table(sources, posterior, ids, COLOURS), path / "votes.parquet")
    return path


def message_run(folder: Path) -> Path:
    """The customer messages of examples/, as if their true labels had been suggested; the wrong ones come first."""
    frame = pd.read_csv(HERE.parents[2] / "examples" / "messages" / "messages.csv")
    frame = frame.iloc[np.argsort(frame["label"] == frame["gold"], kind="stable")]
    classes = sorted(frame["gold"].unique())
    codes = {name: code for code, name in enumerate(classes)}
    given, suggested = frame["label"].map(codes).tolist(), frame["gold"].map(codes).tolist()
    return write_run(folder, frame["text"].tolist(), given, suggested, classes)


def digit_run(folder: Path, rows: int = 300) -> Path:
    """Handwritten digits that come with scikit-learn, every fifth of them with a wrong label; the wrong ones first."""
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    gold = digits.target[:rows]
    given = np.where(np.arange(rows) % 5 == 0, (gold + 1 + np.arange(rows) % 8) % 10, gold)
    order = np.argsort(given == gold, kind="stable")
    pictures = []
    for pixels in digits.images[:rows][order]:
        image = Image.fromarray(255 - np.minimum(pixels * 16, 255).astype(np.uint8))
        image.resize((28, 28), Image.Resampling.BICUBIC).save(buffer := BytesIO(), format="PNG")
        pictures.append(buffer.getvalue())
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    return write_run(folder, pictures, given[order].tolist(), gold[order].tolist(), names, modality="image")


def photo_run(home: Path, rows: int = 6, size: tuple[int, int] = (1200, 900)) -> Path:
    """A run on photographs in `home / "photos"`, each with its lot number in small print; `home / "run"`."""
    from fake_runs import renew_digests
    from PIL import Image, ImageDraw

    from mislabel.modalities.image.images import check_images
    from mislabel.run.folder import RunFolder
    from mislabel.run.kept_inputs import write_inputs

    paths, random = [f"shelf/photo-{k}.jpg" for k in range(rows)], np.random.default_rng(0)
    (home / "photos" / "shelf").mkdir(parents=True)
    for k, path in enumerate(paths):
        coarse = Image.fromarray(random.integers(60, 200, (6, 8, 3), dtype=np.uint8))
        photo = coarse.resize(size, Image.Resampling.BICUBIC)
        ImageDraw.Draw(photo).text((size[0] * 0.7, size[1] * 0.8), f"LOT 2026-{k:04d}", fill="white")
        photo.save(home / "photos" / path, quality=90)
    images, _, _ = check_images(paths, paths, "path", root=home / "photos")
    kept = list(images.kept(range(rows)))
    given, suggested = [k % 4 for k in range(rows)], [(k + 1) % 4 for k in range(rows)]
    path = write_run(home / "run", kept, given, suggested, COLOURS, modality="image")
    write_inputs(np.array([f"m{k}" for k in range(rows)], dtype=object), images, path / "inputs.parquet")
    renew_digests(RunFolder(path))
    return path


class Server:
    """`mislabel review RUN` as a process of its own.

    Attributes
    ----------
    address : str
        As it printed it.
    """

    def __init__(self, run: Path, *options: object, before: str = ""):
        line = [sys.executable, "-m", "mislabel", "review", str(run), "--no-browser", *map(str, options)]
        environment = os.environ | {"PYTHONPATH": f"{before}{SOURCE}", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8"
        )
        self.lines: queue.Queue[str] = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.address = self._wait()
        self.origin = re.match(r"http://[^/]+", self.address)[0]  # pyright: ignore[reportOptionalSubscript]

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.process.kill()
        self.process.wait(timeout=PATIENCE)
        self.reader.join(timeout=PATIENCE)

    def _read(self) -> None:
        with self.process.stdout as output:  # pyright: ignore[reportOptionalContextManager]
            for line in output:
                self.lines.put(line)
        self.lines.put("")

    def _wait(self) -> str:
        said = ""
        while line := self.lines.get(timeout=PATIENCE):
            said += line
            if found := re.search(r"http://127\.0\.0\.1:\d+/\S+", line):
                return found[0]
        raise RuntimeError(f"the server did not start: {said}")


class Here:
    """The same server in a thread of this process: it starts in no time."""

    def __init__(self, run: Path, *options: object):
        from mislabel.review.server import Server as Answers
        from mislabel.review.session import Session
        from mislabel.run.folder import RunFolder

        words = dict(zip(options[::2], options[1::2], strict=True))
        kinds = {"--order": str, "--budget": int, "--probe": float, "--reviewer": str, "--shared": float}
        kinds |= {"--images": Path}
        self.session = Session(RunFolder(run), **{name[2:]: kinds[name](value) for name, value in words.items()})
        self.server = Answers(self.session)
        self.thread, self.address = self.server.start(), self.server.address

    def kill(self) -> None:
        self.server.stop()
        self.thread.join(timeout=PATIENCE)
        self.session.close()


@contextmanager
def served(run: Path, *options: object, process: bool = False) -> Iterator[Any]:
    """A review of a run, as a `Server` in a process of its own or `Here`."""
    server = Server(run, *options) if process else Here(run, *options)
    try:
        yield server
    finally:
        server.kill()


def chromium() -> str | None:
    """The program of a browser that is installed here; nothing is ever downloaded."""
    return os.environ.get("MISLABEL_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


@contextmanager
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            yield opened
        finally:
            opened.close()


COLOURS = ["red", "green", "blue", "gold"]


def expect(what: Any) -> Any:
    """Playwright's, with patience: machines that run this may be slow."""
    from playwright.sync_api import expect as expected

    expected.set_options(timeout=1000 * PATIENCE)
    return expected(what)


# Whether a selector gets visible elements with these texts, whole or in part, in a part of the page that is not being
# asked for: until a row is there, no key decides it. The page is looked at when it changes, while Playwright's expect
# looks again after a tenth of a second, a quarter, a half, ...
SHOWS = """([selector, texts, whole]) => new Promise((resolve) => {
    const fits = (element, text) => {
        const words = element.textContent.replace(/\\s+/g, ' ').trim();
        if (!element.checkVisibility() || element.closest('[aria-busy=true]')) return false;
        return (whole ? words === text : words.includes(text));
    };
    const end = (result) => (observer.disconnect(), clearTimeout(timer), resolve(result));
    const look = () => {
        const elements = [...document.querySelectorAll(selector)];
        if (elements.length === texts.length && elements.every((one, place) => fits(one, texts[place]))) end(true);
    };
    const timer = setTimeout(() => end(false), 20000);
    const observer = new MutationObserver(look);
    observer.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
    look();
})"""


def shows(page: Any, selector: str, *texts: str, whole: bool = True) -> bool:
    """Whether the page comes to show these texts; False, too, where it was left for another one."""
    from playwright.sync_api import Error

    try:
        return page.evaluate(SHOWS, [selector, texts, whole])
    except Error:
        return False


def at(page: Any, id: str) -> None:
    """Wait until a row is on the screen."""
    if not shows(page, "#row-id", id):
        expect(page.locator("#row-view[aria-busy=false] #row-id")).to_have_text(id)
        expect(page.locator("#row")).to_be_visible()


def row_there(page: Any) -> str:
    """Wait until some row is on the screen, and is what keys decide; its id."""
    shown = page.locator("#row-view[aria-busy=false] #row-id")
    expect(shown).to_be_visible()
    return shown.inner_text()


def read(page: Any) -> None:
    """Let as much time pass on the page as a person needs to read a row that came by itself."""
    page.evaluate("() => new Promise((resolve) => setTimeout(resolve, 400))")


def painted(page: Any) -> None:
    """Wait until the page has shown what it heard before."""
    page.evaluate("() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))")


def press(page: Any, key: str, then: str | None = None) -> None:
    page.keyboard.press(key)
    if then is not None:
        at(page, then)


def saved(page: Any, words: str) -> None:
    if not shows(page, "#saved", words, whole=False):
        expect(page.locator("#saved")).to_contain_text(words)


OUTBOX = "import(new URL('session.js', location)).then(({ session }) => session.outbox.length)"


def settled(page: Any) -> None:
    """Wait until all that was pressed is saved."""
    while page.evaluate(OUTBOX):
        page.wait_for_timeout(10)


def lists(page: Any, *ids: str) -> None:
    if not shows(page, "#list li .open small", *ids):
        expect(page.locator("#list[aria-busy=false] li")).to_have_count(len(ids))
        expect(page.locator("#list li .open small")).to_have_text(list(ids))


def history(run: Path) -> list[tuple]:
    """Every event as (id, kind, label), an undo as (id, "undo", kind that it took back)."""
    from mislabel.decisions.store import Store

    with Store(run / "decisions.sqlite") as store:
        return [
            (one.decision.id, "undo", one.decision.kind)
            if one.undoes
            else (one.decision.id, one.decision.kind, one.decision.label)
            for one in store.history()
        ]


def watch(page: Any, server: Server | Here, servers: Sequence[Server | Here] = ()) -> list[str]:
    """Open a page of the server; everything that goes wrong in it from now on stands in the list.

    It may ask the other `servers` as well, which may be added later.
    """
    problems: list[str] = []
    page.add_init_script(VIOLATIONS)
    page.on("console", lambda said: said.type in ("error", "warning") and problems.append(f"console: {said.text}"))
    page.on("pageerror", lambda error: problems.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (problems.append(f"dialog: {dialog.type}"), dialog.accept()))

    def check(request: Any) -> None:
        if not any(request.url.startswith(one.address) for one in (server, *servers)):
            problems.append(f"request elsewhere: {request.url}")

    page.on("request", check)
    page.goto(server.address)
    return problems


def review_some(server: Server | Here, count: int) -> None:
    """Decide the first looks as somebody would who believes the run, so that there is something to estimate."""
    place = 0
    for number in range(count):
        with urllib.request.urlopen(f"{server.address}api/next?after={place}", timeout=PATIENCE) as answer:
            look = json.load(answer)
        place, row = look["place"], look["row"]
        kind = "suggestion" if row["p_mislabeled"] > 0.6 and number % 9 else "keep"
        said = {"key": f"before {number}", "rows": [row["row"]], "kind": kind, "place": place}
        asked = urllib.request.Request(
            f"{server.address}api/decide", json.dumps(said).encode(), {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(asked, timeout=PATIENCE).close()


class Unhurried(datetime):
    """A clock by which a decision takes nine seconds, as of a person."""

    told = 0

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        cls.told += 1
        return datetime(2026, 1, 1, tzinfo=tz) + timedelta(seconds=9 * cls.told)


def take_pictures(opened: Any, run: Path, folder: Path) -> None:
    """Pictures of a fresh copy of a run: views by width and colours, then what comes after some decisions."""
    from mislabel.decisions import store

    known, store.datetime = store.datetime, Unhurried
    with served(run, "--probe", "0.2") as server:
        review_some(server, 120)
    store.datetime = known
    from mislabel.report.page import write_report
    from mislabel.review.one_file import write_review_file
    from mislabel.run.folder import RunFolder

    files = {"report": write_report(RunFolder(run)), "static": run / "review.html"}
    write_review_file(RunFolder(run), files["static"], budget=200)
    with served(run, "--probe", "0.2") as server:
        for width, height in ((1280, 900), (400, 860)):
            for scheme in ("light", "dark"):
                context = opened.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
                page = context.new_page()
                watch(page, server)

                def shoot(name: str, page=page, end=f"{width}-{scheme}", whole: bool = False) -> None:
                    page.wait_for_timeout(700)
                    page.screenshot(path=str(folder / f"{run.name}-{name}-{end}.png"), full_page=whole)

                page.wait_for_selector("#neighbours button")
                for key in "skssn":
                    page.wait_for_timeout(150)
                    page.keyboard.press(key)
                page.locator("#saved", has_text="saved").wait_for()
                page.wait_for_selector("#curve svg")
                shoot("row")
                shoot("row-whole", whole=True)
                page.keyboard.press("c")
                shoot("chooser")
                page.keyboard.press("Escape")
                page.keyboard.press("l")
                page.wait_for_selector("#list li")
                for place in (2, 3, 5):
                    page.locator("#list li input").nth(place).click()
                shoot("list")
                page.keyboard.press("g")
                shoot("grid")
                page.locator("#parts summary").click()
                page.wait_for_selector("#class-parts tr")
                shoot("progress")
                page.locator("#parts summary").click()
                page.keyboard.press("?")
                shoot("help")
                page.keyboard.press("Escape")
                page.keyboard.press("m")
                page.wait_for_selector("#legend li")
                shoot("map")
                for name, file in files.items():
                    page.goto(file.as_uri())
                    shoot(name, whole=name == "report")
                context.close()


def main() -> None:
    import tempfile

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--screenshots", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("runs", type=Path, nargs="*", help="run folders; they are copied first")
    asked = parser.parse_args()
    asked.screenshots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, browser() as opened:
        runs = [shutil.copytree(run, Path(home) / run.name) for run in asked.runs]
        runs = runs or [message_run(Path(home) / "messages"), digit_run(Path(home) / "digits")]
        for run in runs:
            take_pictures(opened, run, asked.screenshots)


if __name__ == "__main__":
    main()
