"""A hundred classes of photographs: they load, train for an epoch, and the report stays one that a person can read."""

import json
import re
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

PHOTOGRAPHS = Path(__file__).parents[2] / "shared" / "data" / "tiny_imagenet_100.parquet"
pytest.importorskip("kornia", reason="kornia (extra `image`) is not installed")
pytestmark = pytest.mark.skipif(
    not PHOTOGRAPHS.is_file(), reason=f"needs {PHOTOGRAPHS.name}, which does not come with the project"
)


@pytest.mark.slow
def test_a_hundred_classes(tmp_path, mislabel):
    names = json.loads(pq.read_schema(PHOTOGRAPHS).metadata[b"classes"])
    frame = pd.read_parquet(PHOTOGRAPHS)
    frame = frame[frame["split"] == "train"].groupby("label").head(4)
    frame["label"] = [names[code] for code in frame["label"]]
    frame[["image", "label"]].to_parquet(tmp_path / "some.parquet")
    done = mislabel(
        "train", tmp_path / "some.parquet", "--image", "image", "--label", "label", "--scratch", "resnet-small",
        "--method", "ce", "--lengthen", "0.2", "--out", tmp_path / "run", "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert (metrics["rows_trained"], metrics["classes"], len(metrics["epochs"])) == (400, 100, 1)
    audit = pd.read_parquet(tmp_path / "run" / "audit.parquet")
    assert audit["given_label"].value_counts().eq(4).all()
    assert any("hardly learned" in note for note in metrics["notes"])  # one epoch is not enough, and that is told
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert len(page) < 3_000_000
    assert len(re.findall(r"<img [^>]*src=\"data:image/", page)) == 50
    for name in set(names):
        assert name.replace("'", "&#39;") in page  # every class has its row
