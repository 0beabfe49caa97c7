"""`mislabel review --host`: others get in by the one name that was given, with TLS, and some of them may only look."""

import http.client
import json
import shutil
import signal
import ssl
import subprocess
import sys
import urllib.request
from contextlib import closing
from types import SimpleNamespace

import pytest
from patience import PATIENCE

pytest.importorskip("fastapi", reason="the extra `review` is not installed")

from review.browser import at, chromium, expect, history, press, saved, write_run
from review.client import Client

from mislabel.errors import InputError
from mislabel.review.door import Door, listen
from mislabel.review.serve import _for_others
from mislabel.review.server import Server
from mislabel.review.session import Session
from mislabel.run.folder import RunFolder

OTHER = "127.0.0.2"  # of this machine too, and not the usual one
linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only 127.0.0.1 is there without being set up")


@pytest.fixture
def reached(tmp_path):
    """Starts a review that is reached as a door says."""
    opened = []

    def start(**how):
        door = Door(**how)
        door.check()
        session = Session(RunFolder(write_run(tmp_path / "run", ["a", "b"], [0, 1], [1, 0], ["x", "y"])))
        server = Server(session, door=door)
        opened.append((server, server.start(), session))
        return server

    yield start
    for server, thread, session in opened:
        server.stop()
        thread.join(timeout=PATIENCE)
        session.close()


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A certificate and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl here")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=review", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*made, *names, "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


def decide(connection, server, token, **headers):
    said = json.dumps({"key": "k", "rows": [0], "kind": "keep"})
    connection.request("POST", f"/{token}/api/decide", said, {"Content-Type": "application/json"} | headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


@linux
def test_it_answers_to_the_name_that_was_given_and_to_no_other(reached):
    server = reached(host=OTHER)
    assert server.socket.getsockname()[0] == OTHER
    assert server.address == f"http://{OTHER}:{server.port}/{server.token}/"
    own = f"{OTHER}:{server.port}"
    with closing(http.client.HTTPConnection(OTHER, server.port, timeout=PATIENCE)) as connection:
        for host in ("127.0.0.1", "localhost", "evil.example", f"{OTHER}.evil.example", "0.0.0.0", ""):
            assert decide(connection, server, server.token, Host=f"{host}:{server.port}")[0] == 421, host
        assert decide(connection, server, server.token, Host=OTHER)[0] == 421  # without its port
        for origin in ("http://evil.example", "null", f"https://{own}", f"http://localhost:{server.port}"):
            assert decide(connection, server, server.token, Origin=origin)[0] == 403, origin
        assert decide(connection, server, server.token, **{"Sec-Fetch-Site": "same-site"})[0] == 403
        assert decide(connection, server, server.token, Origin=f"http://{own}")[0] == 200
    with pytest.raises(ConnectionRefusedError), closing(http.client.HTTPConnection("127.0.0.1", server.port)) as usual:
        usual.connect()


def test_who_may_look_may_not_decide(reached):
    server = reached()
    client = Client(server)
    looking = server.door.looking
    assert looking not in (server.token, "")
    assert json.loads(client.raw("GET", f"/{looking}/api/run")[2])["may_decide"] is False
    assert client.get("api/run")[1]["may_decide"] is True
    assert client.raw("GET", f"/{looking}/api/rows/0")[0] == 200
    assert client.raw("GET", f"/{looking}/")[0] == 200
    for path in ("api/decide", "api/undo", "api/anything"):
        status, _, body = client.raw("POST", f"/{looking}/{path}", "{}", Content_Type="application/json")
        assert (status, json.loads(body)["error"]) == (403, "with this address you may look, and not decide")
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert client.raw(method, f"/{looking}/api/run")[0] == 403
    assert server.address not in server.looking_address
    text = json.dumps([json.loads(client.raw("GET", f"/{looking}/{path}")[2]) for path in ("api/run", "api/state")])
    assert server.token not in text
    client.connection.close()


@pytest.mark.slow
@pytest.mark.skipif(chromium() is None, reason="there is no chromium here")
def test_the_page_of_who_may_look_decides_nothing(review, colours):
    with review(colours) as it:
        page = it.page
        at(page, "m0")
        it.servers.append(SimpleNamespace(address=it.server.server.looking_address))
        page.goto(it.server.server.looking_address)
        at(page, "m0")
        expect(page.locator("#saved")).to_contain_text("you may look, and not decide")
        expect(page.locator("[data-do=keep]")).to_be_disabled()
        for key in "ks1u":
            press(page, key)
        press(page, "c")
        press(page, "Space", "m1")
        assert it.server.session.store.history() == []


@pytest.mark.slow
@pytest.mark.skipif(chromium() is None, reason="there is no chromium here")
def test_the_page_decides_where_a_browser_trusts_no_context(review, colours):
    """As with a page that came from another machine without TLS."""
    script = "for (const name of ['randomUUID', 'subtle']) Object.defineProperty(Crypto.prototype, name, {});"
    script += (
        "Object.defineProperty(Navigator.prototype, 'locks', {}); Object.defineProperty(window, 'isSecureContext', {});"
    )
    with review(colours, script=script) as it:
        at(it.page, "m0")
        assert it.page.evaluate("() => crypto.randomUUID") is None
        press(it.page, "k", "m1")
        press(it.page, "u", "m0")
        press(it.page, "s", "m1")
        saved(it.page, "suggestion · m0")
    assert [kind for _, kind, _ in history(colours)] == ["keep", "undo", "suggestion"]


def test_the_command_prints_both_addresses_and_ends_by_ctrl_c(tmp_path):
    run = write_run(tmp_path / "run", ["a", "b"], [0, 1], [1, 0], ["x", "y"])
    line = [sys.executable, "-m", "mislabel", "review", run, "--no-browser", "--host", "localhost"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        said = []
        for words in process.stdout:
            said.append(words)
            if "Ctrl-C ends" in words:
                break
        addresses = [words.strip() for words in said if "http://localhost:" in words]
        assert len(addresses) == 2
        for address, may_decide in zip(addresses, (True, False), strict=True):
            with urllib.request.urlopen(f"{address}api/run", timeout=PATIENCE) as answer:
                assert json.loads(answer.read())["may_decide"] is may_decide
        assert "encrypted" not in "".join(said)
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(timeout=PATIENCE) == 130
    refused = subprocess.run([*line[:-1], "0.0.0.0"], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert refused.returncode == 2
    assert "every address at once" in refused.stderr


def test_tls_by_given_files(reached, pair):
    server = reached(cert=pair[0], key=pair[1])
    assert server.address.startswith("https://127.0.0.1:")
    context = ssl.create_default_context(cafile=pair[0])
    with closing(
        http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=PATIENCE)
    ) as connection:
        assert decide(connection, server, server.token, Origin=f"http://127.0.0.1:{server.port}")[0] == 403
        assert decide(connection, server, server.token, Origin=f"https://127.0.0.1:{server.port}")[0] == 200
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)) as plain:
        plain.request("GET", f"/{server.token}/api/run")
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            plain.getresponse()


def test_what_lets_nobody_in_is_told(pair, tmp_path):
    cert, key = pair
    for how, words in (
        ({"host": "0.0.0.0"}, "every address at once"),
        ({"host": "::"}, "every address at once"),
        ({"host": "no such machine.invalid"}, "no machine is called so"),
        ({"cert": cert}, "--tls-key"),
        ({"cert": tmp_path / "none", "key": key}, "can be used"),
        ({"cert": key, "key": cert}, "can be used"),
    ):
        with pytest.raises(InputError, match=words):
            Door(**how).check()
    secret = tmp_path / "secret.pem"
    closed = ["openssl", "ec", "-in", key, "-out", secret, "-aes128", "-passout", "pass:x"]
    subprocess.run(closed, check=True, capture_output=True)
    with pytest.raises(InputError, match="without a password"):
        Door(cert=cert, key=secret).check()


@linux
def test_addresses_in_every_form():
    for host, written in (("127.0.0.1", "127.0.0.1"), ("::1", "[::1]"), ("LocalHost", "LocalHost")):
        door = Door(host)
        assert door.address(8000, "t") == f"http://{written}:8000/t/"
        assert f"{written.lower()}:8000" in door.hosts(8000)
        assert door.is_local
    assert Door("box.example", cert=None).hosts(80) == {"box.example:80", "box.example"}
    with closing(listen()) as socket:
        assert socket.getsockname()[0] == "127.0.0.1"


def test_without_tls_on_a_network_it_warns_plainly():
    def said(**door):
        door = SimpleNamespace(**{"is_local": False, "scheme": "http"} | door)
        return "\n".join(_for_others(SimpleNamespace(door=door, looking_address="http://there"), asked=True))

    assert "nothing is encrypted on the way" in said()
    assert "http://there" in said()
    assert "encrypted" not in said(scheme="https")
    assert "encrypted" not in said(is_local=True)
    assert _for_others(SimpleNamespace(), asked=False) == []
