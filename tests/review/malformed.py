"""Requests that no browser sends, as bytes: lines, heads, lengths, bodies, JSON, types and paths that are wrong."""

import itertools
import json

HUGE = "9" * 5000
DEEP = "[" * 100_000


def raw_requests(port: int, token: str) -> list[bytes]:
    """At least two hundred; `slow` ones aside, each is sent whole and the client then says no more."""
    good_host = f"Host: 127.0.0.1:{port}\r\n"
    return [
        *_lines(good_host, token),
        *_heads(good_host, token),
        *_lengths(good_host, token),
        *_bodies(good_host, token),
        *_paths(good_host, token),
    ]


def post(host: str, path: str, body: bytes, head: str = "") -> bytes:
    kind = "Content-Type: application/json\r\n"
    return f"POST {path} HTTP/1.1\r\n{host}{kind}{head}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body


def _lines(host: str, token: str) -> list[bytes]:
    lines = [
        b"",
        b"\r\n",
        b"\n\n\n",
        b"\0\0\0\0",
        b"\xff\xfe\xfd",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"GET",
        b"GET /",
        b"GET / HTTP",
        b"GET / HTTP/9.9",
        b"GET / HTTP/1.1 more",
        b"GET  /  HTTP/1.1",
        b"get / http/1.1",
        b"G\xc3\x89T / HTTP/1.1",
        b"GET \x1b[31m HTTP/1.1",
        b"GET /\r HTTP/1.1",
        b"GET /\x00 HTTP/1.1",
        b"/ GET HTTP/1.1",
        b"GET http://elsewhere/ HTTP/1.1",
        b"GET * HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
        b"CONNECT elsewhere:443 HTTP/1.1",
        b"PRI * HTTP/2.0\r\n\r\nSM",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1",
        b"A" * 200_000,
        b"GET /%00 HTTP/1.1",
        *(
            f"{method} /{token}/api/run HTTP/1.1".encode()
            for method in ("HEAD", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "PROPFIND", "X" * 300, "post")
        ),
    ]
    return [line + b"\r\n" + host.encode() + b"\r\n" for line in lines]


def _heads(host: str, token: str) -> list[bytes]:
    line = f"GET /{token}/api/run HTTP/1.1\r\n".encode()
    heads = [
        b"",
        b"Host\r\n",
        b"Host:\r\n",
        b"Host: [::1\r\n",
        b"Host: a b\r\n",
        b"Host: \xff\r\n",
        b"Host: 127.0.0.1:0\r\n",
        b"Host: 127.0.0.1:" + HUGE.encode() + b"\r\n",
        host.encode() * 2,
        b": x\r\n",
        b"A B: x\r\n",
        b" folded: x\r\n",
        host.encode() + b" folded\r\n",
        host.encode() + b"X: " + b"a" * 200_000 + b"\r\n",
        host.encode() + b"X: \0\r\n",
        host.encode() + b"".join(b"X%d: y\r\n" % k for k in range(5000)),
        host.encode() + b"X: \x1b]0;title\x07\r\n",
        host.encode() + b"Origin: null\r\n",
        host.encode() + b"Origin: \xff\r\n",
        host.encode() + b"Upgrade: websocket\r\nConnection: Upgrade\r\n",
        host.encode() + b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n",
        host.encode() + b"Expect: 100-continue\r\n",
        host.encode() + b"Expect: nonsense\r\n",
        host.encode() + b"Range: bytes=9-1\r\n",
        host.encode() + b"Cookie: " + b"a=b;" * 1000 + b"\r\n",
        host.encode() + b"Sec-Fetch-Site: cross-site\r\n",
        host.encode() + b"Accept-Encoding: \xff\r\n",
    ]
    return [line + head + b"\r\n" for head in heads]


def _lengths(host: str, token: str) -> list[bytes]:
    start = f"POST /{token}/api/decide HTTP/1.1\r\n{host}Content-Type: application/json\r\n".encode()
    lengths = [
        b"",
        b"Content-Length:\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: 5x\r\n",
        b"Content-Length: 0x5\r\n",
        b"Content-Length: 1e3\r\n",
        b"Content-Length: \xb2\r\n",
        b"Content-Length: 5, 6\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5\r\nContent-Length: 5\r\n",
        b"Content-Length: 99999999999\r\n",
        b"Content-Length: " + HUGE.encode() + b"\r\n",
        b"Content-Length: 33554433\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip\r\n",
        b"Transfer-Encoding: chunked, chunked\r\n",
        b"Transfer-Encoding: identity\r\n",
        b"Transfer-Encoding: \xff\r\n",
        b"Transfer-Encoding: xchunked\r\nContent-Length: 2\r\n",
    ]
    bodies = [b"{}", b'5\r\n{"a":\r\n0\r\n\r\n', b"zz\r\n{}\r\n0\r\n\r\n", b"FFFFFFFFFFFFFFFFF\r\n{}"]
    return [start + length + b"\r\n" + body for length, body in itertools.product(lengths, bodies)]


def _bodies(host: str, token: str) -> list[bytes]:
    whole = {"key": "k", "kind": "unsure", "rows": [0]}
    odd = [
        None,
        True,
        1.5,
        -1,
        "x",
        "",
        [],
        {},
        [[]],
        [None],
        ["0"],
        [1.5],
        [-1],
        [10**9],
        2**63,
        "\ud800",
        "\0",
        "x" * 200,
    ]
    texts: list[bytes] = [
        b"",
        b" ",
        b"{",
        b"}",
        b"[]",
        b"null",
        b"0",
        b'"x"',
        b"{]",
        b"nul",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"key": "\xff"}',
        b"NaN",
        b"-Infinity",
        b'{"key": NaN}',
        DEEP.encode(),
        ('{"a":' * 50_000).encode(),
        HUGE.encode(),
        b"1e999",
        b"'a'",
        *(
            json.dumps({**whole, name: value}).encode()
            for name in ("key", "kind", "rows", "label", "filter", "since", "place")
            for value in odd
        ),
        *(
            f'{{"key": "n", "kind": "unsure", "rows": [{number}]}}'.encode()
            for number in (HUGE, "1e999", "-1e999", "NaN", "1e5")
        ),
        b'{"key": "a", "key": "b", "kind": "unsure", "rows": [0]}',
        b'{"__proto__": {}, "constructor": 1}',
        json.dumps({"key": "d", "kind": "unsure", "rows": [0], "\ud800": 1}).encode(),
        json.dumps(
            {"key": "e", "kind": "unsure", "filter": {"search": "\ud800", "given": 10**15}, "digest": "x"}
        ).encode(),
        json.dumps({"key": "f", "kind": "unsure", "filter": {"status": "\x1b[31m"}, "digest": "x"}).encode(),
    ]
    requests = [post(host, f"/{token}/api/decide", text) for text in texts]
    return requests + [post(host, f"/{token}/api/undo", text) for text in texts[:30]]


def _paths(host: str, token: str) -> list[bytes]:
    tails = [
        "../",
        "..%2f..%2fetc/passwd",
        "%2e%2e/%2e%2e/etc/passwd",
        "..\\..\\",
        "page.html/..",
        "./",
        "//",
        "%",
        "%zz",
        "%ff",
        "%00",
        "page.html%00.js",
        "a" * 3000,
        "api/run/",
        "api//run",
        "api/rows/",
        "api/rows/-1",
        "api/rows/1e3",
        "api/rows/999999999",
        f"api/rows/{HUGE}",
        "api/rows/0x1",
        "api/rows/%EF%BC%91",
        "api/rows/0/neighbours/x",
        "media/-1",
        "media/..%2f0",
        f"media/{HUGE}",
        "api/list?offset=-1",
        "api/list?offset=1e9",
        f"api/list?offset={HUGE}",
        f"api/list?offset={10**25}",
        f"api/list?limit={10**25}",
        "api/list?limit=0",
        "api/list?limit=x",
        "api/list?given=%EF%BC%91",
        "api/list?given=-1",
        f"api/list?given={HUGE}",
        "api/list?given=999999999",
        "api/list?decision=%1b[31m",
        "api/list?status=%ED%A0%80",
        "api/list?search=%ED%A0%80",
        "api/list?search=%00",
        "api/list?search=" + "(a%2B)%2B$" * 100,
        "api/next?after=x",
        f"api/next?after={10**25}",
        "api/next?after=-5",
        "api/state?since=x",
        f"api/state?since={10**25}",
        "api/state?since=-1",
        "api/state?since=1&since=2",
        "api/state?%00=1",
        "?" + "a=b&" * 2000,
        "#fragment",
        "api/estimate;x=1",
        "%7Btoken%7D",
        "api/decide",
        "{token}/api/run",
    ]
    return [f"GET /{token}/{tail} HTTP/1.1\r\n{host}\r\n".encode() for tail in tails]
