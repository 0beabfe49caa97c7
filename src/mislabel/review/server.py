"""The server of the review page: reached by whoever has the address with its token, from this machine if not asked."""

import json
import socket
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import uvicorn
from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as AnyHTTPException

from mislabel.decisions.store import KeyTaken, NotSaved
from mislabel.errors import InputError, RunError
from mislabel.review.answers import Decided, ListPage, Neighbours, Progress, Row, Run, Undone, Words
from mislabel.review.assets import asset_paths
from mislabel.review.connections import Connection
from mislabel.review.door import Door, listen
from mislabel.review.filters import Filter, digest, matching
from mislabel.review.guard import HEADERS, refused
from mislabel.review.map_paths import map_paths
from mislabel.review.progress import progress
from mislabel.review.requests import DecideRequest, KeysRequest, UndoRequest
from mislabel.review.session import Session
from mislabel.review.views import Views

MOST_AT_ONCE = 500  # rows of a list


class Said(JSONResponse):
    """A message, which may quote what no encoding can hold."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content).encode()


def make_app(session: Session, door: Door, port: Callable[[], int]) -> FastAPI:
    """The server of one review.

    Parameters
    ----------
    door : Door
        Its tokens are first parts of every path; without one there is nothing here.
    port : callable
        The port that the server has, asked at each request.
    """
    app, views = FastAPI(openapi_url=None, docs_url=None, redoc_url=None), Views(session)

    @app.middleware("http")
    async def guard(request: Request, call_next: Any) -> Response:
        problem = refused(request, door, port())
        response = problem if problem is not None else await call_next(request)
        response.headers.update(HEADERS)
        return response

    _answer_errors(app)
    app.include_router(_deciding(session, views), prefix="/{token}")
    app.include_router(_reading(session, views, door), prefix="/{token}")
    app.include_router(_pictures(session, views), prefix="/{token}")
    app.include_router(map_paths(session), prefix="/{token}")
    app.include_router(asset_paths(), prefix="/{token}")
    return app


def _answer_errors(app: FastAPI) -> None:
    """Every error is a sentence in JSON."""

    @app.exception_handler(InputError)
    async def wrong_input(request: Request, error: InputError) -> JSONResponse:
        taken = isinstance(error, KeyTaken) or request.scope["path"].endswith("/undo")
        return Said({"error": str(error)}, 409 if taken else 400)

    @app.exception_handler(RequestValidationError)
    async def wrong_form(request: Request, error: RequestValidationError) -> JSONResponse:
        sentence = "; ".join(f"{'.'.join(map(str, part['loc'][1:]))}: {part['msg']}" for part in error.errors()[:5])
        return Said({"error": sentence}, 422)

    @app.exception_handler(AnyHTTPException)
    async def not_there(request: Request, error: AnyHTTPException) -> JSONResponse:
        return Said({"error": str(error.detail)}, error.status_code)

    @app.exception_handler(RunError)
    async def broken_run(request: Request, error: RunError) -> JSONResponse:
        return Said({"error": str(error)}, 500)

    @app.exception_handler(NotSaved)
    async def not_saved(request: Request, error: NotSaved) -> JSONResponse:
        return Said({"error": str(error)}, 507)  # the page says so, and tries again

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> JSONResponse:
        # The text of an unforeseen error could hold a row's content: its kind is enough here.
        return Said({"error": f"the server failed ({type(error).__name__})"}, 500, HEADERS)


def _reading(session: Session, views: Views, door: Door) -> APIRouter:
    """What a page may ask."""
    paths = APIRouter()

    @paths.get("/api/run")
    def run(token: str) -> Run:
        return views.run(may_decide=door.may_decide(token))

    paths.get("/api/state")(views.state)
    paths.get("/api/estimate")(views.estimate)
    paths.get("/api/next")(views.next)

    @paths.get("/api/progress")
    def parts() -> Progress:
        return progress(session)

    @paths.get("/api/list")
    def rows(
        given: str = "", suggested: str = "", decision: str = "any", status: str = "judged", search: str = "",
        reviewer: str = "", area: str = "", offset: int = 0, limit: int = 50,
    ) -> ListPage:  # fmt: skip
        wanted = Filter(
            _whole(given), _whole(suggested), decision or "any", status or "judged", search[:1000], reviewer, area
        )
        return views.matching(wanted, max(offset, 0), min(max(limit, 1), MOST_AT_ONCE))

    @paths.get("/api/export")
    def export() -> Response:
        return Response(views.decisions_file(), media_type="application/json")

    @paths.get("/api/rows/{row}")
    def one_row(row: int) -> Row:
        return views.row(_known(session, row))

    @paths.get("/api/rows/{row}/neighbours")
    def neighbours(row: int) -> Neighbours:
        return views.neighbours(_known(session, row))

    @paths.get("/api/rows/{row}/words")
    def words(row: int) -> Words:
        return views.words(_known(session, row))

    return paths


def _pictures(session: Session, views: Views) -> APIRouter:
    """The pictures of rows."""
    paths = APIRouter()

    @paths.get("/media/{row}")
    def media(row: int) -> Response:
        picture = views.media(_known(session, row))
        if picture is None:
            raise HTTPException(404, "this row has no picture")
        return Response(picture[0], media_type=picture[1])

    @paths.get("/media/{row}/original")
    def original(row: int) -> Response:
        try:
            picture, kind = views.original(_known(session, row))
        except InputError as error:
            raise HTTPException(404, str(error)) from error
        return Response(picture, media_type=kind)

    return paths


def _deciding(session: Session, views: Views) -> APIRouter:
    """What a page may say; the answer comes when it is on disk."""
    paths = APIRouter()

    @paths.post("/api/decide")
    def decide(request: DecideRequest) -> Decided:
        # Sent again: other rows may match by now, for its very decisions.
        body = request.body()
        events = session.store.added_by(request.key, body)
        if not events:
            events = session.decide(
                _chosen(session, request), request.kind, request.label, key=request.key, body=body,
                queue_position=request.place, note=request.note,
            )  # fmt: skip
        return views.decided(events, request.since)

    @paths.post("/api/keys")
    def keys(request: KeysRequest) -> dict[str, str]:
        session.keys = request.keys
        return session.keys

    @paths.post("/api/undo")
    def undo(request: UndoRequest) -> Undone:
        return views.undone(session.undo(request.action, key=request.key, body=request.body()), request.since)

    return paths


def _known(session: Session, row: int) -> int:
    if not 0 <= row < len(session.rows):
        raise HTTPException(404, f"there is no row {row}; rows are 0 to {len(session.rows) - 1}")
    return row


def _whole(value: str) -> int | None:
    if value == "":
        return None
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise InputError(f"{value[:20]!r} is no class code")
    return int(value)


def _chosen(session: Session, request: DecideRequest) -> np.ndarray:
    """The rows that a decision is about.

    Raises
    ------
    InputError
        If rows are named in no way or two, or other rows pass the filter than the page has shown.
    """
    if (request.rows is None) == (request.filter is None):
        raise InputError("a decision needs rows or a filter, one of them")
    if request.filter is None:
        return np.array(request.rows, dtype=np.int64)
    rows = matching(session, request.filter.filter())
    if digest(rows) != request.digest:
        raise InputError(f"other rows match now, {len(rows)} of them: look at the list again")
    return rows


class Server:
    """The running server.

    Parameters
    ----------
    session : Session
    socket : socket, optional
        Of `listen`; one on any free port without it.
    door : Door, optional
        That of the socket; one for this machine alone without it.
    """

    def __init__(self, session: Session, socket: socket.socket | None = None, door: Door | None = None):
        self.door: Door = Door() if door is None else door
        self.token: str = self.door.token
        self.socket = listen(host=self.door.host) if socket is None else socket
        self.port: int = int(self.socket.getsockname()[1])
        app = make_app(session, self.door, lambda: self.port)
        settings = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=1, ws="none",
            lifespan="off", http=Connection, use_colors=False, ssl_certfile=self.door.cert, ssl_keyfile=self.door.key,
        )  # fmt: skip
        self.server: uvicorn.Server = uvicorn.Server(settings)

    @property
    def address(self) -> str:
        return self.door.address(self.port, self.token)

    @property
    def looking_address(self) -> str:
        """For somebody who may look, and not decide."""
        return self.door.address(self.port, self.door.looking)

    def run(self) -> None:
        """Serve until Ctrl-C or a termination signal, and return; the answer under way is given before."""
        self.server.run(sockets=[self.socket])

    def start(self) -> threading.Thread:
        """Serve in a thread of its own, as a test or a notebook does."""
        thread = threading.Thread(target=self.run, daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        self.server.should_exit = True
