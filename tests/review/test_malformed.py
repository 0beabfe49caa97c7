"""Requests that no browser sends: never a traceback, a failure of the server or a wait without end."""

import json
import logging
import socket
import time
from contextlib import closing

import numpy as np
import pytest
from fake_runs import review_run
from patience import PATIENCE
from review.client import Client
from review.malformed import post, raw_requests

from mislabel.review import connections
from mislabel.review.guard import LARGEST_BODY
from mislabel.review.server import Server
from mislabel.review.session import Session


class Records(logging.Handler):
    """Keeps what is logged."""

    def __init__(self):
        super().__init__()
        self.kept = []

    def emit(self, record):
        self.kept.append(record)


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A server of a run of twelve rows, whose patience is short; at the end it has said nothing of failures."""
    monkeypatch.setattr(connections, "HEAD_SECONDS", 1.0)
    monkeypatch.setattr(connections, "BODY_SECONDS", 1.5)
    monkeypatch.setattr(connections, "ANSWER_SECONDS", 1.5)
    codes = np.arange(12) % 3
    folder = review_run(
        tmp_path / "run", [f"text {k}" for k in range(12)], codes.tolist(), ((codes + 1) % 3).tolist(), ["a", "b", "c"]
    )
    with closing(Session(folder)) as session:
        server, records = Server(session), Records()
        for name in ("uvicorn", "uvicorn.error", "asyncio"):  # in place of a stream that pytest takes away
            monkeypatch.setattr(logging.getLogger(name), "handlers", [records])
        thread = server.start()
        yield server
        server.stop()
        thread.join(timeout=PATIENCE)
    assert not thread.is_alive()
    assert [record.getMessage() for record in records.kept if record.levelno >= logging.ERROR or record.exc_info] == []


def talk(server, request, *, stays=False):
    """All that a server answers to these bytes until it closes; the client closes its side, or stays."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        answer = b""
        try:
            connection.sendall(request)
            if not stays:
                connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(1 << 16):
                answer += part
        except OSError:  # closed before it had read all
            pass
        return answer


def codes_of(answer):
    """The status codes of the answers that came over one connection."""
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


def test_malformed_requests_get_an_answer_or_are_cut_and_a_good_one_works_after(served, record_property):
    requests = raw_requests(served.port, served.token)
    assert len(requests) >= 200
    for request in requests:
        codes = codes_of(talk(served, request))
        assert all(code < 500 for code in codes), (request[:200], codes)
    record_property("malformed requests to the review server", (len(requests), len(requests)))
    client = Client(served)
    status, said = client.get("api/run")
    assert status == 200
    assert said["classes"] == ["a", "b", "c"]
    assert client.decide([1], "unsure")[0] == 200
    client.connection.close()


@pytest.mark.slow
@pytest.mark.parametrize("begin", ["nothing", "head", "body", "chunks", "answered"])
def test_a_half_open_connection_is_closed(begin, served):
    head = f"POST /{served.token}/api/decide HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n"
    kind = "Content-Type: application/json\r\n"
    sent = {
        "nothing": b"",
        "head": head.encode(),
        "body": f"{head}{kind}Content-Length: 100\r\n\r\n{{".encode(),
        "chunks": f"{head}{kind}Transfer-Encoding: chunked\r\n\r\n5\r\n".encode(),
        "answered": f"GET /{served.token}/api/run HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n\r\n".encode(),
    }[begin]
    began = time.monotonic()
    talk(served, sent, stays=True)  # ends when the server closes
    assert time.monotonic() - began < 30  # of some two seconds, beside busy neighbours


def sent_until_cut(server, parts, pause):
    """Whether the server closed the connection while these were sent, with a pause after each."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        try:
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
        except OSError:
            return True
    return False


def test_a_head_that_comes_drop_by_drop_is_cut(served):
    assert sent_until_cut(served, [b"GET / HTTP/1.1\r\n", *[b"X: y\r\n"] * 3000], 0.02)


@pytest.mark.slow
def test_whoever_does_not_read_is_cut(served):
    line = f"GET /{served.token}/ HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n\r\n".encode()
    assert sent_until_cut(served, [line] * 100_000, 0)


@pytest.mark.parametrize("length", ["", f"Content-Length: {LARGEST_BODY}\r\n"])
def test_the_limit_of_a_body_holds_for_chunks(length, served):
    """A body in chunks has no length that could be checked, or one that does not hold."""
    head = f"POST /{served.token}/api/decide HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n{length}"
    head += "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
    answer, sent = b"", 0
    with socket.create_connection(("127.0.0.1", served.port), timeout=PATIENCE) as connection:
        connection.sendall(head.encode())
        try:
            while sent <= LARGEST_BODY:
                connection.sendall(chunk)
                sent += 1 << 20
            answer = connection.recv(1 << 16)
        except OSError:
            pass
    assert codes_of(answer) in ([], [413], [400])


def test_a_used_key_with_another_body_is_an_error(served):
    client = Client(served)
    first = {"key": "once", "rows": [2], "kind": "unsure"}
    assert client.post("api/decide", first)[0] == 200
    status, again = client.post("api/decide", first | {"since": 1})  # what the page knows may differ
    assert status == 200
    assert again["rows"] == [2]
    for other in ({"rows": [3]}, {"kind": "none"}, {"rows": [2, 3]}):
        status, said = client.post("api/decide", first | other)
        assert status == 409
        assert "needs a new key" in said["error"]
    status, said = client.post("api/undo", {"key": "once"})
    assert status == 409
    assert client.get("api/state")[1]["decided"] == 1
    client.connection.close()


def test_what_is_wrong_is_said_in_json(served):
    host = f"Host: 127.0.0.1:{served.port}\r\nConnection: close\r\n"
    for body in (b"[" * 100_000, b"9" * 5000, b"\xff", json.dumps({"\ud800": 1}).encode()):
        answer = talk(served, post(host, f"/{served.token}/api/decide", body), stays=True)
        assert codes_of(answer)[0] in (400, 422)
        assert json.loads(answer.split(b"\r\n\r\n")[1])["error"]
