"""The map of rows: where points lie, which of them an area holds, and what the server says of it."""

import json
import time
from contextlib import closing

import numpy as np
import pytest
from fake_runs import renew_digests
from matplotlib.path import Path as Polygon
from patience import PATIENCE
from sklearn.neighbors import KNeighborsClassifier

pytest.importorskip("fastapi", reason="the extra `review` is not installed")

from review.browser import COLOURS, write_run
from review.client import Client

from mislabel.errors import InputError
from mislabel.review import map as map_module
from mislabel.review.areas import Area
from mislabel.review.layouts import SIDE, framed, neighbourhoods, placed, principal_axes, unit
from mislabel.review.map import Map
from mislabel.review.server import Server
from mislabel.review.session import Session
from mislabel.run.folder import RunFolder
from mislabel.run.reading import Run


def clusters(rows=300, width=20, classes=5, seed=0):
    random = np.random.default_rng(seed)
    codes = random.integers(classes, size=rows)
    points = random.normal(size=(classes, width))[codes] * 3 + random.normal(size=(rows, width))
    return points.astype(np.float32), codes


def big_run(folder, rows, classes=4, width=16):
    """A run whose classes lie apart."""
    points, codes = clusters(rows, width, classes)
    path = write_run(
        folder, [f"text {k}" for k in range(rows)], codes.tolist(), ((codes + 1) % classes).tolist(), COLOURS
    )
    np.save(path / "embeddings.npy", points.astype(np.float16))
    renew_digests(RunFolder(path))
    return path, codes


def test_principal_components_are_those_of_the_covariance():
    points = unit(clusters()[0])
    mean, axes = principal_axes(points)
    _, vectors = np.linalg.eigh(np.cov(points.astype(np.float64).T))
    for number in range(2):
        assert abs(float(vectors[:, -1 - number] @ axes[:, number])) == pytest.approx(1, abs=1e-3)
    assert np.allclose(mean, points.mean(0), atol=1e-6)
    assert np.array_equal(principal_axes(points)[1], axes)


@pytest.mark.parametrize("rows", [np.zeros((5, 3)), np.ones((1, 4)), np.full((4, 2), np.nan), np.ones((6, 1))])
def test_rows_without_any_spread_lie_in_one_place(rows):
    mean, axes = principal_axes(unit(rows))
    points = framed((unit(rows) - mean) @ axes[:, :2])
    assert points.shape == (len(rows), 2)
    assert (points == points[0]).all()


def test_the_frame_keeps_proportions():
    points = framed(np.array([[0.0, 0.0], [10.0, 5.0], [5.0, 2.5]]))
    assert points.tolist() == [[0, 16384], [SIDE, 49151], [32768, 32768]]


def test_neighbourhoods_keep_together_what_lies_together():
    points, codes = clusters(200)
    passes = list(neighbourhoods((unit(points) - unit(points).mean(0)), seed=1))
    assert len(passes) == 4
    half = KNeighborsClassifier(5).fit(passes[-1][:100], codes[:100])
    assert half.score(passes[-1][100:], codes[100:]) > 0.95


def test_other_rows_lie_between_their_nearest():
    sample = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [50.0, 50.0]], dtype=np.float32)
    layout = np.array([[10.0, 10.0], [20.0, 10.0], [10.0, 20.0], [900.0, 900.0]], dtype=np.float32)
    assert placed(sample, sample, layout) == pytest.approx(layout, abs=2)
    between = placed(np.array([[0.3, 0.3]], dtype=np.float32), sample, layout)[0]
    assert (between > 10).all()
    assert (between < 16).all()


def test_an_area_holds_what_matplotlib_says_it_holds():
    random = np.random.default_rng(0)
    points = random.integers(0, SIDE + 1, (4000, 2)).astype(np.uint16)
    corners = [
        (1000, 1500),
        (60003, 3001),
        (9007, 30011),
        (64001, 60013),
        (2003, 50021),
        (30013, 20011),
    ]  # crosses itself
    area = Area.parse("pca:" + ";".join(f"{x},{y}" for x, y in corners))
    assert area.layout == "pca"
    simple = [*corners[:2], corners[3], corners[4]]
    drawn = Area.parse("tsne:" + ";".join(f"{x},{y}" for x, y in simple))
    assert np.array_equal(drawn.holds(points), Polygon(simple).contains_points(points.astype(float)))
    inside = area.holds(points)
    for point, held in zip(points[:300].tolist(), inside[:300].tolist(), strict=True):
        assert held == (crossings(point, corners) % 2 == 1)


def crossings(point, corners):
    """Edges that a ray to the right of a point meets, one after the other."""
    x, y, count = *point, 0
    for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if min(y0, y1) <= y < max(y0, y1) and x0 + (y - y0) * (x1 - x0) / (y1 - y0) > x:
            count += 1
    return count


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pca",
        "pca:1,2;3,4",
        "other:1,2;3,4;5,6",
        "pca:1,2;3,4;5,-6",
        "pca:1,2;3,4;5,6 ",
        "pca:" + ";".join(["1,2"] * 300),
    ],
)
def test_what_is_no_area_is_refused(text):
    with pytest.raises(InputError, match="no area of the map"):
        Area.parse(text)


def test_rows_that_are_placed_afterwards_lie_with_their_like(tmp_path, monkeypatch):
    monkeypatch.setattr(map_module, "SAMPLE", 60)
    path, codes = big_run(tmp_path / "run", 400)
    drawn = Map(Run.open(path))
    drawn.wait("tsne")
    layout = drawn.layouts["tsne"]
    assert (layout.failure, layout.progress) == (None, 1.0)
    points = layout.points.astype(float)
    near = KNeighborsClassifier(6).fit(points[::2], codes[::2])
    assert near.score(points[1::2], codes[1::2]) > 0.95
    again = Map(Run.open(path))
    again.wait("tsne")
    assert np.array_equal(again.layouts["tsne"].points, layout.points)


def decoded(content):
    n = len(content) // 10
    words, small = np.frombuffer(content[: 8 * n], "<u2").reshape(4, n), np.frombuffer(content[8 * n :], np.uint8)
    return *words, *small.reshape(2, n)


def test_the_server_gives_points_and_lists_what_lies_in_an_area(tmp_path):
    path, codes = big_run(tmp_path / "run", 60)
    with closing(Session(RunFolder(path))) as session:
        server = Server(session)
        thread, client = server.start(), Client(server)
        end = time.monotonic() + PATIENCE
        while not (said := client.get("api/map/pca")[1])["ready"]:
            assert time.monotonic() < end, said
        client.decide([3], "keep")
        _, headers, content = client.raw("GET", f"/{server.token}/api/map/pca/points")
        assert headers["content-type"] == "application/octet-stream"
        x, _, given, suggested, p, flags = decoded(content)
        assert given.tolist() == codes.tolist()
        assert suggested.tolist() == ((codes + 1) % 4).tolist()
        assert p.tolist() == np.rint(session.rows.numbers["p_mislabeled"] * 254).tolist()
        assert flags.tolist() == [3 if row == 3 else 1 for row in range(60)]
        middle = int(np.median(x))
        left = f"pca:0,0;{middle},0;{middle},65535;0,65535"
        _, answer = client.get(f"api/list?area={left}&limit=60")
        rows = [row["row"] for row in answer["rows"]]
        # On an edge itself a point counts or not by its rounding: only those beside it are asked for.
        assert set(np.flatnonzero(x < middle)) <= set(rows) <= set(np.flatnonzero(x <= middle))
        chosen = {"filter": {"area": left}, "digest": answer["digest"], "kind": "suggestion", "key": "all of them"}
        status, said = client.post("api/decide", chosen)
        assert (status, sorted(said["rows"])) == (200, sorted(rows))
        assert client.get("api/list?area=pca:1,2")[0] == 400
        assert client.get("api/map/elsewhere")[0] == 400
        client.connection.close()
        server.stop()
        thread.join()


def test_what_another_reviewer_decided_of_a_shared_row_is_not_shown(tmp_path):
    path, _ = big_run(tmp_path / "run", 30)
    with (
        closing(Session(RunFolder(path), reviewer="ben", shared=1.0)) as ben,
        closing(Session(RunFolder(path), reviewer="anna")) as anna,
    ):
        ben.decide(np.array([2, 5]), "keep", None, key="ben")
        assert np.flatnonzero(ben.decided()).tolist() == [2, 5]
        assert not anna.decided().any()
        anna.decide(np.array([5]), "keep", None, key="anna")
        assert np.flatnonzero(anna.decided()).tolist() == [5]


def test_an_area_of_a_map_that_is_not_there_is_asked_for_again(tmp_path, monkeypatch):
    path, _ = big_run(tmp_path / "run", 30)
    with closing(Session(RunFolder(path))) as session:
        monkeypatch.setattr(session.map, "_make", lambda name, layout: None)
        with pytest.raises(InputError, match="is being made: open the map"):
            session.map.inside("tsne:0,0;9,0;9,9")


def test_a_run_without_embeddings_has_no_map(tmp_path):
    path = write_run(tmp_path / "run", ["a", "b", "c"], [0, 1, 2], [1, 2, 0], COLOURS)
    (path / "embeddings.npy").unlink()
    renew_digests(RunFolder(path))
    drawn = Map(Run.open(path))
    drawn.wait("pca")
    assert "keeps no embeddings" in json.dumps(drawn.layouts["pca"].failure)
