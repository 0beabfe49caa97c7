"""Features: columns of a table, a matrix, or one vector per row become one matrix, and the way there is kept."""

from mislabel.data.features.arrays import read_matrix
from mislabel.data.features.columns import choose_columns, take_columns
from mislabel.data.features.encoding import FeatureEncoding
from mislabel.data.features.inputs import Features, check_features
from mislabel.data.features.kinds import FeatureColumn

__all__ = [
    "FeatureColumn", "FeatureEncoding", "Features", "check_features", "choose_columns", "read_matrix", "take_columns",
]  # fmt: skip
