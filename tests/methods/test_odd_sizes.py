"""Every method on odd sizes and numbers: it says why it cannot judge, or its answer is whole (`odd_inputs.py`)."""

import json
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from odd_inputs import FEATURES, IMAGES, TEXTS, clouds, gaps, line, repeated

from mislabel import FeatureClassifier, ImageClassifier, TextClassifier
from mislabel.errors import InputError
from mislabel.methods import METHODS

KINDS = {"features": FEATURES, "text": TEXTS, "image": IMAGES}
FEW = {  # of `make test`: each kind of data once or twice, each method about once
    ("features", "2 rows", "dygen"), ("features", "4 rows", "mixup"), ("features", "a single row beside", "gce"),
    ("features", "no label", "npc"), ("features", "half without labels", "sce"), ("features", "duplicates", "elr"),
    ("features", "one point", "divide_mix"), ("features", "1e30", "ido"), ("features", "mixed scales", "jocor"),
    ("features", "one row of 1e38", "forward"), ("features", "too large", "ce"), ("features", "d = 1", "ce"),
    ("features", "d > n", "co_teaching"), ("features", "10 rows", "m_correction"), ("text", "two empty texts", "ce"),
    ("text", "identical texts", "ido"), ("text", "texts of unknown words", "co_regularization"),
    ("image", "images of one colour", "ce"), ("features", "10 rows", "panel"), ("features", "duplicates", "lccn"),
    ("features", "a single row beside", "turn"), ("features", "4 rows", "selfmix"), ("features", "2 rows", "cosine"),
    ("features", "4 rows", "divide_lccn"), ("features", "duplicates", "unicon"), ("features", "one point", "sop"),
    ("features", "10 rows", "loss_reweighting"), ("features", "one point", "osa"),
    ("features", "2 rows", "sed"), ("features", "a single row beside", "disc"),
    ("features", "d > n", "nmtune"), ("features", "duplicates", "rlap"),
}  # fmt: skip
SWEPT = pytest.mark.sweep
GRID = [
    pytest.param(kind, name, method, marks=() if (kind, name, method) in FEW else SWEPT)
    for kind, cells in KINDS.items()
    for name in cells
    for method in METHODS
]


def short(method: str) -> dict[str, int]:
    """Two epochs in every stage, and two passes of generative models."""
    names = [option.name for option in fields(METHODS[method].make)]
    return {name: 2 for name in names if name.endswith("epochs") or name == "passes"}


@pytest.fixture
def classifier(request):
    """Makes the estimator of a modality, with tiny networks."""

    def make(kind, method, **settings):
        settings |= {"method": method, "options": short(method), "device": "cpu", "precision": "fp32"}
        if kind == "features":
            return FeatureClassifier(**settings)
        if kind == "text":
            encoder = request.getfixturevalue("tiny_encoder")
            return TextClassifier(backbone=encoder, tune="head", max_length=32, **settings)
        encoder = request.getfixturevalue("image_models")["resnet"]
        return ImageClassifier(backbone=encoder, tune="head", **settings)

    return make


def test_few_is_of_the_grid():
    grid = {tuple(cell.values) for cell in GRID}
    assert grid >= FEW
    assert {method for _, _, method in FEW} == set(METHODS)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name", "method"), GRID)
def test_odd_inputs_get_a_whole_answer_or_a_reason(kind, name, method, classifier, request, record_property):
    odd, held = KINDS[kind][name], 0
    inputs, labels = odd.make()
    if len(inputs) > 1000:
        request.getfixturevalue("quick_fit")
    estimator = classifier(kind, method, **(odd.settings or {}))
    try:
        if odd.refusal:
            with pytest.raises(odd.error) as refused:
                estimator.fit(inputs, labels)
            assert odd.refusal in str(refused.value)
        else:
            estimator.fit(inputs, labels)
            assert gaps(estimator, inputs, len(inputs)) == []
            statuses = estimator.audit_.table["status"].value_counts().to_dict()
            assert statuses == (odd.statuses or {"judged": len(inputs)})
        held = 1
    finally:
        record_property("odd sizes", (1, held))


@pytest.mark.sweep
@pytest.mark.timeout(1800)  # what dygen generates grows with rows x classes squared
@pytest.mark.parametrize("method", ["ce", "ido", "dygen"])
def test_a_thousand_classes_of_three_rows(method, classifier, quick_fit):
    matrix, labels = clouds(3000, 1000, 8)
    fitted = classifier("features", method).fit(matrix, labels)
    assert gaps(fitted, matrix, 3000) == []
    assert (fitted.audit_.table["status"] == "judged").all()


@pytest.mark.parametrize("method", ["ce", pytest.param("ido", marks=pytest.mark.sweep)])
def test_far_new_rows_get_probabilities(method, classifier):
    """A new number may be as large as there are: the network sees it as far away, not as infinite."""
    matrix, labels = clouds(40)
    matrix[:, 3] = 1e-30
    fitted = classifier("features", method).fit(matrix, labels)
    far = np.array([[1e38] * 4, [-1e38] * 4, [0, 0, 0, 1e38]], dtype=np.float32)
    probabilities = fitted.predict_proba(far)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-6)
    with pytest.raises(InputError, match="beyond 1e38"):
        fitted.predict_proba(np.full((1, 4), 2e38, dtype=np.float32))


@pytest.mark.parametrize(
    "method", [name if name == "ce" else pytest.param(name, marks=pytest.mark.sweep) for name in METHODS]
)
def test_copies_of_a_row_are_judged_alike(method, classifier):
    matrix, labels = repeated(4, 15)
    table = classifier("features", method).fit(matrix, labels).audit_.table.sort_values("id")
    for name in ("p_mislabeled", "confidence"):
        copies = table[name].to_numpy().reshape(15, 4)
        np.testing.assert_allclose(copies, np.broadcast_to(copies[0], (15, 4)), atol=1e-6, err_msg=name)
    for name in ("predicted_label", "suggested_label"):
        assert (table[name].to_numpy().reshape(15, 4) == table[name].to_numpy()[:4]).all()


def test_a_class_that_no_row_has_is_kept_and_not_assessed(classifier):
    """It takes no rows from the others, and no row is suggested it."""
    matrix, labels = clouds(40)
    given = pd.Categorical.from_codes(labels, categories=["a", "b", "never"])
    fitted = classifier("features", "ce").fit(matrix, given)
    assert gaps(fitted, matrix, 40) == []
    assert fitted.audit_.classes == ["a", "b", "never"]
    assert "never" not in set(fitted.audit_.table["suggested_label"])
    np.testing.assert_array_equal(fitted.audit_.transition[2], [0, 0, 1])
    assert any("no training row, not assessed: 1; 'never'" in note for note in fitted.audit_.notes)


@pytest.mark.parametrize(
    "method", [name if name == "ce" else pytest.param(name, marks=pytest.mark.sweep) for name in METHODS]
)
def test_the_command_line_says_so(method, tmp_path, mislabel, record_property):
    """A refusal is exit 2 and leaves no run; a whole run has no NaN in its metrics."""
    held = 0
    column, labels = line(40)
    constant = pd.DataFrame({"x": [1.0] * 12, "label": [0, 1] * 6})
    separable = pd.DataFrame({"x": column[:, 0], "label": labels})
    for name, frame, code in (("constant", constant, 2), ("separable", separable, 0)):
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
        options = [word for key, value in short(method).items() for word in ("--option", f"{key}={value}")]
        run = tmp_path / name
        done = mislabel("train", tmp_path / f"{name}.csv", "--features", "x", "--label", "label", "--method", method,
                        *options, "--out", run)  # fmt: skip
        assert done.exit_code == code, done.stderr
        if code:
            assert "not assessed: " in done.stderr
            assert "hold the same" in done.stderr
            assert not (run / "metrics.json").exists()
        else:
            json.loads((run / "metrics.json").read_text(), parse_constant=pytest.fail)
        held += 1
    record_property("odd sizes", (2, held))


@pytest.mark.sweep
@pytest.mark.parametrize("method", ["ido", "dygen", "npc", "divide_mix"])
def test_as_a_process_of_its_own(method, tmp_path, command):
    """Neither a traceback nor a warning of a library reaches the terminal."""
    matrix, labels = clouds(40)
    pd.DataFrame({"x": matrix[:, 0] * 1e30, "y": matrix[:, 1] * 1e-30, "label": labels}).to_csv(tmp_path / "a.csv")
    words = ["--label", "label", "--method", method, "--json"]
    done = command("train", tmp_path / "a.csv", "--features", "x,y", *words, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    assert json.loads(done.stdout, parse_constant=pytest.fail)["rows"] == 40
    again = command(
        "train", tmp_path / "a.csv", "--features", "x", "--label", "y", *words[2:], "--out", tmp_path / "two"
    )
    assert again.returncode == 2
    assert "Traceback" not in again.stderr
