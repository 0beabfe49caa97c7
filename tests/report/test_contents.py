"""Texts, images and features on the page: the bytes a reader of HTML finds, and that nothing else gets in."""

import io
from base64 import b64decode

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mislabel.report import render_report
from mislabel.report.findings import Findings
from mislabel.report.worst import worst_rows
from mislabel.run.reading import Run

CLASSES = ["cat", "cow", "dog"]
HOSTILE = [
    b"<html><script>alert(1)</script></html>",
    b"\x89PNG\r\n\x1a\n\"><script>alert(1)</script><img src=x onerror=alert(1) alt='",
    b"\xff\xd8\xff\"'><script>alert(1)</script>" + b" " * 40,
    b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    b"GIF89a" + bytes(40),
    b"",
]


def image_bytes(side: int, kind: str) -> bytes:
    pixels = np.random.default_rng(side).integers(0, 256, (side, side, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def images_of(table) -> dict:
    kinds = [(32, "PNG"), (64, "PNG"), (128, "JPEG"), (28, "PNG")]
    return {name: image_bytes(*kinds[k % 4]) for k, name in enumerate(table["id"])}


def policy(shown) -> str:
    return shown.having("meta", **{"http-equiv": "Content-Security-Policy"})[0]["content"]


def decoded(uri: str) -> bytes:
    head, data = uri.split(",")
    assert head in ("data:image/png;base64", "data:image/jpeg;base64")
    return b64decode(data, validate=True)


def test_each_image_is_on_the_page_byte_for_byte(make_run, small_table, page):
    inputs = images_of(small_table)
    shown = page(render_report(make_run(small_table, CLASSES, inputs=inputs, modality="image"), rows=6))
    pictures = shown.having("img")
    assert [attrs["alt"] for attrs in pictures] == [f"row r{k}" for k in range(6)]
    assert [decoded(attrs["src"]) for attrs in pictures] == [inputs[f"r{k}"] for k in range(6)]
    assert [attrs["width"] for attrs in pictures] == ["96", "96", "128", "84", "96", "96"]
    assert [attrs.get("class") for attrs in pictures[:4]] == ["enlarged", None, None, "enlarged"]
    assert policy(shown).startswith(
        "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'unsafe-inline'; "
    )
    assert policy(shown).endswith("'; img-src data:")
    assert [cell.split() for cell in shown.tables["worst"][0][0][:2]] == [["Row"], ["Image"]]
    assert shown.rows("worst")[0] == ["r0", "", "cat → dog", "0.970", "0.50", "✓ dog"]
    assert "small copies of the images of the rows below" in shown.text
    assert "texts of the rows" not in shown.text


def test_images_bring_nothing_else_from_anywhere(make_run, small_table, page):
    run = make_run(small_table, CLASSES, inputs=images_of(small_table), modality="image")
    text = render_report(run)
    for tag, attrs in page(text).elements:
        for key, value in attrs.items():
            if key in ("href", "xlink:href", "src", "srcset", "poster", "background", "data", "action"):
                assert value.startswith("#") or (tag, key) == ("img", "src"), (tag, attrs)
            assert not key.startswith("on")
    assert "http" not in text.replace('<meta http-equiv="Content-Security-Policy"', "")
    assert render_report(run) == text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_bytes_that_are_no_image_are_a_dash(make_run, small_table, page, hostile):
    inputs = images_of(small_table) | {"r0": hostile}
    text = render_report(make_run(small_table, CLASSES, inputs=inputs, modality="image"), rows=2)
    shown = page(text)
    assert [row[1] for row in shown.rows("worst")] == ["–", ""]
    assert [decoded(attrs["src"]) for attrs in shown.having("img")] == [inputs["r1"]]
    assert shown.foreign_scripts == []
    assert "alert" not in text
    assert "PHNjcmlwd" not in text  # "<script" in base64


@pytest.mark.parametrize("missing", [["r0"], [f"r{k}" for k in range(10)]])
def test_an_image_that_is_not_there_is_a_dash(make_run, small_table, page, missing):
    inputs = images_of(small_table) | dict.fromkeys(missing)
    shown = page(render_report(make_run(small_table, CLASSES, inputs=inputs, modality="image"), rows=2))
    assert [row[1] for row in shown.rows("worst")] == ["–", "–" if len(missing) > 1 else ""]


def test_an_id_cannot_leave_the_words_for_its_image(make_run, small_table, page):
    name = "\"><script>alert(1)</script> a/b/c\0 onerror='x'"
    table = small_table.assign(id=[name, *small_table["id"][1:]])
    shown = page(render_report(make_run(table, CLASSES, inputs=images_of(table), modality="image"), rows=1))
    assert set(shown.having("img")[0]) == {"src", "alt", "width", "height", "class"}
    assert shown.having("img")[0]["alt"] == "row " + name.replace("\0", "␀")
    assert shown.rows("worst")[0][0] == name.replace("\0", "␀")
    assert shown.foreign_scripts == []


@pytest.mark.parametrize("modality", ["text", "features", None])
def test_bytes_of_a_run_without_images_are_not_shown(make_run, small_table, page, modality):
    run = make_run(small_table, CLASSES, inputs=images_of(small_table), modality=modality)
    assert [row.picture for row in worst_rows(Findings(Run.open(run)), 4)] == [None] * 4
    shown = page(render_report(run))
    assert not shown.having("img")
    assert "img-src" not in policy(shown)
    assert {row[1] for row in shown.rows("worst")} == {"–"}


def test_features_are_a_line_of_text(make_run, small_table, page):
    lines = {name: f"age 3{name[1]}, colour=<b>red</b> & \"blue\" '{{{{ 7 * 7 }}}}', …" for name in small_table["id"]}
    shown = page(render_report(make_run(small_table, CLASSES, inputs=lines, modality="features"), rows=3))
    assert [row[1] for row in shown.rows("worst")] == [lines["r0"], lines["r1"], lines["r2"]]
    assert shown.tables["worst"][0][0][1] == "Features"
    assert "This file contains data: the features of the rows below." in shown.text
    assert "img-src" not in policy(shown)


def test_old_runs_and_runs_on_texts_have_a_column_of_texts(make_run, small_table, page):
    texts = {name: f"the text of {name}" for name in small_table["id"]}
    old = page(render_report(make_run(small_table, CLASSES, inputs=texts)))
    new = page(render_report(make_run(small_table, CLASSES, inputs=texts, modality="text", name="new")))
    assert old.tables["worst"] == new.tables["worst"]
    assert old.tables["worst"][0][0][1] == "Text"
    assert "This file contains data: the texts of the rows below." in old.text


@pytest.mark.parametrize("modality", ["text", "image", "features"])
def test_without_content_or_rows_there_is_none(make_run, small_table, page, modality):
    shown = page(render_report(make_run(small_table, CLASSES, modality=modality)))
    assert "rows are named by id only" in shown.text
    assert "This file contains data" not in shown.text
    assert not shown.having("img")
    assert "img-src" not in policy(shown)
    assert shown.rows("worst")[0] == ["r0", "cat → dog", "0.970", "0.50", "✓ dog"]
    images = make_run(small_table, CLASSES, inputs=images_of(small_table), modality=modality, name="with")
    none = page(render_report(images, rows=0))
    assert "This file contains data" not in none.text
    assert "rows are named by id only" not in none.text
    assert not none.having("img")


def test_rows_that_could_not_be_read_are_explained(make_run, small_table, page):
    table = small_table.assign(status=["judged"] * 8 + ["unreadable"] * 2)
    inputs = images_of(table) | {"r8": None, "r9": None}
    shown = page(render_report(make_run(table, CLASSES, inputs=inputs, modality="image")))
    assert shown.rows("made")[1] == ["unreadable", "2", "an image that cannot be read, not judged"]
    assert len(shown.rows("worst")) == len(shown.having("img")) == 8


def test_a_hundred_classes_of_images_stay_small(make_run, page):
    random = np.random.default_rng(0)
    n, classes = 5000, [f"class of images number {k}" for k in range(100)]
    given, true = random.integers(0, 100, n), random.integers(0, 100, n)
    table = pd.DataFrame(
        {
            "id": [f"{classes[code]}/{k:05d}.png" for k, code in enumerate(given)],
            "given_label": np.array(classes)[given],
            "suggested_label": np.array(classes)[true],
            "p_mislabeled": random.random(n),
            "status": "judged",
        }
    )
    picture = image_bytes(64, "PNG")  # noise: no image of a run takes more bytes
    text = render_report(
        make_run(
            table, classes, inputs=dict.fromkeys(table["id"], picture), modality="image",
            transition=random.dirichlet(np.ones(100), 100),
        )
    )  # fmt: skip
    assert len(text.encode()) < 3_000_000
    shown = page(text)
    assert len(shown.having("img")) == 50
    matrix = text[text.index('<figure class="card map') : text.index("</figure>")]
    assert matrix.count("fill: var(--accent)") <= 30 * 30
    assert len(shown.rows("classes")) == 30
    assert len(shown.rows("classes", 1)) == 70
