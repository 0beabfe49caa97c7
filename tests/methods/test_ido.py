"""IDO against a derivation in plain numpy: terms, weights, gradients, and the defects of the official code.

D1, D3, D4, D5 and D11 are lines of the list of defects in the reference sheet; D3 is in tests/training/test_loop.py.
"""

import json
from itertools import product

import numpy as np
import pytest
import torch
from helpers import numerical_gradient, softmax
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mislabel.dynamics.store import DynamicsStore
from mislabel.errors import InputError
from mislabel.methods.ido import IDO, DynamicLoss, dynamic_terms
from mislabel.posterior.beta_mixture import fit_beta_mixture
from mislabel.training.loop import passes_of
from mislabel.training.losses import Batch

CPU = torch.device("cpu")
CHOICES = list(product([True, False], ["logits", "probabilities"]))


def terms_by_hand(weak, strong, label, confidence, similarity, held=None):
    """L_C, L_SIM and L_N of one row, from two vectors; `held` is the confidence where it may not move."""
    p, q = softmax(weak), softmax(strong)
    fit = -np.log(p[label]) - np.log(q[label])
    one, other = (weak, strong) if similarity == "logits" else (p, q)
    consistency = sum((x - y) ** 2 for x, y in zip(one, other, strict=True)) / len(weak)
    mean = np.minimum(np.maximum((p + q) / 2, 1e-4), 1 - 1e-4)
    entropy = -sum(x * np.log(x) for x in mean)
    if confidence:
        entropy *= max(mean) if held is None else held
    return fit, consistency, entropy


@pytest.mark.parametrize(("confidence", "similarity"), CHOICES)
@pytest.mark.parametrize("spread", [1.0, 12.0])  # the wide one reaches the clamp at 1e-4
def test_terms_by_hand(confidence, similarity, spread):
    options = IDO(confidence=confidence, similarity=similarity)
    views = torch.randn(2, 8, 5, dtype=torch.float64) * spread
    labels = torch.randint(0, 5, (8,))
    found = torch.stack(dynamic_terms(*views, labels, options)).numpy()
    for row in range(8):
        weak, strong = views[:, row].numpy()
        wanted = terms_by_hand(weak, strong, int(labels[row]), confidence, similarity)
        np.testing.assert_allclose(found[:, row], wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("confidence", "similarity"), CHOICES)
def test_no_row_feels_another_rows_confidence(confidence, similarity):
    """D1: the official product of (B, 1) and (B,) mixes rows."""
    options = IDO(confidence=confidence, similarity=similarity)
    views, labels = torch.randn(2, 6, 3) * 4, torch.randint(0, 3, (6,))
    together = torch.stack(dynamic_terms(*views, labels, options))
    assert together.shape == (3, 6)
    for row in range(6):
        alone = dynamic_terms(views[0, row : row + 1], views[1, row : row + 1], labels[row : row + 1], options)
        torch.testing.assert_close(torch.stack(alone)[:, 0], together[:, row])


def history(options, labels, seed=0, noise=0.3, classes=4):
    """A store with stage 1 done: rows that are mostly right, and some that are mostly wrong."""
    random, n = np.random.default_rng(seed), len(labels)
    store = DynamicsStore(passes_of(options.stages()), n)
    chance = np.where(random.random(n) < noise, 0.85, 0.2)
    for number in range(options.warm_epochs):
        wrong = random.random(n) < chance
        prediction = np.where(wrong, (labels + random.integers(1, classes, n)) % classes, labels)
        store.write(number, {"prediction": prediction, "loss": np.ones(n), "margin": np.zeros(n)})
    return store


def count_by_loop(predictions, labels):
    """Wrong events and observations from a list of passes, each a list of (row, prediction)."""
    wrong, seen = np.zeros(len(labels), int), np.zeros(len(labels), int)
    for one in predictions:
        for row, value in one:
            seen[row] += 1
            wrong[row] += value != labels[row]
    return wrong, seen


def mixture_of(wrong, seen, **more):
    rate, counts = np.unique(wrong / seen, return_counts=True)
    return fit_beta_mixture(rate, counts, **more)


def weights_by_hand(mixture, rate):
    """P(clean) and epsilon at one rate, with scipy's beta distribution."""
    rate = rate * (1 - 2e-6) + 1e-6
    if not mixture.identified:
        return 1 - (rate - 1e-6) / (1 - 2e-6), 1 - (rate - 1e-6) / (1 - 2e-6)
    clean, noisy = (stats.beta(a, b) for a, b in zip(mixture.a, mixture.b, strict=True))
    joint = mixture.weight[0] * clean.pdf(rate), mixture.weight[1] * noisy.pdf(rate)
    p_clean = joint[0] / sum(joint)
    return p_clean, p_clean * clean.cdf(rate) + p_clean * (1 - noisy.cdf(rate))


@pytest.mark.parametrize("scope", ["global", "class"])
@pytest.mark.parametrize("epsilon", ["dynamic", "one", "zero"])
@pytest.mark.parametrize(("confidence", "similarity"), CHOICES)
def test_loss_and_gradient_by_hand(scope, epsilon, confidence, similarity):
    """The whole of stage 2's loss on one batch: counts, mixture, weights, terms; gradients by finite differences."""
    options = IDO(
        warm_epochs=5, robust_epochs=2, burn_in=1, minimum_class_size=60,
        scope=scope, epsilon=epsilon, confidence=confidence, similarity=similarity,
    )  # fmt: skip
    labels = np.repeat([0, 1, 2, 3], [150, 120, 90, 40])  # the last class is under the minimum
    store = history(options, labels)
    loss = DynamicLoss(options)
    loss.begin(store, labels, 4, CPU)
    random = np.random.default_rng(3)
    index = random.permutation(len(labels))[:10]
    assert set(labels[index]) == {0, 1, 2, 3}
    logits = random.normal(0, 2, (1, 2, 10, 4))

    wrong, seen = count_by_loop([list(enumerate(one)) for one in store.prediction[1:]], labels)
    everything = mixture_of(wrong, seen)
    mixtures = dict.fromkeys(range(4), everything)
    if scope == "class":
        mixtures |= {k: mixture_of(wrong[labels == k], seen[labels == k]) for k in (0, 1, 2)}
    for place, row in enumerate(index):
        for view in (0, 1):
            seen[row] += 1
            wrong[row] += logits[0, view, place].argmax() != labels[row]
    weights, held = [], []
    for row, views in zip(index, logits[0].swapaxes(0, 1), strict=True):
        clean, hard = weights_by_hand(mixtures[labels[row]], wrong[row] / seen[row])
        weights.append((clean, {"dynamic": hard, "one": 1.0, "zero": 0.0}[epsilon], 1 - clean))
        held.append(np.clip(softmax(views).mean(0), 1e-4, 1 - 1e-4).max())

    def by_hand(point):
        total = 0.0
        for place, row in enumerate(index):
            terms = terms_by_hand(*point[0, :, place], labels[row], confidence, similarity, held[place])
            total += sum(weight * term for weight, term in zip(weights[place], terms, strict=True))
        return total / len(index)

    tensor = torch.tensor(logits, requires_grad=True)
    found = loss(Batch(torch.as_tensor(index), torch.as_tensor(labels[index]), tensor))
    assert float(found.detach()) == pytest.approx(by_hand(logits), rel=1e-5)
    gradient = torch.autograd.grad(found, tensor)[0].numpy()
    np.testing.assert_allclose(gradient, numerical_gradient(by_hand, logits), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(loss.wrong.numpy(), wrong)
    np.testing.assert_array_equal(loss.observed.numpy(), seen)


def test_weights_follow_the_counts_of_the_running_epoch():
    """A row that is wrong twice weighs less in the second batch than in the first, by what the tables say."""
    options = IDO(warm_epochs=5, robust_epochs=2, scope="global")
    labels = np.arange(400) % 4
    store = history(options, labels)
    loss = DynamicLoss(options)
    loss.begin(store, labels, 4, CPU)
    wrong, seen = count_by_loop([list(enumerate(one)) for one in store.prediction[1:]], labels)
    mixture, row = mixture_of(wrong, seen), int(np.flatnonzero(wrong == 1)[0])
    away = torch.full((1, 2, 1, 4), 0.0)
    away[..., (labels[row] + 1) % 4] = 1.0
    batch = Batch(torch.tensor([row]), torch.tensor([labels[row]]), away)
    fit, _, entropy = (float(term) for term in dynamic_terms(away[0, 0], away[0, 1], batch.target, options))
    for turn in (1, 2):
        clean, _ = weights_by_hand(mixture, (1 + 2 * turn) / (4 + 2 * turn))
        assert float(loss(batch)) == pytest.approx(clean * fit + (1 - clean) * entropy, rel=1e-5)


def test_an_epoch_of_batches_and_its_record_agree():
    """Counts kept inside the epoch are those of the store after it, and the refit starts from the fit before."""
    options = IDO(warm_epochs=5, robust_epochs=2, minimum_class_size=50, scope="class")
    labels = np.arange(240) % 4
    store = history(options, labels)
    loss = DynamicLoss(options)
    loss.begin(store, labels, 4, CPU)
    before = [list(enumerate(one)) for one in store.prediction[1:]]
    first = {k: mixture_of(*(part[labels == k] for part in count_by_loop(before, labels))) for k in range(4)}
    logits = np.random.default_rng(0).normal(size=(1, 2, 240, 4))
    for batch in np.array_split(np.random.default_rng(1).permutation(240), 7):
        loss(Batch(torch.as_tensor(batch), torch.as_tensor(labels[batch]), torch.tensor(logits[:, :, batch])))
    inside = loss.wrong.clone(), loss.observed.clone()
    for view in (0, 1):
        prediction = logits[0, view].argmax(-1)
        store.write(5 + view, {"prediction": prediction, "loss": np.ones(240), "margin": np.ones(240)})
        before.append(list(enumerate(prediction)))
    loss.epoch_end(store)
    for kept, recounted, wanted in zip(inside, (loss.wrong, loss.observed), count_by_loop(before, labels), strict=True):
        np.testing.assert_array_equal(kept.numpy(), wanted)
        np.testing.assert_array_equal(recounted.numpy(), wanted)
    for k in range(4):
        wrong, seen = (part[labels == k] for part in count_by_loop(before, labels))
        wanted = mixture_of(wrong, seen, start=first[k], iterations=2)
        np.testing.assert_allclose(loss.mixtures.of(k)[0].weight, wanted.weight, rtol=1e-6)
        np.testing.assert_allclose(loss.mixtures.of(k)[0].a, wanted.a, rtol=1e-6)


@pytest.mark.parametrize("scope", ["global", "class"])
def test_no_row_loses_both_weights(scope):
    """D4: officially a row beyond the last maximum gets 0 for fit and similarity, and a row within keeps both."""
    options = IDO(warm_epochs=2, robust_epochs=3, burn_in=0, scope=scope, minimum_class_size=10)
    labels = np.arange(80) % 2
    store = history(options, labels, classes=2)
    loss = DynamicLoss(options)
    loss.begin(store, labels, 2, CPU)
    worst, best = int(np.argmax(loss.counts[0])), int(np.argmin(loss.counts[0]))
    rows = torch.tensor([worst, best])
    for _ in range(3):  # as many passes as the run will make: the worst row is always wrong, the best always right
        logits = torch.zeros(1, 2, 2, 2)
        logits[0, :, 0, 1 - labels[worst]] = logits[0, :, 1, labels[best]] = 1.0
        loss(Batch(rows, torch.as_tensor(labels[rows]), logits))
        clean = loss.clean_weight[torch.as_tensor(labels[rows]), loss.observed[rows], loss.wrong[rows]]
        assert 0 <= clean[0] < 0.05  # so the entropy term has weight 1 - clean: the two always sum to one
        assert 0.9 < clean[1] <= 1
    assert int(loss.observed[worst]) == len(store.passes)
    assert torch.isfinite(loss.clean_weight).all()
    assert torch.isfinite(loss.hard_weight).all()


@pytest.mark.parametrize("always", [0, 2, 4])
def test_a_class_whose_rows_all_have_the_same_count(always):
    """D5: officially a division by zero where all counts are equal but not 0."""
    options = IDO(warm_epochs=5, robust_epochs=1, minimum_class_size=10, scope="class")
    labels = np.repeat([0, 1], 50)
    store = DynamicsStore(passes_of(options.stages()), 100)
    random = np.random.default_rng(0)
    for number in range(5):
        prediction = np.where(random.random(100) < 0.3, 1 - labels, labels)
        prediction[:50] = 1 if 1 <= number <= always else 0  # class 0: `always` wrong events after the burn-in pass
        store.write(number, {"prediction": prediction, "loss": np.ones(100), "margin": np.zeros(100)})
    loss = DynamicLoss(options)
    loss.begin(store, labels, 2, CPU)
    logits = torch.zeros(1, 2, 100, 2, requires_grad=True)
    value = loss(Batch(torch.arange(100), torch.as_tensor(labels), logits))
    assert torch.isfinite(value)
    assert torch.isfinite(torch.autograd.grad(value, logits)[0]).all()
    # argmax of equal logits is class 0: right twice more; the rate itself stands for the probability
    np.testing.assert_allclose(loss.clean_weight[0, 6, always], 1 - always / 6, atol=1e-6)


def test_classes_under_the_minimum_use_the_global_mixture():
    options = IDO(warm_epochs=5, minimum_class_size=60, scope="class")
    labels = np.repeat([0, 1, 2, 3], [150, 120, 60, 59])
    store = history(options, labels)
    loss = DynamicLoss(options)
    loss.begin(store, labels, 5, CPU)  # a fifth class without any row
    wrong, seen = count_by_loop([list(enumerate(one)) for one in store.prediction[1:]], labels)
    for k in range(5):
        rows = labels == k if k <= 2 else np.full(len(labels), True)
        wanted = mixture_of(wrong[rows], seen[rows])
        np.testing.assert_allclose(loss.mixtures.of(k)[0].a, wanted.a, rtol=1e-9)
        np.testing.assert_allclose(loss.mixtures.of(k)[0].weight, wanted.weight, rtol=1e-9)


def test_the_first_pass_counts_only_where_it_is_the_only_one():
    assert [IDO(warm_epochs=epochs).burn_in for epochs in (1, 2, 5)] == [0, 1, 1]
    assert IDO(warm_epochs=5, burn_in=0).burn_in == 0


def test_both_scopes_weigh_by_the_mean_of_their_opinions():
    labels, tables, opinions = np.repeat([0, 1, 2], [150, 120, 59]), {}, {}
    for scope in ("global", "class", "both"):
        options = IDO(warm_epochs=5, minimum_class_size=60, scope=scope)
        store, loss = history(options, labels), DynamicLoss(options)
        loss.begin(store, labels, 3, CPU)
        tables[scope] = torch.stack([loss.clean_weight, loss.hard_weight])
        found = options.posterior([], store, labels, np.full((329, 3), 1 / 3))
        opinions[scope] = found.evidence["p_noisy_by_mixture"]
    for one in (tables, opinions):
        np.testing.assert_allclose(one["both"], (one["global"] + one["class"]) / 2, rtol=1e-5, atol=1e-7)
        assert not np.allclose(one["global"], one["class"])


def test_state_survives_json():
    options = IDO(warm_epochs=5, robust_epochs=2, minimum_class_size=60, scope="class")
    labels = np.arange(300) % 4
    store = history(options, labels)
    one, other = DynamicLoss(options), DynamicLoss(options)
    one.begin(store, labels, 4, CPU)
    for view in (0, 1):
        prediction = np.random.default_rng(view).integers(0, 4, 300)
        store.write(5 + view, {"prediction": prediction, "loss": np.ones(300), "margin": np.ones(300)})
    one.epoch_end(store)
    other.begin(store, labels, 4, CPU)
    assert not torch.equal(one.clean_weight, other.clean_weight)  # a fresh fit is not the warm-started one
    other.load_state(json.loads(json.dumps(one.state())))
    for name in ("clean_weight", "hard_weight", "wrong", "observed"):
        assert torch.equal(getattr(one, name), getattr(other, name)), name


def judged(options, labels, model, order=None, store=None):
    """The posterior's probabilities, with rows in another order if one is given."""
    store = store or history(options, labels, seed=5)
    if order is not None:
        turned = DynamicsStore(store.passes, len(order))
        for number in range(store.done):
            turned.write(number, {"prediction": store.prediction[number][order], "loss": 0.0, "margin": 0.0})
        store, labels, model = turned, labels[order], model[order]
    return options.posterior(options.stages(), store, labels, model).probabilities


def example(seed, rows=200, classes=4):
    random = np.random.default_rng(seed)
    return random.integers(0, classes, rows), random.dirichlet(np.ones(classes), rows)


def test_posterior_by_hand():
    """Half what the mixture says of the given label, half what the model says."""
    options = IDO(scope="global")
    labels, model = example(0)
    store = history(options, labels, seed=5)
    wrong, seen = count_by_loop([list(enumerate(one)) for one in store.prediction[1:]], labels)
    mixture = mixture_of(wrong, seen)
    found = options.posterior(options.stages(), store, labels, model)
    for row in range(len(labels)):
        clean, _ = weights_by_hand(mixture, wrong[row] / seen[row])
        wanted = model[row] / (1 - model[row, labels[row]]) * (1 - clean)
        wanted[labels[row]] = clean
        np.testing.assert_allclose(found.probabilities[row], (wanted + model[row]) / 2, rtol=2e-4, atol=1e-6)
    np.testing.assert_array_equal(found.evidence["wrong_events"], wrong)
    np.testing.assert_array_equal(found.evidence["observations"], seen)


@given(st.integers(0, 1000), st.sampled_from(["global", "class"]))
@settings(max_examples=25, deadline=None)
def test_posterior_is_one_and_rows_and_classes_may_change_places(seed, scope):
    """D11: what is said of a row does not depend on where it stands; and renaming classes renames columns."""
    options = IDO(scope=scope, minimum_class_size=40)
    labels, model = example(seed)
    found = judged(options, labels, model)
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)

    order = np.random.default_rng(seed).permutation(len(labels))
    np.testing.assert_array_equal(judged(options, labels, model, order), found[order])

    store, code = history(options, labels, seed=5), np.random.default_rng(seed).permutation(4)
    renamed = DynamicsStore(store.passes, len(labels))
    for number in range(store.done):
        renamed.write(number, {"prediction": code[store.prediction[number]], "loss": 0.0, "margin": 0.0})
    columns = np.empty_like(model)
    columns[:, code] = model
    again = judged(options, code[labels], columns, store=renamed)
    np.testing.assert_allclose(again[:, code], found, atol=1e-7)

    wider = judged(options, labels, np.column_stack([model, np.zeros(len(labels))]), store=store)
    np.testing.assert_allclose(wider[:, :4], found, atol=1e-7)
    np.testing.assert_array_equal(wider[:, 4], 0)


@given(st.integers(0, 1000), st.floats(0, 1))
@settings(max_examples=25, deadline=None)
def test_a_lower_probability_of_the_given_label_never_makes_it_look_better(seed, factor):
    options = IDO()
    labels, model = example(seed)
    rows = np.arange(len(labels))
    lower = model.copy()
    lower[rows, labels] *= factor
    lower /= lower.sum(1, keepdims=True)
    before, after = (1 - judged(options, labels, one)[rows, labels] for one in (model, lower))
    assert (after >= before - 1e-6).all()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"scope": "row"}, "scope"),
        ({"epsilon": "two"}, "epsilon"),
        ({"similarity": "cosine"}, "similarity"),
        ({"warm_epochs": 0}, "warm_epochs"),
        ({"robust_epochs": -1}, "robust_epochs"),
        ({"burn_in": 4}, "burn_in is 4, needed 0 to warm_epochs - 1 = 3"),
        ({"minimum_class_size": 1}, "minimum_class_size"),
    ],
)
def test_options_out_of_range_are_named(options, word):
    with pytest.raises(InputError, match=word):
        IDO(**options)
