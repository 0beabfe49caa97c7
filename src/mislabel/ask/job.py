"""`mislabel ask`: from data or a run to a file of answers."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mislabel.ask.answers_table import check_columns_free, check_new, write_votes, write_with_data
from mislabel.ask.asked_rows import AskedRows, is_run, rows_of_data, rows_of_run
from mislabel.ask.asking import FORM_NOTES, TOKENS, Asker, Failure, Pace, ask_all
from mislabel.ask.cache import Cache, peek
from mislabel.ask.endpoint import Endpoint
from mislabel.ask.prompt import Prompt, digest
from mislabel.ask.replies import Reply
from mislabel.data.class_meanings import sentences_of
from mislabel.errors import InputError, in_range, some_ids
from mislabel.files import check_writable
from mislabel.run.folder import RunFolder
from mislabel.tables.reading import columns
from mislabel.training.progress import Quiet

BYTES_A_TOKEN = 4  # of English; other languages take more tokens, in other tokenizers up to twice as many
TOKENS_AROUND, TOKENS_BACK = 10, 10  # of the protocol around a prompt; of an answer in JSON


@dataclass(frozen=True)
class Terms:
    """How to ask.

    Attributes
    ----------
    model : str
        As the server calls it.
    workers : int
        Requests at a time.
    per_minute : int, optional
        The most requests in a minute.
    longest : int
        Characters of a row that are shown.
    max_tokens : int
        Of an answer, those of thoughts among them.
    column : str
        What the new column, and so the source, is called.
    price_in, price_out : float, optional
        Of a million tokens.

    Raises
    ------
    InputError
        If a value cannot be.
    """

    model: str
    workers: int = 4
    per_minute: int | None = None
    longest: int = 8000
    max_tokens: int = TOKENS
    column: str = "llm"
    price_in: float | None = None
    price_out: float | None = None

    def __post_init__(self) -> None:
        if not self.model.strip():
            raise InputError("--model is empty; give the name by which the server knows the model")
        if not self.column.strip():
            raise InputError("--column is empty; give a name for the new column")
        in_range("workers", self.workers, 1, 256)
        in_range("max_characters", self.longest, 20, 1_000_000)
        in_range("max_tokens", self.max_tokens, 1, 1_000_000)
        for name, value, low in (("per_minute", self.per_minute, 1), ("price_in", self.price_in, 0),
                                 ("price_out", self.price_out, 0)):  # fmt: skip
            if value is not None:
                in_range(name, value, low, 1_000_000)

    def cost(self, tokens_in: int, tokens_out: int) -> float | None:
        """Of so many tokens; None where no price is known."""
        if self.price_in is None and self.price_out is None:
            return None
        return (tokens_in * (self.price_in or 0) + tokens_out * (self.price_out or 0)) / 1e6


@dataclass(frozen=True, eq=False)
class Questions:
    """What is to be asked, and what is known of it already.

    Attributes
    ----------
    rows : AskedRows
    prompt : Prompt
    digests : dict
        Of the prompt of each row that is asked about, by its place.
    notes : list of str
    """

    rows: AskedRows
    prompt: Prompt
    digests: dict[int, str]
    notes: list[str] = field(default_factory=list)

    def open(self, known: Mapping[str, Any]) -> dict[str, int]:
        """A row for each prompt that has no answer, by its digest: equal rows are asked about once."""
        left: dict[str, int] = {}
        for place, name in self.digests.items():
            if name not in known:
                left.setdefault(name, place)
        return left

    def text(self, place: int) -> str:
        return self.prompt.text(self.rows.texts[place])


@dataclass(eq=False)
class Asked:
    """What came of it.

    Attributes
    ----------
    answers : dict
        By the place of a row.
    failed : dict
        Why a row that was asked about has no answer, by its place.
    requests, tokens_in, tokens_out : int
        Answers that were not known before, and their tokens as the server counts them.
    notes : list of str
    """

    answers: dict[int, Reply] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    notes: list[str] = field(default_factory=list)


def prepare(
    source: str,
    inputs: Mapping[str, str | None],
    terms: Terms,
    *,
    label: str | None = None,
    id: str | None = None,
    describe: Mapping[str, Sequence[str]] | None = None,
    order: str | None = None,
    budget: int | None = None,
    progress: Quiet | None = None,
) -> Questions:
    """Read the rows, and make the prompts.

    Raises
    ------
    InputError
        If they cannot be asked about.
    """
    if budget is not None:
        in_range("budget", budget, 1, 1_000_000_000)
    if is_run(source):
        if extra := [name for name, value in {**inputs, "label": label, "id": id}.items() if value is not None]:
            raise InputError(f"{source} is a run, which knows its columns: leave out --{extra[0]}")
        rows = rows_of_run(RunFolder(source), order, budget, progress or Quiet())
    else:
        rows = rows_of_data(source, inputs, label=label, id=id, describe=describe, order=order, budget=budget)
        check_columns_free(columns(source), source, terms.column)
    if not rows.texts:
        raise InputError(f"{source}: no row has anything to read, so there is nothing to ask")
    meanings = sentences_of(describe or rows.describe, rows.classes)
    prompt = Prompt(rows.classes, meanings, terms.longest)
    cut = [rows.ids[place] for place, text in rows.texts.items() if prompt.is_cut(text)]
    notes = [*rows.notes, *meanings.notes]
    if cut:
        notes.append(
            f"Rows of which the first {terms.longest:,} characters are shown alone: {len(cut)}; rows {some_ids(cut)}."
        )
    return Questions(rows, prompt, {place: digest(prompt.text(text)) for place, text in rows.texts.items()}, notes)


def estimate(questions: Questions, terms: Terms, cache: Path) -> dict[str, Any]:
    """What asking would take: rows, those with an answer already, requests, and tokens and cost, estimated."""
    known = peek(cache, terms.model, dict.fromkeys(questions.digests.values()))
    left = questions.open(known)
    sizes = [len(questions.text(place).encode("utf-8", "replace")) for place in left.values()]
    tokens_in = sum(-(-size // BYTES_A_TOKEN) + TOKENS_AROUND for size in sizes)
    tokens_out = TOKENS_BACK * len(left)
    return {
        "rows": len(questions.digests),
        "cached": sum(name in known for name in questions.digests.values()),
        "requests": len(left),
        "tokens_in": tokens_in,
        "tokens_out": tokens_out,
        "cost": terms.cost(tokens_in, tokens_out),
    }


def ask(
    questions: Questions,
    endpoint: Endpoint,
    terms: Terms,
    cache: Path,
    *,
    progress: Quiet | None = None,
    pace: Pace | None = None,
) -> Asked:
    """Ask what is not known yet; every answer is in the cache before the thread that got it asks again.

    Raises
    ------
    InputError, RunError
        If the server will not answer, or the cache cannot be used; what was answered before is in it.
    """
    progress, asked = progress or Quiet(), Asked()
    with closing(Cache(cache)) as store:
        known = store.known(terms.model, dict.fromkeys(questions.digests.values()))
        left = questions.open(known)
        asker = Asker(endpoint, terms.model, questions.prompt, pace or Pace(terms.per_minute), terms.max_tokens)
        failed: dict[str, str] = {}
        progress.begin(f"asking {terms.model}", len(left))
        try:
            waiting = ((name, questions.text(place)) for name, place in left.items())
            for name, answer in ask_all(asker, waiting, terms.workers):
                if isinstance(answer, Failure):
                    failed[name] = answer.reason
                else:
                    store.add(terms.model, name, answer)
                    known[name] = answer
                    asked.requests += 1
                    asked.tokens_in += answer.tokens_in
                    asked.tokens_out += answer.tokens_out
                progress.advance()
        finally:
            progress.end()
    for place, name in questions.digests.items():
        if name in known:
            asked.answers[place] = known[name]
        else:
            asked.failed[place] = failed.get(name, "")
    asked.notes = [FORM_NOTES[asker.form]] if asker.form in FORM_NOTES else []
    return asked


def write(
    source: str, inputs: Mapping[str, str | None], questions: Questions, asked: Asked, column: str, out: Path
) -> list[str]:
    """Write the file of answers; gives the names of its new columns."""
    rows, keys = questions.rows, questions.prompt.keys
    if is_run(source):
        return write_votes(rows.ids, asked.answers, rows.classes, keys, column, out)
    return write_with_data(source, inputs, asked.answers, rows.classes, keys, column, out)


def check_files(source: str, out: Path, cache: Path, *, overwrite: bool) -> None:
    """Look whether answers can be kept and written, before anything is read in full or asked.

    Raises
    ------
    InputError
        If they cannot.
    """
    check_new(out, source, overwrite)
    if not cache.exists():
        check_writable(cache)
