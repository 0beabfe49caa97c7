"""Features: columns of a table, a matrix, or one vector per row become one matrix, and the way there is kept."""

from mislabel.modalities.features.arrays import read_matrix
from mislabel.modalities.features.columns import choose_columns, take_columns
from mislabel.modalities.features.encoding import FeatureEncoding
from mislabel.modalities.features.kinds import FeatureColumn
from mislabel.modalities.features.table import Features, check_features

__all__ = [
    "FeatureColumn", "FeatureEncoding", "Features", "check_features", "choose_columns", "read_matrix", "take_columns",
]  # fmt: skip
