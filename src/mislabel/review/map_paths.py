"""What a page may ask of the map."""

from fastapi import APIRouter, HTTPException, Response

from mislabel.review.answers import MapLayout
from mislabel.review.session import Session


def map_paths(session: Session) -> APIRouter:
    """How far a layout is, and its points."""
    paths = APIRouter()

    @paths.get("/api/map/{layout}")
    def state(layout: str) -> MapLayout:
        asked = session.map.layout(layout)
        ready = asked.points is not None
        return MapLayout(ready=ready, progress=round(asked.progress, 3), failure=asked.failure, number=session.seen)

    @paths.get("/api/map/{layout}/points")
    def points(layout: str) -> Response:
        if session.map.layout(layout).points is None:
            raise HTTPException(404, "this map is not made yet")
        content = session.map.encoded(layout, session.decided())
        return Response(content, media_type="application/octet-stream")

    return paths
