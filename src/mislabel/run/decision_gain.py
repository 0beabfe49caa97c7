"""What decisions gained: the scores of a run that takes them as known, against those of the earlier run."""

import json
from dataclasses import dataclass
from typing import Any

from mislabel.data import Dataset
from mislabel.run.about import every_setting
from mislabel.run.reading import Run
from mislabel.run.settings import RunConfig, with_later_settings

SCORES = ("accuracy", "macro_f1")
WITHOUT_EFFECT = {"device", "image_cache", "trusted_drawn"}  # settings that do not change results


@dataclass(frozen=True)
class EarlierRun:
    """The run whose decisions are taken as known.

    Attributes
    ----------
    decisions : dict
        What was decided, as `mislabel.run.prior_decisions.apply_decisions` counts it.
    settings : dict
        All of its effective settings.
    fingerprint : str
        Of its data.
    test : dict
        Its scores on the test rows; empty where it has none.
    held_out : list
        The ids of its held-out rows.
    """

    decisions: dict[str, Any]
    settings: dict[str, Any]
    fingerprint: str
    test: dict[str, Any]
    held_out: list[Any]


def read_earlier(decisions: dict[str, Any]) -> EarlierRun:
    """The earlier run, read before training starts: its folder may be gone when training ends."""
    run = Run.open(decisions["run"])
    return EarlierRun(decisions, run.settings, str(run.data.get("fingerprint", "")), run.test, run.held_out())


def decision_metrics(earlier: EarlierRun, config: RunConfig, dataset: Dataset, test: dict[str, Any]) -> dict[str, Any]:
    """The part `decisions` of metrics.json: what was decided, the earlier scores, the gain, and notes.

    Parameters
    ----------
    config : RunConfig
        The effective settings of this run.
    test : dict
        The scores of this run on the test rows.
    """
    decisions, before = earlier.decisions, earlier.test
    differing = different(with_later_settings(earlier.settings), json.loads(json.dumps(every_setting(config))))
    shown = {name: before[name] for name in ("rows", *SCORES) if name in before}
    reason = incomparable(decisions["run"], before, test) or _other_rows(earlier, dataset)
    notes = [reason] if reason else []
    if earlier.fingerprint != dataset.fingerprint:
        notes.append(f"The data are not those of {decisions['run']}: inputs, given or trusted labels, or split differ.")
    return {
        **{name: value for name, value in decisions.items() if name != "fingerprint"},
        "before": {"method": earlier.settings["method"], "test": shown, "settings_that_differ": differing},
        "gain": None if reason else {name: test[name] - before[name] for name in SCORES},
        "notes": notes,
    }


def incomparable(run: str, before: dict[str, Any], now: dict[str, Any]) -> str | None:
    """Why the gain cannot be computed, as a sentence; None where it can."""
    nothing = "there is nothing to measure the gain of the decisions on"
    if not now:
        return f"No rows are held out, so {nothing}: name a --split column, or give --holdout in both runs."
    if "accuracy" not in now:
        return f"The held-out rows have no true labels, so {nothing}: name their column with --gold."
    if "accuracy" not in before:
        return f"{run} was scored on no held-out rows with true labels, so {nothing}."
    if before["rows"] != now["rows"]:
        return f"{run} was scored on {before['rows']} held-out rows and this run on {now['rows']}, so {nothing}."
    return None


def _other_rows(earlier: EarlierRun, dataset: Dataset) -> str | None:
    """Why the gain cannot be computed where the earlier run held out other rows; None where it held out the same."""
    now, then = set(dataset.ids[dataset.split != "train"].tolist()), set(earlier.held_out)
    if now == then:
        return None
    return (
        f"Of the {len(now)} rows that are held out, {len(now & then)} were held out in {earlier.decisions['run']} too, "
        "the others were not, so their scores cannot be compared: give the same --split, or --holdout to both runs."
    )


def different(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Names of settings that differ; options one by one where the method is the same."""
    names = [name for name in {**before, **now} if before.get(name) != now.get(name) and name not in WITHOUT_EFFECT]
    if "options" not in names:
        return names
    names.remove("options")
    if "method" in names:  # other methods have other options
        return names
    return names + [f"options.{name}" for name in different(before.get("options", {}), now.get("options", {}))]


def gain_line(decisions: dict[str, Any]) -> str:
    """The part `decisions` of metrics.json in one line."""
    changed = f"{decisions['changed']} changed"
    if decisions["none_of_these"]:
        changed += f", {decisions['none_of_these']} of no class"
    parts = [f"decisions: {decisions['rows']} rows of {decisions['run']} ({changed})"]
    before, gain = decisions["before"], decisions["gain"]
    if gain is not None:
        accuracy = before["test"]["accuracy"]
        parts.append(
            f"test accuracy {accuracy:.3f} -> {accuracy + gain['accuracy']:.3f} ({100 * gain['accuracy']:+.1f} points)"
        )
    if before["settings_that_differ"]:
        names = before["settings_that_differ"]
        shown = [f"method (then {before['method']})" if name == "method" else name for name in names]
        parts.append(f"not only the decisions differ, but also {', '.join(shown)}")
    return "; ".join(parts)
