"""Files behind a web server on this machine."""

import functools
import http.server
import threading
from contextlib import contextmanager
from pathlib import Path


class Served(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        if self.server.broken:
            cut = self.server.broken.pop()
            content = Path(self.translate_path(self.path)).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[:cut])
            return
        super().do_GET()

    def log_message(self, *_):
        pass


@contextmanager
def serving(folder):
    """A server of a new folder; `asked` are the paths that it was asked for, `broken` after how many bytes it stops."""
    folder.mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Served, directory=folder)) as served:
        served.folder, served.asked, served.broken = folder, [], []
        served.url = f"http://127.0.0.1:{served.server_address[1]}"
        thread = threading.Thread(target=served.serve_forever, daemon=True)
        thread.start()
        yield served
        served.shutdown()
        thread.join()
