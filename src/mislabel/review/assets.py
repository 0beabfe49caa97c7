"""The files of the review page, served by name as they are in the package; nothing else is served."""

from importlib.resources import files
from pathlib import PurePath

from fastapi import APIRouter, HTTPException, Request, Response

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


def asset_paths() -> APIRouter:
    """The page and what it loads."""
    paths, assets = APIRouter(), read_assets()

    async def asset(request: Request) -> Response:
        name = request.path_params.get("name", "")
        if name not in assets:
            raise HTTPException(404, "there is nothing here")
        content, media_type = assets[name]
        return Response(content, media_type=media_type)

    for path in ("/", "/{name}"):
        paths.add_route(path, asset, methods=["GET"])
    return paths
