"""Data in: a file, frame or list becomes a Dataset of (id, input, given label); known errors can be planted in it."""

from mislabel.data.dataset import Dataset, conflicts, make_dataset
from mislabel.data.labels import Labels, encode_against, encode_labels
from mislabel.data.loading import load_dataset
from mislabel.data.noise import Corruption, corrupt
from mislabel.data.noise.tables import corrupt_table, text_features
from mislabel.data.tables import pick_column, read_table, write_table

__all__ = [
    "Corruption", "Dataset", "Labels", "conflicts", "corrupt", "corrupt_table",
    "encode_against", "encode_labels", "load_dataset", "make_dataset", "pick_column", "read_table", "text_features",
    "write_table",
]  # fmt: skip
