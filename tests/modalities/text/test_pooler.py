"""The pooler's start against scikit-learn's ridge regression, and what it is for: giving the mean of token states."""

import numpy as np
import torch
from sklearn.linear_model import Ridge

from mislabel.modalities.contract import sample_rows
from mislabel.modalities.text.models import load_classifier
from mislabel.modalities.text.pooler import FirstAndMean, find_pooler, fit_pooler
from mislabel.training.branches import mean_state


def example(rows=300, width=6):
    random = np.random.default_rng(0)
    first = random.normal(2, [1, 2, 3, 1, 1, 1], (rows, width))
    mean = first @ random.normal(0, 0.3, (width, width)) + random.normal(0, 0.1, (rows, width)) - 1
    return np.concatenate([first, mean], axis=1).astype(np.float32)


def test_weights_are_those_of_ridge_regression():
    states = example()
    first, mean = states[:, :6].astype(float), states[:, 6:].astype(float)
    target = mean - mean.mean(0)
    target = np.arctanh(np.clip(0.5 * target / target.std(), -0.98, 0.98))
    ridge = Ridge(alpha=1e-2 * len(first) * (first - first.mean(0)).var()).fit(first, target)
    weight, bias = fit_pooler(states)
    predicted = torch.from_numpy(states[:, :6]) @ weight.T + bias
    close = np.abs(predicted.numpy() - ridge.predict(first)).mean() / target.std()
    assert close < 0.02  # the penalty's unit differs a little (variance with or without the means)


def test_the_pooled_feature_goes_with_the_mean_state():
    states = example()
    weight, bias = fit_pooler(states)
    pooled = torch.tanh(torch.from_numpy(states[:, :6]) @ weight.T + bias).numpy()
    for k in range(6):
        assert np.corrcoef(pooled[:, k], states[:, 6 + k])[0, 1] > 0.9
    assert 0.3 < pooled.std() < 0.6


def test_a_mean_over_tokens_leaves_padding_out():
    hidden = torch.arange(24.0).reshape(2, 3, 4)
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
    wanted = [[2, 3, 4, 5], [16, 17, 18, 19]]
    np.testing.assert_allclose(mean_state(hidden, mask), wanted)


def test_the_sample_is_spread_over_the_rows():
    np.testing.assert_array_equal(sample_rows(5), np.arange(5))
    rows = sample_rows(100_000)
    assert len(rows) == 2048
    assert (rows[0], rows[-1]) == (0, 99_999)
    assert np.ptp(np.diff(rows)) <= 1


def test_bert_has_a_pooler_and_others_have_none(tiny_encoder):
    model = load_classifier(tiny_encoder, ["a", "b"])
    assert find_pooler(model) is model.bert.pooler.dense
    assert find_pooler(torch.nn.Linear(3, 3)) is None
    batch = {"input_ids": torch.tensor([[2, 7, 9, 3]]), "attention_mask": torch.ones(1, 4, dtype=torch.int64)}
    states = model.bert(**batch).last_hidden_state[0]
    found = FirstAndMean(model.bert)(batch)[0]
    torch.testing.assert_close(found, torch.cat([states[0], states.mean(0)]))
