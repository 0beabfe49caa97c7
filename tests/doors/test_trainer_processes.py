"""A NoisyTrainer in two processes (gloo) takes the steps of one, and both know the same of every row."""

import numpy as np
import pytest
from gloo import run_by_one_and_two

pytestmark = pytest.mark.slow

SCRIPT = """
import os, sys
import numpy as np, torch
from torch import nn
from transformers import TrainingArguments
from mislabel.hf import NoisyTrainer
from mislabel.training.device import leave_processes

class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(5, 8), nn.LayerNorm(8), nn.Tanh(), nn.Linear(8, 3))
    def forward(self, features, labels=None):
        return {"logits": self.layers(features)}

def halved(batch):
    return {**batch, "features": batch["features"] / 2}

def main():
    folder, processes = sys.argv[1], int(os.environ.get("WORLD_SIZE", "1"))
    random, found = np.random.default_rng(0), {}
    matrix, labels = random.normal(size=(38, 5)).astype(np.float32), random.integers(0, 3, 38)
    for method, count in (("ido", 36), ("elr", 36), ("ido", 38), ("elr", 38), ("m_correction", 38)):
        rows = [{"features": matrix[k], "label": int(labels[k])} for k in range(count)]
        arguments = TrainingArguments(
            f"{folder}/{method}-{count}-{processes}", per_device_train_batch_size=6 // processes, num_train_epochs=4,
            learning_rate=0.01, report_to=[], use_cpu=True, save_strategy="no", logging_strategy="no",
            disable_tqdm=True, dataloader_pin_memory=False, gradient_accumulation_steps=2, lr_scheduler_type="constant",
        )
        torch.manual_seed(0)
        trainer = NoisyTrainer(Classifier(), arguments, train_dataset=rows, method=method, strong_view=halved)
        trainer.train()
        audit, dynamics, name = trainer.audit(), trainer.record.dynamics, f"{method}-{count}"
        trainer.save_run(f"{arguments.output_dir}/run")
        found[f"{name}-weights"] = torch.cat([v.flatten() for v in trainer.model.state_dict().values()]).numpy()
        found[f"{name}-prediction"], found[f"{name}-loss"] = dynamics.prediction, dynamics.loss
        found[f"{name}-posterior"] = audit.posterior
        tables = trainer.record.stage.loss.tables.values()
        found[f"{name}-tables"] = torch.cat([torch.zeros(1), *(table.flatten() for table in tables)]).numpy()
    np.savez(f"{folder}/{processes}-{trainer.args.process_index}.npz", **found)

main()
leave_processes()
os._exit(0)  # as the command line leaves: threads of the process group can abort Python's own way out
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory, environment):
    """What one process has at the end, and what each of two has."""
    on_the_cpu = {**environment, "CUDA_VISIBLE_DEVICES": ""}
    return list(run_by_one_and_two(SCRIPT, tmp_path_factory.mktemp("gloo"), on_the_cpu).values())


@pytest.mark.parametrize("method", ["ido", "elr"])
def test_steps_are_those_of_one_process(found, method):
    one, first, _ = found
    np.testing.assert_array_equal(first[f"{method}-36-prediction"], one[f"{method}-36-prediction"])
    for what in ("weights", "loss", "tables", "posterior"):
        np.testing.assert_allclose(first[f"{method}-36-{what}"], one[f"{method}-36-{what}"], atol=2e-4)


@pytest.mark.parametrize("name", ["ido-36", "elr-36", "ido-38", "elr-38", "m_correction-38"])
def test_both_processes_know_the_same(found, name):
    """Of 38 rows the last batches are filled with rows of the first ones."""
    _, first, second = found
    for what in ("weights", "prediction", "loss", "tables", "posterior"):
        np.testing.assert_array_equal(first[f"{name}-{what}"], second[f"{name}-{what}"])
    assert (first[f"{name}-prediction"] >= 0).all()
