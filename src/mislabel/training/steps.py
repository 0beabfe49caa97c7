"""The steps of an epoch: batches in, weights changed."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from mislabel.training.batches import pieces, shuffled_batches
from mislabel.training.guards import FiniteLoss, memory_explained
from mislabel.training.losses import Batch
from mislabel.training.mean_weights import MeanWeights
from mislabel.training.mixing import mixer, numeric
from mislabel.training.noise_stability import instability
from mislabel.training.optimizers import learning_rate
from mislabel.training.prefetch import prefetched
from mislabel.training.reshaping import unshaped
from mislabel.training.stage_run import StageRun
from mislabel.training.trusted import loss_with_trusted
from mislabel.training.watchers import SeenBatch, Watcher

CHECK_EVERY = 10  # steps between looks at the loss


class Steps:
    """The steps of a stage.

    Parameters
    ----------
    run : StageRun
    watchers : list of Watcher
        They are shown every batch.
    interrupted : callable
        Asked after every step; where it says True, training stops with KeyboardInterrupt.
    mean : MeanWeights, optional
        The teacher, where the stage asks for one.
    """

    def __init__(
        self,
        run: StageRun,
        watchers: list[Watcher],
        interrupted: Callable[[], bool],
        mean: MeanWeights | None = None,
    ):
        self.run, self.watchers, self.interrupted, self.mean = run, watchers, interrupted, mean
        self.finite: FiniteLoss = FiniteLoss(run.rows.ids)

    def epoch(self, epoch: int) -> float:
        """Take the steps of one epoch, counted from 0.

        Returns
        -------
        float
            The mean loss of its rows, over all processes.
        """
        run, settings = self.run, self.run.settings
        processes, rank = run.accelerator.num_processes, run.accelerator.process_index
        rows = np.flatnonzero(~run.apart)
        batches = self._batches(rows, epoch)
        parts_of = [pieces(batch, settings.accumulate, processes, rank) for batch in batches]
        mine = [part for parts in parts_of for part in parts]
        run.taken = np.concatenate(mine)
        # Dropout and views depend on the epoch's seed alone, so a resumed run repeats them without stored RNG states.
        torch.manual_seed(torch_seed(settings.seed, run.number, epoch + 1) + rank)
        run.model.train()
        passes_later = max(0, len(run.dynamics.passes) - run.dynamics.done - run.stage.views)
        later = len(batches) * passes_later / run.stage.views
        run.progress.begin(f"{run.stage.name} {epoch + 1}/{run.stage.epochs}", len(batches), later)
        total = torch.zeros((), device=run.device)
        feed = prefetched(run.rows.inputs, mine, run.device)
        for step, (batch, parts) in enumerate(zip(batches, parts_of, strict=True)):
            rate = learning_rate(settings, run.stage, epoch, step, len(batches))
            for loss in self._step(len(batch), len(parts), feed, rate):
                total += loss * (len(batch) / processes)
            looked_at = (step + 1) % CHECK_EVERY == 0 or step == len(batches) - 1
            run.progress.advance(self.finite.check() if looked_at else None)
            if self.interrupted():
                run.progress.end()
                raise KeyboardInterrupt
        run.progress.end()
        return float(run.sum(total)) / len(rows)

    def _batches(self, rows: np.ndarray, epoch: int) -> list[np.ndarray]:
        """The epoch's batches, over all processes, of these rows."""
        run, settings = self.run, self.run.settings
        seed, smallest = [settings.seed, run.number, epoch], max(2, run.accelerator.num_processes)
        lengths = run.rows.inputs.lengths[rows]
        return [rows[batch] for batch in shuffled_batches(lengths, settings.batch_size, seed, smallest=smallest)]

    def _step(
        self, size: int, parts: int, feed: Iterator[tuple[np.ndarray, dict[str, Tensor]]], rate: float
    ) -> list[Tensor]:
        """One step of the optimiser on a batch of `size` rows, of which this process gets `parts` from the feed.

        Returns
        -------
        list of ()
            The loss of each part, weighted by its share of the batch.
        """
        run, losses = self.run, []
        accelerator, accumulate = run.accelerator, run.settings.accumulate
        for group in run.optimizer.param_groups:
            group["lr"] = rate
        for number in range(parts):
            rows, tensors = next(feed)
            # Gradients are averaged over processes, so a part counts by its rows times their number.
            share = len(rows) * accelerator.num_processes / size
            alone = nullcontext() if number == parts - 1 else accelerator.no_sync(run.model)
            with alone, memory_explained(run.rows.inputs.lengths, rows, run.stage.views, accumulate):
                loss = self._loss(rows, tensors) * share
                accelerator.backward(loss)
            losses.append(loss.detach())
            self.finite.add(losses[-1], rows)
        accelerator.clip_grad_norm_(run.model.parameters(), run.settings.clip)
        run.optimizer.step()
        run.optimizer.zero_grad()
        for watcher in self.watchers:
            watcher.step()
        return losses

    def _loss(self, rows: np.ndarray, tensors: dict[str, Tensor]) -> Tensor:
        """The loss of some rows, from their tensors on the device."""
        run, stage = self.run, self.run.stage
        index = torch.as_tensor(rows, device=run.device)
        weak = inputs = run.rows.inputs.weak_view(tensors)
        if stage.views == 2:
            strong = run.rows.inputs.strong_view(tensors)
            inputs = {name: torch.cat([value, strong[name]]) for name, value in inputs.items()}
        with torch.no_grad() if stage.mixes and numeric(inputs) and not stage.features else nullcontext():
            logits, embeddings = run.model(inputs)
        before = unshaped(run.branches.networks) if stage.reshapes else None
        logits = logits.view(logits.shape[0], stage.views, len(rows), -1)
        target = run.target[index]
        seen = SeenBatch(rows, index, target, logits, embeddings[:, : len(rows)])
        for watcher in self.watchers:
            watcher.batch(seen)
        opinion = None if run.opinion is None else run.opinion[index]
        weight = None if run.weight is None else run.weight[index]
        batch = Batch(index=index, target=target, logits=logits, weight=weight, opinion=opinion)
        if stage.features:
            batch = replace(batch, features=embeddings.view(len(embeddings), stage.views, len(rows), -1))
        if before is not None:
            batch = replace(batch, unshaped=before.view(len(before), stage.views, len(rows), -1))
        if self.mean is not None:
            batch = replace(batch, teacher=self.mean.logits(weak))
        if stage.mixes:
            batch = replace(batch, mixed=mixer(run.model, run.branches.classify, inputs, embeddings))
        loss = loss_with_trusted(stage.loss, batch, run.rows.trusted[rows], mixes=stage.mixes)
        if not run.settings.noise_stability or run.branches.frozen:
            return loss
        with run.accelerator.autocast():
            return loss + run.settings.noise_stability * instability(run.branches, weak)


def torch_seed(run: int, stage: int, epoch: int) -> int:
    """One seed for torch from the run's seed and the position in it; neighbours are unrelated."""
    return int(np.random.SeedSequence([run, stage, epoch]).generate_state(1)[0])
