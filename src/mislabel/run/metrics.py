"""What metrics.json says of a run beside what the audit itself knows."""

from typing import Any

import numpy as np

from mislabel.audit import LIKELY, Audit
from mislabel.posterior.gate import Independent
from mislabel.posterior.judge import pool
from mislabel.posterior.nearest import PROBES
from mislabel.posterior.noise_rate import RANDOM, NoiseRate
from mislabel.posterior.summary import p_mislabeled
from mislabel.run.about import peak_memory_mb
from mislabel.run.checked import checked_before
from mislabel.run.decision_gain import EarlierRun, decision_metrics
from mislabel.run.evidence import weights_of
from mislabel.run.gating import gate_metrics
from mislabel.run.grounds import Grounds
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
    known = known_of_rows(job, audit, judgement.evidence, None if earlier is None else earlier.decisions)
    if job.revised is not None:
        known["evidence"] |= {"revised_after": job.stages[-1].waits, "revised": job.about_revised}
    audit.metrics.update(
        {
            **counts(job),
            "method": job.config.method,
            **({"score": job.config.score} if job.config.score else {}),
            **effort(job, history),
            **({"test": scores} if scores else {}),
            **known,
        }
    )
    if earlier is not None:
        audit.metrics["decisions"] = decision_metrics(earlier, job.config, job.dataset, scores)
        audit.notes.extend(audit.metrics["decisions"]["notes"])
    recalls = [*posterior.recalls, *([] if job.evidence is None else job.evidence.recalls)]
    if recalls:
        audit.metrics["neighbours"] = {"recall": round(min(recalls), 4), "probes": PROBES}
        audit.notes.append(
            f"Rows are too many to compare all with all: of the nearest rows, {min(recalls):.1%} were found, as "
            f"measured on {PROBES:,} rows that were compared with all."
        )
    if posterior.mixture is not None and posterior.rates is not None:
        audit.metrics["mixture"] = mixture_metrics(posterior.mixture, posterior.rates)


def counts(grounds: Grounds) -> dict[str, int]:
    """How many rows and classes there are."""
    dataset = grounds.dataset
    return {"rows": len(dataset), "rows_trained": len(grounds.trained), "classes": dataset.labels.n_classes}


def known_of_rows(
    grounds: Grounds, audit: Audit, evidence: Independent | None, decisions: dict[str, Any] | None = None
) -> dict[str, Any]:
    """What gold, evidence, the gate and trusted rows say, as parts of metrics.json.

    Where trusted rows were drawn at random, they settle what the audit states of the noise rate.

    Parameters
    ----------
    evidence : Independent, optional
        What the gate went by.
    decisions : dict, optional
        As `trusted_labels` has it.
    """
    dataset, trusted = grounds.dataset, trusted_labels(grounds, decisions)
    drawn = trusted.get("trusted", {}).get("drawn")
    if drawn == "random":
        rate = checked_before(dataset, grounds.trained, predicted_wrong(grounds), NoiseRate.of(audit.metrics))
        audit.metrics["noise_rate"] = rate.plain()
        audit.metrics["likely_wrong"]["precision"] = expected_precision(audit) if rate.basis == RANDOM else None
    if grounds.config.trusted_drawn == "random" and drawn == "chosen":
        audit.notes.append("Trusted labels count as chosen, not as random: rows that a review decided are among them.")
    return {**detection_scores(dataset, audit), **evidence_metrics(grounds), **gate_metrics(evidence), **trusted}


def expected_precision(audit: Audit) -> float | None:
    """The mean probability of a wrong label of the rows that are likely wrong; None where there are none."""
    table = audit.table
    likely = table.loc[(table["status"] == "judged") & (table["p_mislabeled"] > LIKELY), "p_mislabeled"]
    return float(likely.mean()) if len(likely) else None


def predicted_wrong(grounds: Grounds) -> np.ndarray | None:
    """The probability (m,) that the label of each training row is wrong, by evidence that heard of no trusted label."""
    evidence = grounds.evidence
    if evidence is None:
        return None
    untold = pool(list(evidence.opinions.values()), [evidence.start[name] for name in evidence.opinions])
    return p_mislabeled(untold, evidence.given)


def evidence_metrics(grounds: Grounds) -> dict[str, Any]:
    """The part `evidence` of metrics.json: what became of it, what each opinion counted, what trusted rows say."""
    evidence, judged = grounds.evidence, grounds.judged
    if evidence is None or judged is None:
        return {}
    told = {"left_out": judged.left_out, "pool_left_out": judged.pool_left_out}
    counted = weights_of(judged, evidence.opinions)
    return {"evidence": {"part": grounds.part_of_evidence, **counted, **told, **evidence.about}}


def trusted_labels(grounds: Grounds, decisions: dict[str, Any] | None) -> dict[str, Any]:
    """The part `trusted` of metrics.json: how many rows learn a trusted or decided label, and how they were drawn.

    They are random ones only where that was said, or a review looked at nothing but random rows, and where it holds for
    all: to rows that were drawn, a review adds those that it looked at.

    Parameters
    ----------
    decisions : dict, optional
        What `mislabel.run.prior_decisions.apply_decisions` counts.
    """
    dataset = grounds.dataset
    known = dataset.status == "decided"
    rows = int(known.sum())
    if not rows:
        return {}
    counts = np.bincount(dataset.training_codes[known], minlength=dataset.labels.n_classes)
    by_class = {str(dataset.labels.classes[code]): int(counts[code]) for code in np.flatnonzero(counts)}
    reviewed = decisions["rows"] - decisions["none_of_these"] if decisions else 0
    drawn = "chosen" if 0 < reviewed < rows else grounds.config.trusted_drawn
    if decisions and reviewed == rows and decisions.get("random"):
        drawn = "random"
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
