"""A posterior of all rows reaches the audit row by row, whatever was decided, held back or listed in another order."""

import numpy as np

from mislabel.decisions.events import Decision
from mislabel.decisions.store import Store
from mislabel.doors.judged import Observed, judge_outside
from mislabel.dynamics.store import Pass
from mislabel.modalities.dataset import make_dataset
from mislabel.posterior.posterior import Posterior
from mislabel.run.reading import Run

CLASSES = ["cow", "ant", "bee"]  # not sorted
ROWS = 24


def test_a_posterior_stands_beside_its_row(tmp_path):
    random = np.random.default_rng(0)
    codes = np.arange(ROWS) % 3
    said = random.dirichlet(np.ones(3), ROWS).astype(np.float32)
    columns = {
        "prediction": random.integers(0, 3, ROWS).astype(np.int32),
        "loss": random.random(ROWS).astype(np.float32),
        "margin": random.normal(size=ROWS).astype(np.float32),
    }
    given = Posterior(said, evidence={"surprise": np.arange(ROWS) / ROWS}, labels={"network_label": codes})
    split = np.where(np.arange(ROWS) == 5, "valid", "train")
    dataset = make_dataset(
        [f"text {row}" for row in range(ROWS)],
        [CLASSES[code] for code in codes],
        ids=[f"r{99 - row}" for row in range(ROWS)],  # a run takes rows by id, that is, backwards
        split=split,
        classes=CLASSES,
    )
    observed = Observed(random.dirichlet(np.ones(3), ROWS), [Pass("train", 1, 0)], [columns])
    more = {"door": "NoisyTrainer", "method": "ours", "posterior": given, "columns": {}}
    first = judge_outside(dataset, observed, **more)
    first.save(tmp_path / "run")
    with Store(Run.open(tmp_path / "run").folder.decisions) as store:
        store.decide(
            [Decision("r92", "none", None, CLASSES[codes[7]]), Decision("r97", "label", "bee", CLASSES[codes[2]])]
        )
    second = judge_outside(dataset, observed, decisions=tmp_path / "run", **more)
    assert second.audit.classes == CLASSES
    for outside, decided in ((first, set()), (second, {2, 7})):
        table = outside.audit.table.set_index("row")
        for row in set(range(ROWS)) - {5} - decided:
            np.testing.assert_array_equal(outside.audit.posterior[row], said[row])
            assert table.loc[row, "surprise"] == row / ROWS
            assert table.loc[row, "network_label"] == CLASSES[codes[row]]
            assert table.loc[row, "difficulty"] == float(columns["prediction"][row] != said[row].argmax())
    table = second.audit.table.set_index("row")
    assert table.loc[[2, 7], "status"].tolist() == ["decided", "none_of_these"]
    assert second.audit.posterior[2].tolist() == [0, 0, 1]
