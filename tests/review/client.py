"""What asks a review's server without a browser."""

import http.client
import json
import uuid

from patience import PATIENCE


class Client:
    """One connection to a server in this process."""

    def __init__(self, server):
        self.server, self.connection = server, http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)

    def raw(self, method, path, body=None, **headers):
        self.connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = self.connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()

    def get(self, path, **headers):
        status, _, body = self.raw("GET", f"/{self.server.token}/{path}", **headers)
        return status, json.loads(body)

    def post(self, path, said, **headers):
        headers = {"Content_Type": "application/json"} | headers
        status, _, body = self.raw("POST", f"/{self.server.token}/{path}", json.dumps(said), **headers)
        return status, json.loads(body)

    def decide(self, rows, kind, **more):
        return self.post("api/decide", {"key": str(uuid.uuid4()), "rows": rows, "kind": kind} | more)
