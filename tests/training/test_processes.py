"""The gradient of two processes is that of one: a network without dropout takes the same steps."""

import os

import numpy as np
import pytest
from gloo import run_by_one_and_two

pytestmark = pytest.mark.slow

SCRIPT = """
import os, sys
from dataclasses import replace
import numpy as np, torch
from torch import nn
from mislabel.modalities.vectors import FeatureInputs
from mislabel.methods.ce import CrossEntropy
from mislabel.methods.cosine import Cosine
from mislabel.methods.disc import DISC
from mislabel.methods.divide_mix import DivideMix
from mislabel.methods.elr import ELR
from mislabel.methods.lccn import LCCN
from mislabel.methods.nmtune import NMTune
from mislabel.methods.rlap import RLAP
from mislabel.methods.turn import TURN
from mislabel.methods.sed import SED
from mislabel.methods.selfmix import SelfMix
from mislabel.methods.unicon import Unicon
from mislabel.training.device import leave_processes
from mislabel.training.evaluation import held_back
from mislabel.training import parts
from mislabel.training.loop import Loop
from mislabel.training.reshaping import Reshaping
from mislabel.training.stages import Stage
from mislabel.training.training_settings import TrainingSettings

parts.BLOCK = 200  # bytes: two to twelve rows at once

class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(5, 8), nn.LayerNorm(8), nn.Tanh(), nn.Linear(8, 3))
    def forward(self, inputs):
        return self.layers(inputs["features"])

class Reshapable(Plain):
    def reshape(self):
        self.layers = nn.Sequential(Reshaping(5), nn.Linear(5, 3))
    def changed_logits(self, inputs, change):
        return self.layers(change(inputs["features"]))

class Layered(Plain):
    def layer_outputs(self, inputs, change):
        return [self.layers[:3](change(inputs["features"]))]

class WithIdleLayer(Plain):
    def __init__(self):
        super().__init__()
        layers = self.layers
        del self.layers  # the last linear layer is to stay the one that gives the logits
        self.idle, self.layers = nn.Linear(5, 4), layers

class WithEncoder(Plain):
    @property
    def encoder(self):
        return self.layers[:3]

class Heeding(CrossEntropy):
    def __call__(self, batch):
        return super().__call__(batch) + (batch.logits[:, 0] - batch.teacher).square().mean()

class Asked(CrossEntropy):
    def epoch_end(self, dynamics):
        if dynamics.asked is not None:
            self.asked = dynamics.asked

random = np.random.default_rng(0)
matrix, labels = random.normal(size=(38, 5)).astype(np.float32), random.integers(0, 3, 38)
settings = TrainingSettings(batch_size=6, accumulate=2, learning_rate=0.01, precision="fp32", device="cpu")


def main():
    loop = Loop(Plain, FeatureInputs(matrix), labels, np.arange(38), 3, settings)
    network, dynamics = loop.run([Stage("a", 3, CrossEntropy())])
    flat = torch.cat([value.flatten() for value in network.state_dict().values()]).numpy()
    kept = Loop(Plain, FeatureInputs(matrix), labels, np.arange(38), 3, settings)
    (stage,) = ELR(epochs=2).stages()
    _, other = kept.run([replace(stage, validation=0.2, evaluates=True)])
    targets = stage.loss.tables["targets"].numpy()
    (drawing,) = LCCN(warm_epochs=1, epochs=2).stages()
    Loop(Plain, FeatureInputs(matrix), labels, np.arange(38), 3, settings).run([drawing])
    latent, counts = drawing.loss.tables["latent"].numpy(), drawing.loss.counts
    turning = Loop(WithEncoder, FeatureInputs(matrix), labels, np.arange(38), 3, settings)
    turned, _ = turning.run(TURN(probe_epochs=2, epochs=2).stages())
    turned_weights = torch.cat([value.flatten() for value in turned.state_dict().values()]).numpy()
    divided = Loop(Plain, FeatureInputs(matrix), labels, np.arange(38), 3, settings)
    mixed, seen = divided.run(DivideMix(warm_epochs=1, epochs=2).stages())
    mixed_weights = torch.cat([value.flatten() for value in mixed.state_dict().values()]).numpy()
    trusted = np.arange(38) % 3 == 0  # parts of one to three rows: some hold trusted rows alone, some none
    told = Loop(Plain, FeatureInputs(matrix), labels, np.arange(38), 3, settings, trusted=trusted)
    taught, _ = told.run([Stage("a", 3, CrossEntropy(), branches=2)])
    taught_weights = torch.cat([value.flatten() for value in taught.state_dict().values()]).numpy()
    uneven = np.where(np.arange(38) % 5 > 1, 0, labels)  # most rows are of class 0
    weighed = replace(settings, balance="classes")
    even = Loop(Plain, FeatureInputs(matrix), uneven, np.arange(38), 3, weighed, trusted=trusted)
    balanced, _ = even.run([Stage("a", 3, CrossEntropy(), branches=2)])
    balanced_weights = torch.cat([value.flatten() for value in balanced.state_dict().values()]).numpy()
    both = Loop(Plain, FeatureInputs(matrix), labels, np.arange(38), 3, settings, trusted=trusted)
    divided_trusted, _ = both.run(DivideMix(warm_epochs=1, epochs=2).stages())
    trusted_mixed = torch.cat([value.flatten() for value in divided_trusted.state_dict().values()]).numpy()
    idle = Loop(WithIdleLayer, FeatureInputs(matrix), labels, np.arange(38), 3, settings)
    with_idle, _ = idle.run([Stage("a", 3, CrossEntropy(), branches=2)])
    idle_weights = torch.cat([value.flatten() for value in with_idle.state_dict().values()]).numpy()
    heads = Loop(Plain, FeatureInputs(matrix), labels, np.arange(38), 3, settings)
    shared, _ = heads.run([Stage("a", 3, CrossEntropy(), branches=3, shared=True), Stage("b", 1, CrossEntropy())])
    searched = [getattr(each._model, "find_unused_parameters", None) for each in (loop, idle, heads, divided)]
    alone = Loop(Plain, FeatureInputs(matrix), labels, np.arange(38), 3, settings)
    # Every row counts, and pairs, which are those of a process, do not: two processes then take the steps of one.
    itself, _ = alone.run(Cosine(warm_epochs=2, epochs=2, threshold=0, contrast_weight=0).stages())
    itself_weights = torch.cat([value.flatten() for value in itself.state_dict().values()]).numpy()
    steady = Loop(Plain, FeatureInputs(matrix), labels, np.arange(38), 3, settings)
    heeding, _ = steady.run([Stage("a", 3, Heeding(), teacher=0.8)])
    heeding_weights = torch.cat([value.flatten() for value in heeding.state_dict().values()]).numpy()
    holding = replace(settings, noise_stability=1.0)
    held = Loop(Layered, FeatureInputs(matrix), labels, np.arange(38), 3, holding)
    calm, _ = held.run([Stage("a", 3, CrossEntropy())])
    together, known = [torch.cat([value.flatten() for value in calm.state_dict().values()]).numpy()], []
    for method in (
        Cosine(warm_epochs=1, epochs=2), SelfMix(warm_epochs=1, epochs=2), Unicon(epochs=2),
        SED(warm_epochs=1, epochs=3), DISC(warm_epochs=1, epochs=2), NMTune(epochs=2), RLAP(epochs=1, tune_epochs=2),
    ):
        each = Loop(Reshapable, FeatureInputs(matrix), labels, np.arange(38), 3, settings, trusted=trusted)
        stages = method.stages()
        end, _ = each.run(stages)
        known += [table.flatten().numpy() for table in stages[-1].loss.tables.values()]
        known += [np.ravel(value) for value in stages[-1].loss.state().values()]
        together.append(torch.cat([value.flatten() for value in end.state_dict().values()]).numpy())
    looked = Loop(Reshapable, FeatureInputs(matrix), labels, np.arange(38), 3, settings)
    tuning = RLAP(epochs=2, tune_epochs=2, pruned=1 / 3).stages()
    pruned, _ = looked.run(tuning)
    pruned_weights = torch.cat([value.flatten() for value in pruned.state_dict().values()]).numpy()
    right = tuning[-1].loss.tables["right"].numpy()
    patient, asked = Loop(Plain, FeatureInputs(matrix), labels, np.arange(38), 3, settings, waiting=trusted), Asked()
    waited, patience = patient.run([Stage("a", 3, asked, waits=2)])
    waited_weights = torch.cat([value.flatten() for value in waited.state_dict().values()]).numpy()
    rank, processes = loop.accelerator.process_index, loop.accelerator.num_processes
    losses = np.array([line["loss"] for line in loop.history.epochs])
    np.savez(f"{sys.argv[1]}/{processes}-{rank}.npz", weights=flat, prediction=dynamics.prediction,
             loss=dynamics.loss, margin=dynamics.margin, losses=losses, targets=targets,
             latent=latent, counts=counts, turned_weights=turned_weights,
             held=held_back(labels, 0.2, [0, 0]), held_prediction=other.prediction, evaluation=other.evaluation,
             taught_weights=taught_weights, trusted_mixed=trusted_mixed, balanced_weights=balanced_weights,
             idle_weights=idle_weights, searched=np.array(searched, dtype=object).astype(str),
             mixed_weights=mixed_weights, mixed_prediction=seen.prediction,
             itself_weights=itself_weights, together=np.concatenate(together),
             pruned_weights=pruned_weights, right=right, heeding_weights=heeding_weights,
             waited_weights=waited_weights, waited_prediction=patience.prediction, said=asked.asked[0],
             embeddings=asked.asked[1], known=np.concatenate(known))

main()
leave_processes()
os._exit(0)  # as the command line leaves: threads of the process group can abort Python's own way out
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory, environment):
    """What one process has at the end, and what each of two has."""
    return run_by_one_and_two(SCRIPT, tmp_path_factory.mktemp("gloo"), environment)


@pytest.mark.parametrize("rank", ["2-0", "2-1"])
def test_two_processes_take_the_steps_of_one(found, rank):
    """38 rows in batches of 6, cut in four parts: uneven parts, and a last batch of one row for each process."""
    np.testing.assert_allclose(found[rank]["weights"], found["1-0"]["weights"], atol=2e-5)
    np.testing.assert_allclose(found[rank]["losses"], found["1-0"]["losses"], atol=2e-5)


@pytest.mark.parametrize("rank", ["2-0", "2-1"])
def test_every_process_holds_the_whole_record(found, rank):
    np.testing.assert_array_equal(found[rank]["prediction"], found["1-0"]["prediction"])
    for name in ("loss", "margin"):
        np.testing.assert_allclose(found[rank][name], found["1-0"][name], atol=1e-4)


@pytest.mark.parametrize("rank", ["2-0", "2-1"])
def test_what_losses_keep_by_row_and_rows_held_back_are_known_to_all(found, rank):
    one, two = found["1-0"], found[rank]
    held = one["held"]
    assert held.sum() == 8
    np.testing.assert_array_equal(two["held"], held)
    np.testing.assert_allclose(two["targets"], one["targets"], atol=1e-4)
    assert (one["targets"][held] == 0).all()
    assert (one["targets"][~held].sum(1) > 0.1).all()
    np.testing.assert_array_equal(two["held_prediction"], one["held_prediction"])
    np.testing.assert_allclose(two["evaluation"], one["evaluation"], atol=1e-4)


@pytest.mark.parametrize("rank", ["2-0", "2-1"])
def test_labels_are_drawn_alike_by_one_process_and_by_two(found, rank):
    one, two = found["1-0"], found[rank]
    np.testing.assert_array_equal(two["latent"], one["latent"])
    np.testing.assert_array_equal(two["counts"], one["counts"])
    assert one["counts"].sum() == 38


@pytest.mark.parametrize("rank", ["2-0", "2-1"])
def test_an_encoder_is_frozen_and_then_trained_by_two_processes_as_by_one(found, rank):
    np.testing.assert_allclose(found[rank]["turned_weights"], found["1-0"]["turned_weights"], atol=2e-5)


def test_processes_that_mix_their_rows_stay_together(found):
    """Each mixes with rows of its own, so they are not one process's weights, but all have the same."""
    np.testing.assert_array_equal(found["2-0"]["mixed_weights"], found["2-1"]["mixed_weights"])
    np.testing.assert_array_equal(found["2-0"]["mixed_prediction"], found["2-1"]["mixed_prediction"])
    assert (found["2-0"]["mixed_prediction"] >= 0).all()


@pytest.mark.parametrize("rank", ["2-0", "2-1"])
def test_processes_have_one_teacher(found, rank):
    np.testing.assert_allclose(found[rank]["itself_weights"], found["1-0"]["itself_weights"], atol=2e-5)


@pytest.mark.parametrize("rank", ["2-0", "2-1"])
def test_processes_have_one_mean_of_the_weights(found, rank):
    np.testing.assert_allclose(found[rank]["heeding_weights"], found["1-0"]["heeding_weights"], atol=2e-5)


def test_processes_that_compare_and_mix_their_rows_stay_together(found):
    """COSINE's pairs, SelfMix, UNICON, SED, DISC, NMTune and RLAP, beside trusted rows, which some parts hold alone."""
    for name in ("together", "known"):
        np.testing.assert_array_equal(found["2-0"][name], found["2-1"][name])
    assert np.isfinite(found["2-0"]["together"]).all()


@pytest.mark.parametrize("rank", ["2-0", "2-1"])
def test_processes_look_at_a_network_and_cut_it_as_one_does(found, rank):
    assert (found["1-0"]["right"] < 0.5).any()
    assert (found["1-0"]["pruned_weights"] == 0).sum() >= 3  # a column of the last layer at least
    np.testing.assert_allclose(found[rank]["right"], found["1-0"]["right"], atol=1e-3)
    np.testing.assert_allclose(found[rank]["pruned_weights"], found["1-0"]["pruned_weights"], atol=2e-5)


@pytest.mark.parametrize("rank", ["2-0", "2-1"])
def test_trusted_rows_of_two_processes_are_taught_as_by_one(found, rank):
    np.testing.assert_allclose(found[rank]["taught_weights"], found["1-0"]["taught_weights"], atol=2e-5)
    np.testing.assert_array_equal(found[rank]["trusted_mixed"], found["2-0"]["trusted_mixed"])
    assert np.isfinite(found[rank]["trusted_mixed"]).all()


@pytest.mark.parametrize("rank", ["2-0", "2-1"])
def test_rows_wait_and_all_are_asked_in_two_processes_as_in_one(found, rank):
    np.testing.assert_allclose(found[rank]["waited_weights"], found["1-0"]["waited_weights"], atol=2e-5)
    np.testing.assert_array_equal(found[rank]["waited_prediction"], found["1-0"]["waited_prediction"])
    np.testing.assert_allclose(found[rank]["said"], found["1-0"]["said"], atol=1e-5)
    np.testing.assert_allclose(found[rank]["embeddings"], found["1-0"]["embeddings"], atol=2e-3)  # half precision
    for name in ("said", "embeddings"):
        np.testing.assert_array_equal(found[rank][name], found["2-0"][name])


@pytest.mark.parametrize("rank", ["2-0", "2-1"])
def test_classes_weigh_the_same_whoever_has_their_rows(found, rank):
    np.testing.assert_allclose(found[rank]["balanced_weights"], found["1-0"]["balanced_weights"], atol=2e-5)


@pytest.mark.parametrize("rank", ["2-0", "2-1"])
def test_gradients_are_searched_for_only_where_a_weight_gets_none(found, rank):
    """Of the networks trained above, one has a layer that nobody reads; with it, too, two processes are as one."""
    assert found[rank]["searched"].tolist() == ["False", "True", "False", "False"]
    assert found["1-0"]["searched"].tolist() == ["None"] * 4
    np.testing.assert_allclose(found[rank]["idle_weights"], found["1-0"]["idle_weights"], atol=2e-5)


def test_this_process_is_alone():
    assert os.environ.get("WORLD_SIZE", "1") == "1"
