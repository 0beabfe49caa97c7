"""The head on features: standardised by mean and deviation of the training rows, and its two views."""

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from mislabel.modalities.vectors import FeatureInputs, FeatureNetwork, standardisation


def test_standardisation_by_hand():
    matrix = np.array([[1.0, 5.0, 0.0], [3.0, 5.0, 0.0], [5.0, 5.0, 3.0], [7.0, 5.0, 5.0]], dtype=np.float32)
    mean, scale = standardisation(matrix)
    np.testing.assert_allclose(mean, [4, 5, 2])
    # deviations 3 1 1 3 and 2 2 1 3; the constant feature keeps its scale
    np.testing.assert_allclose(scale, [np.sqrt(20 / 4), 1, np.sqrt(18 / 4)], rtol=1e-6)


def test_the_network_standardises_inside():
    random = np.random.default_rng(0)
    matrix = random.normal(1000, [1, 50, 0.01], (60, 3)).astype(np.float32)
    matrix = np.column_stack([matrix, np.full(60, 9.0, dtype=np.float32)])  # a constant feature
    network = FeatureNetwork(*standardisation(matrix), 3).eval()
    found = network({"features": torch.from_numpy(matrix)}).detach().numpy()
    exact = matrix.astype(np.float64)
    z = np.column_stack([(exact[:, k] - exact[:, k].mean()) / exact[:, k].std() for k in range(3)] + [np.zeros(60)])
    first, second = network.layers[1], network.layers[4]
    hidden = z @ first.weight.detach().numpy().T + first.bias.detach().numpy()
    hidden = torch.nn.functional.gelu(torch.from_numpy(hidden)).numpy()
    wanted = hidden @ second.weight.detach().numpy().T + second.bias.detach().numpy()
    np.testing.assert_allclose(found, wanted, atol=2e-2)  # float32 at 1000 +- 0.01 is coarse
    assert np.isfinite(found).all()


def test_views_and_rows():
    matrix = np.random.default_rng(1).normal(3, 2, (400, 20)).astype(np.float32)
    inputs = FeatureInputs(matrix, *standardisation(matrix))
    np.testing.assert_array_equal(inputs.lengths, np.ones(400))
    batch = inputs.take(np.arange(399, -1, -1)).batch(np.array([0, 5]))
    np.testing.assert_array_equal(batch["features"], matrix[[399, 394]])
    everything = inputs.batch(np.arange(400))
    assert inputs.weak_view(everything) is everything
    torch.manual_seed(0)
    strong = inputs.strong_view(everything)["features"].numpy()
    gone = strong == matrix.mean(0, dtype=np.float64).astype(np.float32)
    assert abs(int(gone.sum()) - 0.15 * 8000) < 4 * (0.15 * 0.85 * 8000) ** 0.5
    jitter = ((strong - matrix) / matrix.std(0))[~gone]
    assert kstest(jitter, "norm", (0, 0.1)).pvalue > 0.01


def test_a_column_is_constant_up_to_rounding():
    """1e6 with a spread of a hundredth is constant in float32; a column of tiny numbers is not."""
    random = np.random.default_rng(0)
    columns = [np.full(50, 0.1), 1e6 + 0.01 * random.normal(size=50), 1e-9 * random.normal(size=50)]
    matrix = np.stack(columns, axis=1).astype(np.float32)
    _, scale = standardisation(matrix)
    assert scale[0] == 1
    assert scale[1] == 1
    assert float(scale[2]) == pytest.approx(matrix[:, 2].std(dtype=np.float64), rel=1e-5)
