"""Who may talk to the review's server: the page that it gave out itself, and nobody else."""

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from mislabel.review.door import Door

LARGEST_BODY = 32 << 20  # bytes: a selection of a million rows, named one by one
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",  # the address holds the token
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def refused(request: Request, door: Door, port: int) -> Response | None:
    """The answer to a request that is not from this review's page; None for one that is."""
    path = request.scope["path"]  # `request.url` would take the Host apart, which may be nonsense
    given = path.split("/")[1] if "/" in path else ""
    hosts = door.hosts(port)
    if request.headers.get("host", "").lower() not in hosts:  # a name that somebody else points to this machine
        return JSONResponse({"error": f"this server answers for {door.host} alone"}, 421)
    may_decide = door.may_decide(given)
    if not (may_decide or door.may_look(given)):
        return JSONResponse(
            {"error": "there is nothing here; take the whole address that mislabel review printed"}, 404
        )
    origin = request.headers.get("origin")
    if origin is not None and origin not in {f"{door.scheme}://{host}" for host in hosts}:
        return JSONResponse({"error": "another site's page may not use this server"}, 403)
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return JSONResponse({"error": "another site's page may not use this server"}, 403)
    if not may_decide and request.method not in ("GET", "HEAD"):
        return JSONResponse({"error": "with this address you may look, and not decide"}, 403)
    if request.method == "POST":
        if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
            return JSONResponse({"error": "needed application/json"}, 415)
        length = request.headers.get("content-length", "")
        if "transfer-encoding" in request.headers and length:  # two lengths: nobody knows which of them holds
            return JSONResponse({"error": "needed one length of the body, not two"}, 400)
        if not (length.isascii() and length.isdigit() and len(length) < 20 and int(length) <= LARGEST_BODY):
            return JSONResponse({"error": f"needed a body of a known length of at most {LARGEST_BODY} bytes"}, 413)
    return None
