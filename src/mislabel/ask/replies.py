"""What a server answers: the class that a reply names, and how probable its tokens make every class."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

KEPT = 500  # characters of what was said
LONGEST = 2000  # characters of an answer that can name a class
_EDGES = " \t\r\n\"'`*_{}[]().,:;!#▁Ġ"
_KEY_AND_NAME = re.compile(r"(\w+)\s*[.:)\-–=]+\s*(.+)", re.DOTALL)
_PREAMBLE = re.compile(r"(?:the\s+)?(?:correct\s+)?(?:answer|class|label)(?:\s+is)?\s*[:\s]\s*(.+)", re.DOTALL | re.I)
_THOUGHT = "</think>"


class BadReply(Exception):
    """A body that is no answer of the protocol: HTML, broken JSON, an error in place of an answer."""


class CutOff(Exception):
    """An answer that ended before it named a class, since it had as many tokens as it may have."""


@dataclass(frozen=True)
class Reply:
    """One answer.

    Attributes
    ----------
    said : str
        What the model wrote, its beginning.
    key : str or None
        Of the class that it names; None where it names none: a refusal, an empty answer, anything else.
    shares : dict
        How probable the tokens make each key, those that were seen alone, summing to 1; empty where none came.
    tokens_in, tokens_out : int
        As the server counts them; 0 where it does not.
    """

    said: str
    key: str | None
    shares: dict[str, float]
    tokens_in: int = 0
    tokens_out: int = 0


def read_reply(body: bytes, keys: Sequence[str], names: Sequence[str]) -> Reply:
    """The answer in the body of a chat completion.

    Raises
    ------
    BadReply
        If it is none.
    CutOff
        If it ended too early.
    """
    try:
        answer = json.loads(body)
        choice = answer["choices"][0]
        content = _content(choice["message"])
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
        begin = body[:80].decode("utf-8", "replace")
        raise BadReply(f"the body is no chat completion: {begin!r}") from error
    key = named_key(content, keys, names)
    if key is None and choice.get("finish_reason") == "length":
        raise CutOff(f"the answer was cut off at {content[:80]!r}; give more --max-tokens, or let the model not think")
    usage = answer.get("usage")
    counts = [usage.get(name) if isinstance(usage, dict) else 0 for name in ("prompt_tokens", "completion_tokens")]
    tokens_in, tokens_out = (count if type(count) is int and count >= 0 else 0 for count in counts)
    shares = {} if key is None else key_shares(choice.get("logprobs"), content, key, keys)
    return Reply(content[:KEPT], key, shares, tokens_in, tokens_out)


def _content(message: dict[str, Any]) -> str:
    """What the message says; nothing where the model refused."""
    content = message.get("content")
    if isinstance(content, list):  # parts
        content = "".join(str(part["text"]) for part in content if part.get("type") == "text")
    if content is not None and not isinstance(content, str):
        raise TypeError("content")
    return content or ""


def named_key(said: str, keys: Sequence[str], names: Sequence[str]) -> str | None:
    """The key of the class that an answer names: by its key, its name, or both; None where it says anything else.

    An answer that merely begins with or contains a key names no class: "I cannot say" is not the class I.
    """
    text = said.rsplit(_THOUGHT, 1)[-1].strip()
    if len(text) > LONGEST:
        return None
    text = re.sub(r"^```\w*\s*|\s*```$", "", text)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    if isinstance(value, dict):
        value = next(iter(value.values())) if len(value) == 1 else ""
    if not isinstance(value, str | int):
        return None
    preamble = _PREAMBLE.fullmatch(_bare(str(value)))
    return _named(str(value), keys, names) or (_named(preamble[1], keys, names) if preamble else None)


def _named(text: str, keys: Sequence[str], names: Sequence[str]) -> str | None:
    bare = _bare(text)
    if (key := _as_key(bare, keys)) is not None:
        return key
    named = [key for key, name in zip(keys, names, strict=True) if _bare(name).casefold() == bare.casefold() and bare]
    if len(named) == 1:
        return named[0]
    if match := _KEY_AND_NAME.fullmatch(bare):
        key = _as_key(match[1], keys)
        if key is not None and _bare(match[2]).casefold() == _bare(names[keys.index(key)]).casefold():
            return key
    return None


def _bare(text: str) -> str:
    return text.strip(_EDGES)


def _as_key(text: str, keys: Sequence[str]) -> str | None:
    key = text.zfill(len(keys[0])) if text.isdecimal() and keys[0].isdecimal() else text.upper()
    return key if key in keys else None


def key_shares(logprobs: Any, content: str, key: str, keys: Sequence[str]) -> dict[str, float]:
    """How probable each key was at the place where the answer names one; empty where the server does not tell.

    Parameters
    ----------
    logprobs
        As the protocol has it: `content`, a list of tokens with `top_logprobs` each. Whatever else comes tells nothing.
    content : str
        The answer. Tokens of thoughts that a server leaves out of it may stand before its own.
    key : str
        What the answer names.
    """
    try:
        tokens = logprobs["content"]
        place = _place(tokens, content, key)
        if place is None or not tokens[place]["top_logprobs"]:
            return {}
        seen = {token["token"]: token["logprob"] for token in [*tokens[place]["top_logprobs"], tokens[place]]}
        mass: dict[str, float] = {}
        for token, logprob in seen.items():
            if (found := _bare(token)) in keys:
                mass[found] = mass.get(found, 0.0) + math.exp(min(float(logprob), 0.0))
        total = math.fsum(mass.values())
        return {each: mass[each] / total for each in keys if mass.get(each)} if 0 < total < math.inf else {}
    except (LookupError, TypeError, ValueError, AttributeError):
        return {}


def _place(tokens: list[dict[str, Any]], content: str, key: str) -> int | None:
    """The first token of the answer that is the key, perhaps with quotes or blanks around it."""
    texts = [token["token"] for token in tokens]
    whole = "".join(texts)
    end = content.rfind(_THOUGHT)
    begin = len(whole) - len(content) + max(end, 0) if whole.endswith(content) else 0
    at = 0
    for place, text in enumerate(texts):
        if at >= begin and _bare(text) == key:
            return place
        at += len(text)
    return None
