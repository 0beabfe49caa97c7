"""A Trainer with a method takes the steps of our own loop, and without one those of a plain Trainer."""

import copy
from itertools import chain

import numpy as np
import pytest
import torch
from small_loop import CLASSES, ROWS, Plain, assert_same_weights, data, make_loop, weights
from torch import nn
from torch.utils.data import Dataset, IterableDataset, Sampler
from transformers import EarlyStoppingCallback, Trainer, TrainerCallback, TrainingArguments

from mislabel.audit import Audit
from mislabel.doors.course import course_of, possible
from mislabel.errors import InputError, RunError
from mislabel.hf import NoisyTrainer
from mislabel.methods import METHODS
from mislabel.modalities.vectors import FeatureInputs
from mislabel.run.reading import Run
from mislabel.training import steps

pytestmark = pytest.mark.slow

BATCH = 8
LABELS = data()[1]


class Classifier(nn.Module):
    """`Plain` as a Trainer calls it."""

    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, features, labels=None):
        logits = self.body({"features": features})
        if labels is None:
            return {"logits": logits}
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def classifier():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Classifier(Plain())


def rows():
    """40 rows, as dicts, with a key that no model takes."""
    matrix, labels = data()
    return [
        {"id": f"id{k}", "features": matrix[k], "label": int(labels[k]), "remark": "none"} for k in range(len(matrix))
    ]


class Pairs(Dataset):
    """A torch data set whose items are no dicts."""

    def __len__(self):
        return ROWS

    def __getitem__(self, number):
        return data()[0][number], int(LABELS[number])


def stacked(pairs):
    return {"features": torch.tensor(np.stack([x for x, _ in pairs])), "labels": torch.tensor([y for _, y in pairs])}


def halved(batch):
    return {**batch, "features": batch["features"] / 2}


@pytest.fixture
def arguments(tmp_path):
    def make(**chosen):
        settings = {
            "per_device_train_batch_size": BATCH, "num_train_epochs": 3, "learning_rate": 0.01, "report_to": [],
            "use_cpu": True, "save_strategy": "no", "logging_strategy": "no", "disable_tqdm": True,
            "dataloader_pin_memory": False, "lr_scheduler_type": "constant",
        }  # fmt: skip
        return TrainingArguments(str(tmp_path / "trainer"), **settings | chosen)

    return make


@pytest.fixture
def trained(arguments):
    """Makes a trainer and trains it."""

    def train(method, *, model=None, train_dataset=None, resume=None, callbacks=None, options=None, more=None, **args):
        trainer = NoisyTrainer(
            model or classifier(), arguments(**args), train_dataset=train_dataset or rows(), method=method,
            options=options, strong_view=halved, callbacks=callbacks, **(more or {}),
        )  # fmt: skip
        trainer.train(resume_from_checkpoint=resume)
        return trainer

    return train


# --- As a plain Trainer


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("method", [None, "ce"])
def test_plain_training_takes_the_steps_of_a_plain_trainer(arguments, trained, method, accumulate):
    model = classifier()
    args = {"gradient_accumulation_steps": accumulate, "per_device_train_batch_size": 10}  # all batches as large
    kept = [{name: row[name] for name in ("features", "label")} for row in rows()]
    Trainer(model, arguments(**args), train_dataset=kept).train()
    trainer = trained(method, **args)
    assert_same_weights(weights(model), weights(trainer.model), rtol=0, atol=1e-6)


def test_batches_of_one_step_count_by_their_rows(trained):
    """Batches of 12, 12, 12 and 4 rows, two a step: the second step is one on 16 rows."""
    order = np.random.default_rng(0).permutation(ROWS)
    trainer = trained("gce", per_device_train_batch_size=12, gradient_accumulation_steps=2, num_train_epochs=1,
                      optim="sgd", max_grad_norm=0, train_sampling_strategy="sequential",
                      train_dataset=[rows()[k] for k in order])  # fmt: skip
    model, (matrix, labels) = classifier(), data()
    q = 0.7
    for part in (order[:24], order[24:]):
        p = model(torch.tensor(matrix[part]))["logits"].softmax(-1)[torch.arange(len(part)), labels[part]]
        loss = ((1 - p**q) / q).mean()
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= 0.01 * parameter.grad
    assert_same_weights(weights(model), weights(trainer.model), rtol=0, atol=1e-6)


# --- As our own loop


class Orders(Sampler):
    """The same rows in the same order as `batch_rows` gives our own loop."""

    def __init__(self):
        self.epoch = 0

    def __len__(self):
        return ROWS

    def __iter__(self):
        self.epoch += 1
        return chain.from_iterable(batch.tolist() for batch in drawn(self.epoch - 1))


def drawn(epoch):
    order = np.random.default_rng(epoch).permutation(ROWS)
    return [order[begin : begin + BATCH] for begin in range(0, ROWS, BATCH)]


class Seeds(TrainerCallback):
    """Each epoch begins with the random numbers of our own loop, after the data loader has drawn what it needs."""

    def __init__(self, course):
        self.course, self.epoch = course, -1

    def on_step_begin(self, args, state, control, **rest):
        if state.epoch >= self.epoch + 1 or self.epoch < 0:
            self.epoch += 1
            number, within = self.course.at(self.epoch)
            torch.manual_seed(steps.torch_seed(0, number, within + 1))


@pytest.mark.parametrize("method", sorted(possible()))
def test_a_method_takes_the_steps_of_our_own_loop(monkeypatch, arguments, method):
    """On the same batches there are the same wrong events, losses, selected weights and final weights."""
    stages = METHODS[method].make().stages()
    epochs = sum(stage.epochs for stage in stages)
    before = [sum(stage.epochs for stage in stages[:number]) for number in range(len(stages))]
    monkeypatch.setattr(FeatureInputs, "strong_view", lambda self, batch: halved(batch))
    monkeypatch.setattr(
        steps, "shuffled_batches", lambda lengths, size, seed, smallest: drawn(before[seed[1]] + seed[2])
    )
    start = classifier()
    loop = make_loop(lambda: copy.deepcopy(start.body), warmup=0.0, floor=0.01, weight_decay=0.0)
    network, dynamics = loop.run(stages)

    monkeypatch.setattr(NoisyTrainer, "_get_train_sampler", lambda self, dataset=None: Orders())
    trainer = NoisyTrainer(
        start, arguments(num_train_epochs=epochs), train_dataset=rows(), method=method, strong_view=halved,
        callbacks=[Seeds(course_of(method, {}, epochs))],
    )  # fmt: skip
    trainer.train()
    np.testing.assert_array_equal(trainer.record.dynamics.prediction, dynamics.prediction)
    np.testing.assert_allclose(trainer.record.dynamics.loss, dynamics.loss, atol=1e-4)
    selected = [[line.get("selected_epoch") for line in lines] for lines in (trainer.record.lines, loop.history.epochs)]
    assert selected[0] == selected[1]
    assert_same_weights(weights(network.networks[0]), weights(trainer.model.body), rtol=0, atol=1e-4)
    judged = METHODS[method].make().posterior(stages, dynamics, LABELS, trainer.training_probabilities())
    np.testing.assert_allclose(trainer.audit().posterior, judged.probabilities, atol=1e-4)


def test_the_rate_stays_where_epochs_are_compared_and_falls_after(trained):
    rates = []

    class Rates(TrainerCallback):
        def on_step_begin(self, args, state, control, optimizer=None, **rest):
            rates.append(optimizer.param_groups[0]["lr"] / args.learning_rate)

    trained("ido", num_train_epochs=5, lr_scheduler_type="linear", warmup_steps=4, callbacks=[Rates()])
    per_epoch = ROWS // BATCH
    rising, falling = [0, 0.25, 0.5, 0.75], 1 - np.arange(2 * per_epoch) / (2 * per_epoch)
    np.testing.assert_allclose(rates, [*rising, *[1] * (3 * per_epoch - 4), *falling])


# --- Rows, ids, and what a run holds


@pytest.mark.parametrize("kind", ["dicts", "pairs", "unused columns kept"])
def test_any_map_style_data_set(trained, kind):
    if kind == "pairs":
        trainer = trained(None, train_dataset=Pairs(), more={"data_collator": stacked, "labels": LABELS})
    elif kind == "dicts":
        trainer = trained(None)
    else:
        kept = [{name: row[name] for name in ("features", "label")} for row in rows()]
        trainer = trained(None, train_dataset=kept, remove_unused_columns=False)
    assert (trainer.record.dynamics.prediction >= 0).all()
    ids = trainer.audit().table["id"]
    assert set(ids) == ({f"id{k}" for k in range(ROWS)} if kind == "dicts" else set(range(ROWS)))


def test_a_row_is_recorded_under_its_own_number(trained):
    """With a learning rate of 0 all passes say what the model says of each row, whatever their order was."""
    trainer = trained(None, learning_rate=0.0)
    logits = classifier()(torch.tensor(data()[0]))["logits"]
    expected = logits.argmax(-1).numpy()
    np.testing.assert_array_equal(trainer.record.dynamics.prediction, np.tile(expected, (3, 1)))
    np.testing.assert_allclose(trainer.training_probabilities(), logits.softmax(-1).detach().numpy(), atol=1e-6)
    loss = nn.functional.cross_entropy(logits, torch.tensor(LABELS), reduction="none").detach().numpy()
    np.testing.assert_allclose(trainer.record.dynamics.loss, np.tile(loss, (3, 1)), atol=1e-5)


def test_a_run_is_saved_and_read(trained, tmp_path):
    trainer = trained("ido", num_train_epochs=3, more={"classes": ["red", "green", "blue"]})
    audit = trainer.audit()
    assert isinstance(audit, Audit)
    trainer.save_run(tmp_path / "run")
    run = Run.open(tmp_path / "run")
    np.testing.assert_array_equal(run.result().posterior, audit.posterior)
    assert run.rows.classes == ["red", "green", "blue"]
    assert (run.method, run.modality, run.metrics["rows"]) == ("ido", "features", ROWS)  # shown are probabilities
    assert run.mixture is not None
    assert [line["stage"] for line in run.metrics["epochs"]] == ["warm", "warm", "robust"]
    assert sorted(run.rows.ids.take(run.trained()).to_pylist()) == sorted(f"id{k}" for k in range(ROWS))
    with pytest.raises(InputError, match="not empty"):
        trainer.save_run(tmp_path / "run")


@pytest.mark.parametrize("method", [None, "sop", "gce", "lccn"])
def test_rows_that_no_pass_saw_are_not_judged(trained, method):
    options = {"warm_epochs": 1, "epochs": 1} if method == "sop" else None
    if method == "lccn":
        with pytest.raises(InputError, match="takes 2"):
            trained(method, max_steps=2)
        return
    trainer = trained(method, max_steps=2, options=options)  # 16 of 40 rows
    table = trainer.audit().table
    assert table["status"].value_counts().to_dict() == {"judged": 16, "held_out": 24}
    assert any("no pass saw" in note and "24" in note for note in trainer.audit().notes)
    assert table.loc[table["status"] == "judged", "p_mislabeled"].between(0, 1).all()


def test_rows_that_some_passes_missed_are_judged_by_the_others(trained):
    trainer = trained(None, per_device_train_batch_size=12, dataloader_drop_last=True, num_train_epochs=4)
    dynamics = trainer.record.dynamics
    seen = dynamics.prediction >= 0
    assert (seen.sum(1) == 36).all()
    table = trainer.audit().table.set_index("row").sort_index()
    judged = seen.any(0)
    assert table["observations"][judged].tolist() == seen.sum(0)[judged].tolist()
    right = 1 - table["p_mislabeled"][judged].to_numpy(dtype=float)
    mean = np.nanmean(np.exp(-dynamics.loss[:, judged].astype(float)), axis=0)
    np.testing.assert_allclose(right, mean, atol=1e-5)


def test_labels_under_a_name_of_ones_own(trained):
    class Targets(Classifier):
        def forward(self, features, target=None):
            return super().forward(features, target)

    renamed = [{"features": row["features"], "target": row["label"]} for row in rows()]
    trainer = trained("gce", model=Targets(classifier().body), train_dataset=renamed, label_names=["target"])
    plain = trained("gce")
    assert_same_weights(weights(trainer.model), weights(plain.model))


# --- Checkpoints


@pytest.mark.parametrize("stop", [5, 7, 15, 21])  # after an epoch, within one, after stage 1, within stage 2
def test_a_resumed_training_is_the_same(trained, stop):
    args = {"num_train_epochs": 5, "save_strategy": "steps", "save_steps": stop, "save_total_limit": 1}
    whole = trained("ido", **args | {"save_strategy": "no"})

    class Stop(TrainerCallback):
        def on_step_end(self, args, state, control, **rest):
            control.should_training_stop = state.global_step == stop

    trained("ido", callbacks=[Stop()], **args)
    again = trained("ido", resume=True, **args | {"save_strategy": "no"})
    np.testing.assert_array_equal(again.record.dynamics.prediction, whole.record.dynamics.prediction)
    assert_same_weights(weights(whole.model), weights(again.model), rtol=0, atol=1e-6)


def test_tables_of_a_loss_are_in_the_checkpoint(trained):
    args = {"num_train_epochs": 4, "save_strategy": "epoch"}
    whole = trained("elr", **args)
    again = trained("elr", resume=f"{whole.args.output_dir}/checkpoint-10", **args | {"save_strategy": "no"})
    assert_same_weights(weights(whole.model), weights(again.model), rtol=0, atol=1e-6)


def test_a_checkpoint_of_another_method_is_refused(trained):
    whole = trained("elr", num_train_epochs=1, save_strategy="epoch")
    with pytest.raises(RunError, match="method was elr and is now gce"):
        trained("gce", num_train_epochs=1, resume=f"{whole.args.output_dir}/checkpoint-5")


def test_the_selected_weights_stay_where_the_method_ends_with_them(trained):
    trainer = trained("ce", options={"stop": "label_wave"}, num_train_epochs=4)
    chosen = trainer.record.lines[-1]["selected_epoch"]
    kept = trained("ce", num_train_epochs=chosen)
    assert_same_weights(weights(kept.model), weights(trainer.model), rtol=0, atol=1e-6)


# --- As ever


def test_evaluation_and_early_stopping_work_as_ever(trained):
    trainer = trained(
        "gce", num_train_epochs=6, eval_strategy="epoch", save_strategy="epoch", learning_rate=0.0,
        load_best_model_at_end=True, metric_for_best_model="eval_loss", callbacks=[EarlyStoppingCallback(1)],
        more={"eval_dataset": [{name: row[name] for name in ("features", "label")} for row in rows()]},
    )  # fmt: skip
    assert trainer.record.epoch == trainer.record.dynamics.done == 2
    assert trainer.audit().metrics["rows"] == ROWS
    logits = trainer.model(torch.tensor(data()[0]))["logits"]
    expected = nn.functional.cross_entropy(logits, torch.tensor(LABELS)).detach()
    assert trainer.evaluate()["eval_loss"] == pytest.approx(float(expected), abs=1e-5)


def test_bfloat16(trained):
    trainer = trained("ido", num_train_epochs=3, bf16=True)
    assert np.isfinite(trainer.record.dynamics.loss).all()
    assert np.isfinite(trainer.audit().posterior).all()


def test_classes_are_balanced(trained):
    """Each class weighs the same: with a rate so small that the weights hardly move, the losses are known."""
    seen = []

    class Weighed(NoisyTrainer):
        def compute_loss(self, *arguments, **more):
            loss = super().compute_loss(*arguments, **more)
            seen.append(float(loss.detach()))
            return loss

    model, few = classifier(), [row for row in rows() if row["label"] or int(row["id"][2:]) % 3 == 0]
    trainer = Weighed(
        model, trained("ce", num_train_epochs=1).args, train_dataset=few, method="ce", balance="classes"
    )  # fmt: skip
    trainer.args.learning_rate, trainer.args.per_device_train_batch_size = 0.0, len(few)
    trainer._train_batch_size = len(few)
    trainer.train()
    labels = np.array([row["label"] for row in few])
    each = nn.functional.cross_entropy(
        classifier()(torch.tensor(np.stack([row["features"] for row in few])))["logits"], torch.tensor(labels),
        reduction="none",
    ).detach().numpy()  # fmt: skip
    assert seen == [pytest.approx(np.mean([each[labels == code].mean() for code in range(CLASSES)]), rel=1e-5)]


# --- What is refused


class Stream(IterableDataset):
    def __iter__(self):
        return iter(rows())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"train_dataset": Stream()}, "Stream, whose rows have no positions"),
        ({"train_dataset": None}, "no train_dataset was given"),
        ({"train_dataset": []}, "has no rows"),
        ({"method": "idp"}, 'did you mean "ido"'),
        ({"method": "ido", "strong_view": None}, "give strong_view="),
        ({"options": {"warm_epochs": 2, "robust_epochs": 2}}, "comes to 3 epochs and method 'ido' takes 4"),
        ({"method": None, "options": {"epochs": 2}}, "without a method"),
        ({"ids": "name"}, "have no 'name'; there is id, features, label, remark"),
        ({"classes": ["a", "b"]}, "rows have none of the codes 0 to 1"),
        ({"labels": [0, 1]}, "2 were given for 40 rows"),
        ({"compute_loss_func": lambda *parts, **more: None}, "brings a loss of its own"),
    ],
)
def test_what_cannot_be_used_is_refused(arguments, given, said):
    given = {"train_dataset": rows(), "strong_view": halved} | given
    with pytest.raises(InputError, match=said):
        NoisyTrainer(classifier(), arguments(), **given)


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("co_teaching", "trains 2 networks side by side"),
        ("npc", "records embeddings"),
        ("turn", "trains with the encoder frozen"),
        ("sed", "learns from a mean of the weights"),
        ("disc", "learns from what the last layer reads"),
        ("forward", "starts again from new weights"),
        ("panel", "learns from what frozen embeddings say"),
        ("osa", "weighs rows by what a frozen model says"),
    ],
)
def test_a_method_that_asks_for_more_is_refused_with_what_it_asks_for(method, said):
    with pytest.raises(InputError, match=rf"method '{method}' {said}.*mislabel train --method {method}.*ce, .*ido"):
        course_of(method, {}, 5)


def test_nothing_is_known_before_training(arguments):
    trainer = NoisyTrainer(classifier(), arguments(), train_dataset=rows(), method="ce")
    with pytest.raises(InputError, match="call train"):
        trainer.audit()


@pytest.mark.parametrize("epochs", range(2, 12))
@pytest.mark.parametrize("method", sorted(possible()))
def test_epochs_are_shared_out(method, epochs):
    assert sum(stage.epochs for stage in course_of(method, {}, epochs).stages) == epochs


def test_epochs_that_are_named_stay():
    assert [stage.epochs for stage in course_of("ido", {"warm_epochs": 2}, 6).stages] == [2, 4]
    assert [stage.epochs for stage in course_of("ido", {}, 14).stages] == [8, 6]


def test_classes_in_an_order_of_their_own(arguments):
    """What is said of a row is the same, whatever the classes are called: only their names differ."""
    tables = {}
    for names in (["a", "b", "c"], ["c", "a", "b"]):
        trainer = NoisyTrainer(classifier(), arguments(), train_dataset=rows(), method="ido", strong_view=halved,
                               classes=names)  # fmt: skip
        trainer.train()
        audit, code = trainer.audit(), {name: number for number, name in enumerate(names)}
        assert audit.classes == names
        table = audit.table.sort_values("row")
        said = [[code[label] for label in table[column]] for column in ("given_label", "suggested_label")]
        tables[tuple(names)] = (*said, table["p_mislabeled"].tolist(), audit.posterior.tolist())
    first, second = tables.values()
    assert first == second


@pytest.mark.slow
def test_what_else_is_known_goes_into_the_audit(trained):
    trainer = trained("ce", num_train_epochs=4)
    gold = [f"{code}" for code in LABELS]
    with pytest.raises(InputError, match="gold"):
        trainer.audit(gold=gold[:5])
    trusted = [int(LABELS[k]) if k < 4 else None for k in range(ROWS)]
    audit = trainer.audit(features=data()[0], trusted=trusted, gold=LABELS)
    assert audit.table["status"].value_counts()["decided"] == 4
    assert audit.metrics["labels_related"] is not None or audit.metrics["agreement"]
    assert trainer.audit().metrics["agreement"] == {}
