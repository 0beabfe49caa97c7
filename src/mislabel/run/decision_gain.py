"""What a person's decisions brought: a run that took them as known, beside the run in whose review they were made."""

import json
from dataclasses import dataclass
from typing import Any

from mislabel.data import Dataset
from mislabel.run.about import every_setting
from mislabel.run.reading import Run
from mislabel.run.settings import RunConfig

SCORES = ("accuracy", "macro_f1")
WITHOUT_EFFECT = {"device", "image_cache"}  # settings that change no result


@dataclass(frozen=True)
class Earlier:
    """The run in whose review the decisions were made.

    Attributes
    ----------
    told : dict
        What `mislabel.run.prior_decisions.apply_decisions` tells.
    settings : dict
        Every effective one.
    fingerprint : str
        Of its data.
    test : dict
        Its scores on test rows; empty where it has none.
    held_out : list
        The ids of its rows that were not trained on because they are held out.
    """

    told: dict[str, Any]
    settings: dict[str, Any]
    fingerprint: str
    test: dict[str, Any]
    held_out: list


def read_earlier(told: dict[str, Any]) -> Earlier:
    """Read it before training starts: by the end it may be gone."""
    run = Run.open(told["run"])
    return Earlier(told, run.settings, str(run.data.get("fingerprint", "")), run.test, run.held_out())


def gain(earlier: Earlier, config: RunConfig, dataset: Dataset, test: dict[str, Any]) -> dict[str, Any]:
    """The part `decisions` of metrics.json: what was decided, the scores before, the difference, and what to know.

    Parameters
    ----------
    config : RunConfig
        The effective one of this run.
    test : dict
        The scores of this run on test rows.
    """
    told, before = earlier.told, earlier.test
    differs = different(earlier.settings, json.loads(json.dumps(every_setting(config))))
    shown = {name: before[name] for name in ("rows", *SCORES) if name in before}
    why = incomparable(told["run"], before, test) or _other_rows(earlier, dataset)
    notes = [why] if why else []
    if earlier.fingerprint != dataset.fingerprint:
        notes.append(f"The data are not those of {told['run']}: inputs, given labels or split differ.")
    return {
        **{name: value for name, value in told.items() if name != "fingerprint"},
        "before": {"method": earlier.settings["method"], "test": shown, "settings_that_differ": differs},
        "gain": None if why else {name: test[name] - before[name] for name in SCORES},
        "notes": notes,
    }


def incomparable(run: str, before: dict[str, Any], now: dict[str, Any]) -> str | None:
    """Why no gain can be told, as a sentence; None where one can."""
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


def _other_rows(earlier: Earlier, dataset: Dataset) -> str | None:
    """Why no gain can be told where other rows are held out than in the run before."""
    now, then = set(dataset.ids[dataset.split != "train"].tolist()), set(earlier.held_out)
    if now == then:
        return None
    return (
        f"Of the {len(now)} rows that are held out, {len(now & then)} were held out in {earlier.told['run']} too, the "
        "others were not, so their scores cannot be compared: give the same --split, or --holdout to both runs."
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
    before, more = decisions["before"], decisions["gain"]
    if more is not None:
        was = before["test"]["accuracy"]
        now = was + more["accuracy"]
        parts.append(f"test accuracy {was:.3f} -> {now:.3f} ({100 * more['accuracy']:+.1f} points)")
    if before["settings_that_differ"]:
        shown = [f"method (then {before['method']})" if s == "method" else s for s in before["settings_that_differ"]]
        parts.append(f"not only the decisions differ, but also {', '.join(shown)}")
    return "; ".join(parts)
