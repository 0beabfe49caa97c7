"""Estimators with scikit-learn's contract: fit makes a run, predict asks its model."""

from mislabel.estimators.base import RunClassifier
from mislabel.estimators.features import FeatureClassifier
from mislabel.estimators.images import ImageClassifier
from mislabel.estimators.text import TextClassifier

__all__ = ["FeatureClassifier", "ImageClassifier", "RunClassifier", "TextClassifier"]
