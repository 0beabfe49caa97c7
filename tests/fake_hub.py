"""A model hub on this machine: the few answers that an upload and a download need, over HTTP."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """Keeps what is uploaded.

    Attributes
    ----------
    files : dict
        By repository, the bytes of its files by their names in it.
    private : dict
        Whether each repository is.
    statuses : dict
        What is answered in place of the work, by the end of a path.
    requests : list
        Method and path of each.
    tokens : set of str
        What was sent as authorization.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answers)
        self.files, self.private, self.statuses, self.blobs = {}, {}, {}, {}
        self.requests, self.tokens = [], set()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def running_hub() -> Iterator[Hub]:
    hub = Hub()
    thread = threading.Thread(target=hub.serve_forever)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
        thread.join()


class Answers(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format, *args):
        pass

    def answer(self, status, content=b"", headers=None):
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(data))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def handle_one(self):
        hub, path = self.server, unquote(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        hub.requests.append(f"{self.command} {path}")
        hub.tokens.add(self.headers.get("Authorization"))
        status = next((status for end, status in hub.statuses.items() if path.endswith(end)), None)
        if status is not None:
            return self.answer(status, {"error": "of no use"})
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}"
            there = name in hub.files
            if not there:
                hub.files[name], hub.private[name] = {}, asked.get("visibility") == "private"
            return self.answer(409 if there else 200, {"url": f"{hub.address}/{name}"})
        if path == "/api/validate-yaml":
            return self.answer(200, {"warnings": [], "errors": []})
        if path.startswith("/lfs/"):
            hub.blobs[path.removeprefix("/lfs/")] = body
            return self.answer(200)
        name = "/".join(path.removeprefix("/api/models").strip("/").split("/")[:2]).removesuffix(".git")
        rest = path.split(name, 1)[1].removeprefix(".git")
        if name not in hub.files:
            return self.answer(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
        return self.of_repository(name, rest, body)

    do_GET = do_HEAD = do_POST = do_PUT = handle_one

    def of_repository(self, name, rest, body):
        hub = self.server
        files = hub.files[name]
        if rest.startswith("/preupload/"):
            asked = json.loads(body)["files"]
            modes = [{"path": each["path"], "shouldIgnore": False, "uploadMode": mode(each["path"])} for each in asked]
            return self.answer(200, {"files": modes})
        if rest == "/info/lfs/objects/batch":
            objects = [
                {**each, "actions": {"upload": {"href": f"{hub.address}/lfs/{each['oid']}", "header": {}}}}
                for each in json.loads(body)["objects"]
            ]
            return self.answer(200, {"transfer": "basic", "objects": objects})
        if rest.startswith("/commit/"):
            for line in body.splitlines():
                operation = json.loads(line)
                value = operation["value"]
                if operation["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                elif operation["key"] == "lfsFile":
                    files[value["path"]] = hub.blobs[value["oid"]]
            return self.answer(200, {"commitUrl": f"{hub.address}/{name}/commit/{COMMIT}", "commitOid": COMMIT})
        if rest.startswith("/tree/"):
            listed = [
                {"type": "file", "path": path, "size": len(data), "oid": oid(data)} for path, data in files.items()
            ]
            return self.answer(200, listed)
        if rest.startswith("/resolve/"):
            data = files[rest.split("/", 3)[3]]
            return self.answer(200, data, {"ETag": f'"{oid(data)}"', "X-Repo-Commit": COMMIT})
        return self.answer(200, {"id": name, "modelId": name, "sha": COMMIT, "private": hub.private[name]})


def mode(path):
    return "lfs" if path.endswith(".safetensors") else "regular"


def oid(data):
    """As git names it."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
