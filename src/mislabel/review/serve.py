"""`mislabel review`: serve the page until Ctrl-C, then say what was decided and how to go on."""

import shlex
import webbrowser
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from mislabel.errors import InputError
from mislabel.review.session import Session
from mislabel.review.shared import agreement_words
from mislabel.review.teaching import words
from mislabel.run.folder import RunFolder
from mislabel.training.progress import Quiet

if TYPE_CHECKING:  # needs the extra `review`
    from mislabel.review.server import Server


def serve(
    folder: RunFolder,
    *,
    order: str = "worst",
    budget: int | None = None,
    probe: float = 0.0,
    reviewer: str | None = None,
    shared: float | None = None,
    images: Path | None = None,
    host: str | None = None,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    port: int = 0,
    browser: bool = True,
    progress: Quiet | None = None,
    say: Callable[[list[str]], None],
    serving: AbstractContextManager[None] | None = None,
) -> None:
    """Serve the review of a run.

    Parameters
    ----------
    host : str, optional
        Where others reach this machine; without it nobody else does.
    tls_cert, tls_key : Path, optional
        PEM files.
    say : callable
        Prints lines.
    serving : context manager
        Entered while the server runs, which hears Ctrl-C itself then.

    Raises
    ------
    InputError
        If the extra `review` is not installed, or the run cannot be reviewed or reached so.
    RunError
        If the port is taken, or a file of the run cannot be read.
    KeyboardInterrupt
        After Ctrl-C, when all is said: the way to end it.
    """
    try:
        from mislabel.review.door import HOST, Door, listen
        from mislabel.review.server import Server
    except ImportError as error:
        raise InputError(f"a review needs more packages ({error}): pip install 'mislabel[review]'") from error

    door = Door(host or HOST, tls_cert, tls_key)
    door.check()
    with (
        closing(listen(port, door.host)) as socket,  # first: to plan the looks may take minutes
        closing(
            Session(
                folder,
                order=order,
                budget=budget,
                probe=probe,
                reviewer=reviewer,
                shared=shared,
                images=images,
                progress=progress,
            )
        ) as session,
    ):
        server, before = Server(session, socket, door), session.store.last()
        begin = [f"{session.left} rows of {folder.path} to look at:", "", f"    {server.address}", ""]
        say([*begin, *_for_others(server, asked=host is not None), "Ctrl-C ends the review."])
        if browser:
            webbrowser.open(server.address)
        try:
            with serving or nullcontext():
                server.run()
        finally:
            say(farewell(session, before).split("\n"))


def _for_others(server: "Server", *, asked: bool) -> list[str]:
    """What is said where others are let in."""
    if not asked:
        return []
    lines = ["For those who may look, and not decide:", "", f"    {server.looking_address}", ""]
    if server.door.is_local or server.door.scheme == "https":
        return lines
    return [
        *lines,
        "Warning: nothing is encrypted on the way. Whoever can listen on the network reads every row, and the address",
        "with which one decides. Give --tls-cert and --tls-key, or let others in through an SSH tunnel.",
        "",
    ]


def farewell(session: Session, before: int) -> str:
    """How many rows are decided, how many of them since event `before`, and what to do with that."""
    session.refresh()
    now = sum(session.decision(row) is not None for row in session.changed(before))
    path, kinds = shlex.quote(str(session.folder.path)), session.kinds()
    decided, parts = sum(kinds.values()), ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count)
    lines = [f"\n{decided} rows are decided, {now} of them now" + (f" ({parts})" if parts else "")]
    undecided = session.rows.n_judged - sum(session.counts.values())
    if session.left or not undecided:
        lines.append(f"{session.left} are left; go on with: mislabel review {path}{_options(session)}")
    else:
        lines.append(
            f"the planned rows are done, {undecided} other rows are left; go on without --budget or with a larger "
            f"one: mislabel review {path}"
        )
    lines += agreement_words(session.verdicts())
    found = session.answers()
    if found is not None and len(found) and session.preview is not None:
        lines += words(found, str(session.folder.path), session.preview.gain)
    if decided:
        lines += [
            f"corrected data: mislabel export {path} -o corrected.csv",
            f"train on them:  mislabel train … --decisions {path}",
            f"in the report:  mislabel report {path}",
        ]
    return "\n".join(lines)


def _options(session: Session) -> str:
    """Those that this review was started with."""
    given = [
        ("order", session.order, "worst"), ("budget", session.budget, None), ("probe", session.probe, 0.0),
        ("reviewer", session.reviewer, None), ("images", session.originals.root, None),
    ]  # fmt: skip
    return "".join(f" --{name} {shlex.quote(str(value))}" for name, value, usual in given if value != usual)
