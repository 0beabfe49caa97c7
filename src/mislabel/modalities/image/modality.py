"""Images as a modality."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mislabel.modalities.base import Modality, Source, Words

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from mislabel.data import Dataset
    from mislabel.data.inputs import CheckedInputs, RawInputs
    from mislabel.modalities.contract import Prepared, Reader, Settings, Storage
    from mislabel.modalities.image.images import Images
    from mislabel.training.inputs import Inputs
    from mislabel.training.progress import Quiet

DEFAULT_IMAGE_ENCODER = "microsoft/resnet-50"


class ImageModality(Modality):
    name = "image"
    words: Words = Words(
        plural="images", title="Image", contained="small copies of the images", whole="", other="another image",
        noise_features="image pixels",
    )  # fmt: skip
    help = "Column of image paths, from the table's folder, or encoded images."
    pictures = True
    kept_bytes = True
    kept_at_once = 256  # all pictures would not fit into memory
    comparable = False  # a run keeps small copies, which do not show whether the image is the same
    encoder: str | None = DEFAULT_IMAGE_ENCODER
    batch_size = 128
    learning_rate: float = 1e-4
    own_settings: tuple[str, ...] = ("scratch", "resolution", "recipe")
    own_id: str | None = "image"
    task: str | None = "image-classification"
    estimator: str | None = "ImageClassifier"

    def check(
        self, values: Any, ids: Any, name: str, *, root: Path | None = None, on_bad: Any = "error"
    ) -> "CheckedInputs":
        """Paths, encoded images, Pillow images or pixels; see `check_images`."""
        import numpy as np

        from mislabel.data.inputs import CheckedInputs
        from mislabel.modalities.image.images import check_images

        images, unreadable, notes = check_images(values, ids, name, root=root, on_bad=on_bad)
        return CheckedInputs(images, np.zeros(len(images), dtype=bool), unreadable, notes, name)

    def open_source(self, source: Any) -> Source | None:
        """A folder of class folders."""
        from mislabel.modalities.image.folders import is_folder, read_image_folder
        from mislabel.tables.sources import holds_tables

        if not is_folder(source) or holds_tables(source):
            return None
        frame = read_image_folder(Path(source))
        roles = {"image": "image", "label": "label", "id": self.own_id}
        roles |= {"split": "split"} if "split" in frame else {}
        return Source(frame, roles, frame.attrs.get("notes", []), Path(source))

    def prepare(
        self, dataset: "Dataset", settings: "Settings", accelerator: Any, storage: "Storage | None", progress: "Quiet"
    ) -> "Prepared":
        from mislabel.modalities.image.reader import prepare

        return prepare(dataset, settings, accelerator, storage, progress)

    def load_reader(self, folder: Path, about: dict[str, Any]) -> "tuple[Reader, nn.Module]":
        from mislabel.modalities.image.reader import load

        return load(folder, about)

    def from_kept(self, kept: Sequence[str | bytes | None]) -> "RawInputs":
        """Images of at most 128 pixels a side; one that could not be read is grey."""
        from mislabel.modalities.image.images import Images

        reasons = {position: "not kept" for position, value in enumerate(kept) if value is None}
        sources = [value if isinstance(value, bytes) else b"" for value in kept]
        return Images(sources, [""] * len(sources), reasons=reasons)

    def for_many_passes(self, inputs: "Inputs", path: Path) -> "Inputs":
        """Images that would be decoded every time are decoded once, into a file."""
        from mislabel.modalities.image.batches import ImageInputs, decode_all

        if isinstance(inputs, ImageInputs) and callable(inputs.pixels):
            pixels = decode_all(inputs.pixels, len(inputs), path, lambda count: None)
            return ImageInputs(pixels, inputs.rows)
        return inputs

    def noise_features(self, inputs: "RawInputs", seed: int) -> "np.ndarray":
        """Its colours on a coarse grid."""
        import numpy as np

        from mislabel.modalities.image.noise_features import pixel_features

        images = cast("Images", inputs)
        return pixel_features(np.asarray(images.open(position)) for position in range(len(images)))


IMAGE = ImageModality()
