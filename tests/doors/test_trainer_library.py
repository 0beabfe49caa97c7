"""A NoisyTrainer with the real things: a transformer, a tokenizer, Hub data sets, adapters, and what reads its run."""

import json
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
import torch
from patience import PATIENCE
from review.client import Client
from sklearn.metrics import roc_auc_score
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
    logging,
)

from mislabel.doors.views import strong_view_of
from mislabel.hf import NoisyTrainer
from mislabel.modalities.text.batches import TextInputs
from mislabel.review.server import Server
from mislabel.review.session import Session
from mislabel.run.folder import RunFolder

pytestmark = pytest.mark.slow

NAMES = ["apple", "boat", "cloud"]


@pytest.fixture(scope="module", autouse=True)
def quiet():
    logging.set_verbosity_error()
    logging.disable_progress_bar()


@pytest.fixture(scope="module")
def frame(make_toy):
    return make_toy(90, 0.2)


@pytest.fixture(scope="module")
def tokenizer(tiny_encoder):
    return AutoTokenizer.from_pretrained(tiny_encoder)


@pytest.fixture(scope="module")
def rows(frame, tokenizer):
    tokens = tokenizer(frame["text"].tolist())["input_ids"]
    parts = zip(frame["id"], frame["text"], tokens, frame["label"], strict=True)
    return [{"id": id, "text": text, "input_ids": ids, "label": NAMES.index(label)} for id, text, ids, label in parts]


@pytest.fixture
def build(tiny_encoder):
    def build():
        torch.manual_seed(0)
        return AutoModelForSequenceClassification.from_pretrained(
            tiny_encoder, num_labels=3, id2label=dict(enumerate(NAMES))
        )

    return build


@pytest.fixture
def train(build, tokenizer, tmp_path):
    def train(method, dataset, *, model=None, more=None, **args):
        settings = {
            "per_device_train_batch_size": 8, "num_train_epochs": 4, "learning_rate": 1e-3, "report_to": [],
            "use_cpu": True, "save_strategy": "no", "logging_strategy": "no", "disable_tqdm": True,
            "dataloader_pin_memory": False,
        }  # fmt: skip
        arguments = TrainingArguments(str(tmp_path / "trainer"), **settings | args)
        trainer = NoisyTrainer(
            model or build(), arguments, train_dataset=dataset, processing_class=tokenizer, method=method, **more or {}
        )
        trainer.train()
        return trainer

    return train


def auroc(trainer, frame):
    wrong = (frame["label"] != frame["gold"]).to_numpy()
    return roc_auc_score(wrong, trainer.audit().table.sort_values("row")["p_mislabeled"])


def test_strong_views_mask_what_our_own_loop_masks(frame, tokenizer):
    inputs = TextInputs(frame["text"].tolist(), tokenizer)
    batch = inputs.batch(np.arange(20))
    torch.manual_seed(3)
    own = inputs.strong_view(batch)
    torch.manual_seed(3)
    changed = strong_view_of(tokenizer)(batch)
    assert torch.equal(changed["input_ids"], own["input_ids"])
    assert not torch.equal(changed["input_ids"], batch["input_ids"])


def test_ido_finds_wrong_labels_and_its_run_is_read(train, rows, frame, tmp_path, mislabel):
    trainer = train("ido", rows, num_train_epochs=7)
    assert auroc(trainer, frame) > 0.95
    trainer.save_run(tmp_path / "run")
    report = mislabel("report", tmp_path / "run")
    assert report.exit_code == 0, report.stderr
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    worst = trainer.audit().worst(1).iloc[0]
    assert worst["id"] in page
    assert frame.set_index("id").loc[worst["id"], "text"] in page
    frame[["id", "text", "label"]].to_csv(tmp_path / "data.csv", index=False)
    out = tmp_path / "corrected.csv"
    exported = mislabel(
        "export",
        tmp_path / "run",
        "--data",
        tmp_path / "data.csv",
        "--take-suggestions",
        "0.9",
        "--unchecked",
        "-o",
        out,
    )
    assert exported.exit_code == 0, exported.stderr
    table = trainer.audit().table.set_index("id")
    taken = table[(table["p_mislabeled"] >= 0.9) & (table["suggested_label"] != table["given_label"])]
    after = pd.read_csv(out).set_index("id")
    assert len(taken) > 5
    assert after["label"][taken.index].tolist() == taken["suggested_label"].tolist()


def test_its_rows_are_reviewed(train, rows, frame, tmp_path):
    """The first row of a review shows its text, and what a person decides of it goes into the next audit."""
    trainer = train("ce", rows, num_train_epochs=2)
    trainer.save_run(tmp_path / "run")
    with closing(Session(RunFolder(tmp_path / "run"))) as session:
        server = Server(session)
        client, thread = Client(server), server.start()
        first = client.get("api/next")[1]["row"]
        decided = client.decide([first["row"]], "keep")[0]
        client.connection.close()
        server.stop()
        thread.join(timeout=PATIENCE)
    worst = trainer.audit().worst(1).iloc[0]
    assert decided == 200
    assert (first["id"], first["text"]) == (worst["id"], frame.set_index("id").loc[worst["id"], "text"])
    again = trainer.audit(decisions=tmp_path / "run").table.set_index("id")
    assert again.loc[worst["id"], "status"] == "decided"
    assert again.loc[worst["id"], "p_mislabeled"] == 0


@pytest.mark.parametrize("method", ["mixup", "selfmix"])
def test_embeddings_of_texts_are_mixed(train, rows, frame, method):
    trainer = train(method, rows, num_train_epochs=6)
    assert auroc(trainer, frame) > 0.75


def test_tokens_are_shown_where_there_are_no_texts(train, rows, frame, tmp_path):
    trainer = train(None, [{name: row[name] for name in ("input_ids", "label")} for row in rows], num_train_epochs=1)
    trainer.save_run(tmp_path / "run")
    shown = pd.read_parquet(tmp_path / "run" / "inputs.parquet")["input"]
    assert shown.tolist() == frame["text"].tolist()


@pytest.mark.parametrize("columns", ["all", "shuffled"])
def test_a_hub_data_set(train, rows, frame, columns):
    datasets = pytest.importorskip("datasets")
    dataset = datasets.Dataset.from_list(rows)
    if columns == "shuffled":
        dataset = dataset.shuffle(seed=1)
        frame = frame.set_index("id").loc[list(dataset["id"])].reset_index()
    trainer = train("elr", dataset)
    assert auroc(trainer, frame) > 0.75
    assert set(trainer.audit().table["id"]) == set(frame["id"])
    plain = train("elr", rows)
    if columns == "all":
        np.testing.assert_array_equal(trainer.record.dynamics.prediction, plain.record.dynamics.prediction)


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # peft's own
def test_an_adapter(train, build, rows, frame):
    peft = pytest.importorskip("peft")
    model = peft.get_peft_model(build(), peft.LoraConfig(task_type="SEQ_CLS", r=4))
    frozen = {name: value.clone() for name, value in model.named_parameters() if not value.requires_grad}
    trainer = train("ido", rows, model=model, num_train_epochs=7, learning_rate=1e-2)
    assert auroc(trainer, frame) > 0.9
    now = dict(model.named_parameters())
    assert all(torch.equal(now[name], value) for name, value in frozen.items())
    assert set(trainer.record.selected) < set(model.state_dict())
    assert len(trainer.record.selected) < 20
    model = peft.get_peft_model(build(), peft.LoraConfig(task_type="SEQ_CLS", r=4))
    mixed = train("mixup", rows, model=model, num_train_epochs=7, learning_rate=1e-2)
    assert auroc(mixed, frame) > 0.75


def test_a_collator_of_ones_own_and_workers(train, rows, tokenizer):
    seen = []

    class Collator(DataCollatorWithPadding):
        def __call__(self, features):
            seen.append(set(features[0]))
            return super().__call__(features)

    train(None, rows, num_train_epochs=1, more={"data_collator": Collator(tokenizer)})
    assert seen
    assert set().union(*seen) == {"input_ids", "label"}  # and no number of a row


def test_logs_and_steps_are_those_of_a_plain_trainer(train, build, rows, tokenizer, tmp_path):
    plain = Trainer(
        build(), train(None, rows, num_train_epochs=1, logging_steps=1, logging_strategy="steps").args,
        train_dataset=[{name: row[name] for name in ("input_ids", "label")} for row in rows],
        processing_class=tokenizer,
    )  # fmt: skip
    plain.train()
    own = train("ce", rows, num_train_epochs=1, logging_steps=1, logging_strategy="steps")
    losses = [[line["loss"] for line in each.state.log_history if "loss" in line] for each in (plain, own)]
    assert len(losses[0]) == 12
    np.testing.assert_allclose(losses[0], losses[1], atol=1e-4)


def test_a_run_says_how_it_was_trained(train, rows, tmp_path):
    train("gce", rows, num_train_epochs=2).save_run(tmp_path / "run", content=False)
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["settings"]["method"] == "gce"
    assert config["settings"]["epochs"] == 2
    assert config["data"]["classes"] == NAMES
    assert not (tmp_path / "run" / "inputs.parquet").exists()
