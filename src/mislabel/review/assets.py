"""The files of the review page, served by name as they are in the package; nothing else is served."""

from fastapi import APIRouter, HTTPException, Request, Response

from mislabel.review.page_files import read_assets


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
