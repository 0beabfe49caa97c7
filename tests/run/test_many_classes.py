"""Runs that keep the likeliest classes of each row: the same as with all, in files, report, review and export."""

import json
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from gloo import run_by_one_and_two

from mislabel import FeatureClassifier
from mislabel.errors import RunError
from mislabel.methods import METHODS, method_entry
from mislabel.posterior import likeliest
from mislabel.posterior.likeliest import KEPT, LINE, Likeliest
from mislabel.review.session import Session
from mislabel.review.views import Views
from mislabel.run.folder import RunFolder
from mislabel.run.reading import Run

CLASSES, ROWS = 50, 900
CAN = [name for name in METHODS if getattr(method_entry(name).make, "many_classes", False)]


@pytest.fixture
def many(monkeypatch):
    """From here on fifty classes are very many."""

    def begin():
        monkeypatch.setattr(likeliest, "MANY_CLASSES", CLASSES - 1)
        monkeypatch.setattr(likeliest, "MANY", ROWS)

    return begin


def clouds():
    random, gold = np.random.default_rng(0), np.arange(ROWS) % CLASSES
    points = random.normal(size=(CLASSES, 16))[gold] + 0.3 * random.normal(size=(ROWS, 16))
    labels = np.where(random.random(ROWS) < 0.15, random.integers(0, CLASSES, ROWS), gold)
    return points.astype(np.float32), labels, gold


@pytest.mark.slow
@pytest.mark.parametrize("method", CAN)
def test_the_audit_is_that_of_all_classes(method, many):
    points, labels, _ = clouds()
    whole = FeatureClassifier(method=method, seed=0, device="cpu").fit(points, labels).audit_
    many()
    kept = FeatureClassifier(method=method, seed=0, device="cpu").fit(points, labels).audit_
    assert isinstance(whole.posterior, np.ndarray)
    assert isinstance(kept.posterior, Likeliest)
    lines = kept.posterior.kept
    of_whole = np.take_along_axis(whole.posterior, lines["codes"].astype(np.int64), axis=1)
    np.testing.assert_allclose(lines["values"], of_whole, atol=1e-4)
    np.testing.assert_allclose(lines["rest"], 1 - of_whole.sum(1), atol=1e-4)
    tables = [each.table.sort_values("row") for each in (whole, kept)]
    np.testing.assert_allclose(*(table["p_mislabeled"] for table in tables), atol=1e-4)
    for name in ("suggested_label", "predicted_label", "status"):
        np.testing.assert_array_equal(*(table[name] for table in tables))
    np.testing.assert_allclose(kept.transition.sum(1), 1, atol=1e-6)
    assert any(f"the {KEPT} likeliest are kept" in note for note in kept.notes)


@pytest.mark.slow
def test_a_run_its_pages_and_its_files(many, mislabel, tmp_path):
    points, labels, gold = clouds()
    frame = pd.DataFrame(points, columns=[f"x{k}" for k in range(16)])
    names = np.array([f"class {k:02d}" for k in range(CLASSES)])
    split = np.where(np.arange(ROWS) % 10 == 0, "test", "train")
    frame = frame.assign(label=names[labels], gold=names[gold], split=split, key=np.arange(ROWS))
    frame.to_parquet(tmp_path / "d.parquet")
    many()
    told = mislabel(
        "train", tmp_path / "d.parquet", "--features", "x*", "--label", "label", "--gold", "gold", "--split", "split",
        "--id", "key", "--out", tmp_path / "run", "--json",
    )  # fmt: skip
    assert told.exit_code == 0, told.output
    config = json.loads((tmp_path / "run" / "config.json").read_text(encoding="utf-8"))
    assert config["settings"]["method"] == "ido"  # panel, the default, needs all of them
    assert not (tmp_path / "run" / "posterior.npy").exists()
    stored = np.load(tmp_path / "run" / "likeliest.npy")
    assert (stored.dtype, stored.shape) == (LINE, (ROWS,))
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "<svg" in page.split("Which labels are mixed up")[1].split("Worst rows")[0]  # the matrix, of some classes
    run = Run(RunFolder(tmp_path / "run"))
    audit = run.result()
    assert isinstance(audit.posterior, Likeliest)
    by_row = audit.table.sort_values("row")
    p = 1 - audit.posterior[np.arange(ROWS), labels]
    judged = (by_row["status"] == "judged").to_numpy()
    np.testing.assert_allclose(by_row["p_mislabeled"].to_numpy()[judged], p[judged], atol=1e-5)
    np.testing.assert_allclose(audit.transition.sum(1), 1, atol=1e-6)
    worst = audit.worst(1).iloc[0]
    with closing(Session(run.folder, order="gain", budget=10)) as session:
        place = int(np.flatnonzero(run.rows.position == worst["row"])[0])
        bars = Views(session).row(place).posterior
        shown = {run.rows.classes[bar.label]: bar.p for bar in bars}
        assert shown[worst["given_label"]] == pytest.approx(1 - worst["p_mislabeled"], abs=1e-5)
        assert max(shown, key=shown.__getitem__) == worst["suggested_label"]
    exported = mislabel("export", tmp_path / "run", "-o", tmp_path / "out.csv")
    assert exported.exit_code == 0, exported.output
    assert len(pd.read_csv(tmp_path / "out.csv")) > 0
    changed = bytearray((tmp_path / "run" / "likeliest.npy").read_bytes())
    changed[-1000] ^= 1
    (tmp_path / "run" / "likeliest.npy").write_bytes(changed)
    with pytest.raises(RunError, match=r"likeliest\.npy"):
        Run(RunFolder(tmp_path / "run")).result()


def test_a_method_that_needs_all_is_refused_for_memory_with_one_that_does_not(many, monkeypatch, mislabel, tmp_path):
    points, labels, _ = clouds()
    pd.DataFrame(points).rename(columns=str).assign(label=labels).to_parquet(tmp_path / "d.parquet")
    many()
    monkeypatch.setattr("mislabel.data.training_rows.psutil.virtual_memory", lambda: type("M", (), {"total": 1000})())
    command = ["train", tmp_path / "d.parquet", "--features", "[0-9]*", "--label", "label", "--out", tmp_path / "run"]
    refused = mislabel(*command, "--method", "panel")
    assert refused.exit_code == 2
    assert "take --method ido" in refused.output.replace("\n", " ")


@pytest.mark.slow
def test_trusted_labels_teach_their_own_rows(many):
    points, labels, gold = clouds()
    trusted = np.where(np.arange(ROWS) < 90, gold.astype(object), None)
    many()
    audit = FeatureClassifier(method="ido", seed=0, device="cpu").fit(points, labels, trusted=trusted).audit_
    assert any(note.startswith("Trusted labels teach their own rows alone") for note in audit.notes)
    np.testing.assert_array_equal(audit.posterior[np.arange(90), gold[:90]], 1)


SCRIPT = """
import sys
from pathlib import Path
import numpy as np
from accelerate import PartialState
from mislabel import FeatureClassifier
from mislabel.posterior import likeliest
sys.path[:0] = {tests!r}
from test_many_classes import CLASSES, ROWS, clouds
likeliest.MANY_CLASSES, likeliest.MANY = CLASSES - 1, ROWS
points, labels, _ = clouds()
audit = FeatureClassifier(method="ido", seed=0, device="cpu").fit(points, labels).audit_
table, state = audit.table.sort_values("row"), PartialState()
p = table["p_mislabeled"].to_numpy()
np.savez(Path(sys.argv[1]) / f"{{state.num_processes}}-{{state.process_index}}.npz", kept=audit.posterior.kept, p=p)
"""


@pytest.mark.slow
def test_two_processes_keep_what_one_keeps(tmp_path, environment):
    told = run_by_one_and_two(
        SCRIPT.format(tests=[str(Path(__file__).parents[up]) for up in (0, 1)]), tmp_path, environment
    )
    for rank in (0, 1):
        np.testing.assert_array_equal(told[f"2-{rank}"]["kept"], told["2-0"]["kept"])
    for one, two in ((told["1-0"]["p"], told["2-0"]["p"]), (told["1-0"]["kept"]["rest"], told["2-0"]["kept"]["rest"])):
        assert np.abs(one - two).mean() < 0.01  # dropout is drawn by each process for its own rows
        assert np.corrcoef(one, two)[0, 1] > 0.99
