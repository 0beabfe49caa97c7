"""A review as one file: whoever opens it, without Python or a network, decides in it and sends the decisions back.

The page is the server's own; the modules of `offline/` stand in place of those of the same name, and answer from what
is written into the file, and from the browser's store.
"""

import html
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from mislabel.errors import InputError
from mislabel.files import atomic_write, check_writable
from mislabel.review.bundle import bundle
from mislabel.review.filters import pairs as pairs_of
from mislabel.review.page_files import read_assets
from mislabel.review.queue import BUDGET
from mislabel.review.session import Session
from mislabel.review.views import Views
from mislabel.run.folder import RunFolder
from mislabel.tables.json_text import json_text
from mislabel.training.progress import Quiet

START = "start.js"
LINKED = ('<link rel="icon" href="icon.svg" />', '<link rel="stylesheet" href="page.css" />',
          '<script type="module" src="start.js"></script>')  # fmt: skip
POLICY = (
    "default-src 'none'; script-src {script}; style-src {style}; img-src data:; base-uri 'none'; form-action 'none'"
)


def write_review_file(
    folder: RunFolder,
    path: Path,
    *,
    order: str = "worst",
    budget: int | None = None,
    probe: float = 0.0,
    reviewer: str | None = None,
    shared: float | None = None,
    progress: Quiet | None = None,
) -> int:
    """Write the rows that are planned and not decided, 200 without a budget, into one HTML file; how many there are.

    Gold labels are not in it, nor decisions that hold, nor where the run lies on this machine.

    Raises
    ------
    InputError
        If the run cannot be reviewed so, nothing is left to decide, or the file cannot be written or is the run's own.
    RunError
        If a file of the run cannot be read.
    """
    if probe:
        raise InputError(
            "a file does not tell which rows chance chose, so its answers are no random checks: leave --probe out, and "
            "review random rows with mislabel review RUN --order random"
        )
    _check_place(folder, path)
    session = Session(folder, order=order, budget=budget or BUDGET, reviewer=reviewer, shared=shared, progress=progress)
    try:
        rows = session.queue.rows[session.open(session.queue.rows)]
        if not len(rows):
            raise InputError(f"all rows planned of {folder.path} are decided: give a larger --budget")
        page = review_page(_contents(session, rows))
    finally:
        session.close()
    atomic_write(path, page)
    return len(rows)


def review_page(contents: dict[str, Any]) -> str:
    """The whole page with these contents."""
    data = json_text(contents)
    key = sha256(data.encode()).hexdigest()[:32]
    data = json_text(contents | {"key": key}).replace("<", "\\u003c")
    # A browser reads line ends as one character, and counts the digests of that.
    assets = {name: content.decode().replace("\r\n", "\n") for name, (content, _) in read_assets().items()}
    own = {file.name: file.read_text(encoding="utf-8") for file in (files("mislabel.review") / "offline").iterdir()}
    script, style = bundle(assets | own, START), assets["page.css"]
    policy = POLICY.format(script=_digest(script), style=_digest(style))
    head = (
        f'<meta http-equiv="Content-Security-Policy" content="{policy}" />\n'
        f'    <meta name="referrer" content="no-referrer" />\n    <style>{style}</style>'
    )
    tail = f'<script type="application/json" id="file">{data}</script>\n    <script>{script}</script>\n  </body>'
    page = assets[""]
    for part, instead in (
        *zip(LINKED, ("", "", head), strict=True),
        ("</body>", tail),
        ("<html ", f'<html data-file="{key}" '),
    ):
        before, found, after = page.partition(part)
        assert found, part
        page = before + instead + after
    return page.replace("<title>mislabel review", f"<title>{html.escape(contents['run']['name'])} · mislabel review", 1)


def _contents(session: Session, rows: np.ndarray) -> dict[str, Any]:
    views = Views(session)
    shown = [_row(views, row) for row in rows.tolist()]
    pairs = [(row["given"], row["suggested"]) for row in shown]
    kept = [pair for pair in pairs_of(session.rows) if (pair["given"], pair["suggested"]) in set(pairs)]
    run = views.run().model_dump() | {
        **dict.fromkeys(("rows", "judged", "looks"), len(shown)), "path": session.run.name, "has_neighbours": False,
        "has_map": False, "marks_words": False,
        "reviewers": [session.reviewer] if session.reviewer else [], "budget": None,
        "pairs": [pair | {"count": pairs.count((pair["given"], pair["suggested"]))} for pair in kept],
    }  # fmt: skip
    return {
        "run": run,
        "rows": shown,
        # Only rows of a table tell what the nearest ones have: to find these takes a look at all rows for each.
        "near": [views.neighbours(row["row"]).values if row["columns"] else [] for row in shown],
        "ids": [json_text(session.rows.id(row)) for row in rows.tolist()],
        "labels": [json_text(label) for label in session.rows.classes],
        "reviewer": session.reviewer,
    }


def _row(views: Views, row: int) -> dict[str, Any]:
    """A row as the server tells it, its small picture in it, and nothing that others decided."""
    told = views.row(row).model_dump() | {"decision": None, "verdicts": [], "original": None, "original_note": None}
    picture = views.media(row) if told["image"] else None
    if picture is not None:
        told["image"] = f"data:{picture[1]};base64,{b64encode(picture[0]).decode()}"
    return told


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _check_place(folder: RunFolder, path: Path) -> None:
    if any(path.resolve().is_relative_to(own.resolve()) for own in folder.own_paths):
        raise InputError(f"{path} belongs to the run itself: choose another name, such as {folder.path}/review.html")
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{path}: a browser opens .html files; give the file that ending")
    folder.check_output(path)
    check_writable(path)
