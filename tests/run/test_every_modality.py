"""Methods that ask more of the loop than a loss, on texts and images; the others are losses on logits."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from mislabel import ImageClassifier, TextClassifier

TEXTS = {
    "ce": {"stop": "validation"}, "elr": {}, "mixup": {}, "divide_mix": {"epochs": 4}, "npc": {}, "selfmix": {},
    "cosine": {}, "unicon": {}, "turn": {}, "sop": {}, "sed": {}, "disc": {},
    "nmtune": {}, "rlap": {},
}  # fmt: skip
IMAGES = {
    "co_teaching": {}, "m_correction": {}, "divide_mix": {"epochs": 4}, "selfmix": {}, "cosine": {}, "unicon": {},
    "turn": {}, "sop": {}, "sed": {}, "disc": {}, "nmtune": {}, "rlap": {},
}  # fmt: skip
OF_HEADS = ("nmtune",)
SHARED = {"precision": "fp32", "device": "cpu", "seed": 0}


def sweep_but(kept, methods):
    return [pytest.param(name, marks=[] if name == kept else pytest.mark.sweep) for name in methods]


def check(classifier, wrong):
    table = classifier.audit_.table.set_index("id").loc[np.arange(len(wrong))]
    p = table["p_mislabeled"].to_numpy(dtype=float)
    assert np.isfinite(p).all()
    np.testing.assert_allclose(classifier.audit_.posterior.sum(1), 1, atol=1e-5)
    assert roc_auc_score(wrong, p) > 0.75


@pytest.mark.parametrize("method", sweep_but("elr", TEXTS))
def test_texts(method, make_toy, tiny_encoder):
    frame = make_toy(150)
    classifier = TextClassifier(
        method=method,
        options=TEXTS[method],
        backbone=tiny_encoder,
        batch_size=8,
        learning_rate=2e-3,
        tune="head" if method in OF_HEADS else "full",
        **SHARED,
    ).fit(frame["text"].tolist(), frame["label"])
    check(classifier, (frame["label"] != frame["gold"]).to_numpy())


@pytest.mark.slow
def test_texts_and_images_with_layers_that_answer_little_to_noise(make_toy, make_images, tiny_encoder):
    frame, how = make_toy(150), {"method": "ce", "noise_stability": 1.0, **SHARED}
    texts = TextClassifier(backbone=tiny_encoder, batch_size=8, learning_rate=2e-3, **how)
    check(texts.fit(frame["text"].tolist(), frame["label"]), (frame["label"] != frame["gold"]).to_numpy())
    pixels, frame = make_images(120)
    images = ImageClassifier(scratch="resnet-small", resolution=16, batch_size=16, lengthen=1.0, **how)
    check(images.fit(pixels, frame["label"]), (frame["label"] != frame["gold"]).to_numpy())


@pytest.mark.slow
@pytest.mark.parametrize("method", sweep_but("divide_mix", IMAGES))
def test_images(method, make_images, image_models):
    """Pixels are mixed themselves; a small network learns their colours in few epochs."""
    pixels, frame = make_images(120)
    network = {"scratch": "resnet-small", "resolution": 16, "lengthen": 1.0}
    if method in OF_HEADS:
        network = {"backbone": image_models["resnet"], "tune": "head"}
    classifier = ImageClassifier(
        method=method, options=IMAGES[method], batch_size=16, **network, **SHARED,
    ).fit(pixels, frame["label"])  # fmt: skip
    check(classifier, (frame["label"] != frame["gold"]).to_numpy())
