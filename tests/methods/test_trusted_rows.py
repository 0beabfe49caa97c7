"""Every method beside labels that a person decided: they are learnt, judged as known, and never asked about."""

import numpy as np
import pytest
from helpers import StopAfter
from sklearn.metrics import roc_auc_score

from mislabel.data.decided_labels import NONE_OF_THESE, with_decisions
from mislabel.methods import METHODS
from mislabel.modalities.dataset import make_dataset
from mislabel.run.about import describe
from mislabel.run.folder import RunFolder
from mislabel.run.settings import RunConfig
from mislabel.run.train_and_judge import run

ROWS, FEATURES, CLASSES, BATCH, FLIPPED = 300, 8, 3, 16, 0.3
SETTINGS = {"batch_size": BATCH, "learning_rate": 0.01, "precision": "fp32", "device": "cpu"}


def planted():
    """Features of three clouds, true labels, and given ones of which 30 % are another class at random."""
    random = np.random.default_rng(0)
    true = random.integers(0, CLASSES, ROWS)
    centres = random.normal(0, 1.5, (CLASSES, FEATURES))
    matrix = (centres[true] + random.normal(size=(ROWS, FEATURES))).astype(np.float32)
    flipped = random.permutation(ROWS) < FLIPPED * ROWS
    return matrix, true, np.where(flipped, (true + random.integers(1, CLASSES, ROWS)) % CLASSES, true)


def decided_data():
    """The planted rows; of the flipped half, and of as many others, the true label is decided; three fit no class.

    Two labels are decided that are plainly wrong: a person's word counts, whatever the inputs say.
    """
    matrix, true, given = planted()
    wrong, right = np.flatnonzero(true != given), np.flatnonzero(true == given)
    rows = np.concatenate([wrong[::2], right[: len(wrong[::2])]])
    decided = {int(row): int(true[row]) for row in rows}
    stubborn = [int(row) for row in right[-2:]]
    decided |= {row: int((true[row] + 1) % CLASSES) for row in stubborn}
    decided |= {int(row): NONE_OF_THESE for row in right[-5:-2]}
    data = make_dataset(matrix, given.tolist(), modality="features")
    return with_decisions(data, decided), decided, true != given


FEW = {"ce", "ido", "elr", "divide_mix"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in FEW else pytest.mark.sweep) for name in METHODS]
)
def test_decided_labels_are_kept(name, monkeypatch):
    data, decided, flipped = decided_data()
    known = np.array([row for row, label in decided.items() if label is not NONE_OF_THESE])
    labels = np.array([decided[row] for row in known])
    trained = data.in_order(data.status != "none_of_these")
    seen = watch_losses(name, monkeypatch)
    found = run(data, RunConfig(method=name, **SETTINGS))
    assert seen
    seen_rows = np.unique(trained[np.concatenate(seen)])
    np.testing.assert_array_equal(seen_rows, np.setdiff1d(trained, known))  # the method is asked of all others alone

    posterior, table = found.audit.posterior, found.audit.table.set_index("id")
    np.testing.assert_array_equal(posterior[known], np.eye(CLASSES)[labels])
    given = data.labels.codes[known]
    assert table.loc[known, "suggested_label"].tolist() == labels.tolist()
    assert table.loc[known, "given_label"].tolist() == given.tolist()
    assert table.loc[known, "p_mislabeled"].tolist() == (given != labels).astype(float).tolist()
    assert (table["status"] == "decided").sum() == len(known)

    predicted = found.predictor.probabilities(data.inputs, device="cpu").argmax(1)
    assert np.mean(predicted[known] == labels) > 0.8  # a linear rule on these clouds is right on nine of ten
    others = np.flatnonzero(data.status == "judged")
    assert roc_auc_score(flipped[others], table.loc[others, "p_mislabeled"]) > 0.8  # it still finds the other errors


def watch_losses(name, monkeypatch):
    """The rows that each call of the method's losses got, as places among those that train."""
    seen: list[np.ndarray] = []
    for kind in {type(stage.loss) for stage in METHODS[name].make().stages()}:

        def call(self, batch, _original=kind.__call__):
            seen.append(batch.index.numpy())
            return _original(self, batch)

        monkeypatch.setattr(kind, "__call__", call)
    return seen


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["ido", *(pytest.param(name, marks=pytest.mark.sweep) for name in ("ce", "dygen", "divide_mix"))]
)
def test_stopped_and_continued_is_as_never_stopped(name, tmp_path):
    data, *_ = decided_data()
    config = RunConfig(method=name, **SETTINGS)
    steps = -(-ROWS // BATCH) * sum(stage.epochs for stage in METHODS[name].make().stages())
    whole, broken = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "broken")
    for folder in (whole, broken):
        folder.prepare(describe(config, data, {}), resume=False, overwrite=False)
    run(data, config, whole)
    with pytest.raises(KeyboardInterrupt):
        run(data, config, broken, interrupted=StopAfter(int(0.6 * steps)))
    broken.prepare(describe(config, data, {}), resume=True, overwrite=False)
    run(data, config, broken, resume=True)
    for name in ("audit.parquet", "posterior.npy", "model/head.safetensors", "embeddings.npy"):
        assert (whole.path / name).read_bytes() == (broken.path / name).read_bytes(), name


@pytest.mark.sweep
def test_where_every_row_is_decided_nothing_is_left_to_judge():
    """No loss of any method gets a row, and none is asked to rank or divide an empty batch."""
    matrix, _, given = planted()
    data = make_dataset(matrix[:60], given[:60].tolist(), modality="features")
    data = with_decisions(data, dict(enumerate(given[:60].tolist())))
    for name in METHODS:
        audit = run(data, RunConfig(method=name, **SETTINGS)).audit
        assert set(audit.table["status"]) == {"decided"}, name
        np.testing.assert_array_equal(audit.posterior.argmax(1), given[:60])
        assert audit.metrics["noise_rate"]["estimate"] is None
