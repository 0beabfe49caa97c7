"""Runs on shards that are read once: from a server on this machine, and out of tar files."""

import io
import json
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from served import serving
from tars import write_tar

from mislabel.errors import InputError
from mislabel.modalities.loading import load_dataset
from mislabel.tables import read_table, sources
from mislabel.tables.spool import Spool


def shards(folder, frame, many=2):
    """The rows of a toy table, with their gold labels in JSON."""
    for number, rows in enumerate(np.array_split(np.arange(len(frame)), many)):
        members = []
        for row in frame.iloc[rows].itertuples():
            members += [(f"{row.id}.txt", row.text.encode()), (f"{row.id}.cls", row.label.encode())]
            members.append((f"{row.id}.json", json.dumps({"gold": row.gold}).encode()))
        write_tar(folder / f"toy-{number:03}.tar", members)


@pytest.mark.slow
def test_a_run_reads_a_server_once_and_goes_on_where_it_stopped(tmp_path, command, tiny_encoder, make_toy):
    """A broken shard ends the first run; the second reads that alone, and gives what one file gives."""
    frame, run, other = make_toy(60), tmp_path / "run", tmp_path / "other"
    columns = ["--text", "txt", "--label", "cls", "--id", "key", "--gold", "json.gold"]
    settings = ["--backbone", tiny_encoder, "--method", "ido", "--precision", "fp32", "--device", "cpu"]
    with serving(tmp_path / "served") as server:
        shards(server.folder, frame)
        source, second = f"{server.url}/toy-{{000..001}}.tar", server.folder / "toy-001.tar"
        whole = second.read_bytes()
        second.write_bytes(whole[: len(whole) // 2])
        first = command("audit", source, *columns, *settings, "--out", run)
        assert first.returncode == 2, first.stderr
        assert f"{server.url}/toy-001.tar" in first.stderr
        assert [path.name for path in (run / "spool").glob("*.arrow")] == ["000000.arrow"]
        second.write_bytes(whole)
        server.asked.clear()
        done = command("audit", source, *columns, *settings, "--out", run)
        assert done.returncode == 0, done.stderr
        assert server.asked == ["/toy-000.tar", "/toy-001.tar"]
        assert not (run / "spool").exists()
        assert json.loads((run / "config.json").read_text())["data"]["source"] == source
        out = tmp_path / "corrected.parquet"
        refused = command("export", run, "-o", out)  # whose folder it is may name any server
        assert refused.returncode == 2
        assert "--data" in refused.stderr
        assert command("export", run, "-o", out, "--data", source).returncode == 0
        assert read_table(out)["key"].tolist() == frame["id"].tolist()
    plain = frame.rename(columns={"text": "txt", "label": "cls", "id": "key", "gold": "json.gold"})
    plain.to_csv(tmp_path / "toy.csv", index=False)
    assert command("audit", tmp_path / "toy.csv", *columns, *settings, "--out", other).returncode == 0
    pd.testing.assert_frame_equal(pd.read_parquet(run / "audit.parquet"), pd.read_parquet(other / "audit.parquet"))


@pytest.mark.slow
def test_a_killed_run_goes_on_without_asking_again(tmp_path, command, environment, tiny_encoder, make_toy):
    run = tmp_path / "run"
    with serving(tmp_path / "served") as server:
        shards(server.folder, make_toy(60))
        words = ["train", f"{server.url}/toy-{{000..001}}.tar", "--text", "txt", "--label", "cls", "--id", "key"]
        words += ["--backbone", tiny_encoder, "--device", "cpu", "--precision", "fp32", "--lengthen", "10"]
        words += ["--out", str(run)]
        process = subprocess.Popen(
            [sys.executable, "-m", "mislabel", *words], env=environment, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        while not any((run / "checkpoints").glob("*/state.json")):
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
        process.wait()
        assert len(list((run / "spool").glob("*.arrow"))) == 2
        server.asked.clear()
        done = command(*words, "--resume")
        assert done.returncode == 0, done.stderr
        assert server.asked == []
        assert len(pd.read_parquet(run / "audit.parquet")) == 60
        assert not (run / "spool").exists()


@pytest.mark.slow
def test_a_link_in_place_of_the_spool_is_refused(tmp_path, command, tiny_encoder, make_toy):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "spool").symlink_to(tmp_path / "elsewhere")
    shards(tmp_path, make_toy(60))
    source = tmp_path / "toy-{000..001}.tar"
    done = command("audit", source, "--text", "txt", "--label", "cls", "--out", tmp_path / "run")
    assert done.returncode == 1
    assert "spool is a symbolic link" in done.stderr
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_images_out_of_tar_files_are_those_of_the_files(tmp_path, make_images):
    """Also where members hold no image, as for a file on disk; what is kept are paths."""
    pixels, frame = make_images(6)
    members = []
    for image, row in zip(pixels, frame.itertuples(), strict=True):
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "png")
        (tmp_path / f"{row.id}.png").write_bytes(buffer.getvalue())
        members += [(f"{row.id}.png", buffer.getvalue()), (f"{row.id}.cls", row.label.encode())]
    write_tar(tmp_path / "a.tar", members)
    frame["png"] = [f"{tmp_path}/{name}.png" for name in frame["id"]]
    plain = load_dataset(frame, image="png", label="label", id="id")
    for spool in (Spool(tmp_path / "spool"), None):
        tarred = load_dataset(tmp_path / "a.tar", image="png", label="cls", id="key", spool=spool)
        assert tarred.fingerprint == plain.fingerprint
    write_tar(tmp_path / "b.tar", [*members, ("odd.png", b"<html>"), ("odd.cls", b"brick")])
    quarantined = load_dataset(tmp_path / "b.tar", image="png", label="cls", id="key", on_bad="quarantine")
    assert quarantined.status.tolist()[-1] == "unreadable"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bytes", "struct"])
def test_encoded_images_of_a_large_table_become_files(tmp_path, monkeypatch, photos, kind):
    """And are the same images, row by row, also where a cell is missing or none."""
    monkeypatch.setattr(sources, "LARGE", 0)
    table = pq.read_table(photos.parquet)
    cells = [None, b"<html>", *table["file"].to_pylist()[2:]]
    if kind == "struct":
        cells = [None if cell is None else {"bytes": cell, "path": f"{place}.png"} for place, cell in enumerate(cells)]
    table = table.set_column(table.schema.get_field_index("file"), "file", pa.array(cells))
    pq.write_table(table, tmp_path / "photos.parquet", row_group_size=50)
    how = {"image": "file", "label": "label", "id": "id", "on_bad": "quarantine"}
    with pytest.raises(InputError, match="1 of 120 rows hold no image but a missing value"):
        load_dataset(tmp_path / "photos.parquet", **how, spool=Spool(tmp_path / "spool"))
    table = table.slice(1)
    pq.write_table(table, tmp_path / "photos.parquet", row_group_size=50)
    spooled = load_dataset(tmp_path / "photos.parquet", **how, spool=Spool(tmp_path / "other"))
    plain = load_dataset(tmp_path / "photos.parquet", **how)
    assert spooled.inputs.content_digests.tolist() == plain.inputs.content_digests.tolist()
    assert spooled.status.tolist() == plain.status.tolist()
    assert set(map(type, spooled.inputs.sources)) == {str}
    assert len(list((tmp_path / "other" / "000000").iterdir())) == 119
