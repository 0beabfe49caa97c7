"""Two processes that divide the weights take the steps of one that holds them whole, and leave the same files."""

import numpy as np
import pytest
import torch
from gloo import run_by_one_and_two
from safetensors.torch import load_file
from torch import nn

from mislabel.errors import InputError
from mislabel.methods import METHODS
from mislabel.modalities.loading import load_dataset
from mislabel.run.preparation import prepare
from mislabel.run.settings import RunConfig
from mislabel.training.progress import Quiet
from mislabel.training.sharding import check_shardable, is_sharded, part_like, whole

pytestmark = pytest.mark.slow

SCRIPT = """
import os, sys
from pathlib import Path
import numpy as np, torch
from torch import nn
from mislabel.errors import RunError
from mislabel.methods.ce import CE
from mislabel.methods.elr import ELR
from mislabel.methods.ido import IDO
from mislabel.methods.turn import TURN
from mislabel.modalities.vectors import FeatureInputs
from mislabel.training.device import leave_processes
from mislabel.training.inference import MeanProbabilities, outputs
from mislabel.training.loop import Loop
from mislabel.training.sharding import is_sharded, unsharded
from mislabel.training.training_settings import TrainingSettings

class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense, self.norm = nn.Linear(8, 8), nn.LayerNorm(8)
    def forward(self, states):
        return self.norm(states + torch.tanh(self.dense(states)))

class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.layers, self.idle = nn.Linear(5, 8), nn.ModuleList([Block(), Block()]), nn.Linear(3, 3)
    def forward(self, states):
        states = self.first(states)
        for layer in self.layers:
            states = layer(states)
        return states

class Deep(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.last = Encoder(), nn.Linear(8, 3)
    def forward(self, inputs):
        return self.last(self.encoder(inputs["features"]))

class Skipping(Deep):
    def __init__(self):
        super().__init__()
        self.encoder.layerdrop = 0.5

class Normalised(Deep):
    def __init__(self):
        super().__init__()
        self.encoder.first = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8))

random, folder = np.random.default_rng(0), Path(sys.argv[1])
matrix, labels = random.normal(size=(38, 5)).astype(np.float32), random.integers(0, 3, 38)
several = int(os.environ.get("WORLD_SIZE", "1")) > 1
settings = TrainingSettings(batch_size=6, accumulate=2, learning_rate=0.01, precision="fp32", device="cpu", shard=True)


steps = iter(range(100))


def loop(build=Deep, **more):
    return Loop(build, FeatureInputs(matrix), labels, np.arange(38), 3, settings, **more)


def flat(network):
    return torch.cat([value.flatten() for value in unsharded(network, Deep).state_dict().values()]).numpy()


def stop():
    return next(steps) == 16  # in the third epoch of seven steps


def main():
    found, seen = {}, {}
    methods = {"ce": CE(epochs=3), "select": CE(epochs=4, stop="label_wave"), "elr": ELR(epochs=2),
               "turn": TURN(probe_epochs=2, epochs=2), "ido": IDO(warm_epochs=2, robust_epochs=0)}
    for name, method in methods.items():
        each = loop()
        network, dynamics = each.run(method.stages())
        assert is_sharded(network) == several
        found[name], seen[name] = flat(network), dynamics.prediction
        if name == "ce":
            parts = {key: value.numel() for key, value in network.named_parameters()}
            own = sum(getattr(value, "_local_tensor", value).numel() for value in network.parameters())
            few = FeatureInputs(matrix[:1])  # one process has no batch of these
            said = [outputs(MeanProbabilities(network), some, 3, each.accelerator, batch_size=5)
                    for some in (FeatureInputs(matrix), few)]
    where = folder / ("two" if several else "one")
    each = loop(folder=where, interrupted=stop)
    try:
        each.run(CE(epochs=4).stages())
    except KeyboardInterrupt:
        assert len(each.history.epochs) == 2
    again, _ = loop(folder=where).run(CE(epochs=4).stages(), resume=True)
    refused = []
    for build in (Skipping, Normalised) if several else ():
        try:
            loop(build).run(CE(epochs=1).stages())
        except RunError as error:
            refused.append(str(error))
    rank, processes = each.accelerator.process_index, each.accelerator.num_processes
    np.savez(folder / f"{processes}-{rank}.npz", **{f"weights_{name}": value for name, value in found.items()},
             **{f"seen_{name}": value for name, value in seen.items()}, said=np.concatenate(said),
             own=own, total=sum(parts.values()), again=flat(again), refused=refused)


main()
leave_processes()
os._exit(0)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sharded")


@pytest.fixture(scope="module")
def found(folder, environment):
    """What one process has at the end, and what each of two has that divided the weights."""
    return run_by_one_and_two(SCRIPT, folder, environment)


@pytest.mark.parametrize("rank", ["2-0", "2-1"])
@pytest.mark.parametrize("method", ["ce", "select", "elr", "turn", "ido"])
def test_divided_weights_take_the_steps_of_whole_ones(found, rank, method):
    """Selected weights go on, a frozen encoder thaws, a layer that nobody reads gets no gradient."""
    one, two = found["1-0"], found[rank]
    np.testing.assert_allclose(two[f"weights_{method}"], one[f"weights_{method}"], atol=2e-5)
    np.testing.assert_array_equal(two[f"seen_{method}"], one[f"seen_{method}"])


@pytest.mark.parametrize("rank", ["2-0", "2-1"])
def test_all_rows_are_asked_where_one_process_has_a_batch_less(found, rank):
    np.testing.assert_allclose(found[rank]["said"], found["1-0"]["said"], atol=1e-5)


def test_each_process_holds_a_part(found):
    total = int(found["1-0"]["total"])
    assert int(found["1-0"]["own"]) == total
    parts = [int(found[rank]["own"]) for rank in ("2-0", "2-1")]
    assert sum(parts) == total
    assert max(parts) < 0.6 * total


@pytest.mark.parametrize("rank", ["2-0", "2-1"])
def test_a_killed_run_goes_on_with_divided_weights_and_moments(found, rank):
    np.testing.assert_allclose(found[rank]["again"], found["1-0"]["again"], atol=2e-5)


def test_checkpoints_are_those_of_whole_weights(found, folder):
    assert {"1-0", "2-0"} <= found.keys()
    one, two = (next((folder / name / "checkpoints").iterdir()) for name in ("one", "two"))
    assert one.name == two.name
    for part in ("model", "optimizer"):
        expected, given = (load_file(where / f"{part}.safetensors") for where in (one, two))
        assert expected.keys() == given.keys()
        for name, value in expected.items():
            torch.testing.assert_close(given[name], value, atol=2e-5, rtol=1e-4)


def test_networks_that_processes_cannot_divide_are_refused(found):
    """And batch norms, whose statistics would be those of a process."""
    layerdrop, norms = found["2-0"]["refused"].tolist()
    assert "layerdrop" in layerdrop
    assert "batch norms" in norms


@pytest.mark.parametrize("name", ["divide_mix", "dygen", "sed", "rlap", "mixup", "nmtune"])
def test_methods_that_read_weights_beside_their_passes_are_refused(name):
    with pytest.raises(InputError, match=f"--shard divides the weights, and --method {name} "):
        check_shardable(METHODS[name].make().stages(), name)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"tune": "head"}, "--tune head trains a small one"),
        ({"compile": True}, "--compile needs them whole"),
        ({"noise_stability": 0.5}, "--noise-stability needs them whole"),
        ({"method": "dygen"}, "--method dygen keeps the weights of every epoch"),
    ],
)
def test_settings_that_need_whole_weights_are_refused(settings, why, make_toy):
    table = make_toy(40)
    with pytest.raises(InputError, match=f"--shard divides the weights.*{why}"):
        prepare(
            load_dataset(table, text="text", label="label"),
            RunConfig(shard=True, **settings), None, Quiet(),
        )  # fmt: skip


@pytest.mark.parametrize("name", ["ce", "ido", "panel", "elr", "gce", "co_teaching", "turn", "lccn"])
def test_others_are_not(name):
    check_shardable(METHODS[name].make().stages(), name)


def test_whole_weights_stay_as_they_are():
    network = nn.Linear(2, 3)
    assert not is_sharded(network)
    state = network.state_dict()
    assert whole(state)["weight"] is state["weight"]
    assert whole(state, kept=False) == {}
    assert part_like(state["bias"], state["bias"]) is state["bias"]
