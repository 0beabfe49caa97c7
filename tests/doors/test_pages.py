"""Every Python block of docs/doors.md, and README's on the same, runs as it stands."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mislabel import Audit
from mislabel.run.reading import Run

ROOT = Path(__file__).parents[2]
ROWS, K = 90, 3


def blocks(page: str, word: str = "audit") -> list[str]:
    found = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    return [block for block in found if word in block]


def brought() -> dict:
    """What somebody has before a block begins."""
    random = np.random.default_rng(0)
    true = np.arange(ROWS) % K
    points = 3 * np.eye(5, dtype=np.float32)[true] + random.normal(size=(ROWS, 5)).astype(np.float32)
    y = torch.from_numpy(np.where(np.arange(ROWS) < 9, (true + 1) % K, true))
    ids = [f"row {row}" for row in range(ROWS)]
    batches = [
        SimpleNamespace(ids=[ids[row] for row in rows], x=torch.from_numpy(points[rows]), y=y[rows])
        for rows in np.array_split(np.arange(ROWS), 4)
    ]
    return {
        "labels": np.array(["ant", "bee", "cow"])[y.numpy()],
        "pred_probs": 0.7 * np.eye(K)[true] + 0.1,
        "embeddings": points,
        "table": points,
        "ids": ids,
        "texts": [f"what is in {id}" for id in ids],
        "loader": batches,
        "model": torch.nn.Linear(5, K),
        "epochs": 2,
        "K": K,
    }


@pytest.mark.slow
@pytest.mark.parametrize("block", [*blocks("docs/doors.md"), *blocks("README.md", "audit_from")])
def test_a_block_runs_and_leaves_a_run(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = brought()
    exec(block, names)
    assert isinstance(names["audit"], Audit)
    (folder,) = (tmp_path / "runs").iterdir()
    assert len(Run.open(folder).rows.ids) == ROWS
