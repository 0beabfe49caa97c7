"""What a sample of probes says: the equation that its wrong rows solve, and exact limits."""

from dataclasses import dataclass

import numpy as np

from mislabel.decisions.limits import binomial_limits, hypergeometric_limits


@dataclass(frozen=True)
class ProbeSample:
    """What probes say of W wrong rows outside the known ones: E[wrong] = W * slope - offset.

    Attributes
    ----------
    probes, wrong : int
        Probes drawn, and the wrong ones.
    decided_wrong : int
        Of the W, those that are decided.
    slope, offset : float
    one_run : (int, int) or None
        Where the probes are one run: how many rows were undecided and how many wrong ones known before them.
    """

    probes: int
    wrong: int
    decided_wrong: int
    slope: float
    offset: float
    one_run: tuple[int, int] | None


def probe_sample(probe: np.ndarray, wrong: np.ndarray, population: int) -> ProbeSample:
    """From decided rows in the order of time, (m,) bool each, of a population that holds them and undecided rows."""
    decided_wrong = int(wrong.sum())
    _, first, size = np.unique(np.cumsum(~probe)[probe], return_index=True, return_counts=True)
    if not len(first):
        return ProbeSample(0, 0, decided_wrong, 0.0, 0.0, None)
    start = np.flatnonzero(probe)[first]  # of each run of probes, and so the number of rows decided before it
    undecided, known = population - start, np.cumsum(np.append(0, wrong))[start]
    return ProbeSample(
        probes=int(size.sum()),
        wrong=int(wrong[probe].sum()),
        decided_wrong=decided_wrong,
        slope=float((size / undecided).sum()),
        offset=float((size * known / undecided).sum()),
        one_run=(int(undecided[0]), int(known[0])) if len(first) == 1 else None,
    )


def limits_of_wrong(samples: list[ProbeSample]) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper limits of W, (k,) float64 each, for each sample; minus and plus infinity without probes."""
    low, high = np.full(len(samples), -np.inf), np.full(len(samples), np.inf)
    runs = [index for index, sample in enumerate(samples) if sample.one_run is not None]
    if runs:
        undecided, known = np.array([samples[index].one_run for index in runs]).T
        drawn, wrong = np.array([(samples[index].probes, samples[index].wrong) for index in runs]).T
        fewest, most = hypergeometric_limits(undecided, drawn, wrong)
        low[runs], high[runs] = known + fewest, known + most
    for index, sample in enumerate(samples):
        if sample.probes and sample.one_run is None:
            shares = binomial_limits(sample.probes, sample.wrong)
            low[index], high[index] = ((sample.probes * share + sample.offset) / sample.slope for share in shares)
    # Rounding must not push a whole number beyond itself.
    return low - 1e-9 * np.maximum(1, np.abs(low)), high + 1e-9 * np.maximum(1, np.abs(high))
