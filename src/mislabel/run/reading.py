"""A finished run, as everything after it reads it: report, review, export, prediction, and the next run."""

from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.sparse import csr_array

from mislabel.audit import Audit
from mislabel.data.classes import classes_of_one_type
from mislabel.decisions.events import Decision, Event
from mislabel.decisions.store import read_decisions, read_history, read_remembered
from mislabel.errors import RunError
from mislabel.posterior.beta_mixture import BetaMixture
from mislabel.posterior.likeliest import Likeliest
from mislabel.posterior.noise_rate import NoiseRate
from mislabel.run.audit_file import GOLD, LABELS, AuditFile, Numbers
from mislabel.run.folder import NO_DIGESTS, RunFolder
from mislabel.run.kept_inputs import read_by_id
from mislabel.run.mixture_metrics import rate_distribution, read_mixture, read_rates
from mislabel.run.opening import Matrix, open_parquet, read_array, read_likeliest
from mislabel.run.row_votes import read_row_votes
from mislabel.run.rows import Rows, positions_among


class Run:
    """What a run folder says. Each file is read when it is first asked for, and once.

    Whatever is damaged raises a `RunError` that names the file and says what to do.

    Attributes
    ----------
    folder : RunFolder
    config, metrics : dict
        config.json and metrics.json.
    """

    def __init__(self, folder: RunFolder):
        self.folder = folder
        self.config: dict[str, Any] = folder.read_config()
        self.metrics: dict[str, Any] = folder.read_metrics()

    @classmethod
    def open(cls, folder: "RunFolder | str | Path") -> "Run":
        """A finished run.

        Raises
        ------
        InputError
            If the folder is no run, or the run is not finished.
        RunError
            If its config.json or metrics.json cannot be read.
        """
        return cls(folder if isinstance(folder, RunFolder) else RunFolder(folder))

    @property
    def name(self) -> str:
        """Of the folder."""
        return self.folder.path.resolve().name

    # What config.json and metrics.json say.

    @property
    def settings(self) -> dict[str, Any]:
        """Every effective setting."""
        return section(self.config, "settings")

    @property
    def data(self) -> dict[str, Any]:
        """What is said of the data: name, source, fingerprint, columns, classes, ..."""
        return section(self.config, "data")

    @property
    def method(self) -> str:
        return str(self.settings.get("method", ""))

    @property
    def modality(self) -> str:
        """What the inputs are; runs from before there was a choice are on text."""
        return str(self.data.get("modality", "text"))

    @property
    def columns(self) -> dict[str, str | None]:
        """Which column of the data is what: text, label, id, ..."""
        return section(self.data, "columns")

    @property
    def noise_rate(self) -> NoiseRate:
        """As the run itself knew it; a review may know more."""
        return NoiseRate.of(self.metrics)

    @property
    def test(self) -> dict[str, Any]:
        """Scores on held-out rows; empty where there are none."""
        return section(self.metrics, "test")

    @property
    def notes(self) -> list[str]:
        """Warnings and decisions that a reader has to know."""
        notes = [str(note) for note in self.metrics.get("notes") or []]
        return notes if self.folder.digests.is_file() else [*notes, NO_DIGESTS]

    @cached_property
    def mixture(self) -> BetaMixture | None:
        """The fitted mixture over the rates of wrong events; None where the method fits none."""
        return read_mixture(section(self.metrics, "mixture"))

    # What the audit says.

    @cached_property
    def audit(self) -> AuditFile:
        return AuditFile(self.folder.audit)

    @cached_property
    def rows(self) -> Rows:
        classes = classes_of_one_type(self.data.get("classes") or [])
        ids, status = (self.audit.column(name).combine_chunks() for name in ("id", "status"))
        # Labels first, and all of them: what they show beyond the classes that config.json tells is a class, too.
        labels = {name: self.audit.codes(name, classes) for name in LABELS if name in self.audit.names}
        return Rows(
            modality=self.modality,
            ids=ids,
            status=status.dictionary_encode(),
            classes=classes,
            labels=labels,
            numbers=Numbers(self.audit),
            position=self._positions(ids),
            votes=read_row_votes(self.folder.votes, ids),
        )

    @cached_property
    def n_classes(self) -> int:
        """K: the classes that the run was trained to tell apart."""
        return len(self.data.get("classes") or self.rows.classes)

    @cached_property
    def exact(self) -> Numbers:
        """The numbers of `rows` as the audit has them, (n,) float64 each."""
        return Numbers(self.audit, np.float64)

    @cached_property
    def gold(self) -> tuple[np.ndarray, list[Any]] | None:
        """Codes of the gold labels, (n,) int32, -1 for none, and their classes; None where the run had no such column.

        The classes are those of `rows`, then those that only gold has. Gold only scores: a review does not ask for it.
        """
        if GOLD not in self.audit.names:
            return None
        classes = list(self.rows.classes)
        return self.audit.codes(GOLD, classes), classes

    @cached_property
    def wrong_event_rates(self) -> tuple[np.ndarray, np.ndarray]:
        """Distinct rates of wrong events, (m,) float64, and the rows of each, (m,) int64; empty where unknown."""
        stored = read_rates(section(self.metrics, "mixture"))
        if stored is not None:
            return stored
        if not {"wrong_events", "observations"} <= set(self.audit.numbers):
            return np.empty(0), np.empty(0, dtype=np.int64)
        wrong, observed = self.exact["wrong_events"], self.exact["observations"]
        seen = np.isfinite(wrong) & (observed > 0)
        return rate_distribution(wrong[seen] / observed[seen])

    def held_out(self) -> list[Any]:
        """The ids of the rows that were held out."""
        held_out = self.rows.with_status("held_out")
        return self.rows.ids.filter(held_out).to_pylist()

    def result(self) -> Audit:
        """The audit as whoever trained it holds it."""
        with open_parquet(self.folder.audit) as file:
            table = file.read().to_pandas()
        with open_parquet(self.folder.transition) as file:
            cells = file.read().to_pandas()
        classes = list(self.data.get("classes") or [])
        several = (self._table(path) for path in (self.folder.sources, self.folder.votes))
        if self.folder.likeliest.is_file():
            posterior, transition = read_likeliest(self.folder.likeliest, len(classes)), sparse(cells, len(classes))
        else:
            posterior, transition = read_array(self.folder.posterior), cells.to_numpy()
        return Audit(table, posterior, classes, transition, self.metrics, self.notes, *several)

    # The other files.

    @cached_property
    def sources(self) -> pd.DataFrame | None:
        """sources.parquet: one line a source; None where one label a row was given."""
        return self._table(self.folder.sources)

    def _table(self, path: Path) -> pd.DataFrame | None:
        """A table that not every run has."""
        if not path.is_file():
            return None
        with open_parquet(path) as file:
            return file.read().to_pandas()

    @property
    def keeps_inputs(self) -> bool:
        return self.folder.inputs.is_file()

    @cached_property
    def transition(self) -> Any:
        """T[i, j] = P(given = j | true = i), (K, K) float64, of many classes sparse; None where there is none."""
        if not self.folder.transition.is_file():
            return None
        with open_parquet(self.folder.transition) as file:
            cells = file.read().to_pandas()
        classes = len(self.rows.classes)  # with those that only the labels show
        if self.folder.likeliest.is_file():
            return sparse(cells, classes)
        matrix = cells.to_numpy(dtype=np.float64)
        return matrix if matrix.shape == (classes, classes) and np.isfinite(matrix).all() else None

    def matrix(self, path: Path) -> Matrix | None:
        """The posterior or the embeddings, (N, width), in the order of the input, to be read by lines.

        None where there is none, or `rows` do not tell a place.

        Raises
        ------
        RunError
            If the file is broken, or holds no line for some row.
        """
        if self.rows.position is None or not path.is_file():
            return None
        return Matrix(path, int(self.rows.position.max(initial=-1)) + 1)

    @cached_property
    def posterior(self) -> Matrix | Likeliest | None:
        """P(true label = k) of each row, (N, K), in the order of the input; see `matrix`."""
        if self.rows.position is not None and self.folder.likeliest.is_file():
            return read_likeliest(self.folder.likeliest, self.n_classes, int(self.rows.position.max(initial=-1)) + 1)
        return self.matrix(self.folder.posterior)

    def inputs_by_id(self, ids: Collection[Any]) -> dict[Any, str | bytes | None]:
        """The kept inputs of these rows, those that are there; nothing where the run keeps none."""
        return read_by_id(self.folder.inputs, ids) if ids and self.keeps_inputs else {}

    def trained(self) -> np.ndarray:
        """The rows that trained, (m,) int64, in the order of the dynamics."""
        path = self.folder.trained_ids
        with open_parquet(path) as file:
            rows = positions_among(file.read(columns=["id"])["id"].combine_chunks(), self.rows.ids)
        if (rows < 0).any():
            raise RunError(f"{path} names rows that the audit does not have")
        return rows

    def history(self) -> list[Event]:
        """Every event of the decisions that were made in a review of the run."""
        return read_history(self.folder.decisions)

    def decisions(self) -> dict[Any, Decision]:
        """What a person decided and what holds now, by id."""
        return read_decisions(self.folder.decisions)

    def remembered(self, name: str) -> Any:
        """What a review of the run stored under a name beside the decisions; None where there is no such thing."""
        return read_remembered(self.folder.decisions, name)

    def _positions(self, ids: pa.Array) -> np.ndarray | None:
        """Where each row stands in the input: as the audit says, or else by its id in inputs.parquet."""
        if "row" in self.audit.names:
            return self.audit.values("row", np.float64).astype(np.int64)
        if not self.keeps_inputs:
            return None
        with open_parquet(self.folder.inputs) as file:
            positions = positions_among(ids, file.read(columns=["id"])["id"].combine_chunks())
        return None if (positions < 0).any() else positions


def sparse(cells: pd.DataFrame, n_classes: int) -> Any:
    """T from a line for each of its cells."""
    place = cells["true"].to_numpy(), cells["given"].to_numpy()
    return csr_array((cells["share"].to_numpy(), place), shape=(n_classes, n_classes))


def section(values: dict[str, Any], name: str) -> dict[str, Any]:
    """A part of config.json or metrics.json; an empty one where it is missing."""
    part = values.get(name)
    return part if isinstance(part, dict) else {}
