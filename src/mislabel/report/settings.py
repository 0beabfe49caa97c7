"""How the run was made: every setting, as groups of names and values."""

from typing import Any

from mislabel.report.findings import Findings
from mislabel.report.formatting import count, duration, is_number, short
from mislabel.run.reading import section

MOST_VALUES, LONGEST = 30, 2000

STATUS_WORDS = {
    "judged": "trained on and judged",
    "held_out": "kept for validation or test, not judged",
    "unlabeled": "no given label, not judged",
    "empty_input": "nothing to read, not judged",
    "unreadable": "an image that cannot be read, not judged",
    "class_too_small": "the only row of its class, not judged",
    "decided": "known, since a person checked or decided it: trained on, not judged",
    "none_of_these": "no class fits, says a person: kept out of training and judgement",
    "labels_unrelated": "labels could not be told from random ones, not judged",
    "not_learnt": "nothing could be learnt from the inputs of so few rows, not judged",
}
# Parts of metrics.json that other sections show, or that are lists of numbers behind a chart
_SHOWN_ELSEWHERE = {"mixture", "epochs", "notes", "seconds", "noise_rate", "test", "detection", "suggestion"}


def setting_groups(findings: Findings) -> list[tuple[str, list[tuple[str, str]]]]:
    """Title of each group, and its (name, value) pairs."""
    run, metrics = findings.run, findings.metrics
    known = {"settings", "data", "versions", "command", "notes"}
    seconds = section(metrics, "seconds")
    memory = section(metrics, "peak_memory_mb")
    others = {name: value for name, value in metrics.items() if name not in _SHOWN_ELSEWHERE | {"peak_memory_mb"}}
    other = {name: value for name, value in run.config.items() if name not in known}
    groups = [
        ("Settings", flatten(run.settings)),
        ("Data", flatten(run.data)),
        ("Time", [(name, duration(value)) for name, value in seconds.items()]),
        ("Run", flatten(others) + [(f"peak memory, {name}", f"{count(mb)} MB") for name, mb in memory.items()]),
        ("Versions and machine", flatten(section(run.config, "versions")) + flatten(other)),
    ]
    return [(title, pairs) for title, pairs in groups if pairs]


def statuses(findings: Findings) -> list[tuple[str, int, str]]:
    """Each status, its rows and what it means; the most frequent first."""
    counts = findings.run.rows.status_counts()
    described = [(name, rows, STATUS_WORDS.get(name, "")) for name, rows in counts.items()]
    return sorted(described, key=lambda line: (-line[1], line[0]))


def flatten(values: dict[str, Any], above: str = "") -> list[tuple[str, str]]:
    """Pairs of a dotted name and a value as text, nested dictionaries opened."""
    pairs = []
    for name, value in values.items():
        if isinstance(value, dict) and value:
            pairs += flatten(value, f"{above}{name}.")
        else:
            pairs.append((f"{above}{name}", short(_as_text(value), LONGEST)))
    return pairs


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        more = f", and {len(value) - MOST_VALUES:,} more" if len(value) > MOST_VALUES else ""
        return ", ".join(map(_as_text, value[:MOST_VALUES])) + more
    if isinstance(value, float) and is_number(value):
        return f"{value:.6g}"
    return "not set" if value is None else str(value)
