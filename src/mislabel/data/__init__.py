"""The checked Dataset of (id, input, given label)."""

from mislabel.data.labels import Labels, encode_against, encode_labels
from mislabel.data.rows import Dataset, conflicts

__all__ = ["Dataset", "Labels", "conflicts", "encode_against", "encode_labels"]
