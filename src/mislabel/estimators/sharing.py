"""The model of an estimator as a folder that others can take: on disk, or on the Hugging Face hub."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Self

from mislabel.audit import Audit
from mislabel.errors import InputError
from mislabel.integrity import read_object
from mislabel.run.about import describe
from mislabel.run.folder import check_folder
from mislabel.run.hub import check_name, fetch, push
from mislabel.run.model_card import model_card
from mislabel.run.predictor import ABOUT, Predictor, load_predictor
from mislabel.run.reading import Run
from mislabel.run.settings import RunConfig
from mislabel.run.train import Trained


class Shared:
    """What `RunClassifier` does with a model alone: without the training rows and what is known of them."""

    modality: ClassVar[str]
    audit_: Audit
    predictor_: Predictor
    # What a run folder needs: settings, the run, the earlier run, columns. None where it was loaded.
    _about: tuple[RunConfig, Trained, Run | None, dict[str, str]] | None = None
    _loaded: dict[str, Any] | None = None  # config.json of the run that it was loaded from

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the model alone, with its model card, as `RUN/model`; `from_pretrained` reads it.

        Parameters
        ----------
        folder : path
            Of which there is nothing yet, or which is empty.

        Raises
        ------
        InputError
            If the folder is not empty, or this classifier came from a model folder.
        """
        config, metrics = self._described(), self.audit_.metrics
        target = Path(folder)
        check_folder(target)
        if target.is_dir() and any(target.iterdir()):
            raise InputError(f"{target} is not empty: choose another folder")
        self.predictor_.save(target, lambda model: model_card(model, config, metrics))

    def push_to_hub(self, name: str, *, private: bool = False) -> str:
        """Upload the model alone, with its model card, to the Hugging Face hub, as `mislabel push` does.

        Parameters
        ----------
        name : str
            USER/NAME; the repository is made where there is none.
        private : bool
            Whether nobody else may see it.

        Returns
        -------
        str
            Its address.

        Raises
        ------
        InputError
            If the name cannot be one, nobody else could load the model, or this classifier came from a model folder.
        RunError
            If the hub cannot be reached or refuses.
        """
        check_name(name)
        with TemporaryDirectory() as temporary:
            folder = Path(temporary) / "model"
            self.save_pretrained(folder)
            return push(folder, name, private=private)

    @classmethod
    def from_pretrained(cls, name: str | Path) -> Self:
        """A classifier that predicts, from a model folder; it has no audit.

        Parameters
        ----------
        name : str or path
            A folder of `save_pretrained`, `RUN/model`, or a repository of the hub, which is downloaded.

        Raises
        ------
        InputError
            If there is no such model, or one on other inputs than this class takes.
        """
        folder = fetch(name)
        predictor = load_predictor(folder)
        modality = read_object(folder / ABOUT).get("modality", "text")
        if modality != cls.modality:
            raise InputError(f"{name} holds a model for {modality}; {cls.__name__} is for {cls.modality}")
        self = cls()
        self._take(predictor)
        return self

    def _take(self, predictor: Predictor) -> None:
        """Answer by a model that was trained before."""
        raise NotImplementedError

    def _described(self) -> dict[str, Any]:
        """What config.json says of the run."""
        if self._about is not None:
            config, trained, _, columns = self._about
            return describe(config, trained.dataset, columns, trained.decisions)
        if self._loaded is None:
            raise InputError("this classifier is not fitted, or came from a model folder: fit it, or copy that folder")
        return self._loaded
