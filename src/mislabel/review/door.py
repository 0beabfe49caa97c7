"""Where a review is reached, and by whom: its address on this machine or a network, its tokens and its certificate."""

import hmac
import ipaddress
import secrets
import socket
import ssl
import sys
from dataclasses import dataclass, field
from pathlib import Path

from mislabel.errors import InputError, RunError

HOST = "127.0.0.1"
USUAL = {"http": 80, "https": 443}  # ports that no address names


def new_token() -> str:
    return secrets.token_urlsafe(24)


@dataclass(frozen=True)
class Door:
    """How a review is reached.

    Attributes
    ----------
    host : str
        The name or number by which others reach this machine; 127.0.0.1 for this machine alone.
    cert, key : Path, optional
        Of TLS, as PEM; both or none.
    token, looking : str
        First parts of a path: who has the first may decide, who has the second may look.
    """

    host: str = HOST
    cert: Path | None = None
    key: Path | None = None
    token: str = field(default_factory=new_token)
    looking: str = field(default_factory=new_token)

    @property
    def scheme(self) -> str:
        return "http" if self.cert is None else "https"

    @property
    def is_local(self) -> bool:
        """Whether it is reached from this machine alone."""
        return ipaddress.ip_address(_find(self.host, 0)[1][0]).is_loopback

    def hosts(self, port: int) -> set[str]:
        """What a browser at the door calls this server: a name that somebody else points here is none of these."""
        names = {HOST, "localhost"} if self.host == HOST else {_written(self.host.lower())}
        bare = names if port == USUAL[self.scheme] else set()
        return {f"{name}:{port}" for name in names} | bare

    def address(self, port: int, token: str) -> str:
        return f"{self.scheme}://{_written(self.host)}:{port}/{token}/"

    def may_decide(self, token: str) -> bool:
        """Whether the first part of a path is the one with which one decides; told in equal time for all."""
        return hmac.compare_digest(token.encode("utf-8", "surrogatepass"), self.token.encode())

    def may_look(self, token: str) -> bool:
        """Whether it is the one with which one looks."""
        return hmac.compare_digest(token.encode("utf-8", "surrogatepass"), self.looking.encode())

    def check(self) -> None:
        """Raise InputError where others cannot be let in so."""
        if (self.cert is None) != (self.key is None):
            raise InputError("TLS needs a certificate and its key: give --tls-cert and --tls-key, both PEM files")
        if ipaddress.ip_address(_find(self.host, 0)[1][0]).is_unspecified:
            raise InputError(
                f"host is {self.host}, which is every address at once: give the one name or number by which others "
                "reach this machine, so that requests under any other name can be refused"
            )
        if self.cert is not None and self.key is not None:
            try:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(self.cert, self.key, password=lambda: "")  # asks nobody for one
            except (OSError, ValueError) as error:  # SSLError is an OSError
                raise InputError(
                    f"{self.cert} and {self.key} are no certificate and its key that can be used ({error}); needed are "
                    "PEM files, the key without a password"
                ) from error


def listen(port: int = 0, host: str = HOST) -> socket.socket:
    """A socket on one address of this machine; port 0 takes one that is free.

    Raises
    ------
    InputError
        If nothing is called `host`.
    RunError
        If the port is taken, there is none of that number, or the address is another machine's.
    """
    family, address = _find(host, port)
    # The protocol is named, or asyncio lets answers wait.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if sys.platform != "win32":  # there it would let a second server take the port of the first
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except (OSError, OverflowError) as error:
        listener.close()
        where = "" if host == HOST else f" of {host}"
        raise RunError(f"port {port}{where} cannot be used ({error}): choose another --port, or 0 for any") from error
    listener.listen(128)  # whoever takes the address before the server runs waits, and is not refused
    return listener


def _find(host: str, port: int) -> tuple[socket.AddressFamily, tuple]:
    """The family and the address of a name or a number; of a name with several the first of version 4."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise InputError(f"host is {host!r}, and no machine is called so ({error})") from error
    family, _, _, _, address = min(found, key=lambda info: info[0] != socket.AF_INET)
    return family, (address[0], port, *address[2:])


def _written(host: str) -> str:
    """As it stands in an address."""
    return f"[{host}]" if ":" in host else host
