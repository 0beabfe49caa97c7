"""The estimators: scikit-learn's contract around a run."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from mislabel.data import Dataset
from mislabel.data.alignment import refuse_misaligned
from mislabel.data.descriptions import read_descriptions
from mislabel.errors import InputError
from mislabel.estimators.sharing import Shared
from mislabel.files import atomic_write
from mislabel.modalities.dataset import make_dataset
from mislabel.report import render_report
from mislabel.run.about import describe
from mislabel.run.folder import RunFolder
from mislabel.run.predictor import Predictor, load_predictor
from mislabel.run.prior_decisions import take_over
from mislabel.run.reading import Run
from mislabel.run.settings import RunConfig
from mislabel.run.train import train
from mislabel.run.writing import write_run
from mislabel.training.progress import Quiet, shown


class RunClassifier(Shared, ClassifierMixin, BaseEstimator):
    """What the estimators share: fit makes a run, predict asks its model."""

    classes_: np.ndarray
    n_features_in_: int

    def fit(
        self,
        X: Any,
        y: Sequence[Any] | None = None,
        ids: Sequence[Any] | None = None,
        decisions: str | Path | None = None,
        trusted: Sequence[Any] | None = None,
        describe: str | Path | Mapping[Any, str | Sequence[str]] | None = None,
        sources: Any = None,
        source_kind: str | None = None,
    ) -> Self:
        """Train on inputs and their given labels.

        Parameters
        ----------
        X : n inputs
        y : n labels of any hashable type
            None where `sources` label the rows: then the given labels are what these come to.
        ids : n names of the rows, optional
            0..n-1 without them.
        decisions : path, optional
            An earlier run: rows that were decided in its review are taken as known, as with `mislabel train
            --decisions`. Their ids must be those of `ids`. Where a row has a trusted label too, the decision holds.
        trusted : n labels that somebody checked, optional
            Missing (None, NaN, or -1 beside codes) in all rows but those few. They teach: what a row learns is its
            trusted label, and `audit_` counts it as known. `trusted_drawn` says how these rows were picked.
        describe : path or mapping, optional
            What classes mean: a sentence or several for each class, or a TOML file of them, as with `mislabel train
            --describe`.
        sources : frame, mapping or (n, S) array, optional
            What S sources say of each row, one column a source; None, NaN, empty, or -1 beside codes where it abstains.
            A column of mappings {class: share}, or an (n, K) array of shares of the sorted classes of `y`, is one
            source that gives soft labels.
        source_kind : str, optional
            Which of them are rules, people or models, as `mislabel train --source-kind`, where it cannot be told.

        Raises
        ------
        InputError
            If inputs or labels cannot be used, the decisions are of other rows, or what is described is no class.
        """
        refuse_misaligned([("X", X), ("y", y), ("ids", ids), ("trusted", trusted), ("sources", sources)])
        columns = {self.modality: self.modality, "label": "label"} | ({} if trusted is None else {"trusted": "trusted"})
        earlier = None if decisions is None else Run.open(decisions)
        described = read_descriptions(describe) if isinstance(describe, str | Path) else describe
        config = replace(self._config(), describe=described)  # pyright: ignore[reportArgumentType]
        progress = shown() if self._verbose else Quiet()
        trained = train(
            self._dataset(X, y, ids, trusted, sources, source_kind), config, earlier=earlier, progress=progress
        )
        assert trained.predictor is not None  # as there is no folder with a finished run
        self.audit_, self.predictor_ = trained.audit, trained.predictor
        self._about = config, trained, earlier, columns
        self._set_classes()
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Class probabilities, (m, K) float32, in the order of `classes_`."""
        check_is_fitted(self, "predictor_")
        return self.predictor_.probabilities(self._new(X), device=self.get_params()["device"])

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each input, (m,), as the labels went in."""
        codes = self.predict_proba(X).argmax(1)
        return self.classes_[codes]

    def save(self, folder: str | Path, *, content: bool = True, overwrite: bool = False) -> None:
        """Write a run folder, as `mislabel train` does.

        Parameters
        ----------
        folder : path
        content : bool
            Whether the training inputs go into it.
        overwrite : bool
            Whether to replace a run that is there.

        Raises
        ------
        InputError
            If the folder is not empty, or this classifier was itself loaded from one.
        """
        check_is_fitted(self, "predictor_")
        self._write(RunFolder(folder), self.predictor_, content=content, overwrite=overwrite)

    def report(self, path: str | Path, *, content: bool = True) -> Path:
        """Write the report, one HTML file that opens offline, as `mislabel report` does.

        Parameters
        ----------
        path : path
            Of the file; one that is there is replaced.
        content : bool
            Whether the training inputs go into it.

        Returns
        -------
        Path

        Raises
        ------
        InputError
            If this classifier was loaded from a run folder: `mislabel report` makes one of it.
        """
        check_is_fitted(self, "predictor_")
        with TemporaryDirectory() as temporary:
            folder = RunFolder(Path(temporary) / "run")
            self._write(folder, None, content=content, overwrite=False)
            atomic_write(Path(path), render_report(folder))
        return Path(path)

    def review(
        self, folder: str | Path, *, order: str = "worst", budget: int | None = None, browser: bool = True
    ) -> None:
        """Serve the page on which a person decides, until Ctrl-C (in a notebook: until the cell is interrupted).

        Parameters
        ----------
        folder : path
            The run folder that keeps the decisions: `fit(..., decisions=folder)` learns from them. It is written where
            there is none.
        order, budget
            As in `mislabel review`.
        browser : bool
            Whether to open the page.

        Raises
        ------
        InputError
            If the extra `review` is not installed, or there is no run and this classifier was loaded from one.
        """
        from mislabel.review.serve import serve

        check_is_fitted(self, "predictor_")
        target = RunFolder(folder)
        if not target.finished:
            self.save(folder)
        with suppress(KeyboardInterrupt):
            serve(target, order=order, budget=budget, browser=browser, say=lambda lines: print("\n".join(lines)))

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a run folder of `save` or `mislabel train`.

        Raises
        ------
        InputError
            If it holds no finished run, or one on other inputs than this class takes.
        """
        run = Run.open(folder)
        if run.modality != cls.modality:
            raise InputError(f"{folder} holds a run on {run.modality}; {cls.__name__} is for {cls.modality}")
        known = cls().get_params()
        self = cls(**{name: value for name, value in run.settings.items() if name in known})
        self.audit_ = run.result()
        self._about, self._loaded = None, run.config
        self._take(load_predictor(run.folder.model))
        return self

    def _write(self, target: RunFolder, predictor: Predictor | None, *, content: bool, overwrite: bool) -> None:
        """A run folder as of `save`, with or without the model."""
        if self._about is None:
            raise InputError("this classifier was loaded from a run folder: copy that folder")
        config, trained, earlier, columns = self._about
        with target.locked():
            about = describe(config, trained.dataset, columns, trained.decisions)
            target.prepare(about, resume=False, overwrite=overwrite)
            write_run(self.audit_, predictor, trained.dataset, target, content)
            if earlier is not None:
                take_over(earlier.folder, target, trained.dataset)

    @property
    def _verbose(self) -> bool:
        return bool(self.get_params()["verbose"])

    def _dataset(self, X: Any, y: Any, ids: Any, trusted: Any, sources: Any, source_kind: str | None) -> Dataset:
        params = self.get_params()
        settings = {name: params[name] for name in ("missing", "on_bad", "missing_values", "join") if name in params}
        votes = {"sources": sources, "source_kind": source_kind}
        return make_dataset(X, y, modality=self.modality, ids=ids, trusted=trusted, **votes, **settings)

    def _new(self, X: Any) -> Any:
        checks = self.predictor_.reader.checks()
        return make_dataset(X, modality=self.modality, need_labels=False, checks=checks).inputs

    def _take(self, predictor: Predictor) -> None:
        """Answer by a model that was trained before."""
        self.predictor_ = predictor
        self._set_classes()

    def _set_classes(self) -> None:
        self.classes_ = np.array(self.predictor_.classes)
        self.n_features_in_ = 1

    def _config(self) -> RunConfig:
        names, params = RunConfig.__dataclass_fields__, self.get_params()
        settings = {name: value for name, value in params.items() if name in names and name != "options"}
        return RunConfig(**settings, options=params["options"] or {})
