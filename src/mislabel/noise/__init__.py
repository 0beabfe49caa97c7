"""Known errors: wrong labels whose law and rate are known, so that a method can be scored."""

from mislabel.modalities.image.noise_features import pixel_features
from mislabel.modalities.text.noise_features import text_features
from mislabel.noise.corrupt import Corruption, corrupt
from mislabel.noise.tables import corrupt_table

__all__ = ["Corruption", "corrupt", "corrupt_table", "pixel_features", "text_features"]
