"""Records trajectories while a stage trains, and keeps the weights that trajectories of new inputs need."""

import time
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mislabel.dynamics.trajectory import HALF_MAX, Shape, Trajectory, open_trajectory, projection
from mislabel.files import atomic_path, private_folder
from mislabel.integrity import add_digests, check_file, telling_damage
from mislabel.training.branches import Branches
from mislabel.training.checkpoints import Checkpoint
from mislabel.training.history import History
from mislabel.training.host_buffer import HostBuffer
from mislabel.training.inference import outputs
from mislabel.training.inputs import Inputs
from mislabel.training.progress import Quiet
from mislabel.training.room import kept_weight_bytes, trajectory_shape
from mislabel.training.stage_run import StageRun
from mislabel.training.stages import Recording
from mislabel.training.watchers import SeenBatch, Watcher

CPU_BATCH, DEVICE_BATCH = 64, 512  # larger ones are slower on a CPU, and cost memory


class Watched(nn.Module):
    """Branches as one network that gives embeddings (projected where asked for) and class probabilities, flat.

    `forward` gives (m, networks x dimension + branches x classes) float32.
    """

    def __init__(self, branches: Branches, projected: Tensor | None):
        super().__init__()
        self.branches = branches
        self.projected = projected

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        logits, embeddings = self.branches(inputs)
        embeddings = embeddings.float()
        if self.projected is not None:
            embeddings = embeddings @ self.projected.to(embeddings.device)
        parts = (embeddings, logits.float().softmax(-1))
        return torch.cat([part.transpose(0, 1).flatten(1) for part in parts], dim=1)


class TrajectoryRecorder(Watcher):
    """Fills a trajectory store epoch by epoch, and keeps each epoch's weights.

    Parameters
    ----------
    recording : Recording
    run : StageRun
        Of the stage that records.
    history : History
        Counts the time that recording takes.
    folder : Path, optional
        Of the run; without it the store stays in memory.
    weights : Path, optional
        Folder for the weights of each epoch; they are not kept without it.

    Attributes
    ----------
    shape : Shape
    """

    def __init__(
        self,
        recording: Recording,
        run: StageRun,
        history: History,
        folder: Path | None = None,
        weights: Path | None = None,
    ):
        self.recording: Recording = recording
        self.history: History = history
        self.folder: Path | None = folder
        self.weights: Path | None = weights
        branches, classes = run.branches, run.rows.n_classes
        self.shape: Shape = trajectory_shape(recording, run.stage, branches.dimension, len(run.rows), classes)
        self._full = full = branches.dimension or classes
        target = self.shape.dimension
        self.projected: Tensor | None = (
            torch.from_numpy(projection(full, target, run.settings.seed)) if target < full else None
        )
        self._weight_bytes = kept_weight_bytes(run.stage.epochs, branches) if weights is not None else 0
        self._buffer: HostBuffer | None = None

    def needs(self) -> str:
        """What the store and the weights will take, in words."""
        shape = self.shape
        narrow = f", projected from {self._full}," if self.projected is not None else ""
        weights = f", the weights of all epochs {self._weight_bytes / 1e6:.0f} MB" if self.weights is not None else ""
        return (
            f"trajectories ({shape.epochs} epochs x {shape.networks} networks x {shape.rows} rows x "
            f"{shape.dimension} dimensions{narrow}) take {shape.bytes / 1e6:.1f} MB{weights}"
        )

    def start(self, run: StageRun, checkpoint: Checkpoint | None) -> None:
        """Open the store: new, or with the epochs before the checkpoint. Only the main process writes files."""
        folder = self.folder / "dynamics" if self.folder is not None else None
        main, resume = run.accelerator.is_main_process, checkpoint is not None
        store = Trajectory(self.shape, folder if main else None, resume=main and resume)
        if checkpoint is not None:
            store.rewind(checkpoint.epoch)
            if not main and folder is not None:  # the others keep the same numbers in memory
                store.copy(open_trajectory(folder, checkpoint.epoch), checkpoint.epoch)
        run.dynamics.trajectory = store
        if main:
            run.progress.line(self.needs())

    def batch(self, seen: SeenBatch) -> None:
        """Keep what the training pass shows, where trajectories come from it."""
        if self.recording.source != "training":
            return
        shape = self.shape
        if self._buffer is None:
            width = shape.networks * shape.dimension + shape.branches * shape.classes
            self._buffer = HostBuffer(shape.rows, width, seen.logits.device)
        with torch.no_grad():
            embeddings = seen.embeddings.detach().float()
            if self.projected is not None:
                embeddings = embeddings @ self.projected.to(embeddings.device)
            weak = seen.logits[:, 0].detach().float().softmax(-1)
            parts = (embeddings.clamp(-HALF_MAX, HALF_MAX), weak)
            flat = torch.cat([part.transpose(0, 1).flatten(1) for part in parts], dim=1)
            self._buffer.put(seen.rows, flat.half())

    def epoch_end(self, run: StageRun, epoch: int) -> None:
        """Write the epoch: the training pass's buffer, or a pass in evaluation mode; and the weights."""
        began = time.perf_counter()
        store = run.dynamics.trajectory
        assert store is not None
        write_flat(store, epoch, self._epoch(run))
        if self.weights is not None and run.accelerator.is_main_process:
            path = weights_file(self.weights, epoch)
            keep_weights(run.branches, path)
            if self.folder is not None:
                add_digests(self.folder, path)
        self.history.add_seconds(f"{run.stage.name}.recording", time.perf_counter() - began, within=True)

    def state(self, run: StageRun, checkpoint: Checkpoint) -> None:
        assert run.dynamics.trajectory is not None
        run.dynamics.trajectory.flush()

    def _epoch(self, run: StageRun) -> np.ndarray:
        """What is to be kept of the epoch, flat as `Watched` gives it, (n, width) float."""
        if self.recording.source == "evaluation":
            return watch(run.branches, self.projected, run.rows.inputs, self.shape, run.accelerator, run.progress)
        assert self._buffer is not None
        flat, self._buffer = self._buffer.take(), None
        if run.accelerator.num_processes > 1:
            flat = run.sum(torch.as_tensor(flat, device=run.device).float()).cpu().numpy()
        return flat


def watch(
    branches: Branches,
    projected: Tensor | None,
    inputs: Inputs,
    shape: Shape,
    accelerator: Accelerator,
    progress: Quiet | None = None,
) -> np.ndarray:
    """Embeddings and probabilities of all rows in evaluation mode, flat as `Watched` gives them, (n, width) float32."""
    width = shape.networks * shape.dimension + shape.branches * shape.classes
    rows = CPU_BATCH if accelerator.device.type == "cpu" else DEVICE_BATCH
    return outputs(
        Watched(branches, projected), inputs, width, accelerator,
        batch_size=rows, low_precision=True, progress=progress,
    )  # fmt: skip


def write_flat(store: Trajectory, epoch: int, flat: np.ndarray) -> None:
    """Write an epoch as `watch` gives it."""
    shape = store.shape
    split = shape.networks * shape.dimension
    embedding = flat[:, :split].reshape(len(flat), shape.networks, shape.dimension)
    probability = flat[:, split:].reshape(len(flat), shape.branches, shape.classes)
    store.write(epoch, embedding.swapaxes(0, 1), probability.swapaxes(0, 1))


def weights_file(folder: Path, epoch: int) -> Path:
    """Where the weights after an epoch (0-based) lie."""
    return folder / f"epoch-{epoch + 1:03d}.safetensors"


def keep_weights(branches: Branches, path: Path) -> None:
    """Write the branches' weights: matrices in half precision, vectors, and what half cannot hold, as they are."""
    tensors = {}
    for name, value in branches.state_dict().items():
        value = value.detach().cpu()
        small = value.is_floating_point() and value.ndim > 1 and float(value.abs().max()) < HALF_MAX
        tensors[name] = (value.half() if small else value.clone()).contiguous()
    private_folder(path.parent)
    with atomic_path(path) as temporary:
        save_file(tensors, temporary)


def load_weights(branches: Branches, path: Path) -> None:
    """Put back what `keep_weights` wrote.

    Raises
    ------
    RunError
        If the file is damaged.
    """
    with telling_damage(path):
        check_file(path)
        branches.load_state_dict(load_file(path))
