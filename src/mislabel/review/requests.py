"""What the page may send, and nothing else. `tools/page_types.py` makes the page's types from these models."""

import hashlib
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mislabel.decisions.events import LONGEST_NOTE, Kind
from mislabel.review.filters import Filter

Whole = Annotated[int, Field(ge=-(2**53), le=2**53)]  # what a page can count to


class PageRequest(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)

    def body(self) -> str:
        """A digest of what it asks for; not of what the page knew, which is more when it asks again."""
        said = f"{type(self).__name__} {self.model_dump_json(exclude={'key', 'since'})}"
        return hashlib.sha256(said.encode()).hexdigest()


class ListFilter(PageRequest):
    given: Whole | None = None
    suggested: Whole | None = None
    decision: str = "any"
    status: str = "judged"
    search: str = Field("", max_length=1000)
    reviewer: str = Field("", max_length=1000)
    area: str = Field("", max_length=4000)

    def filter(self) -> Filter:
        return Filter(**self.model_dump())


class DecideRequest(PageRequest):
    """Needs `rows` or `filter`."""

    key: str = Field(min_length=1, max_length=100)
    kind: Kind
    label: Whole | None = None
    rows: list[Whole] | None = None
    filter: ListFilter | None = None
    digest: str | None = None
    """Of the rows that a list said pass the filter."""
    place: Whole | None = None
    note: str | None = Field(None, max_length=LONGEST_NOTE)
    since: Whole = 0


class KeysRequest(PageRequest):
    keys: dict[str, str] = Field(max_length=20)
    """By what they do; those that are left out are as usual."""

    @field_validator("keys")
    @classmethod
    def one_character_each(cls, keys: dict[str, str]) -> dict[str, str]:
        if any(len(name) > 20 or len(key) != 1 or not key.isprintable() for name, key in keys.items()):
            raise ValueError("a key is one character, for something that the page does")
        if len(set(keys.values())) < len(keys):
            raise ValueError("a key does one thing")
        return keys


class UndoRequest(PageRequest):
    key: str = Field(min_length=1, max_length=100)
    action: Whole | None = None
    since: Whole = 0
