"""One kind of input as an object, which every other room asks in place of comparing names."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mislabel.errors import InputError

if TYPE_CHECKING:  # `mislabel --help` makes its options from this file alone
    import numpy as np
    import pandas as pd
    from torch import nn

    from mislabel.data import Dataset
    from mislabel.data.inputs import CheckedInputs, RawInputs
    from mislabel.modalities.contract import Prepared, Reader, Settings, Storage
    from mislabel.training.inputs import Inputs
    from mislabel.training.progress import Quiet


@dataclass(frozen=True)
class Words:
    """What inputs are called in messages, on the report and on the page.

    Attributes
    ----------
    plural : str
        "texts".
    title : str
        Of the column that shows them: "Text".
    contained : str
        What a report contains of them: "the texts", "small copies of the images".
    whole : str
        All of an input, of which only the beginning is shown at once: "full text".
    other : str
        What a row has whose input changed: "another text".
    noise_features : str
        What noise that depends on the input is computed from: "image pixels".
    """

    plural: str
    title: str
    contained: str
    whole: str
    other: str
    noise_features: str


@dataclass(frozen=True)
class Source:
    """Data that one modality alone can read, such as a folder of images, as a table.

    Attributes
    ----------
    frame : DataFrame
        n rows.
    roles : dict
        The column of the input by the name of the modality, and where there are such columns `label`, `split`, `id`.
    notes : list of str
        What was left out.
    root : Path or None
        Where relative paths in the table start.
    """

    frame: "pd.DataFrame"
    roles: dict[str, str]
    notes: list[str]
    root: Path | None = None


class Modality(ABC):
    """One kind of input.

    Its attributes describe the kind, its methods do what depends on it. A new modality derives from this, sets the
    attributes without a default, implements the abstract methods and is registered with
    `mislabel.modalities.register`. `examples/add_a_modality.py` is one.

    Attributes
    ----------
    name : str
        In config.json; also the option on the command line: ``--text``.
    words : Words
    help : str
        Of the option.
    metavar : str
        What the option takes, in a word.
    one_column : bool
        Whether the option names columns, whose cells are the inputs, one or joined; else it may be globs, or a file.
    pictures : bool
        Whether a row is shown as a picture; else as text.
    searchable : bool
        Whether a review can search in what is shown.
    kept_bytes : bool
        Whether a run keeps bytes of each row (see `RawInputs.kept`); else text.
    kept_at_once : int
        How many rows of that fit well into memory.
    comparable : bool
        Whether what a run kept shows that a row is still the same; see `RawInputs.matcher`.
    replaceable : bool
        Whether a row with an id stays the same row when its input becomes another, as with better embeddings.
    encoder : str or None
        The pretrained model to start from where none is named; None where there is none, and a head on the inputs
        themselves is trained.
    meanings : bool
        Whether every encoder compares inputs with words that say what a class means; else few do, or none.
    whole_method : str
        What trains a whole network where nobody names a method.
    batch_size : int
        The most rows in a step where a whole network is trained.
    learning_rate : float
        Of a whole pretrained network.
    own_plan : tuple of str
        Settings of `mislabel.data.plan.Plan` that are for this modality alone; `check` takes them.
    own_settings : tuple of str
        Settings of a run that are for this modality alone.
    own_id : str or None
        The column that names the rows of data that only this modality can read (see `open_source`), where there is one.
    task : str or None
        What Hugging Face calls the classification of such inputs; a whole network of ours opens in its pipeline.
    estimator : str or None
        The class of this package that takes such inputs, where it is one of `mislabel`.
    """

    name: str
    words: Words
    help: str
    metavar: str = "COL"
    one_column: bool = True
    pictures: bool = False
    searchable: bool = False
    kept_bytes: bool = False
    kept_at_once: int = 4096
    comparable: bool = True
    replaceable: bool = False
    encoder: str | None = None
    meanings: bool = False
    whole_method: str = "ido"
    batch_size: int = 32
    learning_rate: float = 3e-5
    own_plan: tuple[str, ...] = ()
    own_settings: tuple[str, ...] = ()
    own_id: str | None = None
    task: str | None = None
    estimator: str | None = None

    @abstractmethod
    def check(
        self, values: Any, ids: Any, name: str, *, root: Path | None = None, on_bad: str = "error"
    ) -> "CheckedInputs":
        """Check the inputs of all rows.

        Parameters
        ----------
        values
            n inputs in any form that a user may give.
        ids
            n ids, for the messages.
        name : str
            What the values are called, for the messages.
        root : Path, optional
            Where relative paths start.
        on_bad : "error" or "quarantine"
            What becomes of rows whose content cannot be read, where there may be such.

        Raises
        ------
        InputError
            If the values are no inputs of this kind.
        """

    @abstractmethod
    def prepare(
        self, dataset: "Dataset", settings: "Settings", accelerator: Any, storage: "Storage | None", progress: "Quiet"
    ) -> "Prepared":
        """Make a data set ready for training.

        Parameters
        ----------
        accelerator : accelerate.Accelerator
        storage : Storage, optional
            Where to keep what is computed once; nothing is written without it.

        Raises
        ------
        InputError
            If the data cannot train a classifier, or a model cannot be loaded.
        """

    @abstractmethod
    def load_reader(self, folder: Path, about: dict[str, Any]) -> "tuple[Reader, nn.Module]":
        """The reader and the network that `Reader.save` wrote; `about` is what it gave, and `classes`."""

    def count(self, values: Any, name: str) -> int:
        """How many rows there are in `values`."""
        return len(values)

    def columns(self, names: Sequence[str], option: str, taken: Sequence[str | None]) -> list[str]:
        """The columns of a table that the option means, among all `names` but those that are `taken`.

        Raises
        ------
        InputError
            If it means none.
        """
        return [option]

    def values(self, frame: "pd.DataFrame", option: str, taken: Sequence[str | None], **checks: Any) -> Any:
        """What the option means in a table.

        Parameters
        ----------
        option : str
            What the user gave, such as the name of a column.
        taken : sequence of str or None
            Columns that have another use.
        checks
            What `Reader.checks` says of a run that new rows are read for.
        """
        from mislabel.tables.reading import pick_column

        return pick_column(frame, option, self.name)

    def open_source(self, source: Any) -> Source | None:
        """Data that only this modality knows how to read; None for all other."""
        return None

    def from_kept(self, kept: Sequence[str | bytes | None]) -> "RawInputs | None":
        """Inputs for a model from what a run keeps of rows; None where that is not enough."""
        return None

    def for_many_passes(self, inputs: "Inputs", path: Path) -> "Inputs":
        """The same inputs, prepared for many passes; a file at `path` may cache what is costly to compute."""
        return inputs

    def noise_features(self, inputs: "RawInputs", seed: int) -> "np.ndarray":
        """Features (n, L) float for noise that depends on the input: what a hurried annotator sees of each row.

        Raises
        ------
        InputError
            If nothing is known of it.
        """
        raise InputError(f"kind idn cannot look at {self.words.plural}; choose kind sym or asym")
