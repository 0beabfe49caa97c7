"""What metrics.json says of a run beside what the audit itself knows."""

from typing import Any

import numpy as np

from mislabel.run.about import peak_memory_mb
from mislabel.run.decision_gain import EarlierRun, decision_metrics
from mislabel.run.gating import gate_metrics
from mislabel.run.judging import Judgement
from mislabel.run.mixture_metrics import mixture_metrics
from mislabel.run.preparation import Job
from mislabel.run.scores import detection_scores
from mislabel.training.history import History


def add_metrics(job: Job, history: History, judgement: Judgement, earlier: EarlierRun | None) -> None:
    """Complete the metrics and notes of an audit.

    Parameters
    ----------
    history : History
        Of the training.
    earlier : Earlier, optional
        The run whose decisions this one took as known.
    """
    audit, posterior, scores = judgement.audit, judgement.posterior, judgement.test
    audit.metrics.update(
        {
            "rows": len(job.dataset),
            "rows_trained": len(job.trained),
            "classes": job.dataset.labels.n_classes,
            "method": job.config.method,
            **({"score": job.config.score} if job.config.score else {}),
            **effort(job, history),
            **({"test": scores} if scores else {}),
            **detection_scores(job.dataset, audit),
            **evidence_metrics(job),
            **gate_metrics(judgement.evidence),
            **trusted_labels(job, None if earlier is None else earlier.decisions),
        }
    )
    if job.config.trusted_drawn != audit.metrics.get("trusted", {}).get("drawn", job.config.trusted_drawn):
        audit.notes.append("Trusted labels count as chosen, not as random: rows that a review decided are among them.")
    if earlier is not None:
        audit.metrics["decisions"] = decision_metrics(earlier, job.config, job.dataset, scores)
        audit.notes.extend(audit.metrics["decisions"]["notes"])
    if posterior.mixture is not None and posterior.rates is not None:
        audit.metrics["mixture"] = mixture_metrics(posterior.mixture, posterior.rates)


def evidence_metrics(job: Job) -> dict[str, Any]:
    """The part `evidence` of metrics.json: what became of it, what each opinion counted, what trusted rows say."""
    evidence, judged = job.evidence, job.judged
    if evidence is None or judged is None:
        return {}
    weights = {name: round(float(v), 4) for name, v in zip(evidence.opinions, judged.weights, strict=True)}
    told = {"left_out": judged.left_out, "pool_left_out": judged.pool_left_out}
    strength = judged.strength if np.isfinite(judged.strength) else None
    about = {"part": job.part_of_evidence, "opinions": weights, "strength": strength, **told, **evidence.about}
    if job.taught is not job.opinion:
        about["revised_after"] = getattr(job.method, "revise_after", None)
    return {"evidence": about}


def trusted_labels(job: Job, decisions: dict[str, Any] | None) -> dict[str, Any]:
    """The part `trusted` of metrics.json: how many rows learn a trusted or decided label, and how they were drawn.

    They are random ones only where that was said, and holds for all: to rows that were drawn, a review adds those that
    it looked at.

    Parameters
    ----------
    decisions : dict, optional
        What `mislabel.run.prior_decisions.apply_decisions` counts.
    """
    dataset = job.dataset
    known = dataset.status == "decided"
    rows = int(known.sum())
    if not rows:
        return {}
    counts = np.bincount(dataset.training_codes[known], minlength=dataset.labels.n_classes)
    by_class = {str(dataset.labels.classes[code]): int(counts[code]) for code in np.flatnonzero(counts)}
    reviewed = decisions["rows"] - decisions["none_of_these"] if decisions else 0
    drawn = "chosen" if 0 < reviewed < rows else job.config.trusted_drawn
    return {"trusted": {"rows": rows, "by_class": by_class, "drawn": drawn}}


def effort(job: Job, history: History) -> dict[str, Any]:
    """What the run took: seconds by part and by stage, rows per second, memory, processes; and how each epoch went."""
    return {
        "seconds": job.clock.all(),
        "seconds_by_stage": {name: round(value, 2) for name, value in history.parts.items()},
        "rows_per_second": {"train": round(history.rows / max(history.seconds, 1e-9), 1)},
        "peak_memory_mb": peak_memory_mb(job.accelerator.device),
        "processes": job.accelerator.num_processes,
        "precision": job.accelerator.mixed_precision.replace("no", "fp32"),
        "epochs": history.epochs,
    }
