"""`mislabel corrupt`: read a table or folder, look at its inputs where the noise depends on them, plant errors."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mislabel.errors import InputError
from mislabel.modalities.features import check_features, read_matrix
from mislabel.modalities.image import check_images
from mislabel.modalities.image.files import read_image_folder
from mislabel.modalities.loading import feature_values, is_folder
from mislabel.noise import corrupt_table
from mislabel.noise.tables import pixel_features
from mislabel.tables import read_table
from mislabel.tables.reading import pick_column


def corrupt_source(
    source: str,
    *,
    label: str | None,
    text: str | None,
    image: str | None,
    features: str | None,
    kind: str,
    split: str | None,
    superclass: str | None,
    transition: Path | None,
    **settings: Any,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table with its new column, and the report; see `mislabel.data.corrupt_table`.

    Parameters
    ----------
    source : str
        As `DATA` of every command. The rows of a folder of images become a table with the full path of each.
    transition : Path, optional
        File of the matrix for kind "matrix".
    settings
        See `corrupt_table`.

    Raises
    ------
    InputError
        If the inputs that `idn` has to look at are not named or cannot be read.
    """
    folder = Path(source)
    if is_folder(source):
        frame, root = read_image_folder(folder), folder
        image, label = image or "image", label or "label"
        split = split or ("split" if "split" in frame else None)
        frame["image"] = [str((folder / name).resolve()) for name in frame["image"]]
    else:
        named = [name for name in (label, superclass) if name]
        frame, root = read_table(source, strings=[text] if text else [], lossless=named), Path(source).parent
    if label is None:
        raise InputError(f"which column holds the true labels? There are {', '.join(map(str, frame.columns))}: --label")
    looks, said = None, ""
    if kind == "idn" and text is None:
        if (image is None) == (features is None):
            raise InputError("kind idn looks at the inputs: name them with one of --text, --image and --features")
        ids = np.arange(len(frame))
        if image is not None:
            images, _, _ = check_images(pick_column(frame, image, "image"), ids, image, root=root)
            looks = pixel_features(np.asarray(images.open(place)) for place in range(len(images)))
            said = "image pixels"
        else:
            values = feature_values(frame, features or "", (label, split, superclass))
            looks, said = check_features(values, ids, "features")[0].matrix, "features"
    return corrupt_table(
        frame,
        label=label,
        text=text,
        kind=kind,  # pyright: ignore[reportArgumentType]
        split=split,
        superclass=superclass,
        inputs_features=looks,
        features_name=said or "features",
        transition=None if transition is None else read_transition(transition),
        **settings,
    )


def read_transition(path: Path) -> np.ndarray:
    """A square matrix of numbers from .npy or .csv."""
    if path.suffix == ".npy":
        return read_matrix(path, None)
    try:
        return np.loadtxt(path, delimiter=",", ndmin=2)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a matrix ({error}): give .npy, or .csv of numbers alone") from error
