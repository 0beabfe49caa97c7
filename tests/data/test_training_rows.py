"""Which rows train, and when nothing can be said of any."""

import pytest

from mislabel.data.decided_labels import with_decisions
from mislabel.data.training_rows import trainable_rows
from mislabel.errors import InputError, NotAssessed
from mislabel.modalities.dataset import make_dataset


def made(*counts, **more):
    """A data set with so many rows of class 0, 1, ..."""
    labels = [code for code, count in enumerate(counts) for _ in range(count)]
    return make_dataset([f"text {place}" for place in range(len(labels))], labels, **more)


@pytest.mark.parametrize("counts", [(2, 2), (194, 2), (194, 2, 1), (3, 0, 3), (50, 1, 1, 50)])
def test_two_classes_of_two_rows_are_enough(counts):
    assert len(trainable_rows(made(*counts))) == sum(counts)


@pytest.mark.parametrize(
    ("counts", "said"),
    [((194, 1), "one class is left, 0, since of 1 there is"), ((1, 9), "one class is left, 1, since of 0 there is"),
     ((194, 1, 1), "one class is left, 0, since of 1, 2 there is")],
)  # fmt: skip
def test_one_class_beside_single_rows_is_not_assessed(counts, said):
    """Of 194 rows of one class and one of another nobody can tell that 0.7 % are wrong."""
    with pytest.raises(NotAssessed, match=f"data: not assessed: {said} a single training row each"):
        trainable_rows(made(*counts))


@pytest.mark.parametrize(("counts", "said"), [((5,), "show 1 class"), ((1, 1, 1), "needs at least 6 .two per class")])
def test_too_little(counts, said):
    with pytest.raises(NotAssessed, match=said):
        trainable_rows(made(*counts))
    assert issubclass(NotAssessed, InputError)


def test_rows_that_do_not_train_do_not_count():
    with pytest.raises(NotAssessed, match="one class is left, 0"):
        trainable_rows(made(9, 3, split=["train"] * 10 + ["test"] * 2))
    with pytest.raises(NotAssessed, match="one class is left, 0"):
        trainable_rows(with_decisions(made(9, 2), {10: 0}))
    assert len(trainable_rows(with_decisions(made(9, 1), {0: 1}))) == 10


@pytest.mark.parametrize("alike", [["same"] * 4, ["same"] * 3 + [""]])
def test_rows_that_hold_the_same_are_not_assessed(alike):
    """Nothing tells their labels apart, whatever a network would learn by heart; a held-out row does not help."""
    labels, split = [0, 1, 0, 1, 1], ["train"] * 4 + ["test"]
    if alike[-1] == "":  # an empty text does not train
        labels, alike, split = [0, 1, 0, 0, 1, 1], [*alike, "same"], ["train"] * 5 + ["test"]
    with pytest.raises(NotAssessed, match="all 4 training rows hold the same.*Is --text the right one"):
        trainable_rows(make_dataset([*alike, "other"], labels, split=split))


def test_what_was_left_out_is_said():
    with pytest.raises(NotAssessed, match="show 0 class.*Left out of 4 rows: 3 empty_input, 1 unlabeled. Is this"):
        trainable_rows(make_dataset(["", "", "", "a"], [0, 1, 0, None], missing="unlabeled"))
    for labels, more in (([None, None], {"missing": "drop"}), ([0, 1], {"split": ["test"] * 2})):
        with pytest.raises(NotAssessed, match="so there is nothing to learn from"):
            make_dataset(["a", "b"], labels, **more)
