"""The kinds of evidence: what each opinion is called, what it goes by, and what it says of a row, in plain words.

A run with evidence has two columns for each opinion NAME in its audit: NAME_label, the class that it holds for most
likely, and NAME_p_given, the probability that it gives the given label. LEFT_OUT is of trusted rows alone.
"""

from dataclasses import dataclass

import numpy as np

from mislabel.run.rows import Rows
from mislabel.tables.characters import short

PLAIN, TRANSITION, NEIGHBOURS = "plain", "transition", "neighbours"
DESCRIPTIONS, ZERO_SHOT = "descriptions", "zero_shot"
NETWORK = "network"
OWN_MODEL = "own_model"
LEFT_OUT = "p_left_out"  # that the label is wrong, as the judge says that was not told of the row
LONGEST_NAME, MOST_SOURCES = 80, 8


@dataclass(frozen=True)
class Kind:
    """One kind of evidence, for somebody who never trained a network.

    Attributes
    ----------
    name : str
        Of the opinion.
    title : str
        In a table.
    meaning : str
        What it goes by.
    says : str
        The beginning of a sentence about a row, with ``{}`` for the class.
    """

    name: str
    title: str
    meaning: str
    says: str

    @property
    def label(self) -> str:
        """The column of the likeliest class."""
        return f"{self.name}_label"

    @property
    def p_given(self) -> str:
        """The column of the given label's probability."""
        return f"{self.name}_p_given"


KINDS = (
    Kind(
        TRANSITION,
        "Rows like it",
        "what rows like it are, with each class counting the same, and which classes are mistaken for which",
        "By rows like it, and by which classes are mistaken for which, it is most likely {}",
    ),
    Kind(
        DESCRIPTIONS,
        "Meaning and rows like it",
        "what rows like it are, starting from those that fit what their class means",
        "By what the classes mean, and by rows like it, it is most likely {}",
    ),
    Kind(
        ZERO_SHOT,
        "Meaning alone",
        "which class it is nearest to in what it means, whatever the labels",
        "Of what the classes mean, it is nearest to {}",
    ),
    Kind(
        PLAIN,
        "Labels as they are",
        "what a simple classifier makes of the other rows' labels, wrong ones included",
        "A simple classifier, taught by the other rows' labels as they are, says {}",
    ),
    Kind(
        NEIGHBOURS,
        "Nearest neighbours",
        "the labels of the rows nearest to it, with each class counting the same",
        "Its nearest neighbours speak for {}",
    ),
    Kind(
        NETWORK,
        "The network itself",
        "what the whole network, once it had learnt the rest of this, made of the row",
        "The network, once it had learnt what all other evidence says, holds {} for most likely",
    ),
    Kind(
        OWN_MODEL,
        "Your model",
        "what the model whose probabilities were given says of a row that it was not fitted to",
        "Your model, which was not fitted to it, holds {} for most likely",
    ),
)
KIND_OF = {kind.name: kind for kind in KINDS}


def opinions_in(rows: Rows) -> list[Kind]:
    """The kinds of evidence that an audit has."""
    return [kind for kind in KINDS if kind.label in rows.labels]


def opinion_sentences(rows: Rows, row: int, *, sources: bool = True) -> list[str]:
    """What each kind of evidence says of a row, as far as the run has it; with `sources`, who labelled it as what."""
    given = rows.code("given_label", row)
    sentences = []
    for kind in opinions_in(rows):
        code = rows.code(kind.label, row)
        if code is not None:
            said = kind.says.format(f"“{short(str(rows.classes[code]), LONGEST_NAME)}”")
            sentences.append(said + _of_given(code == given, rows.number(kind.p_given, row)))
    return [*(_of_sources(rows, row) if sources else []), *sentences]


def _of_sources(rows: Rows, row: int) -> list[str]:
    """Who labelled the row, as what, and how probable it is that this is wrong, as a sentence."""
    votes = [] if rows.votes is None else rows.votes.of(row)
    if not votes:
        return []
    said = [
        f"{short(source, LONGEST_NAME)} says “{short(str(label), LONGEST_NAME)}” (wrong: {chance(wrong)})"
        for source, label, wrong in votes[:MOST_SOURCES]
    ]
    more = f"; {len(votes) - MOST_SOURCES} more" if len(votes) > MOST_SOURCES else ""
    return ["; ".join(said) + more + "."]


def _of_given(same: bool, probability: float | None) -> str:
    if same:
        return ", as given." if probability is None else f", as given ({chance(probability)})."
    return "." if probability is None else f"; its given label gets {chance(probability)}."


def agreement(rows: Rows, row: int, code: int) -> tuple[int, int]:
    """How many kinds of evidence hold this class for the row's likeliest, and how many there are."""
    codes = [rows.code(kind.label, row) for kind in opinions_in(rows)]
    known = [said for said in codes if said is not None]
    return sum(said == code for said in known), len(known)


def chance(probability: float) -> str:
    """``4%``; never 0 % or 100 %, which no opinion means."""
    percent = int(np.floor(100 * probability + 0.5))
    return "less than 1%" if percent < 1 else "more than 99%" if percent > 99 else f"{percent}%"
