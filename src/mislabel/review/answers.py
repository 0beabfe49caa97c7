"""The answers of the server. `tools/page_types.py` makes the page's types from these models.

A class is named by its code, its index in `Run.classes`; a row by its rank in the audit. What is not known
is None.
"""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from mislabel.decisions.events import Kind


class Answer(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, use_attribute_docstrings=True, json_schema_serialization_defaults_required=True
    )


class Pair(Answer):
    given: int
    suggested: int
    count: int


class Mistake(Answer):
    true: str
    said: str
    rows: int
    """That are expected."""


class Source(Answer):
    """Who gave labels, and how far the rest of what is known agrees with them."""

    name: str
    kind: str
    rows: int
    agreement: float | None
    low: float | None
    high: float | None
    """The 95 % interval of the agreement is from low to high."""
    mistakes: list[Mistake]
    """The largest first."""
    repeats: str | None
    """A source that says the same on every row."""


class Run(Answer):
    name: str
    path: str
    modality: str
    method: str
    classes: list[str]
    rows: int
    judged: int
    order: str
    order_words: str
    budget: int | None
    probe: float
    """Share of the looks that chance chooses."""
    looks: int
    """Length of the queue."""
    statuses: list[str]
    has_pictures: bool
    """Whether rows are pictures."""
    has_inputs: bool
    has_neighbours: bool
    has_map: bool
    """Whether a map may be asked for; a run without embeddings says then that it has none."""
    marks_words: bool
    """Whether rows are texts, the words of which may be marked."""
    words_note: str | None
    """Why they are not."""
    meanings: list[list[str]]
    """Sentences that say what each class means, as they were given with --describe; empty where nobody said it."""
    pairs: list[Pair]
    """The most frequent pairs of classes that differ, the most frequent first."""
    sources: list[Source]
    """Those with the most wrong labels first; none where one label a row was given."""
    reviewers: list[str]
    """Who has decided, and who decides now."""
    may_decide: bool
    """Whether this address is one to decide with, and not only to look."""
    keys: dict[str, str]
    """That this reviewer has chosen, by what they do."""


class Decision(Answer):
    kind: Kind
    label: int | None
    number: int
    action: int
    time: str
    source: str
    reviewer: str | None
    note: str | None


class Change(Answer):
    row: int
    decision: Decision | None


class State(Answer):
    number: int
    """Of the last event."""
    decided: int
    judged: int
    left: int
    """Looks that are not decided."""
    looks: int
    kinds: dict[Kind, int]
    per_minute: float | None
    changed: list[Change]
    """Rows with events that the page did not know."""
    reset: bool
    """Whether so many changed that the page has to ask for everything anew."""


class CurvePoint(Answer):
    depth: int
    precision: float | None
    low: float
    high: float
    decided: int


class Taught(Answer):
    """What the answers in the order trust say."""

    answers: int
    words: list[str]
    enough: bool
    """Whether more answers are worth little."""


class Advice(Answer):
    """What the next rows are expected to bring."""

    rows: int
    expected: float
    """Wrong labels among them."""
    minutes: int | None
    words: list[str]


class Part(Answer):
    """The planned rows of one given class, or of a given and a suggested one."""

    given: int
    suggested: int | None
    rows: int
    decided: int
    wrong: int


class Progress(Answer):
    classes: list[Part]
    """Those with the most rows first."""
    pairs: list[Part]
    seconds: float | None
    """One decision takes, in the middle."""


class Estimate(Answer):
    probes: int
    estimate: float | None
    low: int
    high: int
    rows: int
    decided: int
    wrong: int
    unsure: int
    at_least: float | None
    """Of the labels, without any checked row; None where that is not known."""
    curve: list[CurvePoint]
    taught: Taught | None
    """None in another order."""
    agreement: list[str]
    """How far reviewers agree, a sentence for each two."""
    advice: Advice | None
    """None where no row is left."""


class Bar(Answer):
    label: int
    p: float


class Vote(Answer):
    source: str
    label: int | None
    p_wrong: float


class Verdict(Answer):
    """What one of two reviewers said of a row, before it was settled."""

    reviewer: str
    kind: Kind
    label: int | None


class AnyRow(Answer):
    """The fields of a row in every answer."""

    row: int
    id: str
    given: int | None
    suggested: int | None
    p_mislabeled: float | None
    status: str
    decision: Decision | None


class FeatureValue(Answer):
    """One column of a row of a table."""

    index: int
    name: str
    value: str
    given: float | None
    """Robust standard deviations from the median of the given class's rows, or the share of them that have it."""
    suggested: float | None
    is_share: bool


class Row(AnyRow):
    predicted: int | None
    difficulty: float | None
    confidence: float | None
    posterior: list[Bar]
    """The most probable classes, the most probable first."""
    why: list[str]
    votes: list[Vote]
    """What each source says of it, the least wrong first."""
    more_votes: int
    """How many there are beside these."""
    verdicts: list[Verdict]
    """Where two reviewers differ on it: who said what, in that order."""
    columns: list[FeatureValue]
    """The most unusual first; none where rows are no tables, or none are kept."""
    text: str | None
    image: str | None
    """Where its picture is."""
    original: str | None
    """Where the picture is as large as it was; what is there is known when it is asked for."""
    original_note: str | None
    """Why there is only a small one."""
    note: str | None
    """Why there is no input."""


class Brief(AnyRow):
    text: str | None
    """Its beginning."""
    image: str | None


class Neighbour(Brief):
    similarity: float


class Neighbours(Answer):
    neighbours: list[Neighbour]
    values: list[str]
    """What they have in each column of a table."""
    note: str | None


class ListPage(Answer):
    total: int
    digest: str
    """Names all rows that match."""
    offset: int
    rows: list[Brief]


class WordPart(Answer):
    """A piece of a text."""

    text: str
    weight: float | None
    """How much the log odds of one label over the other fall without it; None for what lies between words."""


class Words(Answer):
    """The words of a text that speak for one label and against another; all parts make the text."""

    parts: list[WordPart]
    toward: int | None
    against: int | None
    """None for all other classes together."""
    note: str | None
    """Why there are none."""


class MapLayout(Answer):
    """One way to lay the rows out on the map."""

    ready: bool
    progress: float
    """0 to 1."""
    failure: str | None
    """Why there will be none."""
    number: int
    """Of the last event."""


class NextLook(Answer):
    place: int
    """In the queue."""
    row: Row
    probe: bool
    """Whether chance chose it."""


class NoLook(Answer):
    place: None = None
    row: None = None


class Decided(Answer):
    saved: bool
    action: int
    number: int
    rows: list[int]
    state: State


class Undone(Answer):
    undone: list[int]
    number: int
    state: State
