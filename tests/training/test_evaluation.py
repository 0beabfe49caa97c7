"""What the loop looks at between epochs: losses in evaluation mode, rows held back, and what losses keep by row."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import StopAfter
from hypothesis import given as drawn
from hypothesis import strategies
from small_loop import CLASSES, assert_same_weights, data, make_loop, watch_held, weights, with_dropout

from mislabel.methods.ce import CE, CrossEntropy
from mislabel.methods.divide_mix import DivideMix
from mislabel.training.evaluation import held_back, target_losses
from mislabel.training.stages import Stage


@drawn(
    labels=strategies.lists(strategies.integers(0, 4), min_size=1, max_size=200),
    share=strategies.floats(0, 1),
    seed=strategies.integers(0, 9),
)
def test_held_back_is_a_share_of_every_label(labels, share, seed):
    labels = np.array(labels)
    held = held_back(labels, share, [seed, 0])
    assert held.sum() == round(share * len(labels))
    exact = held.sum() / len(labels)
    for label in np.unique(labels):
        of_label = labels == label
        assert abs(held[of_label].sum() - exact * of_label.sum()) <= 2
    np.testing.assert_array_equal(held, held_back(labels, share, [seed, 0]))


@pytest.mark.parametrize("share", [0.2, 1 / 40])
def test_every_row_is_held_back_equally_often(share):
    """Also where a single one is; within five standard errors."""
    labels = np.repeat([0, 1], [30, 10])
    often = np.mean([held_back(labels, share, [seed, 0]) for seed in range(2000)], axis=0)
    np.testing.assert_allclose(often, share, atol=5 * np.sqrt(share * (1 - share) / 2000))


def test_losses_after_the_last_epoch_are_those_of_the_final_network():
    loop = make_loop(with_dropout)
    network, dynamics = loop.run([Stage("a", 2, CrossEntropy(), branches=2, evaluates=True)])
    matrix, labels = data()
    network.eval()
    with torch.no_grad():
        p = network({"features": torch.from_numpy(matrix)})[0].softmax(-1).numpy()
    wanted = [[-np.log(p[b, k, label]) for k, label in enumerate(labels)] for b in range(2)]
    np.testing.assert_allclose(dynamics.evaluation, wanted, rtol=1e-4, atol=1e-5)


def test_all_rows_are_looked_at_in_the_precision_of_training():
    network, dynamics = make_loop(precision="bf16", device="cpu").run([Stage("a", 1, CrossEntropy(), evaluates=True)])
    matrix, labels = (torch.from_numpy(part) for part in data())
    network.eval()
    with torch.no_grad():
        exact = network({"features": matrix})[0][0]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = network({"features": matrix})[0][0]
    exact, half = (
        torch.nn.functional.cross_entropy(z.float(), labels, reduction="none").numpy() for z in (exact, half)
    )
    np.testing.assert_allclose(dynamics.evaluation[0], half, atol=1e-6)
    assert np.abs(half - exact).max() > 1e-4  # or the test shows nothing


def test_target_losses_by_hand():
    logits = torch.tensor([[[0.0, 0.0], [np.log(3.0), 0.0]]])
    np.testing.assert_allclose(target_losses(logits, np.array([1, 1])), [[np.log(2), np.log(4)]], rtol=1e-6)


def test_rows_held_back_do_not_train_and_are_recorded(monkeypatch):
    """With the labels of those rows changed the network stays the same to the byte."""
    stage = [Stage("a", 3, CrossEntropy(), validation=0.25)]
    held_by_stage = watch_held(monkeypatch)
    network, dynamics = make_loop().run(stage)
    (held,) = held_by_stage
    assert held.sum() == 10
    assert not np.isnan(dynamics.loss).any()
    assert (dynamics.prediction >= 0).all()
    _, labels = data()
    other = make_loop()
    other.rows = replace(other.rows, target=np.where(held, (labels + 1) % CLASSES, labels))
    monkeypatch.setattr("mislabel.training.loop.held_back", lambda *_: held)  # they are drawn by label
    changed, _ = other.run(stage)
    assert_same_weights(weights(network), weights(changed))
    final = network({"features": torch.from_numpy(data()[0])})[0][0].argmax(-1).numpy()
    np.testing.assert_array_equal(dynamics.prediction[-1][held], final[held])  # after the epoch, not during it


def test_stopping_by_validation_gives_the_weights_of_the_best_epoch():
    """Trained by itself for as many epochs as were chosen, at the same rates, the network is the same."""
    loop = make_loop(learning_rate=0.05)
    stages = CE(epochs=6, stop="validation", validation=0.3).stages()
    network, dynamics = loop.run(stages)
    held = held_back(loop.rows.target, 0.3, [0, 0])
    agreed = (dynamics.prediction[:, held] == loop.rows.target[held]).mean(1)
    chosen = int(np.argmax(agreed))
    assert loop.history.epochs[-1]["selected_epoch"] == chosen + 1
    assert 0 < chosen < 5  # or the test shows nothing

    class Stop(Exception):
        pass

    alone = make_loop(learning_rate=0.05)
    seen, epoch_end = {}, alone.history.epoch_end

    def stop(run, epoch):
        if epoch == chosen:
            seen.update(weights(run.branches))
            raise Stop
        epoch_end(run, epoch)

    alone.history.epoch_end = stop
    with pytest.raises(Stop):
        alone.run(stages)
    assert_same_weights(weights(network), seen)


@pytest.mark.parametrize("steps", [2, 7, 17])
def test_interrupted_and_continued_where_losses_are_evaluated(tmp_path, steps):
    """In the warm-up, at the border (5 steps an epoch) and while rows are divided."""
    stages = lambda: DivideMix(warm_epochs=1, epochs=3).stages()
    whole, _ = make_loop(with_dropout).run(stages())
    with pytest.raises(KeyboardInterrupt):
        make_loop(with_dropout, folder=tmp_path, interrupted=StopAfter(steps)).run(stages())
    again, _ = make_loop(with_dropout, folder=tmp_path).run(stages(), resume=True)
    assert_same_weights(weights(whole), weights(again))


def test_stages_that_cannot_be_trained_are_refused():
    with pytest.raises(ValueError, match="mixes rows: its branches need networks of their own"):
        make_loop().run([Stage("a", 1, CrossEntropy(), branches=2, shared=True, mixes=True)])
    with pytest.raises(ValueError, match="which are not recorded"):
        make_loop(record=False).run([Stage("a", 1, CrossEntropy(), validation=0.1)])
    with pytest.raises(ValueError, match="stages of a run need different names"):
        make_loop().run([Stage("a", 1, CrossEntropy()), Stage("a", 1, CrossEntropy())])
