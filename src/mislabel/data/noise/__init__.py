"""Known errors: wrong labels whose law and rate are known, so that a method can be scored."""

from mislabel.data.noise.corrupt import Corruption, corrupt
from mislabel.data.noise.idn import pixel_features
from mislabel.data.noise.tables import corrupt_table, text_features

__all__ = ["Corruption", "corrupt", "corrupt_table", "pixel_features", "text_features"]
