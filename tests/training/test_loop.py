"""The training loop on small networks: its schedule by hand, its parts, faults, and runs that were interrupted."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers import StopAfter
from small_loop import (
    CLASSES,
    FEATURES,
    ROWS,
    Plain,
    WithEncoder,
    assert_same_weights,
    data,
    make_loop,
    weights,
    with_dropout,
)
from torch import nn

from mislabel.dynamics.scores import prediction_changes
from mislabel.errors import RunError
from mislabel.methods.ce import CE, CrossEntropy
from mislabel.methods.ido import IDO
from mislabel.training.branches import make_branches
from mislabel.training.checkpoints import load_checkpoint
from mislabel.training.guards import check_stages
from mislabel.training.loop import passes_of
from mislabel.training.room import check_disk
from mislabel.training.stages import Stage
from mislabel.training.steps import torch_seed
from mislabel.training.training_settings import HEAD_RATE
from mislabel.training.watchers import Watcher


@pytest.fixture
def steps(monkeypatch):
    """Every step of AdamW as (learning rate, groups)."""
    seen, step = [], torch.optim.AdamW.step

    def recording(self, *args, **options):
        seen.append((self.param_groups[0]["lr"], self.param_groups))
        return step(self, *args, **options)

    monkeypatch.setattr(torch.optim.AdamW, "step", recording)
    return seen


def test_learning_rate_by_hand(steps):
    """40 rows in batches of 8: 5 steps an epoch."""
    stages = [
        Stage("a", 4, CrossEntropy()),  # 20 steps, of which the first 4 rise
        Stage("b", 2, CrossEntropy(), start="last", decay=False),  # constant
        Stage("c", 2, CrossEntropy(), start="last"),  # falls over 10 steps, without a rise
    ]
    make_loop(warmup=0.2, learning_rate=0.01).run(stages)
    first = [1 / 4, 2 / 4, 3 / 4, 1] + [k / 16 for k in range(16, 0, -1)]
    wanted = [*first, *[1] * 10, *[k / 10 for k in range(10, 0, -1)]]
    np.testing.assert_allclose([rate for rate, _ in steps], np.array(wanted) * 0.01, rtol=1e-12)


def test_weight_decay_is_for_matrices_only(steps):
    loop = make_loop(weight_decay=0.3)
    network, _ = loop.run([Stage("a", 1, CrossEntropy())])
    decay = {id(p): group["weight_decay"] for group in steps[0][1] for p in group["params"]}
    for name, parameter in network.named_parameters():
        expected = 0.3 if name.split(".")[-2:] in (["0", "weight"], ["3", "weight"]) else 0.0
        assert decay[id(parameter)] == expected, name
    assert len(decay) == 6


def test_one_epoch_by_hand():
    """Plain numpy steps of AdamW on a linear softmax classifier, batch by batch in the loop's order."""
    from mislabel.training.batches import shuffled_batches

    class Linear(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(CLASSES, FEATURES))

        def forward(self, inputs):
            return inputs["features"] @ self.weight.T

    matrix, labels = data()
    network, _ = make_loop(Linear, seed=5, clip=1.0, weight_decay=0.1, warmup=0.0).run([Stage("a", 1, CrossEntropy())])
    w, m, v = (np.zeros((CLASSES, FEATURES)) for _ in range(3))
    for step, batch in enumerate(shuffled_batches(np.ones(ROWS, int), 8, [5, 0, 0])):
        z = np.exp(matrix[batch].astype(float) @ w.T)
        p = z / z.sum(1, keepdims=True)
        gradient = (p - np.eye(CLASSES)[labels[batch]]).T @ matrix[batch] / len(batch)
        gradient *= min(1.0, 1.0 / np.linalg.norm(gradient))
        # the first of five steps is the warm-up (at least one); then (5 - k) / 4
        rate = 0.01 * (1.0 if step == 0 else (5 - step) / 4)
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        w = w * (1 - rate * 0.1)
        w -= rate * (m / (1 - 0.9 ** (step + 1))) / (np.sqrt(v / (1 - 0.999 ** (step + 1))) + 1e-8)
    np.testing.assert_allclose(network.networks[0].weight.detach().numpy(), w, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("accumulate", [2, 4, 64])
@pytest.mark.parametrize("batch_size", [8, 9])  # 9: the last batch is of 4
def test_accumulation_changes_nothing(accumulate, batch_size):
    stages = [Stage("a", 2, CrossEntropy())]
    whole, record = make_loop(batch_size=batch_size).run(stages)
    parts, again = make_loop(batch_size=batch_size, accumulate=accumulate).run(stages)
    assert_same_weights(weights(whole), weights(parts), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(record.prediction, again.prediction)


def test_the_reported_loss_is_the_mean_over_rows():
    """With a learning rate that moves nothing, the epoch's loss is that of the untouched network, by numpy."""
    loop = make_loop(learning_rate=1e-9, batch_size=7, accumulate=3, weight_decay=0.0)
    network, record = loop.run([Stage("a", 1, CrossEntropy())])
    matrix, labels = data()
    z = np.exp(network.networks[0]({"features": torch.from_numpy(matrix)}).detach().numpy().astype(float))
    wanted = -np.log(z[np.arange(ROWS), labels] / z.sum(1))
    assert loop.history.epochs[0]["loss"] == pytest.approx(wanted.mean(), abs=1e-4)
    np.testing.assert_allclose(record.loss[0], wanted, atol=1e-4)
    assert loop.history.epochs[0]["agreement"] == pytest.approx(np.mean(z.argmax(1) == labels), abs=1e-5)


@pytest.mark.parametrize("chosen", [0, 1, 2])
def test_selected_weights_are_those_of_the_selected_epoch(chosen):
    """D3: officially the "previous" weights are a live reference, so the next epoch's are handed on."""
    first = Stage("warm", 4, CrossEntropy(), select=lambda changes: min(chosen, len(changes)), decay=False)
    handed_on, _ = make_loop(with_dropout, warmup=0.0).run([first, Stage("none", 0, CrossEntropy(), start="selected")])
    stopped, _ = make_loop(with_dropout, warmup=0.0).run([Stage("warm", chosen + 1, CrossEntropy(), decay=False)])
    went_on, _ = make_loop(with_dropout, warmup=0.0).run([Stage("warm", chosen + 2, CrossEntropy(), decay=False)])
    assert_same_weights(weights(stopped), weights(handed_on))
    assert any(
        not torch.equal(one, other) for one, other in zip(went_on.parameters(), stopped.parameters(), strict=True)
    )


def test_a_later_stage_gets_the_weights_it_asks_for():
    one = [Stage("a", 1, CrossEntropy())]
    whole, _ = make_loop().run(one)
    last, _ = make_loop().run([*one, Stage("b", 0, CrossEntropy(), start="last")])
    fresh, _ = make_loop().run([*one, Stage("b", 0, CrossEntropy())])
    assert_same_weights(weights(whole), weights(last))
    assert any(not torch.equal(a, b) for a, b in zip(whole.parameters(), fresh.parameters(), strict=True))


def test_two_branches_start_apart_and_are_recorded_as_one():
    loop = make_loop(with_dropout)
    network, record = loop.run([Stage("a", 1, CrossEntropy(), branches=2)])
    assert len(network.networks) == 2
    one, other = (part.layers[1].weight for part in network.networks)
    assert not torch.equal(one, other)
    assert record.prediction.shape == (1, ROWS)


def test_passes_are_in_order():
    stages = [Stage("a", 2, CrossEntropy()), Stage("b", 1, CrossEntropy(), views=2, start="last")]
    assert [(p.stage, p.epoch, p.view) for p in passes_of(stages)] == [
        ("a", 0, 0), ("a", 1, 0), ("b", 0, 0), ("b", 0, 1)
    ]  # fmt: skip
    _, record = make_loop().run(stages)
    assert record.done == 4
    assert (record.prediction >= 0).all()
    assert np.isfinite(record.loss).all()


def test_the_same_seed_gives_the_same_run_and_another_does_not():
    stages = IDO().stages
    one, other, third = (make_loop(with_dropout, seed=seed).run(stages()) for seed in (0, 0, 1))
    assert_same_weights(weights(one[0]), weights(other[0]))
    np.testing.assert_array_equal(one[1].loss, other[1].loss)
    assert not np.array_equal(one[1].loss, third[1].loss)


class TurnsBad(Plain):
    """Gives NaN for one row, from the eleventh batch on."""

    calls = 0

    def forward(self, inputs):
        TurnsBad.calls += 1
        logits = super().forward(inputs)
        bad = (inputs["features"] == torch.from_numpy(data()[0][17])).all(-1)
        return torch.where((bad & (TurnsBad.calls > 10)).unsqueeze(-1), torch.nan, logits)


def test_a_loss_that_is_no_number_stops_and_names_the_rows(tmp_path):
    TurnsBad.calls = 0
    loop = make_loop(TurnsBad, folder=tmp_path, batch_size=4)  # 10 steps an epoch
    with pytest.raises(RunError, match="the loss is nan on the batch with ids .*'id17'.*--learning-rate") as caught:
        loop.run([Stage("a", 5, CrossEntropy())])
    assert str(caught.value).count("'id") == 4  # the batch of four rows and no other
    saved = load_checkpoint(tmp_path / "checkpoints")
    assert saved.epoch == 1
    assert all(torch.isfinite(value).all() for value in saved.model.values())


@pytest.mark.parametrize("steps_before", [0, 3, 5, 12, 19, 20, 23, 30])
def test_interrupted_and_continued_is_as_never_interrupted(tmp_path, steps_before):
    """IDO with dropout and two views, stopped anywhere in its 35 steps: the same weights, dynamics and log."""
    stages = IDO(warm_epochs=4, robust_epochs=3, minimum_class_size=10, scope="class").stages
    whole, record = make_loop(with_dropout).run(stages())
    first = make_loop(with_dropout, folder=tmp_path, interrupted=StopAfter(steps_before))
    with pytest.raises(KeyboardInterrupt):
        first.run(stages())
    second = make_loop(with_dropout, folder=tmp_path)
    continued, again = second.run(stages(), resume=True)
    assert_same_weights(weights(whole), weights(continued))
    for name in ("prediction", "loss", "margin"):
        np.testing.assert_array_equal(getattr(record, name), getattr(again, name))
        np.testing.assert_array_equal(np.load(tmp_path / "dynamics" / f"{name}.npy"), getattr(record, name))
    assert [line["epoch"] for line in second.history.epochs] == [1, 2, 3, 4, 1, 2, 3]


def test_moments_of_the_optimiser_are_kept_only_where_a_stage_goes_on(tmp_path, monkeypatch):
    """The next stage has an optimiser of its own, so after the last epoch of one nobody needs them."""
    kept = []

    def save_checkpoint(folder, checkpoint):
        kept.append((checkpoint.stage, checkpoint.epoch, bool(checkpoint.optimizer)))

    monkeypatch.setattr("mislabel.training.checkpointing.save_checkpoint", save_checkpoint)
    make_loop(folder=tmp_path).run([Stage("a", 2, CrossEntropy()), Stage("b", 1, CrossEntropy(), start="last")])
    assert kept == [(0, 1, True), (0, 2, False), (1, 1, False)]


def test_interrupted_twice(tmp_path):
    stages = IDO(minimum_class_size=10, scope="class").stages
    whole, _ = make_loop(with_dropout).run(stages())
    for steps_before, resume in ((7, False), (11, True)):
        loop = make_loop(with_dropout, folder=tmp_path, interrupted=StopAfter(steps_before))
        with pytest.raises(KeyboardInterrupt):
            loop.run(stages(), resume=resume)
    continued, _ = make_loop(with_dropout, folder=tmp_path).run(stages(), resume=True)
    assert_same_weights(weights(whole), weights(continued))


def test_fewer_rows_than_processes_is_refused(monkeypatch):
    loop = make_loop()
    monkeypatch.setattr(loop, "accelerator", type("Many", (), {"num_processes": 41})())
    with pytest.raises(RunError, match="40 training rows cannot be shared by 41 processes"):
        loop.run([Stage("a", 1, CrossEntropy())])
    check_stages([Stage("a", 1, CrossEntropy())], loop.settings, rows=41, processes=41)  # one each is enough


def test_stopping_by_label_wave_gives_the_weights_of_the_chosen_epoch():
    """At a constant rate, the first epochs of a long stage are those of a short one."""
    longer = make_loop(with_dropout, learning_rate=0.05, warmup=0.0)
    network, record = longer.run(CE(epochs=7, stop="label_wave").stages())
    changes = prediction_changes(record.prediction)
    falls = [k for k in range(1, len(changes)) if changes[k] >= changes[k - 1]]
    assert falls  # it stopped before the end
    short = Stage("train", falls[0] + 1, CrossEntropy(), decay=False)
    wanted, _ = make_loop(with_dropout, learning_rate=0.05, warmup=0.0).run([short])
    assert_same_weights(weights(wanted), weights(network))


@pytest.mark.parametrize("steps_before", [12, 17, 22, 27])
def test_weights_that_were_selected_before_an_interruption_are_those_that_go_on(tmp_path, steps_before):
    """The first of four epochs (of 5 steps) is selected: stopped in the third, the fourth or the stage after."""

    def stages():
        first = Stage("warm", 4, CrossEntropy(), select=lambda changes: 0, decay=False)
        return [first, Stage("robust", 2, CrossEntropy(), start="selected")]

    whole, record = make_loop(with_dropout).run(stages())
    last, _ = make_loop(with_dropout).run([replace(stages()[0], select=None), stages()[1]])
    assert any(not torch.equal(one, other) for one, other in zip(whole.parameters(), last.parameters(), strict=True))
    with pytest.raises(KeyboardInterrupt):
        make_loop(with_dropout, folder=tmp_path, interrupted=StopAfter(steps_before)).run(stages())
    continued, again = make_loop(with_dropout, folder=tmp_path).run(stages(), resume=True)
    assert_same_weights(weights(whole), weights(continued))
    np.testing.assert_array_equal(record.loss, again.loss)


class Listening(Watcher):
    """Notes every call, with the epoch or the rows it is about."""

    def __init__(self):
        self.calls = []

    def start(self, run, checkpoint):
        self.calls.append(("start", run.stage.name))

    def batch(self, seen):
        assert seen.logits.shape == (1, 1, len(seen.rows), CLASSES)
        assert seen.embeddings.shape[:2] == (1, len(seen.rows))
        self.calls.append(("batch", tuple(seen.rows)))

    def epoch_end(self, run, epoch):
        assert np.isfinite(run.loss)
        self.calls.append(("epoch_end", epoch))


def test_a_watcher_hears_of_every_batch_and_epoch_and_changes_nothing(monkeypatch):
    plain, _ = make_loop(with_dropout).run([Stage("a", 2, CrossEntropy())])
    listening, loop = Listening(), make_loop(with_dropout)
    others = loop._watchers
    monkeypatch.setattr(loop, "_watchers", lambda *given: [listening, *others(*given)])
    watched, _ = loop.run([Stage("a", 2, CrossEntropy())])
    assert_same_weights(weights(plain), weights(watched))
    kinds = [kind for kind, _ in listening.calls]
    assert kinds == ["start", *2 * (["batch"] * 5 + ["epoch_end"])]
    batches = [what for kind, what in listening.calls if kind == "batch"]
    for epoch in (batches[:5], batches[5:]):
        assert sorted(row for rows in epoch for row in rows) == list(range(ROWS))


def test_a_disk_that_would_fill_up_is_said_before_the_first_step(tmp_path, monkeypatch):
    """Four copies of the weights, twice, as a new checkpoint is written beside the old one; the final model; dynamics:
    three numbers of four bytes a row and epoch; and what the run writes beside."""
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=free))
    size = sum(value.numel() * value.element_size() for value in Plain().state_dict().values())
    free = 2 * 4 * size + size + 3 * ROWS * 3 * 4 + 1000
    stages = [Stage("a", 1, CrossEntropy()), Stage("b", 1, CrossEntropy(), views=2)]
    (tmp_path / "fits").mkdir()
    make_loop(folder=tmp_path / "fits", beside={"tables": 1000}).run(stages)
    free -= 1
    (tmp_path / "full").mkdir()
    with pytest.raises(RunError, match="the run needs about .* MB in .* free: make room, or choose .*tables 0.001 MB"):
        make_loop(folder=tmp_path / "full", beside={"tables": 1000}).run(stages)
    assert list((tmp_path / "full").iterdir()) == []


def test_the_largest_parts_are_named_first(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=10**7))
    check_disk(tmp_path, {"all that fits": 10**7})
    with pytest.raises(RunError, match="all that and a byte"):
        check_disk(tmp_path, {"all that and a byte": 10**7 + 1})
    needs = {"small": 2 * 10**6, "nothing": 0, "large": 9 * 10**6, "middle": 4 * 10**6}
    check_disk(tmp_path, needs, there=5 * 10**6)
    with pytest.raises(RunError, match=r"needs about 11 MB .* 10 MB are free.*\(large 9 MB, middle 4 MB, small 2 MB\)"):
        check_disk(tmp_path, needs, there=4 * 10**6)


def test_what_is_on_the_disk_already_is_not_needed_again(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=free))
    free, stages = 10**9, [Stage("a", 2, CrossEntropy())]
    with pytest.raises(KeyboardInterrupt):
        make_loop(folder=tmp_path, interrupted=StopAfter(7)).run(stages)
    size = sum(value.numel() * value.element_size() for value in Plain().state_dict().values())
    there = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    free = 2 * 4 * size + size + 2 * ROWS * 3 * 4 + 10**6 - there - 1
    with pytest.raises(RunError, match="the run needs about"):
        make_loop(folder=tmp_path, beside={"tables": 10**6}).run(stages, resume=True)
    free += 1
    make_loop(folder=tmp_path, beside={"tables": 10**6}).run(stages, resume=True)


def frozen_then_whole(epochs=2):
    return [
        Stage("probe", epochs, CrossEntropy(), frozen=True),
        Stage("tune", epochs, CrossEntropy(), start="last"),
    ]


def test_a_frozen_stage_leaves_encoder_and_its_counts_and_trains_the_rest(steps):
    torch.manual_seed(torch_seed(0, 0, 0))
    start, (probe, tune) = weights(WithEncoder()), frozen_then_whole()
    probed, _ = make_loop(WithEncoder, learning_rate=1e-5).run([probe])
    del steps[:]
    tuned, _ = make_loop(WithEncoder, learning_rate=1e-5).run([probe, tune])
    before, after = weights(probed), weights(tuned)
    for name, value in start.items():
        key, of_encoder = f"networks.0.{name}", name.startswith("encoder")
        assert torch.equal(before[key], value) == of_encoder, name
        assert not torch.equal(after[key], before[key]), name
    assert (probed.frozen, tuned.frozen) == (True, False)
    assert all(parameter.requires_grad for parameter in tuned.parameters())
    rates = [rate for rate, _ in steps]
    assert max(rates[:10]) == HEAD_RATE
    assert max(rates[10:]) == 1e-5
    trained = [sum(len(group["params"]) for group in groups) for _, groups in steps]
    assert trained == [2] * 10 + [6] * 10


def test_a_stage_after_a_frozen_one_goes_on_with_its_weights():
    """The network is made anew, since what trains changes; a stage of no epoch shows what it starts with."""
    probe = Stage("probe", 1, CrossEntropy(), frozen=True)
    probed, _ = make_loop(WithEncoder).run([probe])
    tuned, _ = make_loop(WithEncoder).run([probe, Stage("tune", 0, CrossEntropy(), start="last")])
    assert_same_weights(weights(probed), weights(tuned))


def test_a_run_that_is_not_continued_begins_anew_where_another_left_its_checkpoint(tmp_path):
    stages = [Stage("a", 1, CrossEntropy())]
    wanted, _ = make_loop(seed=1).run(stages)
    make_loop(folder=tmp_path).run(stages)
    found, _ = make_loop(folder=tmp_path, seed=1).run(stages)
    assert_same_weights(weights(wanted), weights(found))


def test_a_frozen_encoder_drops_nothing():
    branches = make_branches(WithEncoder, 1, shared=False)
    assert branches.train().networks[0].encoder.training  # it does as long as it trains
    branches.freeze()
    inputs = {"features": torch.randn(7, FEATURES)}
    first, second = (branches.train()(inputs)[0] for _ in range(2))
    assert torch.equal(first, second)
    assert branches.training
    assert not branches.networks[0].encoder.training


def test_a_network_without_an_encoder_trains_whole(steps):
    loop = make_loop(Plain, learning_rate=1e-5)
    frozen, _ = loop.run(frozen_then_whole())
    plain, _ = make_loop(Plain, learning_rate=1e-5).run([replace(one, frozen=False) for one in frozen_then_whole()])
    assert_same_weights(weights(frozen), weights(plain))
    assert max(rate for rate, _ in steps) == 1e-5


def test_the_last_layer_trains_where_it_lies_in_the_encoder():
    class AllOfIt(Plain):
        @property
        def encoder(self):
            return self.layers

    branches = make_branches(AllOfIt, 2, shared=False)
    branches.freeze()
    trained = [name for name, parameter in branches.named_parameters() if parameter.requires_grad]
    assert trained == [f"networks.{k}.layers.3.{part}" for k in (0, 1) for part in ("weight", "bias")]


@pytest.mark.parametrize("after", [2, 7, 10, 12, 18])
def test_stopped_in_or_after_a_frozen_stage_and_continued(after, tmp_path):
    """Ten steps are of the frozen stage."""
    whole, record = make_loop(WithEncoder).run(frozen_then_whole())
    with pytest.raises(KeyboardInterrupt):
        make_loop(WithEncoder, folder=tmp_path, interrupted=StopAfter(after)).run(frozen_then_whole())
    network, other = make_loop(WithEncoder, folder=tmp_path).run(frozen_then_whole(), resume=True)
    assert_same_weights(weights(whole), weights(network))
    np.testing.assert_array_equal(other.loss, record.loss)
