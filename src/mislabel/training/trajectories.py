"""Records trajectories while a stage trains, and keeps the weights that trajectories of new inputs need."""

import time
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mislabel.dynamics.trajectory import HALF_MAX, Shape, Trajectory, projection
from mislabel.files import atomic_path, private_folder
from mislabel.integrity import add_digests, check_file, telling_damage
from mislabel.training.branches import Branches
from mislabel.training.checkpoints import Checkpoint
from mislabel.training.history import History
from mislabel.training.host_buffer import HostBuffer
from mislabel.training.inference import outputs, own_outputs
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
        self.run: StageRun = run
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
        self._seen = 0  # rows of the running epoch, in the order in which they are taken

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
        """Open the store: new, or with the epochs before the checkpoint. One process writes the files of a folder."""
        folder = self.folder / "dynamics" if self.folder is not None else None
        main, resume = run.accelerator.is_main_process, checkpoint is not None
        with run.leaders_first():  # by then the files are there for all
            store = Trajectory(self.shape, folder, resume=resume, follows=folder is not None and not run.leads)
        if checkpoint is not None:
            store.rewind(checkpoint.epoch)
        run.dynamics.trajectory = store
        if main:
            run.progress.line(self.needs())

    def batch(self, seen: SeenBatch) -> None:
        """Keep what the training pass shows, where trajectories come from it."""
        if self.recording.source != "training":
            return
        if self._buffer is None:
            self._buffer = HostBuffer(len(self.run.taken), flat_width(self.shape), seen.logits.device)
            self._seen = 0
        with torch.no_grad():
            embeddings = seen.embeddings.detach().float()
            if self.projected is not None:
                embeddings = embeddings @ self.projected.to(embeddings.device)
            weak = seen.logits[:, 0].detach().float().softmax(-1)
            parts = (embeddings.clamp(-HALF_MAX, HALF_MAX), weak)
            flat = torch.cat([part.transpose(0, 1).flatten(1) for part in parts], dim=1)
            self._buffer.put(np.arange(self._seen, self._seen + len(seen.rows)), flat.half())
            self._seen += len(seen.rows)

    def epoch_end(self, run: StageRun, epoch: int) -> None:
        """Write the epoch: the training pass's buffer, or a pass in evaluation mode; and the weights."""
        began = time.perf_counter()
        store = run.dynamics.trajectory
        assert store is not None
        rows, flat = self._own(run)
        follows = self.folder is not None and not run.leads
        run.share(rows, [flat], lambda rows, values: put_flat(store, epoch, rows, values[0]), follows=follows)
        with run.leaders_first():
            store.end(epoch)
        if self.weights is not None and not follows:  # without a folder each has its own
            path = weights_file(self.weights, epoch)
            keep_weights(run.branches, path)
            if self.folder is not None:
                add_digests(self.folder, path)
        self.history.add_seconds(f"{run.stage.name}.recording", time.perf_counter() - began, within=True)

    def state(self, run: StageRun, checkpoint: Checkpoint) -> None:
        assert run.dynamics.trajectory is not None
        run.dynamics.trajectory.flush()

    def _own(self, run: StageRun) -> tuple[np.ndarray, np.ndarray]:
        """Rows of this process, (k,) int64, and what is to be kept of them, flat as `Watched` gives it, (k, width)."""
        if self.recording.source == "evaluation":
            network, width = Watched(run.branches, self.projected), flat_width(self.shape)
            rows = watch_batch(run.accelerator)
            return own_outputs(network, run.rows.inputs, width, run.accelerator, rows, run.progress)
        assert self._buffer is not None
        flat, self._buffer = self._buffer.take(), None
        return run.taken, flat


def watch(
    branches: Branches,
    projected: Tensor | None,
    inputs: Inputs,
    shape: Shape,
    accelerator: Accelerator,
    progress: Quiet | None = None,
) -> np.ndarray:
    """Embeddings and probabilities of all rows in evaluation mode, flat as `Watched` gives them, (n, width) float32."""
    return outputs(
        Watched(branches, projected), inputs, flat_width(shape), accelerator,
        batch_size=watch_batch(accelerator), low_precision=True, progress=progress,
    )  # fmt: skip


def watch_batch(accelerator: Accelerator) -> int:
    """How many rows `watch` looks at in one pass."""
    return CPU_BATCH if accelerator.device.type == "cpu" else DEVICE_BATCH


def flat_width(shape: Shape) -> int:
    """How many numbers `Watched` gives for a row."""
    return shape.networks * shape.dimension + shape.branches * shape.classes


def write_flat(store: Trajectory, epoch: int, flat: np.ndarray) -> None:
    """Write an epoch as `watch` gives it."""
    store.write(epoch, *_parted(store.shape, flat))


def put_flat(store: Trajectory, epoch: int, rows: np.ndarray, flat: np.ndarray) -> None:
    """Write some rows (k,) int64 of an epoch, (k, width) as `watch` gives them."""
    store.put(epoch, slice(None) if _are_all(rows, store.shape) else rows, *_parted(store.shape, flat))


def _are_all(rows: np.ndarray, shape: Shape) -> bool:
    """Whether these are all rows, in their order: then they are written with no copy of them."""
    return len(rows) == shape.rows and bool((np.diff(rows) == 1).all())


def _parted(shape: Shape, flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings (networks, k, dimension) and probabilities (branches, k, classes), views of the flat ones."""
    split = shape.networks * shape.dimension
    embedding = flat[:, :split].reshape(len(flat), shape.networks, shape.dimension)
    probability = flat[:, split:].reshape(len(flat), shape.branches, shape.classes)
    return embedding.swapaxes(0, 1), probability.swapaxes(0, 1)


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
