"""Originals of pictures on the page: read, enlarged, moved; and what the server gives to whoever asks for them."""

import json
import signal
from contextlib import closing, contextmanager
from io import BytesIO
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fake_runs import renew_digests
from patience import PATIENCE

pytest.importorskip("fastapi", reason="the extra `review` is not installed")
pytest.importorskip("PIL", reason="the extra `image` is not installed")

from PIL import Image
from review.browser import COLOURS, at, digit_run, expect, painted, photo_run, press, served, write_run
from review.client import Client

from mislabel.errors import InputError
from mislabel.review.server import Server
from mislabel.review.session import Session
from mislabel.run.folder import RunFolder


@contextmanager
def asked(run, **options):
    """A client of a review."""
    with closing(Session(RunFolder(run), **options)) as session:
        server = Server(session)
        thread, client = server.start(), Client(server)
        yield client
        client.connection.close()
        server.stop()
        thread.join()


def original(client, row):
    return client.raw("GET", f"/{client.server.token}/media/{row}/original")


def test_the_original_comes_from_below_the_folder_that_was_named(tmp_path):
    run = photo_run(tmp_path, 3)
    with asked(run, images=tmp_path / "photos") as client:
        _, row = client.get("api/rows/1")
        assert (row["original"], row["original_note"]) == ("media/1/original", None)
        status, headers, body = original(client, 1)
        assert (status, headers["content-type"], headers["cache-control"]) == (200, "image/jpeg", "no-store")
        expected = np.asarray(Image.open(tmp_path / "photos" / "shelf" / "photo-1.jpg"), dtype=float)
        assert np.abs(np.asarray(Image.open(BytesIO(body)), dtype=float) - expected).mean() < 2
        assert original(client, 99)[0] == 404


def test_the_command_serves_them_and_says_how_to_go_on(tmp_path):
    run, photos = photo_run(tmp_path, 2), tmp_path / "photos"
    with served(run, "--images", photos, process=True) as server:
        with urlopen(f"{server.address}media/1/original", timeout=PATIENCE) as answer:
            assert Image.open(BytesIO(answer.read())).size == (1200, 900)
        with pytest.raises(HTTPError, match="404"):
            urlopen(f"{server.address}media/1/../../photos/shelf/photo-1.jpg", timeout=PATIENCE)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(timeout=PATIENCE) in (0, 130)
        server.reader.join(timeout=PATIENCE)
        said = "".join(iter(server.lines.get, ""))
    assert f"--images {photos}" in said


def test_without_the_option_a_run_folder_leads_to_no_file(tmp_path):
    run = photo_run(tmp_path, 2)
    with asked(run) as client:
        _, row = client.get("api/rows/0")
        assert row["original"] is None
        assert "--images PATH" in row["original_note"]
        status, said = client.get("media/0/original")
        assert status == 404
        assert "--images PATH" in said["error"]
    with pytest.raises(InputError, match="neither a folder nor a Parquet file"):
        Session(RunFolder(run), images=tmp_path / "gone")
    with pytest.raises(InputError, match="is for runs on images"):
        Session(RunFolder(write_run(tmp_path / "texts", ["a", "b"], [0, 1], [1, 0], COLOURS)), images=tmp_path)


def test_another_file_in_its_place_is_not_sent(tmp_path):
    run = photo_run(tmp_path, 3)
    shelf = tmp_path / "photos" / "shelf"
    (shelf / "photo-0.jpg").write_bytes((shelf / "photo-1.jpg").read_bytes())
    (shelf / "photo-2.jpg").unlink()
    with asked(run, images=tmp_path / "photos") as client:
        for row, reason in ((0, "changed or replaced"), (2, "no such file")):
            status, said = client.get(f"media/{row}/original")
            assert status == 404
            assert reason in said["error"]
        assert original(client, 1)[0] == 200


def stored_run(home, structs=False):
    """Photographs in the cells of a Parquet file, and a run on it."""
    run, table = photo_run(home, 5), home / "photos.parquet"
    contents = [(home / "photos" / "shelf" / f"photo-{k}.jpg").read_bytes() for k in range(5)]
    cells = [{"bytes": content, "path": None} for content in contents] if structs else contents
    pq.write_table(pa.table({"n": range(5), "photo": cells}), table, row_group_size=2)
    known = pq.read_table(run / "inputs.parquet")
    known = known.set_column(known.schema.get_field_index("file"), "file", pa.nulls(5, pa.string()))
    pq.write_table(known, run / "inputs.parquet")
    config = json.loads((run / "config.json").read_text())
    config["data"]["columns"] = {"image": "photo"}
    (run / "config.json").write_text(json.dumps(config))
    renew_digests(RunFolder(run))
    return run, table


@pytest.mark.parametrize("structs", [False, True])
def test_the_original_comes_from_the_cell_of_the_file_that_was_named(tmp_path, structs):
    run, table = stored_run(tmp_path, structs)
    with asked(run, images=table) as client:
        for row in range(5):
            expected = np.asarray(Image.open(tmp_path / "photos" / "shelf" / f"photo-{row}.jpg"), dtype=float)
            status, _, body = original(client, row)
            assert status == 200
            assert np.abs(np.asarray(Image.open(BytesIO(body)), dtype=float) - expected).mean() < 2
        cells = pq.read_table(table)
        pq.write_table(cells.take([0, 2, 1, 3, 4]), table)
        assert [original(client, row)[0] for row in range(5)] == [200, 404, 404, 200, 200]
        assert "was changed or replaced" in client.get("media/1/original")[1]["error"]
        table.unlink()
        assert "cannot be read" in client.get("media/0/original")[1]["error"]


def test_a_file_that_cannot_be_the_one_that_the_run_read_is_refused(tmp_path):
    run, table = stored_run(tmp_path)
    cells = pq.read_table(table)
    for other, why in (
        (cells.slice(1), "has 4 rows, and the run 5"),
        (cells.drop_columns("photo"), "no column 'photo'"),
    ):
        pq.write_table(other, table)
        with pytest.raises(InputError, match=why):
            Session(RunFolder(run), images=table)
    with asked(run, images=tmp_path / "photos") as client:  # it does not say where below the folder
        assert "does not say which file" in client.get("api/rows/0")[1]["original_note"]


def test_a_run_that_does_not_know_its_files_says_so(tmp_path):
    with asked(digit_run(tmp_path / "digits", 4), images=tmp_path) as client:
        _, row = client.get("api/rows/0")
        assert row["original"] is None
        assert "does not say which file" in row["original_note"]
        assert original(client, 0)[0] == 404


@pytest.mark.slow
def test_the_product_keeps_what_is_needed(train_images, photos, image_models):
    """A run on a folder of class folders, and one on a table of paths."""
    tried = [
        "--backbone",
        image_models["resnet"],
        "--tune",
        "head",
        "--method",
        "ce",
        "--option",
        "epochs=1",
        "--device",
        "cpu",
    ]
    folder = train_images(photos.folder, *tried).folder
    with asked(folder, images=photos.folder) as client:
        _, row = client.get("api/rows/0")
        expected = np.asarray(Image.open(photos.folder / row["id"]).convert("RGB"))
        assert np.array_equal(np.asarray(Image.open(BytesIO(original(client, 0)[2]))), expected)
    words = ["--image", "path", "--label", "label", "--id", "id"]
    table = train_images(photos.table, *words, *tried).folder
    with asked(table, images=photos.table.parent) as client:
        assert np.array_equal(np.asarray(Image.open(BytesIO(original(client, 0)[2]))).shape, expected.shape)
    with asked(table, images=photos.folder) as client:  # the folder that the paths do not start from
        assert original(client, 0)[0] == 404
    stored = train_images(photos.parquet, "--image", "file", "--label", "label", "--id", "id", *tried).folder
    with asked(stored, images=photos.folder) as client:
        assert "does not say which file" in client.get("api/rows/0")[1]["original_note"]
    with asked(stored, images=photos.parquet) as client:  # pictures that lay in cells
        _, row = client.get("api/rows/0")
        expected = np.asarray(Image.open(photos.folder / row["id"]).convert("RGB"))
        assert np.array_equal(np.asarray(Image.open(BytesIO(original(client, 0)[2]))), expected)


def place_of(page):
    """Scale and corner of the picture in its frame."""
    return page.evaluate(
        """() => { const [image, frame] = [document.querySelector('.frame img'), document.querySelector('.frame')];
        const [one, other] = [image.getBoundingClientRect(), frame.getBoundingClientRect()];
        return [one.width / image.naturalWidth, one.left - other.left, one.top - other.top]; }"""
    )


def test_the_original_is_enlarged_and_moved_by_keys_wheel_and_hand(review, tmp_path):
    run = photo_run(tmp_path)
    with review(run, "--images", tmp_path / "photos") as it:
        page = it.page
        at(page, "m0")
        expect(page.locator(".tools p")).to_have_text("1,200 × 900 pixels")
        assert page.locator(".frame img").evaluate("one => one.naturalWidth") == 1200
        whole = place_of(page)
        assert whole[0] < 1
        press(page, "z")
        assert place_of(page)[0] == pytest.approx(1, abs=0.01)
        before = place_of(page)
        press(page, "Shift+ArrowRight")
        press(page, "Shift+ArrowDown")
        after = place_of(page)
        assert (before[1] - after[1], before[2] - after[2]) == pytest.approx((60, 60), abs=1)
        press(page, "+")
        assert place_of(page)[0] == pytest.approx(1.3, abs=0.01)
        press(page, "-")
        press(page, "0")
        assert place_of(page) == pytest.approx(whole, abs=1)
        box = page.locator(".frame").bounding_box()
        x, y = box["x"] + 200, box["y"] + 100
        page.mouse.move(x, y)
        page.mouse.wheel(0, -200)
        painted(page)
        scale, left, top = place_of(page)
        assert scale == pytest.approx(whole[0] * 1.3**2, rel=0.01)
        # What lay under the pointer lies there still, unless an edge of the picture forbids it.
        assert (200 - left) / scale == pytest.approx((200 - whole[1]) / whole[0], abs=2)
        assert top <= 0
        page.mouse.down()
        page.mouse.move(x - 50, y - 30)
        page.mouse.up()
        painted(page)
        assert place_of(page)[1] == pytest.approx(left - 50, abs=1)
        at(page, "m0")
        press(page, "k", "m1")


def test_where_there_is_no_original_the_small_copy_stays_and_says_why(review, tmp_path):
    run = photo_run(tmp_path)
    (tmp_path / "photos" / "shelf" / "photo-0.jpg").unlink()
    allowed = "404"
    with review(run, "--images", tmp_path / "photos", problems_allowed=allowed) as it:
        at(it.page, "m0")
        expect(it.page.locator(".tools p")).to_contain_text("photo-0.jpg below")
        assert it.page.locator(".frame img").evaluate("one => one.naturalWidth") == 128
    with review(run) as it:
        at(it.page, "m0")
        expect(it.page.locator(".tools p")).to_contain_text("--images PATH")


def test_a_list_of_pictures_becomes_a_grid_that_keys_walk_through(review, tmp_path):
    with review(digit_run(tmp_path / "digits", 30)) as it:
        page = it.page
        at(page, "m0")
        press(page, "l")
        expect(page.locator("#list li")).to_have_count(30)
        press(page, "g")
        expect(page.locator("#list")).to_have_class("grid")
        tops = page.locator("#list li").evaluate_all("all => all.map((one) => one.offsetTop)")
        beside = tops.count(tops[0])
        assert beside > 3
        page.locator("#list li a").first.focus()
        for key, row in (("ArrowRight", 1), ("ArrowDown", 1 + beside), ("ArrowLeft", beside), ("ArrowUp", 0)):
            press(page, key)
            assert page.evaluate("() => document.activeElement.closest('li').dataset.row") == str(row)
        page.reload()
        expect(page.locator("#list")).to_have_class("grid")
        press(page, "g")
        expect(page.locator("#list")).not_to_have_class("grid")
