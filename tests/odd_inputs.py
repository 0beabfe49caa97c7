"""Inputs of odd sizes and numbers, each with the answer that every method must give; and what a whole answer is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mislabel.data.training_rows import TRAINS
from mislabel.errors import InputError, NotAssessed


@dataclass(frozen=True)
class Odd:
    """One kind of data: `make` gives inputs and labels.

    Attributes
    ----------
    refusal : str
        A part of the sentence that every method answers; empty where training ends and rows are judged.
    error : type
        Of the refusal.
    statuses : dict
        How many rows have which status, where it is not all of them judged.
    settings : dict
        Of the estimator.
    """

    make: Callable[[], tuple[Any, Any]]
    refusal: str = ""
    error: type[Exception] = NotAssessed
    statuses: dict[str, int] | None = None
    settings: dict[str, Any] | None = None


def clouds(rows: int, classes: int = 2, width: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Separable rows (rows, width) float32 and their classes in turn."""
    random, labels = np.random.default_rng(0), np.arange(rows) % classes
    centres = random.normal(0, 3, (classes, width))
    return (centres[labels] + random.normal(size=(rows, width))).astype(np.float32), labels


def scaled(*factors: float) -> tuple[np.ndarray, np.ndarray]:
    matrix, labels = clouds(60)
    return matrix * np.array(factors, dtype=np.float32), labels


def with_rows(**numbers: float) -> tuple[np.ndarray, np.ndarray]:
    """Sixty rows, of which those named are one number throughout, such as row_7=1e30."""
    matrix, labels = clouds(60)
    for name, number in numbers.items():
        matrix[int(name.removeprefix("row_"))] = number
    return matrix, labels


def with_labels(labels: Any, rows: int = 40) -> tuple[np.ndarray, Any]:
    return clouds(rows)[0], labels


def rare() -> tuple[np.ndarray, np.ndarray]:
    """Ten thousand rows of one class and five of another."""
    labels = np.repeat([0, 1], [10_000, 5])
    return (np.random.default_rng(0).normal(size=(10_005, 4)) + 20 * labels[:, None]).astype(np.float32), labels


def repeated(rows: int, times: int) -> tuple[np.ndarray, np.ndarray]:
    matrix, labels = clouds(rows)
    return np.tile(matrix, (times, 1)), np.tile(labels, times)


def line(rows: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """One positive column that tells the classes apart."""
    column = np.random.default_rng(0).uniform(1, 2, (rows, 1))
    return column, (column[:, 0] > 1.5).astype(int)


def wholes(step: int) -> tuple[np.ndarray, np.ndarray]:
    return 2**53 + step * np.arange(240).reshape(60, 4), np.arange(60) % 2


SAME, TWO_EACH = "training rows hold the same, so that nothing tells their labels apart", "(two per class)"
HALF = [0, 1] * 20
FEATURES = {
    "2 rows": Odd(lambda: clouds(2), TWO_EACH),
    "2 rows of one class": Odd(lambda: with_labels([0, 0], 2), "the 2 training rows show 1 class(es), [0]"),
    "3 rows": Odd(lambda: clouds(3), TWO_EACH),
    "4 rows": Odd(lambda: clouds(4)),
    "10 rows": Odd(lambda: clouds(10)),
    "40 rows": Odd(lambda: clouds(40, 3)),
    "a row a class": Odd(lambda: clouds(12, 12), TWO_EACH),
    "more classes than rows": Odd(lambda: with_labels(np.eye(41)[:40]), "needs at least 80 (two per class)"),
    "a single row beside": Odd(
        lambda: with_labels([*[0, 1] * 30, 2], 61), statuses={"judged": 60, "class_too_small": 1}
    ),
    "single rows beside one class": Odd(lambda: with_labels([*[0] * 38, 1, 2]), "one class is left, 0, since of 1, 2"),
    "200 classes of 3": Odd(lambda: clouds(600, 200, 8)),
    "10,000 to 5": Odd(rare),
    "no label": Odd(lambda: with_labels([None] * 40), "none of the 40 rows has a label", settings={"missing": "drop"}),
    "one class left": Odd(
        lambda: with_labels([*[0] * 30, *[None] * 10]), "show 1 class(es), [0]", settings={"missing": "drop"}
    ),
    "a class without labels": Odd(
        lambda: with_labels([*[0] * 30, *[None] * 10]), "show 1 class(es), [0]; training needs at least 2. Left out of "
        "40 rows: 10 unlabeled.", settings={"missing": "unlabeled"},
    ),
    "half without labels": Odd(
        lambda: with_labels([*HALF[:20], *[None] * 20]), statuses={"judged": 20, "unlabeled": 20},
        settings={"missing": "unlabeled"},
    ),
    "duplicates": Odd(lambda: repeated(4, 15)),
    "duplicates of two labels": Odd(lambda: (repeated(4, 15)[0], np.repeat([0, 1], 30)), statuses={"not_learnt": 60}),
    "one point": Odd(lambda: (np.tile(clouds(1)[0], (40, 1)), HALF), f"all 40 {SAME}. Is --features the right one?"),
    "zeros": Odd(lambda: (np.zeros((40, 4)), HALF), SAME),
    "zeros of both signs": Odd(lambda: (np.tile([[0.0], [-0.0]], (20, 4)), HALF), SAME),
    "a constant beside": Odd(lambda: (np.c_[clouds(40)[0], np.full(40, 7e30)], HALF)),
    "1e30": Odd(lambda: scaled(1e30)),
    "1e-30": Odd(lambda: scaled(1e-30)),
    "below the smallest normal": Odd(lambda: scaled(1e-42)),
    "mixed scales": Odd(lambda: scaled(1e30, 1, 1e-30, 1e10)),
    "one row of 1e38": Odd(lambda: with_rows(row_7=1e38, row_8=-1e38)),
    "too large": Odd(lambda: with_rows(row_7=3e38, row_8=-3.3e38), "too large for float32 (beyond 1e38)", InputError),
    "infinite": Odd(lambda: with_rows(row_7=np.inf), "infinity", ValueError),
    "half -0.0": Odd(lambda: (np.where(clouds(40)[0] > 0, -0.0, clouds(40)[0]), HALF)),
    "whole numbers from 2**53": Odd(lambda: wholes(2**40), statuses={"not_learnt": 60}),  # labels alternate
    "whole numbers that float32 takes for one": Odd(lambda: wholes(1), SAME),
    "d = 1": Odd(line),
    "d > n": Odd(lambda: clouds(20, 2, 500)),
}  # fmt: skip


def texts(*, one: str = "", same: bool = False) -> tuple[list[str], list[int]]:
    """Forty texts of two topics; with `one` in place of the first two, or all of them the same."""
    made = [f"{('apple', 'boat')[k % 2]}{k // 2 % 20} common{k}" for k in range(40)]
    if same:
        made = [made[0]] * 40
    return ([one, one, *made[2:]] if one else made), HALF


def cut_alike() -> tuple[list[str], list[int]]:
    """Texts whose first tokens are the same, and the rest is cut off."""
    return [f"{'common1 ' * 80} apple{k % 20}" for k in range(40)], HALF


def unknown_words() -> tuple[list[str], list[str]]:
    """Of the class "rare" only one text has a word that the encoder knows."""
    made, _ = texts()
    return [*made, "apple1", "\u4e00"], [*map(str, HALF), "rare", "rare"]


TEXTS = {
    "empty texts": Odd(lambda: ([""] * 40, HALF), "Left out of 40 rows: 40 empty_input."),
    "two empty texts": Odd(lambda: texts(one=" \n"), statuses={"judged": 38, "empty_input": 2}),
    "very long texts": Odd(lambda: texts(one="apple1 boat2 " * 100_000)),
    "one-token texts": Odd(lambda: ([f"{('apple', 'boat')[k % 2]}{k // 2 % 20}" for k in range(40)], HALF)),
    "identical texts": Odd(lambda: texts(same=True), f"all 40 {SAME}"),
    "texts that are cut alike": Odd(cut_alike, "all 40 training texts have the same"),
    "texts of unknown words": Odd(unknown_words, statuses={"judged": 40, "class_too_small": 1, "empty_input": 1}),
}


def one_colour(*shades: int) -> tuple[np.ndarray, list[int]]:
    """Forty images, each of one shade, the shades in turn."""
    pixels = np.zeros((40, 16, 16, 3), dtype=np.uint8)
    pixels += np.resize(np.array(shades, dtype=np.uint8), 40)[:, None, None, None]
    return pixels, HALF


IMAGES = {
    "images of one colour": Odd(lambda: one_colour(200), f"all 40 {SAME}"),
    "a colour a class": Odd(lambda: one_colour(0, 255)),
}


def gaps(classifier: Any, inputs: Any, count: int) -> list[str]:
    """What a fitted classifier of `count` rows lacks of a whole answer: nothing, if all is well."""
    audit = classifier.audit_
    table, lacks = audit.table, []
    if sorted(table["id"].tolist()) != list(range(count)) or len(audit.posterior) != count:
        lacks.append("every id once")
    for name, probabilities in (("posterior", audit.posterior), ("predict_proba", classifier.predict_proba(inputs))):
        sums = probabilities.astype(np.float64).sum(1)
        if not (np.isfinite(probabilities).all() and (probabilities >= 0).all() and np.abs(sums - 1).max() <= 1e-6):
            lacks.append(f"{name} that sums to one")
    if not np.allclose(audit.transition.sum(1), 1, atol=1e-9) or not (audit.transition >= 0).all():
        lacks.append("transition whose rows sum to one")
    judged, trained = table["status"] == "judged", table["status"].isin([*TRAINS, "labels_unrelated", "not_learnt"])
    wrong = table["p_mislabeled"]
    if not wrong[judged].between(0, 1).all() or not wrong[~judged].isna().all():
        lacks.append("p_mislabeled in [0, 1] just where rows are judged")
    if not table["confidence"].between(0, 1).all():
        lacks.append("confidence in [0, 1]")
    for name in table.columns.difference(["p_mislabeled", "given_label", "neighbour_label"]):
        values = table.loc[trained, name]  # nothing more need be known of the others
        if values.isna().any() or (values.dtype.kind == "f" and np.isinf(values).any()):
            lacks.append(f"finite {name}")
    return lacks + [f"finite metrics.{path}" for path in _not_finite(audit.metrics)]


def _not_finite(value: Any, path: str = "") -> list[str]:
    if isinstance(value, dict):
        return [other for key, inner in value.items() for other in _not_finite(inner, f"{path}.{key}")]
    if isinstance(value, list | tuple):
        return [other for key, inner in enumerate(value) for other in _not_finite(inner, f"{path}[{key}]")]
    return [path] if isinstance(value, float) and not np.isfinite(value) else []
