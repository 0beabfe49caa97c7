"""For a training loop of one's own: what it shows of every row, batch by batch, and the audit that follows from it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from mislabel.audit import Audit
from mislabel.data.ids import check_ids
from mislabel.doors.judged import MethodPosterior, Observed, Outside, judge_outside
from mislabel.doors.rows import check_probabilities, classes_of_columns, dataset_of, note_unseen
from mislabel.dynamics.recorder import PassRecorder
from mislabel.dynamics.store import Pass
from mislabel.errors import InputError, some_ids
from mislabel.posterior.mean_probability import mean_probability

STAGE = "train"
METHOD = "recorded training"


class Recorder:
    """Records a training that runs elsewhere, and judges every row by it.

    What a batch shows stays on the device that trains, which is waited for once an epoch: 4 (K + 9) bytes a row there,
    and in memory 8 (K + 2) bytes a row, and 12 bytes a row and epoch.

    Parameters
    ----------
    ids : int or sequence
        How many rows train, called 0..n-1, or their names: whole numbers or strings.
    n_classes : int
        K, the number of logits.
    views : int
        How many looks a batch takes at each row, as where a weak and a strong augmentation are trained on.

    Raises
    ------
    InputError
        If ids are missing or stand twice, or there are fewer than two classes.

    Examples
    --------
    >>> import torch
    >>> from mislabel import Recorder
    >>> recorder = Recorder(4, n_classes=2)
    >>> for epoch in range(3):
    ...     recorder.update(torch.arange(4), torch.tensor([0, 0, 1, 1]), torch.eye(2)[[0, 0, 1, 0]] * 4)
    ...     recorder.end_epoch()
    >>> recorder.wrong_events.tolist()
    [0, 0, 0, 3]
    """

    def __init__(self, ids: int | Sequence[Any], n_classes: int, *, views: int = 1):
        if not isinstance(n_classes, int) or n_classes < 2:
            raise InputError(f"n_classes is {n_classes!r}, needed a whole number of at least 2")
        count, names = (ids, None) if isinstance(ids, int) else (len(ids), ids)
        if count < 1:
            raise InputError("a recorder of no rows: ids is the number of training rows, or their names")
        self.ids, _ = check_ids(names, count, "ids")
        self.named: bool = names is not None
        self.n_classes: int = n_classes
        self.views: int = views
        self.recorded: list[dict[str, np.ndarray]] = []
        self.passes: list[Pass] = []
        self._total, self._looks = np.zeros((count, n_classes)), np.zeros(count)
        self._given = np.full(count, -1, dtype=np.int64)
        self._position = {id: row for row, id in enumerate(self.ids.tolist())} if self.ids.dtype == object else None
        self._buffers: _Buffers | None = None
        self._outside: Outside | None = None

    def update(self, ids: Tensor | Sequence[Any] | np.ndarray, given: Any, logits: Tensor) -> None:
        """Keep what a batch of the training shows; nothing waits for the device.

        Parameters
        ----------
        ids : (b,) whole numbers, or b strings
            The rows of the batch, as the recorder was given them.
        given : (b,) int
            The labels that are learnt from, as positions of the logits.
        logits : (b, K) or (views, b, K) tensor
            Of the training pass itself, in training mode.

        Raises
        ------
        InputError
            If a shape does not fit, or a string is no id. A number that is none is told at the end of the epoch.
        """
        shown = logits.detach().float()
        shown = shown if shown.dim() == 3 else shown[None]
        wanted = (self.views, len(ids), self.n_classes)
        if tuple(shown.shape) != wanted or len(given) != len(ids):
            raise InputError(
                f"logits have the shape {tuple(logits.shape)} beside {len(ids)} ids and {len(given)} labels, needed "
                f"{wanted[1:] if self.views == 1 else wanted} and as many labels"
            )
        if self._buffers is None:
            self._buffers = _Buffers(self.views, self.ids, self.n_classes, shown.device)
        buffers = self._buffers
        rows, known = self._rows(ids, buffers.device)
        target = torch.as_tensor(given, device=buffers.device).long()
        buffers.add(rows, known & (target >= 0) & (target < self.n_classes), target, shown.to(buffers.device))

    def end_epoch(self, reduce: Callable[[Tensor], Tensor] | None = None) -> None:
        """Close an epoch: what it showed of every row is one look at it.

        Parameters
        ----------
        reduce : callable, optional
            Sums a tensor over processes, where several train and each sees rows of its own.

        Raises
        ------
        InputError
            If nothing was recorded since the last one, or an id or a label was none.
        """
        buffers, same = self._buffers, lambda tensor: tensor
        if buffers is None or not buffers.touched:
            raise InputError("nothing was recorded since the last epoch: update() comes before end_epoch()")
        total, looks, given, strange = (
            (reduce or same)(each).cpu().numpy()
            for each in (buffers.total, buffers.looks, buffers.given + 1, buffers.strange)
        )
        if strange:
            raise InputError(
                f"{int(strange)} of the rows given to update() in this epoch have an id that the recorder was not "
                f"given, or a label outside 0..{self.n_classes - 1}; ids are "
                f"{'those' if self.named else 'positions'} of the {len(self.ids)} rows given to Recorder"
            )
        epoch = len(self.passes) // self.views + 1
        self.recorded += buffers.passes.finish(reduce)
        self.passes += [Pass(STAGE, epoch, view) for view in range(self.views)]
        self._total += total
        self._looks += looks
        self._given = np.where(given > 0, given - 1, self._given)
        buffers.clear()

    @property
    def wrong_events(self) -> np.ndarray:
        """How many looks, of the epochs that are over, predicted another class than the given one, (n,) int64."""
        wrong = np.zeros(len(self.ids), dtype=np.int64)
        for each in self.recorded:
            wrong += (each["prediction"] >= 0) & (each["margin"] < 0)
        return wrong

    def audit(
        self,
        labels: Any = None,
        *,
        probabilities: Any = None,
        features: Any = None,
        inputs: Any = None,
        modality: str | None = None,
        classes: Sequence[Any] | None = None,
        trusted: Any = None,
        sources: Any = None,
        gold: Any = None,
        decisions: str | Path | None = None,
        seed: int = 0,
        trusted_drawn: str = "chosen",
        posterior: MethodPosterior = mean_probability,
        method: str = METHOD,
    ) -> Audit:
        """Judge every row that was seen.

        Parameters
        ----------
        labels : n labels, optional
            The given labels as a person wrote them, in the order of the ids; without them, the positions that were
            given to `update`.
        probabilities : (n, K) float, optional
            What the trained model says of every row; without it, the mean of all looks.
        features : (n, d) float, optional
            Embeddings of the rows by a model that did not learn these labels. They confirm or take back what training
            doubts, and let trusted rows judge all others.
        inputs : n inputs, optional
            What a report and a review show; probabilities without them.
        modality : str, optional
            "text", "image" or "features", where it cannot be told from `inputs`.
        classes : K classes, optional
            In the order of the logits, where that is not the sorted order of `labels`.
        trusted, sources, gold : n each, optional
            As in `mislabel.audit_from`.
        decisions : path, optional
            An earlier run of the same rows whose review decided some: these are taken as known.
        seed, trusted_drawn
            As in `mislabel.audit_from`.
        posterior : callable, optional
            From a `DynamicsStore`, given codes (m,) and probabilities (m, K) of the rows that trained to a
            `mislabel.posterior.posterior.Posterior`: the given label's mean probability over all looks without it.
        method : str
            What the report calls the training.

        Returns
        -------
        Audit

        Raises
        ------
        InputError
            If nothing was recorded, labels are not those that were trained on, or arguments do not fit.
        """
        if not self.recorded:
            raise InputError("nothing was recorded: call update() in every step and end_epoch() after every epoch")
        self._refuse_open("end_epoch() comes after the last batch")
        codes, mean = self._given, self._mean()
        said = mean if probabilities is None else check_probabilities(probabilities, len(self.ids), self.n_classes)
        seen, missing = codes >= 0, "error"
        if labels is None:
            labels, missing = [code if code >= 0 else None for code in codes.tolist()], "unlabeled"
            classes = range(self.n_classes) if classes is None else classes
        listed = classes_of_columns(labels, self.n_classes, classes)
        dataset, columns = dataset_of(
            labels, said, inputs, modality, listed, ids=self.ids if self.named else None, trusted=trusted,
            sources=sources, gold=gold, split=np.where(seen, "train", "valid"), missing=missing,
        )  # fmt: skip
        other = np.flatnonzero(seen & (codes != dataset.labels.codes) & (codes != dataset.training_codes))
        if len(other):
            raise InputError(
                f"{len(other)} rows have another label than the one that was given to update(): "
                f"{some_ids(self.ids[other].tolist())}. Labels stand in the order of the ids, and classes in that of "
                f"the logits: {some_ids(listed)}"
            )
        note_unseen(dataset, seen, "no batch showed")
        self._outside = judge_outside(
            dataset,
            Observed(said, self.passes, self.recorded),
            door="Recorder",
            method=method,
            features=features,
            posterior=posterior,
            decisions=decisions,
            columns=columns,
            seed=seed,
            trusted_drawn=trusted_drawn,
        )
        return self._outside.audit

    def save_run(self, folder: str | Path, *, content: bool = True, overwrite: bool = False) -> None:
        """Write what the last `audit` found as a run folder, for `mislabel report`, `review` and `export`.

        Parameters
        ----------
        folder : path
        content : bool
            Whether inputs and features go into it.
        overwrite : bool
            Whether to replace a run that is there.

        Raises
        ------
        InputError
            If there was no audit, or the folder is not empty.
        """
        if self._outside is None:
            raise InputError("there is no audit yet: audit() comes before save_run()")
        self._outside.save(folder, content=content, overwrite=overwrite)

    def state_dict(self) -> dict[str, Any]:
        """All that was recorded, as arrays and plain values, for a checkpoint of one's own."""
        self._refuse_open("save after end_epoch()")
        passes = [(each.epoch, each.view) for each in self.passes]
        kept = {"total": self._total, "looks": self._looks, "given": self._given}
        return {"recorded": list(self.recorded), "passes": passes, **{name: each.copy() for name, each in kept.items()}}

    @classmethod
    def from_cartography(cls, folder: str | Path) -> "Recorder":
        """What Dataset Cartography's code recorded: a folder of `dynamics_epoch_0.jsonl` and so on.

        Raises
        ------
        InputError
            If there are no such files, or a line is none of theirs.
        """
        from mislabel.doors.cartography import read_cartography

        return read_cartography(folder)

    def load_state_dict(self, state: dict[str, Any]) -> Self:
        """Go on from what `state_dict` gave.

        Raises
        ------
        InputError
            If it is of other rows or classes.
        """
        if np.shape(state["total"]) != self._total.shape:
            raise InputError(
                f"the state is of {np.shape(state['total'])} rows and classes, this recorder is of {self._total.shape}"
            )
        self.recorded = list(state["recorded"])
        self.passes = [Pass(STAGE, epoch, view) for epoch, view in state["passes"]]
        self._total, self._looks, self._given = (np.array(state[name]) for name in ("total", "looks", "given"))
        return self

    def _refuse_open(self, what: str) -> None:
        if self._buffers is not None and self._buffers.touched:
            raise InputError(f"an epoch is open: {what}")

    def _mean(self) -> np.ndarray:
        """The mean probability of all looks, (n, K) float64; uniform for a row that was not seen."""
        mean = np.full_like(self._total, 1 / self.n_classes)
        seen = self._looks > 0
        mean[seen] = self._total[seen] / self._total[seen].sum(1, keepdims=True)
        return mean

    def _rows(self, ids: Any, device: torch.device) -> tuple[Tensor, Tensor]:
        """Positions (b,) of ids, and which of them there are, (b,) bool; those of numbers are found on the device."""
        if self._position is not None:
            names = list(ids)
            unknown = [name for name in names if name not in self._position]
            if unknown:
                raise InputError(f"update() got ids that the recorder was not given: {some_ids(unknown)}")
            rows = torch.tensor([self._position[name] for name in names], dtype=torch.int64).to(device)
            return rows, torch.ones(len(names), dtype=torch.bool, device=device)
        assert self._buffers is not None
        return self._buffers.find(torch.as_tensor(ids, device=device).long())


class _Buffers:
    """What one epoch shows, on the device that trains."""

    def __init__(self, views: int, ids: np.ndarray, classes: int, device: torch.device):
        self.device, self.touched = device, 0
        self.passes = PassRecorder(views, len(ids), device)
        self.total = torch.zeros(len(ids), classes, device=device)
        self.looks = torch.zeros(len(ids), device=device)
        self.given = torch.full((len(ids),), -1, dtype=torch.int64, device=device)
        self.strange = torch.zeros((), dtype=torch.int64, device=device)
        if ids.dtype != object:
            order = np.argsort(ids, kind="stable")
            self.names, self.order = (torch.as_tensor(each, device=device) for each in (ids[order], order))

    def find(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """The rows of ids (b,) int64, and which of the ids there are, (b,) bool."""
        place = torch.searchsorted(self.names, numbers).clamp(max=len(self.names) - 1)
        return self.order[place], self.names[place] == numbers

    def add(self, rows: Tensor, fits: Tensor, target: Tensor, logits: Tensor) -> None:
        """Keep a batch: rows and target (b,) int64, fits (b,) bool, logits (views, b, K)."""
        self.touched += len(rows)
        self.strange += (~fits).sum()
        target = target.clamp(0, logits.shape[-1] - 1)
        self.passes.record(rows, target, logits[None])
        self.total.index_add_(0, rows, logits.softmax(-1).mean(0))
        self.looks.index_add_(0, rows, torch.ones_like(rows, dtype=torch.float32))
        self.given[rows] = target

    def clear(self) -> None:
        """Forget the epoch."""
        self.touched = 0
        self.strange.zero_()
        self.total.zero_()
        self.looks.zero_()
        self.given.fill_(-1)
