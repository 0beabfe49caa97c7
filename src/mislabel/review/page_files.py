"""The files of the review page as they are in the package."""

from importlib.resources import files
from pathlib import PurePath

START = "page.html"  # what is there without a name
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def read_assets() -> dict[str, tuple[bytes, str]]:
    """Every file of the page as (content, media type), by its name in the address."""
    assets = {}
    for file in (files("mislabel.review") / "page").iterdir():
        media_type = MEDIA_TYPES.get(PurePath(file.name).suffix)
        if media_type is not None:
            assets["" if file.name == START else file.name] = file.read_bytes(), media_type
    return assets
