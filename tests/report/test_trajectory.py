"""The picture of trajectories: coordinates by another formula, which rows, and what its text may do to the page."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest

from mislabel.dynamics.trajectory import Shape, Trajectory
from mislabel.errors import RunError
from mislabel.report import render_report
from mislabel.report.findings import Findings
from mislabel.report.trajectory import movement, read_movement
from mislabel.report.trajectory_chart import trajectory_chart
from mislabel.run.reading import Run

CLASSES = ["cat", "cow", "dog"]


def store(embeddings: np.ndarray, folder=None) -> Trajectory:
    """A trajectory store of embeddings (epochs, networks, n, d)."""
    epochs, networks, n, d = embeddings.shape
    trajectory = Trajectory(Shape(epochs, networks, 1, n, d, 2), folder)
    for epoch in range(epochs):
        trajectory.write(epoch, embeddings[epoch], np.full((1, n, 2), 0.5))
    trajectory.flush()
    return trajectory


def random_embeddings(*shape: int, seed: int = 0) -> np.ndarray:
    """Values that float16 holds exactly."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float16)


@pytest.fixture
def make_dygen(make_run):
    """A function that writes a run with trajectories of the rows of `table` that are not held out, in order of id."""

    def make(table, classes, embeddings=None, *, ids=None, shuffle=5, **others):
        run = make_run(
            table.sample(frac=1, random_state=shuffle), classes, **({"metrics": {"method": "dygen"}} | others)
        )
        trained = sorted(table.loc[table["status"] == "judged", "id"]) if ids is None else ids
        store(random_embeddings(3, 2, len(trained), 6) if embeddings is None else embeddings, run.dynamics)
        pd.DataFrame({"id": trained}).to_parquet(run.dynamics / "ids.parquet", index=False)
        return run

    return make


def legend(text: str) -> list[str]:
    """What stands beside each number of the picture."""
    entries = re.findall(r'<li><span class="badge">(\d)</span><div>(.*?)</div></li>', text, flags=re.DOTALL)
    return [
        " ".join([number, *re.sub("<[^>]*>", " ", entry).replace("&nbsp;", " ").split()]) for number, entry in entries
    ]


def svg(text: str) -> ElementTree.Element:
    picture = re.search(r'<svg[^>]*aria-label="Paths.*?</svg>', text, flags=re.DOTALL)
    return ElementTree.fromstring(picture[0].replace("xlink:href", "href"))


def test_coordinates_by_another_formula():
    embeddings = random_embeddings(4, 2, 60, 7)
    given, rows = np.arange(60) % 4, np.array([17, 3, 40])
    found = movement(store(embeddings), given, rows, np.arange(4))
    first = embeddings[:, 0].astype(np.float64)  # of the first network, as everything in the picture
    centred = first - first.mean(axis=1, keepdims=True)
    means = pd.DataFrame(centred[-1]).groupby(given).mean().to_numpy()
    vectors = np.linalg.eigh(np.cov(means.T))[1][:, [-1, -2]]
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(0), [0, 1]])
    np.testing.assert_allclose(found.paths, np.einsum("erd,dk->rek", centred[:, rows], vectors), atol=1e-9)
    np.testing.assert_allclose(found.centroids, means @ vectors, atol=1e-9)
    others = [row for row in range(60) if row not in (17, 3, 40)]
    np.testing.assert_allclose(found.dots, centred[-1][others] @ vectors, atol=1e-9)
    assert found.dot_classes.tolist() == [row % 4 for row in others]
    assert (found.epochs, found.networks) == (4, 2)


def test_a_drift_of_the_whole_cloud_is_no_movement():
    embeddings = random_embeddings(3, 1, 30, 5)
    drift = np.array([0, 2, -4]).reshape(3, 1, 1, 1)
    still, drifting = (
        movement(store(values.astype(np.float64)), np.arange(30) % 3, np.array([1, 2]), np.arange(3))
        for values in (embeddings.round(1), embeddings.round(1) + drift)
    )
    np.testing.assert_allclose(drifting.paths, still.paths, atol=0.01)  # float16 rounds


def test_the_paths_are_those_of_the_worst_rows_however_the_audit_is_sorted(make_dygen, small_table):
    embeddings = random_embeddings(3, 2, 8, 6)
    for shuffle in (1, 2):
        run = make_dygen(small_table, CLASSES, embeddings, shuffle=shuffle, name=f"run{shuffle}")
        findings = Findings(Run.open(run))
        found = read_movement(findings, findings.worst_first[:4])
        # The rows r0 ... r3 are the worst, and trained as the rows 0 to 3; cat, cow and dog have the codes 0 to 2
        given = np.array([0, 2, 0, 1, 2, 0, 0, 1])
        expected = movement(store(embeddings), given, np.arange(4), np.arange(3))
        np.testing.assert_array_equal(found.paths, expected.paths)
        np.testing.assert_array_equal(found.dot_classes, [2, 0, 0, 1])
    ids = [f"r{k}" for k in (7, 2, 1, 0, 3, 6, 5, 4)]
    run = make_dygen(small_table, CLASSES, embeddings[:, :, [7, 2, 1, 0, 3, 6, 5, 4]], ids=ids)
    turned = read_movement(Findings(Run.open(run)), Findings(Run.open(run)).worst_first[:4])
    np.testing.assert_allclose(turned.paths, expected.paths, atol=1e-9)


def test_the_legend_names_the_worst_rows_in_order(make_dygen, small_table, page):
    inputs = {name: f"the text of {name} " + "and more " * 40 for name in small_table["id"]}
    text = render_report(make_dygen(small_table, CLASSES, inputs=inputs))
    shown = legend(text)
    assert [entry.split(" the text")[0] for entry in shown] == [
        "1 cat → dog row r0", "2 dog → cat row r1", "3 cat → dog row r2", "4 cow kept row r3", "5 dog kept row r4",
        "6 cat kept row r5",
    ]  # fmt: skip
    assert all("the text of r" in entry and entry.endswith("…") and len(entry) < 150 for entry in shown)
    picture = svg(text)
    written = [element.text for element in picture.iter("text")]
    assert sorted(written) == sorted(["cat", "cow", "dog", "1", "2", "3", "4", "5", "6"])
    described = next(picture.iter("desc")).text
    assert described.startswith("1: row r0, given cat, suggested dog. 2: row r1")
    assert "#trajectory" in {attrs["href"] for attrs in page(text).having("a")}
    # What marks a class in the picture marks it beside the picture: cat is the first class, dog the third
    first = re.search(r'badge">1<.*?</li>', text, flags=re.DOTALL)[0]
    assert re.findall(r"var\(--(class-\d)\)", first) == ["class-1", "class-3"]


def test_without_content_no_text_is_shown_and_without_rows_no_row(make_dygen, small_table):
    run = make_dygen(small_table, CLASSES)
    text = render_report(run)
    assert len(legend(text)) == 6
    assert 'class="start"' not in text
    assert legend(render_report(run, rows=2)) == ["1 cat → dog row r0", "2 dog → cat row r1"]
    assert 'id="trajectory"' not in render_report(run, rows=0)


def test_no_text_can_become_markup(make_dygen, small_table, page):
    nasty = "<script>alert('one')</script>\0\u202e"
    table = small_table.replace({"cat": nasty, "r0": nasty})
    text = render_report(make_dygen(table, [nasty, "cow", "dog"], inputs={nasty: nasty}))
    assert page(text).foreign_scripts == []
    assert not page(text).having("img")
    assert "\0" not in text
    assert legend(text)[0].count("&lt;script&gt;alert(&#39;one&#39;)&lt;/script&gt;␀") == 3
    assert next(svg(text).iter("desc")).text.count("<script>") >= 4
    assert "<script>alert('on…" in [element.text for element in svg(text).iter("text")]


def test_images_stand_beside_the_rows_that_moved(make_dygen, small_table, page):
    # A PNG of one grey pixel
    dot = bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c6368000000820081"
        "77cd72b60000000049454e44ae426082"
    )
    inputs = dict.fromkeys(small_table["id"], dot) | {"r1": None}
    text = render_report(make_dygen(small_table, CLASSES, inputs=inputs, modality="image"), rows=3)
    pictures = [attrs["alt"] for attrs in page(text).having("img")]
    assert pictures == ["row r0", "row r2", "row r0", "row r2"]  # once in the list, once in the legend
    legend = text[text.index('<ol class="moves">') :]
    assert re.findall(r'<span class="badge">(\d)</span>(<img)?', legend) == [("1", "<img"), ("2", ""), ("3", "<img")]


@pytest.mark.parametrize("missing", ["trajectory.json", "ids.parquet"])
def test_absent_where_the_run_keeps_no_trajectories(make_dygen, small_table, page, missing):
    run = make_dygen(small_table, CLASSES)
    (run.dynamics / missing).unlink()
    text = render_report(run)
    assert 'id="trajectory"' not in text
    assert "#trajectory" not in {attrs["href"] for attrs in page(text).having("a")}


def test_no_picture_where_labels_mean_nothing(make_dygen, small_table):
    run = make_dygen(small_table, CLASSES, metrics={"method": "dygen", "labels_related": False})
    assert 'id="trajectory"' not in render_report(run)


@pytest.mark.parametrize(
    "ids", [["r0"] * 8, [f"r{k}" for k in range(7)], [f"r{k}" for k in range(9)], [f"x{k}" for k in range(8)]]
)
def test_trajectories_of_other_rows_are_not_drawn(make_dygen, small_table, ids):
    run = make_dygen(small_table, CLASSES, random_embeddings(2, 1, 8, 3), ids=ids)
    findings = Findings(Run.open(run))
    with pytest.raises(RunError, match=r"not of the rows|does not have"):
        read_movement(findings, findings.worst_first[:3])


def test_damaged_trajectories_are_said_to_be(make_dygen, small_table):
    run = make_dygen(small_table, CLASSES)
    (run.dynamics / "embedding.npy").write_bytes(b"cut")
    text = render_report(run)
    assert "so there is no picture of them" in text
    assert "Paths of suspicious rows" not in text
    embeddings = random_embeddings(2, 1, 8, 3)
    embeddings[1, 0, 0, 0] = np.nan
    with pytest.raises(RunError, match="no numbers"):
        movement(store(embeddings), np.arange(8) % 2, np.array([1]), np.arange(2))


@pytest.mark.parametrize(
    ("epochs", "n", "d", "n_classes"),
    [(1, 9, 4, 3), (1, 2, 1, 2), (2, 6, 1, 2), (3, 8, 5, 1), (40, 12, 3, 4), (2, 5, 4, 5)],
)
@pytest.mark.parametrize("flat", [False, True])
def test_odd_shapes_are_drawn_with_numbers_only(epochs, n, d, n_classes, flat):
    """One epoch, one dimension, one class, a row for each class, every row shown, all rows in one place."""
    embeddings = np.ones((epochs, 1, n, d)) if flat else random_embeddings(epochs, 1, n, d)
    given = np.minimum(np.arange(n), n_classes - 1)
    rows = np.arange(min(n, 6))
    moved = movement(store(embeddings), given, rows, np.unique(given))
    assert moved.paths.shape == (len(rows), min(epochs, 24), 2)
    picture = trajectory_chart(moved, [f"c{k}" for k in range(n_classes)], "some rows")
    assert not re.search(r"\b(nan|inf)\b", picture)
    numbers = [
        float(number) for path in re.findall(r' d="([^"]*)"', picture) for number in re.findall(r"[-.\d]+", path)
    ]
    assert max(numbers) <= 440.1
    assert picture == trajectory_chart(moved, [f"c{k}" for k in range(n_classes)], "some rows")


def test_of_many_classes_those_of_the_shown_rows_are_told_apart(make_dygen):
    n, classes = 2000, [f"class {k}" for k in range(150)]
    given = np.arange(n) % 150
    suggested = np.where(np.arange(n) < 3, (given + 10) % 150, given)
    table = pd.DataFrame(
        {
            "id": np.arange(n),
            "given_label": np.array(classes)[given],
            "suggested_label": np.array(classes)[suggested],
            "p_mislabeled": np.where(np.arange(n) < 3, 0.9 - 0.1 * np.arange(n), 0.1),
            "status": "judged",
        }
    )
    run = make_dygen(table, classes, random_embeddings(2, 1, n, 6))
    findings = Findings(Run.open(run))
    moved = read_movement(findings, findings.worst_first[:3])
    assert moved.classes.tolist() == [0, 1, 2, 10, 11, 12]
    told = np.isin(moved.dot_classes, moved.classes)
    assert told.sum() == np.isin(given[3:], moved.classes).sum()  # few, so all of them
    assert (~told).sum() == 100
    assert "grey: rows of all other classes" in render_report(run)


def test_a_large_run_is_sampled():
    moved = movement(store(random_embeddings(1, 1, 5000, 2)), np.arange(5000) % 2, np.array([0]), np.arange(2))
    assert moved.dots.shape == (300, 2)
