"""The whole job from Python and from the command line: one function, so one result."""

import numpy as np
import pandas as pd
import pytest

from mislabel import FeatureClassifier, InputError
from mislabel.decisions.events import Decision
from mislabel.decisions.store import Store, read_decisions
from mislabel.run.folder import RunFolder

LINE = ["--features", "f_*", "--label", "label", "--id", "id", "--device", "cpu"]


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory, mislabel):
    """A table of 120 rows in three groups, and a run on it in whose review some rows were decided."""
    home, random = tmp_path_factory.mktemp("job"), np.random.default_rng(0)
    gold = np.arange(120) % 3
    matrix = np.eye(3)[gold] * 3 + random.normal(0, 0.5, (120, 3))
    label = np.where(np.arange(120) % 10 == 0, (gold + 1) % 3, gold)
    table = pd.DataFrame(matrix, columns=pd.Index(["f_0", "f_1", "f_2"]))
    table.insert(0, "id", [f"row-{k}" for k in range(120)])
    table["label"] = np.array(["a", "b", "c"])[label]
    table.to_parquet(home / "data.parquet", index=False)
    done = mislabel("audit", home / "data.parquet", *LINE, "--out", home / "first")
    assert done.exit_code == 0, done.stderr
    decided = [
        Decision("row-0", "label", "a", "b"),
        Decision("row-10", "suggestion", "b", "c"),
        Decision("row-11", "keep", "c", "c"),
        Decision("row-12", "none", None, "a"),
        Decision("row-13", "unsure", None, "b"),
    ]
    with Store(home / "first" / "decisions.sqlite") as store:
        store.decide(decided)
    return home, table


@pytest.mark.slow
def test_decisions_from_python_and_from_the_command_line_give_the_same_audit(reviewed, mislabel):
    home, table = reviewed
    done = mislabel("audit", home / "data.parquet", *LINE, "--decisions", home / "first", "--out", home / "second")
    assert done.exit_code == 0, done.stderr
    classifier = FeatureClassifier(device="cpu").fit(
        table[["f_0", "f_1", "f_2"]], table["label"], ids=table["id"], decisions=home / "first"
    )
    expected = pd.read_parquet(home / "second" / "audit.parquet")
    pd.testing.assert_frame_equal(classifier.audit_.table, expected, check_dtype=False)
    np.testing.assert_array_equal(classifier.audit_.posterior, np.load(home / "second" / "posterior.npy"))
    assert expected.set_index("id")["status"][["row-0", "row-12", "row-13"]].tolist() == [
        "decided", "none_of_these", "judged",
    ]  # fmt: skip
    classifier.save(home / "third")
    assert read_decisions(home / "third" / "decisions.sqlite") == read_decisions(home / "first" / "decisions.sqlite")


def test_decisions_of_other_rows_are_refused(reviewed):
    home, table = reviewed
    with pytest.raises(InputError, match="has no rows 'row-0'"):
        FeatureClassifier().fit(
            table[["f_0", "f_1", "f_2"]], table["label"], ids=[f"x{k}" for k in range(120)], decisions=home / "first"
        )


def test_whoever_holds_a_folder_may_lock_it_again_and_nobody_else(tmp_path):
    mine, other = RunFolder(tmp_path / "run"), RunFolder(tmp_path / "run")
    with mine.locked():
        with mine.locked():
            pass
        with pytest.raises(RuntimeError, match="in use by process"), other.locked():
            pass  # still held: the inner one gave nothing away
    with other.locked():
        pass


@pytest.mark.slow
def test_a_folder_changes_no_number(tmp_path):
    """What is counted of a network before it trains must not touch it: it once trained in another precision then."""
    from mislabel.modalities.loading import load_dataset
    from mislabel.run.settings import RunConfig
    from mislabel.run.train import train

    draws = np.random.default_rng(0)
    gold = np.arange(48) % 3
    table = pd.DataFrame(np.eye(3)[gold] + draws.normal(0, 0.4, (48, 3)), columns=pd.Index(["f_0", "f_1", "f_2"]))
    dataset = load_dataset(table.assign(label=gold), features="f_*", label="label")
    config = RunConfig(method="ce", options={"epochs": 3}, device="cpu", precision="bf16", tune="head")
    kept, in_memory = train(dataset, config, RunFolder(tmp_path / "run")), train(dataset, config)
    np.testing.assert_array_equal(kept.audit.posterior, in_memory.audit.posterior)
