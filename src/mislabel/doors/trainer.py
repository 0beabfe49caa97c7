"""A `transformers.Trainer` that learns from labels that are partly wrong, and afterwards says which look wrong.

What a Trainer does it does as ever. Its own are:

======================  ============================================================================================
`get_train_dataloader`  rows carry their number through the data loader (`numbered.py`)
`compute_loss`          what a pass shows of each row is recorded; the method's loss stands in for the model's
`create_scheduler`      stages whose epochs are compared have a constant learning rate (`schedule.py`)
a callback              epochs and stages begin and end; checkpoints hold what the method remembers (`record.py`)
======================  ============================================================================================
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint

from mislabel.audit import Audit
from mislabel.doors.course import Course, course_of, method_of
from mislabel.doors.judged import Outside
from mislabel.doors.mixing import Mixing
from mislabel.doors.numbered import ROW, NumberedRows, NumberingCollator, refuse_streams
from mislabel.doors.record import Mixed, Record, Training
from mislabel.doors.schedule import follows_trainer, schedule_of
from mislabel.doors.trainer_rows import ID, LABELS, class_names, codes_of, columns_of, ids_of, shown_texts
from mislabel.doors.verdict import judge_course
from mislabel.doors.views import View, both, strong_view_of
from mislabel.errors import InputError, RunError
from mislabel.training.stages import Stage
from mislabel.training.training_settings import Balance
from mislabel.training.trusted import MixedApart


class NoisyTrainer(Trainer):
    """A Trainer of single-label classifiers, for training labels that are partly wrong.

    Parameters
    ----------
    model : PreTrainedModel or Module
        Gives logits (b, K). Or say `model_init`.
    args : TrainingArguments
        As ever; the method's stages share `num_train_epochs`.
    train_dataset : map-style data set
        n rows with a label 0..K-1 each: a `datasets.Dataset`, a list of dicts, or anything with a length and items.
    method : str, optional
        A name of `mislabel methods` that trains one network on its own batches. With None the loss stays as it is, and
        training is recorded alone.
    options : mapping, optional
        Of the method.
    ids : str or sequence, optional
        The names of the rows, or the column that holds them. Where there is no column "id" rows are called 0..n-1.
    labels : sequence of int, optional
        The n label codes, where the rows hold none under `args.label_names`, "labels", "label" or "label_ids", or
        reading all rows for them would be slow.
    inputs : str or sequence, optional
        What a person sees of each row in a report or a review: n texts, or the column of them. Without it the column
        "text" where there is one, else the tokens as the tokenizer decodes them, else the probabilities.
    classes : sequence, optional
        Names of the K classes; the model's `id2label` without it, or their codes where that says nothing.
    balance : "none", "half" or "classes"
        How classes weigh where labels are learnt.
    strong_view : callable, optional
        From a batch to a strongly changed one, for methods that compare two views. Without it tokens are masked.
    more
        Whatever else a `Trainer` takes, by name.

    Raises
    ------
    InputError
        If rows have no positions, labels cannot be used, or the method asks for more than a Trainer gives.

    Attributes
    ----------
    record : Record or None
        What the last training left.
    """

    def __init__(
        self,
        model: Any = None,
        args: TrainingArguments | None = None,
        data_collator: Any = None,
        train_dataset: Any = None,
        eval_dataset: Any = None,
        processing_class: Any = None,
        *,
        method: str | None = "ido",
        options: Mapping[str, Any] | None = None,
        ids: str | Sequence[Any] | None = ID,
        labels: Sequence[int] | None = None,
        inputs: str | Sequence[str] | None = None,
        classes: Sequence[Any] | None = None,
        balance: Balance = "none",
        strong_view: View | None = None,
        **more: Any,
    ):
        refuse_streams(train_dataset)
        self.method: str | None = method
        self.options: dict[str, Any] = dict(options or {})
        self.balance: Balance = balance
        views = [stage.views for stage in method_of(method, self.options).stages()] if method else [1]
        super().__init__(model, args, data_collator, train_dataset, eval_dataset, processing_class, **more)
        self._refuse_settings()
        if self.args.max_steps <= 0:
            self._course()  # refuses epochs that do not add up before any work
        if max(views) > 1 and strong_view is None:
            strong_view = strong_view_of(processing_class)
        self.strong_view = strong_view
        config = getattr(self.model, "config", None)
        count = len(classes) if classes is not None else getattr(config, "num_labels", None)
        self._labels = tuple(dict.fromkeys([*self.label_names, *LABELS]))
        self.codes: np.ndarray = codes_of(train_dataset, self._labels, count, labels)
        self._columns = columns_of(train_dataset, self._labels, ids, inputs)
        self.classes: list[Any] = class_names(config, self.codes) if classes is None else list(classes)
        self._ids, self._inputs = ids_of(train_dataset, ids), inputs
        self.record: Record | None = None
        self._rows_in_step, self._resumed = 0, None
        self._probabilities: np.ndarray | None = None
        self._outside: Outside | None = None
        self.add_callback(_Epochs(self))
        if method is not None:  # what `compute_loss` gives is a share of the whole step's mean already
            self.loss_is_scaled_for_ga = True

    # What a Trainer asks of its own class.

    def train(self, resume_from_checkpoint: str | bool | None = None, *arguments: Any, **more: Any) -> Any:
        """Train; see `Trainer.train`. Resumed from a checkpoint, the method goes on with what it remembered then."""
        if resume_from_checkpoint is True:
            resume_from_checkpoint = get_last_checkpoint(str(self.args.output_dir)) or True
        self._resumed = Path(resume_from_checkpoint) if isinstance(resume_from_checkpoint, str) else None
        self._probabilities = self._outside = None
        return super().train(resume_from_checkpoint, *arguments, **more)

    def get_train_dataloader(self) -> DataLoader:
        """The Trainer's own, with the numbers of the rows in each batch."""
        rows, collate = self._numbered("Training")
        with _in_place(self, train_dataset=rows, data_collator=collate):
            return super().get_train_dataloader()

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        """The Trainer's own, which may look into rows for their lengths."""
        rows = train_dataset.dataset if isinstance(train_dataset, NumberedRows) else train_dataset
        return super()._get_train_sampler(rows)

    def get_batch_samples(self, *arguments: Any, **more: Any) -> tuple[list[Any], Any]:
        """The batches of one step, whose rows are counted."""
        batches, items = super().get_batch_samples(*arguments, **more)
        self._rows_in_step = sum(len(batch[ROW]) for batch in batches if ROW in batch)
        return batches, items

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The method's loss of a training batch, as its share of the mean over the whole step; else the Trainer's."""
        inputs = dict(inputs)
        rows = inputs.pop(ROW, None)
        if rows is None or self.record is None:
            return super().compute_loss(
                model, inputs, return_outputs=return_outputs, num_items_in_batch=num_items_in_batch
            )
        if self.method is None:
            loss, outputs = super().compute_loss(
                model, inputs, return_outputs=True, num_items_in_batch=num_items_in_batch
            )
            self.record.see(rows, self._logits(outputs)[None])
            return (loss, outputs) if return_outputs else loss
        inputs = {name: value for name, value in inputs.items() if name not in self._labels}
        stage = self.record.stage
        if stage.views == 2:
            assert self.strong_view is not None
            inputs = both(inputs, self.strong_view(inputs))
        mixing = Mixing(model, self._network, inputs, self._logits) if stage.mixes else None
        outputs = model(**inputs) if mixing is None else mixing.unmixed()
        logits = self._logits(outputs).view(stage.views, len(rows), -1)
        loss = self._method_loss(self.record, rows, logits, mixing) / self._rows_in_step
        return (loss, outputs) if return_outputs else loss

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """The Trainer's own where the method has one stage; else one over the stages that let the rate fall."""
        stages = self._course().stages
        if self.lr_scheduler is None and not follows_trainer(stages):
            used, options = optimizer or self.optimizer, self.args.lr_scheduler_kwargs
            assert isinstance(used, Optimizer)
            schedule = schedule_of(
                stages, used, self._schedule, self.args.get_warmup_steps(num_training_steps), num_training_steps,
                options if isinstance(options, dict) else None,
            )  # fmt: skip
            vars(self).update(lr_scheduler=schedule, _created_lr_scheduler=True)  # as the Trainer's own would be
        return super().create_scheduler(num_training_steps, optimizer)

    # What is its own.

    def audit(
        self, *, features: Any = None, trusted: Any = None, gold: Any = None, decisions: str | Path | None = None
    ) -> Audit:
        """Which training labels look wrong; all processes call it together.

        The final model looks at all training rows once, in evaluation mode.

        Parameters
        ----------
        features : (n, d) float, optional
            Embeddings of the rows by a model that did not learn these labels. They confirm or take back what training
            doubts, and let trusted rows judge all others.
        trusted : n labels, optional
            Labels that somebody checked, missing (None) in all rows but a few. They judge; they were not learnt from.
        gold : n labels, optional
            True labels, which only score.
        decisions : path, optional
            An earlier run of the same rows whose review decided some: these are taken as known.

        Raises
        ------
        InputError
            If nothing was trained yet, or arguments do not fit.
        """
        record = self.record
        if record is None or not record.epoch:
            raise InputError("no epoch was trained yet, so nothing is known of the labels: call train() first")
        if self._probabilities is None:
            self._probabilities = self.training_probabilities()
        outside = judge_course(
            record.course, record.dynamics, self.codes, self.classes, self._probabilities, ids=self._ids,
            texts=shown_texts(self.train_dataset, self._inputs, self.processing_class), columns=self._columns,
            seed=self.args.seed, features=features, trusted=trusted, gold=gold, decisions=decisions,
        )  # fmt: skip
        outside.audit.metrics["epochs"] = record.lines
        outside.audit.metrics["seconds"] = {"train": round(sum(line["seconds"] for line in record.lines), 2)}
        outside.audit.metrics["processes"] = self.accelerator.num_processes
        self._outside = replace(outside, settings={**self._settings(record), **outside.settings})
        return outside.audit

    def save_run(self, folder: str | Path, *, content: bool = True, overwrite: bool = False) -> None:
        """Write what the last `audit` found as a run folder that `mislabel report`, `review` and `export` read.

        Without an audit one is made first. All processes call it together. The model is not in the folder:
        `save_model` writes that, as ever.

        Parameters
        ----------
        folder : path
        content : bool
            Whether what a person sees of the rows goes into it.
        overwrite : bool
            Whether to replace a run that is there.

        Raises
        ------
        InputError
            If nothing was trained yet, or the folder is not empty.
        """
        if self._outside is None:
            self.audit()
        if self._outside is not None and self.is_world_process_zero():
            self._outside.save(folder, content=content, overwrite=overwrite)
        self.accelerator.wait_for_everyone()

    def training_probabilities(self) -> np.ndarray:
        """What the model says of the training rows now, (n, K) float32; all processes call it together."""
        return self._look().softmax(-1).numpy()

    def _look(self) -> Tensor:
        """The logits of the training rows in evaluation mode, (n, K) float32 on the CPU."""
        rows, collate = self._numbered("Prediction")
        loader = self.accelerator.prepare(
            DataLoader(
                rows, batch_size=self.args.eval_batch_size, collate_fn=collate,
                num_workers=self.args.dataloader_num_workers, pin_memory=self.args.dataloader_pin_memory,
            )
        )  # fmt: skip
        model: Any = self.model_wrapped
        everywhere = torch.zeros(len(self.codes), len(self.classes))
        model.eval()
        with torch.no_grad():
            for batch in loader:
                inputs = self._prepare_inputs(dict(batch))
                numbers = inputs.pop(ROW)
                inputs = {name: value for name, value in inputs.items() if name not in self._labels}
                places, logits = self.accelerator.gather_for_metrics((numbers, self._logits(model(**inputs))))
                everywhere[places.cpu()] = logits.cpu()
        return everywhere

    def _method_loss(self, record: Record, rows: Tensor, logits: Tensor, mixed: Mixed | None) -> Tensor:
        """The sum over rows (b,) int64 of the method's loss, from logits (views, b, K)."""
        if self.accelerator.num_processes > 1:
            # The last batches may repeat rows, which a loss expects once an epoch.
            new = torch.nonzero(~record.seen(rows)).flatten()
            if len(new) < len(rows):
                mixed = None if mixed is None else MixedApart(mixed, logits[None].shape, new)
                rows, logits = rows[new], logits[:, new]
            if not len(new):
                return logits.sum() * 0 if mixed is None else mixed.logits().sum() * 0
        record.see(rows, logits)
        return record.loss(rows, logits, mixed) * len(rows)

    def _logits(self, outputs: Any) -> Tensor:
        """The logits (rows, K) float32 among what a model gave."""
        logits = outputs if isinstance(outputs, Tensor) else None
        if isinstance(outputs, Mapping):
            logits = outputs.get("logits")
        elif isinstance(outputs, tuple | list):
            logits = next((each for each in outputs if isinstance(each, Tensor) and each.ndim == 2), None)
        if not isinstance(logits, Tensor) or logits.ndim != 2 or logits.shape[1] != len(self.classes):
            given = "no logits" if logits is None else f"logits of shape {tuple(logits.shape)}"
            raise InputError(
                f"the model gives {given}, needed (rows, {len(self.classes)}): a row for each input, a column for each "
                "class"
            )
        return logits.float()

    def _course(self) -> Course:
        """A new one, over the epochs that are trained."""
        epochs = self.state.num_train_epochs or math.ceil(self.args.num_train_epochs)
        return course_of(self.method, self.options, epochs)

    @property
    def _network(self) -> Any:
        """The model itself, unwrapped."""
        return self.model

    def _begin(self) -> None:
        """Training begins, or goes on."""
        course = self._course()
        training = Training(self.accelerator, lambda: self._network, self._enter, self._look)
        self.record = Record(course, self.codes, len(self.classes), self.balance, training)
        if self._resumed is not None:
            self.record.load(self._resumed)
            if self.record.epoch < math.floor(self.state.epoch + 1e-6):  # saved after an epoch's last step, not its end
                self.record.end_epoch()

    def _enter(self, stage: Stage, selected: dict[str, Tensor]) -> None:
        """A later stage begins: with the selected weights where it asks for them, and an optimiser without memory."""
        if stage.start == "selected" and selected:
            self._network.load_state_dict(selected, strict=False)
        optimizer: Any = self.optimizer  # as accelerate wraps it
        if optimizer is not None:
            getattr(optimizer, "optimizer", optimizer).state.clear()

    def _numbered(self, description: str) -> tuple[NumberedRows, NumberingCollator]:
        """The training rows with their numbers, and a collator for them; unused columns are dropped as ever."""
        rows: Any = self.train_dataset
        collate = self.data_collator
        if hasattr(rows, "remove_columns"):
            rows = self._remove_unused_columns(rows, description=description)
        else:
            collate = self._get_collator_with_removed_columns(collate, description=description)
        return NumberedRows(rows), NumberingCollator(collate)

    def _refuse_settings(self) -> None:
        """Raise InputError for what does not go together."""
        if self.args.n_gpu > 1:
            raise InputError(
                f"{self.args.n_gpu} GPUs in one process: start one process for each, with `torchrun` or `accelerate "
                "launch`, or show it a single one with CUDA_VISIBLE_DEVICES"
            )
        if self.is_deepspeed_enabled or self.is_fsdp_enabled:
            raise InputError("DeepSpeed and FSDP divide the weights, which are kept and taken up whole here: use DDP")
        if self.method is None:
            return
        for name, given in (
            ("compute_loss_func", self.compute_loss_func is not None),
            ("args.label_smoothing_factor", self.args.label_smoothing_factor != 0),
        ):
            if given:
                raise InputError(
                    f"{name} was given, and method {self.method!r} brings a loss of its own: leave one of them out; "
                    "method=None records with any loss"
                )
        if not hasattr(Trainer, "loss_is_scaled_for_ga") and self.args.gradient_accumulation_steps > 1:
            raise InputError(
                "this version of transformers cannot be told that a loss is weighted by the rows of a step already: "
                "install a later one, or set gradient_accumulation_steps=1"
            )

    @property
    def _schedule(self) -> str:
        return str(getattr(self.args.lr_scheduler_type, "value", self.args.lr_scheduler_type))

    def _settings(self, record: Record) -> dict[str, Any]:
        """For config.json."""
        args = self.args
        return {
            "trainer": "transformers.Trainer",
            "backbone": getattr(getattr(self.model, "config", None), "_name_or_path", None) or None,
            "options": self.options,
            "balance": self.balance,
            "epochs": record.epoch,
            "batch_size": args.train_batch_size * args.gradient_accumulation_steps * self.accelerator.num_processes,
            "learning_rate": args.learning_rate,
            "schedule": self._schedule,
            "weight_decay": args.weight_decay,
        }


@contextmanager
def _in_place(trainer: Trainer, **attributes: Any) -> Iterator[None]:
    """A trainer with other attributes for a while."""
    before = {name: getattr(trainer, name) for name in attributes}
    vars(trainer).update(attributes)
    try:
        yield
    finally:
        vars(trainer).update(before)


class _Epochs(TrainerCallback):
    """Tells a NoisyTrainer when training, an epoch or a checkpoint begins and ends."""

    def __init__(self, trainer: NoisyTrainer):
        self.trainer = trainer

    @property
    def record(self) -> Record:
        if self.trainer.record is None:
            raise RunError("an epoch began before training did: call NoisyTrainer.train()")
        return self.trainer.record

    def on_train_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        self.trainer._begin()

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        self.record.begin_epoch()

    def on_epoch_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        self.record.end_epoch()

    def on_save(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        trial = getattr(self.trainer, "_trial", None)
        folder = Path(self.trainer._get_output_dir(trial)) / f"checkpoint-{state.global_step}"
        self.record.save(folder)

    def on_train_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        self.record.finish()
