"""A data set with its classes in the one order in which a run takes them, whatever order a person listed them in."""

from dataclasses import replace

import numpy as np

from mislabel.data.labels import Labels
from mislabel.data.order import class_ranks, recoded
from mislabel.data.rows import Dataset


def with_sorted_classes(dataset: Dataset) -> Dataset:
    """The same rows with the classes sorted by type and value, where they were listed in another order."""
    labels, ranks = dataset.labels, class_ranks(dataset.labels.classes)
    if np.array_equal(ranks, np.arange(len(ranks))):
        return dataset
    listed = [labels.classes[code] for code in np.argsort(ranks)]
    return replace(
        dataset,
        labels=Labels(recoded(labels.codes, ranks), listed),
        gold=None if dataset.gold is None else recoded(dataset.gold, ranks),
        gold_classes=[*listed, *dataset.gold_classes[len(listed) :]] if dataset.gold_classes else [],
        decided=None if dataset.decided is None else recoded(dataset.decided, ranks),
        sources=None if dataset.sources is None else dataset.sources.recoded(ranks),
    )
