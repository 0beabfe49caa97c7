"""Take the pictures of README and docs, of an audit of the messages that come along: `python tools/pictures.py`.

It needs a Chromium (MISLABEL_CHROMIUM, or on the path) and the extra `dev`. The few decisions in the picture of the
list take what the run suggests.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "pictures"
AUDIT = "audit messages.csv --text text --label label --gold gold --id id --split split --out messages"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
COLOURS = 96


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        shutil.copy(ROOT / "examples" / "messages" / "messages.csv", place)
        subprocess.run([sys.executable, "-m", "mislabel", *AUDIT.split()], cwd=place, check=True, capture_output=True)
        run = Path(place) / "messages"
        known = json.loads((run / "metrics.json").read_text(encoding="utf-8"))["noise_rate"]
        assert known["at_least"] <= known["true"], "a picture must not show a bound that its own data refute"
        take(run)
    for picture in sorted(FOLDER.glob("*.png")):
        Image.open(picture).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(picture, optimize=True)
        print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size / 1000:.0f} kB")


def take(run: Path) -> None:
    """The top of the report, a row of the page, and its list after some decisions."""
    program = os.environ.get("MISLABEL_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright, review(run) as address:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        page = browser.new_page(viewport={"width": 1000, "height": 640})
        page.goto((run / "report.html").as_uri())
        page.screenshot(path=FOLDER / "report.png")
        page.set_viewport_size({"width": 1280, "height": 860})
        page.goto(address)
        page.locator("#row-id").filter(has_text=re.compile(".")).wait_for()
        page.wait_for_load_state("networkidle")
        page.screenshot(path=FOLDER / "review-row.png")
        said = json.dumps({"key": "some", "kind": "suggestion", "rows": list(range(5))}).encode()
        asked = urllib.request.Request(f"{address}api/decide", said, {"Content-Type": "application/json"})
        urllib.request.urlopen(asked).close()
        page.reload()
        page.locator("#row-id").filter(has_text=re.compile(".")).wait_for()
        page.keyboard.press("l")
        page.locator("#list li").first.wait_for()
        page.screenshot(path=FOLDER / "review-list.png")
        browser.close()


@contextmanager
def review(run: Path) -> Iterator[str]:
    """The address of a review of a run, until the end of the block."""
    words = [sys.executable, "-m", "mislabel", "review", str(run), "--no-browser"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        yield next(line.strip() for line in server.stdout if "http://" in line)
        server.send_signal(signal.SIGINT)


if __name__ == "__main__":
    main()
