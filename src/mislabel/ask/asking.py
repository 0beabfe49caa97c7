"""Asking a server about many rows: several at a time, at the pace that it allows, again where it failed."""

import queue
import random
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from mislabel.ask.endpoint import Endpoint, Refused, Temporary
from mislabel.ask.prompt import Prompt
from mislabel.ask.replies import BadReply, CutOff, Reply, read_reply
from mislabel.errors import RunError

TRIES = 6
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # seconds before the second try, and before any
MOST_PATIENCE = 600.0  # seconds that a server may ask to wait
FAILURES = 5  # rows in a row without an answer, after which something else is wrong
TOKENS = 32  # of an answer at most: a key in JSON, in any tokenizer
ALTERNATIVES = 20  # tokens whose probability is asked for: the most that servers tell

FORMS = ("whole", "without probabilities", "free", "plain")  # of requests, in the order in which they are tried
FORM_NOTES = {
    "without probabilities": "The server takes no logprobs: answers come without probabilities.",
    "free": "The server takes no response_format: answers are not constrained to the classes.",
    "plain": "The server takes neither response_format nor logprobs: answers are free, without probabilities.",
}


class Stopped(Exception):
    """The work was given up while a thread waited."""


@dataclass(frozen=True)
class Failure:
    """Why a row has no answer, though it was asked about."""

    reason: str


class Pace:
    """When the next request may go out, for all threads together.

    Parameters
    ----------
    per_minute : int, optional
        The most requests in a minute, evenly spread.
    first_wait : float
        Seconds before the second try; twice as long before each further one.
    """

    def __init__(self, per_minute: int | None = None, first_wait: float = FIRST_WAIT):
        self.first_wait: float = first_wait
        self._step = 60 / per_minute if per_minute else 0.0
        self._lock, self._stopped, self._next = threading.Lock(), threading.Event(), time.monotonic()

    def wait(self) -> None:
        """Wait for the turn of one request."""
        while True:
            with self._lock:
                now = time.monotonic()
                left = self._next - now
                if left <= 0:
                    self._next = max(self._next, now) + self._step
                    break
            self._sleep(left)
        self._sleep(0)

    def back_off(self, attempt: int) -> None:
        """Wait before one request is tried again, longer each time, by chance not all at once."""
        self._sleep(min(self.first_wait * 2**attempt, LONGEST_WAIT) * random.uniform(0.5, 1.0))

    def hold(self, seconds: float) -> None:
        """Let nobody ask for so long, and a little longer."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds * random.uniform(1.0, 1.1))

    def stop(self) -> None:
        """Wake all that wait; they and later ones give up."""
        self._stopped.set()

    def _sleep(self, seconds: float) -> None:
        if self._stopped.wait(seconds) if seconds > 0 else self._stopped.is_set():
            raise Stopped


class Asker:
    """Asks one model one kind of question.

    Attributes
    ----------
    form : str or None
        The form of request that the server was found to take, one of `FORMS`; None until a first answer came.
    """

    def __init__(self, endpoint: Endpoint, model: str, prompt: Prompt, pace: Pace, max_tokens: int = TOKENS):
        self.endpoint: Endpoint = endpoint
        self.model: str = model
        self.prompt: Prompt = prompt
        self.pace: Pace = pace
        self.max_tokens = max_tokens
        self.form: str | None = None

    def ask(self, text: str) -> Reply | Failure:
        """The answer to a prompt, or why there is none.

        Raises
        ------
        InputError, RunError
            If the server will answer nothing.
        """
        try:
            return self._in_a_form_it_takes(text)
        except (Refused, Temporary, BadReply, CutOff) as error:
            return Failure(str(error))

    def _in_a_form_it_takes(self, text: str) -> Reply:
        forms = FORMS if self.form is None else (self.form,)
        for form in forms:
            try:
                reply = self._with_patience(self._body(text, form))
            except Refused:
                if form == forms[-1]:
                    raise
            else:
                self.form = form
                return reply
        raise AssertionError("there is a form")

    def _with_patience(self, body: dict[str, Any]) -> Reply:
        for attempt in range(TRIES):
            self.pace.wait()
            try:
                return read_reply(self.endpoint.post(body), self.prompt.keys, self.prompt.names)
            except (Temporary, BadReply) as error:
                wait = getattr(error, "wait", None)
                if self.form is None and getattr(error, "unreachable", False):
                    raise RunError(
                        f"nobody answers at {self.endpoint.address} ({error}); is the server there?"
                    ) from None
                if wait is not None and wait > MOST_PATIENCE:
                    raise RunError(f"{error}, and asks to wait {wait:.0f} seconds; go on then") from None
                if attempt == TRIES - 1:
                    raise
            if wait is None:
                self.pace.back_off(attempt)
            else:
                self.pace.hold(wait)
        raise AssertionError("there is a last try")

    def _body(self, text: str, form: str) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self.model, "messages": [{"role": "user", "content": text}]}
        if form == "plain":  # as for models that think, and take no temperature
            return body
        body |= {"temperature": 0, "seed": 0, "max_tokens": self.max_tokens}
        if form != "without probabilities":
            body |= {"logprobs": True, "top_logprobs": ALTERNATIVES}
        if form != "free":
            answer = {"type": "string", "enum": self.prompt.keys}
            schema = {"type": "object", "properties": {"answer": answer}, "required": ["answer"]}
            schema["additionalProperties"] = False
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "class", "strict": True, "schema": schema},
            }
        return body


def ask_all(
    asker: Asker, questions: Iterable[tuple[Any, str]], workers: int
) -> Generator[tuple[Any, Reply | Failure], None, None]:
    """The answer to each question (name, prompt), as they come.

    The first are asked one by one until one is answered: the form of the others is known then, and what is wrong with
    all of them is told after one. While the caller holds an answer, the thread that got it asks no further, so that
    what is kept at once is asked once.

    Raises
    ------
    InputError, RunError
        If the server will answer nothing, or some rows one after the other had no answer.
    """
    waiting, failures = iter(questions), 0
    for name, text in waiting:
        answer = asker.ask(text)
        failures = _counted(failures, answer, FAILURES)
        yield name, answer
        if not isinstance(answer, Failure):
            break
    with closing(_Crew(asker, waiting, workers).answers()) as answers:
        for name, answer in answers:
            failures = _counted(failures, answer, max(FAILURES, 2 * workers))
            yield name, answer


def _counted(failures: int, answer: Reply | Failure, most: int) -> int:
    """How many rows in a row had no answer, with this one."""
    if not isinstance(answer, Failure):
        return 0
    if failures + 1 >= most:
        raise RunError(f"{failures + 1} rows one after the other had no answer; the last: {answer.reason}")
    return failures + 1


class _Crew:
    """Threads that ask, each its next question when its answer was taken."""

    def __init__(self, asker: Asker, questions: Iterator[tuple[Any, str]], workers: int):
        self.asker, self.questions = asker, questions
        self._lock, self._done = threading.Lock(), queue.Queue[Any]()
        self._taken = [threading.Event() for _ in range(workers)]

    def answers(self) -> Generator[tuple[Any, Reply | Failure], None, None]:
        for taken in self._taken:
            threading.Thread(target=self._work, args=(taken,), daemon=True, name="ask").start()
        running = len(self._taken)
        try:
            while running:
                item = self._done.get()
                if item is None:
                    running -= 1
                elif isinstance(item, BaseException):
                    raise item
                else:
                    name, answer, taken = item
                    yield name, answer
                    taken.set()
        finally:
            self.asker.pace.stop()
            for taken in self._taken:
                taken.set()

    def _work(self, taken: threading.Event) -> None:
        try:
            while (question := self._next()) is not None:
                name, text = question
                taken.clear()
                self._done.put((name, self.asker.ask(text), taken))
                taken.wait()
        except Stopped:
            pass
        except BaseException as error:
            self._done.put(error)
        finally:
            self._done.put(None)

    def _next(self) -> tuple[Any, str] | None:
        with self._lock:
            return next(self.questions, None)
