"""Cells in other processes and on clusters give the same as one after the other."""

import importlib.util

import pandas as pd
import pytest
from bench.conftest import read_lines

from mislabel.bench.runner import run_bench
from mislabel.bench.suites import read_suite
from mislabel.errors import InputError


def missing(package):
    return pytest.mark.skipif(importlib.util.find_spec(package) is None, reason=f"{package} is not installed")


@pytest.mark.parametrize(
    "backend",
    [
        pytest.param("loky", marks=pytest.mark.sweep),
        pytest.param("dask", marks=[pytest.mark.sweep, missing("distributed")]),
        pytest.param("ray", marks=[pytest.mark.sweep, missing("ray")]),
    ],
)
@pytest.mark.filterwarnings("default")  # those of the clusters' own libraries
def test_the_same_lines(backend, blob_suite, tmp_path, environment, monkeypatch):
    for name in ("PYTHONPATH", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, environment[name])
    suite, how = read_suite(str(blob_suite)), {"methods": ["ce", "ce:epochs=0"], "seeds": 1, "data_dir": tmp_path}
    found = run_bench(suite, tmp_path / backend, jobs=2, backend=backend, **how)
    run_bench(suite, tmp_path / "alone", **how)
    frames = [pd.DataFrame(read_lines(tmp_path / one)).sort_values(["data", "method"]) for one in (backend, "alone")]
    assert len(found.failed) == 2
    for name in ("data", "method", "seed", "status", "error", "accuracy", "auroc", "noise_estimate"):
        pd.testing.assert_series_equal(*(frame[name].reset_index(drop=True) for frame in frames))


def test_a_backend_that_is_not_known(blob_suite, tmp_path):
    with pytest.raises(InputError, match="needed one of loky, ray, dask"):
        run_bench(read_suite(str(blob_suite)), tmp_path / "out", backend="spark", data_dir=tmp_path)
