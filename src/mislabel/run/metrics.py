"""What metrics.json says of a run beside what the audit itself knows."""

from typing import Any

from mislabel.run.about import peak_memory_mb
from mislabel.run.decision_gain import EarlierRun, decision_metrics
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
        }
    )
    if earlier is not None:
        audit.metrics["decisions"] = decision_metrics(earlier, job.config, job.dataset, scores)
        audit.notes.extend(audit.metrics["decisions"]["notes"])
    if posterior.mixture is not None and posterior.rates is not None:
        audit.metrics["mixture"] = mixture_metrics(posterior.mixture, posterior.rates)


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
