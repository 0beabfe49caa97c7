"""The settings of a data set: which rows stay, which are held out, and which classes there are."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from mislabel.errors import InputError
from mislabel.settings import Setting, check_settings

Missing = Literal["error", "drop", "unlabeled"]
OnBad = Literal["error", "quarantine"]
MissingValues = Literal["error", "impute"]
Join = Literal["lines", "pair"]
Seed = Annotated[int, Setting("Of training, and of the rows that --holdout draws.", 0, 2**32 - 1)]


@dataclass(frozen=True)
class Plan:
    """What becomes of the rows.

    Attributes
    ----------
    missing : "error", "drop" or "unlabeled"
        What becomes of rows without a label; "unlabeled" keeps them, out of the loss and all counts. A valid or test
        row that has a gold label does not need a given one.
    on_bad : "error" or "quarantine"
        What becomes of images that cannot be read; "quarantine" keeps the row and marks it.
    missing_values : "error" or "impute"
        What becomes of numbers and dates that are missing in columns of features; "impute" puts the median of the
        column in their place, and beside it a column that says where. Vectors and matrices must be whole.
    join : "lines" or "pair"
        How the texts of several columns are read: as lines of one text, or two as the tokenizer's pair.
    holdout, seed
        The share of the labelled rows to hold out as test, stratified by the given label, and the seed of the draw.
    held_out
        Ids to hold out in place of a draw, as by a run before: labels that changed since would change the draw.
    classes
        The classes, in order; see `encode_labels`.
    source_kind
        What kind of source each is, where that cannot be told from what they say.
    need_labels
        Whether labels are needed at all; they are not for prediction, where missing ones are fine.

    Raises
    ------
    InputError
        If a value is not what is declared.
    """

    missing: Annotated[Missing, Setting("Rows without a label: stop, leave them out, or keep them unjudged.")] = "error"
    on_bad: Annotated[OnBad, Setting("Images that cannot be read: stop, or keep the row unjudged.")] = "error"
    missing_values: Annotated[
        MissingValues, Setting("Gaps in columns of numbers: stop, or put the median there and mark them.")
    ] = "error"
    join: Annotated[Join, Setting("Texts of several columns: lines of one text, or two as the tokenizer's pair.")] = (
        "lines"
    )
    holdout: Annotated[
        float, Setting("Share of rows to hold out as test, where there is no split column.", 0, 0.999)
    ] = 0.0
    seed: Seed = 0
    source_kind: Annotated[
        str | None,
        Setting(
            "Which sources are rules, people or models: 'rule_*=rule,anna=person,gpt=model'.",
            default="who says one class is a rule",
        ),
    ] = None
    held_out: Collection[Any] | None = None
    classes: Sequence[Any] | None = None
    need_labels: bool = True

    def __post_init__(self) -> None:
        check_settings(self)

    def check_split(self, split: Any) -> None:
        """Raise InputError where a column says already what is held out."""
        if self.holdout > 0 and split is not None:
            raise InputError("holdout and a split column were both given; the column says already what is held out")
