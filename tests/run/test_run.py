"""Whole runs in this process: what they must never do, and what every run must give."""

import json
import socket

import numpy as np
import pandas as pd
import pytest

from mislabel.errors import InputError
from mislabel.modalities.dataset import make_dataset
from mislabel.posterior.noise_rate import NoiseRate
from mislabel.run.settings import RunConfig
from mislabel.run.train_and_judge import run


def config(encoder, **more):
    chosen = {"backbone": encoder, "batch_size": 8, "learning_rate": 2e-3, "precision": "fp32", "device": "cpu"}
    return RunConfig(**(chosen | more))


def trained(frame, encoder, **more):
    data = make_dataset(frame["text"], frame["label"], gold=frame.get("gold"), ids=frame["id"])
    return data, run(data, config(encoder, **more))


@pytest.fixture
def no_network(monkeypatch):
    """Any attempt to connect fails the test."""

    def refuse(self, address):
        raise AssertionError(f"a connection to {address} was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_the_packaged_encoder_reads_english(no_network):
    """A smoke test of the default: MiniLM, frozen, on 48 sentences of which four have the other topic's label."""
    foods, ways = ["onion", "broth", "carrots", "dough"], ["with salt", "for ten minutes"]
    kitchen = [f"{verb} the {food} {way}" for verb in ("Simmer", "Chop", "Season") for food in foods for way in ways]
    deeds, times = ["kicked the ball", "saw a red card", "won the match", "ran"], ["before half time", "in the stadium"]
    players = ["The striker", "A defender", "Our keeper"]
    football = [f"{player} {deed} {when}" for player in players for deed in deeds for when in times]
    labels = ["cooking"] * 24 + ["sport"] * 24
    for row in (3, 17, 30, 44):
        labels[row] = "sport" if labels[row] == "cooking" else "cooking"
    data = make_dataset(kitchen + football, labels)
    audit = run(data, RunConfig(tune="head", device="cpu", precision="fp32")).audit
    assert set(audit.table["id"][:4]) == {3, 17, 30, 44}


@pytest.mark.slow
@pytest.mark.parametrize("tune", ["full", "head"])
def test_gold_labels_reach_nothing_but_the_scores(tiny_encoder, make_toy, tmp_path, tune):
    """With the gold column turned upside down, weights and judgements keep every byte."""
    frame = make_toy(60)
    wrong = frame.assign(gold=frame["gold"].to_numpy()[::-1])
    found = []
    for name, one in (("right", frame), ("wrong", wrong), ("none", frame.drop(columns="gold"))):
        _, result = trained(one, tiny_encoder, tune=tune, learning_rate=None if tune == "head" else 2e-3)
        result.predictor.save(tmp_path / name)
        columns = ["id", "suggested_label", "p_mislabeled", "difficulty", "predicted_label", "confidence", "status"]
        weights = next((tmp_path / name).glob("*.safetensors")).read_bytes()
        found.append((weights, result.audit.table[columns], result.audit.metrics))
    for weights, table, _ in found[1:]:
        assert weights == found[0][0]
        pd.testing.assert_frame_equal(table, found[0][1], check_exact=True)
    assert found[0][2]["detection"]["auroc"] != found[1][2]["detection"]["auroc"]
    assert "detection" not in found[2][2]


@pytest.mark.slow
def test_planted_errors_are_found(tiny_encoder, make_toy, no_network):
    frame = make_toy(90, wrong=0.2)
    _, result = trained(frame, tiny_encoder)
    table = result.audit.table.set_index("id").loc[frame["id"]]
    wrong = (frame["label"] != frame["gold"]).to_numpy()
    score = table["p_mislabeled"].to_numpy()
    pairs = score[wrong][:, None] - score[~wrong][None, :]
    auroc = np.mean(pairs > 0) + np.mean(pairs == 0) / 2  # by its definition over pairs
    assert auroc > 0.95
    assert result.audit.metrics["detection"]["auroc"] == pytest.approx(auroc)
    noise = result.audit.metrics["noise_rate"]
    assert 0 < noise["at_least"] <= 0.2
    assert noise["estimate"] is noise["low"] is noise["high"] is None
    assert noise["basis"] == "labels"
    assert noise["true"] == pytest.approx(0.2)
    right = (table["suggested_label"].to_numpy() == frame["gold"].to_numpy()).mean()
    assert result.audit.metrics["suggestion"]["accuracy"] == pytest.approx(right)


@pytest.mark.slow
@pytest.mark.parametrize(("method", "seed"), [("ido", 0), ("ce", 1), ("ce", 2)])
def test_labels_drawn_at_random_are_called_that(tiny_encoder, make_toy, method, seed):
    """Shuffled labels: no list of suspects, no noise rate, and a note that says why."""
    frame = make_toy(240, wrong=0.0)
    frame["label"] = np.random.default_rng(seed).permutation(frame["label"])
    _, result = trained(frame, tiny_encoder, method=method, seed=seed)
    assert result.audit.metrics["labels_related"] is False
    assert not (result.audit.table["status"] == "judged").any()
    assert result.audit.table["p_mislabeled"].isna().all()
    assert result.audit.metrics["noise_rate"] == NoiseRate().plain()
    assert len(result.audit.worst()) == 0
    assert any("could not be told from labels drawn at random" in note for note in result.audit.notes)


def test_few_rows_with_random_labels_are_not_assessed(tiny_encoder, make_toy):
    frame = make_toy(60, wrong=0.0)
    frame["label"] = np.random.default_rng(0).permutation(frame["label"])
    _, result = trained(frame, tiny_encoder, method="ce")
    assert result.audit.metrics["labels_related"] is None
    assert set(result.audit.table["status"]) <= {"not_learnt", "held_out"}
    assert any("nothing can be learnt from the inputs of 60 training rows" in note for note in result.audit.notes)


@pytest.mark.slow
def test_rows_that_cannot_be_judged_say_why(tiny_encoder, make_toy):
    frame = make_toy(90)
    labels = frame["label"].tolist()
    frame.loc[0, "text"] = "   "
    frame.loc[1, "text"] = "zzzz qqqq"  # no token that the encoder knows
    labels[2] = None
    labels[3] = "alone"
    split = ["test" if k in (4, 5) else "train" for k in range(90)]
    data = make_dataset(frame["text"], labels, ids=frame["id"], split=split, missing="unlabeled")
    table = run(data, config(tiny_encoder)).audit.table.set_index("id")
    wanted = ["empty_input", "empty_input", "unlabeled", "class_too_small", "held_out", "held_out", "judged"]
    assert [table.loc[f"row-{k:03d}", "status"] for k in range(7)] == wanted
    assert table.loc[[f"row-{k:03d}" for k in range(6)], "p_mislabeled"].isna().all()
    assert table["suggested_label"].notna().all()


def test_too_little_to_learn_from(tiny_encoder, make_toy):
    frame = make_toy(6)
    with pytest.raises(InputError, match="1 class"):
        run(make_dataset(frame["text"], ["x"] * 6), config(tiny_encoder))
    with pytest.raises(InputError, match="at least 4"):
        run(make_dataset(frame["text"][:3], ["x", "y", "x"]), config(tiny_encoder))


def test_loss_of_half_the_columns_of_a_posterior_never_happens(tiny_encoder, make_toy):
    """Posterior rows are distributions, also of rows that did not train; p_mislabeled is what they say."""
    frame = make_toy(60)
    split = ["test" if k % 5 == 0 else "train" for k in range(60)]
    data = make_dataset(frame["text"], frame["label"], ids=frame["id"], split=split)
    audit = run(data, config(tiny_encoder)).audit
    assert audit.posterior.shape == (60, 3)
    np.testing.assert_allclose(audit.posterior.sum(1), 1, atol=1e-5)
    place = {name: k for k, name in enumerate(frame["id"])}
    for row in audit.table[audit.table["status"] == "judged"].to_dict("records"):
        of_given = audit.posterior[place[row["id"]], audit.classes.index(row["given_label"])]
        assert row["p_mislabeled"] == pytest.approx(1 - of_given, abs=1e-6)
        assert row["suggested_label"] == audit.classes[audit.posterior[place[row["id"]]].argmax()]


@pytest.mark.slow
@pytest.mark.parametrize("labels", [[3, 10, -7], [True, False, True], ["b", "a", "ü ,\n"]])
def test_labels_come_back_with_their_type(tiny_encoder, make_toy, tmp_path, labels, mislabel):
    """Whole numbers, true/false and words: in the table, in the files and in predictions."""
    frame = make_toy(60)
    frame["label"] = [labels[k % 3] for k in range(60)]
    frame.to_parquet(tmp_path / "in.parquet")
    options = ["--text", "text", "--label", "label", "--id", "id", "--backbone", tiny_encoder, "--method", "ce"]
    options += ["--option", "epochs=2", "--learning-rate", "2e-3", "--batch-size", "8", "--precision", "fp32"]
    done = mislabel("train", tmp_path / "in.parquet", *options, "--out", tmp_path / "run")
    assert done.exit_code == 0, done.stderr
    done = mislabel("predict", tmp_path / "run", tmp_path / "in.parquet", "-o", tmp_path / "out.parquet", "--id", "id")
    assert done.exit_code == 0, done.stderr
    audit, out = pd.read_parquet(tmp_path / "run" / "audit.parquet"), pd.read_parquet(tmp_path / "out.parquet")
    kind = type(labels[0])
    for column in (audit["given_label"], audit["suggested_label"], audit["predicted_label"], out["predicted_label"]):
        values = column.tolist()
        assert {type(value) for value in values} == {kind}
        assert set(values) <= set(labels)
    assert [name for name in out.columns if name.startswith("p_")] == [f"p_{value}" for value in sorted(set(labels))]
    classes = json.loads((tmp_path / "run" / "config.json").read_text())["data"]["classes"]
    assert classes == sorted(set(labels))
    assert {type(value) for value in classes} == {kind}


@pytest.mark.slow
def test_two_runs_give_the_same_bytes_and_another_seed_does_not(tiny_encoder, make_toy):
    frame = make_toy(60)
    one, two, other = (trained(frame, tiny_encoder, seed=seed)[1].audit for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(one.table, two.table, check_exact=True)
    assert one.posterior.tobytes() == two.posterior.tobytes()
    assert one.posterior.tobytes() != other.posterior.tobytes()
