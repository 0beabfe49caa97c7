"""What a run's data ask for next: at most three suggestions, the most valuable first.

They are made from what a run leaves, its audit and its two JSON files, whenever somebody shows them: the command line,
`--json` and the report.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mislabel.audit import Audit
from mislabel.data.class_meanings import class_words
from mislabel.data.numerals import label_text
from mislabel.modalities import modality
from mislabel.posterior.frozen_space import HELD
from mislabel.run.opinions import KIND_OF, TRANSITION
from mislabel.run.reading import Run, section
from mislabel.tables.characters import short

MOST = 3
FEWEST = 100  # judged rows below which shares of classes, and fifty looks, mean little
# How far apart the given and the believed share of a class are. By the transition opinion the given one of a class that
# swallows others is the larger: by 0.22 on wrench_trec, 0.11 on wrench_semeval, at most 0.04 on right labels of 6 to 20
# classes; a ratio spares classes that nearly all rows have. A method that knows no such opinion learns the class and
# finds even more of it: IDO 0.29, 0.10, and at most 0.06 on right labels and on planted errors.
GAP, RATIO = 0.08, 1.2
EVIDENCE = "panel"  # the method that learns from opinions without a trusted label
AGAIN = "give the same command with --decisions RUN and another --out"
DOOR = "door"  # the setting that says by which of `mislabel.doors` a run came
LONGEST_NAME = 40
LIKENESS = KIND_OF[TRANSITION].label
COLUMNS = ("given_label", "suggested_label", LIKENESS)


@dataclass(frozen=True)
class Suggestion:
    """One of them.

    Attributes
    ----------
    name : str
        What it is about: sink, encoder, looks or meanings.
    text : str
        What the data show, and what the remedy brings.
    command : str
        What to type: options to add to the same command, or a command, in which RUN is the folder of the run.
    """

    name: str
    text: str
    command: str


@dataclass(frozen=True, eq=False)
class Shown:
    """What a run shows of its data.

    Attributes
    ----------
    classes : list
        K classes.
    given, believed : (K,) float64
        Share of each among the judged rows: by their given labels, and by what the transition opinion holds for most
        likely, or else the posterior.
    by_opinion : bool
        Whether it is the transition opinion.
    judged : int
        How many rows those are.
    modality, method : str
    settings, metrics : mapping
        Of config.json, and metrics.json.
    """

    classes: list[Any]
    given: np.ndarray
    believed: np.ndarray
    by_opinion: bool
    judged: int
    modality: str
    method: str
    settings: Mapping[str, Any]
    metrics: Mapping[str, Any]

    @property
    def evidence(self) -> dict[str, Any]:
        return section(dict(self.metrics), "evidence")

    @property
    def trusted(self) -> bool:
        """Whether any row has a trusted label."""
        return bool(section(dict(self.metrics), "trusted").get("rows"))

    @property
    def described(self) -> bool:
        return bool(self.settings.get("describe"))

    @property
    def doubted(self) -> bool:
        """Whether the frozen space seems not to hold the classes."""
        held = self.evidence.get("held")
        return isinstance(held, int | float) and held > 0

    @property
    def outside(self) -> bool:
        """Whether the training, or the probabilities, are somebody else's."""
        return bool(self.settings.get(DOOR))

    @property
    def lacks(self) -> str:
        """The option of the method that makes use of what classes mean, where another one ran."""
        return "" if self.method == EVIDENCE or self.trusted else f" --method {EVIDENCE}"


def suggestions(shown: Shown) -> list[Suggestion]:
    """At most MOST, the most valuable first; none where labels and inputs are unrelated, or few rows were judged."""
    if shown.metrics.get("labels_related") is False or shown.judged < FEWEST:
        return []
    makers = (_looks,) if shown.outside else (_sink, _encoder, _looks, _meanings)  # the others are options of ours
    found = [each for make in makers if (each := make(shown)) is not None]
    once = {each.command: each for each in reversed(found)}  # a class that swallows others asks for meanings, too
    return [each for each in found if once[each.command] is each][:MOST]


def _sink(shown: Shown) -> Suggestion | None:
    """A class that swallows the others. Where the space is doubted, so is what it says of classes."""
    found = None if shown.doubted else _swallowing(shown)
    if found is None:
        return None
    name, said = found
    ways = []
    if not shown.described and modality(shown.modality).meanings:
        ways.append(("--describe FILE", "sentences that say what each class means"))
    if not shown.trusted:
        ways.append(("--trusted COL", "a few trusted labels (--trusted COL)"))
    if not ways and not shown.lacks:
        return None
    tell = f" What tells: {' or '.join(words for _, words in ways)}." if ways else ""
    balanced = f" And --method {EVIDENCE} learns no class for being large." if shown.lacks else ""
    return Suggestion(
        "sink",
        f"{said}: it seems to swallow other classes. Is as much of your data really “{name}”?{tell}{balanced}",
        f"{ways[0][0] if ways else ''}{shown.lacks}".strip(),
    )


def _swallowing(shown: Shown) -> tuple[str, str] | None:
    """The class, and what its shares are."""
    given, believed = shown.given, shown.believed
    largest, shrunk = int(given.argmax()), int((given - believed).argmax())
    if not shown.by_opinion and believed[largest] - given[largest] >= GAP:
        code, says = largest, f"and what was learned says so of {believed[largest]:.0%}"
    elif given[shrunk] - believed[shrunk] >= GAP and given[shrunk] >= RATIO * believed[shrunk]:
        code, says = shrunk, f"and only {believed[shrunk]:.0%} of the rows look like it"
    else:
        return None
    name = _name(shown.classes[code])
    return name, f"{given[code]:.0%} of the labels say “{name}”, {says}"


def _encoder(shown: Shown) -> Suggestion | None:
    if not shown.doubted:
        return None
    kind = modality(shown.modality)
    own, tune = kind.encoder is None, shown.settings.get("tune") != "full"
    what = f"these {kind.words.plural} do" if own else "the encoder does"
    other = "Others" if own else f"One that knows such {kind.words.plural}{', or training all of it,' if tune else ''}"
    return Suggestion(
        "encoder",
        f"{_why_doubted(shown, what)} So all that is said of wrong labels is careful. {other} may find more, and a few "
        "dozen trusted labels tell.",
        f"--{kind.name} OTHERS" if own else f"--backbone NAME{', or train with --tune full' if tune else ''}",
    )


def _why_doubted(shown: Shown, what: str) -> str:
    kept, held = shown.evidence.get("kept"), shown.evidence["held"]
    if held > HELD:
        plural = modality(shown.modality).words.plural
        return f"Either the labels say nothing of the {plural}, or {what} not tell the classes apart."
    some = f"{kept:.0%}" if isinstance(kept, int | float) else "few"
    return (
        f"Some class would keep only {some} of its rows: either most of its labels are wrong, or {what} not tell the "
        "classes apart."
    )


def _looks(shown: Shown) -> Suggestion | None:
    if shown.trusted:
        return None
    return Suggestion(
        "looks",
        "No label is trusted, and without one nobody can tell an error that all labels share from the truth. Fifty "
        "decisions, a few minutes, tell which kinds of evidence to believe, for all rows and not only for those fifty: "
        f"then {'give decisions=RUN to the same call' if shown.outside else AGAIN}.",
        "mislabel review RUN --order trust",
    )


def _meanings(shown: Shown) -> Suggestion | None:
    if shown.described or not modality(shown.modality).meanings:
        return None
    codes = [value for value in shown.classes if class_words(value) is None]
    if codes:
        why = f"The classes are codes, such as “{_name(codes[0])}”, so nothing knows what they mean."
    elif shown.evidence.get("weak"):
        why = "The names of the classes say too little of what they mean."
    else:
        return None
    return Suggestion(
        "meanings",
        f"{why} A sentence for each class is evidence that shares no error with the labels.",
        f"--describe FILE{shown.lacks}",
    )


def shown_by_audit(audit: Audit, settings: Mapping[str, Any], modality_name: str) -> Shown:
    """From what whoever trained holds."""
    judged = audit.table[audit.table["status"] == "judged"]
    codes = {
        name: pd.Index(audit.classes).get_indexer(pd.Index(judged[name])) for name in COLUMNS if name in judged.columns
    }
    method = str(audit.metrics.get("method", ""))
    return _shown(audit.classes, codes, modality_name, method, settings, audit.metrics)


def shown_by_run(run: Run) -> Shown:
    """From a run folder."""
    rows = run.rows
    codes = {name: rows.labels[name][rows.judged] for name in COLUMNS if name in rows.labels}
    return _shown(rows.classes, codes, run.modality, run.method, run.settings, run.metrics)


def _shown(classes: list, codes: Mapping[str, np.ndarray], *more: Any) -> Shown:
    """From the codes (m,) int of the judged rows in those of COLUMNS that there are."""
    by_opinion = LIKENESS in codes
    believed = codes[LIKENESS if by_opinion else "suggested_label"]
    given, thought = (_shares(each, len(classes)) for each in (codes["given_label"], believed))
    return Shown(classes, given, thought, by_opinion, len(believed), *more)


def _shares(codes: np.ndarray, classes: int) -> np.ndarray:
    """(K,) float64, of the rows whose code is not -1."""
    counts = np.bincount(codes[codes >= 0], minlength=classes)[:classes]
    return counts / max(int(counts.sum()), 1)


def _name(value: Any) -> str:
    return short(label_text(value), LONGEST_NAME)
