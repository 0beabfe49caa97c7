"""A real HTTP server that speaks /v1/chat/completions, and answers each request as a test says."""

import json
import math
import re
import threading
from collections.abc import Callable
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TICKS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Asked:
    """A request: its body, its headers, and what a model would see in the prompt.

    Attributes
    ----------
    row : str
        Between the two lines of the fence.
    keys : dict
        Of the classes, by name.
    """

    def __init__(self, path: str, headers: Any, body: dict[str, Any]):
        self.path, self.headers, self.body = path, dict(headers), body
        self.prompt = body["messages"][-1]["content"]
        listed = re.findall(r"^(\w+)\. (.*)$", self.prompt.split("\n\nThe row stands")[0], re.MULTILINE)
        self.keys = {line.split(": ")[0]: key for key, line in listed}
        fence = re.search(r"two lines of (=+) below", self.prompt)[1]
        self.row = self.prompt.split(f"\n{fence}\n")[1]

    @property
    def constrained(self) -> bool:
        return "response_format" in self.body


class Answer:
    """What the server sends: a status, headers, a body; or what it does to the connection."""

    def __init__(self, body: Any = b"", status: int = 200, headers: dict[str, str] | None = None, act: str = ""):
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status, self.headers, self.act = status, headers or {}, act


def completion(content: Any, logprobs: Any = None, **more: Any) -> Answer:
    """An answer of the protocol."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 100, "completion_tokens": 7}
    return Answer({"object": "chat.completion", "choices": [{**choice, "logprobs": logprobs}], "usage": usage, **more})


def says(key: str, shares: dict[str, float] | None = None, *, asked: Asked) -> Answer:
    """A key, in JSON where the request wants that, with the probabilities of tokens where some are given."""
    content = json.dumps({"answer": key}) if asked.constrained else key
    before, after = (['{"', "answer", '": "'], ['"}']) if asked.constrained else ([], [])
    if shares is None or not asked.body.get("logprobs"):
        return completion(content)
    tops = [{"token": token, "logprob": math.log(share)} for token, share in shares.items()]
    place = {"token": key, "logprob": math.log(shares[key]), "top_logprobs": tops}
    sure = [{"token": token, "logprob": 0.0, "top_logprobs": []} for token in (*before, *after)]
    return completion(content, {"content": [*sure[: len(before)], place, *sure[len(before) :]]})


class ModelServer:
    """Listens on a free port of this machine.

    Attributes
    ----------
    answer : callable
        Gives the `Answer` to an `Asked`; called in the thread of the request.
    asked : list of Asked
        All requests, in the order in which they came.
    gate : Event
        What hangs goes on once it is set.
    most : int
        The most requests that were there at one time.
    """

    def __init__(self, answer: Callable[[Asked], Answer]):
        self.answer, self.asked, self.gate = answer, list[Asked](), threading.Event()
        self.most, self._now, self._lock = 0, 0, threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                server.handle(self)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_):  # a client that is gone
                pass

        self.http = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        asked = Asked(
            handler.path, handler.headers, json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        )
        with self._lock:
            self.asked.append(asked)
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            answer = self.answer(asked)
        finally:
            with self._lock:
                self._now -= 1
        if answer.act == "hang":
            self.gate.wait()
        if answer.act in ("hang", "hang up"):
            handler.close_connection = True
            return
        handler.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(answer.body) + (50 if answer.act == "cut" else 0)))
        handler.end_headers()
        handler.wfile.write(answer.body)

    @property
    def rows(self) -> list[str]:
        """The rows that were asked about."""
        return [asked.row for asked in self.asked]

    def close(self) -> None:
        self.gate.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@contextmanager
def serving(answer: Callable[[Asked], Answer]):
    """A server while the block runs."""
    server = ModelServer(answer)
    try:
        yield server
    finally:
        server.close()


def by_name(asked: Asked, sure: float | None = None) -> Answer:
    """Answers with the class whose name the row holds, the first of several; as surely as is said."""
    name = min((name for name in asked.keys if name in asked.row), key=asked.row.index)
    key = asked.keys[name]
    if sure is None:
        return says(key, asked=asked)
    rest = [other for other in asked.keys.values() if other != key]
    return says(key, {key: sure, **{other: (1 - sure) / len(rest) for other in rest}}, asked=asked)
