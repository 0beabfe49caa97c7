"""The one place that connects: a POST to a server that speaks the chat completions of OpenAI, and what can go wrong."""

import http.client
import ipaddress
import json
import ssl
import time
import urllib.error
import urllib.request
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from mislabel.errors import InputError

PATH = "/chat/completions"
LARGEST = 10_000_000  # bytes of a reply
SHOWN = 200  # characters of what a server says of an error
TEMPORARY = {408, 409, 425, 429}  # beside all of 500 and more
OF_THE_REQUEST = {400, 413, 422}


class Temporary(Exception):
    """What may go well the next time: a time-out, too many requests, a fault of the server.

    Attributes
    ----------
    wait : float or None
        Seconds that the server asks to wait.
    unreachable : bool
        Whether nobody answered at all.
    """

    def __init__(self, message: str, wait: float | None = None, *, unreachable: bool = False):
        super().__init__(message)
        self.wait: float | None = wait
        self.unreachable: bool = unreachable


class Refused(Exception):
    """The server does not take this request: the form of it, or this row."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The key and the row go to the address that was given, and nowhere else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class Endpoint:
    """A server.

    Parameters
    ----------
    address : str
        Of the server, as in ``http://localhost:8000/v1``; without a path it is taken to be /v1.
    key : str, optional
        Goes into the header of each request, and nowhere else.
    timeout : float
        Seconds until an answer must have come.

    Attributes
    ----------
    address : str
        Where requests are posted.
    host : str

    Raises
    ------
    InputError
        If the address is none that can be asked, or the key cannot stand in a header.
    """

    def __init__(self, address: str, key: str | None = None, timeout: float = 60.0):
        parts = _checked(address)
        path = parts.path.rstrip("/") or "/v1"
        if key is not None and not (key.isascii() and key.isprintable() and key.strip()):
            raise InputError("the API key is empty or holds characters that no header can: set it again, without them")
        self.address: str = f"{parts.scheme}://{parts.netloc}{path}{'' if path.endswith(PATH) else PATH}"
        self.host: str = str(parts.hostname)
        self.timeout: float = timeout
        self._key = key
        own = (
            [urllib.request.ProxyHandler({})] if _is_loopback(self.host) else []
        )  # no proxy stands before this machine
        self._opener = urllib.request.build_opener(_NoRedirects, *own)

    @property
    def leaves_in_the_clear(self) -> bool:
        """Whether rows and key leave this machine without encryption."""
        return self.address.startswith("http:") and not _is_loopback(self.host)

    @property
    def has_key(self) -> bool:
        return self._key is not None

    def post(self, body: dict[str, Any]) -> bytes:
        """The body of the answer.

        Raises
        ------
        Temporary
            If it may go well the next time.
        Refused
            If the server does not take this request.
        InputError
            If it will not take any.
        """
        from mislabel import __version__

        headers = {"Content-Type": "application/json", "User-Agent": f"mislabel/{__version__}"}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        request = urllib.request.Request(self.address, json.dumps(body).encode(), headers, method="POST")
        try:
            with self._opener.open(request, timeout=self.timeout) as answer:
                return self._read(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise self._failure(error) from None
        except urllib.error.URLError as error:
            raise self._unreached(error.reason) from None
        except UnicodeError:
            raise InputError(f"--endpoint: {_cut(self.host)!r} can be the name of no server") from None
        except (OSError, http.client.HTTPException) as error:  # a connection that broke, a time-out, no HTTP
            raise Temporary(self._words(error)) from None

    def _read(self, answer: Any) -> bytes:
        """All of an answer that comes in time; a server that sends a byte now and then does not hold us for ever."""
        end, parts, size = time.monotonic() + self.timeout, list[bytes](), 0
        while part := answer.read1(1 << 16):
            parts.append(part)
            size += len(part)
            if time.monotonic() > end:
                raise TimeoutError
            if size > LARGEST:
                raise Temporary(f"the answer is longer than {LARGEST:,} bytes")
        return b"".join(parts)

    def _failure(self, error: urllib.error.HTTPError) -> Exception:
        """What an answer with a status of 300 or more means."""
        code, said = error.code, self._said(error)
        if code in TEMPORARY or code >= 500:
            return Temporary(f"the server answered {code}{said}", wait_asked(error.headers.get("Retry-After")))
        if code in OF_THE_REQUEST:
            return Refused(f"the server answered {code}{said}")
        if code in (401, 403):
            what = "does not take the API key" if self._key else "wants an API key, and none is set"
            return InputError(f"{self.host} {what} ({code}{said}); set it in the environment, see --api-key-env")
        if code == 404:
            return InputError(
                f"{self.host} knows no such model or address ({self.address}: 404{said}); correct --model, or "
                "--endpoint, which most servers want to end in /v1"
            )
        if 300 <= code < 400:
            to = _cut(error.headers.get("Location") or "nowhere")
            return InputError(f"{self.address} leads on to {to}, which is not followed; name that as --endpoint")
        return InputError(f"{self.address} answered {code}{said}; nothing can be asked there so")

    def _said(self, error: urllib.error.HTTPError) -> str:
        """What the server says of it, as `: words`, without the key, which some repeat."""
        try:
            body = error.read(1 << 16)
        except (OSError, http.client.HTTPException):
            return ""
        text = body.decode("utf-8", "replace")
        try:
            value = json.loads(text)
            value = value.get("error", value) if isinstance(value, dict) else value
            value = value.get("message", value) if isinstance(value, dict) else value
            text = value if isinstance(value, str) else json.dumps(value)
        except (ValueError, RecursionError):
            text = "" if text.lstrip()[:1] == "<" else text  # a page for people
        text = " ".join(self._hidden(text).split())
        return f": {_cut(text)}" if text else ""

    def _unreached(self, reason: Any) -> Exception:
        if isinstance(reason, ssl.SSLCertVerificationError):
            return InputError(f"{self.host} shows no valid certificate ({reason.verify_message}); nothing was sent")
        late = isinstance(reason, TimeoutError)
        return Temporary(self._words(reason), unreachable=not late)

    def _words(self, error: Any) -> str:
        if isinstance(error, TimeoutError):
            return f"no answer within {self.timeout:g} seconds"
        return self._hidden(str(getattr(error, "strerror", None) or error or type(error).__name__))

    def _hidden(self, text: str) -> str:
        return text.replace(self._key, "[the key]") if self._key else text


def wait_asked(value: str | None) -> float | None:
    """The seconds that a Retry-After header asks for, as a number or a date; None where it asks for nothing."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (TypeError, ValueError, OverflowError):
            return None
    return max(seconds, 0.0) if seconds == seconds else None


def _checked(address: str) -> Any:
    """The parts of an address that can be asked."""
    example = "give such as http://localhost:8000/v1"
    try:
        parts = urlsplit(address)
        port_fits = parts.port is None or parts.port > 0
    except ValueError as error:
        raise InputError(f"--endpoint is no address ({error}); {example}") from None
    if parts.username is not None or parts.password is not None:
        raise InputError("--endpoint holds a name or password; keys come from the environment alone, see --api-key-env")
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_fits:
        raise InputError(f"--endpoint is {_cut(address)!r}, no address of a server; {example}")
    if parts.query or parts.fragment or not address.isascii() or any(sign <= " " for sign in address):
        raise InputError(f"--endpoint has more than a server and a path: {parts.hostname}; {example}")
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
