"""What a run gathers of its rows before training, and what becomes of it in the audit of any method."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from mislabel import ImageClassifier, InputError
from mislabel.data.class_meanings import Meanings
from mislabel.modalities.dataset import make_dataset
from mislabel.posterior.judge import pool
from mislabel.posterior.posterior import Posterior
from mislabel.run.about import describe
from mislabel.run.evidence import gather, trusted_rows
from mislabel.run.folder import RunFolder
from mislabel.run.judging import as_taught, with_evidence
from mislabel.run.preparation import prepare
from mislabel.run.settings import RunConfig
from mislabel.run.train_and_judge import balanced_settings, run
from mislabel.training.losses import OPINION
from mislabel.training.progress import Quiet

ROWS, NAMES = 300, np.array(["ant", "bee", "cow"], dtype=object)
SETTINGS = {"device": "cpu", "precision": "fp32", "batch_size": 16}


def made(trusted=(), share=0.3, missing=(), factor=1.0, **more):
    """Three clouds whose labels a rule pulled to the first class; some rows checked, some without a given label."""
    random = np.random.default_rng(0)
    true = random.integers(0, 3, ROWS)
    points = factor * (np.eye(3, 6)[true] * 3 + random.normal(size=(ROWS, 6)))
    given = NAMES[np.where(random.random(ROWS) < share, 0, true)]
    given[list(missing)] = None
    checked = np.full(ROWS, None, dtype=object)
    checked[list(trusted)] = NAMES[true[list(trusted)]]
    columns = {"trusted": checked} if len(trusted) else {}
    if len(missing):
        more["missing"] = "unlabeled"
    return make_dataset(points, given, modality="features", ids=np.arange(ROWS), **columns, **more), true


def job_of(data, method="panel", **settings):
    return prepare(data, RunConfig(method=method, **SETTINGS | settings), None, Quiet())


def test_without_trusted_rows_only_the_panel_asks():
    data, true = made()
    job = job_of(data)
    assert set(job.evidence.opinions) == {"transition"}
    assert job.evidence.start == {"transition": 1.0}
    assert not len(job.evidence.trusted.rows)
    np.testing.assert_allclose(job.opinion, job.evidence.opinions["transition"], atol=1e-5)
    assert np.mean(job.opinion.argmax(1) == true[job.dataset.ids[job.trained]]) > 0.95
    assert job_of(data, "ce").evidence is None


@pytest.mark.slow
def test_with_trusted_rows_every_method_asks():
    data, true = made(trusted=range(40))
    for method in ("panel", "ce"):
        job = job_of(data, method)
        assert set(job.evidence.opinions) == {"transition", "plain", "neighbours"}
        assert job.evidence.start == {"transition": 1.0, "plain": 0.0, "neighbours": 0.0}
        assert job.evidence.trusted.rows.tolist() == np.flatnonzero(job.dataset.ids[job.trained] < 40).tolist()
        known = true[job.dataset.ids[job.trained[job.evidence.trusted.rows]]]
        assert job.evidence.trusted.labels.tolist() == known.tolist()
        np.testing.assert_array_equal(job.opinion[job.evidence.trusted.rows], np.eye(3)[known])
        assert job.judged.left_out is not None


@pytest.mark.slow
def test_opinions_hear_given_labels_alone():
    """Whatever the trusted labels say, opinions are the same: else trusted rows could not tell how good they are."""
    data, _ = made(trusted=range(40))
    other, _ = made(trusted=range(40, 80))
    one, two = job_of(data).evidence, job_of(other).evidence
    for name in one.opinions:
        np.testing.assert_array_equal(one.opinions[name], two.opinions[name])


def test_a_trusted_row_without_a_given_label_does_not_judge_and_keeps_its_label():
    data, true = made(trusted=range(40), missing=range(20))
    job = job_of(data)
    ids, known = job.dataset.ids[job.trained], trusted_rows(job.dataset, job.trained)
    assert sorted(ids[known.rows]) == list(range(40))
    assert sorted(ids[known.counting().rows]) == list(range(20, 40))
    np.testing.assert_array_equal(job.opinion[known.rows].argmax(1), true[ids[known.rows]])
    np.testing.assert_array_equal(job.evidence.given >= 0, True)


@pytest.mark.slow
def test_classes_without_a_trusted_row_are_named():
    data, true = made()
    trusted = np.flatnonzero(true != 2)[:20]
    data, _ = made(trusted=trusted)
    note = "Classes without a trusted row, of which the judge knows only what opinions say: 1; 'cow'."
    assert note in job_of(data).dataset.notes
    data, _ = made(trusted=range(40))
    assert not [each for each in job_of(data).dataset.notes if "without a trusted row" in each]


def described(job, right, sentences=None):
    """The job's rows beside sentences that are near to the rows of their class; of each class one, in turn."""
    sentences = sentences or {0: ["an ant"], 1: ["a bee"], 2: ["a cow"]}
    count = sum(map(len, sentences.values()))
    true = right[job.dataset.ids[job.trained]]
    columns = np.concatenate([[code] * len(each) for code, each in sentences.items()])
    noise = np.random.default_rng(1).normal(0, 0.02, (len(true), count))

    def similarity(asked):
        assert asked == [sentence for each in sentences.values() for sentence in each]
        return ((columns[None] == true[:, None]) * 0.2 + noise).astype(np.float32)

    return replace(job.ready, similarity=similarity), Meanings(sentences, "descriptions")


@pytest.mark.slow
def test_what_classes_mean_is_one_more_opinion_and_counts_where_it_is_strong():
    data, true = made()
    ready, meanings = described(job_of(data), true, {0: ["an ant", "small"], 1: ["a bee"], 2: ["a cow"]})
    found = gather(ready, meanings)
    assert set(found.opinions) == {"transition", "descriptions"}
    assert found.start == {"transition": 0.0, "descriptions": 1.0}
    assert np.mean(found.opinions["descriptions"].argmax(1) == true[data.ids[ready.trained]]) > 0.95
    agreeing = [np.sum((found.given == k) & (true[data.ids[ready.trained]] == k)) for k in range(3)]
    np.testing.assert_allclose(found.about["agreeing"], agreeing, atol=3)
    assert found.notes == []


@pytest.mark.slow
def test_weak_descriptions_do_not_count_and_trusted_rows_hear_them_all_the_same():
    data, true = made(trusted=range(40))
    ready, meanings = described(job_of(data), (true + 1) % 3)  # each is like the rows of another class
    found = gather(ready, meanings)
    assert set(found.opinions) == {"transition", "zero_shot", "plain", "neighbours"}
    assert found.start["transition"] == 1
    assert [note for note in found.notes if note.startswith("Few rows look like the descriptions of their classes")]
    named = gather(ready, replace(meanings, source="names"))
    assert [note for note in named.notes if note.startswith("Few rows look like the names of their classes")]


@pytest.mark.slow
def test_without_similarity_or_sentences_descriptions_say_nothing():
    data, true = made()
    job = job_of(data)
    ready, meanings = described(job, true)
    for parts in ((job.ready, meanings), (ready, Meanings({}, None))):
        assert set(gather(*parts).opinions) == {"transition"}


@pytest.mark.slow
def test_the_guard_is_said_and_balances_half_as_hard():
    sure, doubtful = job_of(made(share=0.3)[0]), job_of(made(share=0.8)[0])
    assert sure.evidence.balance == "classes"
    assert doubtful.evidence.balance == "half"
    assert [note for note in doubtful.dataset.notes if "seem not to hold the classes" in note]
    assert job_of(made(share=0.8)[0], options={"guard": False}).evidence.balance == "classes"
    assert balanced_settings(doubtful).balance == "half"
    said = job_of(made(share=0.8)[0], balance="classes")
    assert balanced_settings(said).balance == "classes"
    assert balanced_settings(job_of(made(trusted=range(40))[0], "ce")).balance == "none"


def test_one_more_opinion_is_heard():
    evidence = job_of(made(trusted=range(40))[0]).evidence
    more = evidence.heard("method", np.full((ROWS, 3), 1 / 3), {"transition": 0.5, "method": 0.5})
    assert list(more.opinions) == ["transition", "plain", "neighbours", "method"]
    assert more.start == {"transition": 0.5, "plain": 0.0, "neighbours": 0.0, "method": 0.5}
    assert "method" not in evidence.opinions
    assert len(more.judged(0).weights) == 4


def test_the_audit_of_another_method_hears_the_judge_as_much_as_the_method():
    data, _ = made(trusted=range(40))
    job = job_of(data, "ce")
    own = np.random.default_rng(0).dirichlet(np.ones(3), ROWS)
    found = with_evidence(job, Posterior(own, {"mean_p": own[:, 0]}))
    wanted = np.sqrt(own * np.maximum(job.opinion, 1e-6))
    np.testing.assert_allclose(found.probabilities, wanted / wanted.sum(1, keepdims=True), atol=1e-4)
    np.testing.assert_allclose(found.probabilities, pool([job.opinion, own], [0.5, 0.5]), atol=1e-6)
    names = {f"{name}_p_given" for name in ("transition", "plain", "neighbours")}
    assert set(found.evidence) == {"mean_p", "p_left_out", *names}
    left_out = found.evidence["p_left_out"]
    assert (
        np.flatnonzero(np.isfinite(left_out)).tolist()
        == sorted(job.judged.asked.tolist())
        == job.evidence.trusted.rows.tolist()
    )
    assert set(found.labels) == {"transition_label", "plain_label", "neighbours_label"}
    transition, given = job.evidence.opinions["transition"], job.evidence.given
    said = [transition[row, given[row]] for row in range(ROWS)]
    np.testing.assert_array_equal(found.evidence["transition_p_given"], said)
    np.testing.assert_array_equal(found.labels["transition_label"], transition.argmax(1))


def test_too_few_trusted_rows_leave_another_method_as_it_is():
    data, _ = made(trusted=range(9))
    job, own = job_of(data, "ce"), Posterior(np.full((ROWS, 3), 1 / 3), {})
    assert with_evidence(job, own) is own
    none = job_of(made()[0], "ce")
    assert with_evidence(none, own) is own


@pytest.mark.slow
def test_the_panel_says_what_it_learns():
    job, own = job_of(made()[0]), Posterior(np.full((ROWS, 3), 1 / 3), {})
    np.testing.assert_array_equal(as_taught(job, own).probabilities, job.opinion)
    revised = np.ascontiguousarray(job.opinion[::-1])
    job.stages[-1].loss.tables[OPINION] = torch.from_numpy(revised)
    np.testing.assert_array_equal(as_taught(job, own).probabilities, revised)
    assert as_taught(job_of(made(trusted=range(40))[0], "ce"), own) is own


@pytest.mark.slow
@pytest.mark.parametrize("method", ["ce", pytest.param("ido", marks=pytest.mark.sweep)])
def test_a_method_that_learns_a_rule_is_put_right_by_trusted_rows(method):
    plain, true = made(share=0.6)
    taught, _ = made(share=0.6, trusted=range(60))
    right = []
    for data in (plain, taught):
        audit = run(data, RunConfig(method=method, **SETTINGS)).audit
        table = audit.table.set_index("id").loc[range(60, ROWS)]
        right.append(np.mean(table["suggested_label"] == NAMES[true[60:]]))
    assert right[1] > right[0] + 0.1
    assert {"transition_label", "plain_p_given"} <= set(audit.table)
    assert set(audit.metrics["evidence"]) >= {"opinions", "strength", "left_out", "pool_left_out", "kept", "held"}


@pytest.mark.slow
@pytest.mark.parametrize("trusted", [1, ROWS])
@pytest.mark.parametrize("method", ["panel", "ce"])
def test_one_trusted_row_and_all_of_them(method, trusted):
    data, true = made(trusted=range(trusted))
    audit = run(data, RunConfig(method=method, **SETTINGS)).audit
    known = audit.table.set_index("id").loc[range(trusted)]
    assert (known["status"] == "decided").all()
    assert known["suggested_label"].tolist() == NAMES[true[:trusted]].tolist()
    assert np.isfinite(audit.posterior).all()


@pytest.mark.slow
@pytest.mark.parametrize("factor", [1e-30, 1e30])
def test_the_unit_of_a_table_does_not_matter(factor):
    plain, scaled = (job_of(made(trusted=range(40), factor=each)[0]).opinion for each in (1.0, factor))
    np.testing.assert_allclose(scaled, plain, atol=5e-3)


def test_images_from_random_weights_cannot_teach_the_panel_and_judge_no_other_method(make_images):
    pixels, frame = make_images(60)
    scratch = {"scratch": "resnet-small", "resolution": 16, **SETTINGS}
    data = make_dataset(pixels, frame["label"], ids=frame["id"], modality="image")
    with pytest.raises(
        InputError, match=r"--method panel learns from what is known of images before training.*--scratch"
    ):
        job_of(data, **scratch)
    trusted = np.where(np.arange(60) < 20, frame["gold"], None)
    data = make_dataset(pixels, frame["label"], ids=frame["id"], trusted=trusted, modality="image")
    job = job_of(data, "ce", **scratch)
    assert job.evidence is None
    assert [note for note in job.dataset.notes if note.startswith("Trusted labels teach their own rows alone")]


@pytest.mark.slow
@pytest.mark.parametrize("tune", ["head", "full"])
def test_images_have_evidence_from_a_pretrained_network(tune, make_images, image_models):
    pixels, frame = make_images(60)
    fitted = ImageClassifier(
        backbone=image_models["resnet"], tune=tune, method="panel", options={"epochs": 1}, **SETTINGS
    ).fit(pixels, frame["label"], trusted=np.where(np.arange(60) < 20, frame["gold"], None))
    assert {"transition_label", "plain_label", "neighbours_label"} <= set(fitted.audit_.table)
    assert fitted.predict(pixels).shape == (60,)


@pytest.mark.slow
def test_texts_have_evidence_and_their_class_names_say_something(make_toy, tiny_encoder):
    frame = make_toy(60)
    data = make_dataset(frame["text"], frame["label"], modality="text")
    for tune in ("head", "full"):
        job = job_of(data, backbone=tiny_encoder, tune=tune)
        assert set(job.evidence.opinions) - {"descriptions"} == {"transition"}
        assert len(job.evidence.about["agreeing"]) == 3
        assert job.opinion.shape == (60, 3)


@pytest.mark.slow
def test_tables_show_what_opinions_said(tmp_path):
    """The audit file keeps labels by their names."""
    data, _ = made(trusted=range(20))
    folder, config = RunFolder(tmp_path / "run"), RunConfig(method="panel", **SETTINGS)
    folder.prepare(describe(config, data, {}), resume=False, overwrite=False)
    run(data, config, folder)
    table = pd.read_parquet(tmp_path / "run" / "audit.parquet")
    for name in ("transition", "plain", "neighbours"):
        assert set(table[f"{name}_label"]) <= set(NAMES)
        assert table[f"{name}_p_given"].between(0, 1).all()
